"""Distributions of new guides are widened by their kind."""

import numpy as np
import pytest

from sirna.prediction.calibration import WIDEST
from sirna.prediction.histogram import Histogram
from sirna.prediction.widening import Widening
from sirna.protocols.similar import FAR, SAME, SIMILAR

EDGES = np.linspace(0.0, 150.0, 31)
PREDICTED = Histogram.from_cdf(EDGES, np.tile(1 / (1 + np.exp(-(EDGES[1:-1] - 60) / 8)), (4, 1)))


def widths(predicted):
    return predicted.quantile(0.9) - predicted.quantile(0.1)


def test_each_kind_has_its_factor_and_medians_stay():
    found = Widening(1.2, 1.6).apply(PREDICTED, np.array([SAME, SIMILAR, FAR, SAME]))
    np.testing.assert_allclose(widths(found) / widths(PREDICTED), [1, 1.2, 1.6, 1], rtol=0.1)
    np.testing.assert_allclose(found.median(), PREDICTED.median(), atol=0.3)
    np.testing.assert_allclose(found.probs.sum(axis=1), 1.0)


def test_without_factors_nothing_changes():
    kinds = np.array([SAME, SIMILAR, FAR, FAR])
    np.testing.assert_array_equal(Widening().apply(PREDICTED, kinds).probs, PREDICTED.probs)
    assert Widening.mean([None, None]) == Widening()


def test_the_mean_leaves_out_what_was_not_measured():
    found = Widening.mean([Widening(1.2, 1.4), None, Widening(1.0, 2.0)])
    assert (found.similar, found.far) == pytest.approx((1.1, 1.7))
    assert Widening.from_dict(found.to_dict()) == found


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"similar": 1.0},
        {"similar": 0.9, "far": 1.0},
        {"similar": 1.0, "far": WIDEST + 1},
        {"similar": float("nan"), "far": 1.0},
        {"similar": "wide", "far": 1.0},
        {"similar": None, "far": 1.0},
    ],
)
def test_other_data_is_refused(raw):
    with pytest.raises((KeyError, TypeError, ValueError)):
        Widening.from_dict(raw)
