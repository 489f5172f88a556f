"""The command line called in this process or another, and small files for it."""

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from sirna.cli import main
from sirna.stages.console import Console

TINY = (
    *("model.hidden=8", "model.embedding=4", "model.head_hidden=8", "train.batch_rows=32"),
    *("train.epochs=2", "train.learning_rate=0.02", "train.schedule='constant'"),
    *("gaussian_process.steps=5", "gaussian_process.step_rows=60", "train.refit=false"),
    *("trees.rounds=5", "trees.ensembles=1", "trees.folds=2"),
    *("mixture.learn=false", "split.few_groups=0"),
)


@dataclass(frozen=True)
class Outcome:
    """The result of one command: exit status, stdout, and stderr with any traceback."""

    code: int
    out: str
    err: str


def call(*arguments: object) -> Outcome:
    """Run `sirna` in this process, as its console script does."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    before, sys.argv = sys.argv, ["sirna", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
            except SystemExit as stop:
                code = stop.code if isinstance(stop.code, int) else int(bool(stop.code))
            except Exception:
                code = 70
                traceback.print_exc()
    finally:
        sys.argv = before
    return Outcome(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def cli() -> Callable[..., Outcome]:
    return call


@pytest.fixture
def ok() -> Callable[..., Outcome]:
    def succeed(*arguments: object) -> Outcome:
        outcome = call(*arguments)
        assert outcome.code == 0, outcome.err
        return outcome

    return succeed


@pytest.fixture
def spawn() -> Callable[..., subprocess.Popen[str]]:
    """Start `sirna` in a separate process, with pipes."""

    def start(*arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "sirna.cli", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )

    return start


@pytest.fixture
def signal_at(monkeypatch: pytest.MonkeyPatch):
    """Within this context, a signal comes when a line that begins so is printed the nth time."""

    @contextlib.contextmanager
    def coming(line: str, time: int, number: signal.Signals) -> Iterator[None]:
        print_line = Console.line
        printed: list[str] = []

        def then_signal(console: Console, text: str) -> None:
            print_line(console, text)
            if text.startswith(line):
                printed.append(text)
                if len(printed) == time:
                    os.kill(os.getpid(), number)

        with monkeypatch.context() as patch:
            patch.setattr(Console, "line", then_signal)
            yield

    return coming


@pytest.fixture(scope="session")
def tiny() -> list[str]:
    """Options that make a training take a moment."""
    return [part for change in TINY for part in ("--set", change)]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `sirna sample` writes with 30 duplexes; not to be changed."""
    folder = tmp_path_factory.mktemp("sample") / "data"
    assert call("sample", folder, "--duplexes", 30).code == 0
    return folder


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, data: Path, tiny: list[str]) -> Path:
    """A finished run; not to be changed."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    outcome = call("train", data / "train_data.csv", *tiny, "--run", folder)
    assert outcome.code == 0, outcome.err
    return folder


@pytest.fixture
def read() -> Callable[[Path], pd.DataFrame]:
    """Read a CSV file with every value as text."""
    return lambda path: pd.read_csv(path, dtype=str, keep_default_na=False)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, since `runs/` and `submissions/` are made in the current one."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def training(data: Path) -> pd.DataFrame:
    return pd.read_csv(data / "train_data.csv", dtype=str, keep_default_na=False)


@pytest.fixture(scope="session")
def testing(data: Path) -> pd.DataFrame:
    return pd.read_csv(data / "test.csv", dtype=str, keep_default_na=False)


@pytest.fixture
def refused(cli):
    """Run a command that must end with one message and without a traceback."""

    def refuse(*arguments: object, code: int = 1) -> str:
        outcome = cli(*arguments)
        assert "Traceback" not in outcome.err, outcome.err
        assert outcome.code == code, outcome
        assert re.findall("^error: ", outcome.err, re.MULTILINE) == ["error: "], outcome.err
        return outcome.err

    return refuse
