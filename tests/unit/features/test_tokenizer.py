"""How sequences are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirna.features.tokenizer import GenomicTokenizer

BASES = st.text("ACGU", max_size=30)
NGRAM = st.integers(1, 8)
OVERLAPPING = NGRAM.flatmap(lambda k: st.tuples(st.just(k), st.integers(1, k)))
GUIDE = "UACGAUCGGAUCCAUGCUUAGCA"
TOKEN = st.sampled_from(["A", "a", "Af", "dT", "(Agn)", "L96", "VP", "s", "u", "U", "t"])


def rebuilt(tokens: list[str], stride: int) -> str:
    """Lay the tokens where they were cut; overlaps must agree."""
    sequence = ""
    for number, token in enumerate(tokens):
        start = number * stride
        overlap = sequence[start:]
        assert token.startswith(overlap)
        sequence += token[len(overlap) :]
    return sequence


@given(BASES, OVERLAPPING)
def test_a_kept_tail_loses_no_base(sequence, cut):
    tokenizer = GenomicTokenizer(*cut, tail="keep")
    assert rebuilt(tokenizer.tokens(sequence), tokenizer.stride) == sequence
    assert tokenizer.count_uncovered(sequence) == 0


@given(BASES, OVERLAPPING)
def test_a_dropped_tail_loses_exactly_the_bases_that_are_counted(sequence, cut):
    tokenizer = GenomicTokenizer(*cut, tail="drop")
    kept = rebuilt(tokenizer.tokens(sequence), tokenizer.stride)
    assert sequence.startswith(kept)
    assert len(sequence) - len(kept) == tokenizer.count_uncovered(sequence)


@given(BASES, NGRAM, NGRAM, st.sampled_from(["keep", "drop"]))
def test_no_token_is_empty_or_longer_than_k(sequence, ngram, stride, tail):
    tokens = GenomicTokenizer(ngram, stride, tail).tokens(sequence)
    assert all(1 <= len(token) <= ngram for token in tokens)


@given(BASES, NGRAM, NGRAM)
def test_a_dropped_tail_does_not_change_whole_kmers(sequence, ngram, stride):
    tokens = GenomicTokenizer(ngram, stride, "drop").tokens(sequence)
    assert all(len(token) == ngram for token in tokens)


def test_a_stride_above_k_skips_the_bases_between():
    assert GenomicTokenizer(1, 2).tokens("ACGUA") == ["A", "G", "A"]
    assert GenomicTokenizer(1, 2).tokens("ACGU") == ["A", "G"]


def test_the_published_tokenizer_gives_seven_tokens_and_loses_two_bases_of_23():
    tokenizer = GenomicTokenizer(3, 3, "drop")
    assert tokenizer.tokens(GUIDE) == ["UAC", "GAU", "CGG", "AUC", "CAU", "GCU", "UAG"]
    assert tokenizer.count_uncovered(GUIDE) == 2


def test_a_kept_tail_adds_an_eighth_token_to_the_published_tokenizer():
    tokens = GenomicTokenizer(3, 3, "keep").tokens(GUIDE)
    assert len(tokens) == 8
    assert tokens[-1] == "CA"


def test_a_sequence_shorter_than_k_is_one_token_or_none():
    assert GenomicTokenizer(3, 1, "keep").tokens("AC") == ["AC"]
    assert GenomicTokenizer(3, 1, "drop").tokens("AC") == []
    assert GenomicTokenizer(3, 1, "drop").count_uncovered("AC") == 2


@given(st.text("ACGTUacgtu", max_size=30), OVERLAPPING)
def test_tokens_do_not_depend_on_case_or_on_t_in_place_of_u(sequence, cut):
    tokens = GenomicTokenizer(*cut).tokens
    assert tokens(sequence) == tokens(sequence.upper().replace("T", "U"))
    assert tokens(sequence) == tokens(sequence.lower().replace("u", "t"))


@given(st.lists(TOKEN, min_size=2, max_size=25), NGRAM, NGRAM)
def test_a_list_keeps_every_token_with_its_case(entries, ngram, stride):
    tokenizer = GenomicTokenizer(ngram, stride, "drop")
    assert tokenizer.tokens(" ".join(entries)) == entries
    assert tokenizer.count_uncovered(" ".join(entries)) == 0


@given(st.lists(TOKEN, min_size=2, max_size=25))
def test_the_amount_of_white_space_does_not_matter(entries):
    tokenizer = GenomicTokenizer()
    assert tokenizer.tokens("  " + " \t ".join(entries) + "\n") == entries


@pytest.mark.parametrize("sequence", ["", " ", "\t\n"])
@pytest.mark.parametrize("tail", ["keep", "drop"])
def test_an_empty_sequence_has_no_tokens(sequence, tail):
    tokenizer = GenomicTokenizer(3, 1, tail)
    assert tokenizer.tokens(sequence) == []
    assert tokenizer.count_uncovered(sequence) == 0


@pytest.mark.parametrize(("ngram", "stride"), [(0, 1), (1, 0), (-1, 1)])
def test_a_k_or_a_stride_below_one_is_refused(ngram, stride):
    with pytest.raises(ValueError, match="1 or more"):
        GenomicTokenizer(ngram, stride)
