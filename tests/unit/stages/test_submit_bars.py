"""The bars of `sirna submit`: on a terminal only."""

import io
import itertools
import os
import sys
from collections.abc import Callable

import pytest

from sirna.stages.console import Console
from sirna.stages.submit_bars import checked_bar, parts_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 2


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Terminal]:
    """Make stderr a wide terminal, where seconds pass between two looks at the clock."""

    def start() -> Terminal:
        found, clock = Terminal(), itertools.count(0.0, 2.0)
        monkeypatch.setattr(sys, "stderr", found)
        monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((160, 24)))
        monkeypatch.setattr("tqdm.std.time", lambda: next(clock))
        return found

    return start


def test_the_rows_that_are_checked_are_counted(on_terminal):
    terminal = on_terminal()
    with checked_bar(Console()) as advance:
        for _ in range(3):
            advance(16_000)
    assert "checked: 48.0krow" in terminal.getvalue()


def test_parts_of_an_earlier_run_count_as_done(on_terminal):
    terminal = on_terminal()
    with parts_bar(4, 2, Console()) as advance:
        advance(1)
    assert " 2/4 " in terminal.getvalue()
    assert " 3/4 " in terminal.getvalue()


@pytest.mark.parametrize("bar", [checked_bar, lambda console: parts_bar(2, 0, console)])
def test_a_quiet_console_shows_no_bar(bar, on_terminal):
    terminal = on_terminal()
    with bar(Console(quiet=True)) as advance:
        advance(1)
    assert terminal.getvalue() == ""
