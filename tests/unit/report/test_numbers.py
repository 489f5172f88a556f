"""The numbers behind a report."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from sirna.prediction.score import competition_score
from sirna.report import numbers
from sirna.report.comparison import paired

RNG = np.random.default_rng(3)


def held_out(rows=60, groups=12):
    measured = RNG.uniform(0, 100, rows)
    predicted = np.clip(measured + RNG.normal(0, 10, rows), 0, 110)
    return pd.DataFrame(
        {
            "id": [str(i) for i in range(rows)],
            "group": RNG.integers(0, groups, rows).astype(str),
            "fold": 0,
            "measured": measured,
            "predicted": predicted,
            "median": predicted,
            "prob_below_threshold": np.clip((60 - predicted) / 60, 0, 1),
            "interval_low": predicted - 12,
            "interval_high": predicted + 12,
        }
    )


@pytest.mark.parametrize(
    ("truth", "points"),
    [([10.0, 50.0], [10.0, 50.0]), ([10.0, 50.0], [40.0, 20.0]), ([80.0, 90.0], [70.0, 95.0])],
)
def test_the_lost_points_add_up_to_the_distance_to_one(truth, points):
    score = competition_score(truth, points)
    assert sum(numbers.lost_points(score).values()) == pytest.approx(1 - score.score)


def test_the_interval_of_a_score_holds_the_score():
    frame = held_out(400, 200)
    low, high = numbers.score_interval(frame, 30.0)
    assert low < numbers.score_of(frame, 30.0).score < high


def test_whole_groups_are_drawn():
    truth = np.array([10.0, 10.0, 90.0, 90.0])
    points = np.array([10.0, 20.0, 90.0, 60.0])  # an error of 0 and one of 10 or 30 in each group
    groups = np.array(["a", "a", "b", "b"])
    scores = numbers.resampled_scores(truth, [points], groups, 30.0)
    possible = {
        round(competition_score(truth[rows], points[rows]).score, 12)
        for rows in ([0, 1, 2, 3], [0, 1, 0, 1], [2, 3, 2, 3])
    }
    assert {round(float(score), 12) for score in scores[:, 0]} == possible


def test_every_row_is_in_one_cell_of_the_confusion_matrix():
    frame = held_out()
    counts = numbers.confusion(frame, 30.0)
    score = numbers.score_of(frame, 30.0)
    assert sum(counts.values()) == len(frame)
    assert counts[True, True] / (counts[True, True] + counts[False, True]) == score.precision


def test_a_breakdown_leaves_out_rows_without_a_value_and_keeps_the_others():
    frame = held_out(9)
    by = pd.Series(["a", "a", None, "b", "b", "b", None, "a", "c"], dtype=object)
    found = numbers.breakdown(frame, by, 30.0).set_index("by")
    assert found["rows"].to_dict() == {"a": 3, "b": 3, "c": 1}
    of_a = frame.iloc[[0, 1, 7]]
    assert found.loc["a", "mae"] == pytest.approx((of_a.measured - of_a.predicted).abs().mean())
    assert found.loc["a", "score"] == numbers.score_of(of_a, 30.0).score


@pytest.mark.parametrize(
    ("bases", "name"),
    [(0, "0"), (1, "1"), (2, "2 to 3"), (6, "4 to 6"), (12, "10 to 12"), (13, "more than 12")],
)
def test_a_distance_belongs_to_the_group_that_names_it(bases, name):
    assert numbers.distance_groups(pd.Series([float(bases), np.nan])).tolist()[0] == name


def test_a_row_counts_for_each_chemistry_of_its_strands():
    frame = held_out(3).assign(guide_modifications=["Af u", "a u VP", "Cf Gf"])
    found = numbers.by_chemistry(frame, 30.0).set_index("by")["rows"].to_dict()
    assert found == {"guide @f": 2, "guide #": 2, "guide #VP": 1}


def test_equal_runs_do_not_differ_and_runs_without_common_rows_are_not_compared():
    frame = held_out()
    run = SimpleNamespace(held_out=frame, threshold=30.0)
    assert paired(run, run) == (len(frame), 0.0, 0.0, 0.0)
    other = SimpleNamespace(held_out=frame.assign(id=frame["id"] + "x"), threshold=30.0)
    assert paired(run, other) is None


def test_a_better_run_is_better_on_every_draw():
    frame = held_out(300, 100)
    perfect = frame.assign(predicted=frame["measured"])
    runs = [SimpleNamespace(held_out=part, threshold=30.0) for part in (frame, perfect)]
    _, gain, low, high = paired(*runs)
    assert 0 < low <= gain <= high


@pytest.mark.parametrize(
    ("share", "rows", "low", "high"),
    [(0.5, 100, 0.404, 0.596), (1.0, 10, 0.722, 1.0), (0.0, 10, 0.0, 0.278)],
)
def test_the_interval_of_a_share_is_wilsons(share, rows, low, high):
    found = numbers.share_interval(pd.Series([share]), pd.Series([rows]))
    assert [end[0] for end in found] == pytest.approx([low, high], abs=6e-4)
