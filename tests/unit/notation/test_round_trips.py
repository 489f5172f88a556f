"""Tokens survive being written in a notation and read again."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sirna.notation import alnylam, helm, idt
from sirna.notation.errors import NotationError
from sirna.notation.known_tokens import CAPS, CHEMISTRIES, TOKENS
from sirna.notation.nucleotides import nucleotide, spelled
from sirna.notation.read import Reader

NUCLEOTIDES = sorted(one.token_of(base) for one in CHEMISTRIES for base in one.bases)
IDT = sorted(
    one.token_of(base)
    for one in CHEMISTRIES
    if one.prefix in {"r", "m", "l"} or one.idt
    for base in one.bases
)
CAP_TOKENS = [cap.token for cap in CAPS]
AT_ENDS = sorted(set(CAP_TOKENS) - {"s"})


@st.composite
def strands(draw: st.DrawFn, nucleotides: list[str], caps: list[str]) -> list[str]:
    """Draw nucleotides, some followed by a phosphorothioate, with a cap at each end or none."""
    tokens = []
    for token in draw(st.lists(st.sampled_from(nucleotides), min_size=1, max_size=25)):
        tokens.append(token)
        if draw(st.booleans()):
            tokens.append("s")
    first = draw(st.sampled_from(["", *caps]))
    last = draw(st.sampled_from(["", *caps]))
    return [token for token in (first, *tokens, last) if token]


@given(strands(NUCLEOTIDES, AT_ENDS))
def test_tokens_survive_being_written_without_blanks(tokens: list[str]) -> None:
    try:
        text = alnylam.write(tokens)
    except NotationError:
        assume(False)
    assert alnylam.read(text, {}) == tokens
    assert list(Reader().read(text).tokens) == tokens


@given(strands([token for token in NUCLEOTIDES if token[0] != "("], ["VP", "L96"]))
def test_common_tokens_are_never_ambiguous_without_blanks(tokens: list[str]) -> None:
    assert alnylam.read(alnylam.write(tokens), {}) == tokens


@given(strands(NUCLEOTIDES, AT_ENDS))
def test_a_spaced_list_of_known_tokens_is_read_as_it_is(tokens: list[str]) -> None:
    reading = Reader().read(" ".join(tokens))
    assert list(reading.tokens) == tokens


@given(strands(IDT, ["P"]))
def test_tokens_survive_being_written_in_idt_codes(tokens: list[str]) -> None:
    assert idt.read(idt.write(tokens), {}) == tokens


@given(strands(NUCLEOTIDES, AT_ENDS))
def test_one_strand_survives_being_written_in_helm(tokens: list[str]) -> None:
    assume(not (tokens[-1] == "P" and tokens[-2:-1] == ["s"]))
    assert helm.read(helm.write({"": tokens}), {}) == {"": tokens}
    assert list(Reader().read(helm.write({"": tokens})).tokens) == tokens


@given(strands(NUCLEOTIDES, ["L96", "Chol"]), strands(NUCLEOTIDES, ["VP", "P", "invAb"]))
def test_a_duplex_survives_being_written_in_helm(passenger: list[str], guide: list[str]) -> None:
    for one in (passenger, guide):
        assume(not (one[-1] == "P" and one[-2:-1] == ["s"]))
    duplex = {"passenger": passenger, "guide": guide}
    assert helm.read(helm.write(duplex), {}) == duplex


@given(strands(NUCLEOTIDES, AT_ENDS))
def test_a_strand_written_backwards_with_marks_is_reversed(tokens: list[str]) -> None:
    reading = Reader().read(f"3'-{' '.join(reversed(tokens))}-5'")
    assert reading.backwards
    assert list(reading.tokens) == tokens


@pytest.mark.parametrize("token", sorted(TOKENS))
def test_every_known_token_has_a_name_and_at_most_one_base(token: str) -> None:
    assert TOKENS[token]
    assert len(spelled([token])) == (token not in {*CAP_TOKENS} - {"idT"})


def test_no_token_has_two_meanings() -> None:
    made = [one.token_of(base) for one in CHEMISTRIES for base in one.bases]
    assert len(made) == len(set(made))


def test_caps_hold_no_base_though_their_names_do() -> None:
    assert nucleotide("invAb") == ("", "invAb")
    assert nucleotide("GalNAc") == ("", "GalNAc")
    assert nucleotide("idT") == ("U", "id@")
