"""Distinct strands, their tokens, and the distinct rows of tables."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sirna.features.strands import Tokens, distinct_rows, distinct_texts

TEXTS = ["a Cf  g", "", "a a", "VP a", " g "]


def spelled(tokens):
    """Return the tokens of every text."""
    ends = zip(tokens.start[:-1], tokens.start[1:], strict=True)
    return [[tokens.distinct[t] for t in tokens.index[low:high]] for low, high in ends]


def test_lists_are_cut_at_their_blanks():
    tokens = Tokens.of_lists(TEXTS)
    assert spelled(tokens) == [text.split() for text in TEXTS]
    assert tokens.lengths.tolist() == [3, 0, 2, 2, 1]
    assert len(tokens) == len(TEXTS)


def test_texts_are_cut_into_letters():
    assert spelled(Tokens.letters(["ACA", "", "C\u00e4"])) == [["A", "C", "A"], [], ["C", "\u00e4"]]
    assert len(Tokens.letters([])) == 0


def test_a_table_has_a_value_for_every_token_and_padding_behind():
    tokens = Tokens.letters(["ACA", "", "C"])
    found = tokens.table(np.array([7, 9]), padding=-1)
    assert found.tolist() == [[7, 9, 7], [-1, -1, -1], [9, -1, -1]]
    assert tokens.table(np.array([7, 9]), -1, longest=2).tolist() == [[7, 9], [-1, -1], [9, -1]]


def test_texts_with_some_tokens_are_found():
    tokens = Tokens.of_lists(TEXTS)
    chosen = np.array([token in {"VP", "Cf"} for token in tokens.distinct])
    assert tokens.any_of(chosen).tolist() == [True, False, False, True, False]


def test_missing_texts_are_empty():
    codes, distinct = distinct_texts(pd.Series(["x", None, "y", "x", np.nan]))
    assert [distinct[code] for code in codes] == ["x", "", "y", "x", ""]


@given(
    arrays(np.int64, st.tuples(st.integers(1, 12), st.integers(1, 5)), elements=st.integers(-1, 3))
)
def test_distinct_rows_are_those_of_numpy(table):
    expected, first, inverse = np.unique(table, axis=0, return_index=True, return_inverse=True)
    found_first, found = distinct_rows(table)
    np.testing.assert_array_equal(table[found_first], expected)
    np.testing.assert_array_equal(found_first, first)
    np.testing.assert_array_equal(found, inverse.reshape(-1))


@pytest.mark.parametrize("columns", [1, 40, 200])
def test_many_columns_and_fractions_are_compared_too(columns):
    rng = np.random.default_rng(columns)
    whole = rng.integers(-1, 17, (50, columns))[rng.integers(0, 30, 200)]
    parts = (rng.integers(0, 4, (200, 2)) / 3).astype(np.float32)
    both = np.hstack([whole, parts])
    expected, inverse = np.unique(both, axis=0, return_inverse=True)
    first, found = distinct_rows(whole, parts)
    np.testing.assert_array_equal(both[first], expected)
    np.testing.assert_array_equal(found, inverse.reshape(-1))
