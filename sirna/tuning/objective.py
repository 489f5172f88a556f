"""What a trial is worth: the competition score of held-out rows, by the one training loop."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from optuna import Trial, TrialPruned

from sirna.config.load import Config, with_changes
from sirna.features.fold import Fold, make_fold
from sirna.members.network.fit import fit, start
from sirna.members.network.state import Progress
from sirna.table.splits import Split
from sirna.tuning.space import SearchConfig
from sirna.tuning.study import STOPPED

ENCODING_SECTIONS = ("vocab", "covariates", "known", "split")

KEPT = 4
"""Encodings of all folds that are kept: each holds the table as tensors."""


class Objective:
    """Trains a changed configuration on every fold and returns the mean score.

    Rows are encoded once for all trials that encode them alike.

    Parameters
    ----------
    rows : DataFrame
        The checked training table.
    split : Split
    config : Config
        What the trials change.
    search : SearchConfig
    device : torch.device
    stop : callable
        Whether somebody asked to stop; the running trial is then pruned.
    on_epoch : callable
        Called after each epoch.
    """

    def __init__(
        self,
        rows: pd.DataFrame,
        split: Split,
        config: Config,
        search: SearchConfig,
        device: torch.device,
        stop: Callable[[], bool],
        on_epoch: Callable[[], None] = lambda: None,
    ) -> None:
        self.rows = rows
        self.split = split
        self.config = config
        self.search = search
        self.device = device
        self.stop = stop
        self.on_epoch = on_epoch
        self._folds: dict[str, Fold] = {}

    def __call__(self, trial: Trial) -> float:
        """Return the score of one trial, higher is better, never NaN.

        Raises
        ------
        TrialPruned
            Where the pruner gives the trial up, or somebody asked to stop.
        SirnaError
            Where the training diverged.
        """
        config = with_changes(self.config, dict(self.search.suggest(trial)))
        folds = self.split.folds
        scores: list[float] = []
        epochs = 0
        for number in folds:
            fold = self._fold(number, config)
            progress = start(fold.encoding, fold.train, config, fold.seed, self.device)

            def after_epoch(now: Progress, before: int = epochs) -> None:
                trial.set_user_attr("epochs", before + now.epoch)
                self.on_epoch()
                if len(folds) == 1:
                    self._report(trial, now.best.score, now.epoch / config.train.epochs, now.epoch)

            fit(
                progress,
                fold,
                config,
                fold.seed,
                self.device,
                after_epoch,
                lambda rows: self.stop(),
            )
            epochs += progress.epoch
            if self.stop():
                trial.set_user_attr(STOPPED, True)
                raise TrialPruned
            scores.append(progress.best.score)
            if len(folds) > 1:
                step = len(scores)
                self._report(trial, float(np.mean(scores)), step / len(folds), step)
        value = float(np.mean(scores))
        return value if math.isfinite(value) else 0.0

    def _report(self, trial: Trial, score: float, done: float, step: int) -> None:
        """Report a step; let the pruner judge a trial that is warm and not done already.

        Under a one-cycle schedule the first epochs tell how fast a configuration learns, and not
        how far it comes.
        """
        trial.report(score, step)
        if self.search.warmup <= done < 1.0 and trial.should_prune():
            trial.set_user_attr("pruned_at", step)
            raise TrialPruned

    def _fold(self, number: int, config: Config) -> Fold:
        """Return a fold, encoded anew only where the encoding differs."""
        parts = [getattr(config, section).model_dump_json() for section in ENCODING_SECTIONS]
        streams = {name: stream.model_dump() for name, stream in config.streams.items()}
        key = f"{number} {config.train.seed} {streams} {parts}"
        if key not in self._folds:
            while len(self._folds) >= KEPT * len(self.split.folds):
                del self._folds[next(iter(self._folds))]  # the oldest
            self._folds[key] = make_fold(self.rows, self.split, number, config)
        return self._folds[key]
