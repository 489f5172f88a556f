"""Read separated text in pieces of whole lines; pieces without quotes are read by Arrow at once."""

import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from sirna.errors import SirnaError
from sirna.system.limits import LIMITS, check_row_limit

PIECE_BYTES = 1_000_000
"""A piece ends with the line that reaches this number of bytes."""
COUNTED_BYTES = 1 << 20
"""Bytes that are read at once to count lines."""
QUOTE, LINE_FEED = ord('"'), ord("\n")
MARK = "\ufeff".encode()


@dataclass(frozen=True)
class Piece:
    """Whole lines of a file in UTF-8.

    Attributes
    ----------
    data : bytes
    first_line : int
        Number of its first line, from 1.
    following : bytes
        The beginning of the line behind it, which has been read.
    """

    data: bytes
    first_line: int
    following: bytes = b""

    @property
    def is_plain(self) -> bool:
        """Whether every line is a record: there are no quotes, and no line breaks but LF, CR LF."""
        return b'"' not in self.data and not _lone_returns(self.data)

    def split(self, lines: int) -> tuple["Piece", "Piece"]:
        """Return the first so many lines, and the rest."""
        end = 0
        for _ in range(lines):
            end = self.data.find(b"\n", end) + 1 or len(self.data)
        line = self.first_line + _line_feeds(self.data[:end])
        return Piece(self.data[:end], self.first_line), Piece(self.data[end:], line, self.following)

    def table(self, delimiter: str, width: int) -> pa.Table | None:
        """Return the records of a plain piece as text.

        None if a record has another number of fields than `width`, or if Arrow reads something
        otherwise than the csv module: empty lines, and a byte order mark.
        """
        data = self.data
        if width == 1 or data.startswith(MARK):
            return None
        names = [str(place) for place in range(width)]
        lines = _line_feeds(data) + (not data.endswith(b"\n"))
        try:
            table = pa_csv.read_csv(
                io.BytesIO(data),
                pa_csv.ReadOptions(use_threads=False, column_names=names, block_size=len(data) + 1),
                pa_csv.ParseOptions(delimiter=delimiter, quote_char=False, ignore_empty_lines=True),
                pa_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
                ),
            )
        except pa.ArrowInvalid:  # another number of fields, or bytes that are no UTF-8
            return None
        return table if table.num_rows == lines else None


def pieces(binary: BinaryIO | gzip.GzipFile, path: Path, first_line: int) -> Iterator[Piece]:
    """Divide a file, from where it stands, into whole lines.

    Raises
    ------
    SirnaError
        For a line above the limit.
    """
    line, rest, ended = first_line, b"", False
    while not ended:
        part = binary.read(PIECE_BYTES)
        ended = len(part) < PIECE_BYTES
        end = len(part) if ended else part.rfind(b"\n") + 1
        data, rest = (rest + part[:end], part[end:]) if end or ended else (b"", rest + part)
        if len(rest) > LIMITS["line"].most:
            raise SirnaError(
                f"{path}: line {line} is longer than {LIMITS['line']}; is this a table?"
            )
        if data:
            yield Piece(data, line, rest)
            line += _line_feeds(data)


def check_row_count(binary: BinaryIO | gzip.GzipFile, path: Path) -> None:
    """Refuse a file with more lines, outside of quotes, than a table may have rows.

    Raises
    ------
    SirnaError
    """
    lines, quoted = 0, False
    while part := binary.read(COUNTED_BYTES):
        if b'"' in part:
            codes = np.frombuffer(part, dtype=np.uint8)
            inside = (np.cumsum(codes == QUOTE) + quoted) % 2 == 1
            quoted = bool(inside[-1])
            part = codes[~inside].tobytes()
        elif quoted:
            continue
        lines += _line_feeds(part) + _lone_returns(part)
        check_row_limit(path, lines - 1)  # besides the header


def _line_feeds(data: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(data, dtype=np.uint8) == LINE_FEED))


def _lone_returns(data: bytes) -> int:
    """Count the carriage returns without a line feed behind them."""
    return data.count(b"\r") - data.count(b"\r\n") if b"\r" in data else 0
