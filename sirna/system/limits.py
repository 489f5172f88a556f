"""The limits of what is read, in one table; each is checked before anything large is read."""

import stat
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from sirna.errors import SirnaError

LONGEST_QUOTED = 200
"""Largest number of characters that a message quotes."""
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limit:
    """The largest size of one thing.

    Attributes
    ----------
    what : str
        What is limited, for messages and the documentation.
    most : int
    unit : str
    """

    what: str
    most: int
    unit: str

    def __str__(self) -> str:
        """Write the limit as messages and the documentation show it."""
        if self.unit == "bytes":
            return f"{self.most / MEGABYTE:,.0f} MB"
        return f"{self.most:,} {self.unit}"


LIMITS = MappingProxyType(
    {
        "strand": Limit("a strand, as bases", 64, "nucleotides"),
        "tokens": Limit("a modification list", 200, "tokens"),
        "transcript": Limit("a transcript", 1_000_000, "bases"),
        "cell": Limit("a cell of a table", 1_100_000, "characters"),
        "line": Limit("a line of a text table", 20_000_000, "bytes"),
        "name": Limit("a name in the header of a table", 1000, "characters"),
        "columns": Limit("the columns of a table", 10_000, "columns"),
        "rows": Limit("the rows of a table", 20_000_000, "rows"),
        "config": Limit("a TOML file", 10 * MEGABYTE, "bytes"),
        "nesting": Limit("the nesting of a TOML value", 50, "levels"),
        "digits": Limit("a number in TOML", 300, "digits"),
        "manifest": Limit("the manifest of a bundle", 200 * MEGABYTE, "bytes"),
        "tensors": Limit("a tensors file of a bundle", 4000 * MEGABYTE, "bytes"),
        "training": Limit("the training table of a bundle", 4000 * MEGABYTE, "bytes"),
    }
)
"""Every limit by its name; docs/data-format.md lists them."""


def check_file(path: Path, limit: Limit | None = None) -> None:
    """Check that a path is a regular file, and that it is not too large.

    Raises
    ------
    SirnaError
        For a device, a pipe or a socket, which may never end, and for a file above the limit.
    """
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        raise SirnaError(f"{quoted_path(path)}: cannot be read ({error_text(error)}).") from error
    if not stat.S_ISREG(found.st_mode):
        raise SirnaError(f"{path}: is not a regular file; copy its content to a file.")
    if limit is not None and found.st_size > limit.most:
        raise SirnaError(
            f"{path}: has {found.st_size / MEGABYTE:,.0f} MB; {limit.what} has at most {limit}."
        )


def check_row_limit(path: Path, rows: int) -> None:
    """Refuse more rows than a table may have.

    Raises
    ------
    SirnaError
    """
    if rows > LIMITS["rows"].most:
        raise SirnaError(f"{path}: has more than {LIMITS['rows']}; divide the file into several.")


def quoted(value: object) -> str:
    """Quote a value in a message: at most `LONGEST_QUOTED` characters, none of them a control."""
    text = repr(value)
    return text if len(text) <= LONGEST_QUOTED else text[: LONGEST_QUOTED - 3] + "..."


def quoted_path(path: Path) -> str:
    """Write a path in a message, shortened in the middle."""
    text = str(path)
    half = LONGEST_QUOTED // 2 - 3
    return text if len(text) <= LONGEST_QUOTED else f"{text[:half]} ... {text[-half:]}"


def error_text(error: Exception) -> str:
    """Return what the operating system says about an error, without the path."""
    return getattr(error, "strerror", None) or str(error).splitlines()[0]
