"""Files at addresses such as ``s3://bucket/folder/file``, through the file systems of PyArrow."""

import contextlib
import fnmatch
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sirna.errors import SirnaError, UsageError, reason

ADDRESS = re.compile("([A-Za-z0-9]{2,}):/+(.*)", re.DOTALL)
"""An address, of which a path keeps only one of several slashes."""
SCHEMES = ("s3", "gs", "abfs", "hdfs")
SECRET = re.compile("[^/]*:.*@", re.DOTALL)
SECRET_OPTION = re.compile("[?&](sig|[^=]*(secret|key|token|password)[^=]*)=", re.IGNORECASE)
PIECE = 1 << 20


@dataclass(frozen=True)
class Remote:
    """A file, or a folder, at an address.

    Attributes
    ----------
    place : str
        The address without options and without a slash at its end.
    options : str
        Those of the storage, with the question mark before them; or "".
    size, changed : int
        Bytes, and nanoseconds of the last change, if it was found in a folder.
    """

    place: str
    options: str = ""
    size: int = -1
    changed: int = 0

    @classmethod
    def of(cls, path: Path) -> "Remote | None":
        """Return what a path from a command line stands for; None for one of this machine.

        Raises
        ------
        UsageError
            For another scheme, and for an address with a secret.
        """
        found = ADDRESS.fullmatch(str(path))
        if found is None:
            return None
        scheme, rest = found[1].lower(), found[2]
        place, mark, options = rest.partition("?")
        if SECRET.match(place) or SECRET_OPTION.search(mark + options):
            raise UsageError(
                f"{scheme}:// with a key: addresses are printed and logged; give keys by the "
                "environment or the files of the storage's own programs."
            )
        if scheme == "file":
            raise UsageError(f"{path}: is a file of this machine; give its path, /{rest}.")
        if scheme not in SCHEMES:
            known = ", ".join(f"{one}://" for one in SCHEMES)
            raise UsageError(f"{scheme}://{rest}: an address begins with {known}.")
        if "*" in options:
            raise UsageError(
                f"{scheme}://{rest}: what follows ? are options of the storage; in an address ? "
                "stands for no letter, use *."
            )
        return cls(f"{scheme}://{place.rstrip('/')}", mark + options)

    def __str__(self) -> str:
        return self.place + self.options

    @property
    def name(self) -> str:
        """The last part of the address, without options."""
        return self.place.rpartition("/")[2]

    def child(self, name: str) -> "Remote":
        """Return a file below this folder."""
        return Remote(f"{self.place}/{name}", self.options)

    def files(self) -> "list[Remote]":
        """Return the files of this folder, those whose names fit a pattern, or the file itself.

        Raises
        ------
        UsageError
            If a folder has a pattern for a name.
        SirnaError
            If the folder cannot be read.
        """
        from pyarrow import fs  # noqa: PLC0415 - loads slowly

        head, _, last = self.place.rpartition("/")
        folder, pattern = (head, last) if set("*[") & set(last) else (self.place, "*")
        if set("*[") & set(folder):
            raise UsageError(f"{self}: only the last name may be a pattern.")
        whole = Remote(folder, self.options)
        with whole._opened() as (system, path):
            itself = system.get_file_info(path)
            if itself.is_file:
                return [replace(self, size=itself.size, changed=itself.mtime_ns or 0)]
            found = system.get_file_info(fs.FileSelector(path, allow_not_found=True))
        return sorted(
            (
                replace(whole.child(one.base_name), size=one.size, changed=one.mtime_ns or 0)
                for one in found
                if one.is_file
                and not one.base_name.startswith(".")
                and fnmatch.fnmatchcase(one.base_name, pattern)
            ),
            key=lambda one: one.name,
        )

    def exists(self) -> bool:
        """Return whether there is such a file."""
        with self._opened() as (system, path):
            return bool(system.get_file_info(path).is_file)

    def fetch(self, path: Path) -> None:
        """Copy the file to this machine."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            self._opened() as (system, name),
            system.open_input_stream(name, compression=None) as stream,
            path.open("wb") as copy,
        ):
            shutil.copyfileobj(stream, copy, PIECE)

    def publish(self, path: Path) -> None:
        """Write the file from one of this machine; until it is complete, an older one stays.

        Raises
        ------
        SirnaError
            If it cannot be written, or has another size than the draft that gets its name.
        """
        with self._opened() as (system, name):
            folder = name.rpartition("/")[0]
            draft = f"{folder}/.{self.name}.part"
            system.create_dir(folder, recursive=True)
            try:
                with (
                    path.open("rb") as stream,
                    system.open_output_stream(draft, compression=None) as copy,
                ):
                    shutil.copyfileobj(stream, copy, PIECE)
                if system.get_file_info(draft).size != path.stat().st_size:
                    raise OSError("the file that was written has another size")
                system.move(draft, name)
            except BaseException:  # also after Ctrl-C: the storage keeps what was written
                with contextlib.suppress(OSError):
                    system.delete_file(draft)
                raise

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, str]]:
        """Yield the file system and the path in it, of which no letter has a meaning of its own."""
        from pyarrow import ArrowException, fs  # noqa: PLC0415 - loads slowly

        scheme, _, rest = self.place.partition("://")
        host, _, path = rest.partition("/")
        try:
            system, root = fs.FileSystem.from_uri(f"{scheme}://{host}/{self.options}")
            yield system, f"{root.rstrip('/')}/{path}".rstrip("/")
        except (OSError, ArrowException, ValueError) as error:
            raise SirnaError(f"{self}: cannot be used ({reason(error)})") from error
