"""`sirna explain`: which positions, modifications and conditions moved each prediction."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sirna.bundle.predict_table import read_rows
from sirna.bundle.store import load_bundle
from sirna.errors import SirnaError, UsageError, suggestion
from sirna.explain.effects import effects, suggestions
from sirna.report.explain_page import explain_page
from sirna.runs.run import finished_run
from sirna.stages.console import Console
from sirna.stages.progress import rows_bar
from sirna.stages.table_description import describe_rows
from sirna.system.device import choose_device
from sirna.system.files import write_csv, write_text

EXPLANATIONS = Path("explanations")
SUGGESTED = 5
"""Suggestions for each row."""


@dataclass(frozen=True)
class ExplainRequest:
    """The options of `sirna explain`.

    Attributes
    ----------
    table : Path
    run : Path, optional
        A run or a bundle; default: the newest run.
    out : Path, optional
        The folder of the results; default: `explanations/<run>`.
    ids : sequence of str
        The rows to explain; empty: all, or a sample if there are more than `most`.
    most : int
        Largest number of rows.
    suggest : bool
        Whether to search for substitutions of chemistry that lower what remains.
    device : str
    """

    table: Path
    run: Path | None = None
    out: Path | None = None
    ids: Sequence[str] = ()
    most: int = 50
    suggest: bool = False
    device: str = "auto"


def explain(request: ExplainRequest, console: Console) -> list[Path]:
    """Write explain.html, explain.csv and, if asked for, suggest.csv; return their paths.

    Raises
    ------
    SirnaError
        For an unusable bundle or table, and for a bundle without training rows.
    UsageError
        If the table has no row with a given id.
    """
    device = choose_device(request.device)
    run = finished_run(request.run)
    bundle = load_bundle(run.bundle if run.bundle.is_dir() else run.folder)
    table = read_rows(bundle, request.table)
    rows = _chosen(table.rows, request, console)
    folder = request.out or EXPLANATIONS / run.name
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--out {folder}: is a file; name a folder.")
    console.line(f"data: {request.table}: {describe_rows(table.rows)}")
    console.line(f"run: {run.folder}; {len(rows):,} of {len(table):,} rows are explained")
    console.line("effects of bases, chemistries and conditions: each is substituted in turn")
    with rows_bar(len(rows), 0, console) as advance:
        found, _ = effects(bundle, rows, device, advance)
    if not len(found):
        raise SirnaError(f"{table.source}: no row has anything that could be substituted.")
    write_csv(folder / "explain.csv", found.round(3))
    suggested = None
    if request.suggest:
        console.line("suggestions: every chemistry that training has is tried at every place")
        with rows_bar(len(rows), 0, console) as advance:
            suggested = suggestions(bundle, rows, SUGGESTED, device, advance)
        write_csv(folder / "suggest.csv", suggested.round(3))
    medians: np.ndarray = bundle.predict(rows, device).distribution.median()
    title = f"sirna explain: {request.table.name} by {run.name}"
    write_text(folder / "explain.html", explain_page(rows, medians, found, suggested, title))
    names = ["explain.html", "explain.csv"] + ["suggest.csv"] * request.suggest
    return [folder / name for name in names]


def _chosen(rows: pd.DataFrame, request: ExplainRequest, console: Console) -> pd.DataFrame:
    """Return the rows with the given ids, or all rows, or a sample of them."""
    if request.ids:
        known = set(rows["id"])
        for name in request.ids:
            if name not in known:
                near = suggestion(name, known)
                raise UsageError(f"--rows {name}: {request.table} has no row with this id{near}.")
        return rows[rows["id"].isin(set(request.ids))].reset_index(drop=True)
    if len(rows) <= request.most:
        return rows
    console.note(f"{request.most} of {len(rows):,} rows are drawn at random; --most changes that")
    return rows.sample(request.most, random_state=0).sort_index().reset_index(drop=True)
