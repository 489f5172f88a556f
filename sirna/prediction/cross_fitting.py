"""Predict held-out rows with weights, calibration and decision that other held-out rows chose."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from sirna.config.config import Config
from sirna.prediction.earned_weights import Likelihoods, Parts
from sirna.prediction.histogram import Histogram
from sirna.prediction.mixture import mix_held_out
from sirna.prediction.postprocess import fit_postprocess
from sirna.table.splits import Split


class Block(NamedTuple):
    """One half of the held-out rows of one fold, with n rows.

    Attributes
    ----------
    fold, half : int
    rows : array of int, shape (n,)
        Places of the rows among all held-out rows; see `held_out_positions`.
    predicted : Histogram of n rows
        Calibrated.
    points : array, shape (n,)
        Percentages that remain.
    """

    fold: int
    half: int
    rows: np.ndarray
    predicted: Histogram
    points: np.ndarray


def held_out_positions(parts: Parts) -> np.ndarray:
    """Return the positions in the table of the held-out rows of all folds, one after the other."""
    return np.concatenate([next(iter(part.values())).positions for part in parts])


def cross_fitted(parts: Parts, labels: np.ndarray, split: Split, config: Config) -> Iterator[Block]:
    """Yield the predictions of each half of each fold.

    Weights and postprocessing of a half are fitted on all held-out rows but its own.

    Parameters
    ----------
    parts : Parts
    labels : array, shape (m,)
        Labels of all rows of the table.
    split : Split
    config : Config
    """
    held = held_out_positions(parts)
    truth, folds, halves = labels[held], split.fold[held], split.half[held]
    likelihoods = Likelihoods(parts, labels, split.groups, config)
    mixed_with: Config | None = None
    for fold, half in sorted(set(zip(folds.tolist(), halves.tolist(), strict=True))):
        weighted = likelihoods.for_scoring(split.fold, split.half, (fold, half))
        if weighted is not mixed_with:  # weights that are not learned are always the same
            mixed_with = weighted
            mixed = [mix_held_out(part, weighted) for part in parts]
            by_other_half = Histogram.stacked([part.chosen_by_other_half for part in mixed])
            by_own_half = Histogram.stacked([part.chosen_by_own_half for part in mixed])
        scored = (folds == fold) & (halves == half)
        # Rows of the same fold: use the epoch that they chose, so that the scored half has no
        # influence. Rows of other folds: use the predictions that they are scored with.
        same_fold = (folds == fold)[:, None]
        probs = np.where(same_fold, by_own_half.probs, by_other_half.probs)
        others = Histogram(by_other_half.edges, probs)[~scored]
        postprocess = fit_postprocess(others, truth[~scored], config)
        predicted, points = postprocess.apply(by_other_half[scored])
        yield Block(fold, half, np.flatnonzero(scored), predicted, points)
