"""Read a modified strand in any known notation as tokens."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, get_args

from sirna.errors import UsageError, suggestion
from sirna.notation import alnylam, helm, idt
from sirna.notation.direction import without_marks
from sirna.notation.errors import NotationError
from sirna.notation.known_tokens import RESERVED, TOKENS
from sirna.notation.nucleotides import spelled

Notation = Literal["auto", "alnylam", "axolabs", "idt", "helm", "tokens"]
NOTATIONS: tuple[Notation, ...] = get_args(Notation)


def check_notation(name: str) -> Notation:
    """Return the name of a notation; raise UsageError for any other text."""
    for notation in NOTATIONS:
        if notation == name:
            return notation
    raise UsageError(
        f"--from {name}: no such notation{suggestion(name, NOTATIONS)}; {', '.join(NOTATIONS)}."
    )


_QUOTED_LIST = re.compile(r"[\[(]\s*(['\"].*['\"]),?\s*[\])]")
"""A list as Python prints it, with quoted entries."""
_QUOTES = re.compile(r"['\"]\s*,\s*['\"]|^['\"]|['\"]$")
_ENTRY = re.compile(r"[^\s,]+")


@dataclass(frozen=True)
class Reading:
    """A strand as it was read.

    Attributes
    ----------
    tokens : tuple of str
        5' to 3'.
    notation : str
        "tokens" for a list that was taken as it is, else the notation.
    backwards : bool
        Whether the strand was written from 3' to 5' and has been reversed.
    """

    tokens: tuple[str, ...]
    notation: str
    backwards: bool = False


@dataclass(frozen=True)
class Reader:
    """Reads strands in one notation.

    Attributes
    ----------
    notation : str
        "auto" finds the notation of each strand; "tokens" takes every entry between blanks as it
        is.
    synonyms : mapping of str to str
        Further spellings, and the tokens that each stands for, separated by blanks.
    strict : bool
        Whether an entry between blanks that is not a known token is refused, not kept.
    """

    notation: Notation = "auto"
    synonyms: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False

    def read(self, text: str, bases: str = "") -> Reading:
        """Read one strand.

        Parameters
        ----------
        text : str
            One strand; HELM with one strand.
        bases : str, optional
            The bases of the strand, 5' to 3', if they are known. Under "auto" they decide whether
            an entry between blanks is one token or several.

        Raises
        ------
        NotationError
            For a text that the notation cannot read, for contradictory direction marks, and for
            tokens with a reserved name.
        """
        reading = self._read(text, bases)
        reserved = next((name for name in RESERVED if name in reading.tokens), None)
        if reserved is not None:
            raise NotationError(f"{reserved!r} is a reserved name, not a token")
        return reading

    def _read(self, text: str, bases: str) -> Reading:
        """Read one strand, whatever the names of its tokens."""
        if self.notation == "helm" or (self.notation == "auto" and helm.looks_like(text)):
            strands = helm.read(text, self.synonyms)
            if len(strands) != 1:
                raise NotationError("a duplex in HELM; one strand is needed here")
            return Reading(tuple(next(iter(strands.values()))), "helm")
        listed = _QUOTED_LIST.fullmatch(text.strip())
        bare, backwards = without_marks(_QUOTES.sub(" ", listed[1]) if listed else text)
        order = -1 if backwards else 1
        tokens, notation = self._tokens(bare, bases[::order])
        return Reading(tuple(tokens[::order]), notation, backwards)

    def _tokens(self, text: str, bases: str) -> tuple[list[str], str]:
        """Return the tokens in the order in which they are written, and their notation."""
        entries = _ENTRY.findall(text)
        if self.notation == "tokens":
            return [token for entry in entries for token in self._kept(entry)], "tokens"
        if self.notation == "idt":
            return idt.read(text, self.synonyms), "idt"
        if self.notation != "auto":
            return alnylam.read(text, self.synonyms), "alnylam"
        if all(entry in TOKENS and entry not in self.synonyms for entry in entries):
            return entries, "tokens"
        return self._found(text, entries, bases)

    def _found(self, text: str, entries: list[str], bases: str) -> tuple[list[str], str]:
        """Return the tokens and the notation of a text that is no list of known tokens."""
        try:
            tokens = alnylam.read(text, self.synonyms)
            if len(entries) == 1 or self.strict or spelled(tokens) == bases:
                return tokens, "alnylam"
        except NotationError as error:
            farthest = error
            if idt.looks_like(text):
                try:
                    return idt.read(text, self.synonyms), "idt"
                except NotationError as other:
                    farthest = max(error, other, key=lambda one: one.position)
            if self.strict or len(entries) == 1:
                raise farthest from None
        return [token for entry in entries for token in self._one(entry)], "tokens"

    def _kept(self, entry: str) -> list[str]:
        """Return an entry between blanks as it is, or what it is a synonym for."""
        return self.synonyms[entry].split() if entry in self.synonyms else [entry]

    def _one(self, entry: str) -> list[str]:
        """Return an entry as one token, with the caps and linkages that are written with it."""
        with suppress(NotationError):
            tokens = alnylam.read(entry, self.synonyms)
            if len(spelled(tokens)) <= 1:
                return tokens
        return self._kept(entry)
