"""Solve for the weights of a Gaussian process, and predict each training row without its group."""

import numpy as np
from scipy.linalg.lapack import spotrf, spotri, spotrs

from sirna.errors import SirnaError


def solve(
    matrix: np.ndarray, truth: np.ndarray, groupings: list[np.ndarray], family: str
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Solve for the weights, and predict every row without its group.

    The matrix is factorised and inverted in place, since a second one may not fit the memory.

    Parameters
    ----------
    matrix : array of float32, shape (n, n), column by column
        The covariances of the training rows with noise; only the lower triangle is read.
    truth : array of float32, shape (n,)
        Standardised labels.
    groupings : list of arrays, shape (n,)
        One or more ways to group the rows: the group of each row.
    family : str
        The family that the message names.

    Returns
    -------
    array, shape (n,)
        The weights.
    list of arrays, shape (n,)
        For each grouping, the predicted mean of every row without the rows of its group.

    Raises
    ------
    SirnaError
        For a matrix that is not positive definite.
    """
    factor, failed = spotrf(matrix, lower=1, overwrite_a=1)
    if failed:
        raise singular_error(family)
    weights = spotrs(factor, truth, lower=1)[0]
    inverse = spotri(factor, lower=1, overwrite_c=1)[0]  # its lower triangle
    return weights, [truth - _residuals(inverse, weights, grouping) for grouping in groupings]


def _residuals(inverse: np.ndarray, weights: np.ndarray, grouping: np.ndarray) -> np.ndarray:
    """Return the error of each row when it is predicted without its group, shape (n,)."""
    residual = np.empty(len(weights), dtype=np.float32)
    order = np.argsort(grouping, kind="stable")
    _, start = np.unique(grouping[order], return_index=True)
    for group in np.split(order, start[1:]):
        block = np.tril(inverse[np.ix_(group, group)])
        block += np.tril(block, -1).T
        residual[group] = np.linalg.solve(block, weights[group])
    return residual


def singular_error(family: str) -> SirnaError:
    """Return the error for covariances that cannot be solved."""
    return SirnaError(
        f"the {family.replace('_', ' ')} cannot be solved: its covariances are no longer positive "
        f"definite; lower {family}.learning_rate, or set its weights in [mixture] to 0."
    )
