"""Missing values in columns of text."""

import numpy as np
import pandas as pd

MISSING = frozenset({"", "na", "n/a", "nan", "none", "null", "<na>"})


def blank(text: pd.Series) -> np.ndarray:
    """Mark the missing values of a text column, shape (n,)."""
    return (text.isna() | text.str.strip().str.casefold().isin(MISSING)).to_numpy(dtype=bool)
