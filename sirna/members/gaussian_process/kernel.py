"""The covariance of two measurements: by sequence, chemistry, conditions and series."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import chain
from typing import Self

import numpy as np
import torch
from torch import Tensor

from sirna.features.positional_rows import UNSEEN, PositionalRows
from sirna.features.strands import distinct_rows
from sirna.members.kernel_parameters import check_logarithms

LEAST_NOISE = 0.01
"""Least variance of the noise, in units of the labels' variance; it keeps the matrix well
conditioned."""
INIT_SD = 0.5
REACHES = (5.0, 50.0)
"""Initial reach of a series' two components: the distance, in places, at which the covariance falls
to 1/e."""
LARGEST_DISTANCE = 1e6
"""Largest distance in a series; it is also the distance from an unknown place."""


@dataclass(frozen=True)
class Kernel:
    """A covariance of j + r components, and the noise; every parameter is a logarithm.

    Each component adds ``amplitude * exp(-distance)`` to the covariance of two rows. The distance
    is a sum:

    - all components add `category` for every categorical condition in which the rows differ, and
      `number` times their difference in every numeric condition;
    - the first j add `channel` for every channel in which the rows differ, `novel` if their
      channels differ at all, and `count` times their squared difference in every count;
    - the last r add their distance in one series divided by `reach`. These components describe
      effects of neighbouring places, such as a plate effect on duplexes measured side by side.

    Attributes
    ----------
    channel : Tensor, shape (j, channels)
    count : Tensor, shape (j, counts)
    novel : Tensor, shape (j,)
    reach : Tensor, shape (r,)
        `REACHES` for each series.
    category : Tensor, shape (j + r, categories)
    number : Tensor, shape (j + r, numbers)
    amplitude : Tensor, shape (j + r,)
    noise : Tensor, shape (1,)
    """

    channel: Tensor
    count: Tensor
    novel: Tensor
    reach: Tensor
    category: Tensor
    number: Tensor
    amplitude: Tensor
    noise: Tensor

    @classmethod
    def initial(cls, rows: PositionalRows, components: int, seed: int) -> Self:
        """Draw initial components with a seed; their length scales run from wide to narrow."""
        rng = torch.Generator().manual_seed(seed)
        reach = torch.tensor(REACHES).log().repeat(rows.places.shape[1])

        def drawn(low: float, high: float, width: int) -> Tensor:
            middle = torch.linspace(low, high, components)[:, None]
            return middle + INIT_SD * torch.randn(components, width, generator=rng)

        def and_series(table: Tensor, start: float) -> Tensor:
            return torch.cat([table, torch.full((len(reach), *table.shape[1:]), start)])

        return cls(
            drawn(-4.5, -2.0, rows.channels.shape[1]),
            drawn(-2.0, -2.0, rows.counts.shape[1]),
            torch.linspace(-3.0, 1.0, components),
            reach,
            and_series(drawn(-2.0, 0.5, rows.categories.shape[1]), -0.5),
            and_series(drawn(-1.5, -1.5, rows.numbers.shape[1]), -0.5),
            and_series(torch.full((components,), -1.5), -2.5),
            torch.full((1,), -2.5),
        )

    def tensors(self) -> dict[str, Tensor]:
        """Return the parameters by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def check(self, rows: PositionalRows) -> None:
        """Raise ValueError unless the kernel's shapes are those of these rows."""
        strands = len(self.novel)
        series = len(REACHES) * rows.places.shape[1]
        wanted = [
            (strands, rows.channels.shape[1]),
            (strands, rows.counts.shape[1]),
            (strands,),
            (series,),
            (strands + series, rows.categories.shape[1]),
            (strands + series, rows.numbers.shape[1]),
            (strands + series,),
            (1,),
        ]
        found = list(self.tensors().values())
        if [tuple(part.shape) for part in found] != wanted:
            raise ValueError("the kernel's shapes do not fit the features of the rows")
        check_logarithms(found, torch.float32)

    @property
    def variance(self) -> Tensor:
        """The variance of the noise, shape (1,)."""
        return self.noise.exp() + LEAST_NOISE

    def covariance(self, some: PositionalRows, others: PositionalRows) -> Tensor:
        """Return the covariances of rows without noise, shape (len(some), len(others))."""
        rows = [torch.from_numpy(index) for index in (some.pattern, some.condition)]
        columns = [torch.from_numpy(index) for index in (others.pattern, others.condition)]
        # index_select, because plain indexing sums its gradient in a random order if there are
        # several threads
        by_strand = (
            pattern.index_select(0, rows[0]).index_select(1, columns[0])
            for pattern in self.between_patterns(some, others)
        )
        distances = chain(by_strand, self._in_series(some, others))  # one table at a time
        by_condition = (
            condition.index_select(0, rows[1]).index_select(1, columns[1])
            for condition in self.between_conditions(some, others)
        )
        total = torch.zeros(len(some), len(others))
        for amplitude, distance, condition_distance in zip(
            self.amplitude, distances, by_condition, strict=True
        ):
            total = total + (amplitude - distance - condition_distance).exp()
        return total

    def _in_series(self, some: PositionalRows, others: PositionalRows) -> Iterator[Tensor]:
        """Yield for each component the distances in its series divided by reach, shape (n, m)."""
        reaches = iter(self.reach.exp())
        for some_places, other_places in zip(some.places.T, others.places.T, strict=True):
            apart = np.abs(some_places[:, None] - other_places)
            apart = np.minimum(np.nan_to_num(apart, nan=LARGEST_DISTANCE), LARGEST_DISTANCE)
            places = torch.from_numpy(apart.astype(np.float32))
            yield from (places / next(reaches) for _ in REACHES)

    def between_patterns(self, some: PositionalRows, others: PositionalRows) -> list[Tensor]:
        """Return the distances of distinct patterns, one (p, p') table for each component."""
        both = np.concatenate([some.channels, others.channels])
        _, same = distinct_rows(both)
        first, second = np.split(same, [len(some.channels)])
        differ = torch.from_numpy(first[:, None] != second).float()
        counts = [torch.from_numpy(table.counts) for table in (some, others)]
        mismatches = _mismatches(some.channels, others.channels, self.channel.exp())
        return [
            mismatch + novel.exp() * differ + _squared(counts[0], counts[1], count.exp())
            for mismatch, novel, count in zip(mismatches, self.novel, self.count, strict=True)
        ]

    def between_conditions(self, some: PositionalRows, others: PositionalRows) -> list[Tensor]:
        """Return the distances of distinct conditions, one (c, c') table for each component."""
        numbers = [torch.from_numpy(table.numbers) for table in (some, others)]
        mismatches = _mismatches(some.categories, others.categories, self.category.exp())
        return [
            mismatch + _absolute(numbers[0], numbers[1], number.exp())
            for mismatch, number in zip(mismatches, self.number, strict=True)
        ]


