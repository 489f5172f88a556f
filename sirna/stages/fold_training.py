"""Train the members of one fold, or of all rows; a resumed run continues where it stopped."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import torch

from sirna.features.fold import FoldTask
from sirna.members.base import FitCallbacks, Fitted, Member, State
from sirna.members.fold_members import FoldMembers
from sirna.members.registry import families_for
from sirna.runs.checkpoint import Checkpoint
from sirna.runs.run import Run
from sirna.stages.console import Console
from sirna.stages.progress import Job, TrainingDisplay
from sirna.system.files import write_csv
from sirna.system.signals import StopRequest


@dataclass
class FoldTraining:
    """Trains the members of the folds of one run.

    Attributes
    ----------
    run : Run
    device : torch.device
    stop : StopRequest
        Ends the training as soon as possible.
    console : Console
    display : TrainingDisplay
        Shows the progress of the whole training; its jobs are those of `jobs_of`.
    log : list of dict
        The rows of `log.csv` so far.
    """

    run: Run
    device: torch.device
    stop: StopRequest
    console: Console
    display: TrainingDisplay
    log: list[dict[str, Any]] = field(default_factory=list)

    def train(self, task: FoldTask, on_folds: Sequence[FoldMembers] = ()) -> FoldMembers:
        """Fit every member that a fold needs, unless a stop is requested.

        Parameters
        ----------
        task : FoldTask
        on_folds : sequence of FoldMembers
            For a fit on all rows: the members of the folds.
        """
        trained = FoldMembers.of(task)
        for family in families_of(task):
            earlier = [member for fold in on_folds for member in fold.of_family(family.family)]
            for index in range(family.count(task.config)):
                fitted = self._fitted(family, task, index, earlier)
                if fitted is not None:
                    trained.add(fitted)
                if self.stop.requested:
                    return trained
        return trained

    def _fitted(
        self, family: type[Member], task: FoldTask, index: int, on_folds: Sequence[Member]
    ) -> Fitted[Member] | None:
        """Fit one member, or restore the one that was fitted before an interruption."""
        checkpoint = self.run.checkpoint(task.fold, family.family, index)
        log_columns = {"fold": task.fold, "member": f"{family.family}-{index}"}
        job: Job = (task.fold, family.family, index)
        done = checkpoint.load_fitted(family, task)
        if done is not None:
            fitted, rows = done
            self.display.end(job)
            self.log += [{**log_columns, **row} for row in rows]
            return fitted
        callbacks = _RunCallbacks(self, log_columns, checkpoint, job)
        began = time.perf_counter()
        self.display.begin(job)
        found = family.fit(task, index, callbacks, on_folds)
        if found is None or self.stop.requested:
            return found
        self.run.check_present()
        checkpoint.save_fitted(found, callbacks.rows)
        self.display.end(job)
        count = family.count(task.config)
        name = f"{family.title} {index + 1} of {count}" if count > 1 else family.title
        left = self.display.time_left()
        self.console.line(
            f"{task.name}: {name} on {len(task.training):,} rows, "
            f"{time.perf_counter() - began:.0f} s" + f"; about {left} left" * bool(left)
        )
        return found


class _RunCallbacks(FitCallbacks):
    """Keeps the state of a fit in the run's folder, and shows it on the console."""

    def __init__(
        self,
        training: FoldTraining,
        log_columns: dict[str, Any],
        checkpoint: Checkpoint,
        job: Job,
    ) -> None:
        self.device = training.device
        self.rows: list[dict[str, float]] = []
        self._training = training
        self._log_columns = log_columns
        self._checkpoint = checkpoint
        self._job = job
        self._steps, self._done = 1, 0

    def stop(self) -> bool:
        return self._training.stop.requested

    def resume(self, restore: Callable[[State], None]) -> None:
        state = self._checkpoint.load()
        if state is not None:
            self._checkpoint.restore_or_fail(lambda: restore(state))

    def save(self, state: State) -> None:
        self._training.run.check_present()
        self._checkpoint.save(state)

    def begin(self, steps: int, done: int) -> None:
        self._steps, self._done = max(steps, 1), done
        self._training.display.begin(self._job, done / self._steps)

    def advance(self, steps: int) -> None:
        self._done += steps
        self._training.display.advance(self._done / self._steps)

    def report(self, line: str, short: str) -> None:
        self._training.run.check_present()
        write_csv(self._training.run.log, pd.DataFrame(self._training.log))
        self._training.display.report(line, short)

    def log(self, row: dict[str, float]) -> None:
        self.rows.append(row)
        self._training.log.append({**self._log_columns, **row})


def jobs_of(tasks: Sequence[FoldTask]) -> dict[Job, tuple[str, float]]:
    """Return all fits of a training, each with its family and about how many seconds it takes."""
    return {
        (task.fold, family.family, index): (family.family, family.rough_seconds(task))
        for task in tasks
        for family in families_of(task)
        for index in range(family.count(task.config))
    }


def families_of(task: FoldTask) -> list[type[Member]]:
    """Return the families that are fitted for a task, in order.

    Families that predict only rows of unseen targets are fitted if the bundle will hold the members
    of this task, and if the bundle can recognise such rows.
    """
    families = families_for(task.config, unseen=False)
    kept = task.fold == task.split.whole or not task.config.train.refit
    if kept and task.targets is not None:
        families += [one for one in families_for(task.config, unseen=True) if one not in families]
    return families
