"""Read table files as text: separated values, Parquet and spreadsheets."""

import contextlib
import csv
import gzip
import io
import re
import zlib
from collections.abc import Collection, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from sirna.errors import SirnaError, suggestion
from sirna.system.files import name_suggestion
from sirna.system.limits import LIMITS, check_file
from sirna.table.limits import check_archive, check_fields, check_frame, limited_lines
from sirna.table.parquet import read_parquet
from sirna.table.records import LINES_ABOVE_HEADER, Records

TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
SHEET_SUFFIXES = (".xlsx", ".xlsm", ".xls", ".ods")
SUFFIXES = (*TEXT_SUFFIXES, ".parquet", *SHEET_SUFFIXES)
DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}
QUOTED = re.compile('"[^"]*"')
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[\r\n]+', re.IGNORECASE)
"""A first line by which some spreadsheets name the delimiter."""
OPENING = 65_536
"""Bytes from which encoding and delimiter are recognised."""


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
            frame, left_out = records.to_frame(expected)
            notes += left_out
        else:
            with Separated.opened(path) as file:
                decimal_comma, notes = file.decimal_comma, list(file.notes)
                found = list(file.records(all_at_once=True))
            fields, places = [one for _, one in found], [place for place, _ in found]
            frame, left_out = Records(str(path), fields, places, "line").to_frame(expected)
            notes += left_out
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


@dataclass(frozen=True)
class Separated:
    """An open file of separated values.

    Attributes
    ----------
    path : Path
    binary : binary stream
        At its beginning.
    encoding, delimiter : str
    lines_before : int
        Lines before the header that name the delimiter.
    """

    path: Path
    binary: gzip.GzipFile | io.BufferedReader
    encoding: str
    delimiter: str
    lines_before: int

    @classmethod
    @contextlib.contextmanager
    def opened(cls, path: Path) -> Iterator["Separated"]:
        """Open a file and recognise its encoding and delimiter.

        Raises
        ------
        SirnaError
            For a file that is no separated text.
        """
        opener = gzip.open if path.name.lower().endswith(".gz") else open
        with opener(path, "rb") as binary:
            opening = binary.read(OPENING)
            encoding = _encoding(path, opening)
            start = opening.decode(encoding, "replace").lstrip("\ufeff")
            named = SEPARATOR_LINE.match(start)
            if named:
                delimiter, lines_before = named[1], 1
            else:
                _check_kind(path, start)
                delimiter, lines_before = _delimiter(path, start), 0
            binary.seek(0)
            yield cls(path, binary, encoding, delimiter, lines_before)

    @property
    def decimal_comma(self) -> bool:
        """Whether its delimiter lets numbers have commas in decimals."""
        return self.delimiter != ","

    @property
    def notes(self) -> list[str]:
        """How the file is read."""
        notes = []
        if self.delimiter != ",":
            name = DELIMITERS.get(self.delimiter, repr(self.delimiter))
            notes.append(f"separated by {name}")
        if self.encoding.startswith("utf-16"):
            notes.append("read as UTF-16")
        return notes

    def records(self, all_at_once: bool) -> Generator[tuple[int, list[str]]]:
        """Yield the line on which each record begins, and its fields; skip empty lines.

        Parameters
        ----------
        all_at_once : bool
            Whether the caller holds all of them, for which the memory must suffice.

        Raises
        ------
        SirnaError
            For text in another encoding, and for quotes out of place.
        """
        csv.field_size_limit(LIMITS["cell"].most)
        text = io.TextIOWrapper(self.binary, encoding=self.encoding, newline="")
        for _ in range(self.lines_before):
            text.readline()
        lines = limited_lines(text, self.path, all_at_once)
        reader = csv.reader(lines, strict=True, delimiter=self.delimiter)
        line = self.lines_before
        try:
            for fields in reader:
                check_fields(self.path, fields)
                begins, line = line + 1, self.lines_before + reader.line_num
                if fields:
                    yield begins, fields
        except UnicodeError as error:
            self.binary.seek(0)
            raise SirnaError(
                f"{self.path}: {_undecodable(self.binary, self.encoding)}; save the file as UTF-8 "
                "CSV."
            ) from error
        except csv.Error as error:
            raise SirnaError(
                f"{self.path}: line {line + 1}: {error}; is a quote left open or out of place?"
            ) from error
        finally:
            text.detach()  # the caller closes the file


def _encoding(path: Path, opening: bytes) -> str:
    """Recognise UTF-8 and UTF-16, with and without a byte order mark."""
    if opening.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        raise SirnaError(f"{path}: is UTF-32, not UTF-8; save the file as UTF-8 CSV.")
    if opening.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    head = opening[:1000]
    if b"\0" not in head:
        return "utf-8-sig"
    even, odd = head[::2], head[1::2]
    for zeros, others, encoding in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        if zeros.count(0) > 0.9 * len(zeros) and not others.count(0):
            return encoding
    raise SirnaError(f"{path}: is binary, not text; save the table as UTF-8 CSV.")


def _check_kind(path: Path, start: str) -> None:
    """Refuse a file whose beginning is not that of separated text."""
    begins = start.lstrip()
    if begins.startswith("<"):
        raise SirnaError(
            f"{path}: an HTML page, not a CSV file; download the file itself (are you logged in?)."
        )
    if begins.startswith("PK\x03\x04") or "\ufffd" in begins[:4]:
        raise SirnaError(f"{path}: a spreadsheet or archive; name it .xlsx, or save it as CSV.")


def _delimiter(path: Path, start: str) -> str:
    """Return the delimiter of the first line that has one; a title above the header has none."""
    bare = QUOTED.sub("", start.lstrip(" \r\n"))
    lines = [line.strip(" ") for line in re.split(r"[\r\n]+", bare)][:LINES_ABOVE_HEADER]
    # Spaces in the header may belong to names: then there are no spaces below it.
    plain = not re.search(r"[,;\t|]", "".join(lines[:2]))
    if plain and len(lines) > 1 and lines[0].count(" ") == lines[1].count(" ") > 0:
        raise SirnaError(
            f"{path}: separated by spaces; save it as CSV, with commas between values."
        )
    for line in lines:
        counts = {delimiter: line.count(delimiter) for delimiter in (",", *DELIMITERS)}
        if any(counts.values()):
            return max(counts, key=lambda delimiter: counts[delimiter])
    return ","


def _undecodable(lines: Iterable[bytes], encoding: str) -> str:
    """Describe the first line that is not text in the encoding."""
    if encoding != "utf-8-sig":
        return f"is not {encoding.upper()} text"
    for number, line in enumerate(lines, start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            return f"line {number} is not UTF-8 text (byte {line[error.start]:#04x})"
    raise AssertionError("the caller has found a line that is not UTF-8")


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
