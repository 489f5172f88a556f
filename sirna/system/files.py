"""Write files and folders so that they are complete or absent, never partly written."""

import contextlib
import fcntl
import gzip
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sirna.errors import SirnaError, UsageError, suggestion

if TYPE_CHECKING:
    import pandas as pd


LOCK = "lock"
"""The file whose lock marks a folder as in use by a process."""


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` with a temporary name beside `path`, then rename the file to `path`.

    Raises
    ------
    SirnaError
        If the file cannot be written; an earlier file of that name stays as it was.
    """
    draft = _draft(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(draft)
        draft.replace(path)
    except OSError as error:
        raise SirnaError(f"{path}: cannot be written ({error})") from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, completely or not at all."""
    write_atomically(path, lambda draft: draft.write_text(text, encoding="utf-8"))


def write_csv(path: Path, frame: "pd.DataFrame") -> None:
    """Write a table as UTF-8 CSV (.csv.gz: compressed), completely or not at all."""
    data = csv_bytes(path, frame)
    write_atomically(path, lambda draft: draft.write_bytes(data))


def csv_bytes(path: Path, frame: "pd.DataFrame") -> bytes:
    """Return the bytes of a table as a CSV file of that name; equal tables give equal bytes."""
    data = frame.to_csv(index=False, lineterminator="\n").encode()
    if path.name.lower().endswith(".gz"):
        data = gzip.compress(data, mtime=0)
    return data


def write_folder(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` with a temporary folder beside `path`, then replace `path` by that folder.

    Raises
    ------
    SirnaError
        If the folder cannot be written; an earlier folder of that name stays as it was.
    """
    draft = _draft(path)
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        write(draft)
        shutil.rmtree(_old_path(path), ignore_errors=True)
        if path.exists():
            path.rename(_old_path(path))
        draft.rename(path)
        shutil.rmtree(_old_path(path), ignore_errors=True)
    except OSError as error:
        raise SirnaError(f"{path}: cannot be written ({error})") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


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
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / LOCK).open("w")
    except OSError as error:
        raise SirnaError(f"{folder}: cannot be written ({error})") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"{folder}: another process is using this folder; wait, or name another folder."
            ) from None
        yield


def recover(path: Path) -> Path:
    """Return `path`; if an interrupted `write_folder` moved the folder away, move it back first."""
    if not path.exists() and _old_path(path).exists():
        _old_path(path).rename(path)
    return path


def name_suggestion(path: Path) -> str:
    """Return ``" (did you mean 'x'?)"`` if the folder of an absent path has a similar name."""
    if path.exists() or not path.parent.is_dir():
        return ""
    names = [other.name for other in path.parent.iterdir()]
    return suggestion(
        path.name, names, cutoff=0.75
    )  # equal suffixes alone do not make two names similar


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _draft(path: Path) -> Path:
    return path.with_name(f".{os.getpid()}.{path.name}")


def _old_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.old")
