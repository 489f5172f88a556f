"""The display of a search: a live table on a terminal, one line for each trial elsewhere."""

import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console
from rich.live import Live
from rich.table import Table

from sirna.tuning.study import (
    DEFAULT,
    FAILED,
    FIDELITY,
    REPEATS,
    STOPPED,
    SURPLUS,
    finished_trials,
    noise_of,
)

MOST_TRIALS_SHOWN = 12
COLUMNS = ("trial", "state", "score", "best", "steps", "fidelity", "time left")


class TuneDisplay:
    """Shows the trials of a study; `refresh` may be called at any time.

    Parameters
    ----------
    study : optuna.Study
    total : int
        Number of finished trials that the search wants.
    line : callable
        Prints a line.
    live : bool
        Whether a table is redrawn, if there is a terminal.
    """

    def __init__(
        self,
        study: optuna.Study,
        total: int,
        line: Callable[[str], object] = print,
        live: bool = True,
    ) -> None:
        self.study = study
        self.total = total
        self._began = time.monotonic()
        self._noise: float | None = None
        self._default_done = (0, 0)
        self._default_ended = False
        self._done_before = len(finished_trials(study))
        self._shown = {trial.number for trial in study.get_trials(deepcopy=False) if _ended(trial)}
        console = Console()
        draws = live and console.is_terminal
        self._live = Live(console=console, auto_refresh=False) if draws else None
        self._line = line
        if self._live:
            self._live.start()

    def refresh(self) -> None:
        """Show the trials that have ended since the last call."""
        trials = self.study.get_trials(deepcopy=False)
        self._time_later_trials(trials)
        if self._live:
            self._live.update(self._table(trials), refresh=True)
            return
        for trial in trials:
            if trial.user_attrs.get(DEFAULT) and not _ended(trial):
                self._show_default(trial)
            if _ended(trial) and trial.number not in self._shown:
                self._shown.add(trial.number)
                row = zip(COLUMNS, self._row(trial, trials), strict=True)
                self._line("  ".join(f"{name} {value}" for name, value in row))

    def _time_later_trials(self, trials: list[FrozenTrial]) -> None:
        """Measure the time of a trial from the end of the default on, which takes longer."""
        ended = any(trial.user_attrs.get(DEFAULT) and _ended(trial) for trial in trials)
        if ended and not self._default_ended:
            self._default_ended = True
            self._began, self._done_before = time.monotonic(), len(finished_trials(self.study))

    def _show_default(self, trial: FrozenTrial) -> None:
        """Print how far the default is: it is the first trial and takes longest."""
        steps, repeats = trial.intermediate_values, trial.user_attrs.get(REPEATS, [])
        if steps and (done := (len(steps), len(repeats))) != self._default_done:
            self._default_done = done
            minutes = (time.monotonic() - self._began) / 60
            scores = "  ".join(f"{score:.4f}" for score in repeats or [steps[max(steps)]])
            what = f"with {len(repeats)} seeds" if repeats else f"after step {len(steps)}"
            self._line(f"trial {trial.number}, the default, {what}: {scores}; {minutes:.1f} min")

    def close(self) -> None:
        """Stop the live table."""
        self.refresh()
        if self._live:
            self._live.stop()

    def _table(self, trials: list[FrozenTrial]) -> Table:
        done = len(finished_trials(self.study))
        table = Table(*COLUMNS, title=f"{self.study.study_name}: {done} of {self.total} trials")
        for trial in trials[-MOST_TRIALS_SHOWN:]:
            table.add_row(*self._row(trial, trials))
        return table

    def _row(self, trial: FrozenTrial, trials: list[FrozenTrial]) -> tuple[str, ...]:
        values = [
            other.value for other in trials if other.number <= trial.number and _complete(other)
        ]
        steps = list(trial.intermediate_values.values())
        value = trial.value if _complete(trial) else (steps[-1] if steps else None)
        state = trial.state.name.lower()
        if trial.state == TrialState.PRUNED:
            reason = next((word for word in (STOPPED, SURPLUS) if word in trial.user_attrs), None)
            state = reason or f"pruned at {trial.user_attrs.get('pruned_at')}"
        elif FAILED in trial.user_attrs:
            state = f"failed: {trial.user_attrs[FAILED]}"
        return (
            str(trial.number),
            state,
            "-" if value is None else f"{value:.4f}",
            self._best([value for value in values if value is not None]),
            str(len(steps)),
            f"{trial.user_attrs.get(FIDELITY, 0.0):.2f}",
            self._time_left(),
        )

    def _best(self, values: list[float]) -> str:
        """Show the best score, and beside it the noise of a score."""
        if not values:
            return "-"
        if self._noise is None:
            self._noise = noise_of(self.study)
        return f"{max(values):.4f}" + (f" (noise {self._noise:.4f})" if self._noise else "")

    def _time_left(self) -> str:
        done = len(finished_trials(self.study))
        if done == self._done_before:
            return "-"
        seconds_per_trial = (time.monotonic() - self._began) / (done - self._done_before)
        return f"{max(self.total - done, 0) * seconds_per_trial / 60:.0f} min"


class ConfirmationDisplay:
    """Prints how far a confirmation is; `refresh` may be called at any time.

    Parameters
    ----------
    folds : sequence of collections of Path
        The files that there are when a fold is done.
    line : callable
        Prints a line.
    """

    def __init__(self, folds: Sequence[Collection[Path]], line: Callable[[str], object]) -> None:
        self._folds = folds
        self._line = line
        self._done = 0

    def refresh(self) -> None:
        """Print a line if more folds are done than before."""
        done = sum(all(file.exists() for file in files) for files in self._folds)
        if done > self._done:
            self._done = done
            self._line(f"confirmation: {done} of {len(self._folds)} folds")


def _ended(trial: FrozenTrial) -> bool:
    return trial.state.is_finished()


def _complete(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.COMPLETE
