"""The commands that make data and models: sample, train, tune."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sirna.commands.help import add_command
from sirna.commands.options import (
    HELD_OUT,
    LARGEST_SEED,
    RUN,
    SETTINGS,
    WRITING,
    ConfigOption,
    DeviceOption,
    FoldsOption,
    JsonOption,
    ProtocolOption,
    QuietOption,
    RunFolderOption,
    SeedOption,
    SetOption,
    SheetOption,
    WorkersOption,
    config_of,
    console_for,
)
from sirna.errors import UsageError

if TYPE_CHECKING:
    from sirna.stages.console import Console

GROUP = "Make a model"
TABLES = "a .csv, .csv.gz, .tsv, .xlsx, .ods or .parquet file"


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    add_command(
        app,
        sample,
        GROUP,
        [("Writes", "DIR/train_data.csv, test.csv, test_truth.csv and vocab.csv")],
        [
            ("sirna sample demo", "writes the simulated competition to demo/"),
            ("sirna sample small --duplexes 100", "writes a smaller one"),
            ("sirna sample other --seed 7", "draws other sequences and measurements"),
        ],
    )
    add_command(
        app,
        train,
        GROUP,
        [
            ("Reads", f"TRAIN, {TABLES}"),
            (
                "Writes",
                "runs/<time>-<protocol>/: report.html for people, bundle/ for submit,\n"
                "oof.csv, metrics.json, log.csv, messages.txt, config.toml, splits.csv",
            ),
        ],
        [
            ("sirna train train_data.csv --check", "reads the table and estimates the time"),
            (
                "sirna train train_data.csv --protocol target --folds 5",
                "measures how well new targets are predicted",
            ),
            (
                "sirna train mine.csv --config configs/plain.toml --set train.epochs=30",
                "trains on a table of your own",
            ),
        ],
    )
    add_command(
        app,
        tune,
        GROUP,
        [
            ("Reads", f"TRAIN, {TABLES}"),
            ("Writes", "runs/tune/<study>/: best.toml for sirna train, trials.csv, tune.html"),
        ],
        [
            ("sirna tune train_data.csv --trials 50", "searches; again: goes on where it stopped"),
            ("sirna tune train_data.csv --timeout 3600 --jobs 2", "an hour in two processes"),
            (
                "sirna tune train_data.csv --space configs/tune.toml --train-best",
                "searches a space of your own and trains with the best settings",
            ),
        ],
    )


def sample(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    duplexes: Annotated[
        int | None,
        typer.Option(
            min=20,
            max=1_000_000,
            help="Number of duplexes.  [default: 1085]",
            rich_help_panel=SETTINGS,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            min=0, max=LARGEST_SEED, help="Seed of the simulation.", rich_help_panel=SETTINGS
        ),
    ] = 0,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a simulated competition, to try the commands.

    The true values of its test file are known, so that the best reachable score is known too.
    """
    from sirna.stages.sample import sample as run_sample

    console = console_for(quiet, as_json)
    written = run_sample(folder, duplexes, seed)
    console.result(
        f"{folder}: {written.train_rows:,} training rows, {written.test_rows:,} test rows; "
        f"the best reachable score is {written.oracle.score:.4f}"
    )
    console.next(f"sirna train {shlex.quote(str(folder / 'train_data.csv'))}")
    rows = {"train_rows": written.train_rows, "test_rows": written.test_rows}
    console.json({"folder": str(folder), **rows, "oracle": written.oracle.as_dict()})


