"""Mix the predictions of members and families; all weights come from this module."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from sirna.config.config import Config
from sirna.prediction.histogram import Histogram


@dataclass(frozen=True)
class HeldOut:
    """Three predictions of the n held-out rows of a fold.

    The network predicts these rows from an epoch that is chosen on held-out rows. There are three
    predictions because three sets of rows choose an epoch. Gaussian process and trees make no
    choice on held-out rows, so their three predictions are the same.

    Attributes
    ----------
    positions : array of int, shape (n,)
        Positions of the rows in the table.
    chosen_by_other_half : Histogram of n rows
        From the epoch that the other half of the fold chose; the rows are scored with these.
    chosen_by_own_half : Histogram of n rows
        From the epoch that the row's own half chose; the other half's postprocessing is fitted to
        these.
    chosen_by_all : Histogram of n rows
        From the epoch that all held-out rows chose; the bundle's postprocessing is fitted to these.
    """

    positions: np.ndarray
    chosen_by_other_half: Histogram
    chosen_by_own_half: Histogram
    chosen_by_all: Histogram

    @classmethod
    def same_for_all(cls, positions: np.ndarray, predicted: Histogram) -> Self:
        """Use one prediction for all three, for a model that made no choice on these rows."""
        return cls(positions, predicted, predicted, predicted)

    def changed(self, change: Callable[[Histogram], Histogram]) -> Self:
        """Return the predictions after a change of each."""
        if self.chosen_by_own_half is self.chosen_by_other_half is self.chosen_by_all:
            return self.same_for_all(self.positions, change(self.chosen_by_all))
        return type(self)(self.positions, *map(change, self.parts))

    @property
    def parts(self) -> tuple[Histogram, Histogram, Histogram]:
        """The three predictions."""
        return self.chosen_by_other_half, self.chosen_by_own_half, self.chosen_by_all


def family_weights(config: Config, unseen: bool, present: Collection[str]) -> dict[str, float]:
    """Return the weights of the families that are present; they add up to 1.

    The weight of an absent family goes to the present families of its kind: those with a weight for
    known targets, or those with a weight for unseen targets only. If none of its kind is present,
    it goes to all present families.

    Parameters
    ----------
    config : Config
    unseen : bool
        Whether the rows are of unseen targets; under protocol `target` all rows count as such.
    present : collection of str
        The families that predict these rows; those whose weight is 0 are ignored.
    """
    unseen = unseen or config.protocol.every_target_is_unseen
    known_weights = config.mixture.known_target
    given = config.mixture.unseen_target if unseen else known_weights
    given = {name: weight for name, weight in given.items() if weight}
    weights: dict[str, float] = {}
    for predicts_known_targets in (True, False):
        same_kind = {
            k: w
            for k, w in given.items()
            if (known_weights.get(k, 0) > 0) == predicts_known_targets
        }
        present_weights = {k: w for k, w in same_kind.items() if k in present}
        weights |= _scaled(present_weights, sum(same_kind.values()))
    return _scaled({name: weights[name] for name in given if name in weights}, 1.0)


def _scaled(weights: dict[str, float], total: float) -> dict[str, float]:
    """Scale weights to a total; if they already have this total, return them unchanged."""
    have = sum(weights.values())
    if abs(have - total) < 1e-9:
        return weights
    return {name: weight * total / have for name, weight in weights.items()}


def mix(parts: Mapping[str, Histogram], config: Config, unseen: bool = False) -> Histogram:
    """Return the mixture of what the families predict for the same n rows.

    Parameters
    ----------
    parts : mapping of str to Histogram of n rows
        By family.
    config : Config
    unseen : bool
        See `family_weights`.
    """
    weights = family_weights(config, unseen, parts)
    return Histogram.mixture([parts[name] for name in weights], list(weights.values()))


def average(parts: Sequence[HeldOut]) -> HeldOut:
    """Return the even mixture of several members of one family for the same held-out rows."""
    if len(parts) == 1:
        return parts[0]
    each = zip(*(part.parts for part in parts), strict=True)
    return HeldOut(parts[0].positions, *(Histogram.mixture(same) for same in each))


def mix_held_out(parts: Mapping[str, HeldOut], config: Config, unseen: bool = False) -> HeldOut:
    """Return the mixture of what the families predict for one fold's rows; see `mix`."""
    positions = next(iter(parts.values())).positions
    each = zip(*(part.parts for part in parts.values()), strict=True)
    mixed = [mix(dict(zip(parts, same, strict=True)), config, unseen) for same in each]
    return HeldOut(positions, *mixed)