def _mismatches(codes: np.ndarray, others: np.ndarray, weights: Tensor) -> Iterator[Tensor]:
    """Yield the summed weights of the columns in which two rows differ, shape (n, m).

    Parameters
    ----------
    codes : array of int64, shape (n, columns)
    others : array of int64, shape (m, columns)
    weights : Tensor, shape (components, columns)
        A table is yielded for each component.
    """
    if not codes.shape[1]:
        yield from (torch.zeros(len(codes), len(others)) for _ in weights)
        return
    sizes = np.maximum(codes.max(axis=0, initial=UNSEEN), others.max(axis=0, initial=0)) + 1
    places = np.concatenate([[0], np.cumsum(sizes)])
    first, second = (_one_hot(table, places) for table in (codes, others))
    columns = torch.from_numpy(sizes)
    for weight in weights:
        matches = (first * weight.repeat_interleave(columns)) @ second.T
        yield (weight.sum() - matches).clamp_min(0.0)


def _one_hot(codes: np.ndarray, places: np.ndarray) -> Tensor:
    """Return codes as one-hot vectors, concatenated over the columns."""
    hot = torch.zeros(len(codes), int(places[-1]))
    rows, columns = np.nonzero(codes != UNSEEN)
    hot[rows, (codes + places[:-1])[rows, columns]] = 1.0
    return hot


def _absolute(values: Tensor, others: Tensor, weight: Tensor) -> Tensor:
    """Return weighted absolute distances, (n, m)."""
    return ((values[:, None] - others).abs() * weight).sum(dim=2)


def _squared(values: Tensor, others: Tensor, weight: Tensor) -> Tensor:
    """Return weighted squared distances, (n, m)."""
    first, second = values * weight.sqrt(), others * weight.sqrt()
    lengths = (first**2).sum(dim=1)[:, None] + (second**2).sum(dim=1)
    return (lengths - 2 * first @ second.T).clamp_min(0.0)
