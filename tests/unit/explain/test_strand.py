"""Strands as nucleotides that can be substituted."""

import pytest

from sirna.explain.strand import parsed, partner_place, replaced, spelled
from sirna.notation.nucleotides import nucleotides

LISTS = [
    "a Cf c c dA u (Cgn) a",
    "VP u Gf (A2p) s s a u",
    "Cf a L96",
    "P a s Uf",
    "L96",
    "",
]


@pytest.mark.parametrize("text", LISTS)
def test_nucleotides_are_those_that_the_members_compare(text):
    assert [(one.base, one.chemistry) for one in parsed(text)] == nucleotides(text.split())


@pytest.mark.parametrize("text", LISTS[:4])
def test_a_strand_that_is_cut_and_written_is_the_same(text):
    assert spelled(parsed(text)) == text


def test_one_nucleotide_is_replaced():
    strand = parsed("VP u Gf a")
    assert spelled(replaced(strand, 0, parsed("Af")[0])) == "Af Gf a"
    assert spelled(strand) == "VP u Gf a"


@pytest.mark.parametrize(
    ("guide", "passenger", "place", "expected"),
    [
        ("ACGU", "a c g u", 0, 3),
        ("ACGU", "a c g u", 3, 0),
        ("ACGUGG", "a c g u", 0, 3),
        ("ACGUGG", "a c g u", 4, None),  # an overhang pairs with nothing
        ("CCGU", "a c g u", 0, None),  # a mismatch
    ],
)
def test_the_guide_pairs_with_the_passenger_from_its_5_end(guide, passenger, place, expected):
    assert partner_place(guide, parsed(passenger), place) == expected
