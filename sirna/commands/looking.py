"""The commands by which people look at runs and predictions: report, runs, explain."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(report)
    app.command()(runs)
    app.command()(explain)


def report(
    runs: Annotated[list[Path] | None, typer.Argument(metavar="RUN")] = None,
    table: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The training table, if it was moved.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Of a comparison; default: runs/comparison.html."),
    ] = None,
) -> None:
    """Write report.html of a RUN (default: the newest), or a page that compares several."""
    from sirna.stages.console import Console
    from sirna.stages.report import ReportRequest
    from sirna.stages.report import report as run_report

    console = Console()
    path = run_report(ReportRequest(runs or (), table, out), console)
    console.line(f"report: {path}")


def runs(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the runs in runs/ with their scores and submissions, best first within a protocol."""
    from sirna.stages.console import Console
    from sirna.stages.runs import show_runs

    show_runs(as_json, Console())


def explain(
    table: Annotated[Path, typer.Argument(metavar="TABLE")],
    run: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A run or a bundle; default: the newest run.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Default: explanations/<run>.")
    ] = None,
    rows: Annotated[
        str | None, typer.Option(metavar="ID,...", help="Explain only the rows with these ids.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Largest number of rows.")] = 50,
    suggest: Annotated[
        bool, typer.Option("--suggest", help="Find substitutions of chemistry that should help.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Show which positions, modifications and conditions moved each prediction of TABLE.

    Writes explain.csv and explain.html; with --suggest also suggest.csv.
    """
    from sirna.stages.console import Console
    from sirna.stages.explain import ExplainRequest
    from sirna.stages.explain import explain as run_explain

    ids = [name.strip() for name in (rows or "").split(",") if name.strip()]
    console = Console()
    folder = run_explain(ExplainRequest(table, run, out, ids, most, suggest, device), console)
    console.line(f"explanation: {folder / 'explain.html'}")
