"""A folder of test files, predicted into a folder of parts: one for each file, by several workers.

A part is drafted, checked and renamed by the worker that predicts it. The folder records the parts
that were written; a later run with the same bundle, options and test files does only the others.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from sirna.errors import SirnaError, UsageError
from sirna.stages.console import Console
from sirna.stages.part_folders import PartFolder, part_folder
from sirna.stages.part_workers import Failure, PartResult, Task, results
from sirna.stages.predictor import Predictor
from sirna.stages.submission_summary import Summary
from sirna.stages.submit_bars import parts_bar
from sirna.system.remote import Remote
from sirna.table.read_blocks import table_files
from sirna.table.read_file import SUFFIXES, is_table_name

WRITTEN_AS = (".csv", ".csv.gz", ".parquet")
MOST_NOTES = 20
"""Largest number of different notes on parts that are printed."""
MOST_FAILURES = 20
"""Largest number of failed parts whose reasons are printed."""


def is_pattern(path: Path) -> bool:
    """Return whether a path is a pattern of names."""
    return not path.exists() and bool(set("*?[") & set(str(path)))


def part_sources(test: Path) -> list[Path | Remote]:
    """Return the test files that a path from a command line names, sorted by name.

    Raises
    ------
    SirnaError
        If there is none.
    """
    remote = Remote.of(test)
    if remote is None:
        return [*table_files(test)]
    found = [file for file in remote.files() if is_table_name(Path(file.name))]
    if not found:
        raise SirnaError(
            f"{remote}: no table file there ({', '.join(SUFFIXES)}), or no such folder or bucket."
        )
    return [*found]


def write_parts(
    predictor: Predictor, files: Sequence[Path | Remote], out: Path | Remote, console: Console
) -> tuple[int, str, bool, Summary]:
    """Predict test files, each into a part.

    Parameters
    ----------
    predictor : Predictor
    files : sequence of Path or Remote
    out : Path or Remote
        The folder of the parts.
    console : Console

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
    folder = part_folder(out)
    tasks = _tasks(predictor, files, folder)
    test = predictor.request.test
    console.line(f"data: {Remote.of(test) or test}: {len(tasks):,} files")
    with folder.opened(console):
        known = {} if predictor.request.force else folder.recorded()
        done = {
            task.part: known[task.key]
            for task in tasks
            if task.key in known and folder.holds(known[task.key])
        }
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
                    folder.record(found.recorded())
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


def _tasks(predictor: Predictor, files: Sequence[Path | Remote], folder: PartFolder) -> list[Task]:
    tasks: dict[str, Task] = {}
    for file in files:
        part = _part_name(file.name)
        if part in tasks:
            raise UsageError(
                f"{file}: its part would have the name {part!r}, like that of "
                f"{tasks[part].source}; rename one."
            )
        target = folder.target(part)
        if _are_in_one_folder(file, target):
            raise UsageError(f"--out {folder}: is the folder of the test files; name another one.")
        texts = [*predictor.identity, file.name, *_state(file)]
        key = hashlib.sha256("\n".join(texts).encode()).hexdigest()
        tasks[part] = Task(file.resolve() if isinstance(file, Path) else file, target, part, key)
    return list(tasks.values())


def _are_in_one_folder(file: Path | Remote, target: Path | Remote) -> bool:
    """Return whether a part would lie among the test files, where it would be taken for one."""
    if isinstance(file, Path) and isinstance(target, Path):
        same = target.exists() and target.samefile(file)  # also by a link
        return same or file.resolve().parent == target.parent
    if isinstance(file, Remote) and isinstance(target, Remote):
        return file.place.rpartition("/")[0] == target.place.rpartition("/")[0]
    return False


def _state(file: Path | Remote) -> tuple[str, str]:
    """Return size and time of a test file, as texts."""
    if isinstance(file, Remote):
        return str(file.size), str(file.changed)
    state = file.stat()
    return str(state.st_size), str(state.st_mtime_ns)


def _part_name(name: str) -> str:
    """Return the name of the part of a test file: it ends in .csv if that is of another kind."""
    if name.lower().endswith(WRITTEN_AS):
        return name
    stem = Path(name).stem
    return Path(stem).with_suffix(".csv").name if "." in stem else f"{stem}.csv"


class _Notes:
    """The notes on parts, each text once; a few of many."""

    def __init__(self) -> None:
        self._first: dict[str, Path | Remote] = {}
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


def _line(folder: PartFolder, found: PartResult) -> str:
    state = "unchanged" if found.unchanged else "written and checked"
    return f"{folder.target(found.part)}: {found.rows:,} rows, {state}, {found.seconds:.1f} s"


def _failed(folder: PartFolder, failures: Sequence[Failure], parts: int) -> SirnaError:
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
