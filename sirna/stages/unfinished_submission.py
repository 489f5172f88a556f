"""The rows of a submission that are written so far, so that an interrupted submit can go on."""

import contextlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from sirna.errors import UsageError
from sirna.stages.submission_rows import is_parquet
from sirna.system.files import write_text
from sirna.system.locks import locked

STATE = "state.json"


class Unfinished:
    """Rows of a submission, in a file beside it or in memory.

    Attributes
    ----------
    stream : binary stream
        The rows, in the form that `submission_rows` writes; at its end.
    state : dict
        What was kept with the rows; empty for a new submission.
    """

    def __init__(self, stream: IO[bytes], folder: Path | None, key: str, state: dict[str, Any]):
        self.stream = stream
        self.state = state
        self._folder = folder
        self._key = key

    @classmethod
    @contextmanager
    def opened(cls, path: Path, key: str, on_disk: bool) -> Iterator["Unfinished"]:
        """Open the rows of a submission; go on with those that an interrupted process left.

        They are removed at the end, but not if the process is interrupted.

        Parameters
        ----------
        path : Path
            The submission.
        key : str
            Stands for all that the rows depend on; rows with another key are not used.
        on_disk : bool
            Whether they are kept in a folder beside the submission. If another process uses that
            folder, they are kept in a temporary one and lost if this process is interrupted.
        """
        if not on_disk:
            yield cls(io.BytesIO(), None, key, {})
            return
        shared = path.with_name(f".{path.name}.part")
        private = path.with_name(f".{os.getpid()}.{path.name}.part")
        with contextlib.ExitStack() as stack:
            folder = shared
            try:
                stack.enter_context(locked(shared))
            except UsageError:
                folder = private
                stack.enter_context(locked(private))
            kept = False
            try:
                yield from cls._in_folder(folder, rows_name(path), key)
            except KeyboardInterrupt:
                kept = folder == shared
                raise
            finally:
                if not kept:
                    shutil.rmtree(folder, ignore_errors=True)

    @classmethod
    def _in_folder(cls, folder: Path, name: str, key: str) -> Iterator["Unfinished"]:
        rows = folder / name
        state = _state(folder, rows, key)
        with rows.open("r+b" if state else "w+b") as stream:
            stream.truncate(state.get("bytes", 0))
            stream.seek(0, os.SEEK_END)
            yield cls(stream, folder, key, state)

    def save(self, state: dict[str, Any]) -> None:
        """Keep the rows so far, with a state of plain data."""
        if self._folder is None:
            return
        self.stream.flush()
        os.fsync(self.stream.fileno())
        whole = state | {"key": self._key, "bytes": self.stream.tell()}
        write_text(self._folder / STATE, json.dumps(whole))


def rows_name(path: Path) -> str:
    """Return the name of the file with the rows of an unfinished submission."""
    return "rows.arrow" if is_parquet(path) else "rows.csv"


def _state(folder: Path, rows: Path, key: str) -> dict[str, Any]:
    """Return the state that belongs to the key and to the rows in the folder; else nothing."""
    try:
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        fits = state["key"] == key and rows.stat().st_size >= state["bytes"]
    except (OSError, ValueError, LookupError, TypeError):
        return {}
    return state if fits else {}
