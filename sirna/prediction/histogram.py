"""Predictive distributions of a percentage: histograms, uniform within each bin."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class Histogram:
    """n distributions over common bins, each uniform within a bin.

    Attributes
    ----------
    edges : array of float64, shape (bins + 1,)
        Increasing, in percent of mRNA that remains.
    probs : array of float64, shape (n, bins)
        Rows add up to 1.
    """

    edges: np.ndarray
    probs: np.ndarray

    def __len__(self) -> int:
        return len(self.probs)

    def __getitem__(self, rows: np.ndarray) -> "Histogram":
        return Histogram(self.edges, self.probs[rows])

    def cdf(self, at: np.ndarray) -> np.ndarray:
        """Return P(y < value) at each of k values, shape (n, k)."""
        reached = np.concatenate([np.zeros((len(self), 1)), np.cumsum(self.probs, axis=1)], axis=1)
        inside = np.clip(at, self.edges[0], self.edges[-1])
        bins = np.clip(
            np.searchsorted(self.edges, inside, side="right") - 1, 0, len(self.edges) - 2
        )
        part = (inside - self.edges[bins]) / (self.edges[bins + 1] - self.edges[bins])
        cdf: np.ndarray = reached[:, bins] + part * self.probs[:, bins]
        return cdf

    def prob_below(self, value: float) -> np.ndarray:
        """Return P(y < value), shape (n,)."""
        below: np.ndarray = self.cdf(np.array([value]))[:, 0]
        return below

    def quantile(self, level: float) -> np.ndarray:
        """Return the value below which a share `level` lies, shape (n,)."""
        reached = np.cumsum(self.probs, axis=1)
        bins = np.minimum((reached < level).sum(axis=1), self.probs.shape[1] - 1)
        rows = np.arange(len(self))
        mass = self.probs[rows, bins]
        part = (level - (reached[rows, bins] - mass)) / np.maximum(mass, 1e-12)
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
        # left and right of the point, in a bin that may hold it
        left, right = inside - low, high - inside
        beyond = np.abs(point[:, None] - inside)
        cost: np.ndarray = (self.probs * ((left**2 + right**2) / (2 * width) + beyond)).sum(axis=1)
        return cost

    def rebinned(self, edges: np.ndarray) -> "Histogram":
        """Return the same distributions over other bins; exact where `edges` holds ours."""
        cdf = self.cdf(edges)
        cdf[:, 0], cdf[:, -1] = 0.0, 1.0
        return Histogram(edges, np.diff(cdf, axis=1))

    @classmethod
    def mixture(cls, parts: Sequence["Histogram"], weights: Sequence[float] | None = None) -> Self:
        """Return the mixture of several predictions of the same n rows, an even one by default."""
        edges = np.unique(np.concatenate([part.edges for part in parts]))
        probs = [part.rebinned(edges).probs for part in parts]
        return cls(edges, np.average(probs, axis=0, weights=weights))

    @classmethod
    def stacked(cls, parts: Sequence["Histogram"]) -> Self:
        """Return predictions of different rows, one part below the other."""
        edges = np.unique(np.concatenate([part.edges for part in parts]))
        return cls(edges, np.concatenate([part.rebinned(edges).probs for part in parts]))


def fit_bins(labels: np.ndarray, bins: int, threshold: float) -> np.ndarray:
    """Cut training labels into bins of about equal mass, with the threshold as an edge.

    Parameters
    ----------
    labels : array, shape (n,)
        Percentages that remain.
    bins : int
        How many at most; ties in the labels make fewer.
    threshold : float

    Returns
    -------
    array of float64, shape (at most bins + 1,)
    """
    top = max(float(labels.max()), threshold + 1.0)
    edges = np.quantile(labels, np.linspace(0.0, 1.0, bins + 1)[1:-1])
    edges[np.abs(edges - threshold).argmin()] = threshold
    inner = np.unique(np.round(edges, 6))
    return np.concatenate([[0.0], inner[(inner > 0.0) & (inner < top)], [top]])


def network_bins(labels: np.ndarray, bins: int, threshold: float) -> np.ndarray:
    """Return the bins of a network for these labels, which it holds as float32; see `fit_bins`."""
    return fit_bins(labels.astype(np.float32).astype(np.float64), bins, threshold)
