"""The decision: from a distribution to the point with the best expected competition score."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sirna.prediction.decision import (
    MARGIN,
    Decision,
    ExpectedScore,
    expected_score,
    fit_decision,
    rounded,
)
from sirna.prediction.histogram import Histogram
from sirna.prediction.score import competition_score

THRESHOLD = 30.0
EDGES = np.array([0.0, 10.0, 20.0, 30.0, 45.0, 60.0, 80.0, 100.0, 140.0])
KINDS = ("score", "median", "mean")
SEEDS = st.integers(0, 10_000)


def drawn(seed, rows):
    """Distributions of many shapes, and truths drawn from them: a perfectly calibrated model."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform(-1.0, len(EDGES), (rows, 1))
    weight = np.exp(-0.5 * ((np.arange(len(EDGES) - 1) - centre) / rng.uniform(0.7, 3)) ** 2)
    weight *= rng.uniform(0.5, 1.5, weight.shape)
    predicted = Histogram(EDGES, weight / weight.sum(axis=1, keepdims=True))
    level = rng.random(rows)
    truth = np.array([predicted.quantile(p)[row] for row, p in enumerate(level)])
    return predicted, truth


def score(truth, points, threshold=THRESHOLD):
    return competition_score(truth, points, threshold).score


def candidates(predicted):
    median = predicted.median()
    return np.minimum(median, THRESHOLD - MARGIN), np.maximum(median, THRESHOLD + MARGIN)


def best_of_all_called_sets(predicted, truth):
    called, spared = candidates(predicted)
    sets = itertools.product([False, True], repeat=len(truth))
    return max(score(truth, np.where(chosen, called, spared)) for chosen in sets)


@given(SEEDS, st.integers(1, 60))
def test_the_fitted_decision_is_no_worse_than_the_median_on_its_own_rows(seed, rows):
    predicted, truth = drawn(seed, rows)
    points = fit_decision(predicted, truth, "score", THRESHOLD).apply(predicted)
    # the median may lie within the margin that the decision keeps from the threshold
    assert score(truth, points) >= score(truth, predicted.median()) - MARGIN / 100


def test_the_decision_is_no_worse_than_the_median_if_all_distributions_are_equal():
    one = np.array([[0.05, 0.0, 0.0, 0.0, 0.0, 0.15, 0.7, 0.1]])
    predicted = Histogram(EDGES, np.repeat(one, 40, axis=0))
    truth = np.array([5.0, 5.0, *[90.0] * 38])
    points = fit_decision(predicted, truth, "score", THRESHOLD).apply(predicted)
    assert score(truth, points) >= score(truth, predicted.median()) - MARGIN / 100


def test_the_decision_is_no_worse_than_the_median_if_nothing_is_positive():
    predicted = Histogram(EDGES, np.eye(8)[[5, 6, 7]])
    truth = np.array([70.0, 90.0, 120.0])
    points = fit_decision(predicted, truth, "score", THRESHOLD).apply(predicted)
    assert score(truth, points) >= score(truth, predicted.median()) - MARGIN / 100


def test_the_decision_beats_the_median_if_wide_distributions_hold_positives():
    # every median is above the threshold, so that the median calls nothing
    rng = np.random.default_rng(0)
    share = rng.uniform(0.05, 0.48, 400)
    low, high = np.array([1, 1, 1, 0, 0, 0, 0, 0]) / 3, np.array([0, 0, 0, 1, 1, 1, 0, 0]) / 3
    predicted = Histogram(EDGES, np.outer(share, low) + np.outer(1 - share, high))
    truth = np.diagonal([predicted.quantile(level) for level in rng.random(400)])
    decision = fit_decision(predicted[:200], truth[:200], "score", THRESHOLD)
    rest, known = predicted[200:], truth[200:]
    assert score(known, decision.apply(rest)) > score(known, rest.median()) + 0.05


