"""Novelty: describe values of predicted rows that no training row has, as notes to the user."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from sirna.bundle.bundle import Bundle, Prediction
from sirna.config.roles import ROLES, TOKENS
from sirna.members.base import Unseen
from sirna.protocols.similar import FAR
from sirna.table.ranges import DUPLEX_NUMBER, out_of_range

FOR_UNSEEN_TARGETS = "for a file of unseen targets, train with --protocol target"
LEAST_NOTED = 1.05
"""The least factor of the spread that is worth a note."""
MOST_VALUES_SHOWN = 5
"""Largest number of values that one note lists."""
CONDITIONS = tuple(
    role.name
    for role in ROLES.values()
    if role.kind in {"category", "numeric"} and not role.names_target and not role.derived_from
)
"""Conditions whose missing values are counted."""


@dataclass
class _Count:
    """Rows counted so far; for some notes also their values, or the first row's id."""

    rows: int = 0
    values: set[str] = field(default_factory=set)
    first: str = ""

    def add(self, affected: np.ndarray, ids: np.ndarray, values: Iterable[str] = ()) -> None:
        """Count the rows that are marked."""
        if not self.rows and affected.any():
            self.first = str(ids[np.argmax(affected)])
        self.rows += int(affected.sum())
        self.values |= set(values)

    def state(self) -> list[Any]:
        """Return plain data."""
        return [self.rows, sorted(self.values), self.first]

    def add_state(self, state: list[Any]) -> None:
        """Add what `state` returned of rows that follow those so far."""
        rows, values, first = state
        self.first = self.first if self.rows else first
        self.rows += rows
        self.values |= set(values)


