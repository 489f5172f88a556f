"""Checked rows that are kept on the disk come back as they were, or are checked again."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sirna.config.config import Config
from sirna.errors import SirnaError
from sirna.table import kept_blocks
from sirna.table.kept_blocks import KeptBlocks
from sirna.table.stream import Reading, Stream

MIXED = pd.DataFrame(
    {
        "id": pd.Series(["a", "Ü\n", ""], dtype="str"),
        "guide": pd.Series(["ACGU", None, "A"], dtype="str"),
        "nothing": pd.Series([None, None, None], dtype="str"),
        "match": pd.Series(["yes", np.nan, "no"], dtype=object),
        "dose": [1.5, np.nan, -0.0],
        "whole": [1, 2, 3],
        "flag": [True, False, True],
    }
)


class FullDisk(io.BytesIO):
    """Takes so many bytes and no more."""

    def __init__(self, room):
        super().__init__()
        self.room = room

    def write(self, data):
        if self.tell() + len(data) > self.room:
            raise OSError(28, "No space left on device")
        return super().write(data)


def no_file(**options):
    raise OSError(28, "No space left on device")


def test_blocks_come_back_as_they_were_in_any_order():
    kept, blocks = KeptBlocks(), [MIXED, MIXED.iloc[:1], MIXED.iloc[:0]]
    for rows in blocks:
        kept.add(rows)
    for number in (2, 0, 1, 0):
        found = kept.read(number)
        pd.testing.assert_frame_equal(found, blocks[number])
        assert list(map(type, found["match"])) == list(map(type, blocks[number]["match"]))
        assert np.signbit(found["dose"]).tolist() == np.signbit(blocks[number]["dose"]).tolist()
    assert kept.read(3) is None
    kept.close()
    assert kept.read(0) is None


def test_after_a_failure_nothing_is_kept(monkeypatch):
    monkeypatch.setattr(kept_blocks.tempfile, "TemporaryFile", lambda **options: FullDisk(4000))
    kept = KeptBlocks()
    for _ in range(9):
        kept.add(MIXED)
    assert [kept.read(number) for number in range(9)] == [None] * 9


@pytest.fixture
def table(tmp_path):
    names = Config().columns
    path = tmp_path / "test.csv"
    guides = ["".join("ACGU"[(row >> place) % 4] for place in range(21)) for row in range(24)]
    rows = {names["id"]: [f"r{row}" for row in range(24)], names["guide"]: guides}
    pd.DataFrame(rows | {names["dose"]: "10 nM"}).to_csv(path, index=False)
    return path


def stream(path):
    return Stream([path], path.name, Config(), Reading(block_rows=5))


def device(**options):
    """A file of the system whose disk is always full; it complains again when it is closed."""
    return Path("/dev/full").open("r+b")


ROOMS = {"no file": no_file, "no room": lambda **options: FullDisk(0)}
if Path("/dev/full").exists():
    ROOMS["a full disk"] = device


@pytest.mark.parametrize("room", ROOMS.values(), ids=ROOMS)
def test_without_room_on_the_disk_rows_are_checked_again(room, table, monkeypatch):
    usual = [block.rows for block in stream(table).blocks()]
    monkeypatch.setattr(kept_blocks.tempfile, "TemporaryFile", room)
    again = [block.rows for block in stream(table).blocks()]
    pd.testing.assert_frame_equal(pd.concat(again), pd.concat(usual))


def test_a_block_that_was_kept_is_not_checked_again(table, monkeypatch):
    found = stream(table)
    monkeypatch.setattr("sirna.table.stream.check_rows", None)
    assert sum(map(len, found.blocks())) == 24


def test_rows_that_were_damaged_on_the_disk_are_checked_again(table, monkeypatch):
    usual, files = [block.rows for block in stream(table).blocks()], []

    def remembered(**options):
        files.append(io.BytesIO())
        return files[-1]

    monkeypatch.setattr(kept_blocks.tempfile, "TemporaryFile", remembered)
    found = stream(table)
    files[-1].truncate(200)
    pd.testing.assert_frame_equal(
        pd.concat([block.rows for block in found.blocks()]), pd.concat(usual)
    )


@pytest.mark.parametrize("after", [0, 2])
def test_a_file_that_changes_while_it_is_read_is_refused(after, table):
    blocks = stream(table).blocks()
    for _ in range(after):
        next(blocks)
    table.write_text(table.read_text().replace("10 nM", "11 nM,"))
    with pytest.raises(SirnaError, match=r"test.csv: has changed while it was read"):
        list(blocks)
