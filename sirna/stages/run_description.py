"""Describe a run: before it starts, what it does not read or cannot do; at its end, its scores."""

import shlex
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sirna.config.config import Config
from sirna.config.roles import TARGET_NAMES
from sirna.features.dataset import tokenizer_of
from sirna.features.fold import FoldTask
from sirna.members.base import Member
from sirna.members.fold_members import FoldMembers
from sirna.members.registry import FAMILIES, families_for
from sirna.prediction.mixture import family_weights
from sirna.protocols.similar import group_similar
from sirna.runs.run import Run, resume_hint
from sirna.stages.console import Console

LEAST_DROPOUT = 0.2
"""If the network reads names of training targets, a note warns of a `model.covariate_dropout` below
this value."""
SIMILAR_SHARE = 0.7
"""If there are fewer groups of similar guides per guide, a note recommends another protocol."""


def describe_run(
    rows: pd.DataFrame, config: Config, tasks: list[FoldTask], console: Console
) -> None:
    """Print the weights that the run uses, and what it does not read or cannot do."""
    console.line(f"mixture: {describe_weights(config)}")
    if not config.protocol.every_target_is_unseen:
        if tasks[-1].targets is not None and _can_leave_out(config):
            console.line(
                f"mixture in rows of unseen targets: {describe_weights(config, unseen=True)}"
            )
        else:
            console.note(
                "this run cannot recognise unseen targets (it needs at least five targets, none "
                "with more than a third of the rows, and a Gaussian process or trees with a weight "
                "in [mixture.unseen_target]); it predicts their rows like all other rows"
            )
    if config.split.protocol == "duplex":
        _note_similar_guides(rows, console)
    absent = sorted(n for n, s in config.streams.items() if s.enabled and s.role not in rows)
    if absent:
        console.note(f"streams without a column are left out: {', '.join(absent)}")
    names = [
        role
        for role in config.covariates.categorical
        if role in TARGET_NAMES and role in rows and rows[role].notna().any()
    ]
    dropout = config.model.covariate_dropout
    if config.protocol.hides_target_names and names and dropout < LEAST_DROPOUT:
        console.note(
            f"the network reads {' and '.join(names)} in training rows and must learn to predict "
            f"without them; model.covariate_dropout = {dropout:g} is low for this (default 0.4)"
        )


def _note_similar_guides(rows: pd.DataFrame, console: Console) -> None:
    """Recommend the protocol `similar` if many guides are shifted or mutated forms of others."""
    guides, groups = rows["guide"].nunique(), len(np.unique(group_similar(rows)))
    if groups < SIMILAR_SHARE * guides:
        console.note(
            f"{guides:,} guides are only {groups:,} groups of similar ones (shifted or mutated); "
            "held-out guides have relatives among the training rows, so this score flatters for a "
            "new sequence: --protocol similar keeps the groups together"
        )


def describe_weights(config: Config, unseen: bool = False) -> str:
    """List the weights for rows of known or of unseen targets."""
    weights = family_weights(config, unseen, FAMILIES)
    return ", ".join(f"{FAMILIES[name].title} {weight:.2f}" for name, weight in weights.items())


def describe_learned(config: Config, of_unseen: bool, console: Console) -> None:
    """Print the weights that held-out rows decided on, if they are learned.

    Parameters
    ----------
    config : Config
        That of the bundle.
    of_unseen : bool
        Whether rows of unseen targets are recognised.
    console : Console
    """
    if not config.mixture.learn:
        return
    console.line(f"mixture, as held-out rows weight it: {describe_weights(config)}")
    if of_unseen:
        console.line(
            "mixture in rows of unseen targets, as training rows without their targets weight it: "
            f"{describe_weights(config, unseen=True)}"
        )


def _can_leave_out(config: Config) -> bool:
    """Return whether a family with a weight can predict training rows without their targets."""
    families = families_for(config, unseen=True)
    return any(family.left_out is not Member.left_out for family in families)


def describe_fold(task: FoldTask, console: Console) -> None:
    """Print how many rows a fold holds, or how many train again."""
    if not len(task.held_out):
        console.line(f"all rows: {len(task.training):,} train the bundle's members again")
        return
    groups = len(np.unique(task.split.groups[task.held_out]))
    console.line(
        f"fold {task.fold}: {len(task.training):,} rows train, {len(task.held_out):,} held out "
        f"({task.config.split.protocol}: {groups:,} groups)"
    )


def count_members(folds: Sequence[FoldMembers], config: Config) -> dict[str, int]:
    """Count the trained members of each family that has a weight, by its title."""
    weighted = {family for unseen in (False, True) for family in families_for(config, unseen)}
    return {
        family.title: sum(len(fold.of_family(name)) for fold in folds)
        for name, family in FAMILIES.items()
        if family in weighted
    }


def uncovered_bases_notes(rows: pd.DataFrame, config: Config) -> list[str]:
    """Describe streams whose tokens do not cover all bases at the 3' end."""
    notes = []
    for name, stream in config.streams.items():
        if stream.kind == "bases" and stream.role in rows:
            uncovered = rows[stream.role].dropna().map(tokenizer_of(stream).count_uncovered)
            if uncovered.any():
                notes.append(
                    f"stream {name}: up to {uncovered.max()} bases at the 3' end of "
                    f"{(uncovered > 0).sum():,} rows are in no token (tail = 'drop')"
                )
    return notes


def describe_outcome(run: Run, figures: dict[str, Any], console: Console) -> None:
    """Print the scores of a training and the next command."""
    parts = {f"fold {fold}": part for fold, part in figures["folds"].items()}
    pooled = {"held out" if len(parts) == 1 else "pooled": figures["pooled"]}
    console.scores(f"protocol {figures['protocol']}", (parts if len(parts) > 1 else {}) | pooled)
    if figures["sd"] is not None:
        console.result(f"folds: {figures['mean']:.4f} ± {figures['sd']:.4f}")
    console.result(
        f"constant below the threshold: {figures['constant_baseline']:.4f}; "
        f"{figures['interval']:.0%} interval covers {figures['interval_coverage']:.1%}"
    )
    if figures["pooled"]["score"] < figures["constant_baseline"]:
        console.note(
            "this score is below that of one constant point in every row: the points are of no use "
            "for the competition's score; the medians may still rank duplexes"
        )
    if rank := figures.get("ranking"):
        console.result(
            "rank correlation of medians and measurements within an assay (one target, dose and "
            f"cell line): {rank['spearman']:.2f} (mean over {rank['settings']} assays)"
        )
    rate = figures["rows_per_second"]
    console.line(
        f"{figures['seconds']:.0f} s, {f'{rate:,} rows/s, ' if rate else ''}"
        f"peak memory {figures['peak_memory_mb']:,} MB"
    )
    if figures["interrupted"]:
        console.result(
            "stopped; the bundle holds finished members, and a stopped network at its best epoch; "
            f"{resume_hint(run)}"
        )
    paths = [path for path in (run.bundle, run.report, run.oof) if path.exists()]
    console.result(f"written: {', '.join(map(str, paths))}")
    console.next(f"sirna submit TEST --run {shlex.quote(str(run.folder))}")
