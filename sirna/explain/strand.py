"""A strand as nucleotides whose base or chemistry can be substituted."""

from dataclasses import dataclass, replace

from sirna.notation.nucleotides import nucleotide

PARTNER = {"A": "U", "U": "A", "G": "C", "C": "G"}


@dataclass(frozen=True)
class Nucleotide:
    """One nucleotide as it is written.

    Attributes
    ----------
    base : str
        A, C, G or U.
    chemistry : str
        As `notation.nucleotides` names it; it includes tokens without a base beside it.
    tokens : tuple of str
        The tokens that spell it.
    """

    base: str
    chemistry: str
    tokens: tuple[str, ...]


def parsed(text: str) -> list[Nucleotide]:
    """Cut a modification list into nucleotides; they match `notation.nucleotides`."""
    found: list[Nucleotide] = []
    leading: list[str] = []
    for token in text.split():
        base, chemistry = nucleotide(token)
        if base:
            kind = "".join(leading) + chemistry
            found.append(Nucleotide(base, kind, (*leading, token)))
            leading = []
        elif found:
            last = found[-1]
            found[-1] = replace(
                last, chemistry=last.chemistry + chemistry, tokens=(*last.tokens, token)
            )
        else:
            leading.append(token)
    return found


def spelled(strand: list[Nucleotide]) -> str:
    """Write nucleotides as a modification list."""
    return " ".join(token for one in strand for token in one.tokens)


def replaced(strand: list[Nucleotide], place: int, other: Nucleotide) -> list[Nucleotide]:
    """Return the strand with another nucleotide at one place (from 0)."""
    return [*strand[:place], other, *strand[place + 1 :]]


def partner_place(guide: str, passenger: list[Nucleotide], place: int) -> int | None:
    """Return the place of the passenger that pairs with a place of the guide, both from 0.

    The guide's 5' end pairs with the passenger's 3' end. None if there is no such nucleotide, or if
    its base does not pair.
    """
    opposite = len(passenger) - 1 - place
    if 0 <= opposite < len(passenger) and passenger[opposite].base == PARTNER.get(guide[place]):
        return opposite
    return None
