"""Turn the records of a file, the header first, into a table of text."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from sirna.errors import SirnaError
from sirna.system.csv_text import BYTE_ORDER_MARK
from sirna.table.facts import Facts

LINES_ABOVE_HEADER = 20
"""A header is looked for among so many records."""


@dataclass(frozen=True)
class LeftOut:
    """How many records without a value, and columns without name and value, were left out."""

    records: int = 0
    columns: int = 0

    def notes(self, word: str) -> list[str]:
        """Describe them; a record is a `word`, "line" or "row"."""
        notes = []
        if self.records:
            notes.append(
                f"{self.records} {word}{'s' * (self.records > 1)} without a value left out"
            )
        if self.columns:
            columns = f"{self.columns} column{'s' * (self.columns > 1)}"
            notes.append(f"{columns} without name and value left out")
        return notes


@dataclass(frozen=True)
class Records:
    """The records of a file.

    Attributes
    ----------
    source : str
        The file's name.
    fields : list of list of str
        The fields of every record that has any.
    places : list of int
        Where each record begins: its line or row, from 1.
    place_name : str
        "line" or "row".
    """

    source: str
    fields: list[list[str]]
    places: list[int]
    place_name: str

    def __len__(self) -> int:
        """Return the number of records behind the header."""
        return len(self.fields) - 1

    def check_opening(self, expected: Collection[str]) -> None:
        """Refuse a file without any value, and one with a title above its header.

        Raises
        ------
        SirnaError
        """
        if not any(map(filled, self.fields)):
            raise SirnaError(f"{self.source}: the file is empty; a header and rows are needed.")
        self._check_title(expected)

    def block(self, facts: Facts) -> tuple[pd.DataFrame, "LeftOut"]:
        """Return the rows as a table whose columns are those of the whole file.

        Raises
        ------
        SirnaError
            If records differ in length, or two columns have one name.
        """
        header = names_in(self.fields[0])
        named = _last(header)
        kept, blank = [], 0
        for record in range(1, len(self.fields)):
            fields = self.fields[record]
            if not filled(fields):
                blank += 1
                continue
            if len(fields) < named or (len(fields) > len(header) and _last(fields) > len(header)):
                fault = "fewer" if len(fields) < named else "more"
                raise SirnaError(
                    f"{self.source}: {self.place_name} {self.places[record]} has {len(fields)} "
                    f"fields, {fault} than the header's {len(header)}; check its delimiters and "
                    "quotes, and the file's end."
                )
            kept.append(record)
        width = len(header)
        rows = [
            fields if len(fields) == width else (fields + [""] * width)[:width]
            for fields in (self.fields[record] for record in kept)
        ]
        columns = [list(cells) for cells in zip(*rows, strict=True)] or [[] for _ in header]
        places = [self.places[record] for record in kept]
        index = pd.Index(places, name=self.place_name, dtype="int64")
        texts = [pd.Series(cells, index=index, dtype=str) for cells in columns]
        frame, unused = framed(self.source, header, texts, index, facts)
        return frame, LeftOut(blank, unused)

    def _check_title(self, expected: Collection[str]) -> None:
        """Refuse a file with a title above its header."""
        first = self._names(0)
        if any(name in expected for name in first):
            return
        for index in range(1, min(LINES_ABOVE_HEADER, len(self.fields))):
            names = self._names(index)
            matches = sum(name in expected for name in names)
            if matches >= 2 or (len(first) <= 1 < len(names) and _like_names(names)):
                above = "line 1" if index == 1 else f"the {index} lines above it"
                word = self.place_name
                raise SirnaError(
                    f"{self.source}: {word} {self.places[index]} looks like the header: delete "
                    f"{above.replace('line', word)}, as in a table without a title."
                )
            if len(first) <= 1 < len(names):
                return

    def _names(self, index: int) -> list[str]:
        return [name.strip() for name in self.fields[index] if name.strip()]


def names_in(fields: Sequence[str]) -> list[str]:
    """Return the names of columns in a header."""
    return [name.strip().strip(BYTE_ORDER_MARK).strip() for name in fields]


def framed(
    source: str,
    header: Sequence[str],
    columns: Sequence[pd.Series],
    index: pd.Index,
    facts: Facts,
) -> tuple[pd.DataFrame, int]:
    """Return a table of the columns that have a name or a value, and how many are left out.

    Parameters
    ----------
    source : str
        The file's name.
    header : sequence of str
        As from `names_in`.
    columns : sequence of Series of n texts
        One for each name of the header.
    index : Index of n places
    facts : Facts
        Answers whether a column without a name has values.

    Raises
    ------
    SirnaError
        If two columns have one name.
    """
    used = [
        place
        for place, name in enumerate(header)
        if name or facts.any(f"values in column {place}", filled(columns[place].tolist()))
    ]
    names = [header[place] for place in used]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice == "":
        raise SirnaError(
            f"{source}: two columns with values have no name in the header; name them."
        )
    if twice is not None:
        raise SirnaError(f"{source}: column {twice!r} occurs twice; rename one.")
    if not used:
        return pd.DataFrame(index=index), len(header)
    parts = [columns[place] for place in used]
    frame = pd.concat(parts, axis=1, keys=range(len(used))).set_axis(names, axis=1)
    return frame, len(header) - len(used)


def filled(fields: Sequence[str]) -> bool:
    """Return whether any field has a value."""
    return any(field.strip() for field in fields)


def _last(fields: Sequence[str]) -> int:
    """Return how many fields there are up to the last that has a value."""
    for place in range(len(fields), 0, -1):
        if fields[place - 1].strip():
            return place
    return 0


def _like_names(names: Sequence[str]) -> bool:
    """Return whether texts look like names of columns: distinct, and none is a number."""
    return len(set(names)) == len(names) and not any(_is_number(name) for name in names)


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True
