"""Transcripts by the symbols of their targets, from a FASTA file."""

import difflib
import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pandas as pd

from sirna.errors import SirnaError
from sirna.system.files import name_suggestion, sha256
from sirna.system.limits import LIMITS, check_file, error_text, quoted
from sirna.system.memory import check_memory
from sirna.table.cells import blank
from sirna.table.names import visible

LETTERS = frozenset("ACGUTNRYSWKMBDHV")
"""Bases, and IUPAC's letters for several bases."""
GZIP = b"\x1f\x8b"
BETWEEN_CHECKS = 10_000_000
"""Bases after which the memory is checked again."""
MEMORY_OF_BASE = 3.0
"""Bytes that a base needs while the file is read."""
MOST_SHOWN = 5
"""Largest number of symbols that a note lists."""


@dataclass(frozen=True)
class Transcripts:
    """Transcripts by symbol.

    Attributes
    ----------
    path : Path
    by_symbol : mapping of str to str
        In capital letters.
    digest : str
        SHA-256 of the file.
    """

    path: Path
    by_symbol: Mapping[str, str]
    digest: str

    @classmethod
    def read(cls, path: Path) -> "Transcripts":
        """Read a FASTA file, compressed by gzip or not.

        A record's symbol is its name up to the first blank or bar: `APOB` in ``>APOB|NM_000384.3``.

        Raises
        ------
        SirnaError
            For a file that cannot be read or is no FASTA; for a record without symbol or sequence;
            for other letters than those of nucleotides; for a sequence above the limit; and for two
            records with one symbol and different sequences. The message names file and line.
        """
        if not path.exists():
            raise SirnaError(f"{path}: no such file{name_suggestion(path)}.")
        if path.is_dir():
            raise SirnaError(f"{path}: is a folder; name a FASTA file in it.")
        check_file(path)
        try:
            with path.open("rb") as raw:
                packed = raw.read(len(GZIP)) == GZIP
            with gzip.open(path) if packed else path.open("rb") as stream:
                by_symbol = _by_symbol(path, cast("BinaryIO", stream))
            return cls(path, by_symbol, sha256(path))
        except (OSError, EOFError, zlib.error) as error:
            raise SirnaError(f"{path}: cannot be read ({error_text(error)}).") from error

    def fill(
        self, raw: pd.DataFrame, columns: Mapping[str, str]
    ) -> tuple[pd.DataFrame, Sequence[str]]:
        """Give its target's transcript to each row that has none.

        Parameters
        ----------
        raw : DataFrame of n rows
            The columns of a file as text.
        columns : mapping of str to str
            Role -> column name.

        Returns
        -------
        DataFrame of n rows
            With the column of the transcript, filled where it was blank and the target is known.
        sequence of str
            The symbols without a record, of rows without a transcript.

        Raises
        ------
        SirnaError
            If the table has no column of symbols, or no column may hold the transcript.
        """
        target, name = columns["target"], columns["transcript"]
        if not name or target not in raw:
            lacking = f"no column {target!r} with symbols" if name else "no name for transcripts"
            raise SirnaError(
                f"{self.path}: transcripts are found by the symbols of targets, and there is "
                f"{lacking}; name the column in the [columns] section of a file given by --config."
            )
        codes, symbols = pd.factorize(raw[target].str.strip().fillna(""))
        empty = blank(pd.Series(symbols, dtype=str))
        names = [visible(symbol) for symbol in symbols]
        found = np.array([self.by_symbol.get(one, "") for one in names], dtype=object)
        written = (
            raw[name].astype(object) if name in raw else pd.Series("", raw.index, dtype=object)
        )
        absent = blank(written)
        filled = raw.assign(**{name: written.mask(absent, pd.Series(found[codes], raw.index))})
        filled.attrs.update(raw.attrs)
        wanted = np.unique(codes[absent])
        return filled, [names[one] for one in wanted if not found[one] and not empty[one]]

    def notes(self, lacking: Iterable[str]) -> list[str]:
        """Describe in a note the symbols that have no record."""
        found = sorted(set(lacking))
        if not found:
            return []
        shown = ", ".join(f"{one!r}{self._similar(one)}" for one in found[:MOST_SHOWN])
        more = f" and {len(found) - MOST_SHOWN} more" if len(found) > MOST_SHOWN else ""
        return [
            f"{self.path}: no record for {shown}{more}; the binding sites of rows of "
            f"{'these targets' if len(found) > 1 else 'this target'} are missing"
        ]

    def _similar(self, symbol: str) -> str:
        """Return the record whose symbol is probably meant."""
        folded = {one.casefold(): one for one in self.by_symbol}
        near = difflib.get_close_matches(symbol.casefold(), folded, n=1, cutoff=0.9)
        return f" (there is {folded[near[0]]!r})" if near else ""


