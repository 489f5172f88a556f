"""What turns distributions into calibrated ones and into points, for known targets and new ones."""

import json

import numpy as np
import pytest
from scipy.special import ndtr

from sirna.config.load import Config, with_changes
from sirna.prediction.calibration import Calibration
from sirna.prediction.decision import Decision, fit_decision
from sirna.prediction.histogram import Histogram
from sirna.prediction.postprocess import Rule, fit_new_target_rule, fit_rule

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


def test_a_rule_is_a_calibration_and_a_decision_upon_what_it_calibrated():
    predicted, truth = drawn(1.6)
    rule = fit_rule(predicted, truth, CONFIG)
    assert rule.calibration.spread == pytest.approx(1.6, rel=0.1)
    calibrated, points = rule.apply(predicted)
    np.testing.assert_array_equal(calibrated.probs, rule.calibration.apply(predicted).probs)
    assert rule.decision == fit_decision(calibrated, None, "score", THRESHOLD)
    np.testing.assert_array_equal(points, rule.decision.apply(calibrated))
    plain = fit_rule(predicted, truth, with_changes(CONFIG, {"decision.calibrate": False}))
    assert plain == Rule(Calibration(), fit_decision(predicted, None, "score", THRESHOLD))


def test_json_brings_the_same_rule_back():
    rule = Rule(Calibration(1.123456789), Decision("score", 30.0, 0.37, 0.009, 0.003))
    assert Rule.from_dict(json.loads(json.dumps(rule.to_dict()))) == rule


@pytest.mark.parametrize("raw", [{}, {"calibration": {"spread": 1.0}}, {"decision": None}, None])
def test_what_is_no_rule_is_refused(raw):
    with pytest.raises((KeyError, TypeError, ValueError)):
        Rule.from_dict(raw)


def test_what_new_targets_need_is_needed_on_top():
    rule = Rule(Calibration(0.9), Decision("score", 30.0, 0.4, 0.009, 0.003))
    wider = fit_new_target_rule(rule, *drawn(1.8), CONFIG)
    assert wider.calibration.spread == pytest.approx(0.9 * 1.8, rel=0.1)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_decision_for_new_targets_lies_between_two(share):
    rule = Rule(Calibration(), Decision("score", 30.0, 0.8, 0.02, 0.01))
    predicted, truth = drawn(1.8)
    config = with_changes(CONFIG, {"decision.new_targets": share})
    found = fit_new_target_rule(rule, predicted, truth, config).decision
    alone = fit_rule(predicted, truth, config).decision
    for name in ("cut", "range_weight", "mae_weight"):
        ends = getattr(rule.decision, name), getattr(alone, name)
        assert getattr(found, name) == pytest.approx((1 - share) * ends[0] + share * ends[1])
    assert alone.cut < rule.decision.cut


@pytest.mark.parametrize("kind", ["median", "mean"])
def test_a_decision_without_multipliers_stays(kind):
    config = with_changes(CONFIG, {"decision.kind": kind})
    predicted, truth = drawn(1.8)
    rule = fit_rule(predicted, truth, config)
    wider = fit_new_target_rule(rule, predicted, truth, config)
    assert wider.decision == rule.decision == Decision(kind, THRESHOLD)
