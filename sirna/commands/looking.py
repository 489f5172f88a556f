"""The commands by which people look at runs and predictions: report, runs, explain."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from sirna.commands.help import add_command
from sirna.commands.options import (
    READING,
    WRITING,
    DeviceOption,
    JsonOption,
    QuietOption,
    RunOption,
    complete_run,
    console_for,
)

GROUP = "Look at results"


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    add_command(
        app,
        report,
        GROUP,
        [
            ("Reads", "runs/<run>/ and the training table"),
            ("Writes", "runs/<run>/report.html, or runs/comparison.html for several runs"),
        ],
        [
            ("sirna report", "makes the page of the newest run again"),
            ("sirna report runs/one runs/other", "compares two runs or more"),
            ("sirna report runs/demo --table train_data.csv", "names a table that was moved"),
        ],
    )
    add_command(
        app,
        runs,
        GROUP,
        [("Reads", "runs/*/config.toml and metrics.json; submissions/log.csv")],
        [
            ("sirna runs", "lists all runs, best first within a protocol"),
            ("sirna runs --json", "prints the list as JSON"),
            ("sirna runs | cut -f 1,3", "prints names and scores: off a terminal, tabs separate"),
        ],
    )
    add_command(
        app,
        explain,
        GROUP,
        [
            ("Reads", "TABLE, a table like the training table; runs/<run>/bundle/"),
            ("Writes", "explanations/<run>/explain.html, explain.csv; suggest.csv"),
        ],
        [
            ("sirna explain test.csv --rows 230,568", "explains two rows"),
            ("sirna explain test.csv --suggest", "also lists chemistries that may help"),
            (
                "sirna explain test.csv --run runs/demo --most 200 --out why",
                "explains 200 rows, drawn at random",
            ),
        ],
    )


def report(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN",
            help="A run, or several to compare.  [default: the newest]",
            autocompletion=complete_run,
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The training table, if it was moved.",
            rich_help_panel=READING,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The page of a comparison.  [default: runs/comparison.html]",
            rich_help_panel=WRITING,
        ),
    ] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make the page of a run, or one that compares several."""
    from sirna.stages.report import ReportRequest
    from sirna.stages.report import report as run_report

    console = console_for(quiet, as_json)
    path = run_report(ReportRequest(runs or (), table, out), console)
    console.result(f"written: {path}")
    if len(runs or ()) < 2:
        console.next(f"sirna submit TEST --run {shlex.quote(str(path.parent))}")
    console.json({"report": str(path)})


def runs(quiet: QuietOption = False, as_json: JsonOption = False) -> None:
    """List the runs with their scores and submissions."""
    from sirna.stages.runs import show_runs

    show_runs(console_for(quiet, as_json))


def explain(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="The rows to explain.")],
    run: RunOption = None,
    rows: Annotated[
        str | None,
        typer.Option(
            metavar="ID,...",
            help="Only the rows with these ids.  [default: all]",
            rich_help_panel=READING,
        ),
    ] = None,
    most: Annotated[
        int,
        typer.Option(min=1, help="Largest number of rows.", rich_help_panel=READING),
    ] = 50,
    suggest: Annotated[
        bool,
        typer.Option(
            "--suggest",
            help="Find substitutions of chemistry that should help.",
            rich_help_panel=WRITING,
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The folder.  [default: explanations/<run>]",
            rich_help_panel=WRITING,
        ),
    ] = None,
    device: DeviceOption = "auto",
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show why rows are predicted as they are.

    For each row, the effect of every base, chemistry and condition, in percentage points.
    """
    from sirna.stages.explain import ExplainRequest
    from sirna.stages.explain import explain as run_explain

    ids = [name.strip() for name in (rows or "").split(",") if name.strip()]
    console = console_for(quiet, as_json)
    written = run_explain(ExplainRequest(table, run, out, ids, most, suggest, device), console)
    console.result(f"written: {', '.join(map(str, written))}")
    if not suggest:
        named = "" if run is None else f" --run {shlex.quote(str(run))}"
        console.next(f"sirna explain {shlex.quote(str(table))}{named} --suggest")
    console.json({"written": [str(path) for path in written]})
