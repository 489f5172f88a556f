"""The members of one fold, and what they predict together."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from sirna.config.config import Config
from sirna.features.fold import FoldTask
from sirna.members.base import Fitted, LeftOut, Member
from sirna.prediction.histogram import Histogram
from sirna.prediction.mixture import HeldOut, average, family_weights
from sirna.prediction.widening import Widening
from sirna.protocols.similar import KnownGuides


@dataclass(frozen=True)
class FoldMembers:
    """The members that were fitted on the training rows of one fold, or on all rows.

    Attributes
    ----------
    novelty : array of int, shape (held-out rows,)
        How new the guides of the held-out rows are; see `KnownGuides.novelty`.
    by_family : dict of str to list of Fitted
    """

    novelty: np.ndarray
    by_family: dict[str, list[Fitted[Member]]] = field(default_factory=dict)

    @classmethod
    def of(cls, task: FoldTask) -> Self:
        """Begin without members."""
        return cls(KnownGuides(task.training_rows).novelty(task.held_out_rows))

    def add(self, fitted: Fitted[Member]) -> None:
        """Add one more member."""
        self.by_family.setdefault(fitted.member.family, []).append(fitted)

    @property
    def members(self) -> list[Member]:
        """All members, family by family."""
        return [fitted.member for members in self.by_family.values() for fitted in members]

    def of_family(self, family: str) -> list[Member]:
        """Return the members of one family."""
        return [fitted.member for fitted in self.by_family.get(family, [])]

    def can_predict(self, config: Config) -> bool:
        """Return whether a family with a weight for the held-out rows has a member."""
        return bool(family_weights(config, False, self.by_family))

    def held_out(self, config: Config) -> dict[str, HeldOut]:
        """Return what each family with a weight predicts for the fold's held-out rows.

        The distributions of new guides are widened.
        """
        widening = Widening.mean(member.widening() for member in self.members)
        return {
            name: average([one.held_out for one in self.by_family[name]]).changed(
                lambda predicted: widening.apply(predicted, self.novelty)
            )
            for name in family_weights(config, False, self.by_family)
        }

    def left_out(self, config: Config, families: Collection[str]) -> dict[str, HeldOut]:
        """Return what families predict for training rows without the rows of their targets.

        If several families can do this, only rows that all of them predicted are returned. Empty if
        no member can.

        Parameters
        ----------
        config : Config
        families : collection of str
            The families that may take part; those without a weight for rows of unseen targets do
            not.
        """
        found: dict[str, LeftOut] = {}
        for name in family_weights(config, True, families):
            parts = [part for one in self.of_family(name) if (part := one.left_out()) is not None]
            if parts:
                predicted = Histogram.mixture([part.predicted for part in parts])
                found[name] = LeftOut(parts[0].positions, predicted)
        if not found:
            return {}
        first, *others = found.values()
        shared = first.positions
        for part in others:
            shared = np.intersect1d(shared, part.positions)
        return {
            name: HeldOut.same_for_all(
                shared, part.predicted[np.searchsorted(part.positions, shared)]
            )
            for name, part in found.items()
        }
