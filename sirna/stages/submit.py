"""`sirna submit`: predict a test file with a bundle, write a submission and check it."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sirna.bundle.bundle import Bundle
from sirna.errors import UsageError
from sirna.runs.run import resume_hint
from sirna.stages.console import Console
from sirna.stages.part_workers import prepare
from sirna.stages.predictor import Predictor, SubmitRequest
from sirna.stages.submission_log import LOG_NAME, SUBMISSIONS, log_submission
from sirna.stages.submission_parts import is_pattern, part_sources, write_parts
from sirna.system.files import sha256
from sirna.system.remote import Remote
from sirna.table.read_blocks import table_files

SUFFIXES = (".csv", ".csv.gz", ".parquet")


@dataclass(frozen=True)
class Submission:
    """A submission that was written.

    Attributes
    ----------
    path : Path or Remote
        A file, or a folder of parts.
    rows : int
    digest : str
        SHA-256 of the file; of parts, that of their names and digests.
    unchanged : bool
        Whether everything had been written before.
    seconds : float
    expected_score : float
    run : Path
    """

    path: Path | Remote
    rows: int
    digest: str
    unchanged: bool
    seconds: float
    expected_score: float
    run: Path


def submit(request: SubmitRequest, console: Console) -> Submission:
    """Predict a test file with a finished run and write the submission.

    Raises
    ------
    SirnaError
        For an unusable bundle or test file, for a written file that fails its check, and for parts
        that failed.
    UsageError
        For options that contradict each other, and if the file already holds another submission
        and `force` is not given.
    """
    began = time.perf_counter()
    in_parts = _in_parts(request)
    files = [] if in_parts else table_files(request.test)
    sources = part_sources(request.test) if in_parts else []
    if in_parts:
        prepare(request, len(sources))
    predictor = Predictor.of(request)
    run, bundle = predictor.run, predictor.bundle
    if request.config is not None:
        console.note(
            f"only the sections [columns] and [tokens] of {request.config} are read; everything "
            "else is as the run was trained"
        )
    path = request.out or SUBMISSIONS / run.name / "submission.csv"
    place = Remote.of(path) or path
    _check_log()
    if not in_parts:
        for file in files:
            _check_out(path, file)
    about = bundle.about
    console.line(
        f"run: {run.folder} ({_members(bundle)}; protocol {about['protocol']}, local score "
        f"{about['scores']['score']:.4f})"
    )
    if run.config.is_file() and run.bundle.is_dir() and not run.finished:
        console.note(f"the training of this run is not finished; {resume_hint(run)}")
    if in_parts:
        rows, digest, unchanged, summary = write_parts(predictor, sources, place, console)
    else:
        written = predictor.write(files, str(request.test), path, console)
        rows, unchanged, summary = written.rows, written.unchanged, written.summary
        digest = sha256(path)
    summary.print(console)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    local = f"{about['scores']['score']:.6f}"
    test = (Remote.of(request.test) or request.test).name
    values = (now, run.name, test, rows, digest, local, about["protocol"], place)
    log_submission(values, console)
    seconds = time.perf_counter() - began
    return Submission(place, rows, digest, unchanged, seconds, summary.expected, run.folder)


def _in_parts(request: SubmitRequest) -> bool:
    """Return whether each test file gets a part of its own in a folder."""
    out = request.out
    remote = [one for one in (request.test, out) if one and Remote.of(one)]
    several = request.test in remote or request.test.is_dir() or is_pattern(request.test)
    name = "" if out is None else (Remote.of(out) or out).name
    found = several and out is not None and not name.lower().endswith(SUFFIXES)
    if found and out is not None and out.suffix and not out.is_dir() and out not in remote:
        found = False  # a file of another kind, which is refused
    if not found and remote:
        raise UsageError(
            f"{Remote.of(remote[0])}: addresses are for many test files: give a folder or a "
            "pattern as TEST and --out FOLDER."
        )
    if not found and (request.engine != "local" or request.workers or request.address):
        raise UsageError(
            "--engine, --address and --workers are for many test files: give a folder or a pattern "
            "as TEST and --out FOLDER."
        )
    if request.address and request.engine != "ray":
        raise UsageError("--address is for --engine ray.")
    return found


def _members(bundle: Bundle) -> str:
    """List the families in a bundle, and how many members each has if it has several."""
    counts = {members[0].title: len(members) for members in bundle.by_family.values()}
    return ", ".join(f"{count} x {name}" if count > 1 else name for name, count in counts.items())


def _check_out(path: Path, test: Path) -> None:
    """Refuse an output file that cannot be written, before the rows are predicted."""
    if path.is_dir():
        raise UsageError(
            f"--out {path}: is a folder; name a file, as in {path / 'submission.csv'}."
        )
    if not path.name.lower().endswith(SUFFIXES):
        raise UsageError(f"--out {path}: a submission is a .csv, .csv.gz or .parquet file.")
    if path.exists() and test.exists() and path.samefile(test):
        raise UsageError(f"--out {path}: is the test file itself; name another file.")


def _check_log() -> None:
    """Refuse a file where the folder of the log belongs."""
    if SUBMISSIONS.exists() and not SUBMISSIONS.is_dir():
        raise UsageError(
            f"{SUBMISSIONS}: is a file, and {LOG_NAME} belongs in a folder of that name."
        )
