"""`sirna submit`: predict a test file with a bundle, write a submission and check it."""

import hashlib
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from sirna import __version__
from sirna.bundle.bundle import Bundle, Prediction
from sirna.bundle.domain import DOMAIN_COLUMNS, DomainSummary
from sirna.bundle.novelty import Novelty
from sirna.bundle.predict_table import check_sequences, uncertainty_names
from sirna.bundle.store import bundle_digest, load_bundle
from sirna.config.config import Config
from sirna.config.load import with_columns
from sirna.errors import SirnaError, UsageError
from sirna.prediction.decision import ExpectedScore
from sirna.runs.run import Run, finished_run, resume_hint
from sirna.stages.console import Console
from sirna.stages.progress import rows_bar
from sirna.stages.submission_file import Layout, Writer, content_sha256, same_rows
from sirna.stages.submission_log import LOG_NAME, SUBMISSIONS, log_submission
from sirna.stages.submission_part import Part
from sirna.system.device import choose_device
from sirna.system.files import TakenError, reading_back, sha256, write_atomically
from sirna.table.check_table import Table
from sirna.table.columns import absent_columns
from sirna.table.read_blocks import BLOCK_ROWS, table_files
from sirna.table.stream import Stream
from sirna.table.transcripts import Transcripts


@dataclass(frozen=True)
class SubmitRequest:
    """The options of `sirna submit`.

    Attributes
    ----------
    test : Path
        The test file, a folder of test files, or a pattern of their names.
    run : Path, optional
        A run or a bundle; default: the newest run.
    config : Path, optional
        A TOML file whose `[columns]` name the columns of the test file.
    out : Path, optional
        Default: `submissions/<run>/submission.csv`.
    columns : {"all", "id"}
        Whether the submission has all columns of the test file, or the id alone.
    with_uncertainty : bool
        Whether medians, probabilities, intervals and the domain are added.
    force : bool
        Whether a file with another submission may be replaced.
    device : str
    sheet : str
        The sheet of a spreadsheet; default: the first.
    expect : str, optional
        The digest that the bundle must have, as `sirna check` prints it.
    transcripts : Path, optional
        A FASTA file with the transcripts of targets, for rows that have none.
    """

    test: Path
    run: Path | None = None
    config: Path | None = None
    out: Path | None = None
    columns: Literal["all", "id"] = "all"
    with_uncertainty: bool = False
    force: bool = False
    device: str = "auto"
    sheet: str = ""
    expect: str | None = None
    transcripts: Path | None = None


