"""The competition score, against values worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirna.prediction.score import competition_score

PERCENT = st.floats(-1e6, 1e6)
PAIRS = st.lists(st.tuples(PERCENT, PERCENT), min_size=1, max_size=30)


def test_the_parts_are_those_worked_out_by_hand():
    score = competition_score([10, 20, 40, 80], [20, 40, 25, 70])
    assert score.mae == pytest.approx((10 + 20 + 15 + 10) / 4)
    assert score.range_mae == pytest.approx((10 + 15) / 2)
    assert (score.precision, score.recall, score.f1) == (0.5, 0.5, 0.5)
    assert score.score == pytest.approx(0.5 * 0.8625 + 0.5 * 0.5 * 0.875)
    assert score.rows == 4


def test_precision_and_recall_are_not_exchanged():
    score = competition_score([10, 10, 10, 50], [10, 50, 50, 50])
    assert (score.precision, score.recall) == (1.0, pytest.approx(1 / 3))
    assert score.f1 == pytest.approx(0.5)


def test_a_constant_just_below_the_threshold_calls_every_row():
    score = competition_score([9.99, 49.99, 69.99, 29.99], [29.99] * 4)
    assert score.recall == 1.0
    assert score.precision == 0.5
    assert score.mae == score.range_mae == pytest.approx(20.0)
    assert score.score == pytest.approx(0.5 * 0.8 + 0.5 * (2 / 3) * 0.8)


def test_a_measured_value_of_exactly_the_threshold_is_negative():
    score = competition_score([30.0, 10.0], [10.0, 10.0])
    assert score.precision == 0.5
    assert score.recall == 1.0


def test_a_prediction_of_exactly_the_threshold_is_not_called_but_counts_in_the_range():
    score = competition_score([50.0, 10.0], [30.0, 10.0])
    assert score.precision == 1.0
    assert score.range_mae == pytest.approx(10.0)


def test_a_prediction_of_zero_counts_in_the_range():
    assert competition_score([8.0], [0.0]).range_mae == pytest.approx(8.0)


def test_a_prediction_below_zero_is_positive_but_out_of_range():
    score = competition_score([10.0], [-5.0])
    assert score.f1 == 1.0
    assert score.range_mae == 100.0
    assert score.score == pytest.approx(0.5 * 0.85)


def test_the_range_error_is_100_if_no_prediction_is_in_the_range():
    assert competition_score([10.0, 20.0], [50.0, 60.0]).range_mae == 100.0


@pytest.mark.parametrize(
    ("truth", "prediction"),
    [([10.0], [50.0]), ([50.0], [10.0]), ([50.0], [60.0]), ([10.0, 50.0], [50.0, 10.0])],
    ids=["nothing called", "nothing positive", "neither", "no hit"],
)
def test_an_undefined_f1_is_zero(truth, prediction):
    score = competition_score(truth, prediction)
    assert score.f1 == 0.0
    assert score.score == pytest.approx(0.5 * (1 - score.mae / 100))


def test_neither_labels_nor_predictions_are_clipped():
    assert competition_score([150.0], [-50.0]).score == pytest.approx(-0.5)
    assert competition_score([100.0], [180.0]).mae == pytest.approx(80.0)
    assert competition_score([180.0], [100.0]).mae == pytest.approx(80.0)


def test_the_threshold_moves_the_classes_and_the_range():
    score = competition_score([40.0, 60.0], [45.0, 80.0], threshold=50.0)
    assert score.f1 == 1.0
    assert score.range_mae == pytest.approx(5.0)


@given(PAIRS)
def test_every_part_is_a_number_and_the_score_at_most_one(pairs):
    truth, prediction = zip(*pairs, strict=True)
    score = competition_score(truth, prediction)
    assert all(math.isfinite(value) for value in score.as_dict().values())
    assert score.score <= 1.0
    assert 0.0 <= score.f1 <= 1.0


@given(st.lists(st.floats(0.0, 200.0), max_size=30), st.floats(0.0, 29.0))
def test_a_perfect_prediction_scores_one(values, positive):
    truth = [*values, positive]
    assert competition_score(truth, truth).score == pytest.approx(1.0)


@given(PAIRS.flatmap(lambda pairs: st.tuples(st.just(pairs), st.permutations(pairs))))
def test_the_order_of_the_rows_does_not_change_the_score(both):
    scores = [competition_score(*zip(*pairs, strict=True)).as_dict() for pairs in both]
    assert scores[0] == pytest.approx(scores[1])


@given(PAIRS)
def test_duplicating_all_rows_does_not_change_the_score(pairs):
    once = competition_score(*zip(*pairs, strict=True))
    twice = competition_score(*zip(*pairs, *pairs, strict=True))
    assert twice.score == pytest.approx(once.score)


@pytest.mark.parametrize(
    ("truth", "prediction"),
    [
        ([], []),
        ([1.0, 2.0], [1.0]),
        ([[1.0]], [[1.0]]),
        ([1.0], [np.nan]),
        ([np.nan], [1.0]),
        ([np.inf], [1.0]),
        ([1.0], [-np.inf]),
    ],
)
def test_columns_that_cannot_be_scored_are_refused(truth, prediction):
    with pytest.raises(ValueError, match=r"column|finite"):
        competition_score(truth, prediction)