@settings(max_examples=15)
@given(SEEDS)
def test_no_set_of_called_rows_has_a_much_better_expected_score(seed):
    # the best called set of the expected parts, against the rule with two multipliers and a cut
    predicted, _ = drawn(seed, 9)
    called, spared = candidates(predicted)
    p = predicted.prob_below(THRESHOLD)
    error_called = predicted.absolute_error(called)
    error_spared = predicted.absolute_error(spared)

    def expected(chosen):
        mae = np.where(chosen, error_called, error_spared).mean()
        if not chosen.any():
            return 0.5 * (1 - mae / 100)
        f1 = 2 * p[chosen].sum() / (chosen.sum() + p.sum())
        return 0.5 * (1 - mae / 100) + 0.5 * f1 * (1 - error_called[chosen].mean() / 100)

    # many truths of each distribution stand for the expectation
    rng = np.random.default_rng(seed)
    copies = 150
    levels = (np.arange(copies) + rng.random(copies)) / copies
    truth = np.stack([predicted.quantile(level) for level in levels], axis=1).reshape(-1)
    many = Histogram(EDGES, np.repeat(predicted.probs, copies, axis=0))
    points = fit_decision(many, truth, "score", THRESHOLD).apply(predicted)
    ours = expected(points < THRESHOLD)
    sets = itertools.product([False, True], repeat=9)
    assert ours >= max(expected(np.array(chosen)) for chosen in sets) - 0.003


@given(SEEDS, st.booleans())
def test_the_order_of_the_rows_does_not_matter_to_a_fit_without_labels(seed, coarse):
    predicted, _ = drawn(seed, 40)
    if coarse:  # gains that are nearly equal
        rounded = np.round(predicted.probs, 1) + 0.01
        predicted = Histogram(EDGES, rounded / rounded.sum(axis=1, keepdims=True))
    order = np.random.default_rng(seed).permutation(40)
    one, other = (fit_decision(p, None, "score", THRESHOLD) for p in (predicted, predicted[order]))
    assert one.apply(predicted) == pytest.approx(other.apply(predicted))


@settings(max_examples=30)
@given(SEEDS)
def test_without_labels_the_called_rows_are_those_with_the_best_expected_score(seed):
    predicted, _ = drawn(seed, 9)
    called, spared = candidates(predicted)

    def expected(chosen):
        return expected_score(predicted, np.where(chosen, called, spared), THRESHOLD)

    decision = fit_decision(predicted, None, "score", THRESHOLD)
    ours = expected(decision.apply(predicted) < THRESHOLD)
    sets = itertools.product([False, True], repeat=9)
    assert ours >= max(expected(np.array(chosen)) for chosen in sets) - 0.003


def test_without_labels_few_rows_give_about_the_same_decision_as_many():
    predicted, _ = drawn(3, 4000)
    rules = [fit_decision(predicted[rows], None, "score", THRESHOLD) for rows in (slice(100), ...)]
    called = [rule.apply(predicted) < THRESHOLD for rule in rules]
    assert (called[0] == called[1]).mean() > 0.9


@settings(max_examples=30)
@given(SEEDS, st.integers(1, 7))
def test_the_fit_finds_the_best_set_of_called_rows_if_the_rows_are_certain(seed, rows):
    # rows that are sure: the truth is the median itself, so the best set is the positives
    rng = np.random.default_rng(seed)
    bins = np.concatenate([[0], rng.integers(0, 8, rows)])
    predicted = Histogram(EDGES, np.eye(8)[bins])
    truth = predicted.median()
    points = fit_decision(predicted, truth, "score", THRESHOLD).apply(predicted)
    assert score(truth, points) == pytest.approx(best_of_all_called_sets(predicted, truth))


@pytest.mark.parametrize("kind", KINDS)
@given(seed=SEEDS, chosen=st.lists(st.integers(0, 39), min_size=1, max_size=60))
def test_a_prediction_does_not_depend_on_the_other_rows_of_its_file(kind, seed, chosen):
    predicted, truth = drawn(seed, 40)
    decision = fit_decision(predicted, truth, kind, THRESHOLD)
    rows = np.array(chosen)
    alone, together = decision.apply(predicted[rows]), decision.apply(predicted)[rows]
    np.testing.assert_allclose(alone, together, rtol=1e-12)


@given(SEEDS, st.floats(5.0, 90.0))
def test_no_prediction_is_within_the_margin_of_the_threshold(seed, threshold):
    predicted, truth = drawn(seed, 30)
    points = fit_decision(predicted, truth, "score", threshold).apply(predicted)
    assert (np.abs(points - threshold) >= MARGIN - 1e-9).all()


def test_rounding_to_two_places_does_not_move_rows_across_the_threshold():
    predicted, truth = drawn(5, 200)
    points = fit_decision(predicted, truth, "score", THRESHOLD).apply(predicted)
    np.testing.assert_array_equal(points < THRESHOLD, points.round(2) < THRESHOLD)


