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
from sirna.stages.console import Console, TrainingDisplay
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
    log : list of dict
        The rows of `log.csv` so far.
    """

    run: Run
    device: torch.device
    stop: StopRequest
    console: Console
    log: list[dict[str, Any]] = field(default_factory=list)

    def train(self, task: FoldTask, on_folds: Sequence[FoldMembers] = ()) -> FoldMembers:
        """Fit every member that a fold needs, unless a stop is requested.

        Parameters
        ----------
        task : FoldTask
        on_folds : sequence of FoldMembers
            For a fit on all rows: the members of the folds.
        """
        trained = FoldMembers()
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
        done = checkpoint.load_fitted(family, task)
        if done is not None:
            fitted, rows = done
            self.log += [{**log_columns, **row} for row in rows]
            return fitted
        callbacks = _RunCallbacks(self, log_columns, checkpoint)
        began = time.perf_counter()
        try:
            found = family.fit(task, index, callbacks, on_folds)
        finally:
            callbacks.close()
        if found is None or self.stop.requested:
            return found
        self.run.check_present()
        checkpoint.save_fitted(found, callbacks.rows)
        count = family.count(task.config)
        name = f"{family.title} {index + 1} of {count}" if count > 1 else family.title
        self.console.line(
            f"{task.name}: {name} on {len(task.training):,} rows, "
            f"{time.perf_counter() - began:.0f} s"
        )
        return found


class _RunCallbacks(FitCallbacks):
    """Keeps the state of a fit in the run's folder, and shows it on the console."""

    def __init__(
        self, training: FoldTraining, log_columns: dict[str, Any], checkpoint: Checkpoint
    ) -> None:
        self.device = training.device
        self.rows: list[dict[str, float]] = []
        self._training = training
        self._log_columns = log_columns
        self._checkpoint = checkpoint
        self._display: TrainingDisplay | None = None

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
        self._display = TrainingDisplay(steps, done, self._training.console)

    def advance(self, steps: int) -> None:
        if self._display:
            self._display.advance(steps)

    def report(self, line: str, short: str) -> None:
        self._training.run.check_present()
        write_csv(self._training.run.log, pd.DataFrame(self._training.log))
        if self._display:
            self._display.report(line, short)

    def log(self, row: dict[str, float]) -> None:
        self.rows.append(row)
        self._training.log.append({**self._log_columns, **row})

    def close(self) -> None:
        """End the display."""
        if self._display:
            self._display.close()


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
