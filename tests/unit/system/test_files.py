"""Files and folders are written completely or not at all."""

import gzip
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from sirna.errors import SirnaError
from sirna.system.files import (
    TakenError,
    is_draft,
    readable,
    settle,
    sha256,
    write_atomically,
    write_csv,
    write_folder,
    write_text,
)


class FullDiskError(Exception):
    """Not an OSError: whatever goes wrong, nothing half-written is left."""


def fail_after(error, name=None):
    def write(draft):
        path = draft / name if name else draft
        path.write_text("half", encoding="utf-8")
        raise error

    return write


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def filled(folder, text):
    write_folder(folder, lambda draft: (draft / "a.txt").write_text(text, encoding="utf-8"))
    return folder


def test_writing_text_creates_the_folders(tmp_path):
    path = tmp_path / "new" / "deep" / "a.txt"
    write_text(path, "2'-O-methyl µM\n")
    assert path.read_bytes() == "2'-O-methyl µM\n".encode()
    assert names(path.parent) == ["a.txt"]


@pytest.mark.parametrize("error", [OSError("disk full"), FullDiskError()])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises((SirnaError, FullDiskError)):
        write_atomically(path, fail_after(error))
    assert path.read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_failed_first_write_leaves_nothing(tmp_path):
    with pytest.raises(SirnaError, match=r"a\.txt: cannot be written \(disk full\)"):
        write_atomically(tmp_path / "a.txt", fail_after(OSError("disk full")))
    assert names(tmp_path) == []


def test_a_file_in_place_of_a_folder_is_reported(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(SirnaError, match="cannot be written"):
        write_text(tmp_path / "a.txt" / "b.txt", "new")


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_a_table_is_written_in_the_format_of_its_suffix(tmp_path, name):
    path = tmp_path / name
    frame = pd.DataFrame({"id": ["1", "2"], "note": ["a,b", "µ"]})
    write_csv(path, frame)
    content = path.read_bytes()
    text = gzip.decompress(content) if name.endswith("gz") else content
    assert text.decode() == 'id,note\n1,"a,b"\n2,µ\n'


@pytest.mark.parametrize("error", [OSError("disk full"), FullDiskError()])
def test_a_failed_write_leaves_the_old_folder_and_nothing_else(tmp_path, error):
    folder = filled(tmp_path / "bundle", "old")
    with pytest.raises((SirnaError, FullDiskError)):
        write_folder(folder, fail_after(error, "a.txt"))
    assert (folder / "a.txt").read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == ["bundle"]


def test_a_new_folder_replaces_the_old_one(tmp_path):
    folder = filled(tmp_path / "bundle", "old")
    (folder / "left-over.txt").touch()
    filled(folder, "new")
    assert names(folder) == ["a.txt"]
    assert (folder / "a.txt").read_text(encoding="utf-8") == "new"
    assert names(tmp_path) == ["bundle"]


def test_a_reader_finds_the_old_folder_during_a_swap_and_writes_nothing(tmp_path):
    folder = filled(tmp_path / "bundle", "old")
    folder.rename(tmp_path / ".bundle.old")
    assert (readable(folder) / "a.txt").read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == [".bundle.old"]
    assert readable(tmp_path / "absent") == tmp_path / "absent"


def leave_drafts(folder):
    """Leave what killed processes leave: drafts, and folders on their way out."""
    for path in (folder / ".7.a.txt", folder / "last/.7.b.txt", folder / ".999999999.c/d.txt"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (folder / "last" / ".fold.old").mkdir()
    (folder / "last" / ".fold.old" / "kept.txt").touch()
    (folder / ".last.old").mkdir()


def test_settling_removes_drafts_and_moves_a_folder_back(tmp_path):
    leave_drafts(tmp_path)
    settle(tmp_path)
    assert names(tmp_path) == ["last"]
    assert names(tmp_path / "last") == ["fold"]
    assert names(tmp_path / "last" / "fold") == ["kept.txt"]


@pytest.mark.parametrize("name", [".7.a.txt", ".123.bundle", ".bundle.old"])
def test_drafts_are_recognised_by_their_names(name):
    assert is_draft(Path("runs") / name)


@pytest.mark.parametrize("name", ["a.txt", ".hidden", "7.a.txt", "last", ".x.txt"])
def test_other_names_are_not_those_of_drafts(name):
    assert not is_draft(Path("runs") / name)


def test_a_draft_of_a_dead_process_is_removed_when_its_file_is_written(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (tmp_path / f".{dead.pid}.a.txt").touch()
    alive = tmp_path / f".{os.getppid()}.a.txt"
    alive.touch()
    write_text(tmp_path / "a.txt", "new")
    assert names(tmp_path) == [alive.name, "a.txt"]


def test_what_is_read_back_must_be_what_was_written(tmp_path):
    def refuse(draft):
        raise ValueError("a torn row")

    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(SirnaError, match=r"a\.txt: was not written: .*\(a torn row\)"):
        write_atomically(tmp_path / "a.txt", lambda draft: draft.write_text("new"), refuse)
    filled(tmp_path / "bundle", "old")
    with pytest.raises(SirnaError, match=r"bundle: was not written: .*\(a torn row\)"):
        write_folder(tmp_path / "bundle", lambda draft: (draft / "b").touch(), refuse)
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == ["a.txt", "bundle"]
    assert names(tmp_path / "bundle") == ["a.txt"]


def test_a_file_that_must_be_new_replaces_none(tmp_path):
    frame = pd.DataFrame({"id": ["1"]})
    write_csv(tmp_path / "a.csv", frame, replace=False)
    with pytest.raises(TakenError):
        write_csv(tmp_path / "a.csv", frame.assign(id="2"), replace=False)
    assert (tmp_path / "a.csv").read_text(encoding="utf-8") == "id\n1\n"
    assert names(tmp_path) == ["a.csv"]


def test_content_reaches_the_disk_before_its_name(tmp_path, monkeypatch):
    done = []
    fsync, replace, rename = os.fsync, Path.replace, Path.rename

    def record(what, call):
        def called(*arguments):
            done.append(what)
            return call(*arguments)

        return called

    monkeypatch.setattr(os, "fsync", record("fsync", fsync))
    monkeypatch.setattr(Path, "replace", record("rename", replace))
    monkeypatch.setattr(Path, "rename", record("rename", rename))
    write_text(tmp_path / "a.txt", "new")
    assert done == ["fsync", "rename", "fsync"]  # the file; the name; the folder
    done.clear()
    filled(tmp_path / "bundle", "new")
    assert done == ["fsync", "fsync", "rename", "fsync"]  # the file in it and itself first


def test_a_folder_is_replaced_where_folders_cannot_be_exchanged(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "other")
    filled(filled(tmp_path / "bundle", "old"), "new")
    assert (tmp_path / "bundle" / "a.txt").read_text(encoding="utf-8") == "new"
    assert names(tmp_path) == ["bundle"]


def test_the_digest_is_that_of_the_content(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc" * 100_000)
    assert sha256(path) == hashlib.sha256(b"abc" * 100_000).hexdigest()