@dataclass(frozen=True)
class Submission:
    """A submission that was written."""

    path: Path
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
        For an unusable bundle or test file, and for a written file that fails its check.
    UsageError
        If the file already holds another submission and `force` is not given.
    """
    began = time.perf_counter()
    device = choose_device(request.device)
    run = finished_run(request.run)
    bundle = load_bundle(run.bundle if run.bundle.is_dir() else run.folder, request.expect)
    if request.config is not None:
        bundle = replace(bundle, config=with_columns(bundle.config, request.config))
        console.note(
            f"only the sections [columns] and [tokens] of {request.config} are read; everything "
            "else is as the run was trained"
        )
    path = request.out or SUBMISSIONS / run.name / "submission.csv"
    files = table_files(request.test)
    for file in files:
        _check_out(path, file)
    about = bundle.about
    console.line(
        f"run: {run.folder} ({_members(bundle)}; protocol {about['protocol']}, local score "
        f"{about['scores']['score']:.4f})"
    )
    if run.config.is_file() and run.bundle.is_dir() and not run.finished:
        console.note(f"the training of this run is not finished; {resume_hint(run)}")
    transcripts = Transcripts.read(request.transcripts) if request.transcripts else None
    stream = Stream(
        files, str(request.test), bundle.config, request.sheet, transcripts, BLOCK_ROWS
    )
    console.line(f"data: {request.test}: {stream.description}")
    if not request.force and path.exists() and not same_rows(path, stream, bundle.config):
        raise _other_submission_error(path)
    if request.with_uncertainty:
        _check_added_columns(stream.head, bundle.config, request.columns)
    check_sequences(bundle, stream.head)
    columns = bundle.config.columns
    found = set(stream.head.rows) - {"id"} | ({"transcript"} if transcripts else set())
    asked = bundle.columns_read - found
    if transcripts and "transcript" not in bundle.columns_read:
        console.note(f"{request.transcripts}: this run does not read transcripts")
    absent = absent_columns(stream.head.raw, columns, asked, "missing in every row")
    for note in (*absent, *stream.notes):
        console.note(note)
    layout = Layout(bundle.config, request.columns, request.with_uncertainty, stream.has_labels)
    filling = _Filling(bundle, device, run, layout, console)
    unchanged = filling.write(path, stream, request.force)
    digest = sha256(path)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    local = f"{about['scores']['score']:.6f}"
    values = (now, run.name, request.test.name, len(stream), digest, local, about["protocol"], path)
    log_submission(values, console)
    seconds = time.perf_counter() - began
    return Submission(path, len(stream), digest, unchanged, seconds, filling.expected, run.folder)


class _Filling:
    """Predicts a test file block by block and writes the submission."""

    def __init__(
        self, bundle: Bundle, device: torch.device, run: Run, layout: Layout, console: Console
    ) -> None:
        self._bundle = bundle
        self._device = device
        self._folder = run.folder
        self._layout = layout
        self._console = console
        self._novelty = Novelty(bundle)
        self._domain = DomainSummary()
        self._expected = ExpectedScore(bundle.config.score.threshold)
        self._parts: dict[str, Any] = {
            "novelty": self._novelty,
            "domain": self._domain,
            "expected": self._expected,
        }
        digest = bundle_digest(run.bundle if run.bundle.is_dir() else run.folder)
        self._key = [__version__, digest, bundle.config.model_dump_json(), repr(layout.options)]

    def write(self, path: Path, stream: Stream, force: bool) -> bool:
        """Write the file and check it before it gets its name; return True if it was there.

        If a process was interrupted while it wrote the same file, go on with its rows.
        """
        key = hashlib.sha256("\n".join([*self._key, *stream.identity]).encode()).hexdigest()
        with Part.opened(path, key, on_disk=len(stream) > BLOCK_ROWS) as part:
            writer = self._filled(part, path, stream)

            def check(draft: Path) -> None:
                if content_sha256(draft, path) != writer.digest:
                    raise ValueError("its bytes differ")

            try:
                write_atomically(
                    path, lambda draft: writer.finish(draft, path), check, replace=force
                )
            except TakenError:
                if content_sha256(path, path) != writer.digest:
                    raise _other_submission_error(path) from None
                return True
        return False

    @property
    def expected(self) -> float:
        """The score that the predicted distributions expect of the rows so far."""
        return self._expected.value

    def _filled(self, part: Part, path: Path, stream: Stream) -> Writer:
        """Predict and write all rows that the part lacks."""
        done = part.state.get("rows", 0)
        if done:
            for name, one in self._parts.items():
                one.restore(part.state[name])
            self._console.note(f"{path}: goes on after {done:,} rows that were written before")
        writer = Writer(part.stream)
        with rows_bar(len(stream), done, self._console) as advance:
            for block in stream.blocks(done):
                predicted = self._predicted(block)
                self._novelty.add(block.rows, predicted)
                self._expected.add(predicted.distribution, predicted.points)
                frame = self._layout.fill(block, predicted, self._bundle)
                self._domain.add(frame)
                text = writer.append(frame)
                with reading_back(path):
                    self._layout.check(text, frame, block, predicted.distribution.edges)
                done += len(block)
                part.save({name: one.state() for name, one in self._parts.items()} | {"rows": done})
                advance(len(block))
        for note in self._novelty.notes():
            self._console.note(note)
        self._console.result(
            f"expected score, if the predicted distributions are right: {self.expected:.4f}"
        )
        for note in self._domain.notes():
            self._console.note(note)
        return writer

    def _predicted(self, block: Table) -> Prediction:
        """Predict rows; a bundle that cannot is named."""
        try:
            predicted = self._bundle.predict(block.rows, self._device)
        except (LookupError, ValueError, TypeError, ArithmeticError, RuntimeError) as error:
            raise SirnaError(
                f"{self._folder}: the bundle cannot predict the rows of {block.source}: its parts "
                "do not fit each other, or there is too little memory; train again."
            ) from error
        if not np.isfinite(predicted.points).all():
            raise SirnaError(
                f"{self._folder}: the bundle predicts values that are not finite numbers."
            )
        return predicted


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
    if not path.name.lower().endswith((".csv", ".csv.gz")):
        raise UsageError(f"--out {path}: a submission is a .csv or .csv.gz file.")
    if path.exists() and test.exists() and path.samefile(test):
        raise UsageError(f"--out {path}: is the test file itself; name another file.")
    if SUBMISSIONS.exists() and not SUBMISSIONS.is_dir():
        raise UsageError(
            f"{SUBMISSIONS}: is a file, and {LOG_NAME} belongs in a folder of that name."
        )


def _other_submission_error(path: Path) -> UsageError:
    return UsageError(f"{path}: holds another submission; give --out FILE, or --force.")


def _check_added_columns(table: Table, config: Config, columns: Literal["all", "id"]) -> None:
    """Refuse a test file that already has a column that would be added."""
    taken = [name for name in (*uncertainty_names(config), *DOMAIN_COLUMNS) if name in table.raw]
    if taken and columns == "all":
        raise SirnaError(
            f"{table.source}: has a column {taken[0]!r} already; rename it, or give --columns id."
        )
