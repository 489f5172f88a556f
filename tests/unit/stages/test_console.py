"""The output on terminals of every width, and in files and pipes."""

import io
import os
import sys

import pytest
from rich.console import Console as RichConsole

from sirna.stages.console import Console, duration


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


@pytest.mark.parametrize(
    ("quiet", "as_json", "out", "err"),
    [
        (False, False, "read\noutcome\nnext: sirna submit\n", "note: odd\n"),
        (True, False, "outcome\n", ""),
        (False, True, '{"score": 0.5}\n', "read\nnote: odd\noutcome\nnext: sirna submit\n"),
        (True, True, '{"score": 0.5}\n', ""),
    ],
)
def test_what_is_printed_where(capsys, tmp_path, quiet, as_json, out, err):
    console = Console(quiet=quiet, as_json=as_json)
    console.copy = tmp_path / "messages.txt"
    console.line("read")
    console.note("odd")
    console.result("outcome")
    console.next("sirna submit")
    console.json({"score": 0.5})
    assert capsys.readouterr() == (out, err)
    kept = [line.split(" ", 1)[1] for line in console.copy.read_text().splitlines()]
    assert kept == ["read", "note: odd", "outcome", "next: sirna submit"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (89, "89 s"), (91, "2 min"), (3000, "50 min"), (9000, "2.5 h")],
)
def test_a_time_is_said_as_people_say_it(seconds, words):
    assert duration(seconds) == words