@given(SEEDS)
def test_median_and_mean_are_those_of_the_distribution(seed):
    predicted, truth = drawn(seed, 10)
    for kind in ("median", "mean"):
        points = fit_decision(predicted, truth, kind, THRESHOLD).apply(predicted)
        np.testing.assert_array_equal(points, getattr(predicted, kind)())


@given(SEEDS)
def test_a_called_row_keeps_its_median_if_that_is_low_enough(seed):
    predicted, truth = drawn(seed, 30)
    points = fit_decision(predicted, truth, "score", THRESHOLD).apply(predicted)
    called, spared = candidates(predicted)
    assert ((points == called) | (points == spared)).all()


def test_the_order_of_the_fitted_rows_does_not_change_predictions():
    predicted, truth = drawn(11, 80)
    order = np.random.default_rng(0).permutation(80)
    one = fit_decision(predicted, truth, "score", THRESHOLD)
    other = fit_decision(predicted[order], truth[order], "score", THRESHOLD)
    np.testing.assert_array_equal(one.apply(predicted), other.apply(predicted))


@pytest.mark.parametrize("kind", KINDS)
def test_a_decision_survives_a_round_trip_through_plain_data(kind):
    predicted, truth = drawn(2, 30)
    decision = fit_decision(predicted, truth, kind, THRESHOLD)
    assert Decision.from_dict(decision.to_dict()) == decision


@pytest.mark.parametrize("positives", range(0, 21, 2))
def test_rows_of_one_distribution_are_called_together_or_not_at_all(positives):
    one = np.array([[0.2, 0.1, 0.1, 0.0, 0.0, 0.3, 0.3, 0.0]])
    predicted = Histogram(EDGES, np.repeat(one, 20, axis=0))
    truth = np.where(np.arange(20) < positives, 5.0, 90.0)
    points = fit_decision(predicted, truth, "score", THRESHOLD).apply(predicted)
    called, spared = candidates(predicted)
    assert len(set(points)) == 1
    assert score(truth, points) == max(score(truth, called), score(truth, spared))


@given(SEEDS, st.integers(1, 40))
def test_no_row_is_called_if_no_row_is_positive(seed, rows):
    predicted, _ = drawn(seed, rows)
    points = fit_decision(predicted, np.full(rows, 90.0), "score", THRESHOLD).apply(predicted)
    assert (points > THRESHOLD).all()


@settings(max_examples=20)
@given(SEEDS, st.integers(1, 60))
def test_the_expected_score_is_built_from_means_over_many_truths(seed, rows):
    predicted, truth = drawn(seed, rows)
    points = fit_decision(predicted, truth, "score", THRESHOLD).apply(predicted)
    levels = (np.arange(400) + 0.5) / 400
    truths = np.stack([predicted.quantile(level) for level in levels])
    error, positive = np.abs(truths - points).mean(axis=0), (truths < THRESHOLD).mean(axis=0)
    called = points < THRESHOLD
    mae, range_mae = error.mean(), error[called].mean() if called.any() else 100.0
    f1 = 2 * positive[called].sum() / (called.sum() + positive.sum()) if positive.any() else 0.0
    expected = 0.5 * (1 - mae / 100) + 0.5 * f1 * (1 - range_mae / 100)
    assert expected_score(predicted, points, THRESHOLD) == pytest.approx(expected, abs=3e-3)


@pytest.mark.parametrize("seed", range(4))
def test_the_expected_score_is_about_that_of_truths_drawn_from_the_distributions(seed):
    predicted, truth = drawn(seed, 1500)
    points = fit_decision(*drawn(seed + 100, 300), "score", THRESHOLD).apply(predicted)
    expected = expected_score(predicted, points, THRESHOLD)
    assert score(truth, points) == pytest.approx(expected, abs=0.02)
    assert abs(score(np.roll(truth, 1), points) - expected) > 0.1  # the test can fail


def test_a_certain_and_correct_prediction_has_an_expected_score_of_1():
    predicted = Histogram(np.array([0.0, 1e-6, 89.0, 89.000001]), np.eye(3)[[0, 2, 2]])
    points = predicted.median()
    assert expected_score(predicted, points, THRESHOLD) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("value", [29.99, 30.01, 90.0])
