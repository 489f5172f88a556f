"""Novelty: describe values of predicted rows that no training row has, as notes to the user."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sirna.bundle.bundle import Bundle, Prediction
from sirna.config.roles import ROLES, TOKENS
from sirna.members.base import Unseen
from sirna.table.ranges import DUPLEX_NUMBER, out_of_range

FOR_UNSEEN_TARGETS = "for a file of unseen targets, train with --protocol target"
MOST_VALUES_SHOWN = 5
"""Largest number of values that one note lists."""
CONDITIONS = tuple(
    role.name
    for role in ROLES.values()
    if role.kind in {"category", "numeric"} and not role.names_target and not role.derived_from
)
"""Conditions whose missing values are counted."""


def novelties(bundle: Bundle, rows: pd.DataFrame, prediction: Prediction) -> list[str]:
    """Describe in notes what n checked rows have that no training row has."""
    return [
        *_values(bundle, rows),
        *_tokens_of_other_strand(bundle, rows),
        *_missing(bundle, rows),
        *_out_of_range(bundle, rows, prediction),
        *_targets(rows, prediction),
        *_measured_guides(bundle, rows),
    ]


def _values(bundle: Bundle, rows: pd.DataFrame) -> list[str]:
    """Describe tokens and conditions that no training row has."""
    found: dict[str, Unseen] = {}
    for members in bundle.by_family.values():
        for unseen in members[0].unseen(rows):
            found.setdefault(unseen.what, unseen)
    notes = []
    for unseen in found.values():
        in_stream = unseen.what not in ROLES
        note = (
            f"{unseen.what}: {int(unseen.rows.sum())} of {len(rows):,} rows have a "
            f"{'token' if in_stream else 'value'} that no training row has: "
            f"{_listed(unseen.values)}"
        )
        if in_stream:
            note += "; predicted as the unknown token <unk>"
        elif ROLES[unseen.what].names_target and bundle.unseen_postprocess is None:
            note += f"; {FOR_UNSEEN_TARGETS}"
        if unseen.similar:
            note += f"; training rows have {_listed(unseen.similar)}: use that if you mean the same"
        notes.append(note)
    return notes


def _tokens_of_other_strand(bundle: Bundle, rows: pd.DataFrame) -> list[str]:
    """Describe tokens of one strand that training rows have in the other strand only."""
    training = bundle.training
    if not set(TOKENS) <= set(rows) & set(training):
        return []
    measured = {role: _tokens(training[role]) for role in TOKENS}
    notes = []
    for role, other in zip(TOKENS, reversed(TOKENS), strict=True):
        only = measured[other] - measured[role]
        found = sorted(_tokens(rows[role]) & only)
        if found:
            lists = rows[role].dropna().str.split()
            count = sum(not only.isdisjoint(tokens) for tokens in lists)
            notes.append(
                f"{role.replace('_', ' ')}: {count:,} of {len(rows):,} rows have a token that "
                f"training rows have in the {other.replace('_', ' ')} only: {_listed(found)}; "
                "strands swapped?"
            )
    return notes


def _tokens(lists: pd.Series) -> set[str]:
    return {token for text in lists.dropna().unique() for token in text.split()}


def _missing(bundle: Bundle, rows: pd.DataFrame) -> list[str]:
    """Describe conditions that are missing in some rows; absent columns are reported elsewhere."""
    reads = bundle.columns_read
    counts = {
        role: int(rows[role].isna().sum()) for role in CONDITIONS if role in rows and role in reads
    }
    listed = ", ".join(f"{role} in {count:,}" for role, count in counts.items() if count)
    return [f"missing values: {listed} of {len(rows):,} rows; they are predicted"] if listed else []


def _out_of_range(bundle: Bundle, rows: pd.DataFrame, prediction: Prediction) -> list[str]:
    """Describe rows with values below or above those of all training rows."""
    outside = out_of_range(rows, bundle.ranges)
    if DUPLEX_NUMBER in bundle.ranges:
        outside[DUPLEX_NUMBER] = prediction.other_numbering
    notes = []
    for name, affected in outside.items():
        if not affected.any():
            continue
        low, high = (np.format_float_positional(end, trim="-") for end in bundle.ranges[name])
        first = rows["id"].to_numpy()[np.argmax(affected)]
        consequence = f"outside the range of the training rows, {low} to {high}"
        if name == DUPLEX_NUMBER:
            consequence = (
                f"far from the range of the training rows, {low} to {high}: they probably belong "
                "to another numbering, and are read as missing"
            )
        notes.append(
            f"{name.replace('_', ' ')}: {affected.sum():,} of {len(rows):,} rows, the first with "
            f"id {first}, are {consequence}"
        )
    return notes


def _targets(rows: pd.DataFrame, prediction: Prediction) -> list[str]:
    """Describe how many rows are of unseen targets."""
    count = int(prediction.unseen_target.sum())
    if not count:
        return []
    return [
        f"{count} of {len(rows):,} rows are of unseen targets; their predictions are less certain; "
        f"{FOR_UNSEEN_TARGETS}"
    ]


def _measured_guides(bundle: Bundle, rows: pd.DataFrame) -> list[str]:
    """Describe how many rows have guides whose measurements this run does not look up."""
    if bundle.config.protocol.looks_up_siblings or "guide" not in bundle.training:
        return []
    measured = set(bundle.training["guide"].dropna())
    count = int(rows["guide"].isin(measured).sum())
    if not count:
        return []
    return [
        f"{count} of {len(rows):,} rows have a guide that was measured in training; a run under "
        "--protocol rows predicts from these measurements"
    ]


def _listed(values: Sequence[str]) -> str:
    return ", ".join(repr(value) for value in values[:MOST_VALUES_SHOWN]) + " ..." * (
        len(values) > MOST_VALUES_SHOWN
    )
