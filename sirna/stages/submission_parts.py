"""A folder of test files, predicted into a folder of parts: one for each file, by several workers.

A part is drafted, checked and renamed by the worker that predicts it. The parts that were written
are recorded in `.parts/done.jsonl` of the folder; a later run with the same bundle, options and
test files does only the others.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sirna.errors import SirnaError, UsageError
from sirna.stages.console import Console
from sirna.stages.part_workers import Failure, PartResult, Task, results
from sirna.stages.predictor import Predictor
from sirna.stages.submission_summary import Summary
from sirna.stages.submit_bars import parts_bar
from sirna.system.files import sha256
from sirna.system.locks import append_line, locked

RECORD = Path(".parts") / "done.jsonl"
WRITTEN_AS = (".csv", ".csv.gz", ".parquet")
MOST_NOTES = 20
"""Largest number of different notes on parts that are printed."""
MOST_FAILURES = 20
"""Largest number of failed parts whose reasons are printed."""


def is_pattern(path: Path) -> bool:
    """Return whether a path is a pattern of names."""
    return not path.exists() and bool(set("*?[") & set(str(path)))


def write_parts(
    predictor: Predictor, files: Sequence[Path], folder: Path, console: Console
) -> tuple[int, str, bool, Summary]:
    """Predict test files, each into a part of the folder.

    Returns
    -------
    int
        The rows of all parts.
    str
        SHA-256 of the names and digests of all parts.
    bool
        Whether all of them had been written before.
    Summary
        Of all rows.

    Raises
    ------
    SirnaError
        If any part failed; the others are written.
    UsageError
        If two test files would have the same part, or a part would be written over a test file.
    """
    tasks = _tasks(predictor, files, folder)
    console.line(f"data: {predictor.request.test}: {len(tasks):,} files")
    with locked(folder / RECORD.parent):
        known = {} if predictor.request.force else _recorded(folder)
        done = {task.part: known[task.key] for task in tasks if _is_whole(task, known)}
        left = [task for task in tasks if task.part not in done]
        if done:
            console.note(f"{folder}: {len(done):,} of {len(tasks):,} parts were written before")
        failures, notes = list[Failure](), _Notes()
        with parts_bar(len(tasks), len(done), console) as advance:
            for found in results(predictor, left):
                if isinstance(found, Failure):
                    failures.append(found)
                    console.note(f"{found.source}: failed: {_first_line(found.reason)}")
                else:
                    append_line(folder / RECORD, json.dumps(found.recorded()))
                    done[found.part] = found.recorded()
                    notes.add(found)
                    console.line(_line(folder, found))
                advance(1)
    for note in notes.texts:
        console.note(note)
    if failures:
        raise _failed(folder, failures, len(tasks))
    summary, digest = Summary(predictor.bundle), hashlib.sha256()
    for task in tasks:
        summary.add_state(done[task.part]["summary"])
        digest.update(f"{done[task.part]['sha256']}  {task.part}\n".encode())
    rows = sum(one["rows"] for one in done.values())
    return rows, digest.hexdigest(), not left, summary


def _tasks(predictor: Predictor, files: Sequence[Path], folder: Path) -> list[Task]:
    tasks: dict[str, Task] = {}
    for file in files:
        part = _part_name(file)
        if part in tasks:
            raise UsageError(
                f"{file}: its part would have the name {part!r}, like that of "
                f"{tasks[part].source}; rename one."
            )
        target = folder / part
        if target.exists() and target.samefile(file):
            raise UsageError(f"--out {folder}: is the folder of the test files; name another one.")
        state = file.stat()
        texts = [*predictor.identity, file.name, str(state.st_size), str(state.st_mtime_ns)]
        key = hashlib.sha256("\n".join(texts).encode()).hexdigest()
        tasks[part] = Task(file.resolve(), target.resolve(), part, key)
    return list(tasks.values())


def _part_name(file: Path) -> str:
    """Return the name of a part: that of its test file, ending in .csv if it is of another kind."""
    if file.name.lower().endswith(WRITTEN_AS):
        return file.name
    return file.with_suffix("").with_suffix(".csv").name if "." in file.stem else f"{file.stem}.csv"


def _recorded(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what is recorded of the parts in a folder, by key; torn lines are left out."""
    found = {}
    try:
        lines = (folder / RECORD).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    for line in lines:
        try:
            one = json.loads(line)
            found[one["key"]] = one
        except (ValueError, LookupError, TypeError):
            continue
    return found


def _is_whole(task: Task, known: dict[str, dict[str, Any]]) -> bool:
    """Return whether the part is recorded, and its file is there with the recorded content."""
    if task.key not in known or not task.target.is_file():
        return False
    one = known[task.key]
    return bool(task.target.stat().st_size == one["bytes"] and sha256(task.target) == one["sha256"])


class _Notes:
    """The notes on parts, each text once; a few of many."""

    def __init__(self) -> None:
        self._first: dict[str, Path] = {}
        self._more = 0

    def add(self, found: PartResult) -> None:
        for note in found.notes:
            if note in self._first:
                continue
            if len(self._first) < MOST_NOTES:
                self._first[note] = found.source
            else:
                self._more += 1

    @property
    def texts(self) -> list[str]:
        """The notes, with the first file that each is about."""
        texts = [
            note if note.startswith(str(source)) else f"{source}: {note}"
            for note, source in self._first.items()
        ]
        more = (
            f"{self._more:,} more notes on parts are not shown; submit a part alone to see its own"
        )
        return [*texts, *([more] if self._more else [])]


def _line(folder: Path, found: PartResult) -> str:
    state = "unchanged" if found.unchanged else "written and checked"
    return f"{folder / found.part}: {found.rows:,} rows, {state}, {found.seconds:.1f} s"


def _failed(folder: Path, failures: Sequence[Failure], parts: int) -> SirnaError:
    reasons = [f"  {one.source}: {_first_line(one.reason)}" for one in failures[:MOST_FAILURES]]
    if len(failures) > MOST_FAILURES:
        reasons.append(f"  and {len(failures) - MOST_FAILURES:,} more")
    head = (
        f"{folder}: {len(failures):,} of {parts:,} parts failed; the others are written. The same "
        "command does only these again:"
    )
    return SirnaError("\n".join([head, *reasons]))


def _first_line(text: str) -> str:
    return next(iter(text.splitlines()), "")
