"""Read table files of any size block by block; the rows are those of `read_text_table`."""

from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

import pandas as pd

from sirna.errors import SirnaError
from sirna.table.facts import Facts
from sirna.table.limits import check_frame
from sirna.table.parquet import parquet_blocks
from sirna.table.parts import parts
from sirna.table.read_file import (
    SHEET_SUFFIXES,
    SUFFIXES,
    checked_name,
    damage_named,
    is_table_name,
    read_text_table,
)
from sirna.table.records import LeftOut
from sirna.table.separated import Separated

BLOCK_ROWS = 16_384
"""Largest number of rows of a block."""


class FileBlocks:
    """A table file that is read in blocks.

    Parameters
    ----------
    path : Path
    expected : collection of str
        Names of columns, by which a header below a title is recognised.
    sheet : str
        The sheet of a spreadsheet, which is read at once; default: the first.
    rows : int
        Largest number of rows of a block.

    Attributes
    ----------
    notes : list of str
        How the file was read; complete once `frames` has ended.
    """

    def __init__(
        self, path: Path, expected: Collection[str], sheet: str = "", rows: int = BLOCK_ROWS
    ) -> None:
        self.path = path
        self.notes: list[str] = []
        self._expected = expected
        self._sheet = sheet
        self._rows = rows
        self._counted = False

    def frames(self, facts: Facts) -> Iterator[pd.DataFrame]:
        """Yield the rows block by block, each block as `read_text_table` returns a table.

        At least one block is yielded; only the block of a file without rows has none.

        Parameters
        ----------
        facts : Facts
            Answers questions about the whole file.

        Raises
        ------
        SirnaError
            As `read_text_table`, once the row concerned is read.
        """
        name = checked_name(self.path)
        self.notes = []
        if name.endswith(SHEET_SUFFIXES):
            yield from self._sheet_frames()
            return
        with damage_named(self.path):
            if name.endswith(".parquet"):
                for frame in parquet_blocks(self.path, self._rows, facts):
                    yield self._checked(frame, decimal_comma=False)
            else:
                yield from self._separated_frames(facts)

    def _sheet_frames(self) -> Iterator[pd.DataFrame]:
        frame = read_text_table(self.path, self._sheet, self._expected)
        self.notes = frame.attrs.pop("notes")
        for start in range(0, max(len(frame), 1), self._rows):
            yield frame.iloc[start : start + self._rows]

    def _separated_frames(self, facts: Facts) -> Iterator[pd.DataFrame]:
        left_out, empty = LeftOut(), True
        with (
            Separated.opened(self.path, count=not self._counted) as file,
            closing(parts(file, self._expected, self._rows)) as found,
        ):
            self._counted = True
            for part in found:
                if not len(part) and not empty:
                    continue
                frame, more = part.block(facts)
                left_out = LeftOut(left_out.records + more.records, more.columns)
                if len(frame) or not len(part):
                    empty = False
                    yield self._checked(frame, file.decimal_comma)
            notes = [*file.notes, *left_out.notes("line")]
            self.notes = [f"{self.path}: {note}" for note in notes]

    def _checked(self, frame: pd.DataFrame, decimal_comma: bool) -> pd.DataFrame:
        frame.attrs.update(decimal_comma=decimal_comma)
        return check_frame(frame, self.path)


def table_files(path: Path) -> list[Path]:
    """Return the table files that a path names: itself, those of a folder, or those of a pattern.

    Raises
    ------
    SirnaError
        If a folder or a pattern has none.
    """
    if path.is_dir():
        found = [file for file in path.iterdir() if _is_visible_table(file)]
        if not found:
            raise SirnaError(f"{path}: no table file in this folder ({', '.join(SUFFIXES)}).")
    elif path.exists() or not set("*?[") & set(str(path)):
        return [path]
    else:
        root = Path(path.anchor) if path.anchor else Path()
        pattern = str(path.relative_to(root)) if path.anchor else str(path)
        found = [file for file in root.glob(pattern) if _is_visible_table(file)]
        if not found:
            raise SirnaError(f"{path}: no table file has such a name ({', '.join(SUFFIXES)}).")
    return sorted(found)


def _is_visible_table(path: Path) -> bool:
    return path.is_file() and is_table_name(path) and not path.name.startswith(".")
