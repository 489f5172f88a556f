"""The registry: the list of all model families."""

from typing import Any

import pandas as pd

from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.errors import UsageError, suggestion
from sirna.members.base import Member
from sirna.members.gaussian_process.member import GaussianProcessMember
from sirna.members.network.member import NetworkMember
from sirna.members.random_forest.member import RandomForestMember
from sirna.members.trees.member import TreesMember
from sirna.members.word_process.member import WordProcessMember

FAMILIES: dict[str, type[Member]] = {
    one.family: one
    for one in (
        NetworkMember,
        GaussianProcessMember,
        TreesMember,
        WordProcessMember,
        RandomForestMember,
    )
}
"""Family name -> class, in the order in which a fold fits them."""


AFTER_PREDICTION = {"decision", "mixture", "predict"}
"""Sections of the configuration that no fit depends on."""
KINDS = ("known_target", "unseen_target", "small_table")
"""The tables of weights in `[mixture]`."""


def register(family: type[Member]) -> None:
    """Add a family from outside the package."""
    FAMILIES[family.family] = family


def check_families(config: Config) -> None:
    """Raise UsageError for a weight of a family that is not registered."""
    mixture = config.mixture.model_dump(include=set(KINDS))
    for kind, weights in mixture.items():
        for name in weights:
            if name not in FAMILIES:
                raise UsageError(
                    f"mixture.{kind}: no family {name!r}{suggestion(name, FAMILIES)}; families: "
                    f"{', '.join(FAMILIES)}"
                )


def families_for(config: Config, unseen: bool) -> list[type[Member]]:
    """Return the families with a weight for rows of known or of unseen targets."""
    unseen = unseen or config.protocol.every_target_is_unseen
    weights = config.mixture.unseen_target if unseen else config.mixture.known_target
    return [family for name, family in FAMILIES.items() if weights.get(name)]


def settings_of(family: str, config: Config) -> dict[str, Any]:
    """Return all settings but those that a fit of this family does not depend on.

    These are the sections that only other families own, and what happens to predictions later.
    """
    settings = config.model_dump(mode="json")
    others = [one for name, one in FAMILIES.items() if name != family]
    of_others = {name for one in others for name in (one.family, *one.sections)}
    for section in of_others - FAMILIES[family].sections | AFTER_PREDICTION:
        settings.pop(section, None)
    return settings


def config_for_table(config: Config, rows: pd.DataFrame) -> Config:
    """Return the configuration with the weights for a training table of m checked rows.

    In a small table, families that do not suit it get no weight, and those for small tables get
    theirs; all weights are then learned. In another table nothing is learned: the weights of the
    configuration are returned, with `mixture.learn` false. Each family may change its settings.
    """
    for family in FAMILIES.values():
        config = family.config_for(rows, config)
    if not config.mixture.learn:
        return config
    part = min(1.0, config.mixture.small_rows / max(len(rows), 1))
    shares = config.mixture.small_table.items()
    small = {name: part * w for name, w in shares if w and FAMILIES[name].suits(rows, config)}
    if not small:
        return with_changes(config, {"mixture.learn": False})
    changes: dict[str, object] = {"mixture.learn": True}
    for kind in KINDS[:2]:
        weights: dict[str, float] = dict(getattr(config.mixture, kind))
        kept = {n: w for n, w in weights.items() if w and FAMILIES[n].suits(rows, config)}
        added = small
        if kind == "unseen_target":
            added = {k: w for k, w in small.items() if FAMILIES[k].left_out is not Member.left_out}
        rest = (1 - sum(added.values())) / sum(kept.values())
        found = dict.fromkeys(weights, 0.0) | {k: w * rest for k, w in kept.items()} | added
        changes |= {f"mixture.{kind}.{name}": weight for name, weight in found.items()}
    return with_changes(config, changes)
