"""Open a file of separated values, and read its records one by one."""

import contextlib
import csv
import gzip
import io
import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from sirna.errors import SirnaError
from sirna.system.limits import LIMITS, check_row_limit
from sirna.system.plain_text import Piece, check_row_count, pieces
from sirna.table.limits import (
    MEMORY_OF_CHARACTER,
    check_fields,
    check_table_memory,
    limited_lines,
)
from sirna.table.records import LINES_ABOVE_HEADER

DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}
QUOTED = re.compile('"[^"]*"')
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[\r\n]+', re.IGNORECASE)
"""A first line by which some spreadsheets name the delimiter."""
OPENING = 65_536
"""Bytes from which encoding and delimiter are recognised."""


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
    binary: gzip.GzipFile | BinaryIO
    encoding: str
    delimiter: str
    lines_before: int

    @classmethod
    @contextlib.contextmanager
    def opened(cls, path: Path, count: bool = True) -> Iterator["Separated"]:
        """Open a file and recognise its encoding and delimiter.

        Parameters
        ----------
        path : Path
        count : bool
            Whether its rows are counted first; once is enough.

        Raises
        ------
        SirnaError
            For a file that is no separated text, or that has too many rows.
        """
        opener = gzip.open if path.name.lower().endswith(".gz") else open
        with opener(path, "rb") as binary:
            if count:
                check_row_count(binary, path)
                binary.seek(0)
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

    def pieces(self, all_at_once: bool) -> Iterator[Piece]:
        """Yield the file as whole lines from its header on; nothing of a file in UTF-16.

        Parameters
        ----------
        all_at_once : bool
            Whether the caller holds all of them, for which the memory must suffice.

        Raises
        ------
        SirnaError
            For a line above the limit, and for a table that needs more memory than there is.
        """
        if self.encoding.startswith("utf-16"):
            return
        for _ in range(self.lines_before):
            self.binary.readline()
        total = 0
        for piece in pieces(self.binary, self.path, 1 + self.lines_before):
            total += len(piece.data)
            if all_at_once:
                check_table_memory(self.path, MEMORY_OF_CHARACTER * total)
            yield piece

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
        self.binary.seek(0)
        text = io.TextIOWrapper(self.binary, encoding=self.encoding, newline="")
        for _ in range(self.lines_before):
            text.readline()
        try:
            lines = limited_lines(text, self.path, all_at_once, self.lines_before)
            yield from self._records(lines, self.lines_before)
        finally:
            text.detach()  # the caller closes the file

    def records_of(self, piece: Piece, and_rest: bool = False) -> Generator[tuple[int, list[str]]]:
        """Yield the records of a piece and, if asked for, of all that follows; see `records`."""
        before, data = piece.first_line - 1, piece.data
        if and_rest and piece.following:
            data += piece.following + self.binary.readline(LIMITS["line"].most + 1)
        encoding = self.encoding if before == self.lines_before else "utf-8"
        held = io.TextIOWrapper(io.BytesIO(data), encoding=encoding, newline="")
        lines = limited_lines(held, self.path, False, before)
        if not and_rest:
            yield from self._records(lines, before)
            return
        following = before + data.count(b"\n")
        text = io.TextIOWrapper(self.binary, encoding="utf-8", newline="")
        try:
            rest = limited_lines(text, self.path, False, following)
            yield from self._records(chain(lines, rest), before)
        finally:
            text.detach()

    def _records(self, lines: Iterable[str], before: int) -> Generator[tuple[int, list[str]]]:
        csv.field_size_limit(LIMITS["cell"].most)
        reader = csv.reader(lines, strict=True, delimiter=self.delimiter)
        line = before
        try:
            for number, fields in enumerate(reader):
                check_fields(self.path, fields)
                check_row_limit(self.path, number)
                begins, line = line + 1, before + reader.line_num
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
