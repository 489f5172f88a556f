"""The output on terminals of every width, and in files and pipes."""

import io
import os
import sys

import pytest
from rich.console import Console as RichConsole

from sirna.members.network.state import Epoch
from sirna.prediction.score import competition_score
from sirna.stages.console import Console, TrainingDisplay

SCORE = competition_score([10.0, 50.0], [20.0, 60.0])
RECORD = Epoch(2, 1.5, 1.25, SCORE, 1e-3, 0.5, 123.0)


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


def shown():
    display = TrainingDisplay(total=30, done=0)
    display.advance(10)
    display.report(RECORD.line(epochs=3, best=2), RECORD.short_line(best=2))
    display.close()


@pytest.mark.parametrize("width", [0, 1, 40, 79])
def test_a_terminal_without_room_for_a_bar_gets_a_line_for_each_epoch(terminal, capsys, width):
    stderr = terminal(width)
    shown()
    assert stderr.getvalue() == ""
    assert capsys.readouterr().out.startswith("epoch   2/3  loss 1.5000")


def test_a_wide_terminal_gets_a_bar_with_the_score(terminal, capsys):
    stderr = terminal(120)
    shown()
    assert f"score {SCORE.score:.4f}, best epoch 2" in stderr.getvalue()
    assert capsys.readouterr().out.startswith("epoch   2/3")  # stdout goes to a file: a log


def test_without_a_terminal_every_epoch_prints_a_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    shown()
    assert sys.stderr.getvalue() == ""
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert line.endswith("best\n")


FIGURES = {"score": 0.1234, "mae": 12.34, "range_mae": 5.67, "f1": 0.2345}
FIGURES |= {"precision": 0.3456, "recall": 0.4567, "rows": 12_345}


@pytest.mark.parametrize("width", [0, 1, 40, 80, 81, 82, 83, 200])
def test_scores_are_never_truncated_on_a_terminal(terminal, capsys, monkeypatch, width):
    terminal(width)
    monkeypatch.delenv("COLUMNS", raising=False)
    out = io.StringIO()
    rich = RichConsole(file=out, force_terminal=True, width=width or None, soft_wrap=True)
    Console(rich).scores("protocol rows", {"submission": FIGURES, "oracle": FIGURES})
    printed = out.getvalue() + capsys.readouterr().out
    for value in ("0.1234", "12.34", "5.67", "0.2345", "0.3456", "0.4567", "12,345"):
        assert printed.count(value) >= 2, printed
    if width in {40, 200}:
        assert ("┃" in printed) is (width == 200)
