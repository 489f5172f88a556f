"""Read table files as text: separated values, Parquet and spreadsheets."""

import contextlib
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa

from sirna.errors import SirnaError, suggestion
from sirna.system.files import name_suggestion
from sirna.system.limits import check_file
from sirna.table.facts import Facts
from sirna.table.limits import check_archive, check_frame
from sirna.table.parquet import read_parquet
from sirna.table.parts import whole
from sirna.table.records import Records
from sirna.table.separated import Separated

TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
SHEET_SUFFIXES = (".xlsx", ".xlsm", ".xls", ".ods")
SUFFIXES = (*TEXT_SUFFIXES, ".parquet", *SHEET_SUFFIXES)


def read_text_table(path: Path, sheet: str = "", expected: Collection[str] = ()) -> pd.DataFrame:
    """Read a table with every value as text, blanks as empty text.

    Parameters
    ----------
    path : Path
    sheet : str, optional
        The sheet of a spreadsheet; default: the first.
    expected : collection of str
        Names of columns, by which a header below a title is recognised.

    Returns
    -------
    DataFrame
        Its index says where each row is in the file: the line on which it begins (the index is
        named "line") or, for Parquet and spreadsheets, its row from 1 (named "row"). `attrs` has
        "notes" (list of str: how the file was read) and "decimal_comma" (bool: whether its
        delimiter lets numbers have commas in decimals).

    Raises
    ------
    SirnaError
        For a file that is absent, empty, damaged or of another kind.
    """
    name = checked_name(path)
    decimal_comma = False
    notes: list[str] = []
    with damage_named(path):
        if name.endswith(".parquet"):
            frame = read_parquet(path)
        elif name.endswith(SHEET_SUFFIXES):
            check_archive(path)
            records, notes = _read_sheet(path, sheet)
            records.check_opening(expected)
            frame, left_out = records.block(Facts())
            notes += left_out.notes("row")
        else:
            with Separated.opened(path) as file:
                decimal_comma, notes = file.decimal_comma, list(file.notes)
                frame, left_out = whole(file, expected).block(Facts())
            notes += left_out.notes("line")
    frame.attrs.update(notes=[f"{path}: {note}" for note in notes], decimal_comma=decimal_comma)
    return check_frame(frame, path)


def is_table_name(path: Path) -> bool:
    """Return whether the name is one of a table that can be read."""
    return path.name.lower().endswith(SUFFIXES)


@contextlib.contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Name a file that cannot be read.

    Raises
    ------
    SirnaError
        If the block fails to read it.
    """
    try:
        yield
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise SirnaError(f"{path}: cannot be read; the file is damaged: {error}") from error


def checked_name(path: Path) -> str:
    """Return the name of a file that can be read, in lower case.

    Raises
    ------
    SirnaError
        If it is absent, no regular file, or has another kind of name.
    """
    if not path.exists():
        raise SirnaError(f"{path}: no such file{name_suggestion(path)}.")
    if path.is_dir():
        raise SirnaError(f"{path}: is a folder; name a table file in it.")
    if not is_table_name(path):
        raise SirnaError(
            f"{path}: a table file ends in {', '.join(SUFFIXES)}; save the table as CSV UTF-8."
        )
    check_file(path)
    return path.name.lower()


def _read_sheet(path: Path, sheet: str) -> tuple[Records, list[str]]:
    try:
        from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415
    except ImportError:
        raise SirnaError(
            f"{path}: reading spreadsheets needs python-calamine: pip install 'sirna[excel]'; or "
            "save the sheet as CSV UTF-8."
        ) from None
    try:
        with CalamineWorkbook.from_path(path) as book:
            names = book.sheet_names
            name = sheet or names[0]
            if name not in names:
                near = suggestion(name, names)
                raise SirnaError(
                    f"{path}: no sheet {name!r}{near}; the file has: {', '.join(names)}."
                )
            cells = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except CalamineError as error:
        raise SirnaError(f"{path}: cannot be read; the file is damaged: {error}") from error
    rows = [[_cell(value) for value in row] for row in cells]
    notes = [f"read from the sheet {name!r}, one of {len(names)}"] if len(names) > 1 else []
    return Records(str(path), rows, list(range(1, len(rows) + 1)), "row"), notes


def _cell(value: object) -> str:
    """Write a cell as a CSV file would hold it; whole numbers have no decimals."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
