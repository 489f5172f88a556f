"""Measure how much larger the errors of a Gaussian process are for new guides.

Some guides are drawn. Their rows are predicted without all rows of the guide, and without all rows
of similar guides, in closed form. The spread that these predictions need, over the spread that
predictions need which leave out a group of the protocol, is how much wider a distribution must be.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sirna.members.residuals import Residuals
from sirna.members.solve import Solution
from sirna.prediction.calibration import WIDEST, fit_calibration
from sirna.prediction.widening import Widening
from sirna.protocols.similar import similar_pairs
from sirna.protocols.targets import guides

MOST_GUIDES = 300
MOST_WORK = 3e10
"""Guides that are drawn at most; they end when the cubes of the numbers of rows add up to this."""


@dataclass(frozen=True)
class Measured:
    """What is known of the n training rows besides their features.

    Attributes
    ----------
    rows : DataFrame of n rows
    labels : array, shape (n,)
        Percent of mRNA that remains.
    groups : array, shape (n,)
        To measure its error, a row is predicted without all rows of its group.
    targets : array, shape (n,), optional
        The target of each row, if rows are also to be predicted as if their targets were unseen.
    correct_level : bool
        Whether the mean error is corrected; see `fit_residuals`.
    """

    rows: pd.DataFrame
    labels: np.ndarray
    groups: np.ndarray
    targets: np.ndarray | None
    correct_level: bool


def fit_widening(
    solution: Solution, means: np.ndarray, residuals: Residuals, measured: Measured, seed: int
) -> Widening:
    """Measure the widening for new guides; none if errors are measured on whole targets already.

    Parameters
    ----------
    solution : Solution
        For n training rows.
    means : array, shape (n,)
        The mean of every row without the rows of its group.
    residuals : Residuals
    measured : Measured
    seed : int
        Of the draw of guides.
    """
    if not measured.correct_level:
        return Widening()
    distinct, guide = np.unique(guides(measured.rows).to_numpy().astype(str), return_inverse=True)
    pairs = similar_pairs(distinct)
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    rows: list[np.ndarray] = []
    without_guide: list[np.ndarray] = []
    without_similar: list[np.ndarray] = []
    work = 0.0
    for drawn in np.random.default_rng(seed).permutation(np.flatnonzero(distinct != "")):
        own = np.flatnonzero(guide == drawn)
        near = np.flatnonzero(np.isin(guide, [drawn, *pairs[pairs[:, 0] == drawn, 1]]))
        work += float(len(own)) ** 3 + float(len(near)) ** 3
        if len(rows) >= MOST_GUIDES or work > MOST_WORK:
            break
        rows.append(own)
        without_guide.append(solution.without(own))
        without_similar.append(solution.without(near)[np.searchsorted(near, own)])
    if not rows:
        return Widening()
    places = np.concatenate(rows)

    def spread(some: np.ndarray) -> float:
        predicted = residuals.distributions(some.astype(np.float64))
        return fit_calibration(predicted, measured.labels[places]).spread

    usual = spread(means[places])
    similar, far = (
        float(np.clip(spread(np.concatenate(found)) / usual, 1.0, WIDEST))
        for found in (without_guide, without_similar)
    )
    return Widening(similar, max(similar, far))
