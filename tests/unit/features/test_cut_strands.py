"""Strands cut into bases or chemistries by position."""

import numpy as np
import pandas as pd
import pytest

from sirna.features.cut_strands import cut_bases, cut_chemistry

LISTS = ["VP a s Cf g", "", None, "a Cf L96", "g Af L96", "Gf"]
CHEMISTRIES = [["VP#s", "@f", "#"], [], [], ["#", "@fL96"], ["#", "@fL96"], ["@f"]]


def written_out(strands):
    return [
        [strands.parts[part] for part in row if part >= 0] for row in strands.table[strands.code]
    ]


@pytest.mark.parametrize(("longest", "cut"), [(None, 9), (2, 2)])
def test_lists_are_cut_into_the_chemistries_of_their_nucleotides(longest, cut):
    found = cut_chemistry(pd.Series(LISTS), longest)
    assert written_out(found) == [row[:cut] for row in CHEMISTRIES]


@pytest.mark.parametrize(("longest", "cut"), [(None, 9), (2, 2)])
def test_bases_are_cut_one_by_one(longest, cut):
    guides = ["ACGU", None, "AC", "ACGU"]
    found = cut_bases(pd.Series(guides), longest)
    assert written_out(found) == [list(guide or "")[:cut] for guide in guides]


def test_equal_chemistries_are_stored_once():
    assert len(cut_chemistry(pd.Series(LISTS)).table) == len({tuple(row) for row in CHEMISTRIES})


def test_a_part_without_a_category_and_a_place_beyond_the_end_have_codes_too():
    found = cut_bases(pd.Series(["AC", "A"]))
    assert found.codes(0, {"A": 4}, -7)[found.code].tolist() == [4, 4]
    assert found.codes(1, {"": 2}, -7)[found.code].tolist() == [-7, 2]
    assert found.codes(5, {"": 2}, -7)[found.code].tolist() == [2, 2]
    assert found.count({"A", "C"})[found.code].tolist() == [2, 1]
    assert found.at(1) == {"C", ""}
    assert np.array_equal(found.count(set()), np.zeros(2))
