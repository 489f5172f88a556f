"""How sure a distribution should be, learned from held-out rows.

With z = Phi^-1(F(y)), a calibrated distribution function F makes z standard normal over rows. The
spread that is found instead is taken back: F becomes Phi(Phi^-1(F) / spread). A spread above 1
widens every distribution about its median, which stays; its bins play no part. (A recalibration of
the probability integral transform: Dawid 1984; Kuleshov, Fenner & Ermon 2018.) A shift of z is not
taken back: it is the level of the held-out groups, and tells little about that of other ones.
"""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import ndtr, ndtri

from sirna.prediction.histogram import Histogram

TINY = 1e-6
"""Least likelihood of a bin: one wild measurement decides nothing."""
SMALLEST = 1e-15
"""Probabilities closer to 0 or 1 count as this far away: below the rounding of their sums."""
NARROWEST, WIDEST = 0.5, 3.0
PRIOR = 20.0
"""Weight, in rows, of the belief that nothing is to be taken back: few rows show little."""


@dataclass(frozen=True)
class Calibration:
    """What is taken back from every predictive distribution.

    Attributes
    ----------
    spread : float
        Standard deviation of z; 1 changes nothing.
    """

    spread: float = 1.0

    def apply(self, predicted: Histogram) -> Histogram:
        """Return the calibrated distributions, each from its own row alone."""
        if self == Calibration():
            return predicted
        inner = _scores(predicted.cdf(predicted.edges[1:-1])) / self.spread
        ends = np.zeros((len(predicted), 1)), np.ones((len(predicted), 1))
        cdf = np.concatenate([ends[0], ndtr(inner), ends[1]], axis=1)
        return Histogram(predicted.edges, np.diff(cdf, axis=1))

    def to_dict(self) -> dict[str, float]:
        """Return plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Self:
        """Rebuild from `to_dict`.

        Raises
        ------
        ValueError
            For a spread that is no number above 0.
        """
        calibration = cls(float(raw["spread"]))
        if not (np.isfinite(calibration.spread) and calibration.spread > 0):
            raise ValueError(f"no calibration: {raw}")
        return calibration


def fit_calibration(predicted: Histogram, truth: np.ndarray) -> Calibration:
    """Fit the spread by the likelihood of the bins that the truth falls into.

    Parameters
    ----------
    predicted : Histogram of n rows
        Predictions of models that did not see these rows.
    truth : array, shape (n,)

    Returns
    -------
    Calibration
    """
    edges = predicted.edges
    bins = np.clip(np.searchsorted(edges, truth, side="right") - 1, 0, len(edges) - 2)
    reached = np.concatenate(
        [np.zeros((len(truth), 1)), np.cumsum(predicted.probs, axis=1)], axis=1
    )
    rows = np.arange(len(truth))
    low, high = _scores(reached[rows, bins]), _scores(reached[rows, bins + 1])
    low[bins == 0], high[bins == len(edges) - 2] = -np.inf, np.inf

    def cost(log_spread: float) -> float:
        spread = np.exp(log_spread)
        mass = ndtr(high / spread) - ndtr(low / spread)
        belief = PRIOR * log_spread**2 / (2 * len(truth))
        return float(-np.log(np.maximum(mass, TINY)).mean()) + belief

    bounds = float(np.log(NARROWEST)), float(np.log(WIDEST))
    return Calibration(float(np.exp(minimize_scalar(cost, bounds=bounds, method="bounded").x)))


def reliability(
    predicted: Histogram, truth: np.ndarray, threshold: float
) -> list[dict[str, float]]:
    """Compare P(y < threshold) with what happened, in ten bins of probability.

    Returns
    -------
    list of dict
        For each bin that is not empty: `rows`, the mean `predicted` and the share `observed`.
    """
    probability = predicted.prob_below(threshold)
    tenth = np.minimum((probability * 10).astype(int), 9)
    return [
        {
            "rows": int((tenth == number).sum()),
            "predicted": float(probability[tenth == number].mean()),
            "observed": float((truth[tenth == number] < threshold).mean()),
        }
        for number in np.unique(tenth)
    ]


def _scores(probability: np.ndarray) -> np.ndarray:
    scores: np.ndarray = ndtri(np.clip(probability, SMALLEST, 1 - SMALLEST))
    return scores
