"""Distances of many rows to many others, for all components of a kernel at once."""

import numpy as np

from sirna.features.positional_rows import UNSEEN

FLOAT32_BITS = 24
"""Bits of a float32 number: whole numbers below 2**24 are exact, and so are their sums."""


def _one_hot(codes: np.ndarray, start: np.ndarray) -> np.ndarray:
    hot = np.zeros((len(codes), int(start[-1])))
    rows, columns = np.nonzero(codes != UNSEEN)
    hot[rows, (codes + start[:-1])[rows, columns]] = 1.0
    return hot


def _widths(codes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return how many codes each column has, shape (columns,)."""
    largest = np.maximum(codes.max(axis=0, initial=UNSEEN), others.max(axis=0, initial=0))
    widths: np.ndarray = largest + 1
    return widths


def mismatches(codes: np.ndarray, others: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the summed weights of the columns in which two rows differ.

    Parameters
    ----------
    codes : array of int64, shape (n, columns)
    others : array of int64, shape (m, columns)
    weights : array, shape (components, columns)

    Returns
    -------
    array, shape (components, n, m)
    """
    widths = _widths(codes, others)
    start = np.concatenate([[0], np.cumsum(widths)])
    spread = np.repeat(weights, widths, axis=1)
    matches = (_one_hot(codes, start) * spread[:, None]) @ _one_hot(others, start).T
    found: np.ndarray = np.maximum(weights.sum(axis=1)[:, None, None] - matches, 0.0)
    return found


class ExactMismatches:
    """What `mismatches` returns as float32, without any rounding in the sums, for m fixed rows.

    The weights are rounded to multiples of a power of 2 that is so coarse that all their sums are
    float32 numbers. So the result for two rows depends on these rows only, whatever the order of
    summation; the rounding of a weight is below that of float32.

    Parameters
    ----------
    others : array of int64, shape (m, columns)
    weights : array, shape (components, columns)
    """

    def __init__(self, others: np.ndarray, weights: np.ndarray) -> None:
        largest = weights.sum(axis=1, keepdims=True)
        unit = 2.0 ** (np.ceil(np.log2(np.maximum(largest, 1e-30))) + 1 - FLOAT32_BITS)
        rounded = np.round(weights / unit) * unit
        self._widths = others.max(axis=0, initial=UNSEEN) + 1
        self._start = np.concatenate([[0], np.cumsum(self._widths)])
        self._spread = np.repeat(rounded, self._widths, axis=1).astype(np.float32)
        self._total = rounded.sum(axis=1).astype(np.float32)
        self._others = _one_hot(others, self._start).astype(np.float32)

    def of(self, codes: np.ndarray) -> np.ndarray:
        """Return the result for n rows, shape (components, n, m).

        Parameters
        ----------
        codes : array of int64, shape (n, columns)
        """
        known = np.where(codes < self._widths, codes, UNSEEN)
        one_hot = _one_hot(known, self._start).astype(np.float32)
        spread = (one_hot * self._spread[:, None]).reshape(-1, one_hot.shape[1])
        matches: np.ndarray = spread @ self._others.T
        np.subtract(np.repeat(self._total, len(codes))[:, None], matches, out=matches)
        return matches.reshape(len(self._total), len(codes), len(self._others))


def squared(values: np.ndarray, others: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return weighted squared distances, shape (components, n, m)."""
    found = np.zeros((len(weights), len(values), len(others)))
    for column, weight in enumerate(weights.T):
        gaps = values[:, column, None].astype(np.float64) - others[:, column]
        found += weight[:, None, None] * gaps**2
    return found
