"""One bar over a whole training, on terminals of every width and elsewhere."""

import io
import os
import re
import sys
from itertools import pairwise

import pytest

from sirna.members.network.state import Epoch
from sirna.prediction.score import competition_score
from sirna.stages.console import Console
from sirna.stages.progress import Progress, TrainingDisplay

SCORE = competition_score([10.0, 50.0], [20.0, 60.0])
RECORD = Epoch(2, 1.5, 1.25, SCORE, 1e-3, 0.5, 123.0)
NETWORK, TREES, AGAIN = (0, "network", 0), (0, "trees", 0), (1, "network", 0)
JOBS = {NETWORK: ("network", 10.0), TREES: ("trees", 10.0), AGAIN: ("network", 20.0)}


class Terminal(io.StringIO):
    def isatty(self):
        return True

    def fileno(self):
        return 2


@pytest.fixture
def terminal(monkeypatch):
    """Make stderr a terminal of some width."""

    def of(width):
        monkeypatch.setattr(sys, "stderr", Terminal())
        monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((width, 24)))
        return sys.stderr

    return of


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets."""
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    return now


def shown(console=None):
    display = TrainingDisplay(JOBS, console)
    for job in JOBS:
        display.begin(job)
        display.advance(job, 0.5)
        display.report(RECORD.line(epochs=3, best=2), RECORD.short_line(best=2))
        display.end(job)
    display.close()


@pytest.mark.parametrize("width", [0, 1, 40, 79])
def test_a_terminal_without_room_for_a_bar_gets_a_line_for_each_epoch(terminal, capsys, width):
    stderr = terminal(width)
    shown()
    assert stderr.getvalue() == ""
    assert capsys.readouterr().out.startswith("epoch   2/3  loss 1.5000")


def test_a_wide_terminal_gets_one_bar_from_0_to_100_percent(terminal, capsys):
    stderr = terminal(160)
    shown()
    text = stderr.getvalue()
    percent = [int(found) for found in re.findall(r"(\d+)%\|", text)]
    assert percent[-1] == 100
    assert all(one <= other for one, other in pairwise(percent))
    assert text.count("\n") == 1
    assert f"score {SCORE.score:.4f}, best epoch 2" in text
    assert " left" in text
    assert capsys.readouterr().out.startswith("epoch   2/3")  # stdout goes to a file: a log


def test_a_quiet_training_draws_no_bar(terminal, capsys):
    stderr = terminal(160)
    shown(Console(quiet=True))
    assert (stderr.getvalue(), capsys.readouterr().out) == ("", "")


def test_without_a_terminal_every_epoch_prints_a_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    shown()
    assert sys.stderr.getvalue() == ""
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(JOBS)
    assert lines[0].endswith("best")


def test_nothing_is_known_before_a_job_has_shown_its_speed(clock):
    progress = Progress(JOBS)
    assert progress.seconds_left() is None
    progress.begin(NETWORK)
    assert progress.seconds_left() is None


def test_the_running_job_tells_how_long_the_rest_takes(clock):
    progress = Progress(JOBS)
    progress.begin(NETWORK)
    clock[0] = 10.0
    progress.advance(NETWORK, 0.5)  # twice as slow as roughly expected
    assert progress.seconds_left() == pytest.approx(10 + 20 + 40)
    assert progress.done == pytest.approx(5)


def test_a_job_takes_as_long_as_those_of_its_kind_did(clock):
    progress = Progress(JOBS)
    progress.begin(NETWORK)
    clock[0] = 30.0
    progress.end(NETWORK)
    assert progress.seconds_left() == pytest.approx(30 + 60)
    progress.begin(TREES)
    clock[0] = 35.0
    progress.end(TREES)  # trees are fast, which says nothing about networks
    assert progress.seconds_left() == pytest.approx(60)


def test_a_resumed_job_counts_as_done_but_not_as_fast(clock):
    progress = Progress(JOBS)
    progress.end(NETWORK)  # done before the interruption
    assert progress.seconds_left() is None
    progress.begin(AGAIN, share=0.5)
    clock[0] = 20.0
    progress.advance(AGAIN, 0.75)
    assert progress.seconds_left() == pytest.approx(20 + 40)  # four times as slow as expected
    assert progress.done == pytest.approx(10 + 15)


def test_a_fit_that_ends_early_completes_its_part_of_the_bar(clock):
    progress = Progress(JOBS)
    progress.begin(NETWORK)
    progress.advance(NETWORK, 0.3)
    progress.end(NETWORK)
    assert progress.done == pytest.approx(10)


def test_jobs_that_run_at_the_same_time_share_the_time_left(clock):
    progress = Progress(JOBS, at_once=2)
    progress.begin(NETWORK)
    progress.begin(AGAIN)
    clock[0] = 5.0
    progress.advance(NETWORK, 0.5)
    progress.advance(AGAIN, 0.25)
    assert progress.done == pytest.approx(5 + 5)
    assert progress.seconds_left() == pytest.approx((5 + 10 + 15) / 2)
    clock[0] = 10.0
    progress.end(NETWORK)
    progress.end(TREES)
    assert progress.seconds_left() == pytest.approx(15 * (10 + 10) / (10 + 5))  # not divided
