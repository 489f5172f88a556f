"""Output of the stages: progress bars and tables on a terminal, plain lines elsewhere."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console as RichConsole
from rich.table import Table
from tqdm import tqdm

from sirna.errors import OutputError, reason

BAR_WIDTH = 80
"""Columns that a bar with its figures needs."""
SCORE_NAMES = ("score", "mae", "range_mae", "f1", "precision", "recall", "rows")


class TrainingDisplay:
    """Shows one training: a bar that is redrawn on a wide terminal, plain lines elsewhere.

    Parameters
    ----------
    total, done : int
        All units of work, and those that an earlier run has done.
    console : Console, optional
        Prints the lines.
    """

    def __init__(self, total: int, done: int, console: "Console | None" = None) -> None:
        self._console = console or Console()
        # disable=None: silent where stderr is not a terminal
        off = True if _narrow() else None
        self._bar = tqdm(total=total, initial=done, unit="row", unit_scale=True, disable=off)

    def advance(self, count: int) -> None:
        """Show that units of work are done."""
        self._bar.update(count)

    def report(self, line: str, short: str) -> None:
        """Show an intermediate result: as a whole line, or short at the end of the bar."""
        if self._bar.disable or not sys.stdout.isatty():
            self._console.line(line)
        else:
            self._console.record(line)
        if not self._bar.disable:
            self._bar.set_postfix_str(short)

    def close(self) -> None:
        """End the bar."""
        self._bar.close()


@contextlib.contextmanager
def progress(rows: int, done: int = 0) -> Iterator[Callable[[int], object]]:
    """Show a bar with rows/s and the time left on a terminal; yield the function that advances it.

    Parameters
    ----------
    rows : int
        All rows.
    done : int
        Rows that an earlier process has done.
    """
    off = True if _narrow() else None
    with tqdm(
        total=rows, initial=done, unit="row", unit_scale=True, disable=off, leave=False
    ) as bar:
        yield bar.update


class Console:
    """Prints for the stages.

    Parameters
    ----------
    out : RichConsole, optional
        Prints the tables. Default: stdout.

    Attributes
    ----------
    copy : Path, optional
        A file to which every line and note is appended, with its time.
    """

    def __init__(self, out: RichConsole | None = None) -> None:
        self._out = out or RichConsole(highlight=False, soft_wrap=True)
        self.copy: Path | None = None

    def line(self, text: str) -> None:
        """Print a line of the result.

        Raises
        ------
        OutputError
            If stdout cannot be written.
        """
        self.record(text)
        _to_stdout(lambda: print(text, flush=True))

    def note(self, text: str) -> None:
        """Print a note on stderr: information that requires no action."""
        self.record(f"note: {text}")
        with contextlib.suppress(OSError):
            print(f"note: {text}", file=sys.stderr, flush=True)

    def record(self, text: str) -> None:
        """Append a line to `copy` without printing it; do nothing if that is impossible."""
        if self.copy is not None:
            now = datetime.now().astimezone().isoformat(timespec="seconds")
            with contextlib.suppress(OSError), self.copy.open("a", encoding="utf-8") as stream:
                stream.write(f"{now} {text}\n")

    def scores(self, title: str, parts: dict[str, dict[str, Any]]) -> None:
        """Print named scores, each as `Score.as_dict` returns it: as a table, or line by line."""
        table = Table("", *(name.replace("_", "-") for name in SCORE_NAMES), title=title)
        for part, values in parts.items():
            table.add_row(part, *(_number(name, values[name]) for name in SCORE_NAMES))
        unbounded = self._out.options.update(max_width=1000)
        fits = self._out.measure(table, options=unbounded).maximum <= self._out.width
        if self._out.is_terminal and fits:
            _to_stdout(lambda: self._out.print(table))
            return
        for part, values in parts.items():
            listed = "  ".join(f"{name} {_number(name, values[name])}" for name in SCORE_NAMES)
            self.line(f"{title}, {part}: {listed}")

    def table(self, table: Table) -> None:
        """Print a table; off a terminal, one line for each row, cells separated by tabs."""
        if self._out.is_terminal:
            _to_stdout(lambda: self._out.print(table))
            return
        cells = [[str(column.header), *map(str, column.cells)] for column in table.columns]
        for line in zip(*cells, strict=True):
            self.line("\t".join(line))


def _to_stdout(write: Callable[[], object]) -> None:
    try:
        write()
    except (OSError, ValueError) as error:  # ValueError: the stream is closed
        raise OutputError(f"stdout cannot be written: {reason(error)}.") from error


def _narrow() -> bool:
    """Return whether stderr is a terminal too narrow for a bar (or of width 0)."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns < BAR_WIDTH
    except (OSError, ValueError):  # not a terminal at all
        return False


def _number(name: str, value: float) -> str:
    digits = {"rows": 0, "mae": 2, "range_mae": 2}.get(name, 4)
    return f"{value:,.{digits}f}"
