"""`sirna train --workers 2`: the same results, and what stops, kills and errors leave."""

import csv
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pandas as pd
import pytest
from waiting_workers import LIMIT_SECONDS, work_and_wait, work_without_memory_for_a_fold

from sirna.stages import train_workers

VARYING = {"seconds", "rows_per_second", "peak_memory_mb", "created", "digest"}
LONG = ("--set", "train.epochs=3", "--set", "train.refit=true")


@pytest.fixture(scope="module")
def long(data: Path, tiny: list[str]) -> list[object]:
    return [data / "train_data.csv", *tiny, *LONG]


@pytest.fixture(scope="module")
def whole(long: list[object], tmp_path_factory: pytest.TempPathFactory, cli) -> dict[str, object]:
    """What one process trains."""
    run = tmp_path_factory.mktemp("whole") / "run"
    assert cli("train", *long, "--run", run, "--workers", 1).code == 0
    return contents(run)


def contents(run: Path) -> dict[str, object]:
    """Return everything in a run that must not depend on the number of workers."""
    found: dict[str, object] = {}
    for path in [*run.glob("bundle/*"), *map(run.joinpath, ("oof.csv", "splits.csv"))]:
        found[path.name] = path.read_bytes()
    for path in (run / "bundle/bundle.json", run / "metrics.json"):
        values = json.loads(path.read_text())
        found[path.name] = {key: value for key, value in values.items() if key not in VARYING}
    found["config.toml"] = (run / "config.toml").read_bytes()
    with (run / "log.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    found["log.csv"] = [{key: row[key] for key in row if key not in VARYING} for row in rows]
    return found


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def after_an_epoch(run: str) -> None:
    """Wait until the network of the first fold has kept its state."""
    wait_until(Path(run, "last/fold-0/network-0").is_dir)


@contextmanager
def beside(act: Callable[[], object]) -> Iterator[None]:
    """Within this context, do something in another thread; workers wait after an epoch."""
    thread = Thread(target=act)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_workers, "work_for", work_and_wait)
        thread.start()
        yield
        thread.join()


def test_the_result_does_not_depend_on_the_number_of_workers(
    data: Path, tiny: list[str], ok
) -> None:
    learned = ("mixture.learn=true", "train.refit=true", "word_process.steps=2")
    options = [part for change in (*learned, "random_forest.trees=9") for part in ("--set", change)]
    command = ["train", data / "train_data.csv", *tiny, *options, "--folds", 2]
    for workers in (1, 2):
        printed = ok(*command, "--run", f"by-{workers}", "--workers", workers).out
        assert ("workers: 2 processes" in printed) == (workers == 2)
    assert contents(Path("by-1")) == contents(Path("by-2"))
    assert not Path("by-2/workers").exists()


def test_a_stop_reaches_the_workers_and_a_resumed_run_equals_the_whole_one(
    long: list[object], whole: dict[str, object], ok
) -> None:
    def stop() -> None:
        after_an_epoch("torn")
        os.kill(os.getpid(), signal.SIGINT)

    with beside(stop):
        stopped = ok("train", *long, "--run", "torn", "--workers", 2)
    assert not multiprocessing.active_children()
    assert "sirna train --resume --run torn" in stopped.out
    assert "fold 0: network, epoch   1/3" in stopped.out
    assert "(network: 1, " in stopped.err
    assert json.loads(Path("torn/metrics.json").read_text())["interrupted"]
    assert len(pd.read_csv("torn/log.csv")) < 3
    resumed = ok("train", "--resume", "--run", "torn", "--workers", 2).out
    assert "fold 0: network, epoch   1/3" not in resumed
    assert contents(Path("torn")) == whole


def test_a_killed_worker_ends_the_training_with_one_message_and_it_can_be_resumed(
    long: list[object], whole: dict[str, object], refused, ok
) -> None:
    def kill() -> None:
        after_an_epoch("torn")
        for worker in multiprocessing.active_children():
            os.kill(worker.pid or 0, signal.SIGKILL)

    with beside(kill):
        message = refused("train", *long, "--run", "torn", "--workers", 2)
    assert not multiprocessing.active_children()
    assert "was killed by signal 9" in message
    assert "sirna train --resume --run torn --workers 1" in message
    ok("train", "--resume", "--run", "torn", "--workers", 1)
    assert contents(Path("torn")) == whole


def test_an_error_in_a_worker_is_the_error_of_the_command(data: Path, tiny: list[str], cli) -> None:
    diverges = ["--set", "train.learning_rate=100", "--set", "train.weight_decay=1000"]
    command = ["--debug", "train", data / "train_data.csv", *tiny, *diverges]
    ends = []
    for workers in (1, 2):
        outcome = cli(*command, "--run", f"by-{workers}", "--workers", workers)
        ends.append(outcome.err.splitlines()[-1])
        assert "members/network/fit.py" in outcome.err
        assert ("in a worker process:" in outcome.err) == (workers == 2)
    assert ends[0] == ends[1]
    assert ends[0].startswith("sirna.errors.SirnaError: the training diverged")
    assert not multiprocessing.active_children()


def test_a_network_that_waits_for_a_fold_does_not_wait_for_one_that_failed(
    long: list[object], whole: dict[str, object], ok, monkeypatch
) -> None:
    monkeypatch.setattr(train_workers, "work_for", work_without_memory_for_a_fold)
    ended = ok("train", *long, "--run", "run", "--workers", 2)
    assert "fold 0: network: too little memory beside other processes" in ended.err
    assert contents(Path("run")) == whole
