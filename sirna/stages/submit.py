"""`sirna submit`: predict a test file with a bundle, write a submission and check it."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch

from sirna.bundle.bundle import Bundle, Prediction
from sirna.bundle.domain import DOMAIN_COLUMNS, domain, domain_notes
from sirna.bundle.novelty import novelties
from sirna.bundle.predict_table import (
    check_sequences,
    decimals,
    uncertainty,
    uncertainty_names,
)
from sirna.bundle.store import load_bundle
from sirna.config.config import Config
from sirna.config.load import with_columns
from sirna.errors import SirnaError, UsageError
from sirna.prediction.decision import DECIMALS, expected_score, rounded
from sirna.runs.run import finished_run, resume_hint
from sirna.stages.console import Console
from sirna.stages.submission_log import LOG_NAME, SUBMISSIONS, log_submission
from sirna.stages.table_description import describe_rows
from sirna.system.csv_text import check_csv, csv_bytes
from sirna.system.device import choose_device
from sirna.system.files import TakenError, sha256, write_atomically
from sirna.table.cells import blank
from sirna.table.check_table import Table, read_table
from sirna.table.columns import absent_columns
from sirna.table.read_file import read_text_table
from sirna.table.report import Purpose
from sirna.table.units import from_remaining

ROUNDING_TOLERANCE = 1e-6
"""A written value may exceed its bound by this much because of rounding."""


@dataclass(frozen=True)
class SubmitRequest:
    """The options of `sirna submit`.

    Attributes
    ----------
    test : Path
        The test file.
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
    _check_out(path, request.test)
    about = bundle.about
    console.line(
        f"run: {run.folder} ({_members(bundle)}; protocol {about['protocol']}, local score "
        f"{about['scores']['score']:.4f})"
    )
    if run.config.is_file() and run.bundle.is_dir() and not run.finished:
        console.note(f"the training of this run is not finished; {resume_hint(run)}")
    table = read_table(request.test, bundle.config, Purpose.TEST, request.sheet)
    console.line(f"data: {request.test}: {describe_rows(table.rows)}")
    if not request.force:
        _check_same_rows(path, table, bundle.config)
    if request.with_uncertainty:
        _check_added_columns(table, bundle.config, request.columns)
    check_sequences(bundle, table)
    columns = bundle.config.columns
    asked = bundle.columns_read - (set(table.rows) - {"id"})
    absent = absent_columns(table.raw, columns, asked, "missing in every row")
    for note in (*absent, *table.notes):
        console.note(note)
    predicted = _predicted(bundle, table, device, run.folder)
    for note in novelties(bundle, table.rows, predicted):
        console.note(note)
    frame = _fill(table, predicted.points, bundle.config, request.columns)
    distribution, threshold = predicted.distribution, bundle.config.score.threshold
    expected = expected_score(distribution, predicted.points, threshold)
    console.result(f"expected score, if the predicted distributions are right: {expected:.4f}")
    if request.with_uncertainty:
        frame = frame.join(uncertainty(distribution, bundle.config))
        frame = frame.join(domain(bundle, table.rows))
        for note in domain_notes(frame):
            console.note(note)

    def check(draft: Path) -> None:
        check_csv(draft, frame)
        _validate(draft, table, bundle.config, distribution.edges)

    unchanged = _write(path, frame, request.force, check)
    digest = sha256(path)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    local = f"{about['scores']['score']:.6f}"
    values = (now, run.name, request.test.name, len(table), digest, local, about["protocol"], path)
    log_submission(values, console)
    seconds = time.perf_counter() - began
    return Submission(path, len(table), digest, unchanged, seconds, expected, run.folder)


def _predicted(bundle: Bundle, table: Table, device: torch.device, folder: Path) -> Prediction:
    """Predict the rows; a bundle that cannot is named."""
    try:
        predicted = bundle.predict(table.rows, device)
    except (LookupError, ValueError, TypeError, ArithmeticError, RuntimeError) as error:
        raise SirnaError(
            f"{folder}: the bundle cannot predict the rows of {table.source}: its parts do not fit "
            "each other, or there is too little memory; train again."
        ) from error
    if not np.isfinite(predicted.points).all():
        raise SirnaError(f"{folder}: the bundle predicts values that are not finite numbers.")
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


def _check_same_rows(path: Path, table: Table, config: Config) -> None:
    """Refuse to replace a file that has other rows, before the rows are predicted.

    A file with the same rows is compared later, since it may be the same submission.
    """
    if not path.exists():
        return
    try:
        same = _same_rows(read_text_table(path), table, config)
    except SirnaError:
        same = False
    if not same:
        raise _other_submission_error(path)


def _same_rows(written: pd.DataFrame, table: Table, config: Config) -> bool:
    """Return whether a file has the table's ids in their order, or no ids and as many rows."""
    name, ids = config.columns["id"], table.rows["id"].tolist()
    column = name or "id"
    if name not in table.raw and (column in table.raw or column not in written):
        return len(written) == len(ids)
    return column in written and written[column].str.strip().tolist() == ids


def _other_submission_error(path: Path) -> UsageError:
    return UsageError(f"{path}: holds another submission; give --out FILE, or --force.")


def _check_added_columns(table: Table, config: Config, columns: Literal["all", "id"]) -> None:
    """Refuse a test file that already has a column that would be added."""
    taken = [name for name in (*uncertainty_names(config), *DOMAIN_COLUMNS) if name in table.raw]
    if taken and columns == "all":
        raise SirnaError(
            f"{table.source}: has a column {taken[0]!r} already; rename it, or give --columns id."
        )


def _fill(
    table: Table, points: np.ndarray, config: Config, columns: Literal["all", "id"]
) -> pd.DataFrame:
    """Return the test file's columns with predicted labels; measured labels go to a new column."""
    label, raw = config.columns["label"], table.raw
    remaining = rounded(points, config.score.threshold, DECIMALS)
    values = from_remaining(remaining, config.label).round(decimals(config))
    if columns == "id":
        name = config.columns["id"] or "id"
        return pd.DataFrame({name: table.rows["id"].to_numpy(), label: values})
    frame = raw.reset_index(drop=True)
    if label in frame and not blank(frame[label]).all():
        frame.insert(list(frame).index(label), _unused_name(f"{label}_measured", raw), frame[label])
    frame[label] = values
    return frame


def _write(path: Path, frame: pd.DataFrame, force: bool, check: Callable[[Path], object]) -> bool:
    """Write the file and check it before it gets its name; return True if it already was there."""
    data = csv_bytes(path, frame)
    if force or not path.exists():
        with contextlib.suppress(TakenError):  # another process has just written it
            write_atomically(path, lambda draft: draft.write_bytes(data), check, replace=force)
            return False
    if path.read_bytes() == data:
        return True
    raise _other_submission_error(path)


def _validate(path: Path, table: Table, config: Config, edges: np.ndarray) -> None:
    """Check a written file: same ids, same order, every value a number in range."""
    written = read_text_table(path)
    if not _same_rows(written, table, config):
        raise ValueError("other ids than the test file")
    value = pd.to_numeric(written[config.columns["label"]], errors="coerce").to_numpy(dtype=float)
    low, high = sorted(from_remaining(edges[[0, -1]], config.label))
    if not ((value >= low - ROUNDING_TOLERANCE) & (value <= high + ROUNDING_TOLERANCE)).all():
        raise ValueError(f"a value that is not from {low:g} to {high:g}")


def _unused_name(name: str, frame: pd.DataFrame) -> str:
    while name in frame:
        name += "_"
    return name
