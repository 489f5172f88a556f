"""How alike two measurements are: products over sequence, chemistry, conditions and series."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import chain
from typing import Self

import numpy as np
import torch
from torch import Tensor

from sirna.features.positional import UNSEEN, Compared

BLOCK = 1024
"""Rows compared with all others at once: bounds the memory."""
LEAST_NOISE = 0.01
"""Of the labels' variance: no measurement is surer, and the matrix stays well conditioned."""
INIT_SD = 0.5
REACHES = (5.0, 50.0)
"""Of the components of a series at the start: places apart at which likeness falls to 1/e."""
FARTHEST = 1e6
"""Places apart: all that is farther, or nobody knows where, is as far as this."""


@dataclass(frozen=True)
class Kernel:
    """A covariance of j + r components, and the noise; everything as logarithms.

    A component gives two rows ``amplitude * exp(-distance)``. In all of them the distance adds up
    `category` over the conditions in which the rows differ, and `number` times how far they differ.
    Each of the first j adds `channel` over the channels in which they differ, `novel` where their
    duplexes differ at all, and `count` times squared differences. Each of the last r adds how far
    apart they lie in one series, in units of `reach`: what neighbours share whatever their
    sequence, such as a plate.

    Attributes
    ----------
    channel : Tensor, shape (j, channels)
    count : Tensor, shape (j, counts)
    novel : Tensor, shape (j,)
    reach : Tensor, shape (r,)
        `REACHES` of each series.
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
    def initial(cls, like: Compared, components: int, seed: int) -> Self:
        """Start from components of different reach, drawn with a seed."""
        rng = torch.Generator().manual_seed(seed)
        reach = torch.tensor(REACHES).log().repeat(like.places.shape[1])

        def drawn(low: float, high: float, width: int) -> Tensor:
            middle = torch.linspace(low, high, components)[:, None]
            return middle + INIT_SD * torch.randn(components, width, generator=rng)

        def and_series(table: Tensor, start: float) -> Tensor:
            return torch.cat([table, torch.full((len(reach), *table.shape[1:]), start)])

        return cls(
            drawn(-4.5, -2.0, like.channels.shape[1]),
            drawn(-2.0, -2.0, like.counts.shape[1]),
            torch.linspace(-3.0, 1.0, components),
            reach,
            and_series(drawn(-2.0, 0.5, like.categories.shape[1]), -0.5),
            and_series(drawn(-1.5, -1.5, like.numbers.shape[1]), -0.5),
            and_series(torch.full((components,), -1.5), -2.5),
            torch.full((1,), -2.5),
        )

    def tensors(self) -> dict[str, Tensor]:
        """Return the parameters by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def check(self, rows: Compared) -> None:
        """Raise ValueError unless the kernel compares just what these rows hold."""
        own = len(self.novel)
        series = len(REACHES) * rows.places.shape[1]
        wanted = [
            (own, rows.channels.shape[1]),
            (own, rows.counts.shape[1]),
            (own,),
            (series,),
            (own + series, rows.categories.shape[1]),
            (own + series, rows.numbers.shape[1]),
            (own + series,),
            (1,),
        ]
        found = list(self.tensors().values())
        if [tuple(part.shape) for part in found] != wanted:
            raise ValueError("the kernel and the rows differ in what is compared")
        if not all(part.dtype == torch.float32 and part.isfinite().all() for part in found):
            raise ValueError("the kernel holds what is no number")

    @property
    def variance(self) -> Tensor:
        """Of the noise, shape (1,)."""
        return self.noise.exp() + LEAST_NOISE

    def between(self, some: Compared, others: Compared) -> Tensor:
        """Return the covariances of rows without noise, shape (len(some), len(others))."""
        rows = [torch.from_numpy(index) for index in (some.duplex, some.setting)]
        columns = [torch.from_numpy(index) for index in (others.duplex, others.setting)]
        # index_select: the gradient of plain indexing adds up in no fixed order on several threads
        alike = (
            duplex.index_select(0, rows[0]).index_select(1, columns[0])
            for duplex in self._duplexes(some, others)
        )
        apart = chain(alike, self._apart(some, others))  # one table of all rows at a time
        settings = (
            setting.index_select(0, rows[1]).index_select(1, columns[1])
            for setting in self._settings(some, others)
        )
        total = torch.zeros(len(some), len(others))
        for amplitude, far, setting in zip(self.amplitude, apart, settings, strict=True):
            total = total + (amplitude - far - setting).exp()
        return total

    def _apart(self, some: Compared, others: Compared) -> Iterator[Tensor]:
        """Yield how far apart rows lie in the series, (n, m) a component, in its reaches."""
        reaches = iter(self.reach.exp())
        for mine, theirs in zip(some.places.T, others.places.T, strict=True):
            apart = np.nan_to_num(np.abs(mine[:, None] - theirs), nan=FARTHEST)
            places = torch.from_numpy(np.minimum(apart, FARTHEST).astype(np.float32))
            yield from (places / next(reaches) for _ in REACHES)

    def _duplexes(self, some: Compared, others: Compared) -> list[Tensor]:
        """Return the distances of distinct duplexes, one (d, d') a component."""
        both = np.concatenate([some.channels, others.channels])
        _, same = np.unique(both, axis=0, return_inverse=True)
        mine, theirs = np.split(same.reshape(-1), [len(some.channels)])
        differ = torch.from_numpy(mine[:, None] != theirs).float()
        counts = [torch.from_numpy(table.counts) for table in (some, others)]
        return [
            _mismatches(some.channels, others.channels, channel.exp())
            + novel.exp() * differ
            + _squared(counts[0], counts[1], count.exp())
            for channel, novel, count in zip(self.channel, self.novel, self.count, strict=True)
        ]

    def _settings(self, some: Compared, others: Compared) -> list[Tensor]:
        """Return the distances of distinct settings, one (s, s') a component."""
        numbers = [torch.from_numpy(table.numbers) for table in (some, others)]
        return [
            _mismatches(some.categories, others.categories, category.exp())
            + _absolute(numbers[0], numbers[1], number.exp())
            for category, number in zip(self.category, self.number, strict=True)
        ]


def _mismatches(codes: np.ndarray, others: np.ndarray, weight: Tensor) -> Tensor:
    """Add up the weights of the columns in which rows of codes differ, (n, m)."""
    matches = torch.zeros(len(codes), len(others))
    if codes.shape[1]:
        sizes = np.maximum(codes.max(axis=0, initial=UNSEEN), others.max(axis=0, initial=0)) + 1
        places = np.concatenate([[0], np.cumsum(sizes)])
        first, second = (_one_hot(table, places) for table in (codes, others))
        spread = weight.repeat_interleave(torch.from_numpy(sizes))
        matches = (first * spread) @ second.T
    return (weight.sum() - matches).clamp_min(0.0)


def _one_hot(codes: np.ndarray, places: np.ndarray) -> Tensor:
    """Write codes as 0 and 1, the categories of one column beside those of the last."""
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
