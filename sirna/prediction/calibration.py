"""How sure a distribution should be, learned from held-out rows.

With z = Phi^-1(F(y)), a calibrated distribution function F makes z standard normal over rows. Where
its spread over held-out rows is another, F is replaced by Phi(Phi^-1(F) / spread): a spread above 1
widens every distribution about its median, which stays. (A recalibration of the probability
integral transform: Dawid 1984; Kuleshov, Fenner & Ermon 2018.) A shift of z is not corrected: it is
the level of the held-out groups, and says little about other groups.
"""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import ndtr, ndtri

from sirna.prediction.histogram import Histogram, bin_of

LEAST_MASS = 1e-6
"""Least likelihood of a bin, so that no single measurement decides the spread."""
SMALLEST = 1e-15
"""Probabilities closer than this to 0 or 1 are moved to this distance: it is below the rounding of
their sums."""
NARROWEST, WIDEST = 0.5, 3.0
PRIOR = 20.0
"""Weight, in rows, of the prior that no correction is needed: a few rows show little."""


@dataclass(frozen=True)
class Calibration:
    """The correction that every predictive distribution gets.

    Attributes
    ----------
    spread : float
        Standard deviation of z; 1 changes nothing.
    """

    spread: float = 1.0

    def apply(self, predicted: Histogram) -> Histogram:
        """Return the calibrated distributions; each depends on its own row alone."""
        if self == Calibration():
            return predicted
        inner = _normal_quantiles(predicted.cdf(predicted.edges[1:-1])) / self.spread
        return Histogram.from_cdf(predicted.edges, ndtr(inner))

    def to_dict(self) -> dict[str, float]:
        """Return plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Self:
        """Rebuild from `to_dict`.

        Raises
        ------
        ValueError
            For a spread that is not a number above 0.
        """
        calibration = cls(float(raw["spread"]))
        if not (np.isfinite(calibration.spread) and calibration.spread > 0):
            raise ValueError(f"not a calibration: {raw}")
        return calibration


def fit_calibration(predicted: Histogram, truth: np.ndarray) -> Calibration:
    """Fit the spread by the likelihood of the bins that the true values fall into.

    Parameters
    ----------
    predicted : Histogram of n rows
        Predictions of models that did not see these rows.
    truth : array, shape (n,)

    Returns
    -------
    Calibration
    """
    bins, reached = bin_of(predicted.edges, truth), predicted.reached()
    rows = np.arange(len(truth))
    low = _normal_quantiles(reached[rows, bins])
    high = _normal_quantiles(reached[rows, bins + 1])
    low[bins == 0], high[bins == predicted.probs.shape[1] - 1] = -np.inf, np.inf

    def cost(log_spread: float) -> float:
        spread = np.exp(log_spread)
        mass = ndtr(high / spread) - ndtr(low / spread)
        prior = PRIOR * log_spread**2 / (2 * len(truth))
        return float(-np.log(np.maximum(mass, LEAST_MASS)).mean()) + prior

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


def _normal_quantiles(probability: np.ndarray) -> np.ndarray:
    quantiles: np.ndarray = ndtri(np.clip(probability, SMALLEST, 1 - SMALLEST))
    return quantiles
