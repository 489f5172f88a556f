"""README and docs are correct: their links, commands, settings and examples work."""

import re
import shlex
import shutil
import tomllib
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from sirna.cli import app
from sirna.config.config import Config
from sirna.config.load import load_config
from sirna.notation.known_tokens import CAPS, CHEMISTRIES
from sirna.protocols.protocol import Protocol
from sirna.simulate.simulate import simulate

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.S | re.M)


@dataclass(frozen=True)
class Found:
    """Something that a document says, and where."""

    document: Path
    text: str

    def __str__(self) -> str:
        return f"{self.document.name}: {self.text[:60]}"


def _blocks(language):
    return [
        Found(document, text)
        for document in DOCUMENTS
        for name, text in FENCED.findall(document.read_text())
        if name == language
    ]


def _commands(program):
    """Lines of unmarked blocks and inline code that call a program."""
    found = []
    for document in DOCUMENTS:
        text = document.read_text().replace("\\\n", " ")
        lines = [line for name, block in FENCED.findall(text) for line in block.splitlines()]
        lines += re.findall(r"`([^`\n]+)`", FENCED.sub("", text))
        found += [Found(document, line) for line in lines if line.startswith(program + " ")]
    return found


def _settings():
    """Inline code of the form section.key or --set section.key=value."""
    sections = "|".join(Config.model_fields)
    pattern = re.compile(rf"`(?:--set )?'?((?:{sections})\.[a-z_.]+)(?:=[^`]*)?`")
    return [
        Found(document, key)
        for document in DOCUMENTS
        for key in pattern.findall(FENCED.sub("", document.read_text()))
    ]


def _links():
    pattern = re.compile(r"!?\[[^\]]*\]\(([^)]+)\)")
    return [
        Found(document, link)
        for document in DOCUMENTS
        for link in pattern.findall(_without_code(document.read_text()))
    ]


def _without_code(text):
    """Leave out fenced code, and inline code that is not the text of a link."""
    return re.sub(r"(?<!\[)`[^`\n]+`", "", FENCED.sub("", text))


def _anchors(document):
    """The anchors of a document's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", document.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@cache
def _help(command):
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0, f"there is no command {command}"
    return shown.output


@pytest.mark.parametrize("link", _links(), ids=str)
def test_every_link_has_a_target(link):
    if link.text.startswith("http"):
        return
    path, _, anchor = link.text.partition("#")
    leads_to = (link.document.parent / path) if path else link.document
    assert leads_to.exists()
    assert not anchor or anchor in _anchors(leads_to)


@pytest.mark.parametrize("command", _commands("sirna"), ids=str)
def test_every_command_exists_with_its_options(command):
    _, name, *words = shlex.split(command.text, comments=True)
    for option in (word for word in words if word.startswith("--")):
        assert re.search(rf"^\s+(-\w, )?{option}\b", _help(name), re.M), option


@pytest.mark.parametrize("command", _commands("sirna"), ids=str)
def test_every_setting_and_configuration_of_a_command_loads(command):
    words = shlex.split(command.text, comments=True)
    values = list(pairwise(words))
    changes = [value for option, value in values if option == "--set" and ".mine" not in value]
    files = [ROOT / value for option, value in values if option == "--config"]
    load_config(None, changes=changes)
    for file in files:
        assert file.exists() or "configs" not in file.parts, file


@pytest.mark.parametrize("setting", _settings(), ids=str)
def test_every_setting_that_is_named_exists(setting):
    settings = Config().model_dump()
    for key in setting.text.split("."):
        assert isinstance(settings, dict), setting
        assert key in settings
        settings = settings[key]


@pytest.mark.parametrize("block", _blocks("toml"), ids=str)
def test_every_configuration_that_is_shown_loads(block, tmp_path):
    tomllib.loads(block.text)
    (tmp_path / "shown.toml").write_text(block.text)
    load_config(tmp_path / "shown.toml")


@pytest.mark.parametrize("command", _commands("python"), ids=str)
def test_every_benchmark_exists_with_its_options(command):
    script, *words = shlex.split(command.text, comments=True)[1:]
    text = (ROOT / script).read_text()
    for option in (word for word in words if word.startswith("--")):
        assert f'"{option}"' in text, option


@pytest.mark.parametrize("command", _commands("make"), ids=str)
def test_every_make_target_exists(command):
    target = command.text.split()[1]
    assert f"\n{target}:" in (ROOT / "Makefile").read_text()


def test_the_example_of_the_readme_runs(monkeypatch):
    monkeypatch.chdir(ROOT / "tests" / "golden" / "schema-9")
    (example,) = (block for block in _blocks("python") if block.document.name == "README.md")
    names: dict[str, object] = {}
    text = example.text.replace("runs/<run>", "bundle").replace("test.csv", "../test.csv")
    exec(text, names)  # noqa: S102 - our own text
    assert len(names["predicted"]) == 10


def test_the_tutorial_runs_from_its_first_line_to_the_last(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "tests" / "golden" / "schema-9", tmp_path / "runs" / "demo")
    shutil.copy(ROOT / "tests" / "golden" / "test.csv", tmp_path)
    simulate(duplexes=30, seed=1).train.to_csv("train_data.csv", index=False)
    text = "".join(b.text for b in _blocks("python") if b.document.name == "python.md")
    names: dict[str, object] = {}
    exec(text, names)  # noqa: S102 - our own text
    assert names["interval"].shape == (len(names["points"]), 2)
    assert len(names["scores"]) == 2
    assert names["effects"]["id"].nunique() == 3


def test_the_protocol_of_the_example_splits_rows():
    (example,) = (block for block in _blocks("python") if block.document.name == "extending.md")
    protocol = eval(example.text, {"Protocol": Protocol})  # noqa: S307 - our own text
    rows = pd.DataFrame({"publication": pd.array(["a", None, "a"], "string")})
    assert list(protocol.groups(rows)) == ["a", "none", "a"]


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().split()) <= 1500


def test_the_documented_tokens_are_the_known_ones() -> None:
    """`docs/notations.md` lists a token, a letter and a HELM nucleotide for every chemistry."""
    text = (ROOT / "docs" / "notations.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `") and "(A)`" in line]
    listed = {row.split("`")[1] for row in rows}
    assert listed == {one.token_of("A") for one in CHEMISTRIES}
    for one in CHEMISTRIES:
        row = next(row for row in rows if f"`{one.token_of('A')}`" in row)
        helm = one.helm[0]
        assert f"`{helm if len(helm) == 1 else f'[{helm}]'}(A)`" in row
        assert not one.prefix or f"`{one.prefix}A`" in row
    for cap in CAPS:
        assert f"`{cap.token}`" in text.split("Without a base")[1]
