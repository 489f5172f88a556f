"""`sirna report`: make the page of a run again, or a page that compares runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sirna.config.load import load_config, with_changes
from sirna.errors import SirnaError, UsageError
from sirna.report.comparison import comparison_page
from sirna.report.write import write_report
from sirna.runs.record import RunRecord, read_record
from sirna.runs.run import RUNS, Run, finished_run
from sirna.stages.console import Console
from sirna.system.files import write_text
from sirna.table.training_source import training_source

COMPARISON = "comparison.html"


@dataclass(frozen=True)
class ReportRequest:
    """The options of `sirna report`.

    Attributes
    ----------
    runs : sequence of Path
        None: the newest run. One: its `report.html`. Several: a comparison with the first one.
    table : Path, optional
        The training table, if it is not where it was when the run was made.
    out : Path, optional
        The file of a comparison; default: `runs/comparison.html`.
    """

    runs: Sequence[Path] = ()
    table: Path | None = None
    out: Path | None = None


def report(request: ReportRequest, console: Console) -> Path:
    """Write the page and return its path.

    Raises
    ------
    SirnaError
        If a run has no scores yet, a file of it is damaged, or `table` is not its table.
    UsageError
        If `out` is given for a single run, or `table` for several.
    """
    if len(request.runs) > 1:
        return _compare(request)
    if request.out is not None:
        raise UsageError("--out names the page of a comparison; a run's page is its report.html.")
    run = finished_run(request.runs[0] if request.runs else None)
    rows = _training_rows(run, request.table, console)
    write_report(run, rows)
    return run.report


def _compare(request: ReportRequest) -> Path:
    if request.table is not None:
        raise UsageError("--table belongs to the page of one run; a comparison reads no table.")
    records: list[RunRecord] = [read_record(Run(folder), None) for folder in request.runs]
    path = request.out or RUNS / COMPARISON
    if path.suffix != ".html":
        raise UsageError(f"--out {path}: a comparison is an .html file.")
    write_text(path, comparison_page(records))
    return path


def _training_rows(run: Run, table: Path | None, console: Console) -> pd.DataFrame | None:
    """Read the training table of a run; None, with a note, if it is not there or has changed."""
    if not run.config.is_file():
        raise SirnaError(f"{run.folder}: is not the folder of a run ({run.config.name} is absent).")
    config = load_config(run.config)
    if table is not None:
        config = with_changes(config, {"data.train": ""})
    try:
        source = training_source(table, config)
    except SirnaError as error:
        if table is not None:
            raise
        console.note(f"{error} The page leaves out errors by target, dose and so on; give --table.")
        return None
    if run.digest.is_file() and run.digest.read_text(encoding="utf-8") != source.digest:
        if table is not None:
            raise SirnaError(f"{source.name}: is not the table that {run.folder} was trained on.")
        console.note(
            f"{source.name} has changed since the run was made; the page leaves out errors by "
            "target, dose and so on; give --table"
        )
        return None
    return source.table.rows
