"""Direction marks at the ends of a strand, such as 5'-...-3': read them and remove them."""

import re

from sirna.notation.errors import NotationError

_PRIME = "['\u2018\u2019\u2032\u00b4`]+"
_DASH = "[-\u2010-\u2015\u2212]"
_JOINT = rf"(?:{_DASH}|[\s.:])*"
_FIRST = re.compile(
    rf"^\s*[(\[]?([53])(?:\s*{_PRIME}|\s*prime|p(?=\s|{_DASH})|(?=\s*{_DASH}))\s*[)\]]?{_JOINT}",
    re.IGNORECASE,
)
_LAST = re.compile(
    rf"{_JOINT}(?:[(\[]?\s*([53])\s*(?:{_PRIME}|\s*prime)|{_DASH}\s*([53])p?)\s*[)\]]?\s*$",
    re.IGNORECASE,
)
_BOTH = rf"[(\[]?\s*([53])\s*{_PRIME}\s*(?:{_DASH}|>|\u2192|to|\s)+\s*([53])\s*{_PRIME}\s*[)\]]?"
_BOTH_FIRST = re.compile(rf"^\s*{_BOTH}{_JOINT}", re.IGNORECASE)
_BOTH_LAST = re.compile(rf"{_JOINT}{_BOTH}\s*$", re.IGNORECASE)


def without_marks(text: str) -> tuple[str, bool]:
    """Remove the direction marks at the ends of a strand.

    Returns
    -------
    text : str
        The strand without marks, in the order in which it is written.
    backwards : bool
        Whether it is written from 3' to 5'.

    Raises
    ------
    NotationError
        If the marks contradict each other, as in 5'-...-5'.
    """
    bare, marks = _removed(text)
    first, last = marks
    if first and first == last:
        raise NotationError(f"both ends are marked {first}'; one is 5', the other 3'")
    return bare, first == "3" or last == "5"


def _removed(text: str) -> tuple[str, tuple[str, str]]:
    """Return the strand without marks, and the marks of its ends ("5", "3" or "")."""
    for pattern in (_BOTH_FIRST, _BOTH_LAST):
        both = pattern.search(text)
        if both:
            return text[: both.start()] + text[both.end() :], (both[1], both[2])
    first = _FIRST.search(text)
    bare = text[first.end() :] if first else text
    last = _LAST.search(bare)
    bare = bare[: last.start()] if last else bare
    return bare, (first[1] if first else "", (last[1] or last[2]) if last else "")
