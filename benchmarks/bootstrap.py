"""Bootstrap of the difference between two scores: whole groups are drawn with replacement."""

import numpy as np
import pandas as pd

from sirna.prediction.score import competition_score

RESAMPLES = 1000


def gain(one: pd.DataFrame, other: pd.DataFrame) -> tuple[float, float]:
    """Return the 95 % interval of the difference in score, by a bootstrap over groups.

    Both tables have the columns group, measured and predicted, and the same rows in the same order.
    """
    rng = np.random.default_rng(0)
    _, group = np.unique(one["group"].to_numpy().astype(str), return_inverse=True)
    order = np.argsort(group, kind="stable")
    ends = np.cumsum(np.bincount(group))
    rows_of_group = np.split(order, ends[:-1])
    truth = one["measured"].to_numpy()
    predicted = [frame["predicted"].to_numpy() for frame in (one, other)]
    differences = []
    for _ in range(RESAMPLES):
        drawn = np.concatenate(
            [rows_of_group[i] for i in rng.integers(0, len(rows_of_group), len(rows_of_group))]
        )
        scores = [competition_score(truth[drawn], points[drawn]).score for points in predicted]
        differences.append(scores[0] - scores[1])
    low, high = np.quantile(differences, [0.025, 0.975])
    return float(low), float(high)
