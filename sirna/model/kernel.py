"""How alike two measurements are: a sum of products over sequence, chemistry and conditions."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import torch
from torch import Tensor

from sirna.data.aligned import UNSEEN, Compared

BLOCK = 1024
"""Rows compared with all others at once: bounds the memory."""
LEAST_NOISE = 0.01
"""Of the labels' variance: no measurement is surer, and the matrix stays well conditioned."""
INIT_SD = 0.5


@dataclass(frozen=True)
class Kernel:
    """A covariance with j components, and the noise; everything as logarithms.

    Component j gives two rows ``amplitude * exp(-distance)``, where the distance adds up `channel`
    over the channels in which they differ, `novel` where their duplexes differ at all, `category`
    over the conditions in which they differ, and `count` and `number` times squared differences.

    Attributes
    ----------
    channel : Tensor, shape (j, channels)
    count : Tensor, shape (j, counts)
    novel : Tensor, shape (j,)
    category : Tensor, shape (j, categories)
    number : Tensor, shape (j, numbers)
    amplitude : Tensor, shape (j,)
    noise : Tensor, shape (1,)
    """

    channel: Tensor
    count: Tensor
    novel: Tensor
    category: Tensor
    number: Tensor
    amplitude: Tensor
    noise: Tensor

    @classmethod
    def initial(cls, like: Compared, components: int, seed: int) -> Self:
        """Start from components of different reach, drawn with a seed."""
        rng = torch.Generator().manual_seed(seed)

        def drawn(low: float, high: float, width: int) -> Tensor:
            middle = torch.linspace(low, high, components)[:, None]
            return middle + INIT_SD * torch.randn(components, width, generator=rng)

        return cls(
            drawn(-4.5, -2.0, like.channels.shape[1]),
            drawn(-2.0, -2.0, like.counts.shape[1]),
            torch.linspace(-3.0, 1.0, components),
            drawn(-2.0, 0.5, like.categories.shape[1]),
            drawn(-1.5, -1.5, like.numbers.shape[1]),
            torch.full((components,), -1.5),
            torch.full((1,), -2.5),
        )

    def tensors(self) -> dict[str, Tensor]:
        """Return the parameters by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def check(self, rows: Compared) -> None:
        """Raise ValueError unless the kernel compares just what these rows hold."""
        widths = (rows.channels, rows.counts, rows.categories, rows.numbers)
        tables = (self.channel, self.count, self.category, self.number)
        components = len(self.amplitude)
        wanted: list[tuple[int, ...]] = [(components, part.shape[1]) for part in widths]
        wanted += [(components,), (components,), (1,)]
        found = [*tables, self.amplitude, self.novel, self.noise]
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
        duplexes = self._duplexes(some, others)
        settings = self._settings(some, others)
        rows = [torch.from_numpy(index) for index in (some.duplex, some.setting)]
        columns = [torch.from_numpy(index) for index in (others.duplex, others.setting)]
        total = torch.zeros(len(some), len(others))
        for amplitude, duplex, setting in zip(self.amplitude, duplexes, settings, strict=True):
            alike = duplex.index_select(0, rows[0]).index_select(1, columns[0])
            total = total + (amplitude - alike - setting[rows[1]][:, columns[1]]).exp()
        return total

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
            + _squared(numbers[0], numbers[1], number.exp())
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


def _squared(values: Tensor, others: Tensor, weight: Tensor) -> Tensor:
    """Return weighted squared distances, (n, m)."""
    first, second = values * weight.sqrt(), others * weight.sqrt()
    lengths = (first**2).sum(dim=1)[:, None] + (second**2).sum(dim=1)
    return (lengths - 2 * first @ second.T).clamp_min(0.0)
