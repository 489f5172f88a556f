"""Errors for users: their messages say what went wrong, where, and what to do about it."""

import difflib
from collections.abc import Iterable


class SirnaError(Exception):
    """The command failed for a reason that the user can fix; the message says how to fix it."""


class UsageError(SirnaError):
    """The command, an option or the configuration is wrong: exit status 2."""


class StoppedError(SirnaError):
    """The work stopped on request, or because nobody reads its output; it can be continued."""


class OutputError(StoppedError):
    """Standard output cannot be written: it is closed, full, or its reader has ended."""


def reason(error: Exception) -> str:
    """Return the first line of an error's message; for a KeyError, the key that is missing."""
    first = next(iter(str(error).splitlines()), type(error).__name__)
    return f"no entry {first}" if isinstance(error, KeyError) else first


def suggestion(word: str, allowed: Iterable[str], cutoff: float = 0.6) -> str:
    """Return ``" (did you mean 'x'?)"`` for the nearest known word, or an empty string.

    Parameters
    ----------
    word : str
    allowed : iterable of str
    cutoff : float
        Least similarity of a suggested word, from 0 to 1 (difflib's ratio).
    """
    names = list(allowed)
    folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=cutoff)
    return f" (did you mean {folded[near[0]]!r}?)" if near else ""
