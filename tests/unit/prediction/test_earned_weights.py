"""Weights that held-out rows earn."""

import numpy as np
import pytest

from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.prediction.earned_weights import Likelihoods, learn_unseen_weights, learned_weights
from sirna.prediction.histogram import Histogram
from sirna.prediction.mixture import HeldOut, family_weights

EDGES = np.arange(0.0, 101.0, 5.0)
MIDDLES = (EDGES[:-1] + EDGES[1:]) / 2


def around(centres, sd=8.0):
    weight = np.exp(-0.5 * ((MIDDLES - centres[:, None]) / sd) ** 2)
    return Histogram(EDGES, weight / weight.sum(axis=1, keepdims=True))


def case(rows=400, folds=2, **errors):
    """Labels, groups, and families whose predictions miss the labels by given errors (sd)."""
    rng = np.random.default_rng(0)
    labels = rng.uniform(5, 95, rows)
    fold, half = rng.integers(0, folds, rows), rng.integers(0, 2, rows)
    predicted = {
        name: around(np.clip(labels + sd * rng.standard_normal(rows), 0, 100))
        for name, sd in errors.items()
    }
    parts = []
    for number in range(folds):
        held = np.flatnonzero(fold == number)
        parts.append(
            {name: HeldOut.same_for_all(held, one[held]) for name, one in predicted.items()}
        )
    return parts, labels, np.arange(rows).astype(str), fold, half


def config(**changes):
    return with_changes(Config(), {f"mixture.{key}": value for key, value in changes.items()})


def earned(parts, labels, groups, given):
    weights = Likelihoods(parts, labels, groups, given).for_bundle().mixture.known_target
    return {name: weight for name, weight in weights.items() if weight}


def test_the_better_family_earns_more_and_a_useless_one_nothing():
    parts, labels, groups, *_ = case(network=5.0, gaussian_process=40.0)
    assert earned(parts, labels, groups, config()) == {"network": 1.0}
    parts, labels, groups, *_ = case(network=20.0, gaussian_process=8.0)
    weights = earned(parts, labels, groups, config())
    assert weights["gaussian_process"] > 0.7


@pytest.mark.parametrize("prior", [1e-3, 10.0, 1e6])
def test_the_prior_holds_weights_near_their_start(prior):
    parts, labels, groups, *_ = case(network=5.0, gaussian_process=40.0)
    weights = earned(parts, labels, groups, config(prior=prior))
    if prior == 1e6:
        assert weights == pytest.approx({"network": 0.4, "gaussian_process": 0.6}, abs=1e-3)
    else:
        assert weights == {"network": 1.0}


def test_rows_of_one_group_count_as_one():
    parts, labels, _, *_ = case(network=5.0, gaussian_process=15.0)
    apart = earned(parts, labels, np.arange(len(labels)).astype(str), config())
    together = earned(parts, labels, np.full(len(labels), "one"), config())
    assert apart["network"] > together["network"] > 0.4


def test_weights_that_are_not_learned_stay():
    parts, labels, groups, *_ = case(network=5.0, gaussian_process=40.0)
    given = config(learn=False)
    assert Likelihoods(parts, labels, groups, given).for_bundle() == given
    by_user = config(**{"known_target.network": 0.3, "known_target.gaussian_process": 0.7})
    assert Likelihoods(parts, labels, groups, by_user).for_bundle() == by_user


def test_no_row_has_a_part_in_the_weights_that_it_is_scored_with():
    parts, labels, groups, fold, half = case(network=12.0, gaussian_process=12.0)
    own = (fold == 1) & (half == 0)
    worse = np.where(own, 100.0 - labels, labels)
    same, changed = (
        Likelihoods(parts, some, groups, config()).for_scoring(fold, half, (1, 0))
        for some in (labels, worse)
    )
    assert same == changed
    elsewhere = Likelihoods(parts, worse, groups, config()).for_scoring(fold, half, (0, 0))
    assert elsewhere != Likelihoods(parts, labels, groups, config()).for_scoring(fold, half, (0, 0))


def test_under_target_the_weights_of_unseen_targets_are_learned():
    parts, labels, groups, *_ = case(network=5.0, gaussian_process=40.0, trees=40.0)
    given = with_changes(Config(), {"split.protocol": "target"})
    learned = Likelihoods(parts, labels, groups, given).for_bundle().mixture
    assert {k: w for k, w in learned.unseen_target.items() if w} == {"network": 1.0}
    assert learned.known_target == given.mixture.known_target


def test_folds_without_all_families_are_left_out_and_none_change_nothing():
    parts, labels, groups, *_ = case(network=5.0, gaussian_process=40.0)
    first, second = parts
    half_done = [first, {"network": second["network"]}]
    weights = earned(half_done, labels, groups, config())
    assert weights == earned([first], labels, groups, config())


def test_weights_do_not_depend_on_the_order_of_rows_or_families():
    rng = np.random.default_rng(1)
    likelihoods = rng.uniform(0.0, 0.3, (300, 3)) * [1.0, 1.2, 0.7]
    importance, start = np.ones(300), np.array([0.5, 0.3, 0.2])
    found = learned_weights(likelihoods, importance, start, 10.0)
    rows, families = rng.permutation(300), np.array([2, 0, 1])
    other = learned_weights(likelihoods[rows][:, families], importance, start[families], 10.0)
    np.testing.assert_allclose(other, found[families], atol=1e-9)
    assert found.sum() == pytest.approx(1.0)


def test_rows_that_no_family_expects_do_not_break_the_weights():
    likelihoods = np.array([[0.0, 0.0], [0.4, 0.1], [1e-300, 0.0]])
    found = learned_weights(likelihoods, np.ones(3), np.array([0.5, 0.5]), 1.0)
    assert np.isfinite(found).all()
    assert found[0] > 0.5


@pytest.mark.parametrize("better", ["gaussian_process", "trees"])
def test_weights_for_unseen_targets_are_learned_from_rows_without_their_targets(better):
    rng = np.random.default_rng(3)
    labels = rng.uniform(5, 95, 400)
    targets = np.repeat(np.arange(40), 10).astype(str)
    good = around(labels + rng.normal(0, 8, 400), 10.0)
    poor = around(np.full(400, 50.0), 30.0)
    left_out = [
        {
            name: HeldOut.same_for_all(np.arange(400), good if name == better else poor)
            for name in ("gaussian_process", "trees")
        }
    ]
    families = ["network", "gaussian_process", "trees"]
    given = with_changes(config(), {"mixture.known_target.network": 0.1})
    given = with_changes(given, {"mixture.learn": True})
    found = learn_unseen_weights(left_out, labels, targets, families, given)
    weights = family_weights(found, True, families)
    assert weights[better] > 0.65
    assert weights["network"] <= family_weights(given, True, families)["network"] + 1e-9
    assert found.mixture.known_target == given.mixture.known_target
    fixed = with_changes(given, {"mixture.learn": False})
    assert learn_unseen_weights(left_out, labels, targets, families, fixed) == fixed
