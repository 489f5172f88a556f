import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

import pandas as pd
import pytest

from sirna.members.network import fit as loop

TIMES = ["seconds", "rows_per_second"]
EPOCHS = 5


@pytest.fixture(scope="module")
def long(tiny: list[str]) -> list[str]:
    return [*tiny, "--set", f"train.epochs={EPOCHS}", "--set", "train.batch_rows=64"]


@pytest.fixture(scope="module")
def whole(
    data: Path, long: list[str], tmp_path_factory: pytest.TempPathFactory, cli
) -> Callable[..., Path]:
    """Train without an interruption, once for given options."""
    made: dict[tuple[str, ...], Path] = {}

    def train(*options: str) -> Path:
        if options not in made:
            run = tmp_path_factory.mktemp("whole") / "run"
            command = ("train", data / "train_data.csv", *long, *options, "--run", run)
            assert cli(*command).code == 0
            made[options] = run
        return made[options]

    return train


def kill_at(line: str, time: int, process: Popen[str]) -> None:
    """Kill a process when it prints a line that begins so for the nth time."""
    assert process.stdout is not None
    for printed in process.stdout:
        time -= printed.startswith(line)
        if time == 0:
            process.kill()
            return
    raise AssertionError("the training ended before it was killed")


def figures(run: Path) -> dict[str, object]:
    """Return the figures that an interruption must not change."""
    figures = json.loads((run / "metrics.json").read_text())
    return {key: figures[key] for key in figures if key not in {*TIMES, "peak_memory_mb"}}


def assert_same_run(run: Path, other: Path) -> None:
    assert figures(run) == figures(other)
    names = sorted(path.name for path in (run / "bundle").glob("*.safetensors"))
    assert names == sorted(path.name for path in (other / "bundle").glob("*.safetensors"))
    for name in ("oof.csv", "splits.csv", "config.toml", *(f"bundle/{name}" for name in names)):
        assert (run / name).read_bytes() == (other / name).read_bytes(), name
    logs = [pd.read_csv(folder / "log.csv").drop(columns=TIMES) for folder in (run, other)]
    pd.testing.assert_frame_equal(*logs)


@pytest.mark.parametrize(
    ("number", "options", "line", "time"),
    [
        (signal.SIGINT, [], "epoch   1/", 1),
        (signal.SIGTERM, ["--folds", "2"], "fold 1:", 1),
        (signal.SIGTERM, ["--set", "train.networks=2"], "epoch   1/", 2),
        (signal.SIGTERM, ["--set", "train.refit=true"], "all rows: ", 1),
    ],
    ids=["first epoch", "second fold", "second network", "training on all rows"],
)
def test_a_resumed_run_equals_the_uninterrupted_one(
    number: signal.Signals,
    options: list[str],
    line: str,
    time: int,
    data: Path,
    ok,
    long: list[str],
    whole: Callable[..., Path],
    signal_at,
) -> None:
    with signal_at(line, time, number):
        stopped = ok("train", data / "train_data.csv", *long, *options, "--run", "torn")
    assert "sirna train --resume --run torn" in stopped.out
    early = "what is finished (network: 1, Gaussian process: 0, trees: 0)"
    assert (early in " ".join(stopped.err.split())) == (line == "epoch   1/" and not options)
    assert json.loads(Path("torn/metrics.json").read_text())["interrupted"]
    assert f"epoch   {EPOCHS}/{EPOCHS}" not in stopped.out or options
    submitted = ok("submit", data / "test.csv", "--run", "torn", "--out", "torn.csv")
    assert "15 rows" in submitted.out
    done = len(pd.read_csv("torn/log.csv"))
    resumed = ok("train", "--resume", "--run", "torn").out
    assert_same_run(whole(*options), Path("torn"))
    left = len(pd.read_csv("torn/log.csv")) - done
    assert resumed.count("  loss ") == left  # no epoch is trained twice
    assert "nothing is left to do" in ok("train", "--resume", "--run", "torn").out


@pytest.mark.parametrize(
    ("options", "line", "time"),
    [("train.networks=2", "epoch   2/", 2), ("train.refit=true", "all rows: Gaussian", 1)],
    ids=["second network", "training on all rows"],
)
def test_a_killed_run_that_is_resumed_equals_the_uninterrupted_one(
    options: str, line: str, time: int, data: Path, ok, long, whole, spawn
) -> None:
    process = spawn("train", data / "train_data.csv", *long, "--set", options, "--run", "torn")
    kill_at(line, time, process)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    done = len(pd.read_csv("torn/log.csv"))
    resumed = ok("train", "--resume", "--run", "torn").out
    assert_same_run(whole("--set", options), Path("torn"))
    left = len(pd.read_csv("torn/log.csv")) - done
    # the kill may have come between an epoch's end and its line in the log
    assert resumed.count("  loss ") in {left, left - 1}


@pytest.fixture
def signalled(monkeypatch: pytest.MonkeyPatch):
    """Within this context, signals arrive before the first step of a training."""

    @contextmanager
    def arriving(count: int) -> Iterator[None]:
        start = loop.start

        def later(*arguments: object) -> object:
            for _ in range(count):
                os.kill(os.getpid(), signal.SIGINT)
            return start(*arguments)  # type: ignore[arg-type]

        with monkeypatch.context() as patch:
            patch.setattr(loop, "start", later)
            yield

    return arriving


