"""How sure a distribution should be, learned from held-out rows.

With z = Phi^-1(F(y)), a calibrated distribution function F makes z standard normal over rows. What
is found instead, a shift and a spread, is taken back: F becomes Phi((Phi^-1(F) - shift) / spread).
A spread above 1 widens every distribution; its bins play no part. (A recalibration of the
probability integral transform: Dawid 1984; Kuleshov, Fenner & Ermon 2018.)
"""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import ndtr, ndtri

from sirna.distribution import Histogram

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
    shift, spread : float
        In standard deviations of z; 0 and 1 change nothing.
    """

    shift: float = 0.0
    spread: float = 1.0

    def apply(self, predicted: Histogram) -> Histogram:
        """Return the calibrated distributions, each from its own row alone."""
        if self == Calibration():
            return predicted
        inner = (_scores(predicted.cdf(predicted.edges[1:-1])) - self.shift) / self.spread
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
            For a shift or a spread that is no number, or a spread that is not above 0.
        """
        calibration = cls(float(raw["shift"]), float(raw["spread"]))
        if not (np.isfinite(list(asdict(calibration).values())).all() and calibration.spread > 0):
            raise ValueError(f"no calibration: {raw}")
        return calibration


def fit_calibration(predicted: Histogram, truth: np.ndarray) -> Calibration:
    """Fit shift and spread by the likelihood of the bins that the truth falls into.

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

    def cost(parameters: np.ndarray) -> float:
        shift, spread = parameters[0], np.exp(parameters[1])
        mass = ndtr((high - shift) / spread) - ndtr((low - shift) / spread)
        belief = PRIOR * float((parameters**2).sum()) / (2 * len(truth))
        return float(-np.log(np.maximum(mass, TINY)).mean()) + belief

    bounds = [(-1.0, 1.0), (np.log(NARROWEST), np.log(WIDEST))]
    found = minimize(cost, np.zeros(2), method="Nelder-Mead", bounds=bounds).x
    return Calibration(float(found[0]), float(np.exp(found[1])))


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
