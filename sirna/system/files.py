"""Write files and folders so that they are complete or absent, never partly written.

Everything is first written to a draft beside its final name. The draft is read back and compared,
forced to the disk, and only then renamed. A draft that a killed process left behind counts as
nothing; whoever holds the lock of the folder removes it (`settle`).
"""

import contextlib
import ctypes
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

from sirna.errors import SirnaError, suggestion
from sirna.system.csv_text import check_csv, csv_bytes

if TYPE_CHECKING:
    import pandas as pd


DRAFT = re.compile(r"\.\d+\..+")
REPLACED = re.compile(r"\.(.+)\.old")
AT_FDCWD, RENAME_EXCHANGE, RENAME_SWAP = -100, 2, 2
"""Constants of Linux (<fcntl.h>, <linux/fs.h>) and of macOS (<sys/stdio.h>)."""


UNREADABLE_ARRAYS = (OSError, ValueError, KeyError, EOFError, BadZipFile)
"""What numpy raises if a file of arrays is absent or damaged."""


class TakenError(Exception):
    """A file that must be new exists."""


def write_atomically(
    path: Path,
    write: Callable[[Path], object],
    check: Callable[[Path], object] = lambda draft: None,
    replace: bool = True,
) -> None:
    """Call `write` with a temporary name beside `path`, check the draft, then rename it to `path`.

    Parameters
    ----------
    path : Path
    write : callable
        Writes the draft whose name it gets.
    check : callable
        Reads the draft; an exception that it raises leaves `path` as it was.
    replace : bool
        Whether an existing file is replaced.

    Raises
    ------
    TakenError
        If the file exists and `replace` is False.
    SirnaError
        If the file cannot be written, or differs when it is read back; an earlier file of that name
        stays as it was.
    """
    draft = _draft(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_drafts_of_dead_processes(path)
        write(draft)
        _compare(draft, path, check)
        _force_to_disk(draft)
        if replace:
            draft.replace(path)
        else:
            _rename_to_new(draft, path)
        _force_to_disk(path.parent)
    except OSError as error:
        raise SirnaError(f"{path}: cannot be written ({error})") from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, completely or not at all."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write bytes, completely or not at all."""
    write_atomically(path, lambda draft: draft.write_bytes(data), lambda draft: _same(draft, data))


def write_csv(path: Path, frame: "pd.DataFrame", replace: bool = True) -> None:
    """Write a table as UTF-8 CSV (.csv.gz: compressed), completely or not at all.

    Raises
    ------
    TakenError
        If the file exists and `replace` is False.
    """
    data = csv_bytes(path, frame)
    write_atomically(
        path,
        lambda draft: draft.write_bytes(data),
        lambda draft: check_csv(draft, frame),
        replace=replace,
    )


def write_folder(
    path: Path,
    write: Callable[[Path], object],
    check: Callable[[Path], object] = lambda draft: None,
) -> None:
    """Call `write` with a temporary folder beside `path`, then replace `path` by that folder.

    The two folders are exchanged by one rename, so that a reader sees the old one or the new one.
    Where the file system cannot exchange folders, it takes two renames; between them a reader finds
    the old folder through `readable`.

    Raises
    ------
    SirnaError
        If the folder cannot be written, or differs when it is read back; an earlier folder of that
        name stays as it was.
    """
    draft = _draft(path)
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        write(draft)
        _compare(draft, path, check)
        for part in (*draft.rglob("*"), draft):
            _force_to_disk(part)
        if not path.exists():
            draft.rename(path)
        elif not _exchange(draft, path):
            shutil.rmtree(_old_path(path), ignore_errors=True)
            path.rename(_old_path(path))
            draft.rename(path)
        _force_to_disk(path.parent)
        _discard(_old_path(path))
    except OSError as error:
        raise SirnaError(f"{path}: cannot be written ({error})") from error
    finally:
        _discard(draft)


def is_draft(path: Path) -> bool:
    """Return whether a name is that of a draft, or of a folder that was being replaced."""
    return bool(DRAFT.fullmatch(path.name) or REPLACED.fullmatch(path.name))


def settle(folder: Path) -> None:
    """Remove what killed processes left in a folder; only the holder of its lock may call this.

    A folder that a killed process had moved away, to replace it, is moved back.
    """
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        replaced = REPLACED.fullmatch(path.name)
        if replaced and not path.with_name(replaced[1]).exists():
            path.rename(path.with_name(replaced[1]))
        elif is_draft(path):
            _remove(path)
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            settle(path)


def readable(path: Path) -> Path:
    """Return the folder to read: `path`, or where it lies while a writer replaces it."""
    return _old_path(path) if not path.exists() and _old_path(path).exists() else path


def name_suggestion(path: Path) -> str:
    """Return ``" (did you mean 'x'?)"`` if the folder of an absent path has a similar name."""
    try:
        if path.exists() or not path.parent.is_dir():
            return ""
        names = [other.name for other in path.parent.iterdir()]
    except OSError:  # a name that is too long, or a folder that cannot be read
        return ""
    return suggestion(
        path.name, names, cutoff=0.75
    )  # equal suffixes alone do not make two names similar


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _discard(folder: Path) -> None:
    """Remove a folder that nobody needs; if one of its files resists, try once more."""
    for _ in range(2):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return


def _draft(path: Path) -> Path:
    return path.with_name(f".{os.getpid()}.{path.name}")


def _old_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.old")


def _same(draft: Path, data: bytes) -> None:
    if draft.read_bytes() != data:
        raise ValueError("its bytes differ")


def _compare(draft: Path, path: Path, check: Callable[[Path], object]) -> None:
    """Run a check on a draft; if it fails, name the final path."""
    with reading_back(path):
        check(draft)


@contextlib.contextmanager
def reading_back(path: Path) -> Iterator[None]:
    """Check what was written of a file; if that fails, name the final path.

    Raises
    ------
    SirnaError
        If the block raises another error about its values.
    """
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise SirnaError(
            f"{path}: was not written: read back, it is not what should be written ({error}); "
            "please report this bug."
        ) from error


def _rename_to_new(draft: Path, path: Path) -> None:
    """Rename a draft to a name that must not exist.

    Raises
    ------
    TakenError
        If it does, even if another process has just made it.
    """
    try:
        try:
            os.link(draft, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            os.close(os.open(path, os.O_CREAT | os.O_EXCL))
            draft.replace(path)
    except FileExistsError:
        raise TakenError(f"{path}: already exists") from None


def _force_to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, would survive a loss of power."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        if not path.is_dir():  # some file systems cannot force folders
            raise
    finally:
        os.close(handle)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two paths by one rename; return False where the system cannot."""
    system, names = ctypes.CDLL(None), (os.fsencode(one), os.fsencode(other))
    if sys.platform == "darwin" and hasattr(system, "renamex_np"):
        return bool(system.renamex_np(*names, RENAME_SWAP) == 0)
    if sys.platform == "linux" and hasattr(system, "renameat2"):
        arguments = (AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE)
        return bool(system.renameat2(*arguments) == 0)
    return False


def _remove_drafts_of_dead_processes(path: Path) -> None:
    """Remove drafts of one file whose processes have ended."""
    for draft in path.parent.glob(f".*.{_escaped(path.name)}"):
        number = draft.name[1 : -len(path.name) - 1]
        if number.isdecimal() and not _is_alive(int(number)):
            _remove(draft)


def _escaped(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
