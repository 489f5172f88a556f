"""Modification tokens as nucleotides."""

import pytest

from sirna.notation.nucleotides import nucleotide, nucleotides


@pytest.mark.parametrize(
    ("token", "base", "chemistry"),
    [
        ("A", "A", "@"),
        ("u", "U", "#"),
        ("Gf", "G", "@f"),
        ("dT", "U", "d@"),
        ("(Cgn)", "C", "(@gn)"),
        ("L96", "", "L96"),
        ("VP", "", "VP"),
        ("s", "", "s"),
    ],
)
def test_a_token_is_a_base_and_a_chemistry(token, base, chemistry):
    assert nucleotide(token) == (base, chemistry)


def test_tokens_without_a_base_add_to_a_neighbour():
    found = nucleotides(["VP", "a", "s", "Cf", "L96", "(Uhd)"])
    assert found == [("A", "VP#s"), ("C", "@fL96"), ("U", "(@hd)")]
    assert nucleotides(["L96"]) == []
