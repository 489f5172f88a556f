"""Tables as CSV text, and the comparison of such text with the table that it was written from."""

import csv
import gzip
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

BYTE_ORDER_MARK = "\ufeff"
LONGEST_FIELD = 10_000_000
"""Characters: longer than any field that is written. The csv module's own limit is 131,072."""
QUOTED = re.compile('[,"\\n\\r]')
"""Characters of a field that needs quotes."""


def csv_bytes(path: Path, frame: "pd.DataFrame") -> bytes:
    """Return the bytes of a table as a CSV file of that name; equal tables give equal bytes."""
    data = csv_text(frame).encode()
    return gzip.compress(data, mtime=0) if _is_compressed(path) else data


def csv_text(frame: "pd.DataFrame") -> str:
    """Return a table as CSV."""
    columns = [_fields(column) for _, column in frame.items()]
    if any(column is None for column in columns):
        return _text_by_pandas(frame)
    head = [_field(str(name)) for name in frame]
    if head and head[0].startswith(BYTE_ORDER_MARK):  # else it would be read as the file's own mark
        head[0] = f'"{head[0]}"'
    lines: list[Sequence[str]] = [
        head,
        *zip(*(column for column in columns if column is not None), strict=True),
    ]
    if len(columns) == 1:  # an empty line is no record
        lines = [[line[0] or '""'] for line in lines]
    return "\n".join(map(",".join, lines)) + "\n"


def _fields(column: "pd.Series") -> list[str] | None:
    """Return the fields of a column; None if it holds something else than text or float64."""
    import pandas as pd  # noqa: PLC0415 - loads slowly

    if column.dtype == "float64":
        return ["" if value != value else str(value) for value in column.tolist()]  # noqa: PLR0124
    if pd.api.types.infer_dtype(column, skipna=True) not in {"string", "empty"}:
        return None
    codes, distinct = pd.factorize(column.to_numpy(dtype=object), use_na_sentinel=True)
    fields = [*(_field(text) for text in distinct), ""]  # the last for missing values, of code -1
    return [fields[code] for code in codes.tolist()]


class _Lines(io.StringIO):
    """Text whose records end in a line feed.

    The csv module quotes a carriage return in a field only if records end in one. So records are
    written with CR LF, and each ending is replaced here: every record arrives in one call.
    """

    def write(self, text: str, /) -> int:
        return super().write(text.removesuffix("\r\n") + "\n")


def _text_by_pandas(frame: "pd.DataFrame") -> str:
    lines = _Lines()
    frame.to_csv(lines, index=False, lineterminator="\r\n")
    text = lines.getvalue()
    if text.startswith(BYTE_ORDER_MARK):  # quoted, or it would be read as the file's own mark
        name = str(frame.columns[0])
        text = f'"{name}"' + text.removeprefix(name)
    return text


def _field(text: str) -> str:
    """Quote a text if it needs it."""
    if not QUOTED.search(text):
        return text
    return '"' + text.replace('"', '""') + '"'


def check_csv(path: Path, frame: "pd.DataFrame") -> None:
    """Read a CSV file and compare it with the table that it was written from.

    Raises
    ------
    ValueError
        Naming the first column that differs.
    """
    data = path.read_bytes()
    text = (gzip.decompress(data) if _is_compressed(path) else data).decode("utf-8-sig")
    fields_of(text, frame)


def fields_of(text: str, frame: "pd.DataFrame") -> list["pa.Array"]:
    """Return the fields of a CSV file, column by column, after comparing them with a table.

    Raises
    ------
    ValueError
        Naming the first column that differs.
    """
    columns = _columns(text, frame)
    for column, (name, values) in zip(columns, frame.items(), strict=True):
        if not _equal(column, values):
            raise ValueError(f"its column {name!r} differs")
    return columns


def _columns(text: str, frame: "pd.DataFrame") -> list["pa.Array"]:
    import pyarrow as pa  # noqa: PLC0415 - loads slowly

    from sirna.system.plain_text import Piece  # noqa: PLC0415

    csv.field_size_limit(LONGEST_FIELD)
    records = csv.reader(io.StringIO(text, newline=""), strict=True)
    header = next(records, [])
    if header != [str(name) for name in frame.columns]:
        raise ValueError("its header differs")
    whole = Piece(text.encode(), 1)
    table = whole.split(1)[1].table(",", len(header)) if whole.is_plain else None
    if table is not None and len(table) == len(frame):
        return [column.combine_chunks() for column in table.columns]
    rows = list(records)
    if len(rows) != len(frame) or any(len(fields) != len(header) for fields in rows):
        raise ValueError(f"it has {len(rows)} rows, not {len(frame)}, or torn ones")
    return [
        pa.array([fields[place] for fields in rows], pa.string()) for place in range(len(header))
    ]


def _is_compressed(path: Path) -> bool:
    return path.name.lower().endswith(".gz")


def _equal(texts: "pa.Array", column: "pd.Series") -> bool:
    """Compare fields with the values of a column: text as it is, numbers by value."""
    import pandas as pd  # noqa: PLC0415 - loads slowly
    import pyarrow as pa  # noqa: PLC0415

    blank = column.isna().to_numpy()
    if pd.api.types.infer_dtype(column, skipna=True) in {"string", "empty"}:
        expected = column.astype(object).mask(blank, "")
        return bool(texts.equals(pa.array(expected, pa.string())))
    fields = texts.to_pylist()
    if any(bool(text) and absent for text, absent in zip(fields, blank, strict=True)):
        return False
    filled = [text for text, absent in zip(fields, blank, strict=True) if not absent]
    values = column[~blank].tolist()
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return [float(text) for text in filled] == [float(value) for value in values]
    return all(filled)
