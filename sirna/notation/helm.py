"""HELM, versions 1 and 2: `RNA1{m(A)p.[fl2r](U)[sp].r(G)}|RNA2{...}$$$$`.

Source: the HELM notation of the Pistoia Alliance. Every strand is written from 5' to 3'.
"""

import re
from collections.abc import Mapping, Sequence

from sirna.notation.errors import NotationError
from sirna.notation.known_tokens import CAPS, CHEMISTRIES, PHOSPHOROTHIOATE, Chemistry

_POLYMER = re.compile(r"(?P<id>(?P<kind>[A-Z]+)\d+)\{(?P<content>[^{}]*)\}(\"[^\"]*\")?")
_UNIT = re.compile(r"(?P<sugar>\[[^\]]+\]|[A-Za-z])\((?P<base>\[[^\]]+\]|[A-Za-z])\)(?P<link>.*)")
_TYPE = re.compile(r"(RNA\d+)\"?:?\{\"?strand\s*type\"?:\"?([a-z]+)", re.IGNORECASE)
_STRANDS = {
    "as": "guide",
    "antisense": "guide",
    "guide": "guide",
    "ss": "passenger",
    "sense": "passenger",
    "passenger": "passenger",
}
_SUGARS = {name: one for one in CHEMISTRIES for name in one.helm}
_LINKS = {"": [], "p": [], "[p]": [], "[sp]": ["s"], "[ps]": ["s"]}
_CAPS = {spelling: cap.token for cap in CAPS for spelling in (cap.token, *cap.other)}


def looks_like(text: str) -> bool:
    """Return whether a text is HELM."""
    return _POLYMER.match(text.strip()) is not None and "$" in text


