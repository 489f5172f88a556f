"""Fit one member of a run in the current process, and keep it in the run's folder."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import torch

from sirna.features.fold import FoldTask
from sirna.members.base import FitCallbacks, Fitted, Member, State
from sirna.runs.checkpoint import Checkpoint
from sirna.runs.run import Run
from sirna.stages.progress import Job
from sirna.system.memory import return_freed_memory


class Watcher(Protocol):
    """Watches the fits of a training, in this process or in others."""

    def started(self, job: Job) -> None:
        """Note that a fit starts."""

    def begun(self, job: Job, share: float) -> None:
        """Note that a share of a fit was done before it started, in an interrupted training."""

    def advanced(self, job: Job, share: float) -> None:
        """Note which share of a fit is done."""

    def logged(self, job: Job, row: dict[str, float]) -> None:
        """Add a row of `log.csv`."""

    def reported(self, job: Job, line: str, short: str) -> None:
        """Show an intermediate result: as a whole line, and short, for a progress bar."""

    def ended(self, job: Job, seconds: float) -> None:
        """Note that a fit is complete, and that its member is kept in the run's folder."""


@dataclass(frozen=True)
class MemberFit:
    """The fit of one member of a run.

    Attributes
    ----------
    run : Run
    task : FoldTask
    family : type of Member
    index : int
        The member's index among those of its family in the fold.
    """

    run: Run
    task: FoldTask
    family: type[Member]
    index: int

    @property
    def job(self) -> Job:
        """What names this fit among those of its run."""
        return self.task.fold, self.family.family, self.index

    @property
    def on_all_rows(self) -> bool:
        """Whether it is a fit on all rows."""
        return self.task.fold == self.task.split.whole

    @property
    def needs_folds(self) -> bool:
        """Whether it can only end after its family's fits on the folds."""
        return self.on_all_rows and self.family.learns_from_folds

    @property
    def name(self) -> str:
        """The name in messages, such as "fold 0: network"."""
        count = self.family.count(self.task.config)
        of = f" {self.index + 1} of {count}" if count > 1 else ""
        return f"{self.task.name}: {self.family.title}{of}"

    @cached_property
    def rough_seconds(self) -> float:
        """About how many seconds the fit takes."""
        return self.family.rough_seconds(self.task)

    @cached_property
    def memory(self) -> float:
        """About how many bytes the fit needs."""
        return self.family.fit_memory(self.task)

    @property
    def checkpoint(self) -> Checkpoint:
        """Where the run keeps the member."""
        return self.run.checkpoint(*self.job)

    def restored(self) -> tuple[Fitted[Member], list[dict[str, float]]] | None:
        """Return the member and its rows of `log.csv` if the fit was completed, else None."""
        return self.checkpoint.load_fitted(self.family, self.task)

    def fit(
        self,
        on_folds: Callable[[], Sequence[Member] | None],
        device: torch.device,
        stop: Callable[[], bool],
        watcher: Watcher,
    ) -> Fitted[Member] | None:
        """Fit the member, and keep it unless `stop()` cut the fit short.

        Parameters
        ----------
        on_folds : callable
            See `FitCallbacks.on_folds`.
        device : torch.device
        stop : callable
        watcher : Watcher

        Returns
        -------
        Fitted, or None
            None if the fit was stopped before it had a usable result.
        """
        callbacks = _Callbacks(self, on_folds, device, stop, watcher)
        began = time.perf_counter()
        watcher.started(self.job)
        found = self.family.fit(self.task, self.index, callbacks)
        if found is not None and not callbacks.stopped:
            self.run.check_present()
            self.checkpoint.save_fitted(found, callbacks.rows)
            watcher.ended(self.job, time.perf_counter() - began)
        return_freed_memory()
        return found


class _Callbacks(FitCallbacks):
    """Keeps the state of a fit in the run's folder, and passes news on to the watcher."""

    def __init__(
        self,
        fit: MemberFit,
        on_folds: Callable[[], Sequence[Member] | None],
        device: torch.device,
        stop: Callable[[], bool],
        watcher: Watcher,
    ) -> None:
        self.device = device
        self._on_folds = on_folds
        self.rows: list[dict[str, float]] = []
        self.stopped = False
        """Whether the fit was asked to stop, so that its result is not that of a complete fit."""
        self._fit = fit
        self._stop = stop
        self._watcher = watcher
        self._steps, self._done = 1, 0

    def stop(self) -> bool:
        self.stopped = self.stopped or self._stop()
        return self.stopped

    def on_folds(self) -> Sequence[Member] | None:
        return self._on_folds()

    def scratch(self) -> Path | None:
        task, split = self._fit.task, self._fit.task.split
        if not task.config.train.refit or task.fold not in {*split.folds[:1], split.whole}:
            return None
        return self._fit.run.scratch / f"{self._fit.family.family}-{self._fit.index}"

    def resume(self, restore: Callable[[State], None]) -> None:
        checkpoint = self._fit.checkpoint
        state = checkpoint.load()
        if state is not None:
            checkpoint.restore_or_fail(lambda: restore(state))

    def save(self, state: State) -> None:
        self._fit.run.check_present()
        self._fit.checkpoint.save(state)

    def begin(self, steps: int, done: int) -> None:
        self._steps, self._done = max(steps, 1), done
        self._watcher.begun(self._fit.job, done / self._steps)

    def advance(self, steps: int) -> None:
        self._done += steps
        self._watcher.advanced(self._fit.job, self._done / self._steps)

    def report(self, line: str, short: str) -> None:
        self._fit.run.check_present()
        self._watcher.reported(self._fit.job, line, short)

    def log(self, row: dict[str, float]) -> None:
        self.rows.append(row)
        self._watcher.logged(self._fit.job, row)
