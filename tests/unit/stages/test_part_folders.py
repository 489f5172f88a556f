"""The folder of the parts; ``file://`` stands for a storage."""

import shutil

import pytest

from sirna.errors import SirnaError
from sirna.stages import part_folders
from sirna.stages.console import Console
from sirna.stages.part_folders import RECORD, LocalFolder, part_folder
from sirna.system.files import sha256
from sirna.system.remote import Remote

KINDS = ["here", "at an address"]


class Notes(Console):
    """Collects notes."""

    def __init__(self):
        super().__init__(quiet=True)
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def folder_of(kind, path):
    return part_folder(path if kind == "here" else Remote(f"file://{path}"))


def written(path, name, data=b"id\n1\n"):
    """Write a part; return what is recorded of it."""
    path.mkdir(exist_ok=True)
    (path / name).write_bytes(data)
    digest = sha256(path / name)
    return {"key": f"key of {name}", "part": name, "bytes": len(data), "sha256": digest}


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_recorded_is_known_to_the_next_command(kind, tmp_path):
    ones = [written(tmp_path / "out", name) for name in ("a.csv", "b.csv")]
    with folder_of(kind, tmp_path / "out").opened(Notes()):
        pass
    folder = folder_of(kind, tmp_path / "out")
    with folder.opened(Notes()):
        assert folder.recorded() == {}
        for one in ones:
            folder.record(one)
    folder = folder_of(kind, tmp_path / "out")
    with folder.opened(Notes()):
        assert folder.recorded() == {one["key"]: one for one in ones}
        assert all(folder.holds(one) for one in ones)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", ["absent", "shorter"])
def test_a_part_that_is_absent_or_torn_is_not_held(kind, change, tmp_path):
    one = written(tmp_path / "out", "a.csv")
    if change == "absent":
        (tmp_path / "out" / "a.csv").unlink()
    else:
        (tmp_path / "out" / "a.csv").write_bytes(b"id\n")
    folder = folder_of(kind, tmp_path / "out")
    with folder.opened(Notes()):
        assert not folder.holds(one)


@pytest.mark.parametrize("kind", KINDS)
def test_torn_lines_of_a_record_are_left_out(kind, tmp_path):
    (tmp_path / "out" / ".parts").mkdir(parents=True)
    (tmp_path / "out" / RECORD).write_text('{"key": "a", "part": "a.csv"}\n{"key": "b", "pa')
    folder = folder_of(kind, tmp_path / "out")
    with folder.opened(Notes()):
        assert list(folder.recorded()) == ["a"]


def test_a_record_that_cannot_be_written_hides_no_other_error(tmp_path, monkeypatch):
    monkeypatch.setattr(part_folders, "RECORD_SECONDS", 0.0)
    folder, console = folder_of("at an address", tmp_path / "out"), Notes()

    def failing():
        with folder.opened(console):
            shutil.rmtree(tmp_path / "out" / ".parts")
            (tmp_path / "out" / ".parts").write_text("a file")
            folder.record(written(tmp_path / "out", "a.csv"))
            raise LookupError("the real error")

    with pytest.raises(LookupError, match="the real error"):
        failing()
    (note,) = console.notes
    assert "done.jsonl: cannot be used" in note
    assert "what the record lacks is predicted again" in note


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_predicted(tmp_path):
    (tmp_path / "out").write_text("a file")
    with (
        pytest.raises(SirnaError, match="cannot be used"),
        folder_of("at an address", tmp_path / "out").opened(Notes()),
    ):
        pytest.fail("parts would be predicted")


def test_a_folder_of_this_machine_stays_one(tmp_path):
    assert isinstance(part_folder(tmp_path), LocalFolder)
