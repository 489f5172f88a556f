"""Odd cells in every column: a training table and a test file get the same messages."""

import csv
import re
from dataclasses import dataclass

import pytest

from sirna.config.config import Config
from sirna.config.roles import BASES, CATEGORIES, ROLES, TOKENS
from sirna.errors import SirnaError
from sirna.table.check_table import read_table
from sirna.table.report import Purpose

COLUMNS = Config().columns
ROW, ID = 4, "14"
SILENT, SAID, REFUSED = "silent", "said", "refused"
NAMES = tuple(role for role in (*CATEGORIES, "duplex") if role in COLUMNS)
USUAL = "{}"
"""Stands for what the row has without a change."""

# role -> odd cell -> what a training says about it; a test file is predicted in any case
CELLS = {
    **{
        role: {
            " {} ": SILENT,
            "5'-{}-3'": SILENT,
            "A": SAID,
            "t": SAID,
            "ACGUACGUA": SAID,
            "Af": REFUSED,
            "s": REFUSED,
            "?": REFUSED,
            "<pad>": REFUSED,
            "<unk>": REFUSED,
            "ACGUACGUAC\0GUACGU": REFUSED,
            "\0": REFUSED,
            'ACGUAC"GUACGUACGU': REFUSED,
            '"ACGUACGUACGUACGU"': REFUSED,
            "'ACGUACGUACGUACGU'": REFUSED,
            "ACGUACGUACGUACGU\u200b": REFUSED,
            "ACGUNACGUACGUACGU": REFUSED,
            "nan": REFUSED,
            "": REFUSED,
            "A" * 65: REFUSED,
        }
        for role in BASES
    },
    **{
        role: {
            "a": SAID,
            "Af": SAID,
            "s": SAID,
            "Zz Qq": SAID,
            "<pad>": REFUSED,
            "<unk>": REFUSED,
            "Af <pad> Cf Gf": REFUSED,
            "<unk> " * 21: REFUSED,
            "['Af', '<pad>']": REFUSED,
            "\0": REFUSED,
            "Af\0Cf": REFUSED,
            'Af"Cf': REFUSED,
            "Zz": REFUSED,
            "-": REFUSED,
            "nan": REFUSED,
            "": REFUSED,
            "Af " * 201: REFUSED,
        }
        for role in TOKENS
    },
    **{
        role: {
            "Hep G2": SILENT,
            "  Hep G2 ": SILENT,
            "Hep G2\u00a0": SILENT,
            "<pad> 2": SILENT,
            'the 2 "old" ones': SILENT,
            "nan": SAID if role == "duplex" else SILENT,
            "": SAID if role == "duplex" else SILENT,
            "Hep  G2": SAID,
            "Hep\tG2": SAID,
            "Hep\u00a0G2": SAID,
            "Hep\rG2": SAID,
            "Hep\nG2": SAID,
            "Hep\0G2": SAID,
            "Hep G2\0": SAID,
            "\ufeffHep G2": SAID,
            "Hep G2\u200b": SAID,
            "Hep\u202eG2": SAID,
            "\x1b[31mHep G2": SAID,
            "\0": SAID,
        }
        for role in NAMES
    },
    "transcript": {
        "ACGU" * 20: SILENT,
        "ACGT ACGT\nACGT": SILENT,
        "ACGTNNACGTRY": SILENT,
        "": SILENT,
        "<pad>": SAID,
        "Af": SAID,
        "ACG\0U": SAID,
        'AC"GU': SAID,
        "ACGU?": SAID,
        "A" * 1_000_001: REFUSED,
    },
    "id": {
        " 14 ": SILENT,
        "<pad>": SILENT,
        'a"b': SILENT,
        "a\0b": SILENT,
    },
    **{
        role: {
            " 24 ": SILENT,
            "nan": SILENT,
            "<pad>": REFUSED,
            "2\x004": REFUSED,
            '"24"': REFUSED,
            "2 4": REFUSED,
            "inf": REFUSED,
            "-1": REFUSED,
        }
        for role in ("dose", "hours")
    },
    "dose_unit": {
        " nM ": SILENT,
        "n M": SILENT,
        "": SAID,
        "<pad>": REFUSED,
        "n\0M": REFUSED,
        '"nM"': REFUSED,
    },
    "label": {
        " 24 ": SILENT,
        "<pad>": REFUSED,
        "2\x004": REFUSED,
        '"24"': REFUSED,
        "24 %": REFUSED,
        "-101": REFUSED,
    },
}
CELLS["passenger"] = {
    cell: {"nan": SILENT, "": SILENT, "A" * 65: REFUSED}.get(
        cell, SAID if said == REFUSED else said
    )
    for cell, said in CELLS["guide"].items()
}
"""The passenger's bases are not read by default."""
CASES = [(role, cell) for role, cells in CELLS.items() for cell in cells]
ONLY_OF_TRAINING = re.compile(r"are not in the table of known tokens|repeat|counts as")
"""`sirna submit` compares tokens with those of its bundle instead, and needs no labels."""
ENDINGS = re.compile(
    r"; (?:read as missing|other letters are unknown|fill it in|so its chemistry|the rows are)"
    r"[^\n]*"
)


