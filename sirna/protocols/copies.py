"""Find rows that repeat a measurement: the same duplex, conditions and label."""

import numpy as np
import pandas as pd

NOT_COMPARED = frozenset({"id", "publication", "duplex_number", "site"})
"""Columns in which copies of one measurement may differ."""


def first_copies(rows: pd.DataFrame) -> np.ndarray:
    """Return for each of n checked rows the position of the first row that it is a copy of.

    Rows are copies of each other if they agree in all sequences and conditions and in the label;
    their ids and publications may differ. A row that occurs once is its own first copy.

    Returns
    -------
    array of int, shape (n,)
    """
    compared = [name for name in rows if name not in NOT_COMPARED]
    if "label" not in compared or len(compared) == 1:
        return np.arange(len(rows))
    repeated = rows.duplicated(compared, keep=False).to_numpy()
    first = np.arange(len(rows))
    if repeated.any():
        groups = rows.loc[repeated].groupby(compared, dropna=False, sort=False).ngroup().to_numpy()
        positions = np.flatnonzero(repeated)
        _, earliest = np.unique(groups, return_index=True)
        first[positions] = positions[earliest[groups]]
    return first
