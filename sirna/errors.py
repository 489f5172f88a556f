"""The one error that a user sees: what went wrong, where, and what to do."""

import difflib
from collections.abc import Iterable


class SirnaError(Exception):
    """The work failed for a reason that the user can mend; the message says which and how."""


class UsageError(SirnaError):
    """The command, an option or the configuration is wrong: exit status 2."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the nearest known word, or an empty string."""
    names = list(known)
    folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f" (did you mean {folded[near[0]]!r}?)" if near else ""
