"""Missing values in columns of text."""

import numpy as np
import pandas as pd

MISSING = frozenset({"", "na", "n/a", "nan", "none", "null", "<na>"})


def blank(text: pd.Series) -> np.ndarray:
    """Mark the missing values of a text column, shape (n,)."""
    codes, distinct = pd.factorize(text)  # -1 where missing
    empty = [one.strip().casefold() in MISSING for one in distinct.tolist()]
    return np.array([*empty, True])[codes]
