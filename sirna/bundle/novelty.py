"""What a bundle never saw of the rows that it predicts: told, so that nobody trusts it too far."""

import numpy as np
import pandas as pd

from sirna.bundle.bundle import Bundle
from sirna.features.dataset import SiRNADataset
from sirna.table.binding_site import dna
from sirna.table.ranges import NUMBER, beyond

MADE_FOR_NEW = "a file of new targets is for a run under --protocol target"
SHOWN = 5
BLANK = ("dose", "hours", "cell_line", "transfection", "species")
"""Conditions whose blanks are counted."""


def strange(bundle: Bundle, rows: pd.DataFrame, dataset: SiRNADataset) -> list[str]:
    """Say what training never showed.

    Parameters
    ----------
    bundle : Bundle
    rows : DataFrame of n checked rows
    dataset : SiRNADataset of n rows
        The first member's.
    """
    return [
        *_tokens(bundle, rows, dataset),
        *_values(bundle, rows),
        *_blanks(bundle, rows),
        *_far(bundle, rows),
        *_duplexes(bundle, rows),
    ]


def _tokens(bundle: Bundle, rows: pd.DataFrame, dataset: SiRNADataset) -> list[str]:
    encoding = bundle.members[0].encoding
    return [
        f"stream {name}: {count} of {len(rows):,} rows have a token that training never showed: "
        f"{_listed(encoding.strangers(name, rows))}; predicted with <unk> in its place"
        for name, count in dataset.unknown.items()
        if count
    ]


def _values(bundle: Bundle, rows: pd.DataFrame) -> list[str]:
    covariates = bundle.members[0].encoding.covariates
    told = []
    for role, values in covariates.unseen(rows).items():
        count = int(rows[role].isin(values).sum())
        aside = f"; {MADE_FOR_NEW}" * (role == "target" and bundle.new_target_rule is None)
        alike = covariates.alike(role, values)
        if alike:
            aside += f"; training has {_listed(alike)}: if the same is meant, write it so"
        told.append(
            f"{role}: {count} of {len(rows):,} rows have a value never seen: "
            f"{_listed(values)}{aside}"
        )
    return told


def _blanks(bundle: Bundle, rows: pd.DataFrame) -> list[str]:
    """Say what is missing here and there; a column that is missing is told elsewhere."""
    counts = {
        role: int(rows[role].isna().sum())
        for role in BLANK
        if role in rows and role in bundle.roles
    }
    told = ", ".join(f"{role} in {count:,}" for role, count in counts.items() if count)
    return [f"blank, and predicted as missing: {told} of {len(rows):,} rows"] if told else []


def _far(bundle: Bundle, rows: pd.DataFrame) -> list[str]:
    """Say which rows lie outside of what was measured."""
    foreign = {NUMBER: bundle.foreign_numbers(rows)} if NUMBER in bundle.ranges else {}
    told = []
    for name, outside in (beyond(rows, bundle.ranges) | foreign).items():
        if outside.any():
            low, high = (np.format_float_positional(end, trim="-") for end in bundle.ranges[name])
            first = rows["id"].to_numpy()[np.argmax(outside)]
            fate = f"outside of what training had, {low} to {high}"
            if name == NUMBER:
                fate = f"far from training's {low} to {high}: of another numbering, read as missing"
            told.append(
                f"{name.replace('_', ' ')}: {outside.sum():,} of {len(rows):,} rows, the first id "
                f"{first}, are {fate}"
            )
    return told


def _duplexes(bundle: Bundle, rows: pd.DataFrame) -> list[str]:
    """Say how many rows are of new targets, or repeat guides that another protocol would use."""
    told = []
    new = int(bundle.new_targets(rows).sum())
    if new:
        told.append(
            f"{new} of {len(rows):,} rows are of new targets, of which less is known; "
            f"{MADE_FOR_NEW}"
        )
    if bundle.config.split.protocol == "rows":
        return told
    measured = {dna(guide) for one in bundle.processes for guide in one.measured["guide"].dropna()}
    known = int(rows["guide"].dropna().map(dna).isin(measured).sum())
    if known:
        told.append(
            f"{known} of {len(rows):,} rows have a guide that was measured; a run under --protocol "
            "rows predicts from its measurements"
        )
    return told


def _listed(values: list[str]) -> str:
    return ", ".join(repr(value) for value in values[:SHOWN]) + " ..." * (len(values) > SHOWN)
