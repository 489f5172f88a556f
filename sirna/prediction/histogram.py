"""Predictive distributions of a percentage: histograms, uniform within each bin."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

LEAST_BIN_MASS = 1e-12
"""Least probability of a bin where it is a divisor or the argument of a logarithm."""


def bin_of(edges: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the bin of each value; values beyond the edges belong to the first or last bin.

    Parameters
    ----------
    edges : array, shape (bins + 1,)
        Increasing. A value on an edge belongs to the bin above it.
    values : array
    """
    bins: np.ndarray = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return bins


@dataclass(frozen=True)
class Histogram:
    """n distributions over the same bins; each is uniform within every bin.

    Attributes
    ----------
    edges : array of float64, shape (bins + 1,)
        Increasing, in percent of mRNA that remains.
    probs : array of float64, shape (n, bins)
        Each row adds up to 1.
    """

    edges: np.ndarray
    probs: np.ndarray

    @classmethod
    def from_cdf(cls, edges: np.ndarray, inner: np.ndarray) -> Self:
        """Build distributions that lie wholly within the outer edges.

        Parameters
        ----------
        edges : array, shape (bins + 1,)
        inner : array, shape (n, bins - 1)
            P(y < edge) at every edge but the first and the last. Where rounding makes it fall from
            one edge to the next, the bin between them gets probability 0.
        """
        n = len(inner)
        below = np.concatenate([np.zeros((n, 1)), inner, np.ones((n, 1))], axis=1)
        probs = np.diff(below, axis=1)
        return cls(edges, np.maximum(probs, 0.0, out=probs))

    def __len__(self) -> int:
        return len(self.probs)

    def __getitem__(self, rows: np.ndarray) -> "Histogram":
        return Histogram(self.edges, self.probs[rows])

    def cdf_at_edges(self) -> np.ndarray:
        """Return P(y < edge) at every edge, shape (n, bins + 1)."""
        return np.concatenate([np.zeros((len(self), 1)), np.cumsum(self.probs, axis=1)], axis=1)

    def cdf(self, at: np.ndarray) -> np.ndarray:
        """Return P(y < value) at each of k values, shape (n, k)."""
        inside = np.clip(at, self.edges[0], self.edges[-1])
        bins = bin_of(self.edges, inside)
        part = (inside - self.edges[bins]) / (self.edges[bins + 1] - self.edges[bins])
        cdf: np.ndarray = self.cdf_at_edges()[:, bins] + part * self.probs[:, bins]
        return cdf

    def prob_below(self, value: float) -> np.ndarray:
        """Return P(y < value), shape (n,)."""
        below: np.ndarray = self.cdf(np.array([value]))[:, 0]
        return below

    def quantile(self, level: float) -> np.ndarray:
        """Return the value that y stays below with probability `level`, shape (n,)."""
        cdf_at_edges = np.cumsum(self.probs, axis=1)
        bins = np.minimum((cdf_at_edges < level).sum(axis=1), self.probs.shape[1] - 1)
        rows = np.arange(len(self))
        mass = self.probs[rows, bins]
        part = (level - (cdf_at_edges[rows, bins] - mass)) / np.maximum(mass, LEAST_BIN_MASS)
        low, high = self.edges[bins], self.edges[bins + 1]
        value: np.ndarray = low + np.clip(part, 0.0, 1.0) * (high - low)
        return value

    def median(self) -> np.ndarray:
        """Return the medians, shape (n,): they minimise the expected absolute error."""
        return self.quantile(0.5)

    def mean(self) -> np.ndarray:
        """Return the means, shape (n,)."""
        mean: np.ndarray = self.probs @ ((self.edges[:-1] + self.edges[1:]) / 2)
        return mean

    def absolute_error(self, point: np.ndarray) -> np.ndarray:
        """Return E|y - point| of each row, shape (n,)."""
        low, high = self.edges[:-1], self.edges[1:]
        inside = np.clip(point[:, None], low, high)
        width = high - low
        # the parts of a bin to the left and to the right of a point within it
        left, right = inside - low, high - inside
        beyond = np.abs(point[:, None] - inside)
        cost: np.ndarray = (self.probs * ((left**2 + right**2) / (2 * width) + beyond)).sum(axis=1)
        return cost

    def log_loss(self, truth: np.ndarray) -> float:
        """Return the mean negative log probability of the bins that the true values fall into."""
        mass = self.probs[np.arange(len(truth)), bin_of(self.edges, truth)]
        return float(-np.log(np.maximum(mass, LEAST_BIN_MASS)).mean())

    def rebinned(self, edges: np.ndarray) -> "Histogram":
        """Return the same distributions over other bins; exact if `edges` includes these edges."""
        return Histogram.from_cdf(edges, self.cdf(edges[1:-1]))

    @classmethod
    def mixture(cls, parts: Sequence["Histogram"], weights: Sequence[float] | None = None) -> Self:
        """Return the weighted mixture of several predictions of the same n rows.

        Without weights, all parts count equally.
        """
        edges = np.unique(np.concatenate([part.edges for part in parts]))
        probs = [part.rebinned(edges).probs for part in parts]
        return cls(edges, np.average(probs, axis=0, weights=weights))

    @classmethod
    def stacked(cls, parts: Sequence["Histogram"]) -> Self:
        """Concatenate predictions of different rows."""
        edges = np.unique(np.concatenate([part.edges for part in parts]))
        return cls(edges, np.concatenate([part.rebinned(edges).probs for part in parts]))


def fit_bins(labels: np.ndarray, bins: int, threshold: float) -> np.ndarray:
    """Divide training labels into bins of about equal mass, with the threshold as an edge.

    Parameters
    ----------
    labels : array, shape (n,)
        Percentages that remain. They are rounded to float32, as a network holds them, so that every
        member has the same edges.
    bins : int
        Largest number of bins; there are fewer if many labels are equal.
    threshold : float

    Returns
    -------
    array of float64, shape (at most bins + 1,)
    """
    labels = labels.astype(np.float32).astype(np.float64)
    top = max(float(labels.max()), threshold + 1.0)
    edges = np.quantile(labels, np.linspace(0.0, 1.0, bins + 1)[1:-1])
    edges[np.abs(edges - threshold).argmin()] = threshold
    inner = np.unique(np.round(edges, 6))
    return np.concatenate([[0.0], inner[(inner > 0.0) & (inner < top)], [top]])
