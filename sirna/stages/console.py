"""What the commands print: a bar and tables on a terminal, plain lines elsewhere.

Every command prints in the same order: what was read, what is being done, the outcome with the
files that were written, and the next command to type.
"""

import contextlib
import json
import os
import sys
from collections.abc import Callable
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


class Console:
    """Prints for the stages.

    Parameters
    ----------
    out : RichConsole, optional
        Prints the tables. Default: stdout.
    quiet : bool
        Whether only the outcome is printed.
    as_json : bool
        Whether stdout gets nothing but the outcome as JSON; lines then go to stderr.

    Attributes
    ----------
    copy : Path, optional
        A file to which every line and note is appended, with its time.
    """

    def __init__(
        self, out: RichConsole | None = None, quiet: bool = False, as_json: bool = False
    ) -> None:
        self._out = out or RichConsole(highlight=False, soft_wrap=True)
        self.quiet = quiet
        self.as_json = as_json
        self.copy: Path | None = None

    def line(self, text: str) -> None:
        """Print what was read or is being done; nothing if the console is quiet.

        Raises
        ------
        OutputError
            If stdout cannot be written.
        """
        self.record(text)
        if not self.quiet:
            self._print(text)

    def result(self, text: str) -> None:
        """Print a line of the outcome.

        Raises
        ------
        OutputError
            If stdout cannot be written.
        """
        self.record(text)
        if not (self.quiet and self.as_json):
            self._print(text)

    def next(self, command: str) -> None:
        """Print the command that a person may want to type next."""
        self.line(f"next: {command}")

    def json(self, values: object) -> None:
        """Print the outcome as JSON, if that was asked for."""
        if self.as_json:
            _write(lambda: print(json.dumps(values), flush=True))

    def note(self, text: str) -> None:
        """Print a note on stderr: information that requires no action."""
        self.record(f"note: {text}")
        if not self.quiet:
            _to_stderr(f"note: {text}")

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
        if self._draws and fits:
            _write(lambda: self._out.print(table))
            return
        for part, values in parts.items():
            listed = "  ".join(f"{name} {_number(name, values[name])}" for name in SCORE_NAMES)
            self.result(f"{title}, {part}: {listed}")

    def table(self, table: Table) -> None:
        """Print a table; off a terminal, one line for each row, cells separated by tabs."""
        if self._draws:
            _write(lambda: self._out.print(table))
            return
        cells = [[str(column.header), *map(str, column.cells)] for column in table.columns]
        for line in zip(*cells, strict=True):
            self.result("\t".join(line))

    @property
    def lines_on_terminal(self) -> bool:
        """Whether lines appear on a terminal, where a bar may replace them."""
        return (sys.stderr if self.as_json else sys.stdout).isatty()

    @property
    def _draws(self) -> bool:
        return self._out.is_terminal and not self.as_json

    def _print(self, text: str) -> None:
        if self.as_json:
            _to_stderr(text)
        else:
            _write(lambda: print(text, flush=True))


def duration(seconds: float) -> str:
    """Return a time in words, rounded as people say it."""
    if seconds < 90:
        return f"{max(seconds, 1.0):.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def _write(write: Callable[[], object]) -> None:
    """Write to stdout; a bar on the same terminal makes room."""
    try:
        with tqdm.external_write_mode(file=sys.stdout):
            write()
    except (OSError, ValueError) as error:  # ValueError: the stream is closed
        raise OutputError(f"stdout cannot be written: {reason(error)}.") from error


def _to_stderr(text: str) -> None:
    with contextlib.suppress(OSError), tqdm.external_write_mode(file=sys.stderr):
        print(text, file=sys.stderr, flush=True)


def narrow() -> bool:
    """Return whether stderr is a terminal too narrow for a bar (or of width 0)."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns < BAR_WIDTH
    except (OSError, ValueError):  # not a terminal at all
        return False


def _number(name: str, value: float) -> str:
    digits = {"rows": 0, "mae": 2, "range_mae": 2}.get(name, 4)
    return f"{value:,.{digits}f}"
