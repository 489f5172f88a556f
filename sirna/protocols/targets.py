"""Which rows measure the same target, and which rows are of targets that training lacks.

All functions take checked rows: guides in capital RNA letters, NaN where a value is missing.
"""

import numpy as np
import pandas as pd

UNNAMED = ""
"""The target of rows that neither a symbol nor a publication nor a shared guide names."""
FEWEST_TARGETS = 5
LARGEST_SHARE = 1 / 3
"""Share of the rows. With fewer targets, or one larger than this, predicting each target without
its own rows says little about unseen targets."""


def guides(rows: pd.DataFrame) -> pd.Series:
    """Return the antisense bases of n rows; empty where they are missing."""
    return rows["guide"].fillna("")


def named_targets(rows: pd.DataFrame) -> pd.Series:
    """Return the target that symbol or publication names, for n rows; NaN where neither does.

    The name is the gene symbol in capitals (a mouse gene counts as the human one); without a symbol
    the only symbol of the row's publication; without that the publication.
    """
    symbol, publication = _symbols(rows)
    distinct = symbol.groupby(publication).agg(["nunique", "first"])
    only = distinct["first"].where(distinct["nunique"] == 1)
    return symbol.fillna(publication.map(only)).fillna(publication)


def group_targets(rows: pd.DataFrame) -> np.ndarray:
    """Return the target of each row, shape (n,) of str.

    Targets that share a guide are one. Rows without a name take that of another row with the same
    guide, and are `UNNAMED` where there is none.
    """
    names, guide = named_targets(rows), guides(rows)
    names = names.fillna(names.groupby(guide).transform("first")).fillna(UNNAMED)
    return _join_by_guide(names, guide).to_numpy().astype(str)


def can_stand_for_unseen(targets: np.ndarray) -> bool:
    """Return whether these rows hold enough targets, none too large, to learn about unseen ones.

    Parameters
    ----------
    targets : array, shape (n,)
    """
    _, sizes = np.unique(targets, return_counts=True)
    return len(sizes) >= FEWEST_TARGETS and int(sizes.max()) <= LARGEST_SHARE * len(targets)


def unseen_targets(rows: pd.DataFrame, training: pd.DataFrame) -> np.ndarray:
    """Return which of n rows are of targets that training lacks, shape (n,) of bool.

    A row's target is known where a training row has the same guide or the same symbol; where the
    row or all training rows lack a symbol, where a training row has the same publication. A row
    with a new guide and no name counts as unseen: nothing says that its target is known.
    """
    symbol, publication = _symbols(rows)
    symbols, publications = (set(names.dropna()) for names in _symbols(training))
    published = publication.isin(publications) & (symbol.isna() | (not symbols))
    measured = guides(rows).isin(set(guides(training)))
    return ~(symbol.isin(symbols) | published | measured).to_numpy(dtype=bool)


def _symbols(rows: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return gene symbols in capitals, and publications; all missing without a column."""
    nothing = pd.Series([None] * len(rows), index=rows.index, dtype=object)
    return rows.get("target", nothing).str.upper(), rows.get("publication", nothing)


def _join_by_guide(target: pd.Series, guide: pd.Series) -> pd.Series:
    """Give targets that share a guide one name: the smallest of their connected component."""
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
