"""Files and folders are written completely or not at all."""

import gzip
import hashlib
import os
from pathlib import Path

import pandas as pd
import pytest

from sirna.errors import SirnaError, UsageError
from sirna.system import files
from sirna.system.files import (
    locked,
    recover,
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


def test_a_swap_that_was_interrupted_is_recovered(tmp_path, monkeypatch):
    folder = filled(tmp_path / "bundle", "old")
    rename = Path.rename

    def cut_short(path, target):
        if Path(target) == folder:
            raise KeyboardInterrupt
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", cut_short)
        with pytest.raises(KeyboardInterrupt):
            filled(folder, "new")
    assert not folder.exists()
    assert (recover(folder) / "a.txt").read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == ["bundle"]


def test_a_swap_interrupted_after_the_new_folder_is_in_place_keeps_the_new_one(tmp_path):
    folder = filled(tmp_path / "bundle", "new")
    filled(files._old_path(folder), "old")
    assert (recover(folder) / "a.txt").read_text(encoding="utf-8") == "new"
    filled(folder, "newer")
    assert (folder / "a.txt").read_text(encoding="utf-8") == "newer"
    assert names(tmp_path) == ["bundle"]


def test_drafts_of_a_killed_process_with_the_same_id_are_ignored(tmp_path):
    # in a container every run may have the same process number
    folder, file = tmp_path / "bundle", tmp_path / "a.txt"
    files._draft(folder).mkdir()
    (files._draft(folder) / "half.txt").touch()
    files._draft(file).touch()
    assert str(os.getpid()) in files._draft(folder).name
    filled(folder, "new")
    write_text(file, "new")
    assert names(folder) == ["a.txt"]
    assert file.read_text(encoding="utf-8") == "new"


def test_recovering_an_absent_folder_creates_nothing(tmp_path):
    assert recover(tmp_path / "bundle") == tmp_path / "bundle"
    assert names(tmp_path) == []


def test_the_digest_is_that_of_the_content(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc" * 100_000)
    assert sha256(path) == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_only_one_process_can_lock_a_folder(tmp_path):
    with (
        locked(tmp_path / "run"),
        pytest.raises(UsageError, match="another process"),
        locked(tmp_path / "run"),
    ):
        pass
    with locked(tmp_path / "run"):
        assert (tmp_path / "run").is_dir()
