"""The error of a text that a notation cannot read or cannot express."""

from sirna.errors import SirnaError

LONGEST_QUOTED = 24
"""Largest number of characters of an unreadable text that a message quotes."""


class NotationError(SirnaError):
    """A strand cannot be read or written; the message names the place and the text.

    Attributes
    ----------
    position : int
        Where the unreadable text begins, from 0; 0 if no place is to blame.
    """

    position = 0

    @classmethod
    def at(cls, text: str, position: int, reason: str) -> "NotationError":
        """Return the error for the text that begins at a position (from 0)."""
        quoted = text[position : position + LONGEST_QUOTED]
        more = "..." if len(text) > position + LONGEST_QUOTED else ""
        error = cls(f"character {position + 1}, {quoted + more!r}: {reason}")
        error.position = position
        return error
