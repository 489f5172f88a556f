"""Fit trees with scikit-learn's histogram gradient boosting.

The trees predict standardised square roots of the labels; the loss is the squared error. Several
ensembles with different seeds are averaged. The errors are measured on the training rows: each is
predicted by an ensemble that was fitted without the rows of its target.
"""

from collections.abc import Callable

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import GroupKFold

from sirna.config.family_sections import TreesConfig
from sirna.errors import SirnaError
from sirna.features.fold import FoldTask
from sirna.members.forest import NODES, Forest, whole_table
from sirna.members.residuals import Residuals, fit_residuals, scale_of, standardised

SEEDS = 2**32
"""The number of seeds that scikit-learn accepts."""
CHECKED = 200
"""Number of training rows for which tensors and scikit-learn must predict the same."""


def fit_forest(
    features: np.ndarray,
    targets: np.ndarray,
    task: FoldTask,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[Forest, np.ndarray]:
    """Fit the ensembles, and measure their errors.

    Parameters
    ----------
    features : array of float64, shape (n, features)
        Features of the training rows; NaN if unknown.
    targets : array, shape (n,)
        The target of each training row.
    task : FoldTask
        Gives the labels, the bins, the seed and the section `trees` of the configuration.
    stop : callable
        Called before every ensemble; the fit ends if it returns True.

    Returns
    -------
    Forest
    array, shape (n,)
        The standardised mean of every row from an ensemble fitted without its target.

    Raises
    ------
    InterruptedError
        If `stop()` returned True.
    SirnaError
        For a version of scikit-learn that stores trees in another form.
    """
    config: TreesConfig = task.config.trees
    truth = standardised(task.labels, *scale_of(task.labels))

    def fitted(rows: np.ndarray, seed_offset: int) -> HistGradientBoostingRegressor:
        if stop():
            raise InterruptedError
        has_value = np.isfinite(features[rows]).any(axis=0)  # scikit-learn fails on columns of NaN
        model = HistGradientBoostingRegressor(
            max_iter=config.rounds,
            learning_rate=config.learning_rate,
            max_leaf_nodes=config.leaves,
            max_features=config.features,
            early_stopping=False,
            random_state=(task.seed + seed_offset) % SEEDS,
        )
        return model.fit(np.where(has_value, features[rows], 0.0), truth[rows])

    everything = np.arange(len(truth))
    models = [fitted(everything, index) for index in range(config.ensembles)]
    folds = min(config.folds, len(np.unique(targets)))
    left_out = np.zeros(len(truth))  # the mean of all rows, if there is only one target
    if folds > 1:
        for rows, held in GroupKFold(folds).split(features, groups=targets):
            left_out[held] = fitted(rows, 0).predict(features[held])
    residuals = fit_residuals(task.labels, left_out, task.edges, correct_level=False)
    return _as_tensors(models, features[:CHECKED], residuals), left_out


def _as_tensors(
    models: list[HistGradientBoostingRegressor], some: np.ndarray, residuals: Residuals
) -> Forest:
    """Read the fitted trees from scikit-learn's private attributes, and check their predictions."""
    first: list[int] = []
    parts: dict[str, list[np.ndarray]] = {name: [] for name in NODES}
    start = 0
    try:
        for model in models:
            for (tree,) in model._predictors:
                nodes = tree.nodes
                leaf, node_indices = nodes["is_leaf"].astype(bool), np.arange(len(nodes)) + start
                first.append(start)
                parts["feature"].append(np.where(leaf, 0, nodes["feature_idx"]))
                parts["threshold"].append(np.where(leaf, 0.0, nodes["num_threshold"]))
                for side in ("left", "right"):
                    parts[side].append(
                        np.where(leaf, node_indices, nodes[side].astype(np.int64) + start)
                    )
                parts["missing_left"].append(nodes["missing_go_to_left"].astype(bool))
                parts["value"].append(nodes["value"] / len(models))
                start += len(nodes)
        base = np.mean([np.ravel(model._baseline_prediction) for model in models], axis=0)
        table = {
            name: torch.from_numpy(np.concatenate(parts[name])).to(kind)
            for name, kind in NODES.items()
        }
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise _unreadable() from error
    forest = Forest(torch.tensor(first), torch.from_numpy(base), **table, residuals=residuals)
    expected = np.mean([model.predict(some) for model in models], axis=0)
    if not np.allclose(forest.mean([whole_table(some)]), expected, atol=1e-5):
        raise _unreadable()
    return forest


def _unreadable() -> SirnaError:
    return SirnaError(
        "the trees of this version of scikit-learn cannot be read; install the version in "
        "constraints.txt, or set the weights of trees in [mixture] to 0."
    )
