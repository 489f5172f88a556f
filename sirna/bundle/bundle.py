"""The bundle: all that inference needs; inference reads nothing else."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch

from sirna.bundle.known_values import KnownValues
from sirna.config.config import Config
from sirna.config.roles import TARGET_NAMES, columns_needed
from sirna.features.nearest import DuplexIndex
from sirna.members.base import CPU, Member
from sirna.prediction.histogram import Histogram
from sirna.prediction.mixture import family_weights, mix
from sirna.prediction.postprocess import Postprocess
from sirna.prediction.widening import Widening
from sirna.protocols.similar import KnownGuides
from sirna.protocols.targets import KnownTargets
from sirna.table.ranges import DUPLEX_NUMBER, Ranges, other_numbering

IDENTIFYING_ROLES = frozenset({"guide", *TARGET_NAMES})
"""The roles by which rows of unseen targets are recognised."""


@dataclass(frozen=True)
class Prediction:
    """What a bundle predicts for n rows.

    Attributes
    ----------
    distribution : Histogram of n rows
        Calibrated.
    points : array, shape (n,)
        Percentages that remain. `sirna submit` rounds them and converts them to the label's unit.
    unseen_target : array of bool, shape (n,)
        Rows recognised as rows of unseen targets.
    other_numbering : array of bool, shape (n,)
        Rows whose duplex number was read as missing; see `table.ranges.other_numbering`.
    novelty : array of int, shape (n,)
        How new the guides are, if that widens distributions; see `KnownGuides.novelty`.
    """

    distribution: Histogram
    points: np.ndarray
    unseen_target: np.ndarray
    other_numbering: np.ndarray
    novelty: np.ndarray


@dataclass(frozen=True, repr=False)
class Bundle:
    """A finished training.

    Attributes
    ----------
    config : Config
    members : list of Member
        Members of one family are averaged; the families are mixed by their weights.
    postprocess : Postprocess
    unseen_postprocess : Postprocess, optional
        For rows of unseen targets. None if the bundle cannot recognise them, or treats all rows as
        rows of unseen targets.
    training : DataFrame of m rows
        The training table with the columns that members and the recognition of unseen targets need.
    has_known_target : array of bool, shape (m,)
        Marks the training rows whose targets count as known targets.
    ranges : dict of str to (float, float)
        Ranges of the training rows; see `table.ranges`.
    about : dict
        Protocol, scores, seed, the training table's name, rows and SHA-256.
    """

    config: Config
    members: list[Member]
    postprocess: Postprocess
    unseen_postprocess: Postprocess | None
    training: pd.DataFrame
    has_known_target: np.ndarray
    ranges: Ranges
    about: dict[str, Any]

    def __repr__(self) -> str:
        """Return what the bundle holds, without weights and training rows."""
        families = ", ".join(f"{name}: {len(members)}" for name, members in self.by_family.items())
        protocol = self.config.split.protocol
        return f"Bundle(protocol {protocol}, {len(self.training):,} training rows, {families})"

    @cached_property
    def by_family(self) -> dict[str, list[Member]]:
        """The members of each family."""
        families: dict[str, list[Member]] = {}
        for member in self.members:
            families.setdefault(member.family, []).append(member)
        return families

    @cached_property
    def duplex_index(self) -> DuplexIndex:
        """The distinct duplexes of the training rows."""
        return DuplexIndex(self.training)

    @cached_property
    def _known_targets(self) -> KnownTargets:
        return KnownTargets.of(self.training[self.has_known_target])

    @cached_property
    def known_values(self) -> KnownValues:
        """What the training rows hold."""
        return KnownValues.of(self.training)

    @property
    def reads(self) -> set[str]:
        """The roles that a row needs to be predicted."""
        of_members = {role for member in self.members for role in member.reads}
        return {"id"} | of_members | (IDENTIFYING_ROLES if self.unseen_postprocess else set())

    @property
    def columns_read(self) -> set[str]:
        """The roles whose columns are read in a test file."""
        return columns_needed(self.reads)

    def predict(self, rows: pd.DataFrame, device: torch.device = CPU) -> Prediction:
        """Predict n checked rows; each prediction is independent of the other rows.

        Parameters
        ----------
        rows : DataFrame of n rows
            As `read_table` returns them.
        device : torch.device
            Where networks compute.
        """
        other_numbered = other_numbering(rows, self.ranges)
        if other_numbered.any():
            rows = rows.assign(**{DUPLEX_NUMBER: rows[DUPLEX_NUMBER].mask(other_numbered)})
        unseen = np.zeros(len(rows), dtype=bool)
        if self.unseen_postprocess is not None:
            unseen = self._known_targets.unseen(rows)
        parts = self._parts(rows, self._families_with_weight(unseen=False), device)
        novelty = self._novelty(rows)
        widened = {name: self.widening.apply(part, novelty) for name, part in parts.items()}
        distribution, points = self.postprocess.apply(mix(widened, self.config))
        if self.unseen_postprocess is not None and unseen.any():
            unseen_positions = np.flatnonzero(unseen)
            families = self._families_with_weight(unseen=True)
            parts_of_unseen = {
                name: parts[name][unseen_positions] for name in families if name in parts
            }
            parts_of_unseen |= self._parts(
                rows.iloc[unseen_positions], families - parts_of_unseen.keys(), device
            )
            mixed = mix(parts_of_unseen, self.config, unseen=True)
            wider, points[unseen_positions] = self.unseen_postprocess.apply(mixed)
            distribution = _replaced(distribution, unseen_positions, wider)
        return Prediction(distribution, points, unseen, other_numbered, novelty * ~unseen)

    def _novelty(self, rows: pd.DataFrame) -> np.ndarray:
        if self.widening == Widening() or "guide" not in rows:
            return np.zeros(len(rows), dtype=np.int64)
        return self._known_guides.novelty(rows)

    @cached_property
    def widening(self) -> Widening:
        """How much wider distributions are for new guides."""
        return Widening.mean(member.widening() for member in self.members)

    @cached_property
    def _known_guides(self) -> KnownGuides:
        return KnownGuides(self.training)

    def _families_with_weight(self, unseen: bool) -> set[str]:
        """Return the families with a weight for rows of known or of unseen targets."""
        return set(family_weights(self.config, unseen, self.by_family))

    def _parts(
        self, rows: pd.DataFrame, families: Collection[str], device: torch.device
    ) -> dict[str, Histogram]:
        """Return what each family predicts."""
        return {
            name: type(members[0]).predict_together(members, rows, device)
            for name, members in self.by_family.items()
            if name in families
        }


def _replaced(whole: Histogram, positions: np.ndarray, part: Histogram) -> Histogram:
    """Replace the distributions of some rows by those of `part`."""
    if not np.array_equal(whole.edges, part.edges):
        edges = np.union1d(whole.edges, part.edges)
        whole, part = whole.rebinned(edges), part.rebinned(edges)
    probs = whole.probs.copy()
    probs[positions] = part.probs
    return Histogram(whole.edges, probs)
