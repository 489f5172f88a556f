"""Files and folders that are whole or absent."""

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
"""The file that marks a folder as held by a process."""


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` with a temporary name beside `path`, then rename.

    Raises
    ------
    SirnaError
        Where the file cannot be written; what was there before stays.
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
    """Write UTF-8 text, whole or absent."""
    write_whole(path, lambda draft: draft.write_text(text, encoding="utf-8"))


def write_csv(path: Path, frame: "pd.DataFrame") -> None:
    """Write a table as UTF-8 CSV, whole or absent (.csv.gz: compressed)."""
    data = csv_bytes(path, frame)
    write_whole(path, lambda draft: draft.write_bytes(data))


def csv_bytes(path: Path, frame: "pd.DataFrame") -> bytes:
    """Return a table as the CSV file of that name holds it: the same bytes for the same table."""
    data = frame.to_csv(index=False, lineterminator="\n").encode()
    if path.name.lower().endswith(".gz"):
        data = gzip.compress(data, mtime=0)
    return data


def write_folder(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` with a temporary folder beside `path`, then swap it in for what was there.

    Raises
    ------
    SirnaError
        Where the folder cannot be written; what was there before stays.
    """
    draft = _draft(path)
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        write(draft)
        shutil.rmtree(_aside(path), ignore_errors=True)
        if path.exists():
            path.rename(_aside(path))
        draft.rename(path)
        shutil.rmtree(_aside(path), ignore_errors=True)
    except OSError as error:
        raise SirnaError(f"{path}: cannot be written ({error})") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make a folder and keep other processes off it; the operating system frees it at any end.

    Raises
    ------
    UsageError
        Where another process holds it.
    SirnaError
        Where it cannot be made.
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
                f"{folder}: another process works there; wait, or name another."
            ) from None
        yield


def recovered(path: Path) -> Path:
    """Return a folder of `write_folder`'s, after undoing a swap that was cut short."""
    if not path.exists() and _aside(path).exists():
        _aside(path).rename(path)
    return path


def near_miss(path: Path) -> str:
    """Return ``" (did you mean 'x'?)"`` for a neighbour of what is absent, or nothing."""
    if path.exists() or not path.parent.is_dir():
        return ""
    names = [other.name for other in path.parent.iterdir()]
    return suggestion(path.name, names, cutoff=0.75)  # suffixes alone make names alike


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _draft(path: Path) -> Path:
    return path.with_name(f".{os.getpid()}.{path.name}")


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.old")
