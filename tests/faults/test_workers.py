"""A training with worker processes is killed: they end with it, and it can be resumed."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from campaign import Campaign
from child import run
from test_kills import facts

LIMIT_SECONDS = 120
MOMENTS = 40
"""Number of moments in the second half of a training, after its start, at which it is killed."""
CHANGES = "train.refit=true", "train.epochs=20", "mixture.learn=false", "split.few_groups=0"


def ended(number):
    """Return whether a process has ended within the limit."""
    end = time.monotonic() + LIMIT_SECONDS
    while Path(f"/proc/{number}").exists():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def descendants(process):
    """Return the numbers of all processes that a process, or one of its children, has started."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return {found for child in map(int, children) for found in {child, *descendants(child)}}


def begun(command, folder):
    return subprocess.Popen(
        [sys.executable, "-m", "sirna.cli", *map(str, command)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def test_a_training_in_workers_that_is_killed_at_any_moment_can_be_resumed(data, small, tmp_path):
    """Networks of all rows may then be ahead of those of the fold, which are resumed."""
    campaign = Campaign("train, workers, kill")
    options = [part for change in CHANGES for part in ("--set", change)]
    command = ["train", data / "train_data.csv", *small, *options, "--run"]
    assert run([*command, "whole", "--workers", 1], tmp_path).code == 0
    expected, began = facts(tmp_path / "whole"), time.monotonic()
    assert begun([*command, "timed", "--workers", "2"], tmp_path).wait() == 0
    seconds = time.monotonic() - began
    assert facts(tmp_path / "timed") == expected
    for moment in campaign.some(range(1, MOMENTS)):
        process = begun([*command, "torn", "--workers", "2"], tmp_path)
        time.sleep(seconds * (1 + moment / MOMENTS) / 2)
        started = descendants(process.pid) if process.poll() is None else set()
        process.kill()
        process.wait()
        campaign.counts["killed with workers"] += len(started) > 2
        ahead = list(tmp_path.glob("torn/last/fold-1/network-0"))
        campaign.counts["network on all rows begun"] += bool(ahead)
        again = ["train", "--resume", "--run", "torn", "--workers", 1 + moment % 2]
        if not (tmp_path / "torn/config.toml").exists():
            again = [*command, "torn"]
        resumed = run(again, tmp_path)
        if resumed.code != 0:
            campaign.fault(moment, f"cannot go on: {resumed.err[-300:]}")
        elif (found := facts(tmp_path / "torn")) != expected:
            differing = [k for k in expected.keys() | found if expected.get(k) != found.get(k)]
            campaign.fault(moment, f"differs in {differing}")
        if not all(map(ended, started)):
            campaign.fault(moment, "a worker is left")
        shutil.rmtree(tmp_path / "torn", ignore_errors=True)
    campaign.finish()
