"""Boosted trees: what scikit-learn fitted, read as tensors."""

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingRegressor

from sirna.config.load import Config, with_changes
from sirna.config.schema import TreesConfig
from sirna.errors import SirnaError
from sirna.members.residuals import standardised
from sirna.members.trees.fit import fit_trees
from sirna.members.trees.member import RowTrees, _features
from sirna.simulate.simulate import simulate
from sirna.table.check_table import check_table
from sirna.table.splits import group_rows
from sirna.table.training_source import as_text

QUICK = TreesConfig(share=0.4, rounds=12, members=2, folds=3)
EDGES = np.array([0.0, 15.0, 30.0, 60.0, 140.0])


@pytest.fixture(scope="module")
def quick():
    changes = {f"trees.{key}": value for key, value in QUICK.model_dump().items()}
    return with_changes(Config(), changes)


@pytest.fixture(scope="module")
def rows():
    return check_table(as_text(simulate(duplexes=120, seed=2).train), "many", Config()).rows


def drawn(n=400, seed=0):
    """Features with gaps, and labels that follow two of them."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 5))
    labels = np.clip(50 + 20 * features[:, 0] - 15 * (features[:, 1] > 0), 0.5, 130)
    features[rng.random((n, 5)) < 0.1] = np.nan
    return features, labels


def fitted(rows, config, protocol="target", training=None):
    config = with_changes(config, {"split.protocol": protocol})
    training = np.arange(len(rows)) if training is None else training
    return RowTrees.fit(rows, training, group_rows(rows, protocol), config, 0)


def test_the_tensors_say_what_scikit_learn_says():
    features, labels = drawn()
    groups = np.arange(len(labels)) % 40
    trees, _ = fit_trees(features, labels, groups, EDGES, QUICK, 7)
    scale = trees.residuals.scale.numpy()
    models = [
        HistGradientBoostingRegressor(
            max_iter=12,
            learning_rate=QUICK.learning_rate,
            max_leaf_nodes=QUICK.leaves,
            max_features=QUICK.features,
            early_stopping=False,
            random_state=7 + number,
        ).fit(features, standardised(labels, *scale))
        for number in range(2)
    ]
    fresh, _ = drawn(3000, seed=1)  # more rows than are sent down at once
    expected = np.mean([model.predict(fresh) for model in models], axis=0)
    np.testing.assert_allclose(trees.mean(fresh), expected, atol=1e-6)


def test_errors_are_those_of_trees_that_did_not_see_the_group():
    features, _ = drawn()
    rng = np.random.default_rng(3)
    groups = rng.integers(0, 12, len(features))
    level = rng.uniform(10, 120, 12)[groups]  # nothing but the group tells the label
    features = np.column_stack([features, groups])
    config = QUICK.model_copy(update={"rounds": 60, "features": 1.0})
    seen, known = fit_trees(features, level, np.arange(len(level)), EDGES, config, 0)
    unseen, new = fit_trees(features, level, groups, EDGES, config, 0)
    assert float(unseen.residuals.spread.mean()) > 1.5 * float(seen.residuals.spread.mean())
    truth = seen.residuals.standardised(level)
    assert np.abs(new - truth).mean() > 1.5 * np.abs(known - truth).mean()


def test_the_level_of_the_errors_is_left_alone():
    features, labels = drawn()
    trees, _ = fit_trees(features, labels, np.arange(len(labels)) % 40, EDGES, QUICK, 0)
    assert bool((trees.residuals.bias == 0).all())


def test_one_group_a_constant_and_a_feature_without_values_are_fitted_all_the_same():
    features, labels = drawn(60)
    features[:, 2] = np.nan
    features[:, 3] = 1.0
    for truth in (labels, np.full(60, 50.0)):
        trees, _ = fit_trees(features, truth, np.zeros(60), EDGES, QUICK, 0)
        assert np.isfinite(trees.predict(features).probs).all()


@pytest.mark.parametrize("seed", [2**32 - 1, 2**40])
def test_every_seed_that_a_configuration_may_have_is_one(seed):
    features, labels = drawn(60)
    trees, _ = fit_trees(features, labels, np.arange(60), EDGES, QUICK, seed)
    assert np.isfinite(trees.mean(features)).all()


def test_a_request_to_stop_is_heard():
    features, labels = drawn(60)
    asked = iter([False, True])
    with pytest.raises(InterruptedError):
        fit_trees(features, labels, np.arange(60), EDGES, QUICK, 0, lambda: next(asked))


def test_trees_that_are_built_otherwise_are_refused(monkeypatch):
    features, labels = drawn(60)
    predict = HistGradientBoostingRegressor.predict
    monkeypatch.setattr(
        HistGradientBoostingRegressor, "predict", lambda self, x: predict(self, x) + 0.1
    )
    with pytest.raises(SirnaError, match=r"trees\.share = 0"):
        fit_trees(features, labels, np.arange(60), EDGES, QUICK, 0)


def test_a_place_tells_what_campaigns_share(rows, quick):
    rng = np.random.default_rng(0)
    campaign = rng.permutation(len(rows)) // 30
    level = rng.uniform(5, 95, campaign.max() + 1)[campaign]
    number = 1000 * campaign + rng.integers(0, 900, len(rows))
    made = rows.assign(label=level, duplex_number=number * 1.0)
    training, held = np.arange(0, len(rows), 2), np.arange(1, len(rows), 2)
    config = with_changes(quick, {"trees.rounds": 60})
    error = {}
    for series in ((), ("duplex_number",)):
        read = with_changes(config, {"trees.series": series})
        groups = rows["id"].to_numpy()
        trees = RowTrees.fit(made, training, groups, read, 0)
        predicted = trees.predict(made.iloc[held]).median()
        error[series] = np.abs(predicted - level[held]).mean()
    assert error[("duplex_number",)] < 0.6 * error[()]


@pytest.mark.parametrize("protocol", ["rows", "target"])
def test_no_name_changes_a_prediction(rows, quick, protocol):
    trees = fitted(rows, quick, protocol)
    renamed = rows.assign(target=rows["target"].iloc[0], publication="another")
    np.testing.assert_array_equal(trees.predict(rows).probs, trees.predict(renamed).probs)
    assert not trees.read & {"target", "publication"}
    assert {"species_match", "site", "duplex_number"} <= trees.read


def test_what_is_said_of_new_targets_stands_at_the_rows_own_places(rows, quick):
    training = np.arange(10, len(rows))
    trees = fitted(rows, quick, training=training)
    assert torch.equal(trees.left_out.isnan(), torch.arange(len(rows)) < 10)
    told = trees.with_new_targets(torch.from_numpy(training))
    labels = rows["label"].to_numpy()[training]
    own = trees.predict(rows.iloc[training])
    error = [np.abs(one.median() - labels).mean() for one in (own, told)]
    assert error[0] < error[1] < np.abs(labels - np.median(labels)).mean()


def test_what_is_said_of_a_new_target_knows_none_of_its_labels(rows, quick):
    own = rows["target"].to_numpy() == rows["target"].dropna().iloc[40]
    label = rows["label"].to_numpy().copy()
    label[own] = label[own][::-1]  # the same labels in all, so the same scale
    one, other = (fitted(table, quick).left_out for table in (rows, rows.assign(label=label)))
    assert torch.equal(one[own], other[own])
    assert not torch.equal(one, other)


def test_a_held_out_label_changes_no_prediction(rows, quick):
    training, held = np.arange(40, len(rows)), np.arange(40)
    changed = rows.assign(label=np.where(rows.index < 40, 99.0, rows["label"]))
    one, other = (
        fitted(table, quick, "duplex", training).predict(rows.iloc[held])
        for table in (rows, changed)
    )
    np.testing.assert_array_equal(one.probs, other.probs)


def test_a_prediction_does_not_depend_on_the_other_rows(rows, quick):
    trees = fitted(rows, quick)
    whole = trees.predict(rows).probs
    for some in ([5], [30, 2, 17], list(range(len(rows)))[::-1]):
        part = trees.predict(rows.iloc[some].reset_index(drop=True)).probs
        np.testing.assert_array_equal(part, whole[some])


def test_distributions_are_distributions(rows, quick):
    predicted = fitted(rows, quick).predict(rows)
    assert (predicted.probs >= 0).all()
    np.testing.assert_allclose(predicted.probs.sum(axis=1), 1.0)


def test_the_same_seed_gives_the_same_trees(rows, quick):
    one, same = (fitted(rows, quick).tensors() for _ in range(2))
    other = fitted(rows, with_changes(quick, {"train.seed": 1})).tensors()
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["value"], other["value"])


def test_features_are_as_many_as_the_aligner_says(rows, quick):
    for protocol in ("duplex", "target"):
        aligner = fitted(rows, quick, protocol).aligner
        assert _features(aligner, rows).shape == (len(rows), aligner.width)


def test_what_is_rebuilt_from_tensors_predicts_the_same(rows, quick):
    trees = fitted(rows, quick)
    again = RowTrees.from_tensors(trees.tensors(), 4)
    np.testing.assert_array_equal(trees.predict(rows).probs, again.predict(rows).probs)
    assert again.number == 4
    assert again.read == trees.read


BROKEN = {
    "aligner": [lambda _: torch.tensor([123, 125], dtype=torch.uint8), lambda t: t[:-1]],
    "first": [lambda t: t + 10**6, lambda t: t.float(), lambda t: -t - 1],
    "base": [lambda t: t.repeat(2), lambda t: t * torch.nan],
    "feature": [lambda t: t + 10**4, lambda t: t[:-1], lambda t: t - 10**4],
    "threshold": [lambda t: t * torch.nan, lambda t: t.float()],
    "left": [lambda t: t + 10**6, lambda t: t * 0],
    "right": [lambda t: t - 10**6, lambda t: t * 0],
    "missing_left": [lambda t: t.long()],
    "value": [lambda t: t / 0, lambda t: t[:5]],
    "spread": [lambda t: t * 0],
    "knots": [lambda t: t[:-1]],
    "left_out": [lambda t: t.double(), lambda t: t[None]],
}


@pytest.mark.parametrize("name", BROKEN)
def test_tensors_that_do_not_fit_are_refused(rows, quick, name):
    tensors = fitted(rows, quick).tensors()
    with pytest.raises(KeyError, match=name):
        RowTrees.from_tensors({k: v for k, v in tensors.items() if k != name}, 0)
    for breaking in BROKEN[name]:
        with pytest.raises((KeyError, TypeError, ValueError)):
            RowTrees.from_tensors({**tensors, name: breaking(tensors[name])}, 0)
