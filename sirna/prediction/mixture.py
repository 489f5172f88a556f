"""The mixture of what several members predict, and the one place that knows their weights."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from sirna.config.config import Config
from sirna.prediction.histogram import Histogram


@dataclass(frozen=True)
class HeldOut:
    """Predictions of one fold's held-out rows, n of them.

    A family that chooses nothing by held-out rows (Gaussian process, trees) predicts the same three
    times. The network chooses its epoch by them, and so there are three.

    Attributes
    ----------
    positions : array of int, shape (n,)
        Positions of the rows in the table.
    by_other_half : Histogram of n rows
        From epochs that the other half of the fold chose: what the rows are scored by.
    by_own_half : Histogram of n rows
        From epochs that the rows' own half chose: to fit the postprocessing of the other half.
    by_all : Histogram of n rows
        From epochs that all held-out rows chose: to fit the bundle's postprocessing.
    """

    positions: np.ndarray
    by_other_half: Histogram
    by_own_half: Histogram
    by_all: Histogram

    @classmethod
    def without_choice(cls, positions: np.ndarray, predicted: Histogram) -> Self:
        """Return the predictions of a model that chose nothing by these rows."""
        return cls(positions, predicted, predicted, predicted)

    @property
    def parts(self) -> tuple[Histogram, Histogram, Histogram]:
        """The three predictions."""
        return self.by_other_half, self.by_own_half, self.by_all


def weights_of(config: Config, unseen: bool, present: Collection[str]) -> dict[str, float]:
    """Return the weights that act in rows of one kind, by family; they add up to 1.

    A family that is absent leaves its weight to those that can stand in for it: families that
    predict rows of known targets stand in for each other, and so do those for unseen targets only.
    Where there are none, all others share it.

    Parameters
    ----------
    config : Config
    unseen : bool
        Whether the rows are of unseen targets; under some protocols every row counts as such.
    present : collection of str
        The families that predict these rows. Families whose weight is 0 are left out.
    """
    unseen = unseen or config.protocol.every_target_is_unseen
    known_weights = config.mixture.known_target
    given = config.mixture.unseen_target if unseen else known_weights
    given = {name: weight for name, weight in given.items() if weight}
    weights: dict[str, float] = {}
    for for_known in (True, False):
        alike = {k: w for k, w in given.items() if (known_weights.get(k, 0) > 0) == for_known}
        acting = {k: w for k, w in alike.items() if k in present}
        weights |= _scaled(acting, sum(alike.values()))
    return _scaled({name: weights[name] for name in given if name in weights}, 1.0)


def _scaled(weights: dict[str, float], total: float) -> dict[str, float]:
    """Scale weights to a total; those that have it already stay exactly as they are."""
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
        See `weights_of`.
    """
    weights = weights_of(config, unseen, parts)
    return Histogram.mixture([parts[name] for name in weights], list(weights.values()))


def average(parts: Sequence[HeldOut]) -> HeldOut:
    """Return the even mixture of several members of one family for the same held-out rows."""
    if len(parts) == 1:
        return parts[0]
    each = zip(*(part.parts for part in parts), strict=True)
    return HeldOut(parts[0].positions, *(Histogram.mixture(same) for same in each))


def mix_held_out(parts: Mapping[str, HeldOut], config: Config) -> HeldOut:
    """Return the mixture of what the families predict for one fold's held-out rows."""
    positions = next(iter(parts.values())).positions
    each = zip(*(part.parts for part in parts.values()), strict=True)
    mixed = [mix(dict(zip(parts, same, strict=True)), config) for same in each]
    return HeldOut(positions, *mixed)
