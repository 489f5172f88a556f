"""Calibration of distributions, on synthetic rows whose true spread is known."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from sirna.prediction.calibration import (
    NARROWEST,
    WIDEST,
    Calibration,
    fit_calibration,
    reliability,
)
from sirna.prediction.histogram import Histogram

EDGES = np.linspace(0.0, 150.0, 61)
SPREADS = st.floats(NARROWEST, WIDEST)
IDENTITY = Calibration()


def normal(mean, sd, edges=EDGES):
    """Distributions of rows whose percentages are normal; what lies outside is in the end bins."""
    cdf = norm.cdf((edges - mean[:, None]) / sd)
    cdf[:, 0], cdf[:, -1] = 0.0, 1.0
    return Histogram(edges, np.diff(cdf, axis=1))


def drawn(rows=4000, shift=0.0, spread=1.0, seed=0):
    """Predictions with sd 10, and truths that are shifted by `shift` sds and `spread` as wide."""
    rng = np.random.default_rng(seed)
    mean = rng.uniform(45.0, 105.0, rows)
    z = shift + spread * rng.standard_normal(rows)
    return normal(mean, 10.0), np.clip(mean + 10.0 * z, 0.0, 149.0)


def coverage(predicted, truth):
    return ((truth >= predicted.quantile(0.1)) & (truth <= predicted.quantile(0.9))).mean()


@st.composite
def histograms(draw, rows=3):
    """Random distributions over random bins, some of them empty."""
    widths = draw(st.lists(st.floats(0.5, 20.0), min_size=2, max_size=8))
    table = st.lists(st.integers(0, 9), min_size=len(widths), max_size=len(widths)).filter(any)
    probs = np.array(draw(st.lists(table, min_size=rows, max_size=rows)), dtype=float)
    return Histogram(np.cumsum([0.0, *widths]), probs / probs.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("spread", [0.7, 1.5, 2.0])
def test_a_known_spread_is_found(spread):
    found = fit_calibration(*drawn(spread=spread))
    assert found.spread == pytest.approx(spread, rel=0.05)


def test_a_bias_counts_as_spread_and_does_not_move_medians():
    predicted, truth = drawn(shift=0.5)
    found = fit_calibration(predicted, truth)
    assert found.spread == pytest.approx(np.sqrt(1 + 0.5**2), rel=0.05)
    np.testing.assert_allclose(found.apply(predicted).median(), predicted.median(), atol=0.5)


def test_calibrated_distributions_hardly_change():
    predicted, truth = drawn()
    found = fit_calibration(predicted, truth)
    assert found.spread == pytest.approx(1.0, abs=0.04)
    np.testing.assert_allclose(found.apply(predicted).median(), predicted.median(), atol=0.5)


@pytest.mark.parametrize(("shift", "spread"), [(0.0, 1.0), (0.0, 1.6), (0.0, 0.6), (-0.5, 2.0)])
def test_after_calibration_80_percent_intervals_of_other_rows_cover_80_percent(shift, spread):
    found = fit_calibration(*drawn(2000, shift, spread, seed=1))
    predicted, truth = drawn(4000, shift, spread, seed=2)
    assert coverage(found.apply(predicted), truth) == pytest.approx(0.8, abs=0.025)
    if spread != 1.0:
        assert abs(coverage(predicted, truth) - 0.8) > 0.05


def test_the_fitted_spread_stays_within_its_bounds():
    for shift, spread in ((5.0, 0.01), (0.0, 0.1), (0.0, 9.0)):
        found = fit_calibration(*drawn(500, shift, spread))
        assert NARROWEST - 1e-9 <= found.spread <= WIDEST + 1e-9


def test_the_order_of_the_rows_does_not_matter_to_the_fit():
    predicted, truth = drawn(300, 0.2, 1.4)
    order = np.random.default_rng(0).permutation(300)
    one, other = fit_calibration(predicted, truth), fit_calibration(predicted[order], truth[order])
    assert one.spread == pytest.approx(other.spread, abs=1e-3)


def test_the_fit_is_finite_if_a_truth_has_no_predicted_mass():
    probs = np.zeros((6, 4))
    probs[:, 0] = 1.0
    predicted = Histogram(np.array([0.0, 30.0, 60.0, 90.0, 120.0]), probs)
    found = fit_calibration(predicted, np.array([0.0, 10.0, 29.0, 100.0, 120.0, 500.0]))
    assert np.isfinite(found.spread)
    assert np.isfinite(found.apply(predicted).probs).all()


@given(histograms(), SPREADS)
def test_a_calibrated_distribution_is_a_distribution(predicted, spread):
    calibrated = Calibration(spread).apply(predicted)
    assert calibrated.probs.min() >= -1e-12
    assert calibrated.probs.sum(axis=1) == pytest.approx(1.0)
    assert (np.diff(calibrated.cdf(predicted.edges), axis=1) >= -1e-12).all()
    np.testing.assert_array_equal(calibrated.edges, predicted.edges)


@given(histograms())
def test_a_spread_of_1_does_not_change_the_distributions(predicted):
    assert IDENTITY.apply(predicted).probs == pytest.approx(predicted.probs, abs=1e-5)


@pytest.mark.parametrize("spread", [0.5, 1.3, 3.0])
def test_calibration_does_not_change_the_median(spread):
    mean = np.random.default_rng(0).choice(EDGES[16:44], 50)  # a median on an edge is exact
    predicted = normal(mean, 10.0)
    calibrated = Calibration(spread).apply(predicted)
    assert calibrated.median() == pytest.approx(mean, abs=1e-6)


@given(histograms(), SPREADS)
def test_each_edge_stays_on_its_side_of_the_median(predicted, spread):
    edges = predicted.edges[1:-1]
    before, after = predicted.cdf(edges), Calibration(spread).apply(predicted).cdf(edges)
    sure = np.abs(before - 0.5) > 1e-9
    assert ((before > 0.5) == (after > 0.5))[sure].all()


def test_a_spread_above_1_widens_the_distributions():
    predicted, _ = drawn(100)
    wide = Calibration(1.5).apply(predicted)
    assert (wide.quantile(0.9) > predicted.quantile(0.9)).all()
    assert (wide.quantile(0.1) < predicted.quantile(0.1)).all()


@given(histograms(), st.lists(st.floats(0.01, 0.99), max_size=5), SPREADS)
def test_finer_bins_do_not_change_calibrated_edges(predicted, shares, spread):
    finer = np.unique(np.concatenate([predicted.edges, np.array(shares) * predicted.edges[-1]]))
    calibration = Calibration(spread)
    split = calibration.apply(predicted.rebinned(finer)).cdf(predicted.edges)
    assert split == pytest.approx(calibration.apply(predicted).cdf(predicted.edges), abs=1e-6)


def test_finer_bins_give_about_the_same_fit():
    predicted, truth = drawn(2000, 0.3, 1.5)
    finer = predicted.rebinned(np.linspace(0.0, 150.0, 121))
    one, other = fit_calibration(predicted, truth), fit_calibration(finer, truth)
    assert one.spread == pytest.approx(other.spread, abs=0.02)


@settings(max_examples=20)
@given(histograms(rows=5), SPREADS, st.lists(st.integers(0, 4), min_size=1, max_size=4))
def test_calibration_of_a_row_does_not_depend_on_other_rows(predicted, spread, chosen):
    calibration, rows = Calibration(spread), np.array(chosen)
    alone, together = calibration.apply(predicted[rows]), calibration.apply(predicted)[rows]
    np.testing.assert_array_equal(alone.probs, together.probs)


def test_a_calibration_survives_a_round_trip_through_json():
    for calibration in (Calibration(1.123456789), Calibration(0.5)):
        assert Calibration.from_dict(json.loads(json.dumps(calibration.to_dict()))) == calibration


@pytest.mark.parametrize(
    "raw",
    [
        {"spread": 0.0},
        {"spread": -1.0},
        {"spread": float("nan")},
        {"spread": float("inf")},
        {"spread": "wide"},
        {"spread": None},
        {},
        5,
    ],
    ids=str,
)
def test_invalid_calibrations_are_refused(raw):
    with pytest.raises((ValueError, KeyError, TypeError)):
        Calibration.from_dict(raw)


def test_reliability_compares_predicted_with_observed_shares():
    # 30.0 itself is not below 30
    edges = np.array([0.0, 30.0, 100.0])
    predicted = Histogram(edges, np.array([[0.9, 0.1]] * 10 + [[0.25, 0.75]] * 10))
    truth = np.array([10.0] * 8 + [50.0] * 2 + [29.9] * 5 + [30.0] * 5)
    low, high = reliability(predicted, truth, 30.0)
    assert low == {"rows": 10, "predicted": pytest.approx(0.25), "observed": 0.5}
    assert high == {"rows": 10, "predicted": pytest.approx(0.9), "observed": 0.8}


def test_reliability_of_true_probabilities_lies_on_the_diagonal():
    predicted, truth = drawn(20_000)
    bins = reliability(predicted, truth, 75.0)
    assert len(bins) == 10
    assert sum(part["rows"] for part in bins) == 20_000
    for part in bins:
        assert part["observed"] == pytest.approx(part["predicted"], abs=0.04)


def test_certainties_fall_into_the_outer_tenths():
    probs = np.array([[1.0, 0.0], [0.95, 0.05], [0.05, 0.95], [0.0, 1.0]])
    predicted = Histogram(np.array([0.0, 30.0, 60.0]), probs)
    low, high = reliability(predicted, np.array([5.0, 5.0, 45.0, 45.0]), 30.0)
    assert low == {"rows": 2, "predicted": pytest.approx(0.025), "observed": 0.0}
    assert high == {"rows": 2, "predicted": pytest.approx(0.975), "observed": 1.0}


def test_a_wide_spread_adds_no_mass_to_empty_bins():
    probs = np.zeros((1, 4))
    probs[0, 2:] = 0.5
    sure = Histogram(np.array([0.0, 30.0, 60.0, 90.0, 120.0]), probs)
    assert Calibration(3.0).apply(sure).prob_below(30.0)[0] < 0.005


def test_no_calibration_is_a_spread_of_1():
    assert Calibration().spread == 1.0


def test_the_bounds_are_half_and_three_times_the_predicted_spread():
    assert fit_calibration(*drawn(500, 0.0, 9.0)).spread == pytest.approx(3.0, rel=1e-3)
    assert fit_calibration(*drawn(500, 0.0, 0.01)).spread == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize(("rows", "spread"), [(5, 2.0), (20, 0.6), (20, 2.5), (60, 1.4)])
def test_the_fit_maximises_the_likelihood_with_a_prior_of_20_rows(rows, spread):
    rng = np.random.default_rng(rows)
    mean = rng.permutation(np.linspace(-5.0, 155.0, rows))  # with truths in the first and last bin
    predicted = normal(mean, 10.0)
    truth = np.clip(mean + 10.0 * spread * rng.standard_normal(rows), 0.0, 149.0)
    truth[rows // 2] = (
        149.0 if mean[rows // 2] < 75.0 else 1.0
    )  # far from what is predicted; the probability of its bin counts as 1e-6
    bins = np.searchsorted(EDGES, truth, side="right") - 1

    def cost(log_spread):
        probs = Calibration(float(np.exp(log_spread))).apply(predicted).probs
        likelihood = np.maximum(probs[np.arange(rows), bins], 1e-6)
        return -np.log(likelihood).sum() + 20.0 * log_spread**2 / 2

    tried = np.linspace(np.log(0.5), np.log(3.0), 400)
    best = np.exp(tried[np.argmin([cost(one) for one in tried])])
    assert fit_calibration(predicted, truth).spread == pytest.approx(best, rel=0.006)
