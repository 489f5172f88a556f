"""Read a strand that is given as plain bases, with deoxy ends such as dTdT."""

import re
from dataclasses import dataclass

from sirna.notation.direction import without_marks

_BETWEEN = re.compile("[\\s.\\-\u2010-\u2015]+")
_BRACKETS = re.compile(r"d?\(((?:[dr]?[ACGUTacgut])+)\)(\d?)")
_SUGAR = re.compile("[dr](?=[ACGUT])|d(?=t)")


@dataclass(frozen=True)
class Bases:
    """A strand as plain bases.

    Attributes
    ----------
    text : str
        5' to 3', in capital RNA letters; other letters of the file in capitals.
    backwards : bool
        Whether it was written from 3' to 5' and has been reversed.
    has_sugars : bool
        Whether sugars were named, as in dTdT; they are not part of `text`.
    """

    text: str
    backwards: bool = False
    has_sugars: bool = False


def read_bases(text: str) -> Bases:
    """Read one strand.

    Blanks, dots, dashes and direction marks are removed. `dT`, `(dT)(dT)`, `d(TT)`, `(dT)2` and
    `rA` are read as their bases.

    Raises
    ------
    NotationError
        For direction marks that contradict each other.
    """
    bare, backwards = without_marks(text)
    bare = _BETWEEN.sub("", bare)
    plain = _SUGAR.sub("", _BRACKETS.sub(_repeated, bare))
    bases = plain.upper().replace("T", "U")
    return Bases(bases[::-1] if backwards else bases, backwards, plain != bare)


def _repeated(match: re.Match[str]) -> str:
    return match[1] * int(match[2] or 1)
