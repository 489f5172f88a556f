"""The covariance of two measurements by the words of their duplexes and by their conditions."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import torch
from torch import Tensor

from sirna.features.words import WordRows
from sirna.members.kernel_parameters import check_logarithms

LEAST_NOISE = 0.01
"""Least variance of the noise, in units of the labels' variance."""
CENTRES = {"amplitude": -1.5, "scale": -0.5, "category": -1.0, "number": -1.0, "noise": -0.7}
"""Centres of the prior on each logarithm, and where learning starts."""
WAYS = 2
"""Conditions are weighted in two ways: together with words, and on their own."""


@dataclass(frozen=True)
class WordKernel:
    """A covariance of b + 1 components, and the noise; every parameter is a logarithm.

    Each block of words adds ``amplitude * exp(-scale * distance / unit) * conditions``. The
    distance is the squared one of the counts, scaled to length 1; `conditions` falls with every
    condition in which the rows differ. The last component reads conditions only.

    Attributes
    ----------
    unit : Tensor, shape (b,)
        Median distance of two training duplexes in each block; not a logarithm.
    amplitude : Tensor, shape (b + 1,)
    scale : Tensor, shape (b,)
    category : Tensor, shape (2, categories)
    number : Tensor, shape (2, numbers)
    noise : Tensor, shape (1,)
    """

    unit: Tensor
    amplitude: Tensor
    scale: Tensor
    category: Tensor
    number: Tensor
    noise: Tensor

    @classmethod
    def initial(cls, rows: WordRows) -> Self:
        """Start from the centres of the prior."""
        blocks = len(rows.counts)
        units = []
        for counts in rows.counts.values():
            distances = _distances(counts, counts)
            positive = distances[distances > 1e-9]
            units.append(positive.median() if len(positive) else torch.tensor(1.0).double())
        shapes = {
            "amplitude": (blocks + 1,),
            "scale": (blocks,),
            "category": (WAYS, rows.categories.shape[1]),
            "number": (WAYS, rows.numbers.shape[1]),
            "noise": (1,),
        }
        values = {
            name: torch.full(shape, CENTRES[name], dtype=torch.float64)
            for name, shape in shapes.items()
        }
        return cls(torch.stack(units), **values)

    def tensors(self) -> dict[str, Tensor]:
        """Return the parameters by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def check(self, rows: WordRows) -> None:
        """Raise ValueError unless the kernel's shapes are those of these rows."""
        blocks, categories = len(rows.counts), rows.categories.shape[1]
        numbers = rows.numbers.shape[1]
        wanted = [(blocks,), (blocks + 1,), (blocks,), (WAYS, categories), (WAYS, numbers), (1,)]
        found = list(self.tensors().values())
        if [tuple(part.shape) for part in found] != wanted:
            raise ValueError("the kernel's shapes do not fit the words and conditions of the rows")
        check_logarithms(found[1:], torch.float64)
        if self.unit.dtype != torch.float64 or not bool(
            (self.unit.isfinite() & (self.unit > 0)).all()
        ):
            raise ValueError("the kernel holds a distance that is not above 0")

    @property
    def variance(self) -> Tensor:
        """The variance of the noise, shape (1,)."""
        return self.noise.exp() + LEAST_NOISE

    def covariance(self, some: WordRows, others: WordRows) -> Tensor:
        """Return the covariances of rows without noise, shape (len(some), len(others))."""
        distances = self.distances(some, others)
        return self.covariance_at(distances, some, others)

    def mean(self, some: WordRows, others: WordRows, weights: Tensor) -> Tensor:
        """Return ``covariance(some, others) @ weights``, shape (len(some),), without its table.

        A covariance is a product of duplexes times conditions, plus one of conditions. So the
        weights of other rows with the same duplex are added up first, once for each distinct
        condition of `some`.
        """
        by_words = self._by_words(self.distances(some, others))
        together, alone = self._by_conditions(some, others)
        condition, duplex = (torch.from_numpy(rows) for rows in (others.condition, others.duplex))
        of_duplex = torch.zeros(len(together), by_words.shape[1], dtype=torch.float64)
        of_duplex.index_add_(1, duplex, together.index_select(1, condition) * weights)
        pairs = by_words @ of_duplex.T
        at = torch.from_numpy(some.condition)
        constant = alone.index_select(1, condition) @ weights
        return pairs[torch.from_numpy(some.duplex), at] + constant[at]

    def distances(self, some: WordRows, others: WordRows) -> list[Tensor]:
        """Return the distances of distinct duplexes in units, a (d, d') table for each block."""
        return [
            _distances(counts, others.counts[block]) / unit
            for (block, counts), unit in zip(some.counts.items(), self.unit, strict=True)
        ]

    def covariance_at(self, distances: list[Tensor], some: WordRows, others: WordRows) -> Tensor:
        """Return what `covariance` returns, from the result of `distances`."""
        words = _at(self._by_words(distances), some.duplex, others.duplex)
        together, alone = (
            _at(table, some.condition, others.condition)
            for table in self._by_conditions(some, others)
        )
        return words * together + alone

    def _by_words(self, distances: list[Tensor]) -> Tensor:
        """Return the part of distinct duplexes, shape (d, d')."""
        total = torch.zeros(distances[0].shape, dtype=torch.float64)
        for amplitude, scale, distance in zip(self.amplitude, self.scale, distances, strict=False):
            total = total + (amplitude - scale.exp() * distance).exp()
        return total

    def _by_conditions(self, some: WordRows, others: WordRows) -> tuple[Tensor, Tensor]:
        """Return the parts of distinct conditions, of shape (c, c'): with words, and alone."""
        together, alone = (
            (-self._between_conditions(some, others, way)).exp() for way in range(WAYS)
        )
        return together, self.amplitude[-1].exp() * alone

    def _between_conditions(self, some: WordRows, others: WordRows, way: int) -> Tensor:
        """Return the distances of distinct conditions, shape (c, c')."""
        differ = torch.from_numpy(some.categories[:, None] != others.categories).double()
        apart = torch.from_numpy(np.abs(some.numbers[:, None] - others.numbers))
        return differ @ self.category[way].exp() + apart @ self.number[way].exp()


def _at(table: Tensor, rows: np.ndarray, columns: np.ndarray) -> Tensor:
    """Return a table's entries for all pairs of rows and columns."""
    return table.index_select(0, torch.from_numpy(rows)).index_select(1, torch.from_numpy(columns))


def _distances(some: np.ndarray, others: np.ndarray) -> Tensor:
    """Return the squared distances of counts that are scaled to length 1, shape (d, d')."""
    first, second = (torch.from_numpy(_scaled(counts)) for counts in (some, others))
    lengths = (first**2).sum(dim=1)[:, None] + (second**2).sum(dim=1)
    return (lengths - 2 * first @ second.T).clamp_min(0.0)


def _scaled(counts: np.ndarray) -> np.ndarray:
    scaled: np.ndarray = counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)
    return scaled
