"""Split tokens into a base and a chemistry."""

import re
from collections.abc import Sequence
from functools import cache

from sirna.notation.known_tokens import WITHOUT_BASE

BASE = re.compile("[ACGUTacgut]")


@cache
def nucleotide(token: str) -> tuple[str, str]:
    """Split a token into its base and its chemistry.

    Returns
    -------
    base : str
        A, C, G or U; empty for a token without a base.
    chemistry : str
        The token with its base replaced by `@` (`#` for a lower-case base): Af, Cf, Gf and Uf all
        have the chemistry `@f`.
    """
    match = None if token in WITHOUT_BASE else BASE.search(token)
    if match is None:
        return "", token
    letter = match.group()
    mark = "#" if letter.islower() else "@"
    base = letter.upper().replace("T", "U")
    return base, token[: match.start()] + mark + token[match.end() :]


def nucleotides(tokens: Sequence[str]) -> list[tuple[str, str]]:
    """Return base and chemistry of every nucleotide of a strand, 5' to 3'.

    Tokens without a base (VP, P, L96, s) add to the chemistry of the nucleotide before them; those
    that lead a strand add to the first nucleotide.
    """
    found: list[tuple[str, str]] = []
    leading = ""
    for base, chemistry in map(nucleotide, tokens):
        if base:
            found.append((base, leading + chemistry))
            leading = ""
        elif found:
            found[-1] = (found[-1][0], found[-1][1] + chemistry)
        else:
            leading += chemistry
    return found


def spelled(tokens: Sequence[str]) -> str:
    """Return the bases of the tokens, 5' to 3', as capital RNA letters."""
    return "".join(nucleotide(token)[0] for token in tokens)
