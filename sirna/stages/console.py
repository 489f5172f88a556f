"""What a person sees: bars and tables on a terminal, plain lines elsewhere."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console as RichConsole
from rich.table import Table
from tqdm import tqdm

from sirna.members.network.state import Epoch

BAR_WIDTH = 80
"""Columns that a bar with its figures needs."""


class TrainingDisplay:
    """Shows one training: a bar that is redrawn on a wide terminal, a line an epoch elsewhere."""

    def __init__(self, epochs: int, done: int, rows: int) -> None:
        self.epochs = epochs
        total, begun = epochs * rows, done * rows
        # disable=None: silent where stderr is no terminal
        off = True if _narrow() else None
        self._bar = tqdm(total=total, initial=begun, unit="row", unit_scale=True, disable=off)

    def rows(self, count: int) -> None:
        """Note rows trained."""
        self._bar.update(count)

    def epoch(self, record: Epoch, best: int) -> None:
        """Tell of one epoch."""
        score, judged, mark, short = record.score, "", "", f"loss {record.train_loss:.4f}"
        if score:
            judged = (
                f"valid {record.valid_log_loss:.4f}  score {score.score:.4f}  MAE {score.mae:.2f}  "
                f"range-MAE {score.range_mae:.2f}  F1 {score.f1:.3f}  "
            )
            mark = "  best" if best == record.epoch else ""
            short = f"score {score.score:.4f}, best epoch {best}"
        line = (
            f"epoch {record.epoch:3d}/{self.epochs}  loss {record.train_loss:.4f}  {judged}"
            f"lr {record.learning_rate:.1e}  {record.seconds:.1f} s  "
            f"{record.rows_per_second:,.0f} rows/s{mark}"
        )
        if self._bar.disable or not sys.stdout.isatty():
            print(line, flush=True)
        if not self._bar.disable:
            self._bar.set_postfix_str(short)

    def close(self) -> None:
        """End the bar."""
        self._bar.close()


class Console:
    """Prints for the stages, which hand it what they know."""

    def __init__(self) -> None:
        self._out = RichConsole(highlight=False, soft_wrap=True)

    def line(self, text: str) -> None:
        """Print a line of the result."""
        print(text, flush=True)

    def note(self, text: str) -> None:
        """Print on stderr what the user should know but need not act on."""
        print(f"note: {text}", file=sys.stderr, flush=True)

    @contextmanager
    def training(self, epochs: int, done: int, rows: int) -> Iterator[TrainingDisplay]:
        """Show a training of some epochs, `done` of them before, of `rows` rows each."""
        display = TrainingDisplay(epochs, done, rows)
        try:
            yield display
        finally:
            display.close()

    def scores(self, title: str, parts: dict[str, dict[str, Any]]) -> None:
        """Print named scores, each as `Score.as_dict` gives it: a table, or a line each."""
        names = ("score", "mae", "range_mae", "f1", "precision", "recall", "rows")
        table = Table("", *(name.replace("_", "-") for name in names), title=title)
        for part, values in parts.items():
            table.add_row(part, *(_number(name, values[name]) for name in names))
        unbounded = self._out.options.update(max_width=1000)
        fits = self._out.measure(table, options=unbounded).maximum <= self._out.width
        if self._out.is_terminal and fits:
            self._out.print(table)
            return
        for part, values in parts.items():
            told = "  ".join(f"{name} {_number(name, values[name])}" for name in names)
            print(f"{title}, {part}: {told}", flush=True)


def _narrow() -> bool:
    """Return whether stderr is a terminal without room for a bar, as one of width 0 is."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns < BAR_WIDTH
    except (OSError, ValueError):  # no terminal at all
        return False


def _number(name: str, value: float) -> str:
    digits = {"rows": 0, "mae": 2, "range_mae": 2}.get(name, 4)
    return f"{value:,.{digits}f}"
