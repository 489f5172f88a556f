"""Tokens and their indices."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirna.errors import SirnaError
from sirna.features.vocab import PAD, PAD_INDEX, UNK, UNK_INDEX, GenomicVocab

TOKENS = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
COUNTS = st.dictionaries(TOKENS, st.integers(1, 9), max_size=20)


@given(COUNTS)
def test_padding_is_zero_and_unknown_is_one_in_every_vocabulary(counts):
    vocab = GenomicVocab.fit(counts)
    assert vocab.tokens[PAD_INDEX] == PAD
    assert vocab.tokens[UNK_INDEX] == UNK
    assert (PAD_INDEX, UNK_INDEX) == (0, 1)


@given(st.lists(TOKENS, max_size=40), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(tokens, shuffler):
    shuffled = tokens.copy()
    shuffler.shuffle(shuffled)
    assert GenomicVocab.fit(tokens) == GenomicVocab.fit(shuffled)


def test_tokens_of_equal_frequency_are_sorted_as_text():
    assert GenomicVocab.fit({"c": 2, "a": 2, "b": 3}).to_list() == ["b", "a", "c"]


def test_the_most_frequent_tokens_are_kept():
    counts = {"rare": 1, "common": 9, "usual": 5}
    vocab = GenomicVocab.fit(counts, max_size=2)
    assert vocab.to_list() == ["common", "usual"]
    assert len(vocab) == 4
    assert "rare" not in vocab


def test_rare_tokens_are_left_out():
    assert GenomicVocab.fit({"a": 2, "b": 3, "c": 1}, min_freq=2).to_list() == ["b", "a"]


def test_tokens_are_case_sensitive():
    vocab = GenomicVocab.fit(["A", "a", "Af"])
    assert len(set(vocab.encode(["A", "a", "Af"]).tolist())) == 3


@given(COUNTS, st.lists(TOKENS, max_size=20))
def test_an_unseen_token_is_unknown_and_not_padding(counts, tokens):
    vocab = GenomicVocab.fit(counts)
    indices = vocab.encode(tokens)
    assert indices.dtype == np.int64
    assert indices.shape == (len(tokens),)
    assert (indices != PAD_INDEX).all()
    for token, index in zip(tokens, indices, strict=True):
        if token not in vocab:
            assert index == UNK_INDEX


@given(COUNTS)
def test_decoding_inverts_encoding(counts):
    vocab = GenomicVocab.fit(counts)
    assert vocab.decode(vocab.encode(vocab.to_list())) == vocab.to_list()


def test_an_empty_list_of_tokens_encodes_to_nothing():
    assert GenomicVocab(["A"]).encode([]).shape == (0,)


def test_a_special_token_in_the_rows_gets_no_second_index():
    vocab = GenomicVocab.fit([PAD, UNK, "A"])
    assert vocab.to_list() == ["A"]


@pytest.mark.parametrize("token", [PAD, UNK])
def test_a_token_that_is_written_like_a_special_one_is_unknown(token):
    vocab = GenomicVocab(["A"])
    assert vocab.encode([token, "A"]).tolist() == [UNK_INDEX, 2]
    assert token not in vocab


@pytest.mark.parametrize("tokens", [["A", "A"], [PAD], ["A", UNK]])
def test_a_token_given_twice_is_refused(tokens):
    with pytest.raises(ValueError, match="once"):
        GenomicVocab(tokens)


def test_a_vocabulary_refitted_on_test_rows_has_the_size_but_not_the_indices():
    train = ["Af", "a", "Af", "a", "Af", "u", "Gf"]
    test = ["Gf", "u", "Gf", "u", "Gf", "a", "Af"]
    ours, refitted = GenomicVocab.fit(train), GenomicVocab.fit(test)
    assert len(ours) == len(refitted)
    assert set(ours.tokens) == set(refitted.tokens)
    wrong = [token for token in test if ours.encode([token]) != refitted.encode([token])]
    assert wrong == test
    # the one fitted on training rows reads test rows by the indices that training used
    assert ours.decode(ours.encode(test)) == test
    assert ours == GenomicVocab.fit(train[::-1])


@given(COUNTS)
def test_a_vocabulary_survives_saving_and_loading(tmp_path_factory, counts):
    path = tmp_path_factory.mktemp("vocab") / "vocab.json"
    vocab = GenomicVocab.fit(counts)
    vocab.save(path)
    loaded = GenomicVocab.load(path)
    assert loaded == vocab
    assert hash(loaded) == hash(vocab)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        json.dumps({"A": 2}).encode(),
        json.dumps(["A", 3]).encode(),
        json.dumps(["A", "A"]).encode(),
        json.dumps([PAD]).encode(),
        b"\xff\xfe[",
    ],
    ids=["empty", "cut off", "an object", "a number", "twice", "special", "not UTF-8"],
)
def test_a_file_that_is_not_a_vocabulary_is_refused_by_its_name(tmp_path, content):
    path = tmp_path / "vocab.json"
    path.write_bytes(content)
    with pytest.raises(SirnaError, match=r"vocab\.json"):
        GenomicVocab.load(path)


def test_an_absent_file_is_refused_by_its_name(tmp_path):
    with pytest.raises(SirnaError, match=r"absent\.json"):
        GenomicVocab.load(tmp_path / "absent.json")


def test_the_default_size_is_9999_tokens_besides_the_special_ones():
    assert len(GenomicVocab.fit(f"t{number}" for number in range(10_001))) == 9999 + 2


def test_a_vocabulary_equals_vocabularies_only():
    vocab = GenomicVocab(["a"])
    assert vocab != vocab.tokens
    assert vocab != "a"


def test_a_saved_token_can_be_read_by_people(tmp_path):
    GenomicVocab(["Ψ"]).save(tmp_path / "vocab.json")
    assert "Ψ" in (tmp_path / "vocab.json").read_text(encoding="utf-8")
