"""Divide separated text into parts: tables that Arrow has read, and records."""

import io
from collections.abc import Collection, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice

import pandas as pd
import pyarrow as pa

from sirna.system.plain_text import Piece
from sirna.table.facts import Facts
from sirna.table.records import (
    LINES_ABOVE_HEADER,
    LeftOut,
    Records,
    filled,
    framed,
    names_in,
)
from sirna.table.separated import Separated

MOST_CHARACTERS = 64_000_000
"""A part of a table that is read block by block ends when it has this many characters."""
Record = tuple[int, list[str]]
"""The line on which a record begins, and its fields."""


@dataclass(frozen=True)
class PlainRecords:
    """Records that are one line each.

    Attributes
    ----------
    source : str
        The file's name.
    header : list of str
        The fields of the header.
    table : Table of texts, n rows
        A column for each field of the header.
    first_line : int
        The line of the first record.
    """

    source: str
    header: list[str]
    table: pa.Table
    first_line: int

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def block(self, facts: Facts) -> tuple[pd.DataFrame, LeftOut]:
        """Return the rows as a table; see `Records.block`."""
        frame = self.table.to_pandas().astype(str)
        index = pd.RangeIndex(self.first_line, self.first_line + len(frame), name="line")
        frame.index = pd.Index(index, dtype="int64")
        blank = [place for place, one in enumerate(frame.iloc[:, 0].tolist()) if not one.strip()]
        blank = [place for place in blank if not filled(frame.iloc[place].tolist())]
        if blank:
            frame = frame.drop(index=frame.index[blank])
        columns = [column for _, column in frame.items()]
        found, unused = framed(self.source, names_in(self.header), columns, frame.index, facts)
        return found, LeftOut(len(blank), unused)


Part = Records | PlainRecords


def parts(file: Separated, expected: Collection[str], most_rows: int) -> Generator[Part]:
    """Yield the records of a file in parts, each with the header; the last may have no other.

    Parameters
    ----------
    file : Separated
        At its beginning.
    expected : collection of str
        Names of columns, by which a header below a title is recognised.
    most_rows : int
        Largest number of rows of a part.

    Raises
    ------
    SirnaError
        For a file without any value, for a title above the header, and as `Separated.records`.
    """
    found = file.pieces(all_at_once=False)
    first = _first(found)
    plain = _opened(file, first, expected)
    if plain is not None:
        header, rest = plain
        yield from _plain_parts(file, header, chain([rest], found), most_rows)
        yield _records(file, header, [])
        return
    records = file.records(False) if first is None else file.records_of(first, and_rest=True)
    with closing(records):
        opening = list(islice(records, LINES_ABOVE_HEADER))
        if not any(filled(fields) for _, fields in opening):
            opening += records  # nothing but blanks so far: is there anything?
        header = _header(file, opening, expected)
        yield from _record_parts(file, header, chain(opening[1:], records), most_rows)
        yield _records(file, header, [])


def whole(file: Separated, expected: Collection[str]) -> Part:
    """Return all records of a file; see `parts`.

    Raises
    ------
    SirnaError
        Also if the memory does not suffice for them.
    """
    found = file.pieces(all_at_once=True)
    plain = _opened(file, _first(found), expected)
    if plain is not None:
        header, rest = plain
        tables = _tables(file, chain([rest], found), len(header[1]))
        if tables is not None:
            table = pa.concat_tables(tables)
            return PlainRecords(str(file.path), header[1], table, rest.first_line)
    records = list(file.records(all_at_once=True))
    return _records(file, _header(file, records, expected), records[1:])


def _opened(
    file: Separated, first: Piece | None, expected: Collection[str]
) -> tuple[Record, Piece] | None:
    """Return the header, and what follows it in a plain first piece; None if it is not plain."""
    if first is None or not first.is_plain:
        return None
    opening = list(file.records_of(_opening(first)[0]))
    if not any(filled(fields) for _, fields in opening):
        return None
    header = _header(file, opening, expected)
    return header, first.split(header[0] - first.first_line + 1)[1]


def _first(found: Iterator[Piece]) -> Piece | None:
    """Return the first piece, with others joined to it until it has the lines of `_opening`."""
    first = next(found, None)
    while first is not None and not _opening(first)[1] and len(first.data) < MOST_CHARACTERS:
        more = next(found, None)
        if more is None:
            break
        first = Piece(first.data + more.data, first.first_line, more.following)
    return first


def _opening(piece: Piece) -> tuple[Piece, bool]:
    """Return the lines among which a header is looked for, and whether the piece has all."""
    lines = filled_lines = 0
    for line in io.BytesIO(piece.data):
        lines += 1
        filled_lines += bool(line.strip(b"\r\n"))
        if filled_lines == LINES_ABOVE_HEADER:
            break
    return piece.split(lines)[0], filled_lines == LINES_ABOVE_HEADER


def _header(file: Separated, opening: list[Record], expected: Collection[str]) -> Record:
    """Return the header, the first record, after a look at what follows."""
    fields, places = [one for _, one in opening], [line for line, _ in opening]
    Records(str(file.path), fields, places, "line").check_opening(expected)
    return opening[0]


def _plain_parts(
    file: Separated, header: Record, pieces: Iterable[Piece], most_rows: int
) -> Iterator[Part]:
    source, fields = str(file.path), header[1]
    held, line = None, header[0] + 1
    for piece in pieces:
        table = _table(file, piece, len(fields))
        if table is None:
            if held is not None:
                yield PlainRecords(source, fields, held, line)
                held = None
            with closing(file.records_of(piece, and_rest=not piece.is_plain)) as records:
                yield from _record_parts(file, header, records, most_rows)
            if not piece.is_plain:
                return
            continue
        line = piece.first_line if held is None else line
        held = table if held is None else pa.concat_tables([held, table])
        while len(held) > most_rows:
            yield PlainRecords(source, fields, held.slice(0, most_rows), line)
            held, line = held.slice(most_rows), line + most_rows
        if held.nbytes >= MOST_CHARACTERS:
            yield PlainRecords(source, fields, held, line)
            held = None
    if held is not None:
        yield PlainRecords(source, fields, held, line)


def _record_parts(
    file: Separated, header: Record, records: Iterable[Record], most_rows: int
) -> Iterator[Part]:
    part, characters = [], 0
    for record in records:
        part.append(record)
        characters += sum(map(len, record[1]))
        if len(part) == most_rows or characters >= MOST_CHARACTERS:
            yield _records(file, header, part)
            part, characters = [], 0
    if part:
        yield _records(file, header, part)


def _table(file: Separated, piece: Piece, width: int) -> pa.Table | None:
    return piece.table(file.delimiter, width) if piece.is_plain else None


def _tables(file: Separated, pieces: Iterable[Piece], width: int) -> list[pa.Table] | None:
    """Return the tables of all pieces; None as soon as one of them is none."""
    tables = []
    for piece in pieces:
        table = _table(file, piece, width)
        if table is None:
            return None
        tables.append(table)
    return tables


def _records(file: Separated, header: Record, records: list[Record]) -> Records:
    both = [header, *records]
    return Records(str(file.path), [one for _, one in both], [line for line, _ in both], "line")
