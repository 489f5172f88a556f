"""Fit a random forest with scikit-learn (Breiman 2001) on counts of words and on conditions.

The errors are measured on the training rows: each is predicted by a smaller forest that was fitted
without the rows of its group.
"""

from collections.abc import Callable

import numpy as np
import torch
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import GroupKFold

from sirna.features.fold import FoldTask
from sirna.members.forest import NODES, Forest
from sirna.members.residuals import Residuals, fit_residuals, scale_of, standardised

SEEDS = 2**32
"""The number of seeds that scikit-learn accepts."""
FEWEST_TREES = 20
"""Least number of trees of a forest that measures errors."""


def fit_forest(
    features: np.ndarray, task: FoldTask, stop: Callable[[], bool] = lambda: False
) -> Forest:
    """Fit the forest, and measure its errors.

    Parameters
    ----------
    features : array of float32, shape (n, features)
        Features of the training rows.
    task : FoldTask
        Gives labels, groups, bins, the seed and the section `random_forest` of the configuration.
    stop : callable
        Called before every forest; the fit ends if it returns True.

    Raises
    ------
    InterruptedError
        If `stop()` returned True.
    """
    config = task.config.random_forest
    truth = standardised(task.labels, *scale_of(task.labels))

    def fitted(rows: np.ndarray, trees: int) -> RandomForestRegressor:
        if stop():
            raise InterruptedError
        model = RandomForestRegressor(
            trees,
            max_leaf_nodes=config.leaves,
            min_samples_leaf=config.least_rows,
            max_features=config.features,
            random_state=task.seed % SEEDS,
        )
        return model.fit(features[rows], truth[rows])

    whole = fitted(np.arange(len(truth)), config.trees)
    folds = min(config.folds, len(np.unique(task.groups)))
    left_out = np.zeros(len(truth))  # the mean of all rows, if there is only one group
    if folds > 1:
        fewer = max(FEWEST_TREES, config.trees // folds)
        for rows, held in GroupKFold(folds).split(features, groups=task.groups):
            left_out[held] = fitted(rows, fewer).predict(features[held])
    correct_level = not task.config.protocol.every_target_is_unseen
    return _as_tensors(whole, fit_residuals(task.labels, left_out, task.edges, correct_level))


def _as_tensors(model: RandomForestRegressor, residuals: Residuals) -> Forest:
    """Read the trees from scikit-learn's public arrays."""
    first: list[int] = []
    parts: dict[str, list[np.ndarray]] = {name: [] for name in NODES}
    start = 0
    for fitted in model.estimators_:
        tree = fitted.tree_
        indices = np.arange(tree.node_count)
        leaf = tree.children_left < 0
        first.append(start)
        parts["feature"].append(np.where(leaf, 0, tree.feature))
        parts["threshold"].append(np.where(leaf, 0.0, tree.threshold))
        for side, children in (("left", tree.children_left), ("right", tree.children_right)):
            parts[side].append(np.where(leaf, indices, children) + start)
        parts["missing_left"].append(np.zeros(tree.node_count, dtype=bool))
        parts["value"].append(tree.value[:, 0, 0] / len(model.estimators_))
        start += tree.node_count
    table = {
        name: torch.from_numpy(np.concatenate(parts[name])).to(kind) for name, kind in NODES.items()
    }
    base = torch.zeros(1, dtype=torch.float64)
    return Forest(torch.tensor(first), base, **table, residuals=residuals)
