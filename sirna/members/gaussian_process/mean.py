"""The mean of a fitted Gaussian process for many rows, without a table of rows by training rows.

The covariance of a component that reads strands is a product: a factor of the guides' bases, a
factor of the chemistry and a factor of the conditions. So the training rows of equal bases are
summed first, once for every distinct pair of chemistry and conditions; a row then needs one factor
for every distinct guide of the training rows. Only the distance `novel` is not such a product: it
is absent where bases and chemistry are both those of a training duplex, which is added for the rows
concerned. The covariance of a component that reads a series falls exponentially on either side of a
place, so its sum over all training rows needs only the two nearest places of training rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from sirna.features.positional_rows import PatternParts, PositionalRows
from sirna.features.strands import distinct_rows
from sirna.members.gaussian_process.distances import ExactMismatches, mismatches, squared
from sirna.members.gaussian_process.kernel import LARGEST_DISTANCE, REACHES, Kernel
from sirna.members.gaussian_process.series_sums import SeriesSums

GUIDES_AT_ONCE = 512
"""Number of distinct guides whose factors are computed at once; it limits the memory."""
CONDITIONS_AT_ONCE = 256
"""Number of distinct conditions whose rows are predicted at once; it limits the memory."""
PAIRS_AT_ONCE = 128
"""Number of distinct pairs of chemistry and conditions that are summed at once."""
DENSEST = 8.0
"""A table of all guides by all pairs is computed if it has at most this many entries a row."""


@dataclass(frozen=True)
class Mean:
    """Predicts the standardised means of rows.

    Attributes
    ----------
    kernel : Kernel
    weights : array of float64, shape (n,)
    training : PositionalRows of n rows
    """

    kernel: Kernel
    weights: np.ndarray
    training: PositionalRows

    def of(self, rows: PositionalRows) -> np.ndarray:
        """Return the means of some rows, shape (rows,), float64; they do not affect each other."""
        mean = np.zeros(len(rows))
        blocks = rows.condition // CONDITIONS_AT_ONCE
        for block in np.unique(blocks):
            some = np.flatnonzero(blocks == block)
            mean[some] = self._of_block(rows.take(some))
        return mean

    def _of_block(self, rows: PositionalRows) -> np.ndarray:
        mean = np.zeros(len(rows))
        strands = len(self.kernel.novel)
        conditions = self._condition_factors(rows)
        self._add_strands(mean, rows, conditions[:strands])
        self._add_series(mean, rows, conditions[strands:])
        return mean

    @cached_property
    def _parameters(self) -> dict[str, np.ndarray]:
        """The exponentials of the kernel's parameters."""
        tensors = self.kernel.tensors().items()
        return {name: np.exp(tensor.double().numpy()) for name, tensor in tensors}

    @cached_property
    def _parts(self) -> PatternParts:
        return self.training.parts()

    @cached_property
    def _by_pattern(self) -> tuple[np.ndarray, np.ndarray]:
        """The training rows sorted by pattern, and where each begins, and the end."""
        pattern = self.training.pattern
        order = np.argsort(pattern, kind="stable")
        return order, np.searchsorted(pattern[order], np.arange(len(self.training.channels) + 1))

    @cached_property
    def _pattern_of(self) -> dict[bytes, int]:
        """The patterns of the training rows, by the content of their channels."""
        channels = self.training.channels
        return {content.tobytes(): pattern for pattern, content in enumerate(channels)}

    @cached_property
    def _base_mismatches(self) -> ExactMismatches:
        """The weighted mismatches with the training rows' bases."""
        weights = self._parameters["channel"][:, : self.training.bases]
        return ExactMismatches(self._parts.base_channels, weights)

    @cached_property
    def _series(self) -> list[SeriesSums]:
        """The training rows' places, for each component that reads a series."""
        return [
            SeriesSums(
                self.training.places[:, index // len(REACHES)] / reach, LARGEST_DISTANCE / reach
            )
            for index, reach in enumerate(self._parameters["reach"])
        ]

    def _condition_factors(self, rows: PositionalRows) -> np.ndarray:
        """Return a factor for two distinct conditions, shape (components, c, c')."""
        parameters, training = self._parameters, self.training
        distances = mismatches(rows.categories, training.categories, parameters["category"])
        for column, numbers in enumerate(rows.numbers.T.astype(np.float64)):
            gaps = np.abs(numbers[:, None] - training.numbers[:, column])
            distances = distances + parameters["number"][:, column, None, None] * gaps
        factors: np.ndarray = np.exp(-distances)
        return factors

    def _add_strands(self, mean: np.ndarray, rows: PositionalRows, conditions: np.ndarray) -> None:
        """Add the components that read strands."""
        parts, parameters = rows.parts(), self._parameters
        chemistry = np.exp(
            -mismatches(
                parts.chemistry_channels,
                self._parts.chemistry_channels,
                parameters["channel"][:, rows.bases :],
            )
            - squared(
                parts.chemistry_counts, self._parts.chemistry_counts, parameters["count"][:, :-1]
            )
        )
        of_row = parts.chemistry[rows.pattern], rows.condition
        first, pair = distinct_rows(*of_row)
        pairs = np.stack(of_row)[:, first]
        guide = parts.bases[rows.pattern]
        scale = parameters["amplitude"][: len(chemistry)] / np.exp(parameters["novel"])
        for low in range(0, len(first), PAIRS_AT_ONCE):
            sums = self._summed(pairs[:, low : low + PAIRS_AT_ONCE], chemistry, conditions)
            sums *= scale[:, None, None]
            with_pairs = np.flatnonzero((pair >= low) & (pair < low + PAIRS_AT_ONCE))
            for some, guides in _by_guide(with_pairs, guide):
                factors = self._base_factors(parts, guides)
                place = np.searchsorted(guides, guide[some])
                for factor, total in zip(factors, sums, strict=True):
                    mean[some] += _products(factor, total, place, pair[some] - low)
        self._add_known(mean, rows, conditions)

    def _base_factors(self, parts: PatternParts, guides: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the factor of each component for some guides, shape (guides, b), float64."""
        distances = self._base_mismatches.of(parts.base_channels[guides])
        counts = self._parameters["count"][:, -1]
        gaps = (parts.base_counts[guides] - self._parts.base_counts.T) ** 2
        for distance, count in zip(distances, counts, strict=True):
            exponent = distance + (count * gaps).astype(np.float32)
            yield np.exp(np.negative(exponent, out=exponent), out=exponent).astype(np.float64)

    def _summed(
        self, pairs: np.ndarray, chemistry: np.ndarray, conditions: np.ndarray
    ) -> np.ndarray:
        """Sum the training rows of equal bases, for some pairs of chemistry and conditions.

        Parameters
        ----------
        pairs : array of int, shape (2, q)
        chemistry : array, shape (components, chemistries, the training rows' chemistries)
        conditions : array, shape (components, conditions, the training rows' conditions)

        Returns
        -------
        array, shape (components, q, the training rows' bases)
        """
        training = self.training
        of_chemistry = self._parts.chemistry[training.pattern]
        of_bases = torch.from_numpy(self._parts.bases[training.pattern])
        shape = len(self._parts.base_channels), pairs.shape[1]
        found = []
        for by_chemistry, by_condition in zip(chemistry, conditions, strict=True):
            terms = by_chemistry[pairs[0]].T[of_chemistry]  # a row of q terms for a training row
            terms *= by_condition[pairs[1]].T[training.condition]
            terms *= self.weights[:, None]
            sums = torch.zeros(shape, dtype=torch.float64)
            found.append(sums.index_add_(0, of_bases, torch.from_numpy(terms)).numpy().T)
        return np.stack(found)

    def _add_known(self, mean: np.ndarray, rows: PositionalRows, conditions: np.ndarray) -> None:
        """Add what rows share with training rows of the same bases and chemistry."""
        patterns = [self._pattern_of.get(channels.tobytes(), -1) for channels in rows.channels]
        known = np.array(patterns, dtype=np.int64)[rows.pattern]
        some = np.flatnonzero(known >= 0)
        if not len(some):
            return
        order, start = self._by_pattern
        first, count = start[known[some]], np.diff(start)[known[some]]
        row = np.repeat(np.arange(len(some)), count)
        place = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        training = order[np.repeat(first, count) + place]
        asked, present = rows.condition[some][row], self.training.condition[training]
        gaps = rows.counts[rows.pattern[some]] - self.training.counts[known[some]]
        parameters = self._parameters
        for index, by_condition in enumerate(conditions):
            sums = np.bincount(row, by_condition[asked, present] * self.weights[training])
            factor = parameters["amplitude"][index] * (1 - np.exp(-parameters["novel"][index]))
            mean[some] += factor * np.exp(-(gaps**2) @ parameters["count"][index]) * sums

    def _add_series(self, mean: np.ndarray, rows: PositionalRows, conditions: np.ndarray) -> None:
        """Add the components that read series."""
        amplitudes = self._parameters["amplitude"][len(self.kernel.novel) :]
        reaches = self._parameters["reach"]
        for index, (amplitude, reach, sums) in enumerate(
            zip(amplitudes, reaches, self._series, strict=True)
        ):
            places = rows.places[:, index // len(REACHES)] / reach
            weights = conditions[index].T[self.training.condition] * self.weights[:, None]
            mean += amplitude * sums.at(places, rows.condition, weights)


def _by_guide(rows: np.ndarray, guide: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield some of the rows and their distinct guides, at most `GUIDES_AT_ONCE`, until all came.

    Parameters
    ----------
    rows : array of int
        Positions of rows.
    guide : array of int
        Which guide each row has.
    """
    order = rows[np.argsort(guide[rows], kind="stable")]
    guides = np.unique(guide[order])
    for start in range(0, len(guides), GUIDES_AT_ONCE):
        block = guides[start : start + GUIDES_AT_ONCE]
        ends = np.searchsorted(guide[order], [block[0], block[-1] + 1])
        yield order[slice(*ends)], block


def _products(
    factors: np.ndarray, totals: np.ndarray, guide: np.ndarray, pair: np.ndarray
) -> np.ndarray:
    """Return the products of a row of `factors` and a row of `totals`, shape (rows,)."""
    used, place = np.unique(pair, return_inverse=True)
    if len(factors) * len(used) <= DENSEST * len(guide):
        found: np.ndarray = (factors @ totals[used].T)[guide, place]
        return found
    one_by_one: np.ndarray = np.einsum("ij,ij->i", factors[guide], totals[pair])
    return one_by_one
