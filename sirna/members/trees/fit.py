"""Fitting trees by scikit-learn's histogram gradient boosting.

They learn standardised square roots by squared error; several ensembles, of other seeds, are
averaged. How far the truth lies from their mean is read off the training rows, each target of them
predicted by an ensemble that was fitted without it.
"""

from collections.abc import Callable

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import GroupKFold

from sirna.config.schema import TreesConfig
from sirna.errors import SirnaError
from sirna.members.residuals import Residuals, fit_residuals, scale_of, standardised
from sirna.members.trees.forest import NODES, Trees

SEEDS = 2**32
"""As many as scikit-learn knows."""
CHECKED = 200
"""Training rows for which the tensors must say what scikit-learn says."""


def fit_trees(
    features: np.ndarray,
    labels: np.ndarray,
    targets: np.ndarray,
    edges: np.ndarray,
    config: TreesConfig,
    seed: int,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[Trees, np.ndarray]:
    """Fit the ensembles, and measure their errors.

    Parameters
    ----------
    features : array of float64, shape (n, features)
        NaN where unknown.
    labels : array, shape (n,)
        Percent of mRNA that remains.
    targets : array, shape (n,)
        Errors are those of ensembles that did not see the row's target.
    edges : array, shape (bins + 1,)
    config : TreesConfig
    seed : int
    stop : callable
        Asked before every ensemble.

    Returns
    -------
    Trees
    array, shape (n,)
        The standardised mean of every row from an ensemble that did not see its target.

    Raises
    ------
    InterruptedError
        Where `stop` said so.
    SirnaError
        For a scikit-learn whose trees are built otherwise.
    """
    truth = standardised(labels, *scale_of(labels))

    def fitted(rows: np.ndarray, number: int) -> HistGradientBoostingRegressor:
        if stop():
            raise InterruptedError
        known = np.isfinite(features[rows]).any(axis=0)  # scikit-learn cannot bin nothing at all
        model = HistGradientBoostingRegressor(
            max_iter=config.rounds,
            learning_rate=config.learning_rate,
            max_leaf_nodes=config.leaves,
            max_features=config.features,
            early_stopping=False,
            random_state=(seed + number) % SEEDS,
        )
        return model.fit(np.where(known, features[rows], 0.0), truth[rows])

    everything = np.arange(len(labels))
    models = [fitted(everything, number) for number in range(config.members)]
    folds = min(config.folds, len(np.unique(targets)))
    left_out = np.zeros(len(labels))  # the mean of all, where there is one target
    if folds > 1:
        for rows, held in GroupKFold(folds).split(features, groups=targets):
            left_out[held] = fitted(rows, 0).predict(features[held])
    residuals = fit_residuals(labels, left_out, edges, level=False)
    return _as_tensors(models, features[:CHECKED], residuals), left_out


def _as_tensors(
    models: list[HistGradientBoostingRegressor], some: np.ndarray, residuals: Residuals
) -> Trees:
    """Read the fitted trees, which scikit-learn has no public way to ask for, and check them."""
    first: list[int] = []
    parts: dict[str, list[np.ndarray]] = {name: [] for name in NODES}
    start = 0
    try:
        for model in models:
            for (tree,) in model._predictors:
                nodes = tree.nodes
                leaf, own = nodes["is_leaf"].astype(bool), np.arange(len(nodes)) + start
                first.append(start)
                parts["feature"].append(np.where(leaf, 0, nodes["feature_idx"]))
                parts["threshold"].append(np.where(leaf, 0.0, nodes["num_threshold"]))
                for side in ("left", "right"):
                    parts[side].append(np.where(leaf, own, nodes[side].astype(np.int64) + start))
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
    trees = Trees(torch.tensor(first), torch.from_numpy(base), **table, residuals=residuals)
    expected = np.mean([model.predict(some) for model in models], axis=0)
    if not np.allclose(trees.mean(some), expected, atol=1e-5):
        raise _unreadable()
    return trees


def _unreadable() -> SirnaError:
    return SirnaError(
        "the trees of this scikit-learn cannot be read; install the version of constraints.txt, or "
        "set trees.share = 0."
    )