@dataclass(frozen=True)
class Outcome:
    refused: bool
    said: frozenset[str]
    value: object


def outcome(path, frame, role, purpose):
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerows([frame.columns, *frame.to_numpy().tolist()])
    try:
        table = read_table(path, Config(), purpose)
    except SirnaError as error:
        return Outcome(True, said(path, re.split(rf"\n(?={path})", str(error))), None)
    value = table.rows[role].iloc[ROW - 1] if role in table.rows else None
    return Outcome(False, said(path, table.notes), value)


def said(path, messages):
    """The first line of each message, without its file and what only training or submit adds."""
    heads = (message.split("\n")[0] for message in messages)
    kept = (head for head in heads if not ONLY_OF_TRAINING.search(head))
    return frozenset(ENDINGS.sub("", head.replace(f"{path}: ", "")) for head in kept)


@pytest.fixture(scope="module")
def frame(tiny_text):
    frame = tiny_text.head(20).copy()
    assert frame.loc[ROW, COLUMNS["id"]] == ID
    return frame


@pytest.fixture(scope="module")
def usual(frame, tmp_path_factory):
    path = tmp_path_factory.mktemp("usual") / "t.csv"
    return {one: outcome(path, frame, "guide", one).said for one in Purpose}


def test_every_column_is_walked_over():
    assert set(CELLS) == {role for role in ROLES if role in COLUMNS}


@pytest.mark.parametrize(("role", "cell"), CASES, ids=lambda text: repr(text)[:40])
def test_training_says_what_submitting_says(role, cell, frame, usual, tmp_path):
    changed = frame.copy()
    changed.loc[ROW, COLUMNS[role]] = cell.replace(USUAL, frame.loc[ROW, COLUMNS[role]])
    training, test = (
        outcome(tmp_path / "t.csv", changed, role, one) for one in (Purpose.TRAINING, Purpose.TEST)
    )
    said_by_training = training.said - usual[Purpose.TRAINING]
    said_by_test = test.said - usual[Purpose.TEST]
    assert not test.refused
    expected = CELLS[role][cell]
    assert training.refused == (expected == REFUSED)
    if training.refused:
        assert said_by_training
        assert said_by_training <= said_by_test
    else:
        assert said_by_training == said_by_test
        assert training.value == test.value or (training.value is None) == (test.value is None)
    named = {one for one in said_by_test if COLUMNS[role] in one}
    assert bool(named) == (expected != SILENT)


@pytest.mark.parametrize("role", NAMES)
def test_names_that_look_the_same_are_the_same(role, frame, tmp_path):
    for cell in (
        "Hep G2",
        " Hep  G2",
        "Hep\tG2\u00a0",
        "Hep\r\nG2",
        "Hep\0 G2",
        "\ufeffHep G2\u200b",
    ):
        changed = frame.copy()
        changed.loc[ROW, COLUMNS[role]] = cell
        for purpose in (Purpose.TRAINING, Purpose.TEST):
            assert outcome(tmp_path / "t.csv", changed, role, purpose).value == "Hep G2"


@pytest.mark.parametrize("cell", ["\0", "\u200b", "\u00a0\t"])
def test_a_name_of_nothing_visible_is_missing(cell, frame, tmp_path):
    changed = frame.copy()
    changed.loc[ROW, COLUMNS["target"]] = cell
    value = outcome(tmp_path / "t.csv", changed, "target", Purpose.TEST).value
    assert value is None or value != value  # noqa: PLR0124 - NaN