def train(
    table: Annotated[
        Path | None,
        typer.Argument(
            metavar="TRAIN",
            help="The training table.  [default: data.train, train_data.csv, embedded data]",
        ),
    ] = None,
    sheet: SheetOption = "",
    config: ConfigOption = None,
    change: SetOption = None,
    seed: SeedOption = None,
    device: DeviceOption = "auto",
    protocol: ProtocolOption = None,
    valid: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Hold out this share in one split.  [default: 0.1]",
            rich_help_panel=HELD_OUT,
        ),
    ] = None,
    folds: FoldsOption = None,
    splits: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Use the splits.csv of a run.", rich_help_panel=HELD_OUT),
    ] = None,
    run: RunFolderOption = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue an interrupted run.", rich_help_panel=RUN),
    ] = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Estimate the time; train nothing.", rich_help_panel=RUN),
    ] = False,
    workers: WorkersOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train on a table of measurements, and score held-out rows.

    Without TRAIN, the command reads the file that the setting data.train names, else
    train_data.csv in this folder, else the embedded data set. Ctrl-C stops a training; --resume
    continues it with the same result.
    """
    flags = {
        "data.sheet": sheet or None,
        "split.protocol": protocol,
        "split.valid": valid,
        "split.folds": folds,
        "split.seed": seed,
        "train.seed": seed,
    }
    given = any(value is not None for value in flags.values())
    if resume and (table or config or change or splits or given or check):
        raise UsageError("--resume reads all settings from the run; give it --run DIR only.")
    if sum(value is not None for value in (valid, folds, splits)) > 1:
        raise UsageError("--valid, --folds and --splits each decide what is held out; give one.")
    from sirna.stages import train as stage
    from sirna.stages.train_request import TrainRequest
    from sirna.stages.training_check import check_training

    console = console_for(quiet, as_json)
    if resume:
        console.json(stage.resume(run, device, console, workers).as_json())
        return
    settings = config_of(config, change, flags)
    request = TrainRequest(table, settings, run, splits, device, _command(), workers=workers)
    if check:
        check_training(request, console)
    else:
        console.json(stage.train(request, console).as_json())


def tune(
    table: Annotated[
        Path | None,
        typer.Argument(metavar="TRAIN", help="The training table.  [default: as for sirna train]"),
    ] = None,
    trials: Annotated[
        int,
        typer.Option(
            min=1,
            max=10**6,
            help="Finished trials, those of earlier commands included.",
            rich_help_panel="The search",
        ),
    ] = 50,
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            min=1,
            max=1e9,
            help="Stop after so long, confirmation included.  [default: never]",
            rich_help_panel="The search",
        ),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The study.  [default: named like the protocol]",
            rich_help_panel="The search",
        ),
    ] = None,
    space: Annotated[
        Path | None,
        typer.Option(
            metavar="TOML",
            help="The search space.  [default: as configs/tune.toml]",
            rich_help_panel="The search",
        ),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="A database that several machines share.",
            rich_help_panel="The search",
        ),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(min=1, max=64, help="Worker processes.", rich_help_panel="The search"),
    ] = 1,
    config: ConfigOption = None,
    change: SetOption = None,
    seed: SeedOption = None,
    device: DeviceOption = "auto",
    protocol: ProtocolOption = None,
    folds: FoldsOption = None,
    no_confirm: Annotated[
        bool,
        typer.Option(
            "--no-confirm",
            help="Recommend the best trial as it is.",
            rich_help_panel="The search",
        ),
    ] = False,
    train_best: Annotated[
        bool,
        typer.Option(
            "--train-best",
            help="Train with the recommended settings at the end.",
            rich_help_panel=WRITING,
        ),
    ] = False,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Search for better settings and confirm them on other folds.

    A search that was stopped goes on when the same command is given again.
    """
    from sirna.stages.tune import tune as run_tune
    from sirna.stages.tune_workers import TuneRequest

    flags = {
        "split.protocol": protocol,
        "split.folds": folds,
        "split.seed": seed,
        "train.seed": seed,
    }
    settings = config_of(config, change, flags)
    name = settings.split.protocol if study is None else study
    console = console_for(quiet, as_json)
    found = run_tune(
        TuneRequest(
            table, settings, space, name, trials, timeout, storage, jobs, device, not no_confirm
        ),
        console,
    )
    if train_best:
        _train_best(table, found.toml, device, console)
    else:
        console.next(found.command)
    console.result(f"recommended: {found.reason}")
    console.json(found.figures)


def _train_best(table: Path | None, best: Path, device: str, console: "Console") -> None:
    from sirna.stages.train import train as run_train
    from sirna.stages.train_request import TrainRequest

    settings = config_of(best, None, {})
    request = TrainRequest(table, settings, device=device, command=_command(), workers=None)
    run_train(request, console)


def _command() -> str:
    return shlex.join(["sirna", *sys.argv[1:]])
