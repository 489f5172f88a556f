"""Messages about the rows of a table; those about its blocks add up to those about the whole."""

from collections.abc import Callable
from dataclasses import dataclass, field

MOST_ROWS_SHOWN = 10
"""Largest number of rows that one message lists."""


@dataclass
class Message:
    """One message, or nothing while its counts are 0.

    Attributes
    ----------
    fault : bool
        Whether it makes the table unusable.
    write : callable
        Returns the text, or None if there is nothing to report.
    counts : list of int
        What was counted; the counts of blocks are added.
    example : str
        A part of the text that comes from the first row concerned; empty without such a row.
    lines : list of str
        The first rows concerned.
    """

    fault: bool
    write: Callable[["Message"], str | None]
    counts: list[int]
    example: str = ""
    lines: list[str] = field(default_factory=list)

    def add(self, later: "Message") -> None:
        """Add the same message about a later block."""
        self.counts = [sum(both) for both in zip(self.counts, later.counts, strict=True)]
        self.example = self.example or later.example
        self.lines = (self.lines + later.lines)[:MOST_ROWS_SHOWN]

    @property
    def text(self) -> str | None:
        """The text; None if there is nothing to report."""
        return self.write(self)


def rows_text(message: Message, source: str, column: str) -> str | None:
    """Write a message about rows: how many, what was expected, and the first of them."""
    (count,) = message.counts
    if not count:
        return None
    lines = list(message.lines)
    if count > MOST_ROWS_SHOWN:
        lines.append(f"  and {count - MOST_ROWS_SHOWN} more rows")
    rows = f"{count} row{'s' if count > 1 else ''}"
    return "\n".join([f"{source}: column {column!r}, {rows}: {message.example}", *lines])
