"""Check a test table of any size block by block, with the results of reading it at once."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sirna.config.config import Config
from sirna.errors import SirnaError
from sirna.system.memory import return_freed_memory
from sirna.table.cells import blank
from sirna.table.check_table import Table, check_rows
from sirna.table.facts import Block, Facts
from sirna.table.kept_blocks import KeptBlocks
from sirna.table.read_blocks import BLOCK_ROWS, FileBlocks
from sirna.table.repeats import Repeats, numbers_of
from sirna.table.report import Purpose, Report
from sirna.table.row_counts import RowCounts
from sirna.table.transcripts import Transcripts

Frame = tuple[pd.DataFrame, int]
"""A block of text, and the number of its first row."""
LABELS = "labels in the file"
MOST_READINGS = 8
"""Readings of a whole table: one settles almost all tables, and each further question one more."""


@dataclass(frozen=True)
class Scan:
    """What one reading of the whole table found.

    Attributes
    ----------
    head : Table
        The columns of the file and of the checked rows, without any row.
    rows : int
    facts : dict of str to bool
        True answers to questions about whole columns.
    suspects : array of uint64
        Numbers of ids that probably occur more than once.
    report : Report
    digest : str
        Of all ids in their order.
    counts : RowCounts
    no_transcript : frozenset of str
        Targets that have no record in the file of transcripts.
    only : Table, optional
        All rows, if they are a single block.
    kept : KeptBlocks
        The checked rows of several blocks.
    """

    head: Table
    rows: int
    facts: dict[str, bool]
    suspects: np.ndarray
    report: Report
    digest: str
    counts: RowCounts
    no_transcript: frozenset[str]
    only: Table | None
    kept: KeptBlocks


@dataclass(frozen=True)
class Reading:
    """How a table is read.

    Attributes
    ----------
    sheet : str
        The sheet of a spreadsheet; default: the first.
    transcripts : Transcripts, optional
        They are read for rows without a transcript; they are not among the columns of the file.
    block_rows : int
        Largest number of rows of a block; it affects memory and speed only.
    advance : callable
        Called with the number of rows that were checked, block by block.
    """

    sheet: str = ""
    transcripts: Transcripts | None = None
    block_rows: int = BLOCK_ROWS
    advance: Callable[[int], object] = lambda rows: None


class Stream:
    """A checked table of test rows, in one or several files, that is never held as a whole.

    Parameters
    ----------
    paths : sequence of Path
        The files; their rows follow each other.
    source : str
        The table's name in messages.
    config : Config
        As for `read_table`.
    reading : Reading

    Raises
    ------
    SirnaError
        As `read_table`; all rows have been checked before the first block is used.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        source: str,
        config: Config,
        reading: Reading = Reading(),
    ) -> None:
        self.paths = list(paths)
        self.source = source
        self._config = config
        self._reading = reading
        self._files = [
            FileBlocks(path, config.columns.values(), reading.sheet, reading.block_rows)
            for path in paths
        ]
        self._states = self._file_states()
        scan = self._settled()
        scan.report.raise_if_bad()
        self.head = scan.head
        self.digest = scan.digest
        self.description = scan.counts.text
        self._facts = scan.facts
        self._rows = scan.rows
        self._only, self._kept = scan.only, scan.kept
        notes = [note for file in self._files for note in file.notes]
        if reading.transcripts is not None:
            notes += reading.transcripts.notes(scan.no_transcript)
        self.notes = (*notes, *scan.report.notes)

    def __len__(self) -> int:
        return self._rows

    @property
    def identity(self) -> list[str]:
        """Texts that change if the files or their way of reading do."""
        transcripts = self._reading.transcripts
        digest = "" if transcripts is None else transcripts.digest
        return [*self._states, self._reading.sheet, digest, self.digest, *sorted(self._facts)]

    @property
    def has_labels(self) -> bool:
        """Whether any row has a label."""
        return LABELS in self._facts

    def blocks(self, first: int = 0) -> Iterator[Table]:
        """Yield the checked rows block by block, from the block that begins with a row.

        Raises
        ------
        SirnaError
            If a file has changed since its rows were checked.
        """
        if self._only is not None:
            yield from [self._only] if first == 0 else []
            return
        facts = Facts(self._facts)
        for number, (raw, start) in enumerate(self._frames(facts)):
            if start >= first:
                self._check_unchanged()
                rows = self._kept.read(number)
                if rows is None:
                    rows, _, _ = self._checked(raw, Block(facts, start))
                yield Table(self.source, raw, rows)

    def _file_states(self) -> list[str]:
        """Return a text for each file that changes if the file does."""
        states = [(path, path.stat()) for path in self.paths]
        return [f"{path} {state.st_size} {state.st_mtime_ns}" for path, state in states]

    def _check_unchanged(self) -> None:
        for path, before, now in zip(self.paths, self._states, self._file_states(), strict=True):
            if now != before:
                raise SirnaError(f"{path}: has changed while it was read; run the command again.")

    def _checked(
        self, raw: pd.DataFrame, block: Block
    ) -> tuple[pd.DataFrame, Report, Sequence[str]]:
        """Return checked rows, the report on them, and their targets without a transcript."""
        lacking: Sequence[str] = ()
        if self._reading.transcripts is not None:
            raw, lacking = self._reading.transcripts.fill(raw, self._config.columns)
        return (*check_rows(raw, self.source, self._config, Purpose.TEST, block), lacking)

    def _settled(self) -> Scan:
        """Read the table until the answers that were assumed are the true ones."""
        facts = Facts()  # a single block answers them itself
        frames = self._frames(facts)
        first, second = next(frames), next(frames, None)
        if second is None:
            return self._gathered([first], facts, self._repeated_in(first[0]))
        assumed, repeated = self._guess(first, frames, facts), frozenset[str]()
        for _ in range(MOST_READINGS):
            scan = self._scan(assumed, repeated)
            if scan.facts != assumed:
                assumed = scan.facts
            elif repeated or not len(scan.suspects) or not (repeated := self._repeated(scan)):
                return scan
            scan.kept.close()
        raise SirnaError(
            f"{self.source}: was read {MOST_READINGS} times without agreeing on how its columns "
            "are written; write each column in one notation."
        )

    def _guess(self, first: Frame, others: Iterator[Frame], facts: Facts) -> dict[str, bool]:
        """Answer the questions from the first block."""
        try:
            self._checked(first[0], Block(facts))
        except SirnaError:  # a column is lacking
            for _ in others:  # a file that cannot be read is reported first
                pass
            raise
        return facts.found

    def _scan(self, assumed: dict[str, bool], repeated: frozenset[str]) -> Scan:
        facts = Facts(assumed)
        return self._gathered(self._frames(facts), facts, repeated)

    def _gathered(self, frames: Iterable[Frame], facts: Facts, repeated: frozenset[str]) -> Scan:
        """Check all blocks, and return what is found in them."""
        report, only, count, counts = None, None, 0, RowCounts()
        digest, no_transcript, kept = hashlib.sha256(), set[str](), KeptBlocks()
        with Repeats() as ids:
            for raw, start in frames:
                rows, found, lacking = self._checked(raw, Block(facts, start, repeated))
                no_transcript.update(lacking)
                if report is None:
                    report, only = found, Table(self.source, raw, rows)
                    head = Table(self.source, raw.iloc[:0], rows.iloc[:0])
                else:
                    if only is not None:
                        kept.add(only.rows)
                    only = None
                    kept.add(rows)
                    report.add_block(found)
                self._look_for_labels(raw, facts)
                digest.update(joined(rows["id"]))
                if self._config.columns["id"] in raw:
                    ids.add(rows["id"][~blank(rows["id"])])
                counts.add(rows)
                count = start + len(rows)
                self._reading.advance(len(rows))
            if report is None:
                raise AssertionError("a file has at least one block")
            return Scan(
                head,
                count,
                facts.found,
                ids.suspects(),
                report,
                digest.hexdigest(),
                counts,
                frozenset(no_transcript),
                only,
                kept,
            )

    def _look_for_labels(self, raw: pd.DataFrame, facts: Facts) -> None:
        label = self._config.columns["label"]
        if label in raw:
            facts.any(LABELS, ~blank(raw[label]))

    def _repeated_in(self, raw: pd.DataFrame) -> frozenset[str]:
        """Return the ids that occur more than once in a block."""
        column = self._config.columns["id"]
        ids = raw[column].str.strip() if column in raw else pd.Series(dtype=str)
        return frozenset(ids[ids.duplicated()])

    def _repeated(self, scan: Scan) -> frozenset[str]:
        """Return the ids that really occur more than once."""
        counts: Counter[str] = Counter()
        column = self._config.columns["id"]
        for raw, _ in self._frames(Facts(scan.facts)):
            ids = raw[column].str.strip()
            counts.update(ids[np.isin(numbers_of(ids), scan.suspects)])
        return frozenset(one for one, count in counts.items() if count > 1)

    def _frames(self, facts: Facts) -> Iterator[Frame]:
        """Yield the blocks of text of all files, and the number of each one's first row."""
        start, columns = 0, list[str]()
        for number, file in enumerate(self._files):
            for place, raw in enumerate(file.frames(facts)):
                if place == 0 and number == 0:
                    columns = list(raw.columns)
                elif place == 0 and list(raw.columns) != columns:
                    raise SirnaError(
                        f"{file.path}: has other columns than {self.paths[0]}: "
                        f"{', '.join(map(repr, raw.columns))}; files of one table need the same "
                        "columns in the same order."
                    )
                yield _placed(raw, file.path) if len(self._files) > 1 else raw, start
                start += len(raw)
                return_freed_memory()  # else blocks of other sizes would need more and more


def _placed(raw: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Add the name of the file to the place of each row in messages."""
    attrs = raw.attrs
    raw = raw.rename_axis(f"{path.name}, {raw.index.name}")
    raw.attrs.update(attrs)
    return raw


def joined(ids: pd.Series) -> bytes:
    """Return ids as bytes to compute a digest from."""
    return "".join(f"{one}\0" for one in ids).encode()
