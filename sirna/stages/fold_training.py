"""Train the members of one fold, or of all rows; a resumed run continues where it stopped."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import pandas as pd
import torch

from sirna.features.fold import FoldTask
from sirna.members.base import Fitted, Member
from sirna.members.fold_members import FoldMembers
from sirna.runs.run import Run
from sirna.stages.console import Console
from sirna.stages.member_training import MemberFit
from sirna.stages.progress import Job, TrainingDisplay
from sirna.stages.train_workers import TrainingWorkers
from sirna.stages.training_jobs import fits_of
from sirna.system.files import write_csv
from sirna.system.memory import peak_memory_mb
from sirna.system.signals import StopRequest


@dataclass
class FoldTraining:
    """Trains the members of the folds of one run, here or in worker processes; shows all fits.

    Attributes
    ----------
    run : Run
    device : torch.device
    stop : StopRequest
        Ends the training as soon as possible.
    console : Console
    fits : list of MemberFit
        All fits of the training.
    at_once : int
        How many fits run at the same time: with 1 in this process, else in worker processes, which
        live as long as the context.
    """

    run: Run
    device: torch.device
    stop: StopRequest
    console: Console
    fits: Sequence[MemberFit]
    at_once: int = 1

    def __post_init__(self) -> None:
        self._by_job = {fit.job: fit for fit in self.fits}
        jobs = {fit.job: (fit.family.family, fit.rough_seconds) for fit in self.fits}
        self._display = TrainingDisplay(jobs, self.console, self.at_once)
        self._log: dict[Job, list[dict[str, float]]] = {}
        self._workers: TrainingWorkers | None = None
        self._context = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._context.callback(self._display.close)
        if self.at_once > 1:
            self.console.line(f"workers: {self.at_once} processes, each with one fit at a time")
            task = self.fits[0].task
            shared = self.run, task.rows, task.split
            workers = TrainingWorkers(shared, self.at_once, self.stop, self, self.console)
            self._workers = self._context.enter_context(workers)
            # learned weights decide later which families are fitted on all rows
            learn = task.config.mixture.learn
            self._workers.add([fit for fit in self.fits if not (learn and fit.on_all_rows)])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._context.__exit__(kind, error, trace)

    @property
    def peak_memory_mb(self) -> int:
        """The largest memory so far in MB, of this process and its workers together."""
        return self._workers.peak_memory_mb if self._workers else peak_memory_mb()

    @property
    def log(self) -> list[dict[str, Any]]:
        """The rows of `log.csv` so far, by fold and member."""
        return [
            {"fold": fold, "member": f"{family}-{index}", **row}
            for (fold, family, index), rows in sorted(self._log.items())
            for row in rows
        ]

    def train(self, task: FoldTask, on_folds: Sequence[FoldMembers] = ()) -> FoldMembers:
        """Fit every member that a fold needs.

        After a stop, the result has the members that were finished, and usable ones of fits that
        were stopped.

        Parameters
        ----------
        task : FoldTask
        on_folds : sequence of FoldMembers
            For a fit on all rows: the members of the folds.
        """
        trained = FoldMembers.of(task)
        fits = fits_of(self.run, [task])
        if self._workers is not None:
            self._workers.add(fits)
        for fit in fits:
            earlier = [one for fold in on_folds for one in fold.of_family(fit.family.family)]
            fitted = self._fitted(fit, earlier)
            if fitted is not None:
                trained.add(fitted)
        return trained

    def refresh(self) -> None:
        """Keep worker processes busy; call this between steps that take long in this process."""
        if self._workers is not None:
            self._workers.refresh()

    def has_results(self, task: FoldTask) -> bool:
        """Return whether a fit of a task has finished or kept a state."""
        return any(fit.checkpoint.exists for fit in fits_of(self.run, [task]))

    def _fitted(self, fit: MemberFit, on_folds: Sequence[Member]) -> Fitted[Member] | None:
        """Fit one member, or restore the one that a worker or an earlier command has fitted."""
        if self._workers is not None:
            self._workers.wait_for(fit)
        done = fit.restored()
        if done is not None:
            fitted, self._log[fit.job] = done
            self._display.end(fit.job)
            return fitted
        if self.stop.requested and not fit.checkpoint.exists:
            return None
        return fit.fit(lambda: on_folds, self.device, lambda: self.stop.requested, self)

    def started(self, job: Job) -> None:
        """Show that a fit starts."""
        self._log[job] = []
        self._display.begin(job)

    def begun(self, job: Job, share: float) -> None:
        """Show that a share of a fit was done before it started."""
        self._display.begin(job, share)

    def advanced(self, job: Job, share: float) -> None:
        """Show which share of a fit is done."""
        self._display.advance(job, share)

    def logged(self, job: Job, row: dict[str, float]) -> None:
        """Add a row of `log.csv`."""
        self._log[job].append(row)

    def reported(self, job: Job, line: str, short: str) -> None:
        """Write `log.csv`, and show an intermediate result."""
        write_csv(self.run.log, pd.DataFrame(self.log))
        if self.at_once > 1:
            name = self._by_job[job].name
            line, short = f"{name}, {line}", f"{name}, {short}"
        self._display.report(line, short)

    def ended(self, job: Job, seconds: float) -> None:
        """Show that a member is finished, and how long the others will take."""
        self._display.end(job)
        fit, left = self._by_job[job], self._display.time_left()
        self.console.line(
            f"{fit.name} on {len(fit.task.training):,} rows, {seconds:.0f} s"
            + f"; about {left} left" * bool(left)
        )
