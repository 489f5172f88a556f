"""Sums of weights that fall exponentially with the distance in a series, over sorted places."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

NEGLIGIBLE = 45.0
"""exp(-45) is below the precision of float64."""


@dataclass(frozen=True)
class SeriesSums:
    """Sums of weights that fall exponentially with the distance from n places.

    Attributes
    ----------
    places : array, shape (n,)
        In units of the reach; NaN if unknown.
    unknown : float
        The distance from an unknown place.
    """

    places: np.ndarray
    unknown: float

    @cached_property
    def _known(self) -> np.ndarray:
        """Marks the places that are known."""
        known: np.ndarray = np.isfinite(self.places)
        return known

    @cached_property
    def _distinct(self) -> tuple[np.ndarray, np.ndarray]:
        """The distinct known places, ascending, and which of them each known place is."""
        return np.unique(self.places[self._known], return_inverse=True)

    def at(self, places: np.ndarray, condition: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the sums of some rows, shape (rows,).

        Parameters
        ----------
        places : array, shape (rows,)
            In units of the reach; NaN if unknown.
        condition : array of int, shape (rows,)
        weights : array, shape (n, conditions)
        """
        far = np.exp(-self.unknown)
        known = self._known
        found: np.ndarray = far * np.where(
            np.isfinite(places),
            weights[~known].sum(axis=0)[condition],
            weights.sum(axis=0)[condition],
        )
        asked = np.flatnonzero(np.isfinite(places))
        distinct, inverse = self._distinct
        if not len(asked) or not len(distinct):
            return found
        by_place = torch.zeros(len(distinct), weights.shape[1], dtype=torch.float64)
        by_place.index_add_(0, torch.from_numpy(inverse), torch.from_numpy(weights[known]))
        gaps = np.diff(distinct)
        below = _decaying_sums(by_place.numpy(), gaps)
        above = _decaying_sums(by_place.numpy()[::-1], gaps[::-1])[::-1]
        place, row = places[asked], condition[asked]
        last = np.searchsorted(distinct, place, side="right") - 1
        left, right = np.maximum(last, 0), np.minimum(last + 1, len(distinct) - 1)
        before = np.exp(-np.maximum(place - distinct[left], 0.0)) * below[left, row]
        after = np.exp(-np.maximum(distinct[right] - place, 0.0)) * above[right, row]
        found[asked] += np.where(last >= 0, before, 0.0)
        found[asked] += np.where(last + 1 < len(distinct), after, 0.0)
        return found


def _decaying_sums(weights: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """Return at each place the sum of its and all earlier weights, times exp(-distance).

    The sums over the last 1, 2, 4, ... places are built from each other, so that no exponential
    overflows whatever the distances are.

    Parameters
    ----------
    weights : array, shape (places, conditions)
    gaps : array, shape (places - 1,)
        The distances of neighbouring places, above 0.
    """
    place = np.concatenate([[0.0], np.cumsum(gaps)])
    sums, step = weights.copy(), 1
    while step < len(place):
        distance = place[step:] - place[:-step]
        if distance.min() > NEGLIGIBLE:
            break
        sums[step:] += np.exp(-distance)[:, None] * sums[:-step].copy()
        step *= 2
    return sums
