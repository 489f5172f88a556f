"""The command in a separate process: its help, its imports, its output in a pipe."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "pandas", "numpy", "safetensors", "tqdm", "rich.console", "sirna.config.load")


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


@pytest.mark.parametrize(
    "arguments", [None, ["--help"], ["--version"], ["train", "--help"], ["submit", "--nonsense"]]
)
def test_help_version_and_bad_usage_import_nothing_heavy(arguments: list[str] | None) -> None:
    start = "import sirna" if arguments is None else "from sirna.cli import app; app()"
    heavy = HEAVY if arguments else (*HEAVY, "pydantic")  # typer itself reads options by pydantic
    code = (
        "import atexit, sys; "
        f"atexit.register(lambda: print([m for m in {heavy} if m in sys.modules])); {start}"
    )
    assert python(code, *(arguments or [])).stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(("given", "expected"), [(None, "10000"), ("77", "77")])
def test_waiting_threads_release_the_cpu(given: str | None, expected: str) -> None:
    """With OMP_DISPLAY_ENV, OpenMP prints the settings that it uses."""
    rest = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    found = subprocess.run(
        [sys.executable, "-m", "sirna.cli", "score", "absent.csv", "absent.csv"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=rest | {"OMP_DISPLAY_ENV": "verbose"} | ({"GOMP_SPINCOUNT": given} if given else {}),
    )
    assert "absent.csv" in found.stderr
    if "GOMP_SPINCOUNT" not in found.stderr:
        pytest.skip("this PyTorch computes without GNU OpenMP")
    assert f"GOMP_SPINCOUNT = '{expected}'" in found.stderr


def test_output_without_a_terminal_has_no_control_characters(
    run: Path, data, tiny, spawn, cli
) -> None:
    commands = (
        ("train", data / "train_data.csv", *tiny, "--run", "run"),
        ("submit", data / "test.csv", "--run", run),
        ("--help",),
        ("train", "--epochs"),
    )
    here = [cli(*command) for command in commands[:2]]
    processes = [spawn(*command) for command in commands[2:]]
    printed = [(outcome.out, outcome.err) for outcome in here]
    printed += [process.communicate(timeout=60) for process in processes]
    for streams, command in zip(printed, commands, strict=True):
        assert any(streams)
        for text in streams:
            odd = [character for character in text if ord(character) < 32 and character != "\n"]
            assert not odd, (command, text)
    assert "epoch   2/2" in printed[0][0]
