"""How long a training will take, estimated from parts of it."""

import numpy as np
import pytest
import torch

from sirna.config.load import with_changes
from sirna.features.fold import FoldTask
from sirna.members.gaussian_process import matrix
from sirna.members.gaussian_process import member as gaussian_process
from sirna.members.network import member as network
from sirna.members.trees import member as trees
from sirna.stages.time_estimate import seconds_by_family, tasks_of
from sirna.table.splits import make_split

CPU = torch.device("cpu")


@pytest.fixture
def seconds(monkeypatch):
    """Replace the clock: the given seconds pass between one call and the next."""

    def clock(*each: float) -> None:
        times = iter(np.cumsum([0.0, *each]))
        monkeypatch.setattr("time.perf_counter", lambda: next(times))

    return clock


def test_the_time_of_a_gaussian_process_grows_with_steps_rows_and_their_cube(
    tiny_table, tiny_config, task_of, seconds, monkeypatch
) -> None:
    rows, whole = tiny_table.rows, len(tiny_table)
    monkeypatch.setattr(matrix, "BLOCK_ROWS", whole // 5)
    monkeypatch.setattr(gaussian_process, "TIMED_ROWS", whole // 10)
    config = with_changes(tiny_config, {"gaussian_process.steps": 5 * gaussian_process.TIMED_STEPS})
    seconds(1.0, 0.5, 0.01)
    expected = 5.0 + 0.5 * whole / (2 * (whole // 5)) + 0.01 * (whole / (whole // 10)) ** 3
    found = gaussian_process.GaussianProcessMember.seconds(task_of(rows, config), CPU)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("most_rows", [10**6, 30])
def test_on_all_rows_a_gaussian_process_does_what_the_first_fold_has_not_done(
    tiny_table, tiny_config, seconds, monkeypatch, most_rows
) -> None:
    monkeypatch.setattr(gaussian_process, "TIMED_ROWS", 10)
    config = with_changes(tiny_config, {"gaussian_process.most_rows": most_rows})
    split = make_split(tiny_table.rows, config.split, "table")
    fold, whole = (
        FoldTask(tiny_table.rows, split, number, config) for number in (split.folds[0], split.whole)
    )
    member, n = gaussian_process.GaussianProcessMember, min(len(tiny_table), most_rows)
    shared = len(fold.training) / n if n == len(tiny_table) else 0.0
    seconds(1.0, 0.0, 0.0)
    assert member.seconds(whole, CPU) == 0.0  # the kernel is learned
    seconds(0.0, 0.0, 1.0)
    expected = (n / 10) ** 3 * (1 - shared**3)
    assert member.seconds(whole, CPU) == pytest.approx(expected, rel=0.02)
    assert member.rough_seconds(whole) < member.rough_seconds(fold)


def test_the_time_of_a_gaussian_process_counts_at_most_the_rows_it_holds(
    tiny_table, tiny_config, task_of, seconds, monkeypatch
) -> None:
    monkeypatch.setattr(gaussian_process, "TIMED_ROWS", 10)
    changes = {
        "gaussian_process.steps": gaussian_process.TIMED_STEPS,
        "gaussian_process.most_rows": 20,
    }
    task = task_of(tiny_table.rows, with_changes(tiny_config, changes))
    seconds(0.0, 0.0, 1.0)
    assert gaussian_process.GaussianProcessMember.seconds(task, CPU) == pytest.approx(8.0)


def test_the_time_of_a_network_is_scaled_from_the_timed_batches(
    tiny_table, tiny_config, task_of, seconds
) -> None:
    config = with_changes(tiny_config, {"train.batch_rows": 4, "train.epochs": 7})
    task = task_of(tiny_table.rows, config)
    rows = len(task.training)
    assert rows > 4 * network.TIMED_BATCHES
    seconds(0.5, 1.5)  # the training looks at the clock once
    found = network.NetworkMember.seconds(task, CPU)
    assert found == pytest.approx(7 * 2.0 * rows / (4 * network.TIMED_BATCHES))


def test_the_time_of_trees_is_scaled_from_the_timed_rounds(
    tiny_table, tiny_config, task_of, seconds
) -> None:
    changes = {
        "trees.rounds": 1 + 4 * trees.TIMED_ROUNDS,
        "trees.ensembles": 1,
        "trees.folds": 2,
    }
    task = task_of(tiny_table.rows, with_changes(tiny_config, changes))
    seconds(9.0, 0.0, 0.3, 0.0, 0.5)
    assert trees.TreesMember.seconds(task, CPU) == pytest.approx(0.3 + 4 * 0.2)


def test_the_times_of_folds_all_rows_and_networks_are_added_up(
    tiny_task, tiny_config, monkeypatch
) -> None:
    def one_second_a_row(cls, task, device):
        return float(len(task.training))

    members = network.NetworkMember, gaussian_process.GaussianProcessMember, trees.TreesMember
    for family in members:
        monkeypatch.setattr(family, "seconds", classmethod(one_second_a_row))
    rows, split = tiny_task.rows, tiny_task.split
    train, whole = len(tiny_task.training), len(rows)
    once = with_changes(tiny_config, {"train.refit": False, "train.networks": 3})
    found = seconds_by_family(tasks_of(rows, split, once), CPU)
    assert found == {"network": 3 * train, "Gaussian process": train, "trees": train}
    again = with_changes(tiny_config, {"train.refit": True})
    found = seconds_by_family(tasks_of(rows, split, again), CPU)
    both = train + whole
    assert found == {"network": both, "Gaussian process": both, "trees": whole}
