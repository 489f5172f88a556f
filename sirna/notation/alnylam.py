"""The notation of Alnylam's and Axolabs' publications, with blanks between tokens or without.

Examples: `aUfuuugAfcau`, `VP u Af g s u L96`, `usGfsccaUfL96`. Lower-case letters are 2'-O-methyl
nucleotides, `Af` is 2'-fluoro, `dA` is DNA, `s` is a phosphorothioate.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from sirna.notation.errors import NotationError
from sirna.notation.known_tokens import CAPS, CHEMISTRIES, TOKENS

_SEPARATORS = re.compile("[\\s,;|.\u00b7_\\[\\]\\-\u2010-\u2015]+")
_SPELLINGS: Mapping[str, str] = (
    {token: token for token in TOKENS}
    | {other: cap.token for cap in CAPS for other in cap.other}
    | {
        other.replace("@", base): one.token_of(base)
        for one in CHEMISTRIES
        for other in one.other
        for base in one.bases
    }
)


def read(text: str, synonyms: Mapping[str, str]) -> list[str]:
    """Return the tokens of a strand.

    Parameters
    ----------
    text : str
    synonyms : mapping of str to str
        Further spellings, and the tokens that each stands for, separated by blanks.

    Raises
    ------
    NotationError
        For a part that is not a known token.
    """
    pattern, spellings = _grammar(tuple(sorted(synonyms.items())))
    found: list[str] = []
    position = 0
    while position < len(text):
        match = pattern.match(text, position) or _SEPARATORS.match(text, position)
        if match is None:
            if position == 0 and text[0] == "p":  # Axolabs' 5'-phosphate
                found.append("P")
                position = 1
                continue
            raise NotationError.at(text, position, "no known token begins here")
        found += spellings.get(match.group(), "").split()
        position = match.end()
    return found


def write(tokens: Sequence[str]) -> str:
    """Write tokens without blanks.

    Raises
    ------
    NotationError
        For tokens that would not be read back as they are.
    """
    text = "".join(tokens)
    if read(text, {}) != list(tokens):
        raise NotationError(f"{' '.join(tokens)!r} is ambiguous without blanks")
    return text


@lru_cache(maxsize=8)
def _grammar(synonyms: tuple[tuple[str, str], ...]) -> tuple[re.Pattern[str], dict[str, str]]:
    """Return the pattern of a token, the longest spelling first, and what spellings stand for."""
    spellings = {**_SPELLINGS, **dict(synonyms)}
    longest_first = sorted(spellings, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))), spellings
