"""Solve for the weights of a Gaussian process, and predict training rows without others."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
from scipy.linalg.lapack import spotrf, strtri

from sirna.errors import SirnaError
from sirna.system.files import UNREADABLE_ARRAYS, write_atomically
from sirna.system.threads import in_threads

BLOCK_ROWS = 512
"""Rows by which a whitening grows at a time: with fewer, products of matrices are slower; with
more, more is computed above the diagonal."""
Columns = Callable[[int, int], np.ndarray]
"""``columns(start, stop)`` returns the covariances with noise of the rows before `stop` with those
from `start` to `stop`: a new array of float32, shape (stop, stop - start)."""


@dataclass(frozen=True)
class Whitening:
    """The inverse W of the Cholesky factor of n rows' covariances with noise.

    W is lower triangular, and W'W is the inverse of the covariances. The first rows of W belong to
    the first rows alone, so W grows when rows are added. Only its triangle is kept.

    Attributes
    ----------
    blocks : list of arrays of float32
        Rows `start` to `stop` of W, transposed: shape (stop, stop - start).
    """

    blocks: list[np.ndarray] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.blocks[-1]) if self.blocks else 0

    def grow(self, columns: Columns, rows: int) -> None:
        """Add rows until there are so many.

        Raises
        ------
        LinAlgError
            For covariances that are not positive definite.
        """
        while len(self) < rows:
            self._append(columns(len(self), min(len(self) + BLOCK_ROWS, rows)))

    def _append(self, block: np.ndarray) -> None:
        """Add rows with these covariances, shape (all rows, new rows), which are overwritten.

        With K for the known rows, C between these and the new ones, and D for the new ones, the new
        rows of the factor are L = C'W' beside the factor F of D - LL'. Their inverse is -VLW beside
        V, the inverse of F.
        """
        start, spans = len(self), list(self._spans())

        def whitened(number: int) -> np.ndarray:
            known = self.blocks[number]
            part: np.ndarray = known.T @ block[: len(known)]
            return part

        def products(number: int) -> tuple[np.ndarray, np.ndarray]:
            known, span = self.blocks[number], spans[number]
            return known[: span.start] @ block[span], known[span] @ block[span]

        def divided(number: int) -> np.ndarray:
            part: np.ndarray = -(block[spans[number]] @ inverse)
            return part

        numbers = range(len(spans))
        white = list(in_threads(whitened, numbers))
        for span, part in zip(spans, white, strict=True):
            block[span] = part
        block[start:] -= block[:start].T @ block[:start]
        factor, failed = spotrf(block[start:], lower=1)
        if failed:
            raise np.linalg.LinAlgError("the covariances are not positive definite")
        inverse = np.triu(strtri(factor, lower=1)[0].T)
        for span, (above, part) in zip(spans, in_threads(products, numbers), strict=True):
            block[: span.start] += above
            block[span] = part
        for span, part in zip(spans, in_threads(divided, numbers), strict=True):
            block[span] = part
        block[start:] = inverse
        self.blocks.append(block)

    def _spans(self) -> Iterator[slice]:
        """Yield which rows each block holds."""
        for block in self.blocks:
            yield slice(len(block) - block.shape[1], len(block))

    def solve(self, values: np.ndarray) -> np.ndarray:
        """Return the inverse of the covariances times n values, float32, shape (n,)."""
        result = np.zeros(len(self), dtype=np.float32)
        for block in self.blocks:
            result[: len(block)] += block @ (block.T @ values[: len(block)])
        return result

    def inverse_at(self, rows: np.ndarray) -> np.ndarray:
        """Return the block of k rows, ascending, of the inverse of the covariances; (k, k)."""
        result = np.zeros((len(rows), len(rows)), dtype=np.float32)
        for block in self.blocks[bisect_right(self.blocks, rows[0], key=len) :]:
            reached = bisect_left(rows, len(block))
            part = block[rows[:reached]]
            result[:reached, :reached] += part @ part.T
        return result

    def inverse_diagonal(self) -> np.ndarray:
        """Return the diagonal of the inverse of the covariances, float32, shape (n,)."""
        result = np.zeros(len(self), dtype=np.float32)
        for block in self.blocks:
            result[: len(block)] += np.einsum("ij,ij->i", block, block)
        return result

    def save(self, path: Path) -> None:
        """Store it, completely or not at all.

        Raises
        ------
        SirnaError
            If the file cannot be written.
        """

        def write(draft: Path) -> None:
            with draft.open("wb") as stream:
                np.savez(stream, *self.blocks)

        write_atomically(path, write)

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """Return what was stored; None if it is absent or damaged."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                return cls([stored[f"arr_{index}"] for index in range(len(stored.files))])
        except UNREADABLE_ARRAYS:
            return None


@dataclass(frozen=True)
class Solution:
    """The solution for n training rows.

    Attributes
    ----------
    truth, weights : arrays of float32, shape (n,)
        Standardised labels; the weights of the rows.
    whitening : Whitening of n rows
    """

    truth: np.ndarray
    weights: np.ndarray
    whitening: Whitening

    def without_groups(self, groups: np.ndarray) -> np.ndarray:
        """Return the predicted mean of every row without the rows of its group, shape (n,).

        Parameters
        ----------
        groups : array, shape (n,)
        """
        means: np.ndarray = self.truth - self.weights / self.whitening.inverse_diagonal()
        order = np.argsort(groups, kind="stable")
        _, start = np.unique(groups[order], return_index=True)
        for group in np.split(order, start[1:]):
            if len(group) > 1:
                means[group] = self.without(group)
        return means

    def without(self, rows: np.ndarray) -> np.ndarray:
        """Return the means of k rows, predicted without any of them, shape (k,).

        Parameters
        ----------
        rows : array of int, shape (k,)
            Ascending positions.
        """
        block = self.whitening.inverse_at(rows)
        means: np.ndarray = self.truth[rows] - np.linalg.solve(block, self.weights[rows])
        return means


def solve(
    columns: Columns, truth: np.ndarray, family: str, begun: Whitening | None = None
) -> Solution:
    """Solve for the weights.

    Parameters
    ----------
    columns : Columns
    truth : array, shape (n,)
        Standardised labels.
    family : str
        The family that the message names.
    begun : Whitening, optional
        Of the first rows; it grows to all rows.

    Raises
    ------
    SirnaError
        For a matrix that is not positive definite.
    """
    truth = truth.astype(np.float32)
    whitening = Whitening() if begun is None else begun
    try:
        whitening.grow(columns, len(truth))
    except np.linalg.LinAlgError:
        raise singular_error(family) from None
    return Solution(truth, whitening.solve(truth), whitening)


def singular_error(family: str) -> SirnaError:
    """Return the error for covariances that cannot be solved."""
    return SirnaError(
        f"the {family.replace('_', ' ')} cannot be solved: its covariances are no longer positive "
        f"definite; lower {family}.learning_rate, or set its weights in [mixture] to 0."
    )
