"""The commands: each parses its options, calls one stage and prints; it imports what it needs."""

import os
import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sirna import __version__
from sirna.commands.looking import register
from sirna.errors import UsageError
from sirna.system.streams import prepare_streams, report_errors

if TYPE_CHECKING:
    from sirna.config.config import Config
    from sirna.stages.console import Console

app = typer.Typer(
    name="sirna",
    help="Predict how well chemically modified siRNAs silence their targets.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help is twice as fast, and has no control characters in a pipe
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Columns(StrEnum):
    """The columns of a submission."""

    ALL = "all"
    ID = "id"


ConfigOption = Annotated[Path | None, typer.Option("--config", help="A TOML file with settings.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change one setting.")
]
GOMP_SPINCOUNT = "10000"
"""GOMP_SPINCOUNT: how long an idle OpenMP thread busy-waits. The default (300,000) stalls training
when other programs need the core."""
PROTOCOL_HELP = "What is held out: rows (default), duplex, similar or target: docs/protocols.md."
FOLDS_HELP = "Folds. Default: one split of 10 %; five folds under target or with few groups."
LARGEST_SEED = 2**53
SEED_HELP = "Seed of the training and of the split."
ExpectOption = Annotated[
    str | None, typer.Option(metavar="SHA256", help="Refuse a bundle with another digest.")
]
SheetOption = Annotated[str, typer.Option(help="Sheet of a spreadsheet; default: the first.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]


ForceOption = Annotated[bool, typer.Option("--force", help="Replace an existing file.")]


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Predict how well chemically modified siRNAs silence their targets."""
    if version:
        typer.echo(f"sirna {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def sample(
    folder: Annotated[Path, typer.Argument(metavar="DIR")],
    duplexes: Annotated[int | None, typer.Option(min=20, max=1_000_000)] = None,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED)] = 0,
) -> None:
    """Write the embedded, simulated competition to DIR: train_data, test, test_truth, vocab."""
    from sirna.stages.console import Console
    from sirna.stages.sample import sample as run_sample

    written = run_sample(folder, duplexes, seed)
    Console().line(
        f"{folder}: {written.train_rows:,} training rows, {written.test_rows:,} test rows; "
        f"the best reachable score is {written.oracle.score:.4f}"
    )


@app.command()
def train(
    table: Annotated[Path | None, typer.Argument(metavar="TRAIN")] = None,
    config: ConfigOption = None,
    change: SetOption = None,
    protocol: Annotated[str | None, typer.Option(help=PROTOCOL_HELP)] = None,
    valid: Annotated[float | None, typer.Option(help="Hold out this share in one split.")] = None,
    folds: Annotated[int | None, typer.Option(min=2, max=100, help=FOLDS_HELP)] = None,
    splits: Annotated[Path | None, typer.Option(help="Use the splits.csv of a run.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=LARGEST_SEED, help=SEED_HELP)] = None,
    run: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the run.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Estimate the time; train nothing.")
    ] = False,
    sheet: SheetOption = "",
    device: DeviceOption = "auto",
) -> None:
    """Train on TRAIN (.csv, .csv.gz or .parquet) and write a run folder.

    Without TRAIN, the command uses the file that the setting data.train names, else train_data.csv
    in this folder, else the embedded data set.
    """
    flags: dict[str, Any] = {
        "data.sheet": sheet or None,
        "split.protocol": protocol,
        "split.valid": valid,
        "split.folds": folds,
        "split.seed": seed,
        "train.seed": seed,
    }
    given = _given(flags)
    if resume and (table or config or change or splits or given or check):
        raise UsageError("--resume reads all settings from the run; give it --run DIR only.")
    if sum(value is not None for value in (valid, folds, splits)) > 1:
        raise UsageError("--valid, --folds and --splits each decide what is held out; give one.")
    from sirna.stages import train as stage
    from sirna.stages.console import Console

    console = Console()
    if resume:
        stage.resume(run, device, console)
        return
    settings = _config(config, change, given)
    request = stage.TrainRequest(table, settings, run, splits, device, _command())
    if check:
        stage.check(request, console)
    else:
        stage.train(request, console)


@app.command()
def tune(
    table: Annotated[Path | None, typer.Argument(metavar="TRAIN")] = None,
    trials: Annotated[int, typer.Option(min=1, max=10**6, help="Total of finished trials.")] = 50,
    timeout: Annotated[float | None, typer.Option(min=1, max=1e9, help="Most seconds.")] = None,
    study: Annotated[str | None, typer.Option(help="Study name; default: the protocol.")] = None,
    space: Annotated[Path | None, typer.Option(help="A TOML file: the search space.")] = None,
    storage: Annotated[str | None, typer.Option(metavar="URL", help="A shared database.")] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 1,
    config: ConfigOption = None,
    change: SetOption = None,
    protocol: Annotated[str | None, typer.Option(help=PROTOCOL_HELP)] = None,
    folds: Annotated[int | None, typer.Option(min=2, max=100, help=FOLDS_HELP)] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=LARGEST_SEED, help=SEED_HELP)] = None,
    train_best: Annotated[
        bool, typer.Option("--train-best", help="Train with the best settings at the end.")
    ] = False,
    device: DeviceOption = "auto",
) -> None:
    """Search for the settings with the best score; write best.toml and tune.html."""
    from sirna.stages.console import Console
    from sirna.stages.tune import TuneRequest
    from sirna.stages.tune import tune as run_tune

    flags = {
        "split.protocol": protocol,
        "split.folds": folds,
        "split.seed": seed,
        "train.seed": seed,
    }
    settings = _config(config, change, _given(flags))
    name = settings.split.protocol if study is None else study
    console = Console()
    found = run_tune(
        TuneRequest(table, settings, space, name, trials, timeout, storage, jobs, device),
        console,
    )
    default = "not done" if found.default is None else f"{found.default:.4f}"
    console.line(f"best: trial {found.best.number}, {found.best.value:.4f}; default {default}")
    for key, value, share in found.important_parameters:
        console.line(f"  {share:5.1%} of the variance: {key} = {value}")
    console.line(f"report: {found.folder / 'tune.html'}")
    data = "" if found.source == "embedded" else f" {shlex.quote(found.source)}"
    console.line(f"to use: sirna train{data} --config {shlex.quote(str(found.toml))}")
    if train_best:
        _train_best(table, found.toml, device, console)


@app.command()
def submit(
    test: Annotated[Path, typer.Argument(metavar="TEST")],
    run: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A run or a bundle; default: the newest run.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="F", help="A TOML file; [columns] names the columns of TEST."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Default: submissions/<run>/submission.csv.")
    ] = None,
    columns: Annotated[Columns, typer.Option(help="All, or only id and label.")] = Columns.ALL,
    with_uncertainty: Annotated[
        bool, typer.Option("--with-uncertainty", help="Add median, P(<30 %), interval, domain.")
    ] = False,
    force: ForceOption = False,
    expect: ExpectOption = None,
    sheet: SheetOption = "",
    device: DeviceOption = "auto",
) -> None:
    """Predict every row of TEST and write a submission."""
    from sirna.stages.console import Console
    from sirna.stages.submit import SubmitRequest
    from sirna.stages.submit import submit as run_submit

    console = Console()
    request = SubmitRequest(
        test, run, config, out, columns.value, with_uncertainty, force, device, sheet, expect
    )
    done = run_submit(request, console)
    state = "unchanged" if done.unchanged else "written and checked"
    console.line(f"{done.path}: {done.rows:,} rows, {state}, {done.seconds:.1f} s")
    console.line(f"sha256 {done.digest}")


@app.command()
def check(
    path: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle, or a run with one.")],
    expect: ExpectOption = None,
) -> None:
    """Check a bundle and print its digest."""
    from sirna.stages.check import check_bundle
    from sirna.stages.console import Console

    check_bundle(path, expect, Console())


@app.command()
def convert(
    table: Annotated[Path, typer.Argument(metavar="IN")],
    out: Annotated[Path, typer.Argument(metavar="OUT")],
    notation: Annotated[
        str,
        typer.Option("--from", help="auto, alnylam, axolabs, idt, helm or tokens."),
    ] = "auto",
    config: Annotated[
        Path | None, typer.Option(help="A TOML file; its [columns] and [tokens] are used.")
    ] = None,
    change: SetOption = None,
    melt: Annotated[
        bool, typer.Option("--melt", help="Turn columns named by doses into rows.")
    ] = False,
    guide_from: Annotated[
        str, typer.Option(metavar="sense|COLUMN", help="Derive guides from this strand or site.")
    ] = "",
    force: ForceOption = False,
    sheet: SheetOption = "",
) -> None:
    """Read modified strands in the notations of the field; write OUT with this project's tokens."""
    from sirna.notation.read import check_notation
    from sirna.stages.console import Console
    from sirna.stages.convert import ConvertRequest
    from sirna.stages.convert import convert as run_convert

    console = Console()
    settings = _config(config, change, {})
    known = check_notation(notation)
    request = ConvertRequest(table, out, settings, known, melt, guide_from, sheet, force)
    console.line(f"{out}: {run_convert(request, console):,} rows written")


@app.command()
def score(
    truth: Annotated[Path, typer.Argument(metavar="TRUTH")],
    submission: Annotated[Path, typer.Argument(metavar="SUBMISSION")],
    config: ConfigOption = None,
    change: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score SUBMISSION against TRUTH by the competition score."""
    import json

    from sirna.stages.console import Console
    from sirna.stages.score import score as run_score

    console = Console()
    found = run_score(truth, submission, _config(config, change, {}), console)
    parts = {name: value.as_dict() for name, value in found.items()}
    if as_json:
        Console().line(json.dumps(parts))
    else:
        console.scores("competition score", parts)


register(app)


def _train_best(table: Path | None, best: Path, device: str, console: "Console") -> None:
    from sirna.stages import train as stage

    settings = _config(best, None, {})
    request = stage.TrainRequest(table, settings, device=device, command=_command())
    stage.train(request, console)


def _command() -> str:
    return shlex.join(["sirna", *sys.argv[1:]])


def _given(flags: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in flags.items() if value is not None}


def _config(path: Path | None, changes: list[str] | None, flags: dict[str, Any]) -> "Config":
    from sirna.config.load import load_config

    return load_config(path, changes, flags)


def main() -> None:
    """Run the command line; the exit status is 0 (success), 1 (failure) or 2 (bad usage)."""
    os.environ.setdefault("GOMP_SPINCOUNT", GOMP_SPINCOUNT)
    debug = "--debug" in sys.argv
    arguments = [word for word in sys.argv[1:] if word != "--debug"]
    prepare_streams()
    report_errors(lambda: app(arguments), debug)


if __name__ == "__main__":
    main()
