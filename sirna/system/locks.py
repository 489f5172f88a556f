"""Locks between processes: a folder that one process uses, and files that several append to."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from sirna.errors import SirnaError, UsageError

LOCK = "lock"
"""The file whose lock marks a folder as in use by a process."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Create a folder and lock it against other processes while the context lasts.

    The operating system also releases the lock if the process is killed.

    Raises
    ------
    UsageError
        If another process has locked it.
    SirnaError
        If it cannot be created.
    """
    busy = UsageError(
        f"{folder}: another process is using this folder; wait, or name another folder."
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / LOCK).open("w")
    except OSError as error:
        raise SirnaError(f"{folder}: cannot be written ({error})") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy from None
        if not _is_open_file(handle.fileno(), folder / LOCK):  # removed before it was locked
            raise busy
        yield


@contextlib.contextmanager
def shared_lock(path: Path) -> Iterator[None]:
    """Hold a lock that any number of processes may share; see `wait_for_sharers`."""
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield


def wait_for_sharers(path: Path, wait: Callable[[], object]) -> None:
    """Return once no process shares the lock of a file; call `wait` until then."""
    with path.open("a") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                wait()
            else:
                return


@contextlib.contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Try to lock a file against other processes; yield whether that worked.

    The file is created, and removed at the end by the process that locked it. A process may
    therefore get the lock of a file that has just been removed: look again, once it is locked,
    whether the work that it protects has been done.
    """
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            path.unlink(missing_ok=True)


def append_line(path: Path, line: str, header: str = "") -> None:
    """Append a line to a text file that several processes may append to.

    Parameters
    ----------
    path : Path
    line : str
        Without its line feed.
    header : str
        The first line of a new file, if not empty.
    """
    with path.open("ab") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        new = not os.fstat(stream.fileno()).st_size
        lines = [header, line] if header and new else [line]
        stream.write("".join(f"{text}\n" for text in lines).encode())


def _is_open_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
