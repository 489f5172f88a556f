"""The order in which workers take fits, and the number of workers."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from sirna.runs.run import Run
from sirna.stages import training_jobs
from sirna.stages.member_training import MemberFit
from sirna.stages.training_jobs import WORKER_BYTES, Plan, choose_workers

CPU = torch.device("cpu")
WHOLE = 2
"""The index of the training on all rows, after two folds."""


def fit(family, fold, seconds=1.0, memory=0.0, learn=False):
    """A fit that takes so many seconds and bytes."""
    made = SimpleNamespace(
        family=family,
        learns_from_folds=family in ("network", "process"),
        runs_ahead=family == "network",
        rough_seconds=lambda task: seconds,
        fit_memory=lambda task: memory,
    )
    config = SimpleNamespace(mixture=SimpleNamespace(learn=learn))
    task = SimpleNamespace(fold=fold, split=SimpleNamespace(whole=WHOLE), config=config)
    return MemberFit(Run(Path("run")), task, made, 0)


def done_in_order(plan, workers):
    """Return the jobs in the order of their start, if all take equally long."""
    order, running = [], []
    while True:
        while len(running) < workers and (taken := plan.take(running)) is not None:
            running.append(taken)
            order.append(taken.job[:2])
        if not running:
            return order
        plan.ended(running.pop(0))


def test_the_longest_fit_comes_first_unless_it_would_wait_for_others():
    plan = Plan()
    lengths = {"network": 10.0, "process": 7.0}
    plan.add([fit(name, fold, lengths[name]) for name in lengths for fold in (0, 1, WHOLE)])
    plan.add([fit("trees", WHOLE, 2.0)])
    assert done_in_order(plan, 2) == [
        (0, "network"),
        (1, "network"),
        (WHOLE, "network"),
        (0, "process"),
        (1, "process"),
        (WHOLE, "trees"),
        (WHOLE, "process"),
    ]


def test_folds_come_before_all_rows_if_both_take_equally_long():
    plan = Plan()
    plan.add([fit("trees", WHOLE), fit("trees", 0)])
    assert done_in_order(plan, 1) == [(0, "trees"), (WHOLE, "trees")]


def test_a_fit_that_begins_with_what_folds_learned_waits_until_they_have_ended():
    plan = Plan()
    fold, whole, other = fit("process", 0), fit("process", WHOLE, 5), fit("trees", 0)
    plan.add([fold, whole, other])
    assert plan.take([]) is fold
    assert plan.take([fold]) is other
    assert plan.take([fold, other]) is None
    assert plan.take([other]) is whole


def test_a_fit_that_learns_from_folds_starts_when_none_of_them_waits_for_a_worker():
    plan = Plan(memory=10.0)
    large, small = fit("network", 0, 3, 9.0), fit("network", 1, 2, 5.0)
    both = [fit(name, WHOLE, 1, 1.0) for name in ("trees", "network")]
    plan.add([large, small, *both])
    assert plan.take([]) is large
    assert plan.take([large]) is both[0]
    assert plan.take([large, both[0]]) is None
    plan.ended(large)
    assert plan.take([both[0]]) is small
    assert plan.take([both[0], small]) is both[1]


def test_every_fit_is_open_until_it_has_ended():
    plan, one = Plan(), fit("network", 0)
    assert not plan.is_open(one.job)
    plan.add([one])
    assert plan.is_open(one.job)
    assert plan.take([]) is one
    assert plan.is_open(one.job)
    plan.ended(one)
    assert not plan.is_open(one.job)
    assert plan.take([]) is None


def test_two_fits_run_at_once_only_if_the_memory_suffices_for_both():
    plan = Plan(memory=10.0)
    large, other, small = fit("a", 0, 3, 6.0), fit("a", 1, 2, 6.0), fit("b", 0, 1, 4.0)
    plan.add([large, other, small])
    assert plan.take([]) is large
    assert plan.take([large]) is small
    assert plan.take([large, small]) is None
    plan.ended(large)
    assert plan.take([small]) is other


def test_a_fit_that_needs_more_than_there_is_runs_alone():
    plan, huge = Plan(memory=1.0), fit("a", 0, 1, 5.0)
    plan.add([huge])
    assert plan.take([fit("b", 0)]) is None
    assert plan.take([]) is huge


LONG = [fit("network", 0, 100.0), fit("process", 0, 100.0, 2e9), fit("process", WHOLE, 100.0)]
LEARNED = [*LONG[:2], fit("process", WHOLE, 100.0, learn=True)]


@pytest.mark.parametrize(
    ("wanted", "fits", "device", "cores", "gigabytes", "expected"),
    [
        (None, LONG, CPU, 8, 64, 3),
        (None, LEARNED, CPU, 8, 64, 2),
        (None, LONG, CPU, 1, 64, 1),
        (None, LONG, CPU, 8, 3.0, 1),
        (None, LONG, CPU, 8, 3.3, 2),
        (8, LONG, CPU, 1, 0.1, 3),
        (1, LONG, CPU, 8, 64, 1),
        (2, LONG, torch.device("cuda"), 8, 64, 1),
        (2, LONG[:1], CPU, 8, 64, 1),
        (None, [fit("a", 0), fit("b", 0)], CPU, 8, 64, 1),
        (2, [fit("a", 0), fit("b", 0)], CPU, 8, 64, 2),
        (None, [], CPU, 8, 64, 1),
    ],
    ids=[
        "as many as fits",
        "as many as folds, which decide what is fitted on all rows",
        "one core",
        "too little memory",
        "just enough memory",
        "as wanted, but no idle ones",
        "one wanted",
        "a card",
        "one fit",
        "a short training",
        "a short training, wanted",
        "nothing left",
    ],
)
def test_the_number_of_workers(
    wanted, fits, device, cores, gigabytes, expected, monkeypatch
) -> None:
    assert WORKER_BYTES < 0.65e9
    monkeypatch.setattr(training_jobs, "free_cores", lambda: cores)
    monkeypatch.setattr(training_jobs, "available_memory", lambda: gigabytes * 1e9)
    assert choose_workers(wanted, fits, device) == expected