def test_a_constant_prediction_has_its_expected_score(value):
    predicted, truth = drawn(3, 1500)
    points = np.full(1500, value)
    expected = expected_score(predicted, points, THRESHOLD)
    assert score(truth, points) == pytest.approx(expected, abs=0.02)


def test_a_point_on_the_threshold_is_in_range_and_not_called_as_in_the_score():
    predicted = Histogram(EDGES, np.repeat(np.eye(8)[[1]], 5, axis=0))
    points = np.array([15.0, 15.0, 30.0, 30.0, 15.0])
    truth = np.full(5, 15.0)
    found = expected_score(predicted, points, THRESHOLD)
    # within its bin a truth lies 2.5 from the middle, on average, and 15 from the threshold
    apart = np.where(points == 15.0, 2.5, 15.0).mean()
    assert found == pytest.approx(0.5 * (1 - apart / 100) * (1 + 2 * 3 / (3 + 5)))
    assert score(truth, points) == pytest.approx(0.5 * (1 - 0.06) * (1 + 2 * 3 / (3 + 5)))


def test_the_defaults_call_a_row_whose_probability_is_one_half():
    assert Decision("score", 30.0) == Decision("score", 30.0, 0.5, 0.0, 0.0)


@given(SEEDS)
def test_a_row_is_called_by_the_documented_formula(seed):
    predicted, _ = drawn(seed, 40)
    always, never = Decision("score", 30.0, -np.inf), Decision("score", 30.0, np.inf)
    called, not_called = always.apply(predicted), never.apply(predicted)
    error, other = predicted.absolute_error(called), predicted.absolute_error(not_called)
    gain = predicted.prob_below(30.0) - 0.02 * error - 0.01 * (error - other)
    cut = float(np.sort(gain)[20])  # one row has exactly this gain, and is called
    points = Decision("score", 30.0, cut, 0.02, 0.01).apply(predicted)
    np.testing.assert_array_equal(points, np.where(gain >= cut, called, not_called))


def test_a_median_close_to_the_threshold_is_not_moved_by_the_decision_median():
    predicted = Histogram(np.array([0.0, 60.0 - MARGIN]), np.ones((1, 1)))
    assert Decision("median", 30.0).apply(predicted) == pytest.approx(30.0 - MARGIN / 2)
    assert Decision("score", 30.0).apply(predicted) == pytest.approx(30.0 - MARGIN)


def test_decisions_are_interpolated_number_by_number():
    one, other = Decision("score", 30.0, 0.2, 0.1, 0.4), Decision("score", 30.0, 0.6, 0.5, 0.0)
    between = one.interpolate(other, 0.25)
    assert (between.cut, between.range_weight, between.mae_weight) == pytest.approx((0.3, 0.2, 0.3))
    assert one.interpolate(other, 0.0) == one
    assert one.interpolate(other, 1.0) == other


def test_an_unknown_kind_of_decision_is_refused():
    raw = Decision("mean", 30.0).to_dict()
    with pytest.raises(ValueError, match="unknown decision 'mode'"):
        Decision.from_dict(raw | {"kind": "mode"})


@given(SEEDS)
def test_states_of_blocks_add_up_to_the_expected_score_of_all_rows(seed):
    predicted, points = drawn(seed, 9)
    parts = ExpectedScore(30.0), ExpectedScore(30.0)
    parts[0].add(predicted[:4], points[:4])
    parts[1].add(predicted[4:], points[4:])
    parts[1].add_state(parts[0].state())
    assert parts[1].value == pytest.approx(expected_score(predicted, points, 30.0))


def test_a_point_of_0_is_in_range():
    predicted = Histogram(np.array([0.0, 20.0]), np.ones((1, 1)))
    assert expected_score(predicted, np.zeros(1), 30.0) == pytest.approx(0.5 * 0.9 + 0.5 * 0.9)


def test_without_a_point_in_range_only_the_mean_error_counts():
    predicted = Histogram(np.array([0.0, 20.0]), np.ones((1, 1)))
    # called, since it is below the threshold, but outside of the range from 0 to the threshold
    assert expected_score(predicted, np.array([-5.0]), 30.0) == pytest.approx(0.5 * 0.85)


def test_points_keep_a_hundredth_of_a_point_from_the_threshold():
    predicted = Histogram(np.array([0.0, 60.0]), np.ones((1, 1)))
    ends = [Decision("score", 30.0, cut).apply(predicted)[0] for cut in (-np.inf, np.inf)]
    assert ends == pytest.approx([29.99, 30.01])


