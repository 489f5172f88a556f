"""Calibration and decision together, for rows of known and of unseen targets."""

import json

import numpy as np
import pytest
from scipy.special import ndtr

from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.prediction.calibration import Calibration
from sirna.prediction.decision import Decision, fit_decision
from sirna.prediction.histogram import Histogram
from sirna.prediction.postprocess import Postprocess, fit_postprocess, fit_unseen_postprocess

EDGES = np.arange(0.0, 141.0, 2.5)
THRESHOLD = 30.0
CONFIG = Config()


def drawn(spread, rows=600, seed=0):
    """Distributions of 600 rows, and truths whose errors are `spread` times as wide."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform(5.0, 45.0, (rows, 1))
    weight = np.exp(-0.5 * ((np.arange(len(EDGES) - 1) - centre) / 4.0) ** 2)
    predicted = Histogram(EDGES, weight / weight.sum(axis=1, keepdims=True))
    level = ndtr(spread * rng.standard_normal(rows))
    cdf = predicted.cdf(EDGES)
    return predicted, np.array([np.interp(level[row], cdf[row], EDGES) for row in range(rows)])


def test_the_decision_is_fitted_to_calibrated_distributions():
    predicted, truth = drawn(1.6)
    usual = fit_postprocess(predicted, truth, CONFIG)
    assert usual.calibration.spread == pytest.approx(1.6, rel=0.1)
    calibrated, points = usual.apply(predicted)
    np.testing.assert_array_equal(calibrated.probs, usual.calibration.apply(predicted).probs)
    assert usual.decision == fit_decision(calibrated, None, "score", THRESHOLD)
    np.testing.assert_array_equal(points, usual.decision.apply(calibrated))
    plain = fit_postprocess(predicted, truth, with_changes(CONFIG, {"decision.calibrate": False}))
    assert plain == Postprocess(Calibration(), fit_decision(predicted, None, "score", THRESHOLD))


def test_postprocessing_survives_a_round_trip_through_json():
    usual = Postprocess(Calibration(1.123456789), Decision("score", 30.0, 0.37, 0.009, 0.003))
    assert Postprocess.from_dict(json.loads(json.dumps(usual.to_dict()))) == usual


@pytest.mark.parametrize("raw", [{}, {"calibration": {"spread": 1.0}}, {"decision": None}, None])
def test_data_of_another_form_are_refused(raw):
    with pytest.raises((KeyError, TypeError, ValueError)):
        Postprocess.from_dict(raw)


def test_the_spread_for_unseen_targets_is_applied_on_top_of_the_usual_one():
    usual = Postprocess(Calibration(0.9), Decision("score", 30.0, 0.4, 0.009, 0.003))
    wider = fit_unseen_postprocess(usual, *drawn(1.8), CONFIG, studies=2)
    assert wider.calibration.spread == pytest.approx(0.9 * 1.8, rel=0.1)
    of_one_study = fit_unseen_postprocess(usual, *drawn(1.8), CONFIG, studies=1)
    factor = CONFIG.decision.new_study
    assert of_one_study.calibration.spread == pytest.approx(wider.calibration.spread * factor)
    assert of_one_study.decision.cut == wider.decision.cut


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_decision_for_unseen_targets_is_between_two_others(share):
    usual = Postprocess(Calibration(), Decision("score", 30.0, 0.8, 0.02, 0.01))
    predicted, truth = drawn(1.8)
    config = with_changes(CONFIG, {"decision.unseen_targets": share})
    found = fit_unseen_postprocess(usual, predicted, truth, config, studies=2).decision
    alone = fit_postprocess(predicted, truth, config).decision
    for name in ("cut", "range_weight", "mae_weight"):
        ends = getattr(usual.decision, name), getattr(alone, name)
        assert getattr(found, name) == pytest.approx((1 - share) * ends[0] + share * ends[1])
    assert alone.cut < usual.decision.cut


@pytest.mark.parametrize("kind", ["median", "mean"])
def test_interpolation_does_not_change_a_decision_without_weights(kind):
    config = with_changes(CONFIG, {"decision.kind": kind})
    predicted, truth = drawn(1.8)
    usual = fit_postprocess(predicted, truth, config)
    wider = fit_unseen_postprocess(usual, predicted, truth, config, studies=2)
    assert wider.decision == usual.decision == Decision(kind, THRESHOLD)
