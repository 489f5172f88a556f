"""What a part of a training took, and how long all of it will take."""

import numpy as np
import pytest
import torch

from sirna.config.load import with_changes
from sirna.members.network.fit import start
from sirna.stages import time_estimate as estimate


@pytest.fixture
def seconds(monkeypatch):
    """Let the given seconds go by between one look at the clock and the next."""

    def clock(*each: float) -> None:
        times = iter(np.cumsum([0.0, *each]))
        monkeypatch.setattr(estimate.time, "perf_counter", lambda: next(times))

    return clock


def test_a_process_learns_step_by_step_compares_all_with_all_and_solves_with_the_cube(
    tiny_table, tiny_config, seconds, monkeypatch
) -> None:
    rows = tiny_table.rows
    monkeypatch.setattr(estimate, "BLOCK", len(rows) // 5)
    monkeypatch.setattr(estimate, "SOLVED", len(rows) // 10)
    config = with_changes(tiny_config, {"gaussian_process.steps": 5 * estimate.STEPS})
    seconds(1.0, 0.5, 0.01)
    whole = len(rows)
    wanted = 5.0 + 0.5 * whole / (whole // 5) + 0.01 * (whole / (whole // 10)) ** 3
    assert estimate.process_seconds(rows, np.arange(whole), config, 0) == pytest.approx(wanted)


def test_of_more_rows_than_a_process_takes_those_that_it_takes_count(
    tiny_table, tiny_config, seconds, monkeypatch
) -> None:
    rows = tiny_table.rows
    monkeypatch.setattr(estimate, "SOLVED", 10)
    changes = {"gaussian_process.steps": estimate.STEPS, "gaussian_process.most_rows": 20}
    seconds(0.0, 0.0, 1.0)
    told = estimate.process_seconds(
        rows, np.arange(len(rows)), with_changes(tiny_config, changes), 0
    )
    assert told == pytest.approx(8.0)


def test_an_epoch_takes_as_long_as_the_share_of_it_that_was_trained(
    tiny_fold, tiny_config, seconds
) -> None:
    config = with_changes(tiny_config, {"train.batch_rows": 4})
    cpu = torch.device("cpu")
    progress = start(tiny_fold.encoding, tiny_fold.train, config, tiny_fold.seed, cpu)
    rows = len(tiny_fold.train)
    assert rows > 4 * estimate.BATCHES
    seconds(0.5, 1.5)  # the training looks at the clock once
    told = estimate.epoch_seconds(progress, tiny_fold, config, cpu)
    assert told == pytest.approx(2.0 * rows / (4 * estimate.BATCHES))
    assert progress.epoch == 0


def test_trees_take_as_long_as_all_their_rounds(tiny_table, tiny_config, seconds) -> None:
    rows = tiny_table.rows
    changes = {"trees.rounds": 1 + 4 * estimate.ROUNDS, "trees.members": 1, "trees.folds": 2}
    config = with_changes(tiny_config, changes)
    seconds(9.0, 0.0, 0.3, 0.0, 0.5)
    groups = rows["id"].to_numpy()
    told = estimate.trees_seconds(rows, np.arange(len(rows)), groups, config, 0)
    assert told == pytest.approx(0.3 + 4 * 0.2)
