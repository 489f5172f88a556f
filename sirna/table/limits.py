"""Limits of a table: checked while its lines are read, on its header, and on its sequences."""

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

import pandas as pd

from sirna.config.roles import BASES, TOKENS
from sirna.errors import SirnaError
from sirna.system.limits import LIMITS, quoted
from sirna.system.memory import check_memory
from sirna.table.report import Report

MEMORY_OF_CHARACTER = 4.0
"""Bytes that a table needs for a character of its text, once it is read."""
MEMORY_OF_CELL = 70.0
BETWEEN_CHECKS = 10_000_000
"""Characters after which the memory is checked again."""


def limited_lines(
    text: TextIO, path: Path, all_at_once: bool = True, before: int = 0
) -> Iterator[str]:
    """Yield the lines of a file, each read only up to the limit.

    Parameters
    ----------
    text : text stream
    path : Path
    all_at_once : bool
        Whether all lines will be held in memory, which must suffice for them.
    before : int
        Number of lines of the file before these.

    Raises
    ------
    SirnaError
        For a line above the limit, and for a table that needs more memory than there is.
    """
    most = LIMITS["line"].most
    total, checked, number = 0, 0, before
    while line := text.readline(most + 1):
        number += 1
        if len(line) > most:
            raise SirnaError(
                f"{path}: line {number} is longer than {LIMITS['line']}; is this a table?"
            )
        total += len(line)
        if all_at_once and total - checked > BETWEEN_CHECKS:
            checked = total
            check_table_memory(path, MEMORY_OF_CHARACTER * total)
        yield line


def check_fields(path: Path, fields: Sequence[str]) -> None:
    """Refuse a record with more columns than a table may have.

    Raises
    ------
    SirnaError
    """
    if len(fields) > LIMITS["columns"].most:
        raise SirnaError(f"{path}: has {len(fields):,} columns; at most {LIMITS['columns']}.")


def check_table_memory(path: Path, needed: float) -> None:
    """Refuse a table that needs more memory, in bytes, than there is.

    Raises
    ------
    SirnaError
    """
    check_memory(needed, f"{path}: the table", "divide the file into several")


def check_archive(path: Path) -> None:
    """Refuse a spreadsheet whose parts, once unpacked, need more memory than there is.

    Raises
    ------
    SirnaError
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
        check_table_memory(path, MEMORY_OF_CHARACTER * size)


def check_frame(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return a table of text whose columns, names and cells are within the limits.

    Raises
    ------
    SirnaError
        Naming column, row and limit.
    """
    check_fields(path, list(frame.columns))
    for position, name in enumerate(frame.columns):
        if len(str(name)) > LIMITS["name"].most:
            raise SirnaError(
                f"{path}: a column has a name of {len(name):,} characters, {quoted(name)}; "
                f"{LIMITS['name'].what} has at most {LIMITS['name']}."
            )
        lengths = frame.iloc[:, position].str.len()
        if len(lengths) and lengths.max() > LIMITS["cell"].most:
            place = frame.index.name or "row"
            raise SirnaError(
                f"{path}: column {quoted(name)}, {place} {lengths.idxmax()}: a cell of "
                f"{int(lengths.max()):,} characters; at most {LIMITS['cell']}."
            )
    return frame


def hide_long_sequences(
    rows: pd.DataFrame, text: pd.DataFrame, names: dict[str, str], report: Report
) -> None:
    """Read sequences above the limits as missing, in the rows and in the text; report them.

    Parameters
    ----------
    rows : DataFrame of n rows
        The checked rows so far.
    text : DataFrame of n rows
        The normalised values of the file, by role.
    names : dict of str to str
        Role -> the file's column.
    report : Report
        Collects the faults.
    """
    for role in (*BASES, *TOKENS, "transcript"):
        if role not in text:
            continue
        kind = "tokens" if role in TOKENS else "transcript" if role == "transcript" else "strand"
        size = text[role].str.count(" ") + 1 if kind == "tokens" else text[role].str.len()
        long = (size > LIMITS[kind].most).to_numpy(dtype=bool)
        expectation = f"{LIMITS[kind].what} has at most {LIMITS[kind]}"
        report.add_fault_or_note(names[role], long, text[role], expectation)
        text[role] = text[role].mask(long, "")
        if role in rows:
            rows[role] = rows[role].mask(long)
