"""The competition score; training, tuning, `sirna score` and all reports use this function."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike

DEFAULT_THRESHOLD = 30.0


@dataclass(frozen=True)
class Score:
    """The competition score and its parts.

    Attributes
    ----------
    score : float
        ``0.5*(1 - mae/100) + 0.5*f1*(1 - range_mae/100)``; higher is better.
    mae, range_mae : float
        Mean absolute error in percentage points, over all rows and over the rows whose
        *prediction* lies in [0, threshold] (100 if there is none).
    f1, precision, recall : float
        For the class "value < threshold"; 0 if undefined.
    rows : int
        Number of rows scored.
    """

    score: float
    mae: float
    range_mae: float
    f1: float
    precision: float
    recall: float
    rows: int

    def as_dict(self) -> dict[str, float]:
        """Return the fields as plain numbers for JSON and tables."""
        return asdict(self)


def competition_score(
    truth: ArrayLike, prediction: ArrayLike, threshold: float = DEFAULT_THRESHOLD
) -> Score:
    """Score predicted against measured percentages of remaining mRNA.

    Parameters
    ----------
    truth, prediction : array_like, shape (n,)
        Percentages; they are not clipped.
    threshold : float
        A row is positive if its value is below this (30 in the competition).

    Returns
    -------
    Score

    Raises
    ------
    ValueError
        For no rows, unequal shapes or a value that is not finite.

    Notes
    -----
    The formula is that of the competition's text. The text does not define F1 and range-MAE if they
    are 0/0; here F1 is then 0 and range-MAE 100, so that the score is never NaN.
    """
    y = np.asarray(truth, dtype=np.float64)
    p = np.asarray(prediction, dtype=np.float64)
    if y.ndim != 1 or y.shape != p.shape or y.size == 0:
        raise ValueError(f"two columns of one length, not 0, are needed: {y.shape} and {p.shape}")
    if not (np.isfinite(y).all() and np.isfinite(p).all()):
        raise ValueError("every value must be a finite number")
    error = np.abs(y - p)
    in_range = (p >= 0) & (p <= threshold)
    mae = float(error.mean())
    range_mae = float(error[in_range].mean()) if in_range.any() else 100.0
    positive, called = y < threshold, p < threshold
    hits = int((positive & called).sum())
    precision = hits / int(called.sum()) if called.any() else 0.0
    recall = hits / int(positive.sum()) if positive.any() else 0.0
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    score = 0.5 * (1 - mae / 100) + 0.5 * f1 * (1 - range_mae / 100)
    return Score(score, mae, range_mae, f1, precision, recall, int(y.size))
