"""Functions that damage a table, one for each kind of fault."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

GUIDE = "siRNA_antisense_seq"
LABEL = "mRNA_remaining_pct"
DOSE = "siRNA_concentration"
UNIT = "concentration_unit"
HOURS = "Duration_after_transfection_h"
ID = "id"

Frame = pd.DataFrame
Damage = Callable[[Frame], Frame | bytes]


def put(column: str, value: str, rows: int = 1) -> Damage:
    """Write a value into the first rows."""

    def damage(frame: Frame) -> Frame:
        frame.loc[: rows - 1, column] = value
        return frame

    return damage


def text(content: str | bytes) -> Damage:
    """Replace the file."""
    return lambda frame: content if isinstance(content, bytes) else content.encode()


def swap(old: bytes, new: bytes) -> Damage:
    """Replace the first occurrence of some bytes."""

    def damage(frame: Frame) -> bytes:
        content = csv(frame)
        assert old in content
        return content.replace(old, new, 1)

    return damage


def csv(frame: Frame, separator: str = ",") -> bytes:
    return frame.to_csv(index=False, sep=separator).encode()


def repeat_id(frame: Frame) -> Frame:
    frame.loc[1, ID] = frame.loc[0, ID]
    return frame


def write(path: Path, frame: Frame, damage: Damage) -> Path:
    damaged = damage(frame.copy())
    path.write_bytes(damaged if isinstance(damaged, bytes) else csv(damaged))
    return path
