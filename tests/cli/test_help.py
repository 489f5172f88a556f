"""The help of every command, the completion of the shell, and what is printed on a terminal."""

import json
import os
import pty
import re
import select
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from typer.main import get_command

import sirna
from sirna.cli import app

COMMANDS = sorted(get_command(app).commands)
WIDTH = 80


def examples(text):
    """The commands under "Examples:"."""
    return re.findall(r"^  (sirna .+)$", text.partition("Examples:")[2], re.MULTILINE)


def test_help_names_every_command_in_full_and_the_version_is_printed(ok):
    text = ok("--help").out
    for command in COMMANDS:
        assert re.search(rf"^  {command} +\S", text, re.MULTILINE)
    assert "..." not in text.partition("\n")[2]  # nothing is cut
    assert text.index("Make a model") < text.index("Predict:") < text.index("Look at results")
    assert len(examples(text)) == 3
    assert sirna.__version__ in ok("--version").out


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_ends_with_three_examples_that_can_be_typed(ok, command):
    text = ok(command, "--help").out
    found = examples(text)
    assert len(found) == 3
    for line in found:
        words = shlex.split(line.split(" | ")[0])
        assert words[:2] == ["sirna", command]
        for option in (word for word in words if word.startswith("--")):
            assert re.search(rf"^  (-\w, )?{option}\b", text, re.MULTILINE), option
    assert re.search(r"^(Reads|Writes): ", text, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained_in_a_group_and_fits_the_screen(ok, command):
    text = ok(command, "--help").out
    assert all(len(line) <= WIDTH for line in text.splitlines()), text
    title, groups = "", {}
    for line in text.splitlines():
        if heading := re.fullmatch(r"(\w.*):", line):
            title = heading[1]
        if option := re.match(r"  (?:-\w, )?(--[\w-]+)", line):
            groups.setdefault(title, []).append(option[1])
    assert groups.pop("Options") == ["--help"]
    assert {"--quiet", "--json"} <= set(groups["On the screen"])
    for parameter in get_command(app).commands[command].params:
        assert parameter.help, parameter.name


@pytest.mark.parametrize(
    ("words", "incomplete", "expected"),
    [
        ("sirna", "tr", ["train"]),
        ("sirna train --protocol", "d", ["duplex"]),
        ("sirna train --set", "train.ep", ["train.epochs="]),
        ("sirna convert in.csv out.csv --from", "h", ["helm"]),
        ("sirna submit --columns", "", ["all", "id"]),
        ("sirna submit test.csv --run", "runs/o", ["runs/one"]),
        ("sirna report", "runs/t", ["runs/two"]),
    ],
)
def test_the_shell_completes_commands_and_values(words, incomplete, expected, tmp_path):
    for name in ("one", "two"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "config.toml").touch()
    typed = f"{words} {incomplete}"
    environment = os.environ | {
        "_SIRNA_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(words.split())),
    }
    found = subprocess.run(
        [sys.executable, "-c", "from sirna.cli import app; app(prog_name='sirna')"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment,
    )
    assert found.stdout.split() == expected


@pytest.mark.parametrize(("shell", "file"), [("bash", ".bashrc"), ("zsh", ".zshrc")])
def test_completion_is_installed_for_a_shell(shell, file, tmp_path):
    found = subprocess.run(
        [sys.executable, "-m", "sirna.cli", "--install-completion", shell],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        # typer finds the shell among the parents of the process, of which a test has any
        env=os.environ
        | {"HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
    )
    assert found.returncode == 0, found.stderr
    assert (tmp_path / file).exists()


def test_the_outcome_can_be_read_by_a_machine(run: Path, data: Path, cli, tmp_path):
    commands = {
        "submit": (data / "test.csv", "--run", run),
        "score": (data / "test_truth.csv", "submissions/run/submission.csv"),
        "check": (run,),
        "report": (run,),
        "convert": (data / "test.csv", "converted.csv"),
        "explain": (data / "test.csv", "--run", run, "--most", 1),
        "sample": ("sample", "--duplexes", 20),
    }
    found = {}
    for command, arguments in commands.items():
        outcome = cli(command, *arguments, "--json")
        assert outcome.code == 0, outcome.err
        found[command] = json.loads(outcome.out)
    rows = len((data / "test.csv").read_text().splitlines()) - 1
    assert found["submit"]["rows"] == found["convert"]["rows"] == rows
    assert Path(found["submit"]["submission"]).exists()
    assert found["score"]["submission"]["rows"] == rows
    assert len(found["check"]["digest"]) == 64
    assert all(Path(path).exists() for path in found["explain"]["written"])


def test_a_training_prints_its_outcome_as_json_and_all_else_on_stderr(data, cli, tiny):
    outcome = cli("train", data / "train_data.csv", *tiny, "--json")
    found = json.loads(outcome.out)
    assert 0 < found["metrics"]["pooled"]["score"] < 1
    assert Path(found["report"]).exists()
    assert "epoch   2/2" in outcome.err


def test_a_quiet_command_prints_the_outcome_alone(run, data, ok):
    outcome = ok("submit", data / "test.csv", "--run", run, "--quiet")
    assert outcome.err == ""
    expected, written, digest = outcome.out.splitlines()
    assert expected.startswith("expected score")
    assert written.startswith("submissions/run/submission.csv: ")
    assert digest.startswith("sha256 ")


def on_terminal(*words, **environment):
    """Run `sirna` on a terminal of 120 columns and return what appears there."""
    ours, theirs = pty.openpty()
    size = {"COLUMNS": "120", "LINES": "30", "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [sys.executable, "-c", RESIZED, *map(str, words)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | size | environment,
    )
    os.close(theirs)
    text = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the process has ended
            break
        text += part
    os.close(ours)
    assert process.wait(timeout=60) == 0
    return text.decode()


RESIZED = """
import fcntl, struct, sys, termios
fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 120, 0, 0))
from sirna.cli import main
main()
"""


def test_on_a_terminal_one_bar_covers_the_whole_training(data, tiny):
    text = on_terminal("train", data / "train_data.csv", *tiny, "--folds", 2, "--run", "run")
    percent = [int(found) for found in re.findall(r"(\d+)%\|", text)]
    assert percent[0] == 0
    assert percent[-1] == 100
    assert all(one <= other for one, other in pairwise(percent))
    lines = [line.split("\r")[-1] for line in text.replace("\r\n", "\n").splitlines()]
    kinds = [line for line in lines if line.startswith("fold 1: ")]
    assert [kind.split(" on ")[0] for kind in kinds[1:]] == [
        "fold 1: network",
        "fold 1: Gaussian process",
        "fold 1: trees",
    ]
    assert "epoch " not in re.sub(r"best epoch", "", text)  # the bar shows it instead
    assert lines[-1] == "next: sirna submit TEST --run run"


def test_no_color_switches_colours_off(run, data):
    words = ("score", data / "test_truth.csv", data / "test_truth.csv")
    text = on_terminal(*words, NO_COLOR="1")
    assert "┃" in text  # a table, since this is a terminal
    assert not re.search(r"\x1b\[[0-9;]*(3[0-7]|38|4[0-7]|48|9[0-7])", text)
