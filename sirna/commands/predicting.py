"""The commands that predict and what goes with it: submit, score, convert, check."""

import shlex
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sirna.commands.help import add_command
from sirna.commands.options import (
    READING,
    WRITING,
    ConfigOption,
    DeviceOption,
    ExpectOption,
    ForceOption,
    JsonOption,
    QuietOption,
    RunOption,
    SetOption,
    SheetOption,
    complete_notation,
    config_of,
    console_for,
)

if TYPE_CHECKING:
    from sirna.stages.console import Console
    from sirna.stages.submit import Submission

GROUP = "Predict"
MANY = "Many test files"
LARGEST_WORKERS = 10_000


class Columns(StrEnum):
    """The columns of a submission."""

    ALL = "all"
    ID = "id"


class Engine(StrEnum):
    """What runs the workers that predict many test files."""

    LOCAL = "local"
    RAY = "ray"


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    add_command(
        app,
        submit,
        GROUP,
        [
            ("Reads", "TEST, a table like the training table; runs/<run>/bundle/"),
            ("Writes", "submissions/<run>/submission.csv; a line in submissions/log.csv"),
        ],
        [
            ("sirna submit test.csv", "predicts every row with the newest run"),
            (
                "sirna submit new.csv --with-uncertainty --out ranked.csv",
                "adds medians, intervals and the distance to the training rows",
            ),
            (
                "sirna submit 'parts/*.parquet' --out predicted --workers 4",
                "predicts every table of a folder into a part of its own",
            ),
        ],
    )
    add_command(
        app,
        score,
        GROUP,
        [("Reads", "TRUTH and SUBMISSION, two tables with the same ids")],
        [
            ("sirna score truth.csv submission.csv", "prints the competition score and its parts"),
            ("sirna score truth.csv submission.csv --json", "prints them as JSON"),
            (
                "sirna score truth.csv mine.csv --set columns.label=knockdown",
                "reads labels from a column of another name",
            ),
        ],
    )
    add_command(
        app,
        convert,
        GROUP,
        [
            ("Reads", "IN, a table with strands as Alnylam, Axolabs, IDT or HELM write them"),
            ("Writes", "OUT, a .csv or .csv.gz file with this project's tokens"),
        ],
        [
            ("sirna convert mine.xlsx tokens.csv", "recognises the notation of each strand"),
            (
                "sirna convert plate.csv long.csv --melt",
                "turns columns that are named by doses, as '10 nM', into rows",
            ),
            (
                "sirna convert sense.csv both.csv --guide-from sense",
                "derives guides as reverse complements of sense strands",
            ),
        ],
    )
    add_command(
        app,
        check,
        GROUP,
        [("Reads", "BUNDLE, every file of it")],
        [
            ("sirna check runs/demo", "checks the bundle of a run and prints its digest"),
            ("sirna check bundle --expect 0123...", "refuses a bundle with another digest"),
            ("sirna check runs/demo --json", "prints members, training and digest as JSON"),
        ],
    )


