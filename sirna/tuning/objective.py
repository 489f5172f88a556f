"""The objective of a search: the competition score of held-out rows after training a network."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from optuna import Trial, TrialPruned

from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.features.encoded_fold import EncodedFold, encode_fold
from sirna.features.fold import FoldTask
from sirna.members.base import FitCallbacks, State
from sirna.members.network.fit import fit, start
from sirna.members.network.state import TrainingState
from sirna.table.splits import Split
from sirna.tuning.space import SearchConfig
from sirna.tuning.study import STOPPED

ENCODING_SECTIONS = ("vocab", "covariates", "siblings", "split")
"""Sections of the configuration that, in addition to the streams, decide how rows are encoded."""
CACHED_ENCODINGS = 4
"""Number of encodings (of all folds) in the cache; each holds the table as tensors."""


class Objective:
    """Train a trial's configuration on every fold and return the mean score.

    Trials with the same encoding share the encoded rows.

    Parameters
    ----------
    rows : DataFrame
        The checked training table.
    split : Split
    config : Config
        The configuration that trials change.
    search : SearchConfig
    device : torch.device
    stop : callable
        Returns whether a stop was requested; the running trial is then pruned.
    """

    def __init__(
        self,
        rows: pd.DataFrame,
        split: Split,
        config: Config,
        search: SearchConfig,
        device: torch.device,
        stop: Callable[[], bool],
    ) -> None:
        self.rows = rows
        self.split = split
        self.config = config
        self.search = search
        self.device = device
        self.stop = stop
        self.on_epoch: Callable[[], None] = lambda: None
        self._folds: dict[str, EncodedFold] = {}

    def __call__(self, trial: Trial) -> float:
        """Return the score of one trial: higher is better, and it is never NaN.

        Raises
        ------
        TrialPruned
            If the pruner stops the trial, or a stop was requested.
        SirnaError
            If the training diverged.
        """
        config = with_changes(self.config, dict(self.search.suggest(trial)))
        folds = self.split.folds
        scores: list[float] = []
        epochs = 0
        for fold in folds:
            task = FoldTask(self.rows, self.split, fold, config)
            encoded = self.encoded(task)
            state = start(encoded, task.edges, config, task.seed, self.device)
            callbacks = _TrialCallbacks(self, trial, state, epochs, config.train.epochs)
            fit(state, encoded, config, task.seed, callbacks)
            epochs += state.epoch
            if self.stop():
                trial.set_user_attr(STOPPED, True)
                raise TrialPruned
            scores.append(state.best.score)
            if len(folds) > 1:
                step = len(scores)
                self.report(trial, float(np.mean(scores)), step / len(folds), step)
        value = float(np.mean(scores))
        return value if math.isfinite(value) else 0.0

    def report(self, trial: Trial, score: float, done: float, step: int) -> None:
        """Report a step; between warm-up and end, let the pruner decide whether the trial stops.

        Under a one-cycle schedule, the scores of the first epochs say little about the final score,
        so a trial is not pruned during the warm-up.
        """
        trial.report(score, step)
        if self.search.warmup <= done < 1.0 and trial.should_prune():
            trial.set_user_attr("pruned_at", step)
            raise TrialPruned

    def encoded(self, task: FoldTask) -> EncodedFold:
        """Return the encoded rows of a fold, from the cache if an earlier trial encoded them."""
        config = task.config
        parts = [getattr(config, section).model_dump_json() for section in ENCODING_SECTIONS]
        streams = {name: stream.model_dump() for name, stream in config.streams.items()}
        key = f"{task.fold} {streams} {parts}"
        if key not in self._folds:
            while len(self._folds) >= CACHED_ENCODINGS * len(self.split.folds):
                del self._folds[next(iter(self._folds))]  # the oldest
            self._folds[key] = encode_fold(task)
        return self._folds[key]


class _TrialCallbacks(FitCallbacks):
    """Follow the epochs of a trial; if there is a single fold, report each epoch as a step."""

    def __init__(
        self, objective: Objective, trial: Trial, state: TrainingState, before: int, epochs: int
    ) -> None:
        self.device = objective.device
        self._objective = objective
        self._trial = trial
        self._state = state
        self._before = before  # epochs of earlier folds
        self._epochs = epochs

    def stop(self) -> bool:
        return self._objective.stop()

    def save(self, state: State) -> None:
        """Keep nothing: a trial that is killed begins again."""

    def log(self, row: dict[str, float]) -> None:
        epoch = self._state.epoch
        self._trial.set_user_attr("epochs", self._before + epoch)
        self._objective.on_epoch()
        if len(self._objective.split.folds) == 1:
            score = self._state.best.score
            self._objective.report(self._trial, score, epoch / self._epochs, epoch)