def test_a_stop_before_the_first_epoch_is_reported_and_can_be_resumed(
    run: Path, data: Path, cli, ok, tiny: list[str], signalled
) -> None:
    with signalled(1):
        outcome = cli("train", data / "train_data.csv", *tiny, "--run", "runs/torn")
    assert outcome.code == 1
    assert "Traceback" not in outcome.err
    assert "runs/torn" in outcome.err
    assert not Path("runs/torn/bundle").exists()
    ok("train", "--resume")
    assert_same_run(run, Path("runs/torn"))


def test_signal_handlers_are_restored_after_a_training(data, ok, tiny) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    ok("train", data / "train_data.csv", *tiny, "--run", "run")
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_second_signal_ends_the_process_without_a_traceback(data, tiny, cli, signalled) -> None:
    with signalled(2):
        outcome = cli("train", data / "train_data.csv", *tiny, "--run", "run")
    assert outcome.code not in {0, 70}
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    "options",
    [["--set", "train.epochs=9"], ["--folds", "3"], ["--check"], ["--seed", "1"]],
    ids=" ".join,
)
def test_resuming_accepts_no_other_settings(options: list[str], run: Path, cli) -> None:
    outcome = cli("train", "--resume", "--run", run, *options)
    assert outcome.code == 2
    assert "--run DIR only" in outcome.err


def test_resuming_without_a_run_is_refused(cli, data: Path) -> None:
    for options in ([], ["--run", data], ["--run", "absent"]):
        outcome = cli("train", "--resume", *options)
        assert outcome.code == 2
        assert "no " in outcome.err
        assert "Traceback" not in outcome.err


def interrupted(data: Path, ok, tiny: list[str]) -> Path:
    """Make a run that looks as if it had been stopped after its last epoch."""
    ok("train", data / "train_data.csv", *tiny, "--run", "torn")
    return as_interrupted()


def as_interrupted() -> Path:
    figures = json.loads(Path("torn/metrics.json").read_text())
    Path("torn/metrics.json").write_text(json.dumps(figures | {"interrupted": True}))
    return Path("torn")


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no splits": (lambda run: (run / "splits.csv").unlink(), "splits.csv"),
    "no digest": (lambda run: (run / "last/training.sha256").unlink(), "torn"),
    "metrics cut off": (lambda run: (run / "metrics.json").write_text("{"), "torn/metrics.json"),
    "metrics of another kind": (
        lambda run: (run / "metrics.json").write_text("[]"),
        "torn/metrics",
    ),
    "state without an entry": (
        lambda run: (run / "last/fold-0/network-0/facts.json").write_text("{}"),
        "network-0: cannot be resumed (the weight",
    ),
    "state absent": (
        lambda run: (run / "last/fold-0/network-0/facts.json").unlink(),
        "network-0: cannot be resumed",
    ),
    "tensors absent": (
        lambda run: (run / "last/fold-0/network-0/tensors.safetensors").unlink(),
        "network-0: cannot be resumed",
    ),
    "tensors cut off": (
        lambda run: (run / "last/fold-0/network-0/tensors.safetensors").write_bytes(b"x"),
        "network-0",
    ),
    "state cut off": (
        lambda run: (run / "last/fold-0/network-0/facts.json").write_text("{"),
        "network-0",
    ),
    "another network": (
        lambda run: (run / "config.toml").write_text(
            (run / "config.toml").read_text().replace("hidden = 8", "hidden = 9")
        ),
        "network-0: cannot be resumed (the weight",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_run_is_not_resumed(name: str, run: Path, cli) -> None:
    damage, expected = DAMAGE[name]
    torn = Path(shutil.copytree(run, "torn"))
    as_interrupted()
    damage(torn)
    outcome = cli("train", "--resume", "--run", torn)
    assert outcome.code == 1, outcome.err
    assert "Traceback" not in outcome.err
    assert expected in outcome.err
    faults = [line for line in outcome.err.splitlines() if not line.startswith("note: ")]
    assert len(faults) == 1


def test_a_run_without_metrics_writes_them_again(data, ok, tiny) -> None:
    run = interrupted(data, ok, tiny)
    before = figures(run)
    (run / "metrics.json").unlink()
    ok("train", "--resume", "--run", run)
    assert figures(run) == before | {"interrupted": False}


def test_a_misspelt_run_gets_a_suggestion(data, cli, ok, tiny) -> None:
    interrupted(data, ok, tiny)
    for command in (("train", "--resume"), ("submit", data / "test.csv")):
        assert "did you mean 'torn'" in cli(*command, "--run", "tron").err


def test_a_run_whose_table_has_changed_is_not_resumed(data, cli, ok, tiny, tmp_path) -> None:
    table = tmp_path / "train_data.csv"
    table.write_bytes((data / "train_data.csv").read_bytes())
    interrupted(tmp_path, ok, tiny)
    table.write_bytes(b"\n".join(table.read_bytes().splitlines()[:-1]))
    outcome = cli("train", "--resume", "--run", "torn")
    assert outcome.code == 1
    assert "has changed since" in outcome.err
    assert "start a new run" in outcome.err
