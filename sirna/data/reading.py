"""Table files read as text: .csv, .csv.gz, .parquet."""

import gzip
import zlib
from pathlib import Path

import pandas as pd

from sirna.errors import SirnaError, suggestion

SUFFIXES = (".csv", ".csv.gz", ".parquet")
DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def read_text_table(path: Path) -> pd.DataFrame:
    """Read a table with every value as text, blanks as empty text.

    Raises
    ------
    SirnaError
        For a file that is absent, empty, of another kind, damaged or wrongly delimited.
    """
    _check_path(path)
    try:
        read = _parquet_as_text if path.name.endswith(".parquet") else _read_csv
        frame = read(path)
    except SirnaError:
        raise
    except UnicodeDecodeError as error:
        raise SirnaError(
            f"{path}: not UTF-8 text at byte {error.start}; save the file as UTF-8 CSV."
        ) from error
    except pd.errors.EmptyDataError as error:
        raise SirnaError(f"{path}: the file is empty; a header and rows are needed.") from error
    except pd.errors.ParserError as error:
        raise SirnaError(f"{path}: not a regular CSV file: {error}".rstrip()) from error
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise SirnaError(f"{path}: cannot be read, it looks damaged: {error}") from error
    if frame.columns.duplicated().any():
        name = frame.columns[frame.columns.duplicated()][0]
        raise SirnaError(f"{path}: column {name!r} occurs twice in the header; rename one.")
    return frame


def _check_path(path: Path) -> None:
    if not path.exists():
        near = [other.name for other in path.parent.glob("*")] if path.parent.is_dir() else []
        raise SirnaError(f"{path}: no such file{suggestion(path.name, near)}.")
    if path.is_dir():
        raise SirnaError(f"{path}: is a folder; name a table file in it.")
    if not path.name.endswith(SUFFIXES):
        raise SirnaError(f"{path}: a table is one of {', '.join(SUFFIXES)}; convert the file.")


def _read_csv(path: Path) -> pd.DataFrame:
    opening = _opening(path)
    if opening.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SirnaError(f"{path}: UTF-16 text; save the file as UTF-8 CSV.")
    start = opening.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise SirnaError(
            f"{path}: an HTML page, not a CSV file; download the file itself (are you logged in?)."
        )
    if start.startswith((b"pk\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise SirnaError(f"{path}: a spreadsheet or archive; save it as CSV.")
    header = start.split(b"\n", 1)[0].decode("utf-8", "replace")
    for delimiter, name in DELIMITERS.items():
        if header.count(delimiter) > header.count(","):
            raise SirnaError(f"{path}: separated by {name}; a comma is needed: save it as CSV.")
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", header=None)
    short = frame.index[frame.isna().any(axis=1)]
    if len(short):
        raise SirnaError(
            f"{path}: line {short[0] + 1} has fewer fields than the header; is the file cut off?"
        )
    header_row = frame.iloc[0].str.strip().tolist()
    return frame.iloc[1:].set_axis(header_row, axis=1).reset_index(drop=True)


def _opening(path: Path) -> bytes:
    opener = gzip.open if path.name.endswith(".gz") else open
    with opener(path, "rb") as stream:
        return bytes(stream.read(65536))


def _parquet_as_text(path: Path) -> pd.DataFrame:
    frame = pd.read_parquet(path)
    text = {
        str(name): column.map(lambda value: "" if pd.isna(value) else _plain(value)).astype(str)
        for name, column in frame.items()
    }
    return pd.DataFrame(text, columns=[str(name) for name in frame.columns]).reset_index(drop=True)


def _plain(value: object) -> str:
    """Write a cell as CSV would: whole floats of an integer column with gaps stay readable."""
    return repr(value) if isinstance(value, float) else str(value)
