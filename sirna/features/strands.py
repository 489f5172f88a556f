"""Cut the distinct strands of a table into tokens, and find its distinct rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

LARGEST_KEY = 2**62
"""Bound of the integers that stand for the values of several columns."""


@dataclass(frozen=True)
class Tokens:
    """Some texts, cut into tokens; tokens are stored as indices among the distinct ones.

    Attributes
    ----------
    index : array of int64, shape (all tokens,)
        The tokens of all texts, one text after the other.
    start : array of int64, shape (texts + 1,)
        Where each text begins in `index`, and the end.
    distinct : list of str
    """

    index: np.ndarray
    start: np.ndarray
    distinct: list[str]

    @classmethod
    def of_lists(cls, texts: Sequence[str]) -> Self:
        """Cut texts at their blanks."""
        lists = pc.utf8_split_whitespace(pc.utf8_trim_whitespace(pa.array(texts, pa.string())))
        values = lists.flatten().dictionary_encode()
        start = lists.offsets.to_numpy().astype(np.int64)
        found = cls(
            values.indices.to_numpy().astype(np.int64), start, values.dictionary.to_pylist()
        )
        return found._without_empty()

    @classmethod
    def cut(cls, texts: Sequence[str], cut: Callable[[str], list[str]]) -> Self:
        """Cut texts by a function."""
        index: dict[str, int] = {}
        parts = [[index.setdefault(token, len(index)) for token in cut(text)] for text in texts]
        start = np.cumsum([0, *map(len, parts)])
        flat = np.array([token for part in parts for token in part], dtype=np.int64)
        return cls(flat, start, list(index))

    def _without_empty(self) -> Self:
        """Drop empty tokens: an empty text is cut into one."""
        if "" not in self.distinct:
            return self
        kept = self.index != self.distinct.index("")
        start = np.concatenate([[0], np.cumsum(kept)])[self.start]
        return type(self)(self.index[kept], start, self.distinct)

    def __len__(self) -> int:
        return len(self.start) - 1

    @property
    def lengths(self) -> np.ndarray:
        """The number of tokens of each text."""
        return np.diff(self.start)

    def table(self, values: np.ndarray, padding: int, longest: int | None = None) -> np.ndarray:
        """Return a value for every token, shape (texts, longest), with padding behind each text.

        Parameters
        ----------
        values : array of int, shape (distinct tokens,)
        padding : int
        longest : int, optional
            Further tokens are left out. Default: the length of the longest text.
        """
        lengths = self.lengths
        width = int(lengths.max(initial=0)) if longest is None else longest
        found = np.full((len(self), width), padding, dtype=np.int64)
        inside = np.arange(width) < lengths[:, None]
        places = (self.start[:-1, None] + np.arange(width))[inside]
        found[inside] = values[self.index[places]]
        return found

    def any_of(self, chosen: np.ndarray) -> np.ndarray:
        """Return which texts have at least one of some tokens, shape (texts,).

        Parameters
        ----------
        chosen : array of bool, shape (distinct tokens,)
        """
        counts = np.concatenate([[0], np.cumsum(chosen[self.index])])
        having: np.ndarray = np.diff(counts[self.start]) > 0
        return having


def distinct_texts(texts: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Return the index of each row's text among the distinct texts, and these; missing is empty."""
    codes, distinct = pd.factorize(texts.fillna("").astype(str))
    return codes.astype(np.int64), distinct.tolist()  # list(distinct) is slow


def distinct_rows(*tables: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the distinct rows of tables that stand side by side, as `np.unique(axis=0)` would.

    Parameters
    ----------
    tables : arrays, shape (n,) or (n, columns)
        Numbers, none of them NaN.

    Returns
    -------
    array of int64, shape (distinct,)
        The first row that has each distinct content; contents in ascending order.
    array of int64, shape (n,)
        Which distinct content each row has.
    """
    key = np.zeros(len(tables[0]), dtype=np.int64)
    size = 1
    for table in tables:
        for column in table.T if table.ndim > 1 else [table]:
            values = column
            if column.dtype.kind == "f":
                values = np.unique(column, return_inverse=True)[1]
            low = int(values.min(initial=0))
            radix = int(values.max(initial=0)) - low + 1
            if size * radix > LARGEST_KEY:
                _, key = np.unique(key, return_inverse=True)
                size = int(key.max(initial=0)) + 1
            key = key * radix + (values - low)
            size *= radix
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    return first, inverse
