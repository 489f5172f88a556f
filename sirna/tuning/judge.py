"""Judge a configuration: the score of the mixture of its members, as `sirna train` would print it.

Each half of each fold is predicted with weights, calibration and decision that the other held-out
rows chose.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sirna.config.config import Config
from sirna.features.fold import FoldTask
from sirna.prediction.cross_fitting import cross_fitted, held_out_positions
from sirna.prediction.decision import DECIMALS, rounded
from sirna.prediction.earned_weights import Likelihoods
from sirna.prediction.mixture import family_weights
from sirna.prediction.score import competition_score
from sirna.tuning.fits import ByFamily


@dataclass(frozen=True)
class Judged:
    """The points of held-out rows, and what they score.

    Attributes
    ----------
    positions : array of int, shape (n,)
        Positions of the rows in the table.
    points : array, shape (n,)
        Percent that remain.
    score : float
        The competition score of all these rows.
    by_fold : tuple of float
        The score of each fold's rows.
    weights : dict of str to float
        The weights that all these rows choose.
    """

    positions: np.ndarray
    points: np.ndarray
    score: float
    by_fold: tuple[float, ...]
    weights: dict[str, float]


def judge(folds: Sequence[ByFamily], tasks: Sequence[FoldTask], config: Config) -> Judged:
    """Score the mixture of what the families predict for the held-out rows of some folds.

    Parameters
    ----------
    folds : sequence of dict of str to HeldOut
        The predictions of each fold, by family.
    tasks : sequence of FoldTask
        The same folds.
    config : Config
        Its weights are where the choice of weights starts, if there is one (`mixture.learn`).
    """
    split, labels = tasks[0].split, tasks[0].rows["label"].to_numpy()
    held = held_out_positions(folds)
    fold, truth, points = split.fold[held], labels[held], np.empty(len(held))
    for block in cross_fitted(folds, labels, split, config):
        points[block.rows] = rounded(block.points, config.score.threshold, DECIMALS)

    def score(some: np.ndarray) -> float:
        return competition_score(truth[some], points[some], config.score.threshold).score

    by_fold = tuple(score(fold == task.fold) for task in tasks)
    learned = Likelihoods(folds, labels, split.groups, config).for_bundle()
    weights = family_weights(learned, False, folds[0])
    return Judged(held, points, score(np.ones(len(held), dtype=bool)), by_fold, weights)
