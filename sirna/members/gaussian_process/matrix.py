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
from sirna.system.threads import in_threads

BLOCK_ROWS = 256
"""Number of rows whose covariances are computed at once: with more, the tables need more memory and
more time, since they leave the cache; the result is the same."""
NEGLIGIBLE = 60.0
"""exp(-60) does not change a sum; smaller results would be denormal numbers, which are slow."""


@dataclass(frozen=True)
class CovarianceMatrix:
    """The covariances of n training rows.

    Attributes
    ----------
    kernel : Kernel
    rows : PositionalRows of n rows
    """

    kernel: Kernel
    rows: PositionalRows

    def columns(self, start: int, stop: int) -> np.ndarray:
        """Return the covariances, with noise, of the rows before `stop` with those from `start` on.

        Returns
        -------
        array of float32, shape (stop, stop - start)
        """
        matrix = np.empty((stop, stop - start), dtype=np.float32)

        def compute(first: int) -> None:
            last = min(first + BLOCK_ROWS, stop)
            matrix[:, first - start : last - start] = self._block(np.arange(first, last), stop).T

        for _ in in_threads(compute, range(start, stop, BLOCK_ROWS)):
            pass
        here = np.arange(start, stop)
        matrix[here, here - start] += float(self.kernel.variance)
        return matrix

    def _block(self, here: np.ndarray, stop: int) -> np.ndarray:
        """Return the covariances of some rows with those before `stop`, shape (rows, stop)."""
        rows, strands = self.rows, len(self.kernel.novel)
        block = rows.take(here)
        with torch.inference_mode():
            total = torch.zeros(len(here), stop)
            condition = torch.from_numpy(rows.condition)
            pattern = torch.from_numpy(rows.pattern[:stop])
            conditions = [
                table.index_select(0, condition[here]) for table in self._between_conditions
            ]
            for index, distance in enumerate(self.kernel.between_patterns(block, rows)):
                table = (self.kernel.amplitude[index] - distance).exp_()
                part = table.index_select(1, pattern)
                part = part.index_select(0, torch.from_numpy(block.pattern))
                total += part.mul_(conditions[index].index_select(1, condition[:stop]))
            for index, part in enumerate(self._in_series(here, stop), start=strands):
                total += part.mul_(conditions[index].index_select(1, condition[:stop]))
        return total.numpy()

    @cached_property
    def _between_conditions(self) -> list[Tensor]:
        """The factor of two distinct conditions, one (c, c) table for each component."""
        with torch.inference_mode():
            return [
                distance.neg().exp_()
                for distance in self.kernel.between_conditions(self.rows, self.rows)
            ]

    def _in_series(self, here: np.ndarray, stop: int) -> Iterator[Tensor]:
        """Yield the factors of the series' components, shape (rows, stop)."""
        reaches, amplitudes = iter(self.kernel.reach.exp()), iter(self._series_amplitudes)
        for places in self.rows.places.T:
            apart = np.abs(places[here, None] - places[:stop])
            apart[np.isnan(apart)] = LARGEST_DISTANCE
            distance = torch.from_numpy(np.minimum(apart, LARGEST_DISTANCE).astype(np.float32))
            for _ in REACHES:
                distances = (distance / next(reaches)).clamp_max_(NEGLIGIBLE)
                yield (next(amplitudes) - distances).exp_()

    @property
    def _series_amplitudes(self) -> Tensor:
        return self.kernel.amplitude[len(self.kernel.novel) :]
