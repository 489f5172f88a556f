"""Boosted trees: what scikit-learn fitted, read as tensors."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from sirna.config.config import Config
from sirna.config.family_sections import TreesConfig
from sirna.config.load import with_changes
from sirna.errors import SirnaError
from sirna.members.forest import FeatureTable, whole_table
from sirna.members.residuals import standardised
from sirna.members.trees.fit import fit_forest

QUICK = TreesConfig(rounds=12, ensembles=2, folds=3)


class Labels:
    """What `fit_forest` reads of a task."""

    def __init__(self, labels, seed=0, **changes):
        settings = QUICK.model_copy(update=changes).model_dump()
        self.labels = labels
        self.edges = np.array([0.0, 15.0, 30.0, 60.0, 140.0])
        self.seed = seed
        self.config = with_changes(Config(), {f"trees.{key}": v for key, v in settings.items()})


def drawn(n=400, seed=0):
    """Features with gaps, and labels that follow two of them."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 5))
    labels = np.clip(50 + 20 * features[:, 0] - 15 * (features[:, 1] > 0), 0.5, 130)
    features[rng.random((n, 5)) < 0.1] = np.nan
    return features, labels


@pytest.mark.parametrize("leaves", [2, QUICK.leaves, 80])
def test_the_tensors_predict_what_scikit_learn_predicts(leaves):
    features, labels = drawn(400 if leaves < 80 else 3000)
    groups = np.arange(len(labels)) % 40
    forest, _ = fit_forest(features, groups, Labels(labels, seed=7, leaves=leaves))
    scale = forest.residuals.scale.numpy()
    models = [
        HistGradientBoostingRegressor(
            max_iter=12,
            learning_rate=QUICK.learning_rate,
            max_leaf_nodes=leaves,
            max_features=QUICK.features,
            early_stopping=False,
            random_state=7 + number,
        ).fit(features, standardised(labels, *scale))
        for number in range(2)
    ]
    fresh, _ = drawn(3000, seed=1)  # more rows than one block
    expected = np.mean([model.predict(fresh) for model in models], axis=0)
    np.testing.assert_allclose(forest.mean([whole_table(fresh)]), expected, atol=1e-6)


def test_errors_are_those_of_trees_fitted_without_the_group():
    features, _ = drawn()
    rng = np.random.default_rng(3)
    groups = rng.integers(0, 12, len(features))
    level = rng.uniform(10, 120, 12)[groups]  # the label depends on the group alone
    features = np.column_stack([features, groups])
    changes = {"rounds": 60, "features": 1.0}
    seen, of_seen = fit_forest(features, np.arange(len(level)), Labels(level, **changes))
    unseen, of_unseen = fit_forest(features, groups, Labels(level, **changes))
    assert float(unseen.residuals.spread.mean()) > 1.5 * float(seen.residuals.spread.mean())
    truth = seen.residuals.standardised(level)
    assert np.abs(of_unseen - truth).mean() > 1.5 * np.abs(of_seen - truth).mean()


def test_the_level_of_the_errors_is_not_corrected():
    features, labels = drawn()
    forest, _ = fit_forest(features, np.arange(len(labels)) % 40, Labels(labels))
    assert bool((forest.residuals.bias == 0).all())


def test_tables_of_some_features_predict_what_one_table_of_all_predicts():
    features, labels = drawn()
    forest, _ = fit_forest(features, np.arange(len(labels)) % 40, Labels(labels))
    expected = forest.mean([whole_table(features)])
    distinct = np.arange(7)
    split = [
        FeatureTable(np.array([3, 0]), features[:7][:, [3, 0]], distinct),
        FeatureTable(np.array([1, 2, 4]), features[:7][:, [1, 2, 4]], distinct),
    ]
    np.testing.assert_array_equal(forest.mean(split), expected[:7])


def test_one_group_a_constant_and_a_feature_without_values_are_fitted_too():
    features, labels = drawn(60)
    features[:, 2] = np.nan
    features[:, 3] = 1.0
    for truth in (labels, np.full(60, 50.0)):
        forest, _ = fit_forest(features, np.zeros(60), Labels(truth))
        assert np.isfinite(forest.predict([whole_table(features)]).probs).all()


@pytest.mark.parametrize("seed", [2**32 - 1, 2**40])
def test_every_seed_of_a_configuration_is_accepted(seed):
    features, labels = drawn(60)
    forest, _ = fit_forest(features, np.arange(60), Labels(labels, seed=seed))
    assert np.isfinite(forest.mean([whole_table(features)])).all()


def test_a_request_to_stop_interrupts_the_fit():
    features, labels = drawn(60)
    asked = iter([False, True])
    with pytest.raises(InterruptedError):
        fit_forest(features, np.arange(60), Labels(labels), lambda: next(asked))


def test_trees_that_cannot_be_read_are_refused(monkeypatch):
    features, labels = drawn(60)
    predict = HistGradientBoostingRegressor.predict
    monkeypatch.setattr(
        HistGradientBoostingRegressor, "predict", lambda self, x: predict(self, x) + 0.1
    )
    with pytest.raises(SirnaError, match=r"weights of trees in \[mixture\]"):
        fit_forest(features, np.arange(60), Labels(labels))
