"""The word encoder: counts short words of bases, tokens and chemistries, for small tables.

A table of a few hundred rows is too small to learn what stands at each of forty positions. Counts
of short words, wherever they stand in a strand, need far fewer rows (the spectrum kernel: Leslie,
Eskin & Noble 2002). Words are counted in blocks; models weight whole blocks, not single words.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Self

import numpy as np
import pandas as pd
from pydantic import Field

from sirna.config.fields import one_of
from sirna.config.schema import CovariatesConfig
from sirna.config.stored import StoredForm, Text, read_stored
from sirna.features.covariates import Covariates
from sirna.features.positional import LONGEST, STRANDS
from sirna.features.strands import distinct_rows, distinct_texts
from sirna.notation.nucleotides import nucleotides
from sirna.protocols.protocol import Protocol

SHORT, LONG = (1, 2), (3, 4)
"""Lengths of the words of bases, in two blocks."""
OF_BASES = ("short words", "long words", "places of bases")
OF_TOKENS = ("tokens", "pairs of tokens", "chemistry", "places of chemistry")
BLOCKS = (*OF_BASES, *OF_TOKENS)
COUNTED_BLOCKS = ("short words", "long words", "tokens", "chemistry")
"""The blocks without places and pairs of tokens."""
FEWEST_DUPLEXES = 2
"""Words of fewer distinct duplexes are left out."""

Words = dict[str, Counter[str]]
"""The words of one duplex, by block."""


@dataclass(frozen=True)
class WordRows:
    """n encoded rows; what rows have in common is stored once.

    Attributes
    ----------
    duplex : array of int64, shape (n,)
        Which of d distinct duplexes each row has.
    counts : dict of str to array of float64, shape (d, words)
        By block: how often each word occurs.
    condition : array of int64, shape (n,)
        Which of c distinct conditions each row has.
    categories : array of int64, shape (c, roles)
    numbers : array of float64, shape (c, roles)
    """

    duplex: np.ndarray
    counts: dict[str, np.ndarray]
    condition: np.ndarray
    categories: np.ndarray
    numbers: np.ndarray

    def __len__(self) -> int:
        return len(self.duplex)

    def take(self, rows: np.ndarray) -> "WordRows":
        """Return some rows, with only the duplexes and conditions that they have."""
        duplexes, duplex = np.unique(self.duplex[rows], return_inverse=True)
        conditions, condition = np.unique(self.condition[rows], return_inverse=True)
        return WordRows(
            duplex,
            {block: counts[duplexes] for block, counts in self.counts.items()},
            condition,
            self.categories[conditions],
            self.numbers[conditions],
        )


class WordsForm(StoredForm):
    """`WordEncoder` as plain data."""

    words: dict[Annotated[str, one_of(BLOCKS)], list[Annotated[Text, Field(min_length=1)]]]
    lists: tuple[Annotated[str, one_of(tuple(STRANDS.values()))], ...]
    conditions: dict[str, Any]


@dataclass(frozen=True)
class WordEncoder:
    """Turns rows into `WordRows`; fitted on training rows only.

    Attributes
    ----------
    words : dict of str to list of str
        The sorted words of each block.
    lists : tuple of str
        The modification lists that are read.
    conditions : Covariates
    """

    words: dict[str, list[str]]
    lists: tuple[str, ...]
    conditions: Covariates

    @classmethod
    def fit(
        cls,
        rows: pd.DataFrame,
        config: CovariatesConfig,
        sequences: Iterable[str],
        protocol: Protocol,
    ) -> Self:
        """Fit on training rows; modification lists are read only if they are in `sequences`."""
        lists = _lists(rows, sequences)
        _, duplexes = _duplexes(rows, lists)
        found = [_words(duplex, lists) for duplex in duplexes]
        words: dict[str, list[str]] = {}
        for block in BLOCKS if lists else OF_BASES:
            occurs = Counter(word for duplex in found for word in duplex[block])
            words[block] = sorted(word for word, n in occurs.items() if n >= FEWEST_DUPLEXES)
        words["short words"] = words["short words"] or ["A", "C", "G", "U"]
        words = {block: kept for block, kept in words.items() if kept}
        return cls(words, lists, Covariates.fit(rows, config, protocol))

    @property
    def reads(self) -> set[str]:
        """The roles that a row needs to be predicted."""
        return {"guide", *self.lists} | self.conditions.reads

    @property
    def reads_of_training(self) -> set[str]:
        """The roles that are read in training rows."""
        return {"guide", *self.lists, *self.conditions.roles}

    def encode(self, rows: pd.DataFrame, training: bool = False) -> WordRows:
        """Encode n checked rows; every distinct duplex is cut once.

        Parameters
        ----------
        rows : DataFrame of n rows
        training : bool
            Whether these are training rows; only in these may the names of targets be read.
        """
        duplex, duplexes = _duplexes(rows, self.lists)
        counts = {block: np.zeros((len(duplexes), len(kept))) for block, kept in self.words.items()}
        columns = {
            block: {word: column for column, word in enumerate(kept)}
            for block, kept in self.words.items()
        }
        for row, sequences in enumerate(duplexes):
            found = _words(sequences, self.lists)
            for block, index in columns.items():
                for word, count in found[block].items():
                    if word in index:
                        counts[block][row, index[word]] = count
        categories = self.conditions.categories(rows, training)
        numbers = self.conditions.numbers(rows)[:, 0::2].astype(np.float64)
        where, condition = distinct_rows(categories, numbers)
        if not categories.shape[1] + numbers.shape[1]:
            where, condition = np.zeros(min(len(rows), 1), np.int64), np.zeros(len(rows), np.int64)
        return WordRows(duplex, counts, condition, categories[where], numbers[where])

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Self:
        """Rebuild from `to_dict`.

        Raises
        ------
        ValueError
            For data of another form.
        """
        form = read_stored(WordsForm, raw)
        conditions = Covariates.from_dict(form.conditions)
        return cls({k: list(v) for k, v in form.words.items()}, form.lists, conditions)


def count_duplexes(rows: pd.DataFrame, sequences: Iterable[str]) -> int:
    """Return how many distinct duplexes checked rows have."""
    return len(_duplexes(rows, _lists(rows, sequences))[1])


def _lists(rows: pd.DataFrame, sequences: Iterable[str]) -> tuple[str, ...]:
    """Return the modification lists of a table that may be read."""
    wanted = set(sequences)
    return tuple(role for role in STRANDS.values() if role in rows and role in wanted)


def _duplexes(rows: pd.DataFrame, lists: Sequence[str]) -> tuple[np.ndarray, list[list[str]]]:
    """Return which of the distinct duplexes each row has, and their sequences.

    A list that the rows lack counts as empty.
    """
    nothing = pd.Series("", index=rows.index)
    columns = [distinct_texts(rows.get(role, nothing)) for role in ("guide", *lists)]
    first, duplex = distinct_rows(*(code for code, _ in columns))
    texts = [[distinct[code] for code in codes[first]] for codes, distinct in columns]
    return duplex, [list(each) for each in zip(*texts, strict=True)]


def _words(sequences: Sequence[str], lists: Sequence[str]) -> Words:
    """Return the words of a guide and its modification lists."""
    bases = sequences[0][:LONGEST]
    found: Words = {block: Counter() for block in BLOCKS}
    found["short words"].update(_cut(bases, SHORT))
    found["long words"].update(_cut(bases, LONG))
    found["places of bases"].update(f"{place} {base}" for place, base in enumerate(bases, 1))
    for role, text in zip(lists, sequences[1:], strict=True):
        strand = role.split("_")[0]
        tokens = text.split()[: 4 * LONGEST]
        kinds = [kind for _, kind in nucleotides(tokens)][:LONGEST]
        found["tokens"].update(f"{strand} {token}" for token in tokens)
        found["pairs of tokens"].update(f"{strand} {' '.join(pair)}" for pair in _cut(tokens, (2,)))
        found["chemistry"].update(f"{strand} {' '.join(word)}" for word in _cut(kinds, SHORT))
        found["places of chemistry"].update(
            f"{strand} {place} {kind}" for place, kind in enumerate(kinds, 1)
        )
    return found


def _cut(sequence: Any, lengths: Sequence[int]) -> list[Any]:
    """Return all contiguous parts of some lengths."""
    return [
        sequence[start : start + length]
        for length in lengths
        for start in range(len(sequence) - length + 1)
    ]