def submit(
    test: Annotated[Path, typer.Argument(metavar="TEST", help="A table, a folder or a pattern.")],
    run: RunOption = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="TOML",
            help="A file whose [columns] name the columns of TEST.",
            rich_help_panel=READING,
        ),
    ] = None,
    sheet: SheetOption = "",
    transcripts: Annotated[
        Path | None,
        typer.Option(
            metavar="FASTA",
            help="Transcripts by target symbol, for rows that have none.",
            rich_help_panel=READING,
        ),
    ] = None,
    expect: ExpectOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE|FOLDER",
            help="A .csv, .csv.gz or .parquet file; for many test files also a folder, with a part "
            "for each.  [default: submissions/<run>/submission.csv]",
            rich_help_panel=WRITING,
        ),
    ] = None,
    columns: Annotated[
        Columns,
        typer.Option(help="All columns of TEST, or id and label.", rich_help_panel=WRITING),
    ] = Columns.ALL,
    with_uncertainty: Annotated[
        bool,
        typer.Option(
            "--with-uncertainty",
            help="Add median, P(<30 %), interval, domain.",
            rich_help_panel=WRITING,
        ),
    ] = False,
    force: ForceOption = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=LARGEST_WORKERS,
            help="How many files are predicted at a time, each with one thread.  [default: as "
            "cores and memory allow]",
            rich_help_panel=MANY,
        ),
    ] = None,
    engine: Annotated[
        Engine,
        typer.Option(help="Workers on this machine, or on those of Ray.", rich_help_panel=MANY),
    ] = Engine.LOCAL,
    address: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="A Ray cluster, as host:6379 or auto.  [default: a new one on this machine]",
            rich_help_panel=MANY,
        ),
    ] = "",
    device: DeviceOption = "auto",
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Predict every row of a table and write a submission.

    TEST may be a folder of tables or a pattern of their names: their rows become one file or, with
    --out FOLDER, one part for each table; both may then be addresses, as s3://lab/in.
    """
    from sirna.stages.predictor import SubmitRequest
    from sirna.stages.submit import submit as run_submit

    console = console_for(quiet, as_json)
    request = SubmitRequest(
        test=test,
        run=run,
        config=config,
        out=out,
        columns=columns.value,
        with_uncertainty=with_uncertainty,
        force=force,
        device=device,
        sheet=sheet,
        expect=expect,
        transcripts=transcripts,
        engine=engine.value,
        address=address,
        workers=workers,
    )
    _print_submission(run_submit(request, console), test, console)


def _print_submission(done: "Submission", test: Path, console: "Console") -> None:
    state = "unchanged" if done.unchanged else "written and checked"
    console.result(f"{done.path}: {done.rows:,} rows, {state}, {done.seconds:.1f} s")
    console.result(f"sha256 {done.digest}")
    run = f"--run {shlex.quote(str(done.run))}"
    if test.is_file():
        console.next(f"sirna explain {shlex.quote(str(test))} {run} --suggest")
    console.json(
        {
            "submission": str(done.path),
            "rows": done.rows,
            "sha256": done.digest,
            "unchanged": done.unchanged,
            "expected_score": round(done.expected_score, 6),
            "run": str(done.run),
            "seconds": round(done.seconds, 1),
        }
    )


def score(
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="The measured values.")],
    submission: Annotated[Path, typer.Argument(metavar="SUBMISSION", help="The predicted values.")],
    config: ConfigOption = None,
    change: SetOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Score a submission by the competition score."""
    from sirna.stages.score import score as run_score

    console = console_for(quiet, as_json)
    found = run_score(truth, submission, config_of(config, change, {}), console)
    parts = {name: value.as_dict() for name, value in found.items()}
    if not as_json:
        console.scores("competition score", parts)
    console.json(parts)


def convert(
    table: Annotated[Path, typer.Argument(metavar="IN", help="The table to read.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The table to write.")],
    notation: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="NOTATION",
            help="auto, alnylam, axolabs, idt, helm or tokens.",
            rich_help_panel=READING,
            autocompletion=complete_notation,
        ),
    ] = "auto",
    melt: Annotated[
        bool,
        typer.Option(
            "--melt", help="Turn columns named by doses into rows.", rich_help_panel=READING
        ),
    ] = False,
    guide_from: Annotated[
        str,
        typer.Option(
            metavar="sense|COLUMN",
            help="Derive guides from this strand or site.  [default: guides are read]",
            rich_help_panel=READING,
        ),
    ] = "",
    sheet: SheetOption = "",
    config: ConfigOption = None,
    change: SetOption = None,
    force: ForceOption = False,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Read strands in the notations of the field; write tokens.

    Of a file with settings, [columns] and [tokens] are used.
    """
    from sirna.notation.read import check_notation
    from sirna.stages.convert import ConvertRequest
    from sirna.stages.convert import convert as run_convert

    console = console_for(quiet, as_json)
    settings = config_of(config, change, {})
    known = check_notation(notation)
    request = ConvertRequest(table, out, settings, known, melt, guide_from, sheet, force)
    rows = run_convert(request, console)
    console.result(f"{out}: {rows:,} rows written")
    console.next(f"sirna train {shlex.quote(str(out))} --check")
    console.json({"table": str(out), "rows": rows})


def check(
    path: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle, or a run with one.")],
    expect: ExpectOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Check a bundle and print its digest."""
    from sirna.stages.check import check_bundle

    check_bundle(path, expect, console_for(quiet, as_json))
