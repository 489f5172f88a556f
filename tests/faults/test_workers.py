"""A training with worker processes is killed: they end with it, and it can be resumed."""

import os
import subprocess
import sys
import time
from pathlib import Path

from child import run
from test_kills import facts

LIMIT_SECONDS = 120


def wait_until(condition):
    end = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def descendants(process):
    """Return the numbers of all processes that a process, or one of its children, has started."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return {found for child in map(int, children) for found in {child, *descendants(child)}}


def test_a_killed_training_takes_its_workers_along_and_can_be_resumed(data, small, tmp_path):
    changes = "train.refit=true", "train.epochs=20", "mixture.learn=false", "split.few_groups=0"
    options = [part for change in changes for part in ("--set", change)]
    command = ["train", data / "train_data.csv", *small, *options, "--run"]
    assert run([*command, "whole", "--workers", 1], tmp_path).code == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "sirna.cli", *map(str, command), "torn", "--workers", "2"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    wait_until((tmp_path / "torn/last/fold-0/network-0").is_dir)
    started = descendants(process.pid)
    assert len(started) > 2
    process.kill()
    process.wait()
    resumed = run(["train", "--resume", "--run", "torn", "--workers", 1], tmp_path)
    assert resumed.code == 0, resumed.err
    assert facts(tmp_path / "torn") == facts(tmp_path / "whole")
    wait_until(lambda: not any(Path(f"/proc/{number}").exists() for number in started))
