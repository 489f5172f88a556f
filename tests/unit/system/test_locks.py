"""Locks between processes."""

import contextlib
import multiprocessing

import pytest

from sirna.errors import UsageError
from sirna.system.locks import append_line, locked, shared_lock, try_lock, wait_for_sharers


def test_only_one_process_can_lock_a_folder(tmp_path):
    with (
        locked(tmp_path / "run"),
        pytest.raises(UsageError, match="another process"),
        locked(tmp_path / "run"),
    ):
        pass
    with locked(tmp_path / "run"):
        assert (tmp_path / "run").is_dir()


class StillSharedError(Exception):
    """Raised instead of waiting."""


def test_sharers_are_waited_for(tmp_path):
    def wait():
        raise StillSharedError

    path = tmp_path / "workers"
    with shared_lock(path), shared_lock(path), pytest.raises(StillSharedError):
        wait_for_sharers(path, wait)
    wait_for_sharers(path, wait)


def append_many(path, number):
    for index in range(50):
        append_line(path, f"{number},{index}", "process,line")


def test_lines_of_several_processes_share_one_header(tmp_path):
    path = tmp_path / "log.csv"
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=append_many, args=(path, n)) for n in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "process,line"
    assert sorted(lines[1:]) == sorted(f"{n},{index}" for n in range(4) for index in range(50))


def test_only_one_holder_gets_the_lock_of_a_file_and_removes_it(tmp_path):
    path = tmp_path / "key.lock"
    with try_lock(path) as mine, try_lock(path) as other:
        assert (mine, other) == (True, False)
        assert path.exists()
    assert not path.exists()
    with try_lock(path) as again:
        assert again


def test_a_lock_is_released_after_an_error(tmp_path):
    path = tmp_path / "key.lock"
    with contextlib.suppress(ValueError), try_lock(path):
        raise ValueError
    with try_lock(path) as mine:
        assert mine
