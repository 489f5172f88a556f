"""The objective of a search: the competition score of what a configuration would submit."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from optuna import Trial, TrialPruned

from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.features.fold import FoldTask
from sirna.members.base import FitCallbacks
from sirna.members.network.member import NetworkMember
from sirna.members.registry import config_for_table, families_for
from sirna.tuning.fits import WAIT_SECONDS, ByFamily, Fits
from sirna.tuning.judge import Judged, judge
from sirna.tuning.rungs import Rung, search_rung
from sirna.tuning.space import SearchConfig
from sirna.tuning.study import DEFAULT, FIDELITY, REPEATS, SECONDS, STOPPED, WEIGHTS

REPEAT_SEED = 10_000
"""Difference between the training seeds of two repeats of the default."""


@dataclass(frozen=True)
class Work:
    """What the trials of a study share.

    Attributes
    ----------
    rows : DataFrame
        The checked training table.
    config : Config
        The configuration that trials change.
    search : SearchConfig
    fits : Fits
    device : torch.device
    stop : callable
        Returns whether a stop was requested.
    refresh : callable
        Called after every epoch.
    """

    rows: pd.DataFrame
    config: Config
    search: SearchConfig
    fits: Fits
    device: torch.device
    stop: Callable[[], bool]
    refresh: Callable[[], None] = lambda: None

    def predict(
        self, rung: Rung, config: Config, fold: int, seed: int = 0
    ) -> tuple[FoldTask, ByFamily] | None:
        """Return a fold of a rung and what a configuration's members predict there.

        Return None if a stop was requested. `seed` is added to the training seed of the network, or
        of all families if there is no network.
        """
        config = config_for_table(config, self.rows)
        task, reseeded = rung.task(config, fold), rung.reseeded(seed).task(config, fold)
        if NetworkMember not in families_for(config, unseen=False):
            task = reseeded
        found = self.fits.of_fold(task, rung.digest, _Callbacks(self), reseeded)
        return None if found is None else (task, found)

    def fit_all(self, rung: Rung, configs: Iterable[Config]) -> bool:
        """Make the predictions of all members on all folds, together with other workers.

        A member that another worker is fitting is left until everything else is done.

        Returns
        -------
        bool
            Whether everything is there; False if a stop was requested.
        """
        waiting = [
            (family, task)
            for config in configs
            for fold in rung.split.folds
            for family, task in self._fits(rung, config, fold)
        ]
        while waiting:
            left = []
            for family, task in waiting:
                if self.fits.of_family(family, task, rung.digest, _Callbacks(self)) is None:
                    if self.stop():
                        return False
                    left.append((family, task))
            if len(left) == len(waiting):
                time.sleep(WAIT_SECONDS)
            waiting = left
        return True

    def files(self, rung: Rung, config: Config, fold: int) -> list[Path]:
        """Return the files that `predict` and `fit_all` write or read."""
        fits = self._fits(rung, config, fold)
        return [self.fits.path(family, task, rung.digest) for family, task in fits]

    def _fits(self, rung: Rung, config: Config, fold: int) -> list[tuple[str, FoldTask]]:
        """Return the families of a fold and what they are fitted to, those of most trials first."""
        config = config_for_table(config, self.rows)
        task = rung.task(config, fold)
        families = families_for(config, unseen=False)
        return [(family.family, task) for family in reversed(families)]


def judged_folds(done: Sequence[tuple[FoldTask, ByFamily]]) -> Judged:
    """Judge what `Work.predict` returned for several folds."""
    tasks, folds = [task for task, _ in done], [found for _, found in done]
    return judge(folds, tasks, tasks[0].config)


class _Callbacks(FitCallbacks):
    def __init__(self, work: Work) -> None:
        self.device = work.device
        self._work = work

    def stop(self) -> bool:
        return self._work.stop()

    def log(self, row: dict[str, float]) -> None:
        self._work.refresh()


class Objective:
    """Score a trial fold by fold; each fold is a step for the pruner.

    All trials have the same rows, folds and seeds. The default is never pruned. It is scored
    several times, with other training seeds of the network: the spread of these scores is the noise
    of a trial. The other families are not fitted again, since trials share their fits.
    """

    def __init__(self, work: Work) -> None:
        self.work = work
        self.rung = search_rung(work.rows, work.config, work.search)

    def __call__(self, trial: Trial) -> float:
        """Return the score of one trial: higher is better, and it is never NaN.

        Raises
        ------
        TrialPruned
            If the pruner stops the trial, or a stop was requested.
        SirnaError
            If a training diverged.
        """
        config = with_changes(self.work.config, dict(self.work.search.suggest(trial)))
        is_default = bool(trial.user_attrs.get(DEFAULT))
        trial.set_user_attr(FIDELITY, self.rung.fidelity)
        began = time.monotonic()
        judged = self._scored(trial, config)
        trial.set_user_attr(SECONDS, time.monotonic() - began)
        trial.set_user_attr(WEIGHTS, judged.weights)
        if is_default:
            self._repeat(trial, config)
        return judged.score

    def _scored(self, trial: Trial, config: Config) -> Judged:
        is_default = bool(trial.user_attrs.get(DEFAULT))
        folds = self.rung.split.folds
        done: list[tuple[FoldTask, ByFamily]] = []
        for step, fold in enumerate(folds, start=1):
            done.append(self._predicted(trial, config, fold))
            judged = judged_folds(done)
            last = step == len(folds)
            paired = self.work.search.pruner == "wilcoxon"
            trial.report(judged.by_fold[-1] if paired else judged.score, step)
            if not (is_default or last) and trial.should_prune():
                trial.set_user_attr("pruned_at", step)
                raise TrialPruned
        return judged

    def _predicted(
        self, trial: Trial, config: Config, fold: int, seed: int = 0
    ) -> tuple[FoldTask, ByFamily]:
        found = self.work.predict(self.rung, config, fold, seed)
        if found is None:
            trial.set_user_attr(STOPPED, True)
            raise TrialPruned
        return found

    def _repeat(self, trial: Trial, config: Config) -> None:
        """Score the default with several training seeds."""
        scores = list[float]()
        folds = self.rung.split.folds
        for seed in range(0, self.work.search.repeats * REPEAT_SEED, REPEAT_SEED):
            done = [self._predicted(trial, config, fold, seed) for fold in folds]
            scores.append(judged_folds(done).score)
            trial.set_user_attr(REPEATS, scores)