def _by_symbol(path: Path, stream: BinaryIO) -> dict[str, str]:
    found: dict[str, str] = {}
    lines: dict[str, int] = {}
    for line, symbol, sequence in _records(path, stream):
        if found.setdefault(symbol, sequence) != sequence:
            raise SirnaError(
                f"{path}: line {line}: a second record {quoted(symbol)} with another sequence than "
                f"that of line {lines[symbol]}; keep the transcript that the guides were made for."
            )
        lines.setdefault(symbol, line)
    if not found:
        raise SirnaError(f"{path}: has no record; a FASTA record begins with '>' and its name.")
    return found


def _records(path: Path, stream: BinaryIO) -> Iterator[tuple[int, str, str]]:
    """Yield the line on which each record begins, its symbol, and its sequence in capitals."""
    begins, symbol, parts, size, total, checked = 0, "", list[str](), 0, 0, 0
    for number, line in _lines(path, stream):
        if line.startswith(">"):
            if begins:
                yield begins, symbol, _joined(path, begins, symbol, parts)
            begins, symbol, parts, size = number, _symbol(path, number, line), [], 0
            continue
        if not begins:
            raise SirnaError(
                f"{path}: line {number}: {quoted(line[:60])} stands before the first record; a "
                "FASTA record begins with '>' and its name."
            )
        part = _letters(path, number, line)
        size, total = size + len(part), total + len(part)
        if size > LIMITS["transcript"].most:
            raise SirnaError(
                f"{path}: line {number}: the sequence of {quoted(symbol)} is too long; "
                f"{LIMITS['transcript'].what} has at most {LIMITS['transcript']}. Is this a genome?"
            )
        if total - checked > BETWEEN_CHECKS:
            checked = total
            remedy = "keep the records of your targets only"
            check_memory(MEMORY_OF_BASE * total, f"{path}: reading the transcripts", remedy)
        parts.append(part)
    if begins:
        yield begins, symbol, _joined(path, begins, symbol, parts)


def _lines(path: Path, stream: BinaryIO) -> Iterator[tuple[int, str]]:
    """Yield the number and the text of each line that is not blank."""
    most, number = LIMITS["line"].most, 0
    while data := stream.readline(most + 1):
        number += 1
        if len(data) > most:
            raise SirnaError(
                f"{path}: line {number} is longer than {LIMITS['line']}; is this FASTA?"
            )
        try:
            text = data.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError as error:
            raise SirnaError(
                f"{path}: line {number} is not UTF-8 text; save the file as plain FASTA."
            ) from error
        if text:
            yield number, text


def _symbol(path: Path, number: int, line: str) -> str:
    symbol = line[1:].lstrip().partition("|")[0].split(maxsplit=1)
    if not symbol:
        raise SirnaError(
            f"{path}: line {number}: {quoted(line[:60])} has no name; write the target's symbol "
            "behind '>', as in '>APOB NM_000384.3'."
        )
    if len(symbol[0]) > LIMITS["name"].most:
        raise SirnaError(f"{path}: line {number}: the name is longer than {LIMITS['name']}.")
    return symbol[0]


def _letters(path: Path, number: int, line: str) -> str:
    part = "".join(line.split()).upper()
    if not LETTERS.issuperset(part):
        odd = next(one for one in part if one not in LETTERS)
        raise SirnaError(
            f"{path}: line {number}: {odd!r} is no letter of a nucleotide; write sequences in "
            f"{''.join(sorted(LETTERS))}, without gaps. Is this a protein?"
        )
    return part.replace("T", "U")


def _joined(path: Path, begins: int, symbol: str, parts: list[str]) -> str:
    if not parts:
        raise SirnaError(
            f"{path}: line {begins}: the record {quoted(symbol)} has no sequence; add it, or "
            "remove the record."
        )
    return "".join(parts)
