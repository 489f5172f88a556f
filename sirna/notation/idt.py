"""IDT's codes, and strands with a letter for the sugar before each base.

Examples: `mA/i2FU/mG*mC`, `/5Phos/rArCrG`, `mA fU rA dT`, `+A+C`. In IDT's codes a base without a
letter before it is DNA; `*` is a phosphorothioate.
"""

import re
from collections.abc import Mapping, Sequence

from sirna.notation.errors import NotationError
from sirna.notation.known_tokens import CAPS, CHEMISTRIES, Chemistry

_UNIT = re.compile(
    r"/(?P<code>[^/]+)/|(?P<prefix>[a-z+]?)(?P<base>[ACGTU])(?!(?!p?s)[a-z](?![ACGTU]))|(?P<thioate>\*|ps|s(?![ACGTU]))|"
    r"(?P<gap>[\s,;|.()\[\]\-\u2010-\u2015]+)"
)
_PREFIXES = {one.prefix: one for one in CHEMISTRIES if one.prefix} | {
    "+": next(one for one in CHEMISTRIES if one.prefix == "l")
}
_CODE = re.compile(r"[53i]?(2F|2OMe|2MOEr|deoxy)r?([ACGTU])")
_SUGARS = {one.idt: one for one in CHEMISTRIES if one.idt}
_CAPS = {cap.idt: cap.token for cap in CAPS if cap.idt}
_SIGNS = re.compile(r"/[^/]+/|[mrfl+][ACGTU]")


def read(text: str, synonyms: Mapping[str, str]) -> list[str]:
    """Return the tokens of a strand; parameters and errors are those of `alnylam.read`."""
    found: list[str] = []
    position = 0
    while position < len(text):
        spelling = next((key for key in synonyms if key and text.startswith(key, position)), None)
        if spelling is not None:
            found += synonyms[spelling].split()
            position += len(spelling)
            continue
        match = _UNIT.match(text, position)
        if match is None:
            raise NotationError.at(text, position, "not a code of IDT, nor sugar and base")
        if match["code"]:
            found.append(_coded(match["code"], text, position))
        elif match["base"]:
            found.append(_nucleotide(match["prefix"], match["base"], text, position))
        elif match["thioate"]:
            found.append("s")
        position = match.end()
    return found


def looks_like(text: str) -> bool:
    """Return whether a text holds IDT's codes or letters for sugars."""
    return _SIGNS.search(text) is not None


def _coded(code: str, text: str, position: int) -> str:
    if code in _CAPS:
        return _CAPS[code]
    match = _CODE.fullmatch(code)
    if match is None:
        raise NotationError.at(text, position, f"the code /{code}/ is not known; see [tokens]")
    return _token(_SUGARS[match[1]], match[2], text, position)


def _nucleotide(prefix: str, base: str, text: str, position: int) -> str:
    if prefix and prefix not in _PREFIXES:
        raise NotationError.at(text, position, f"{prefix!r} before {base} is no known sugar")
    if not prefix and re.search("d[ACGTU]", text):
        raise NotationError.at(text, position, f"write r{base} or d{base}: DNA is marked elsewhere")
    return _token(_PREFIXES[prefix or "d"], base, text, position)


def _token(chemistry: Chemistry, base: str, text: str, position: int) -> str:
    if base not in chemistry.bases:
        name = chemistry.name.format(base)
        raise NotationError.at(text, position, f"{name} is not a known nucleotide; see [tokens]")
    return chemistry.token_of(base)


def write(tokens: Sequence[str]) -> str:
    """Write tokens in IDT's codes.

    Raises
    ------
    NotationError
        For a token that has no code.
    """
    caps = {token: f"/{code}/" for code, token in _CAPS.items()} | {"s": "*"}
    last = len(tokens) - 1
    ends = ["5" if place == 0 else "3" if place == last else "i" for place in range(len(tokens))]
    return "".join(
        caps.get(token) or _written(token, end) for token, end in zip(tokens, ends, strict=True)
    )


def _written(token: str, end: str) -> str:
    """Return the code of a nucleotide; `end` is 5, 3 or, between the ends, i."""
    for one in CHEMISTRIES:
        base = next((base for base in one.bases if one.token_of(base) == token), None)
        if base is None:
            continue
        if one.prefix in {"r", "m"}:
            return one.prefix + base
        if one.prefix == "d" and base != "U":
            return base
        if one.prefix == "l":
            return f"+{base}"
        if one.idt:
            return f"/{end}{one.idt}{base}/"
    raise NotationError(f"{token!r} has no code of IDT")