def test_a_fit_weighs_the_errors_of_the_called_rows():
    predicted, truth = drawn(1, 400)
    fitted = fit_decision(predicted, truth, "score", THRESHOLD)
    assert fitted.range_weight > 0
    assert fitted.mae_weight > 0


@given(st.floats(1.0, 99.0), st.integers(0, 6), st.floats(0.0, 1.0))
def test_a_rounded_point_stays_on_its_side_of_the_threshold(threshold, decimals, share):
    step = 10.0**-decimals
    points = np.array([np.nextafter(threshold, 0.0), threshold - share * step, threshold, 99.5])
    values = rounded(points, threshold, decimals)
    np.testing.assert_array_equal(values < threshold, points < threshold)
    assert (np.abs(values - points) <= 1.01 * step).all()


def test_a_point_just_below_a_written_threshold_is_written_one_step_lower():
    values = rounded(np.array([np.nextafter(30.0, 0.0), 29.996, 29.99, 30.0]), 30.0, 2)
    assert values.tolist() == [29.99, 29.99, 29.99, 30.0]


def fitted_by_trial(predicted, truth):
    """The weights of a fit that scores the called rows of every cut by `competition_score`."""
    called, spared = candidates(predicted)
    error = np.abs(truth - called)
    p = predicted.prob_below(THRESHOLD)
    error_expected = predicted.absolute_error(called)
    rise = error_expected - predicted.absolute_error(spared)
    positive = max((truth < THRESHOLD).mean(), 1 / len(truth))
    weights, best_weights, best_score = (0.0, 0.0), (0.0, 0.0), -np.inf
    while True:
        gain = p - weights[0] * error_expected - weights[1] * rise
        sets = [gain >= cut for cut in [np.inf, *np.unique(gain)]]
        scored = [
            competition_score(truth, np.where(one, called, spared), THRESHOLD) for one in sets
        ]
        best = int(np.argmax([one.score for one in scored]))
        if scored[best].score <= best_score + 1e-12:
            return best_weights
        best_weights, best_score = weights, scored[best].score
        share, f1 = max(sets[best].mean(), 1 / len(truth)), scored[best].f1
        in_range = error[sets[best]].mean() if sets[best].any() else 100.0
        scale = max(1 - in_range / 100, 1e-3)
        # the change of the score by one more called row, divided by that by one more hit
        weights = (
            f1 / 100 * (share + positive) / (2 * share * scale),
            (share + positive) / (200 * scale),
        )


@settings(max_examples=60)
@given(SEEDS, st.integers(3, 60))
def test_the_weights_are_those_of_a_fit_that_tries_every_cut(seed, rows):
    predicted, truth = drawn(seed, rows)
    fitted = fit_decision(predicted, truth, "score", THRESHOLD)
    assert (fitted.range_weight, fitted.mae_weight) == pytest.approx(
        fitted_by_trial(predicted, truth)
    )


def test_a_truth_on_the_threshold_is_no_positive():
    predicted = Histogram(EDGES, np.eye(8)[[2, 2, 7]])
    points = fit_decision(predicted, np.array([30.0, 30.0, 120.0]), "score", THRESHOLD)
    assert (points.apply(predicted) > THRESHOLD).all()


@given(SEEDS, st.integers(1, 40), st.sampled_from(["as drawn", "all positive", "none positive"]))
def test_the_cut_lies_midway_between_called_and_spared_rows(seed, rows, labels):
    predicted, truth = drawn(seed, rows)
    truth = {"as drawn": truth, "all positive": truth * 0, "none positive": truth * 0 + 90}[labels]
    fitted = fit_decision(predicted, truth, "score", THRESHOLD)
    called, spared = candidates(predicted)
    error, other = predicted.absolute_error(called), predicted.absolute_error(spared)
    gain = predicted.prob_below(THRESHOLD) - fitted.range_weight * error
    gain -= fitted.mae_weight * (error - other)
    above, below = gain[gain >= fitted.cut], gain[gain < fitted.cut]
    lowest = above.min() if above.size else gain.max() + 2 * MARGIN
    highest = below.max() if below.size else gain.min() - 2 * MARGIN
    assert fitted.cut == pytest.approx((lowest + highest) / 2)
