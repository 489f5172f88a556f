"""Read table files (.csv, .csv.gz, .parquet) as text."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from sirna.errors import SirnaError
from sirna.system.files import name_suggestion

SUFFIXES = (".csv", ".csv.gz", ".parquet")
DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
QUOTED = re.compile('"[^"]*"')
LONGEST_FIELD = 10_000_000
"""Characters: longer than any transcript. The csv module's own limit is 131,072."""


def read_text_table(path: Path) -> pd.DataFrame:
    """Read a table with every value as text, blanks as empty text.

    Returns
    -------
    DataFrame
        Its index says where each row is in the file: the line on which it begins (the index is
        named "line") or, for Parquet, the row's position from 1 (named "row").

    Raises
    ------
    SirnaError
        For a file that is absent, empty, damaged, of another kind or with another delimiter.
    """
    name = _checked_name(path)
    try:
        frame = _read_parquet(path) if name.endswith(".parquet") else _read_csv(path)
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise SirnaError(f"{path}: cannot be read; the file is damaged: {error}") from error
    if frame.columns.duplicated().any():
        twice = frame.columns[frame.columns.duplicated()][0]
        raise SirnaError(f"{path}: column {twice!r} occurs twice in the header; rename one.")
    return frame


def is_table_name(path: Path) -> bool:
    """Return whether the name is one of a table that can be read."""
    return path.name.lower().endswith(SUFFIXES)


def _checked_name(path: Path) -> str:
    if not path.exists():
        raise SirnaError(f"{path}: no such file{name_suggestion(path)}.")
    if path.is_dir():
        raise SirnaError(f"{path}: is a folder; name a table file in it.")
    if not is_table_name(path):
        raise SirnaError(
            f"{path}: a table file ends in {', '.join(SUFFIXES)}; save the table as CSV UTF-8."
        )
    return path.name.lower()


def _read_csv(path: Path) -> pd.DataFrame:
    opener = gzip.open if path.name.lower().endswith(".gz") else open
    with opener(path, "rb") as binary:
        _check_opening(path, binary.read(65536))
        binary.seek(0)
        csv.field_size_limit(LONGEST_FIELD)
        text = io.TextIOWrapper(binary, encoding="utf-8-sig", newline="")
        reader = csv.reader(text, strict=True)
        header: list[str] = []
        rows: list[list[str]] = []
        lines: list[int] = []
        line = 0
        try:
            for fields in reader:
                begins, line = line + 1, reader.line_num
                if not fields:
                    continue
                if header and len(fields) != len(header):
                    fault = "fewer" if len(fields) < len(header) else "more"
                    raise SirnaError(
                        f"{path}: line {begins} has {len(fields)} fields, {fault} than the "
                        f"header's {len(header)}; check its commas and quotes, and the file's end."
                    )
                if header:
                    rows.append(fields)
                    lines.append(begins)
                else:
                    header = [name.strip() for name in fields]
        except UnicodeDecodeError as error:
            binary.seek(0)
            raise SirnaError(
                f"{path}: line {_undecodable(binary)} is not UTF-8 text "
                f"(byte {error.object[error.start]:#04x}); save the file as UTF-8 CSV."
            ) from error
        except csv.Error as error:
            raise SirnaError(
                f"{path}: line {line + 1}: {error}; is a quote left open or out of place?"
            ) from error
    if not header:
        raise SirnaError(f"{path}: the file is empty; a header and rows are needed.")
    columns = list(zip(*rows, strict=True)) or [()] * len(header)
    index = pd.Index(lines, name="line", dtype="int64")
    parts = [pd.Series(column, index=index, dtype=str) for column in columns]
    return pd.concat(parts, axis=1, keys=range(len(header))).set_axis(header, axis=1)


def _undecodable(lines: Iterable[bytes]) -> int:
    """Return which line, from 1, is the first that is not UTF-8."""
    for number, line in enumerate(lines, start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            return number
    raise AssertionError("the caller has found a line that is not UTF-8")


def _check_opening(path: Path, opening: bytes) -> None:
    """Refuse a file whose first bytes are not those of comma-separated text."""
    if opening.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in opening[:1000]:
        raise SirnaError(f"{path}: is UTF-16 or binary, not UTF-8; save the file as UTF-8 CSV.")
    start = opening.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"<"):
        raise SirnaError(
            f"{path}: an HTML page, not a CSV file; download the file itself (are you logged in?)."
        )
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise SirnaError(f"{path}: a spreadsheet or archive; save it as CSV.")
    bare = QUOTED.sub("", start.decode("utf-8", "replace"))
    header, *below = [line.strip() for line in re.split(r"[\r\n]+", bare)][:2]
    commas = header.count(",")
    for delimiter, name in DELIMITERS.items():
        # Spaces in the header may belong to names: then there are commas, or no spaces below it.
        named = delimiter == " " and (commas or " " not in "".join(below))
        if header.count(delimiter) > commas and not named:
            raise SirnaError(
                f"{path}: separated by {name}; a comma is needed: save it as CSV, with commas "
                "between values and points in decimals (as spreadsheets under English settings do)."
            )


def _read_parquet(path: Path) -> pd.DataFrame:
    frame = pd.read_parquet(path)
    text = {str(name): column.map(_plain).astype(str) for name, column in frame.items()}
    index = pd.RangeIndex(1, len(frame) + 1, name="row")
    columns = [str(name) for name in frame.columns]
    return pd.DataFrame(text, columns=columns).set_index(index)


def _plain(value: object) -> str:
    """Write a cell as a CSV file would hold it; the items of a list become tokens."""
    if isinstance(value, list | tuple | np.ndarray):
        return " ".join(str(item) for item in value)
    return "" if pd.isna(value) else str(value)  # type: ignore[call-overload]
