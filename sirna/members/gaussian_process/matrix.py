"""The covariance matrix of the training rows, assembled in blocks.

Exponentials are computed once for two distinct patterns and two distinct conditions; a pair of rows
only multiplies them. Of the symmetric matrix only the lower triangle is computed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from sirna.features.positional_rows import PositionalRows
from sirna.members.gaussian_process.kernel import LARGEST_DISTANCE, REACHES, Kernel

BLOCK_ROWS = 256
"""Number of rows whose covariances are computed at once: with more, the tables need more memory and
more time, since they leave the cache; the result is the same."""
NEGLIGIBLE = 60.0
"""exp(-60) does not change a sum; smaller results would be denormal numbers, which are slow."""


@dataclass(frozen=True)
class CovarianceMatrix:
    """The covariances of n training rows, without noise.

    Attributes
    ----------
    kernel : Kernel
    rows : PositionalRows of n rows
    """

    kernel: Kernel
    rows: PositionalRows

    def lower_triangle(self) -> np.ndarray:
        """Return the matrix, float32, shape (n, n), column by column.

        Entries above the diagonal are undefined.
        """
        n = len(self.rows)
        matrix = np.empty((n, n), dtype=np.float32, order="F")
        for start in range(0, n, BLOCK_ROWS):
            self.block(start, matrix.T[start : start + BLOCK_ROWS, start:])
        return matrix

    def with_noise(self) -> np.ndarray:
        """Return the lower triangle with the variance of the noise on its diagonal."""
        matrix = self.lower_triangle()
        matrix[np.diag_indices(len(self.rows))] += float(self.kernel.variance)
        return matrix

    def block(self, start: int, out: np.ndarray) -> None:
        """Compute the covariances of the rows from `start` on with all rows from `start` on.

        Parameters
        ----------
        start : int
        out : array of float32, shape (rows of the block, n - start)
            Receives the result.
        """
        rows, strands = self.rows, len(self.kernel.novel)
        here = np.arange(start, start + len(out))
        block = rows.take(here)
        with torch.inference_mode():
            total = torch.zeros(out.shape)
            condition = torch.from_numpy(rows.condition)
            pattern = torch.from_numpy(rows.pattern[start:])
            conditions = [
                table.index_select(0, condition[here]) for table in self._between_conditions
            ]
            for index, distance in enumerate(self.kernel.between_patterns(block, rows)):
                table = (self.kernel.amplitude[index] - distance).exp_()
                part = table.index_select(1, pattern)
                part = part.index_select(0, torch.from_numpy(block.pattern))
                total += part.mul_(conditions[index].index_select(1, condition[start:]))
            for index, part in enumerate(self._in_series(here, start), start=strands):
                total += part.mul_(conditions[index].index_select(1, condition[start:]))
        out[:] = total.numpy()

    @cached_property
    def _between_conditions(self) -> list[Tensor]:
        """The factor of two distinct conditions, one (c, c) table for each component."""
        with torch.inference_mode():
            return [
                distance.neg().exp_()
                for distance in self.kernel.between_conditions(self.rows, self.rows)
            ]

    def _in_series(self, here: np.ndarray, start: int) -> Iterator[Tensor]:
        """Yield the factors of the series' components, shape (block rows, n - start)."""
        reaches, amplitudes = iter(self.kernel.reach.exp()), iter(self._series_amplitudes)
        for places in self.rows.places.T:
            apart = np.abs(places[here, None] - places[start:])
            apart[np.isnan(apart)] = LARGEST_DISTANCE
            distance = torch.from_numpy(np.minimum(apart, LARGEST_DISTANCE).astype(np.float32))
            for _ in REACHES:
                distances = (distance / next(reaches)).clamp_max_(NEGLIGIBLE)
                yield (next(amplitudes) - distances).exp_()

    @property
    def _series_amplitudes(self) -> Tensor:
        return self.kernel.amplitude[len(self.kernel.novel) :]