@dataclass
class Novelty:
    """Describes what predicted rows have that no training row has; rows are added in blocks.

    Attributes
    ----------
    bundle : Bundle
    """

    bundle: Bundle
    _rows: int = 0
    _values: dict[str, _Count] = field(default_factory=dict)
    _similar: dict[str, set[str]] = field(default_factory=dict)
    _of_other_strand: dict[str, _Count] = field(default_factory=dict)
    _missing: Counter[str] = field(default_factory=Counter)
    _outside: dict[str, _Count] = field(default_factory=dict)
    _unseen_targets: int = 0
    _far_guides: int = 0
    _measured_guides: int = 0

    def add(self, rows: pd.DataFrame, prediction: Prediction) -> None:
        """Add n checked rows and their prediction."""
        ids = rows["id"].to_numpy()
        self._rows += len(rows)
        self._add_values(rows, ids)
        self._add_tokens_of_other_strand(rows, ids)
        reads = self.bundle.columns_read
        for role in CONDITIONS:
            if role in rows and role in reads:
                self._missing[role] += int(rows[role].isna().sum())
        outside = out_of_range(rows, self.bundle.ranges)
        if DUPLEX_NUMBER in self.bundle.ranges:
            outside[DUPLEX_NUMBER] = prediction.other_numbering
        for name, affected in outside.items():
            self._outside.setdefault(name, _Count()).add(affected, ids)
        self._unseen_targets += int(prediction.unseen_target.sum())
        self._far_guides += int((prediction.novelty == FAR).sum())
        if not self.bundle.config.protocol.looks_up_siblings and "guide" in rows:
            self._measured_guides += int(rows["guide"].isin(self._guides_of_training).sum())

    def _add_values(self, rows: pd.DataFrame, ids: np.ndarray) -> None:
        found: dict[str, Unseen] = {}
        for members in self.bundle.by_family.values():
            for unseen in members[0].unseen(rows):
                found.setdefault(unseen.what, unseen)
        for what, unseen in found.items():
            self._values.setdefault(what, _Count()).add(unseen.rows, ids, unseen.values)
            self._similar.setdefault(what, set()).update(unseen.similar)

    def _add_tokens_of_other_strand(self, rows: pd.DataFrame, ids: np.ndarray) -> None:
        if not set(TOKENS) <= set(rows):
            return
        for role, only in self._only_in_other_strand.items():
            codes, lists = pd.factorize(rows[role])  # -1 where missing
            found = [only.intersection(text.split()) for text in lists]
            affected = np.array([*map(bool, found), False])[codes]
            values = set[str]().union(*found)
            self._of_other_strand.setdefault(role, _Count()).add(affected, ids, values)

    @cached_property
    def _only_in_other_strand(self) -> dict[str, set[str]]:
        """The tokens that training rows have in the other strand only, by role."""
        training = self.bundle.training
        if not set(TOKENS) <= set(training):
            return {}
        measured = {role: _tokens(training[role]) for role in TOKENS}
        pairs = zip(TOKENS, reversed(TOKENS), strict=True)
        return {role: measured[other] - measured[role] for role, other in pairs}

    @cached_property
    def _guides_of_training(self) -> set[str]:
        training = self.bundle.training
        return set(training["guide"].dropna()) if "guide" in training else set()

    def state(self) -> dict[str, Any]:
        """Return what was counted so far, as plain data."""
        return {
            "rows": self._rows,
            "values": {what: one.state() for what, one in self._values.items()},
            "similar": {what: sorted(values) for what, values in self._similar.items()},
            "of_other_strand": {role: one.state() for role, one in self._of_other_strand.items()},
            "missing": dict(self._missing),
            "outside": {name: one.state() for name, one in self._outside.items()},
            "unseen_targets": self._unseen_targets,
            "far_guides": self._far_guides,
            "measured_guides": self._measured_guides,
        }

    def add_state(self, state: dict[str, Any]) -> None:
        """Add what `state` returned of other rows, which follow those so far."""
        self._rows += state["rows"]
        counts = {
            "values": self._values,
            "of_other_strand": self._of_other_strand,
            "outside": self._outside,
        }
        for kind, found in counts.items():
            for name, one in state[kind].items():
                found.setdefault(name, _Count()).add_state(one)
        for what, values in state["similar"].items():
            self._similar.setdefault(what, set()).update(values)
        self._missing.update(state["missing"])
        self._unseen_targets += state["unseen_targets"]
        self._far_guides += state["far_guides"]
        self._measured_guides += state["measured_guides"]

    def notes(self) -> list[str]:
        """Return the notes about all rows so far."""
        return [
            *self._notes_on_values(),
            *self._notes_on_strands(),
            *self._notes_on_missing(),
            *self._notes_on_ranges(),
            *self._notes_on_targets(),
            *self._notes_on_guides(),
        ]

    def _notes_on_values(self) -> list[str]:
        """Describe tokens and conditions that no training row has."""
        notes = []
        order = [*(f"stream {name}" for name in self.bundle.config.streams), *ROLES]
        place = {what: number for number, what in enumerate(order)}
        for what in sorted(self._values, key=lambda what: place.get(what, len(place))):
            found = self._values[what]
            in_stream = what not in ROLES
            note = (
                f"{what}: {found.rows} of {self._rows:,} rows have a "
                f"{'token' if in_stream else 'value'} that no training row has: "
                f"{_listed(sorted(found.values))}"
            )
            if in_stream:
                note += "; predicted as the unknown token <unk>"
            elif ROLES[what].names_target and self.bundle.unseen_postprocess is None:
                note += f"; {FOR_UNSEEN_TARGETS}"
            if similar := self._similar[what]:
                listed = _listed(sorted(similar))
                note += f"; training rows have {listed}: use that if you mean the same"
            notes.append(note)
        return notes

    def _notes_on_strands(self) -> list[str]:
        """Describe tokens of one strand that training rows have in the other strand only."""
        other = dict(zip(TOKENS, reversed(TOKENS), strict=True))
        return [
            f"{role.replace('_', ' ')}: {found.rows:,} of {self._rows:,} rows have a token that "
            f"training rows have in the {other[role].replace('_', ' ')} only: "
            f"{_listed(sorted(found.values))}; strands swapped?"
            for role, found in self._of_other_strand.items()
            if found.rows
        ]

    def _notes_on_missing(self) -> list[str]:
        """Describe conditions that are missing in some rows; absent columns are reported before."""
        missing = self._missing.items()
        listed = ", ".join(f"{role} in {count:,}" for role, count in missing if count)
        if not listed:
            return []
        return [f"missing values: {listed} of {self._rows:,} rows; they are predicted"]

    def _notes_on_ranges(self) -> list[str]:
        """Describe rows with values below or above those of all training rows."""
        notes = []
        for name, found in self._outside.items():
            if not found.rows:
                continue
            ends = self.bundle.ranges[name]
            low, high = (np.format_float_positional(end, trim="-") for end in ends)
            consequence = f"outside the range of the training rows, {low} to {high}"
            if name == DUPLEX_NUMBER:
                consequence = (
                    f"far from the range of the training rows, {low} to {high}: they probably "
                    "belong to another numbering, and are read as missing"
                )
            notes.append(
                f"{name.replace('_', ' ')}: {found.rows:,} of {self._rows:,} rows, the first with "
                f"id {found.first}, are {consequence}"
            )
        return notes

    def _notes_on_targets(self) -> list[str]:
        """Describe how many rows are of unseen targets."""
        if not self._unseen_targets:
            return []
        return [
            f"{self._unseen_targets} of {self._rows:,} rows are of unseen targets; their "
            f"predictions are less certain; {FOR_UNSEEN_TARGETS}"
        ]

    def _notes_on_guides(self) -> list[str]:
        """Describe how many rows have guides unlike all of training, or measured but not used."""
        notes = []
        factor = self.bundle.widening.far
        if self._far_guides and factor >= LEAST_NOTED:
            notes.append(
                f"{self._far_guides:,} of {self._rows:,} rows have a guide unlike all guides of "
                f"training; their distributions are {factor:.2f} times as wide as usual"
            )
        if self._measured_guides:
            notes.append(
                f"{self._measured_guides} of {self._rows:,} rows have a guide that was measured in "
                "training; a run under --protocol rows predicts from these measurements"
            )
        return notes


def _tokens(lists: pd.Series) -> set[str]:
    return {token for text in lists.dropna().unique() for token in text.split()}


def _listed(values: Sequence[str]) -> str:
    return ", ".join(repr(value) for value in values[:MOST_VALUES_SHOWN]) + " ..." * (
        len(values) > MOST_VALUES_SHOWN
    )
