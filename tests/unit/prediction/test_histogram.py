"""Histograms, against numerical integration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirna.prediction.histogram import Histogram, fit_bins


@st.composite
def histograms(draw, rows=3, positive=False):
    """Random bins between 0 and about 100; where not `positive`, some may be empty."""
    widths = draw(st.lists(st.floats(0.5, 20.0), min_size=2, max_size=8))
    weights = draw(
        st.lists(
            st.lists(st.integers(int(positive), 9), min_size=len(widths), max_size=len(widths)),
            min_size=rows,
            max_size=rows,
        ).filter(lambda table: all(map(sum, table)))
    )
    probs = np.array(weights, dtype=float)
    return Histogram(np.cumsum([0.0, *widths]), probs / probs.sum(axis=1, keepdims=True))


def cdf(histogram, value):
    return histogram.prob_below(value)


@given(histograms(), st.lists(st.floats(-20.0, 200.0), max_size=5))
def test_the_cdf_accepts_many_values_at_once(histogram, values):
    whole = histogram.cdf(np.array(values))
    assert whole.shape == (len(histogram), len(values))
    for column, value in zip(whole.T, values, strict=True):
        np.testing.assert_array_equal(column, histogram.prob_below(value))


@given(histograms())
def test_the_cdf_rises_from_0_to_1(histogram):
    whole = histogram.cdf(np.array([-5.0, *histogram.edges, 500.0]))
    assert (whole[:, :2] == 0.0).all()
    assert whole[:, -2:] == pytest.approx(1.0)
    assert np.diff(whole[:, 1:-1], axis=1) == pytest.approx(histogram.probs, abs=1e-12)


@given(histograms(positive=True), st.floats(0.0, 1.0))
def test_the_cdf_inverts_the_quantile(histogram, level):
    points = histogram.quantile(level)
    for row, point in enumerate(points):
        assert cdf(histogram, point)[row] == pytest.approx(level, abs=1e-9)


@given(histograms(positive=True), st.floats(0.0, 1.0))
def test_the_quantile_inverts_the_cdf(histogram, share):
    value = share * histogram.edges[-1]
    for row, level in enumerate(cdf(histogram, value)):
        assert histogram.quantile(level)[row] == pytest.approx(value, abs=1e-6)


@given(histograms(), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_quantiles_rise_with_the_level_and_stay_within_the_edges(histogram, one, other):
    low, high = histogram.quantile(min(one, other)), histogram.quantile(max(one, other))
    assert (low <= high + 1e-9).all()
    assert (low >= histogram.edges[0]).all()
    assert (high <= histogram.edges[-1]).all()


@given(histograms(), st.floats(-20.0, 200.0))
def test_the_probability_below_a_value_is_the_mass_below_it(histogram, value):
    low, high = histogram.edges[:-1], histogram.edges[1:]
    share = np.clip((value - low) / (high - low), 0.0, 1.0)
    assert cdf(histogram, value) == pytest.approx(histogram.probs @ share, abs=1e-12)


@given(histograms(), st.floats(-20.0, 200.0))
def test_the_absolute_error_agrees_with_numerical_integration(histogram, point):
    # within a bin the integrand is piecewise linear: the midpoint rule errs by its kink alone
    steps = 2000
    low, width = histogram.edges[:-1], np.diff(histogram.edges)
    at = low[:, None] + width[:, None] * (np.arange(steps) + 0.5) / steps
    expected = histogram.probs @ np.abs(at - point).mean(axis=1)
    given_points = np.full(len(histogram), point)
    assert histogram.absolute_error(given_points) == pytest.approx(expected, abs=1e-4)


@given(histograms(), st.floats(0.0, 1.0))
def test_no_point_has_a_smaller_expected_error_than_the_median(histogram, share):
    other = np.full(len(histogram), share * histogram.edges[-1])
    best = histogram.absolute_error(histogram.median())
    assert (best <= histogram.absolute_error(other) + 1e-9).all()


@given(histograms())
def test_the_mean_is_the_area_above_the_cdf(histogram):
    at = np.linspace(0.0, histogram.edges[-1], 20_001)
    middle = (at[1:] + at[:-1]) / 2
    above = np.stack([1 - cdf(histogram, value) for value in middle[::100]])
    assert histogram.mean() == pytest.approx(above.mean(axis=0) * at[-1], abs=0.5)


def test_mean_and_median_of_a_known_histogram():
    histogram = Histogram(np.array([0.0, 10.0, 50.0]), np.array([[0.75, 0.25]]))
    assert histogram.mean() == pytest.approx([0.75 * 5 + 0.25 * 30])
    assert histogram.median() == pytest.approx([10 * 0.5 / 0.75])
    assert histogram.absolute_error(np.array([10.0])) == pytest.approx([0.75 * 5 + 0.25 * 20])


@given(histograms(), st.lists(st.floats(0.01, 0.99), max_size=5))
def test_finer_bins_do_not_change_the_results(histogram, shares):
    extra = np.array(shares) * histogram.edges[-1]
    finer = histogram.rebinned(np.unique(np.concatenate([histogram.edges, extra])))
    assert finer.probs.sum(axis=1) == pytest.approx(1.0)
    assert finer.probs.min() >= -1e-12
    assert finer.mean() == pytest.approx(histogram.mean())
    for value in (*extra, *histogram.edges):
        assert cdf(finer, value) == pytest.approx(cdf(histogram, value), abs=1e-9)


@given(histograms(), histograms(), st.floats(0.0, 200.0))
def test_a_mixture_is_the_mean_of_its_parts(one, other, value):
    # parts of unlike range: what is below a value is still the mean of what is below it in each
    mixed = Histogram.mixture([one, other])
    expected = (cdf(one, value) + cdf(other, value)) / 2
    assert cdf(mixed, value) == pytest.approx(expected, abs=1e-9)
    assert mixed.mean() == pytest.approx((one.mean() + other.mean()) / 2)
    assert mixed.probs.sum(axis=1) == pytest.approx(1.0)


@given(histograms())
def test_a_mixture_of_equal_parts_equals_each_part(histogram):
    assert Histogram.mixture([histogram] * 3).probs == pytest.approx(histogram.probs)


@given(histograms(rows=2), histograms(rows=3), st.floats(0.0, 200.0))
def test_stacked_parts_keep_their_rows(one, other, value):
    both = Histogram.stacked([one, other])
    assert len(both) == 5
    expected = np.concatenate([cdf(one, value), cdf(other, value)])
    assert cdf(both, value) == pytest.approx(expected, abs=1e-9)


def test_indexing_a_histogram_selects_its_rows():
    histogram = Histogram(np.array([0.0, 1.0, 2.0]), np.array([[1, 0], [0, 1], [0.5, 0.5]]))
    rows = np.array([2, 0])
    np.testing.assert_array_equal(histogram[rows].median(), histogram.median()[rows])


LABELS = st.lists(st.floats(0.0, 200.0), min_size=1, max_size=60)


@given(LABELS, st.integers(4, 40), st.integers(1, 99))
def test_bins_rise_cover_every_label_and_have_the_threshold_as_an_edge(labels, bins, threshold):
    edges = fit_bins(np.array(labels), bins, float(threshold))
    assert threshold in edges
    assert (np.diff(edges) > 0).all()
    assert edges[0] == 0.0
    assert edges[-1] >= np.float32(max(labels))
    assert len(edges) <= bins + 1


def test_bins_have_about_equal_mass():
    labels = np.random.default_rng(0).gamma(2.0, 20.0, 5000)
    edges = fit_bins(labels, 20, 30.0)
    counts, _ = np.histogram(labels, edges)
    assert len(counts) == 20
    assert (counts[np.argsort(counts)[2:-2]] == 250).all()


def test_equal_labels_give_valid_bins_too():
    edges = fit_bins(np.full(50, 80.0), 10, 30.0)
    assert 30.0 in edges
    assert len(edges) >= 3


def test_a_mixture_can_have_unequal_weights():
    rng = np.random.default_rng(4)
    edges = np.array([0.0, 10.0, 30.0, 100.0])
    one, other = (Histogram(edges, rng.dirichlet(np.ones(3), 5)) for _ in range(2))
    mixed = Histogram.mixture([one, other], [0.75, 0.25])
    np.testing.assert_allclose(mixed.probs, 0.75 * one.probs + 0.25 * other.probs)
