"""The commands by which people look at runs and predictions: report, runs, explain."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(report)


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
