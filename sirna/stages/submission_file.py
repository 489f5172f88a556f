"""The columns of a submission, filled block by block, each block read back and checked."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from sirna.bundle.bundle import Bundle, Prediction
from sirna.bundle.domain import domain
from sirna.bundle.predict_table import decimals, uncertainty
from sirna.config.config import Config
from sirna.errors import SirnaError
from sirna.prediction.decision import DECIMALS, rounded
from sirna.system.csv_text import fields_of
from sirna.table.check_table import Table
from sirna.table.facts import Facts
from sirna.table.read_blocks import FileBlocks
from sirna.table.stream import Stream, joined
from sirna.table.units import from_remaining

ROUNDING_TOLERANCE = 1e-6
"""A written value may exceed its bound by this much because of rounding."""


@dataclass(frozen=True)
class Layout:
    """The columns of a submission.

    Attributes
    ----------
    config : Config
    columns : {"all", "id"}
        Whether it has all columns of the test file, or the id alone.
    with_uncertainty : bool
        Whether uncertainty and domain are added.
    has_measured : bool
        Whether the test file has labels; they move to a column of their own.
    """

    config: Config
    columns: Literal["all", "id"]
    with_uncertainty: bool
    has_measured: bool

    @property
    def options(self) -> tuple[object, ...]:
        """What the columns depend on beside the configuration."""
        return self.columns, self.with_uncertainty, self.has_measured

    def fill(self, table: Table, predicted: Prediction, bundle: Bundle) -> pd.DataFrame:
        """Return the columns of some rows of the test file with their predicted labels."""
        label, raw = self.config.columns["label"], table.raw
        remaining = rounded(predicted.points, self.config.score.threshold, DECIMALS)
        values = from_remaining(remaining, self.config.label).round(decimals(self.config))
        if self.columns == "id":
            name = self.config.columns["id"] or "id"
            frame = pd.DataFrame({name: table.rows["id"].to_numpy(), label: values})
        else:
            frame = raw.reset_index(drop=True)
            if self.has_measured:
                name = _unused_name(f"{label}_measured", raw)
                frame.insert(list(frame).index(label), name, frame[label])
            frame[label] = values
        if self.with_uncertainty:
            frame = frame.join(uncertainty(predicted.distribution, self.config))
            frame = frame.join(domain(bundle, table.rows))
        return frame

    def check(self, text: str, frame: pd.DataFrame, table: Table, edges: np.ndarray) -> None:
        """Check written rows: as in the frame, same ids, same order, every value in range.

        Raises
        ------
        ValueError
            Naming what differs.
        """
        fields = dict(zip(frame, fields_of(text, frame), strict=True))
        label, name = self.config.columns["label"], self.config.columns["id"] or "id"
        columns = {
            column: fields[column].to_pylist() for column in (name, label) if column in fields
        }
        if not _same_ids(pd.DataFrame(columns, dtype=object), table, self.config):
            raise ValueError("other ids than the test file")
        texts = pd.Series(columns[label])
        value = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=float)
        low, high = sorted(from_remaining(edges[[0, -1]], self.config.label))
        if not ((value >= low - ROUNDING_TOLERANCE) & (value <= high + ROUNDING_TOLERANCE)).all():
            raise ValueError(f"a value that is not from {low:g} to {high:g}")


def same_rows(path: Path, stream: Stream, config: Config) -> bool:
    """Return whether a file has the table's ids in their order, or no ids and as many rows."""
    name, raw = config.columns["id"], stream.head.raw
    column, count, digest = name or "id", 0, hashlib.sha256()
    try:
        for written in FileBlocks(path, ()).frames(Facts()):
            count += len(written)
            if name not in raw and (column in raw or column not in written):
                continue
            if column not in written:
                return False
            digest.update(joined(written[column].str.strip()))
    except SirnaError:
        return False
    if name not in raw and (column in raw or column not in written):
        return count == len(stream)
    return digest.hexdigest() == stream.digest


def _same_ids(written: pd.DataFrame, table: Table, config: Config) -> bool:
    name, ids = config.columns["id"], table.rows["id"].tolist()
    column = name or "id"
    if name not in table.raw and (column in table.raw or column not in written):
        return len(written) == len(ids)
    return column in written and written[column].str.strip().tolist() == ids


def _unused_name(name: str, frame: pd.DataFrame) -> str:
    while name in frame:
        name += "_"
    return name
