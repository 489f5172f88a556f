"""The command line: its commands are in `sirna.commands`; each imports what it needs."""

import gc
import os
import sys
from typing import Annotated

import typer

from sirna import __version__
from sirna.commands import looking, predicting, training
from sirna.commands.help import GroupedGroup, examples_text
from sirna.system.streams import prepare_streams, report_errors

GOMP_SPINCOUNT = "10000"
"""GOMP_SPINCOUNT: how long an idle OpenMP thread busy-waits. The default (300,000) stalls training
when other programs need the core."""
GC_THRESHOLDS = (100_000, 50, 100)
"""How rarely Python looks for unused cycles of objects. With its own values (700, 10, 10) it spends
a twelfth of a command on that, since imports and tables make many objects that stay."""
FIRST_STEPS = [
    ("sirna sample demo", "writes a simulated competition to try the commands with"),
    ("sirna train demo/train_data.csv --config configs/quick.toml", "trains: runs/, report.html"),
    ("sirna submit demo/test.csv", "predicts: submissions/"),
]

app = typer.Typer(
    name="sirna",
    cls=GroupedGroup,
    help="Predict how well chemically modified siRNAs silence their targets.",
    epilog="\n".join([*examples_text(FIRST_STEPS), "", "sirna COMMAND --help shows more."]),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help is twice as fast, and has no control characters in a pipe
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


for theme in (training, predicting, looking):
    theme.register(app)


def main() -> None:
    """Run the command line; the exit status is 0 (success), 1 (failure) or 2 (bad usage)."""
    gc.set_threshold(*GC_THRESHOLDS)
    os.environ.setdefault("GOMP_SPINCOUNT", GOMP_SPINCOUNT)
    debug = "--debug" in sys.argv
    arguments = [word for word in sys.argv[1:] if word != "--debug"]
    prepare_streams()
    report_errors(lambda: app(arguments), debug)


if __name__ == "__main__":
    main()
