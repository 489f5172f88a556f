"""Find rows that measure the same target, and rows of targets that no training row has.

All functions take checked rows: guides in capital RNA letters, NaN where a value is missing.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

UNNAMED = ""
"""The target of rows without symbol and publication that share no guide with a named row."""
FEWEST_TARGETS = 5
LARGEST_SHARE = 1 / 3
"""If there are fewer targets, or if one has a larger share of the rows, predictions of each target
without its rows say little about unseen targets."""


def guides(rows: pd.DataFrame) -> pd.Series:
    """Return the antisense bases of n rows; empty text if they are missing."""
    return rows["guide"].fillna("")


def named_targets(rows: pd.DataFrame) -> pd.Series:
    """Return the name of the target of n rows; NaN if a row has neither symbol nor publication.

    The name is the gene symbol in capitals, so that a mouse gene and its human orthologue have the
    same name. A row without a symbol gets the symbol of its publication if that has exactly one,
    otherwise the publication.
    """
    symbol, publication = _symbols(rows)
    distinct = symbol.groupby(publication).agg(["nunique", "first"])
    only = distinct["first"].where(distinct["nunique"] == 1)
    return symbol.fillna(publication.map(only)).fillna(publication)


def group_targets(rows: pd.DataFrame) -> np.ndarray:
    """Return the target of each row, shape (n,) of str.

    Targets that share a guide are joined into one. A row without a name gets the name of another
    row with the same guide, or `UNNAMED` if there is none.
    """
    names, guide = named_targets(rows), guides(rows)
    names = names.fillna(names.groupby(guide).transform("first")).fillna(UNNAMED)
    return _join_by_guide(names, guide).to_numpy().astype(str)


def can_represent_unseen_targets(targets: np.ndarray) -> bool:
    """Return whether targets, predicted without their rows, may represent unseen targets.

    Parameters
    ----------
    targets : array, shape (n,)
    """
    _, sizes = np.unique(targets, return_counts=True)
    return len(sizes) >= FEWEST_TARGETS and int(sizes.max()) <= LARGEST_SHARE * len(targets)


@dataclass(frozen=True)
class KnownTargets:
    """The names and guides by which a target counts as known.

    Attributes
    ----------
    symbols, publications, guides : set of str
    """

    symbols: set[str]
    publications: set[str]
    guides: set[str]

    @classmethod
    def of(cls, training: pd.DataFrame) -> Self:
        """Collect those of the training rows."""
        symbols, publications = (set(names.dropna().unique()) for names in _symbols(training))
        return cls(symbols, publications, set(guides(training).unique()))

    def unseen(self, rows: pd.DataFrame) -> np.ndarray:
        """Return which of n rows are of unseen targets, shape (n,) of bool.

        A row's target is known if a training row has the same guide or the same symbol. If the row
        or all training rows lack a symbol, its target is also known if a training row has the same
        publication. A row with a new guide and no name counts as a row of an unseen target.
        """
        symbol, publication = _symbols(rows)
        unnamed = symbol.isna().to_numpy() | (not self.symbols)
        published = among(publication, self.publications) & unnamed
        measured = among(guides(rows), self.guides)
        unseen: np.ndarray = ~(among(symbol, self.symbols) | published | measured)
        return unseen


def among(values: pd.Series, known: set[str]) -> np.ndarray:
    """Return which of n values are among the known ones, shape (n,) of bool; missing ones are not.

    `Series.isin` copies all known values at every call, which is slow for a single row.
    """
    codes, distinct = pd.factorize(values)  # -1 where missing
    found: np.ndarray = np.array([*(value in known for value in distinct), False])[codes]
    return found


def unseen_targets(rows: pd.DataFrame, training: pd.DataFrame) -> np.ndarray:
    """Return which of n rows are of unseen targets; see `KnownTargets.unseen`."""
    return KnownTargets.of(training).unseen(rows)


def _symbols(rows: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return gene symbols in capitals, and publications; without a column all are missing."""
    nothing = pd.Series([None] * len(rows), index=rows.index, dtype=object)
    return rows.get("target", nothing).str.upper(), rows.get("publication", nothing)


def _join_by_guide(target: pd.Series, guide: pd.Series) -> pd.Series:
    """Rename targets that share guides, directly or through others, to one of their names."""
    name = {value: value for value in target.unique()}

    def root(value: str) -> str:
        while name[value] != value:
            value = name[value]
        return value

    for sharing in target.groupby(guide).unique():
        first = min(root(value) for value in sharing)
        for value in sharing:
            name[root(value)] = first
    return target.map(root)
