"""Weights, and the score of a mixture."""

import numpy as np
import pytest

from sirna.config.load import with_changes
from sirna.prediction.histogram import Histogram
from sirna.prediction.mixture import HeldOut
from sirna.tuning.judge import judge
from sirna.tuning.rungs import search_rung

EDGES = np.array([0.0, 30.0, 60.0, 100.0])


@pytest.fixture
def judged(make_work):
    """Return folds, tasks and configuration of random predictions of a small table."""
    work = make_work()
    rung = search_rung(work.rows, work.config, work.search)
    rng = np.random.default_rng(0)
    tasks = [rung.task(work.config, fold) for fold in rung.split.folds]
    folds = [
        {
            name: HeldOut.same_for_all(
                task.held_out, Histogram(EDGES, rng.dirichlet(np.ones(3), len(task.held_out)))
            )
            for name in ("network", "gaussian_process")
        }
        for task in tasks
    ]
    return folds, tasks, work.config


def test_a_row_does_not_choose_what_it_is_scored_with(judged):
    folds, tasks, config = judged
    before = judge(folds, tasks, config)
    task = tasks[0]
    label = task.rows["label"].to_numpy().copy()
    half = task.held_out[task.half == 0]
    label[half] = label[half][::-1] + 1.0
    changed = [
        type(one)(one.rows.assign(label=label), one.split, one.fold, config) for one in tasks
    ]
    after = judge(folds, changed, config)
    same = np.isin(before.positions, half)
    np.testing.assert_array_equal(before.points[same], after.points[same])
    assert not np.array_equal(before.points[~same], after.points[~same])


def test_weights_are_chosen_unless_they_are_given(judged):
    folds, tasks, config = judged
    given = {"network": 0.25, "gaussian_process": 0.75}
    fixed = with_changes(config, {"mixture.known_target": given})
    assert judge(folds, tasks, fixed).weights == given
    config = with_changes(config, {"mixture.learn": True})
    chosen = judge(folds, tasks, config).weights
    assert chosen != judge(folds[:1], tasks[:1], config).weights
    assert sum(chosen.values()) == pytest.approx(1.0)


def test_a_fold_of_its_own_is_scored_as_part_of_all(judged):
    folds, tasks, config = judged
    found = judge(folds, tasks, config)
    assert len(found.by_fold) == len(folds)
    assert min(found.by_fold) <= found.score <= max(found.by_fold) + 0.05
