"""Build a bundle from trained members and fit its postprocessing on held-out predictions."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from sirna.bundle.bundle import Bundle
from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.members.fold_members import FoldMembers
from sirna.prediction.cross_fitting import held_out_positions
from sirna.prediction.earned_weights import learn_unseen_weights
from sirna.prediction.histogram import Histogram
from sirna.prediction.mixture import HeldOut, family_weights, mix_held_out
from sirna.prediction.postprocess import fit_postprocess, fit_unseen_postprocess
from sirna.protocols.targets import group_targets
from sirna.table.ranges import SOURCES, ranges_of


def build_bundle(
    folds: Sequence[FoldMembers],
    held_out: Sequence[HeldOut],
    rows: pd.DataFrame,
    config: Config,
    about: dict[str, Any],
) -> Bundle:
    """Fit the postprocessing and put the bundle together.

    Parameters
    ----------
    folds : sequence of FoldMembers
        Their members go into the bundle.
    held_out : sequence of HeldOut
        Mixtures for the held-out rows of every fold that was trained.
    rows : DataFrame of m rows
        The checked training table.
    config : Config
    about : dict
        See `Bundle`.
    """
    labels = rows["label"].to_numpy()
    postprocess = fit_postprocess(
        Histogram.stacked([part.chosen_by_all for part in held_out]),
        np.concatenate([labels[part.positions] for part in held_out]),
        config,
    )
    families = _complete_families(folds, config)
    left_out = _left_out(folds, families, config)
    unseen_postprocess, has_known_target = None, np.zeros(len(rows), dtype=bool)
    if left_out:
        config = learn_unseen_weights(left_out, labels, group_targets(rows), families, config)
        positions = held_out_positions(left_out)
        unseen_postprocess = fit_unseen_postprocess(
            postprocess,
            Histogram.stacked(
                [mix_held_out(part, config, unseen=True).chosen_by_all for part in left_out]
            ),
            labels[positions],
            config,
            studies=rows["publication"].nunique() if "publication" in rows else 1,
        )
        has_known_target[positions] = True
    weighted = {
        name for unseen in (False, True) for name in family_weights(config, unseen, families)
    }
    members = [
        member
        for family in families
        if family in weighted
        for fold in folds
        for member in fold.of_family(family)
    ]
    shared = with_changes(config, {"data.train": ""})  # no path of this machine
    bundle = Bundle(
        shared, members, postprocess, unseen_postprocess, rows, has_known_target, {}, about
    )
    ranges = {k: v for k, v in ranges_of(rows).items() if SOURCES.get(k, k) in bundle.reads}
    return replace(bundle, ranges=ranges)


def _complete_families(folds: Sequence[FoldMembers], config: Config) -> list[str]:
    """Return the families whose members go into the bundle.

    A family that predicts only rows of unseen targets must have members in every fold: otherwise
    the postprocessing of such rows would be fitted to another mixture.
    """
    present = dict.fromkeys(family for fold in folds for family in fold.by_family)
    for_all_rows = family_weights(config, False, present)
    return [
        family
        for family in present
        if family in for_all_rows or all(family in fold.by_family for fold in folds)
    ]


def _left_out(
    folds: Sequence[FoldMembers], families: Sequence[str], config: Config
) -> list[dict[str, HeldOut]]:
    """Return what families predict for training rows without their targets' rows, by fold.

    Empty if rows of unseen targets get no separate postprocessing.
    """
    if config.protocol.every_target_is_unseen:
        return []
    found = [fold.left_out(config, families) for fold in folds]
    return found if all(found) else []
