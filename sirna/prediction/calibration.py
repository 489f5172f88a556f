"""Calibration: widen or narrow distributions to fit the errors of held-out rows.

Let z = Phi^-1(F(y)) for a predicted distribution function F and a label y. If F is calibrated, z is
standard normal over rows. If its standard deviation over held-out rows is another `spread`, F is
replaced by Phi(Phi^-1(F) / spread): a spread above 1 widens every distribution; its median stays
the same. (This recalibrates the probability integral transform: Dawid 1984; Kuleshov, Fenner &
Ermon 2018.) The mean of z is not corrected, since it reflects the levels of the held-out groups,
which say little about other groups.
"""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from scipy.special import ndtr, ndtri

from sirna.prediction.histogram import Histogram, bin_of

LEAST_LIKELIHOOD = 1e-6
"""Least probability of a bin in the fit, so that a single outlier does not decide the spread."""
PROBABILITY_MARGIN = 1e-15
"""Least distance of a probability from 0 and 1; closer ones are moved. It is below the rounding
errors of sums of probabilities."""
NARROWEST, WIDEST = 0.5, 3.0
PRIOR = 20.0
"""Weight of the prior for a spread of 1, in rows; it keeps the spread near 1 if rows are few."""


@dataclass(frozen=True)
class Calibration:
    """A correction that is applied to every predictive distribution.

    Attributes
    ----------
    spread : float
        Standard deviation of z; 1 changes nothing.
    """

    spread: float = 1.0

    def apply(self, predicted: Histogram) -> Histogram:
        """Return the calibrated distributions; rows do not affect each other."""
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
    """Fit the spread that maximises the likelihood of the bins that the labels fall into.

    Parameters
    ----------
    predicted : Histogram of n rows
        Predictions by models that were not fitted on these rows.
    truth : array, shape (n,)

    Returns
    -------
    Calibration
    """
    from scipy.optimize import minimize_scalar  # noqa: PLC0415 - loads slowly; inference needs none

    bins, cdf_at_edges = bin_of(predicted.edges, truth), predicted.cdf_at_edges()
    rows = np.arange(len(truth))
    low = _normal_quantiles(cdf_at_edges[rows, bins])
    high = _normal_quantiles(cdf_at_edges[rows, bins + 1])
    low[bins == 0], high[bins == predicted.probs.shape[1] - 1] = -np.inf, np.inf

    def cost(log_spread: float) -> float:
        spread = np.exp(log_spread)
        mass = ndtr(high / spread) - ndtr(low / spread)
        prior = PRIOR * log_spread**2 / (2 * len(truth))
        return float(-np.log(np.maximum(mass, LEAST_LIKELIHOOD)).mean()) + prior

    bounds = float(np.log(NARROWEST)), float(np.log(WIDEST))
    return Calibration(float(np.exp(minimize_scalar(cost, bounds=bounds, method="bounded").x)))


def reliability(
    predicted: Histogram, truth: np.ndarray, threshold: float
) -> list[dict[str, float]]:
    """Compare P(y < threshold) with the observed shares, in ten bins of probability.

    Returns
    -------
    list of dict
        For each bin that is not empty: `rows`, the mean `predicted` and the share `observed`.
    """
    probability = predicted.prob_below(threshold)
    tenth = np.minimum((probability * 10).astype(int), 9)
    return [
        {
            "rows": int((tenth == index).sum()),
            "predicted": float(probability[tenth == index].mean()),
            "observed": float((truth[tenth == index] < threshold).mean()),
        }
        for index in np.unique(tenth)
    ]


def _normal_quantiles(probability: np.ndarray) -> np.ndarray:
    quantiles: np.ndarray = ndtri(np.clip(probability, PROBABILITY_MARGIN, 1 - PROBABILITY_MARGIN))
    return quantiles
