"""Solve for the weights of a Gaussian process, and predict training rows without others."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import spotrf, spotrs, strtri

from sirna.errors import SirnaError

BLOCK_ROWS = 4096
"""Rows of the whitening matrix that are read at once; it limits the memory."""


@dataclass(frozen=True)
class Solution:
    """The solution for n training rows.

    Attributes
    ----------
    truth, weights : arrays of float32, shape (n,)
        Standardised labels; the weights of the rows.
    whitening : array of float32, shape (n, n), column by column
        The inverse W of the Cholesky factor of the covariances with noise; it is lower triangular.
        Their inverse is W'W, of which only the blocks of single groups are ever needed.
    """

    truth: np.ndarray
    weights: np.ndarray
    whitening: np.ndarray

    def without_groups(self, groups: np.ndarray) -> np.ndarray:
        """Return the predicted mean of every row without the rows of its group, shape (n,).

        Parameters
        ----------
        groups : array, shape (n,)
        """
        means = np.empty(len(self.weights), dtype=np.float32)
        order = np.argsort(groups, kind="stable")
        _, start = np.unique(groups[order], return_index=True)
        for group in np.split(order, start[1:]):
            means[group] = self.without(group)
        return means

    def without(self, rows: np.ndarray) -> np.ndarray:
        """Return the means of k rows, predicted without any of them, shape (k,).

        Parameters
        ----------
        rows : array of int, shape (k,)
            Ascending positions.
        """
        block = np.zeros((len(rows), len(rows)), dtype=np.float32)
        for start in range(int(rows[0]), len(self.whitening), BLOCK_ROWS):
            part = self.whitening[start : start + BLOCK_ROWS, rows]
            block += part.T @ part
        means: np.ndarray = self.truth[rows] - np.linalg.solve(block, self.weights[rows])
        return means


def solve(matrix: np.ndarray, truth: np.ndarray, family: str) -> Solution:
    """Solve for the weights.

    The matrix is factorised, and the factor inverted, in place, since a second matrix may not fit
    the memory.

    Parameters
    ----------
    matrix : array of float32, shape (n, n), column by column
        The covariances of the training rows with noise; only the lower triangle is read.
    truth : array, shape (n,)
        Standardised labels.
    family : str
        The family that the message names.

    Raises
    ------
    SirnaError
        For a matrix that is not positive definite.
    """
    truth = truth.astype(np.float32)
    factor, failed = spotrf(matrix, lower=1, overwrite_a=1)
    if failed:
        raise singular_error(family)
    weights = spotrs(factor, truth, lower=1)[0]
    return Solution(truth, weights, strtri(factor, lower=1, overwrite_c=1)[0])


def singular_error(family: str) -> SirnaError:
    """Return the error for covariances that cannot be solved."""
    return SirnaError(
        f"the {family.replace('_', ' ')} cannot be solved: its covariances are no longer positive "
        f"definite; lower {family}.learning_rate, or set its weights in [mixture] to 0."
    )
