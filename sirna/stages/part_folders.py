"""The folder that holds the parts of a submission: one of this machine, or one at an address.

The parts that were written are recorded in `.parts/done.jsonl` of the folder.
"""

import contextlib
import json
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sirna.errors import SirnaError
from sirna.stages.console import Console
from sirna.system.files import sha256
from sirna.system.locks import append_line, locked
from sirna.system.remote import Remote

RECORD = Path(".parts") / "done.jsonl"
RECORD_SECONDS = 10.0
"""How often the record at an address is written; what it lacks after a kill is done again."""
Recorded = Mapping[str, Any]


def part_folder(place: Path | Remote) -> "PartFolder":
    """Return a folder for parts."""
    return RemoteFolder(place) if isinstance(place, Remote) else LocalFolder(place)


class LocalFolder:
    """A folder of this machine; one process at a time writes parts to it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    @contextmanager
    def opened(self, console: Console) -> Iterator[None]:
        """Keep other processes out while the context lasts."""
        with locked(self._path / RECORD.parent):
            yield

    def target(self, part: str) -> Path:
        """Return the file of a part, absolute."""
        return (self._path / part).resolve()

    def recorded(self) -> dict[str, Recorded]:
        """Return what is recorded of the parts, by key; torn lines are left out."""
        try:
            text = (self._path / RECORD).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return {}
        return _by_key(text.splitlines())

    def record(self, one: Recorded) -> None:
        """Record a part."""
        append_line(self._path / RECORD, json.dumps(one))

    def holds(self, one: Recorded) -> bool:
        """Return whether the file of a recorded part is there with the recorded content."""
        part = self._path / one["part"]
        if not part.is_file() or part.stat().st_size != one["bytes"]:
            return False
        return bool(sha256(part) == one["sha256"])


class RemoteFolder:
    """A folder at an address; nothing keeps a second process from writing the same parts."""

    def __init__(self, address: Remote) -> None:
        self._address = address
        self._lines: dict[str, Recorded] = {}
        self._sizes: dict[str, int] = {}
        self._next = 0.0

    def __str__(self) -> str:
        return str(self._address)

    @contextmanager
    def opened(self, console: Console) -> Iterator[None]:
        """Look what is there, and whether it can be written; complete the record at the end."""
        self._sizes = {file.name: file.size for file in self._address.files()}
        self._lines = self._read_record()
        self._write_record()
        try:
            yield
        finally:
            try:
                self._write_record()
            except SirnaError as error:  # what else has happened is more important
                console.note(f"{error}; what the record lacks is predicted again")

    def target(self, part: str) -> Remote:
        """Return the file of a part."""
        return self._address.child(part)

    def recorded(self) -> dict[str, Recorded]:
        """Return what is recorded of the parts, by key."""
        return dict(self._lines)

    def record(self, one: Recorded) -> None:
        """Record a part."""
        self._lines[one["key"]] = one
        if time.monotonic() >= self._next:
            with contextlib.suppress(SirnaError):  # it is tried again
                self._write_record()

    def holds(self, one: Recorded) -> bool:
        """Return whether the file of a recorded part was there with the recorded size."""
        return bool(self._sizes.get(one["part"]) == one["bytes"])

    @property
    def _record(self) -> Remote:
        return self._address.child(RECORD.as_posix())

    def _read_record(self) -> dict[str, Recorded]:
        if not self._record.exists():
            return {}
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / RECORD.name
            self._record.fetch(copy)
            return _by_key(copy.read_text(encoding="utf-8", errors="replace").splitlines())

    def _write_record(self) -> None:
        self._next = time.monotonic() + RECORD_SECONDS
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / RECORD.name
            text = "".join(f"{json.dumps(one)}\n" for one in self._lines.values())
            copy.write_text(text, encoding="utf-8")
            self._record.publish(copy)


def _by_key(lines: Iterable[str]) -> dict[str, Recorded]:
    found = {}
    for line in lines:
        try:
            one = json.loads(line)
            found[one["key"]] = one
        except (ValueError, LookupError, TypeError):
            continue
    return found


PartFolder = LocalFolder | RemoteFolder
