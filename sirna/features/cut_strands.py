"""Cut the strands of a table into bases or chemistries by position; each distinct text once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sirna.features.strands import Tokens, distinct_rows, distinct_texts
from sirna.notation.nucleotides import nucleotide, nucleotides

NO_PART = -1
"""Stands for the empty text beyond the end of a strand."""
NO_TOKEN = -1


@dataclass(frozen=True)
class CutStrands:
    """The strands of n rows, cut into parts by position from the 5' end.

    Attributes
    ----------
    code : array of int64, shape (n,)
        Which of the distinct lists of parts each row has.
    table : array of int64, shape (distinct lists, longest)
        The parts of each list, as indices into `parts`; `NO_PART` beyond its end.
    parts : list of str
        The distinct parts.
    """

    code: np.ndarray
    table: np.ndarray
    parts: list[str]

    @property
    def longest(self) -> int:
        """The number of parts of the longest list."""
        return int(self.table.shape[1])

    def at(self, place: int) -> set[str]:
        """Return the distinct parts at a place; empty text beyond the end of a list."""
        return {[*self.parts, ""][part] for part in np.unique(self.table[:, place])}

    def codes(self, place: int, categories: dict[str, int], other: int) -> np.ndarray:
        """Return the code at a place of each distinct list, int64; `other` without a category."""
        of_part = [categories.get(part, other) for part in [*self.parts, ""]]
        column = self.table[:, place] if place < self.longest else np.full(len(self.table), NO_PART)
        codes: np.ndarray = np.array(of_part, dtype=np.int64)[column]
        return codes

    def count(self, wanted: Collection[str]) -> np.ndarray:
        """Return how many parts of each distinct list are among the wanted ones."""
        among = np.array([part in wanted for part in [*self.parts, ""]])
        counts: np.ndarray = among[self.table].sum(axis=1)
        return counts


def cut_bases(strands: pd.Series, longest: int | None = None) -> CutStrands:
    """Cut strands of plain bases into these; bases beyond the `longest` are left out."""
    code, texts = distinct_texts(strands)
    letters = Tokens.letters([text[:longest] for text in texts])
    return CutStrands(
        code, letters.table(np.arange(len(letters.distinct)), NO_PART), letters.distinct
    )


def cut_chemistry(lists: pd.Series, longest: int | None = None) -> CutStrands:
    """Cut modification lists into the chemistries of their nucleotides, at most `longest`.

    Many lists have the same chemistries, so only distinct chemistries are put together.
    """
    code, texts = distinct_texts(lists)
    return _chemistry(code, texts, longest)


def _chemistry(code: np.ndarray, lists: Sequence[str], longest: int | None) -> CutStrands:
    tokens = Tokens.of_lists(lists)
    # the first token with each mark (a chemistry, or a token without a base) stands for all others
    marks: dict[tuple[bool, str], int] = {}
    stand_in = [
        marks.setdefault((bool(base), chemistry), number)
        for number, (base, chemistry) in enumerate(map(nucleotide, tokens.distinct))
    ]
    table = tokens.table(np.array(stand_in, dtype=np.int64), NO_TOKEN)
    first, of_list = distinct_rows(table)
    lists_of_tokens = [
        [tokens.distinct[token] for token in row if token != NO_TOKEN] for row in table[first]
    ]
    chemistries = [[mark for _, mark in nucleotides(row)][:longest] for row in lists_of_tokens]
    parts = list(dict.fromkeys(mark for row in chemistries for mark in row))
    index = {mark: number for number, mark in enumerate(parts)}
    cut = np.full((len(first), max(map(len, chemistries), default=0)), NO_PART)
    for number, found in enumerate(chemistries):
        cut[number, : len(found)] = [index[mark] for mark in found]
    return CutStrands(of_list[code], cut, parts)