def read(text: str, synonyms: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the tokens of each strand.

    Parameters
    ----------
    text : str
    synonyms : mapping of str to str
        Nucleotides such as `[xyz](A)` or monomers such as `[xyz]`, and the tokens that each stands
        for, separated by blanks.

    Returns
    -------
    dict of str to list of str
        Of "guide" and "passenger", those that the text has: by their strand types; without types
        the first of two RNA polymers is the passenger. A single polymer without a type is "".

    Raises
    ------
    NotationError
        For monomers without a token, and for more than two strands.
    """
    body, *sections = text.strip().split("$")
    strands: dict[str, list[str]] = {}
    groups: dict[str, list[str]] = {}
    for polymer in _split(body, "|"):
        match = _POLYMER.fullmatch(polymer)
        if match is None:
            raise NotationError.at(text, text.index(polymer), "not a polymer of HELM")
        if match["kind"] == "RNA":
            strands[match["id"]] = _strand(match["content"], text, synonyms)
        elif match["kind"] == "CHEM":
            groups[match["id"]] = _cap(match["content"], text, synonyms)
        else:
            raise NotationError.at(text, match.start(), f"{match['kind']} is not part of a strand")
    for group, tokens in groups.items():
        _attach(tokens, group, sections[0] if sections else "", strands)
    return _by_role(strands, "$".join(sections), text)


def _strand(content: str, text: str, synonyms: Mapping[str, str]) -> list[str]:
    found: list[str] = []
    units = _split(content, ".")
    for place, unit in enumerate(units):
        match = _UNIT.fullmatch(unit)
        if match is None:
            if unit in {"p", "[p]"} and place in {0, len(units) - 1}:
                found.append("P")
            elif unit == "[sp]" and found:
                found.append("s")
            else:
                found += _cap(unit.removesuffix("p"), text, synonyms)
            continue
        nucleotide = f"{match['sugar']}({match['base']})"
        if match["link"] not in _LINKS:
            raise NotationError.at(text, text.index(unit), f"{match['link']!r} is no known linkage")
        if nucleotide in synonyms:
            found += synonyms[nucleotide].split()
        else:
            found.append(_token(match["sugar"], match["base"], unit, text))
        found += _LINKS[match["link"]]
        if place == len(units) - 1 and match["link"] in {"p", "[p]"}:
            found.append("P")
    return found


def _token(sugar: str, base: str, unit: str, text: str) -> str:
    chemistry = _SUGARS.get(sugar.strip("[]"))
    if chemistry is None or base not in chemistry.bases:
        reason = "no known nucleotide; give its token in the section [tokens] of the configuration"
        raise NotationError.at(text, text.index(unit), reason)
    return chemistry.token_of(base)


def _cap(monomer: str, text: str, synonyms: Mapping[str, str]) -> list[str]:
    """Return the tokens of a monomer without a base."""
    name = monomer.strip("[]")
    for spelling in (monomer, f"[{name}]", name):
        if spelling in synonyms:
            return synonyms[spelling].split()
    if name not in _CAPS:
        reason = "no known monomer; give its token in the section [tokens] of the configuration"
        raise NotationError.at(text, text.index(monomer), reason)
    return [_CAPS[name]]


def _attach(tokens: list[str], group: str, connections: str, strands: dict[str, list[str]]) -> None:
    """Add a group's tokens to the end of the strand that it is connected with."""
    for connection in connections.split("|"):
        ids = connection.split(",")
        if len(ids) == 3 and group in ids[:2]:
            other = ids[1] if ids[0] == group else ids[0]
            end = ids[2].split("-")[1 if ids[0] == group else 0]
            if other in strands:
                first = end == "1:R1"
                strands[other][:] = (
                    [*tokens, *strands[other]] if first else [*strands[other], *tokens]
                )
                return
    raise NotationError(f"{group} is connected with no strand")


def _by_role(strands: dict[str, list[str]], annotations: str, text: str) -> dict[str, list[str]]:
    named = {name: _STRANDS.get(kind.lower(), "") for name, kind in _TYPE.findall(annotations)}
    if len(strands) > 2 or not strands:
        raise NotationError(f"{len(strands)} RNA strands; a duplex has one or two")
    roles = [named.get(name, "") for name in strands]
    if roles == ["", ""]:
        roles = ["passenger", "guide"]
    elif "" in roles and len(roles) == 2:
        roles[roles.index("")] = "guide" if "passenger" in roles else "passenger"
    if len(set(roles)) < len(roles):
        raise NotationError(f"both strands have the type {roles[0]}")
    return dict(zip(roles, strands.values(), strict=True))


def _split(text: str, separator: str) -> list[str]:
    """Split a text at separators outside brackets and braces."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter in "[({") - (letter in "])}")
        if letter == separator and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]


def write(strands: Mapping[str, Sequence[str]]) -> str:
    """Write a duplex in HELM 1.

    Parameters
    ----------
    strands : mapping of str to sequence of str
        The tokens of "passenger" and "guide", or of one strand named "".

    Raises
    ------
    NotationError
        For tokens that have no monomer, and caps that are not at an end.
    """
    polymers: list[str] = []
    connections: list[str] = []
    types: list[str] = []
    for index, (role, tokens) in enumerate(strands.items(), start=1):
        first, middle, last = _ends(tokens)
        units = _written(middle)
        polymers.append(f"RNA{index}{{{'.'.join(units)}}}")
        for cap, place in ((first, "1:R1-1:R1"), (last, f"{_last_monomer(units)}:R2-1:R1")):
            if cap:
                name = f"CHEM{len(connections) + 1}"
                polymers.append(f"{name}{{[{cap}]}}")
                connections.append(f"RNA{index},{name},{place}")
        if role:
            types.append(f"RNA{index}{{StrandType:{'as' if role == 'guide' else 'ss'}}}")
    order = sorted(polymers, key=lambda polymer: polymer.startswith("CHEM"))
    return f"{'|'.join(order)}${'|'.join(connections)}$${'|'.join(types)}$"


_NUCLEOTIDES: dict[str, tuple[Chemistry, str]] = {
    one.token_of(base): (one, base) for one in CHEMISTRIES for base in one.bases
}
_ATTACHED = frozenset(cap.token for cap in CAPS) - {PHOSPHOROTHIOATE, "P"}


def _ends(tokens: Sequence[str]) -> tuple[str, list[str], str]:
    """Return the cap at the 5' end, the tokens between, and the cap at the 3' end."""
    middle = list(tokens)
    first = middle.pop(0) if middle and middle[0] in _ATTACHED else ""
    last = middle.pop() if middle and middle[-1] in _ATTACHED else ""
    return first, middle, last


def _last_monomer(units: Sequence[str]) -> int:
    """Return the number of the last monomer of the backbone; sugar, base and phosphate count."""
    count = sum(len(re.findall(r"\[[^\]]+\]|\w+", unit)) for unit in units)
    return count - units[-1].endswith(")") if units else 1


def _written(tokens: Sequence[str]) -> list[str]:
    """Return the units of a polymer: sugar, base and phosphate, or one monomer."""
    units: list[str] = []
    for place, token in enumerate(tokens):
        if token in _NUCLEOTIDES:
            chemistry, base = _NUCLEOTIDES[token]
            name = chemistry.helm[0]
            units.append(f"{name if len(name) == 1 else f'[{name}]'}({base})")
        elif place in {0, len(tokens) - 1} and token in {"P"}:
            units.append("p")
        elif units and units[-1].endswith(")") and token in {PHOSPHOROTHIOATE}:
            units[-1] += "[sp]"
        else:
            raise NotationError(f"{token!r} cannot be written in HELM at its place in the strand")
    inner = [unit + "p" * unit.endswith(")") for unit in units[:-1]]
    return [*inner, *units[-1:]]
