"""Find and read the training table: the argument, the configuration's file, or embedded data."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sirna.config.config import Config
from sirna.simulate.simulate import simulate
from sirna.system.files import sha256
from sirna.table.check_table import Table, check_table, read_table

EMBEDDED = "embedded"
IN_FOLDER = Path("train_data.csv")


@dataclass(frozen=True)
class Source:
    """A training table and where it was found.

    Attributes
    ----------
    name : str
        Absolute path or "embedded": a valid value of `data.train`.
    origin : str
        How the table was found, for the first line that is printed.
    digest : str
        SHA-256 of the file.
    """

    table: Table
    name: str
    origin: str
    digest: str


def training_source(argument: Path | None, config: Config) -> Source:
    """Read the given file, else `data.train`, else `./train_data.csv`, else the embedded data."""
    if argument is not None:
        path, origin = argument, "given"
    elif config.data.train == EMBEDDED:
        return _embedded(config, "data.train")
    elif config.data.train:
        path, origin = Path(config.data.train), "data.train"
    elif IN_FOLDER.is_file():
        path, origin = IN_FOLDER, "found in the current folder"
    else:
        return _embedded(config, "no file was given or found")
    table = read_table(path, config, sheet=config.data.sheet)
    return Source(table, str(path.resolve()), origin, sha256(path))


def as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table as it would be read from a CSV file: every value text, blanks empty."""
    written = io.StringIO(frame.to_csv(index=False))
    text = pd.read_csv(written, dtype=str, keep_default_na=False)
    return text.set_index(pd.RangeIndex(1, len(text) + 1, name="row"))


def _embedded(config: Config, origin: str) -> Source:
    text = as_text(simulate().train)
    digest = hashlib.sha256(text.to_csv(index=False).encode()).hexdigest()
    return Source(check_table(text, EMBEDDED, config), EMBEDDED, origin, digest)
