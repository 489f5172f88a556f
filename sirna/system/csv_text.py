"""Tables as CSV text, and the comparison of such text with the table that it was written from."""

import csv
import gzip
import io
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

BYTE_ORDER_MARK = "\ufeff"
LONGEST_FIELD = 10_000_000
"""Characters: longer than any field that is written. The csv module's own limit is 131,072."""


class _Lines(io.StringIO):
    """Text whose records end in a line feed.

    The csv module quotes a carriage return in a field only if records end in one. So records are
    written with CR LF, and each ending is replaced here: every record arrives in one call.
    """

    def write(self, text: str, /) -> int:
        return super().write(text.removesuffix("\r\n") + "\n")


def csv_bytes(path: Path, frame: "pd.DataFrame") -> bytes:
    """Return the bytes of a table as a CSV file of that name; equal tables give equal bytes."""
    lines = _Lines()
    frame.to_csv(lines, index=False, lineterminator="\r\n")
    text = lines.getvalue()
    if text.startswith(BYTE_ORDER_MARK):  # quoted, or it would be read as the file's own mark
        name = str(frame.columns[0])
        text = f'"{name}"' + text.removeprefix(name)
    data = text.encode()
    return gzip.compress(data, mtime=0) if _is_compressed(path) else data


def check_csv(path: Path, frame: "pd.DataFrame") -> None:
    """Read a CSV file and compare it with the table that it was written from.

    Raises
    ------
    ValueError
        Naming the first column that differs.
    """
    data = path.read_bytes()
    text = (gzip.decompress(data) if _is_compressed(path) else data).decode("utf-8-sig")
    csv.field_size_limit(LONGEST_FIELD)
    header, *records = csv.reader(io.StringIO(text, newline=""), strict=True)
    if header != [str(name) for name in frame.columns]:
        raise ValueError("its header differs")
    if len(records) != len(frame) or any(len(fields) != len(header) for fields in records):
        raise ValueError(f"it has {len(records)} rows, not {len(frame)}, or torn ones")
    for position, name in enumerate(header):
        if not _equal([fields[position] for fields in records], frame.iloc[:, position]):
            raise ValueError(f"its column {name!r} differs")


def _is_compressed(path: Path) -> bool:
    return path.name.lower().endswith(".gz")


def _equal(texts: list[str], column: "pd.Series") -> bool:
    """Compare fields with the values of a column: text as it is, numbers by value."""
    blank = column.isna().to_numpy()
    if any(bool(text) and absent for text, absent in zip(texts, blank, strict=True)):
        return False
    filled = [text for text, absent in zip(texts, blank, strict=True) if not absent]
    values = column[~blank].tolist()
    if all(isinstance(value, str) for value in values):
        return filled == values
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return [float(text) for text in filled] == [float(value) for value in values]
    return all(filled)
