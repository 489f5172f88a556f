"""Missing values in columns of text."""

import numpy as np
import pandas as pd

MISSING = frozenset({"", "na", "n/a", "nan", "none", "null", "<na>"})


def blank(text: pd.Series) -> np.ndarray:
    """Mark the missing values of a text column, shape (n,)."""
    values = text.to_numpy(dtype=object, na_value="").tolist()
    return np.array([value.strip().casefold() in MISSING for value in values], dtype=bool)
