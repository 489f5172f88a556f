"""What the README says is so."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sirna.cli import app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.S)
COMMANDS = sorted(
    {
        line.split("#")[0].strip()
        for _, block in BLOCKS
        for line in block.splitlines()
        if line.startswith("sirna ")
    }
)


def test_there_are_commands_to_check():
    assert {command.split()[1] for command in COMMANDS} == {
        "sample",
        "train",
        "tune",
        "submit",
        "score",
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_exists(command):
    _, name, *words = command.split()
    told = CliRunner().invoke(app, [name, "--help"])
    assert told.exit_code == 0
    for option in (word for word in words if word.startswith("--")):
        assert re.search(rf"^\s+{option}\b", told.output, re.M), option


def test_the_python_example_runs(monkeypatch):
    monkeypatch.chdir(ROOT / "tests" / "golden")
    example = next(block for language, block in BLOCKS if language == "python")
    names: dict[str, object] = {}
    exec(example.replace("runs/<run>/bundle", "bundle"), names)  # noqa: S102 - our own text
    assert len(names["points"]) == len(names["table"])


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_every_link_leads_somewhere(link):
    assert link.startswith("http") or (ROOT / link).exists()


def test_make_knows_the_targets_named():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`?make (\w+)", README):
        assert f"\n{target}:" in makefile
