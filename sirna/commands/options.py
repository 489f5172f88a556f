"""Options that several commands share, and the groups under which help lists options."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sirna.config.config import Config
    from sirna.stages.console import Console

READING, SETTINGS, HELD_OUT, RUN, WRITING, SCREEN = (
    "What is read",
    "Settings",
    "What is held out",
    "The run",
    "What is written",
    "On the screen",
)
LARGEST_SEED = 2**53
PROTOCOLS = ("rows", "duplex", "similar", "target")
NOTATIONS = ("auto", "alnylam", "axolabs", "idt", "helm", "tokens")


def complete_protocol(incomplete: str) -> list[str]:
    """Return the protocols that begin like this, for the shell's completion."""
    return [name for name in PROTOCOLS if name.startswith(incomplete)]


def complete_notation(incomplete: str) -> list[str]:
    """Return the notations that begin like this."""
    return [name for name in NOTATIONS if name.startswith(incomplete)]


def complete_device(incomplete: str) -> list[str]:
    """Return the devices that begin like this."""
    return [name for name in ("auto", "cpu", "cuda") if name.startswith(incomplete)]


def complete_run(incomplete: str) -> list[str]:
    """Return the folders of runs, newest first."""
    found = sorted(Path("runs").glob("*/config.toml"), key=lambda path: -path.stat().st_mtime)
    names = [str(path.parent) for path in found]
    return [name for name in names if name.startswith(incomplete)]


def complete_setting(incomplete: str) -> list[str]:
    """Return the settings that begin like this, as SECTION.KEY=."""
    from sirna.config.leaves import leaves_of
    from sirna.config.load import load_config

    return [f"{key}=" for key in leaves_of(load_config()) if key.startswith(incomplete)]


ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="TOML", help="A file with settings.", rich_help_panel=SETTINGS
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SECTION.KEY=VALUE",
        help="Change one setting; may be repeated.",
        rich_help_panel=SETTINGS,
        autocompletion=complete_setting,
    ),
]
ProtocolOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="rows, duplex, similar or target; see docs/protocols.md.  [default: rows]",
        rich_help_panel=HELD_OUT,
        autocompletion=complete_protocol,
    ),
]
FoldsOption = Annotated[
    int | None,
    typer.Option(
        min=2,
        max=100,
        help="Number of folds.  [default: one split of 10 %; five folds under target or if groups "
        "are few]",
        rich_help_panel=HELD_OUT,
    ),
]
SeedOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=LARGEST_SEED,
        help="Seed of the training and of the split.  [default: 42]",
        rich_help_panel=SETTINGS,
    ),
]
RunOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="A run or a bundle.  [default: the newest run]",
        rich_help_panel=READING,
        autocompletion=complete_run,
    ),
]
SheetOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Sheet of a spreadsheet.  [default: the first]",
        rich_help_panel=READING,
    ),
]
ExpectOption = Annotated[
    str | None,
    typer.Option(
        metavar="SHA256",
        help="Refuse a bundle with another digest.",
        rich_help_panel=READING,
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="auto, cpu, cuda or cuda:N: where networks compute.",
        rich_help_panel=SETTINGS,
        autocompletion=complete_device,
    ),
]
RunFolderOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder of the run.  [default: runs/<time>-<protocol>]",
        rich_help_panel=RUN,
        autocompletion=complete_run,
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=64,
        help="Processes, one fit each at a time; the result is the same for any number.  [default: "
        "chosen by cores, memory and the size of the training]",
        rich_help_panel=RUN,
    ),
]
ForceOption = Annotated[
    bool,
    typer.Option("--force", help="Replace an existing file.", rich_help_panel=WRITING),
]
QuietOption = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="Print the outcome and errors, nothing else.",
        rich_help_panel=SCREEN,
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print the outcome as JSON; everything else goes to stderr.",
        rich_help_panel=SCREEN,
    ),
]


def console_for(quiet: bool, as_json: bool) -> "Console":
    """Return the console of a command with these options."""
    from sirna.stages.console import Console

    return Console(quiet=quiet, as_json=as_json)


def config_of(path: Path | None, changes: list[str] | None, flags: dict[str, Any]) -> "Config":
    """Read the configuration from a file, `--set` options, and flags that are not None."""
    from sirna.config.load import load_config

    given = {key: value for key, value in flags.items() if value is not None}
    return load_config(path, changes, given)
