"""Read a table that a bundle shall predict, and write predictions in the unit of its labels."""

from pathlib import Path

import numpy as np
import pandas as pd

from sirna.bundle.bundle import Bundle
from sirna.config.config import Config
from sirna.config.roles import SEQUENCES
from sirna.errors import SirnaError
from sirna.prediction.decision import DECIMALS
from sirna.prediction.histogram import Histogram
from sirna.table.check_table import Table, check_table, read_table
from sirna.table.report import Purpose
from sirna.table.training_source import as_text
from sirna.table.units import from_remaining


def read_rows(bundle: Bundle, table: Path | pd.DataFrame) -> Table:
    """Read and check rows to predict, from a file or from memory.

    Raises
    ------
    SirnaError
        If the table lacks the column of a sequence that the bundle reads, or cannot be read.
    """
    if isinstance(table, pd.DataFrame):
        found = check_table(as_text(table), "the table", bundle.config, Purpose.TEST)
    else:
        found = read_table(table, bundle.config, Purpose.TEST)
    check_sequences(bundle, found)
    return found


def check_sequences(bundle: Bundle, table: Table) -> None:
    """Refuse a table that lacks the column of a sequence that the bundle reads."""
    lacking = [role for role in SEQUENCES if role in bundle.reads and role not in table.rows]
    if lacking:
        config = bundle.config
        named = ", ".join(repr(config.columns[role]) for role in lacking)
        streams = [name for name, stream in config.streams.items() if stream.role in lacking]
        without = " ".join(f"--set streams.{name}.enabled=false" for name in streams)
        raise SirnaError(
            f"{table.source}: no column {named}, which this run was trained on; "
            f"add the column, or train with {without}."
        )


def decimals(config: Config) -> int:
    """Return the number of decimals to write; fractions get two more than percentages."""
    return DECIMALS + 2 * (config.label.kind == "fraction")


def uncertainty_names(config: Config) -> list[str]:
    """Return the names of the columns of `uncertainty`; they differ from those of id and label."""
    percent = f"{100 * config.predict.interval:.0f}"
    below = "prob_remaining_below" if config.label.better == "higher" else "prob_below"
    names = [
        "median",
        f"{below}_{config.score.threshold:g}",
        f"interval_{percent}_low",
        f"interval_{percent}_high",
    ]
    taken = {config.columns["id"] or "id", config.columns["label"]}
    return [f"{name}_" if name in taken else name for name in names]


def uncertainty(predicted: Histogram, config: Config) -> pd.DataFrame:
    """Return median and interval in the unit of the label, and P(less than the threshold remains).

    Use medians to rank duplexes, not the submitted points, which the decision may move across the
    threshold.
    """
    tail = (1 - config.predict.interval) / 2
    places = decimals(config)
    ends = [from_remaining(predicted.quantile(q), config.label) for q in (tail, 1 - tail)]
    median = from_remaining(predicted.median(), config.label).round(places)
    below = predicted.prob_below(config.score.threshold).round(DECIMALS + 2)
    low, high = (pick(*ends).round(places) for pick in (np.minimum, np.maximum))
    return pd.DataFrame(
        dict(zip(uncertainty_names(config), (median, below, low, high), strict=True))
    )
