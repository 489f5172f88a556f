"""Read the training table and split it, and print what should be known about both."""

from dataclasses import replace
from pathlib import Path

from sirna.config.config import Config
from sirna.stages.console import Console
from sirna.stages.run_description import uncovered_bases_notes
from sirna.stages.table_description import describe_rows
from sirna.system.memory import return_freed_memory
from sirna.table.splits import NOT_HELD_OUT, Split, make_split
from sirna.table.training_source import Source, training_source

SHARE_TOLERANCE = 2.0
"""If the share of held-out rows differs from the requested one by more than this factor, print a
note."""


def open_training(argument: Path | None, config: Config, console: Console) -> Source:
    """Read the training table and print what should be known about it.

    The text of the file, of which transcripts are the most, is not kept.
    """
    source = training_source(argument, config)
    table = replace(source.table, raw=source.table.raw.iloc[:, :0])
    source = replace(source, table=table)
    return_freed_memory()
    console.line(f"data: {source.name} ({source.origin}): {describe_rows(source.table.rows)}")
    for note in (*source.table.notes, *uncovered_bases_notes(source.table.rows, config)):
        console.note(note)
    return source


def split_of(source: Source, config: Config, splits: Path | None, console: Console) -> Split:
    """Load a saved split, or make one."""
    rows = source.table.rows
    if splits is not None:
        ids = rows["id"].to_numpy().astype(str)
        return Split.load(splits, ids, config.protocol.groups(rows))
    split = make_split(rows, config.split, source.name)
    share, wanted = float((split.fold != NOT_HELD_OUT).mean()), config.split.valid
    if len(split.folds) < 2 and not wanted / SHARE_TOLERANCE <= share <= wanted * SHARE_TOLERANCE:
        console.note(
            f"{share:.0%} of the rows are held out, not {wanted:.0%}, because groups are large"
        )
    return split
