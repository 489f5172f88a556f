"""One spelling of bases, and one definition of a duplex."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirna.config.config import Config
from sirna.table.check_table import check_table
from sirna.table.report import Purpose
from sirna.table.sequence import NO_SEQUENCE, duplex_codes, reverse_complement, rna

NAMES = Config().columns
STRANDS = st.text("ACGUTacgut", max_size=25)


@given(STRANDS)
def test_every_spelling_of_bases_gives_the_same_rna(bases):
    assert set(rna(bases)) <= set("ACGU")
    assert rna(rna(bases)) == rna(bases)
    assert rna(bases.lower()) == rna(bases.upper()) == rna(bases)


@given(STRANDS)
def test_the_reverse_complement_of_the_reverse_complement_is_the_strand(bases):
    assert reverse_complement(reverse_complement(bases)) == rna(bases)
    assert len(reverse_complement(bases)) == len(bases)


@pytest.mark.parametrize("column", ["guide", "passenger", "transcript"])
def test_the_table_has_one_spelling_however_bases_are_written(column):
    guide = "UGCAUUACGGAUCCAUGGCAA"
    roles = {"guide": guide, "passenger": reverse_complement(guide)}
    roles["transcript"] = "CCC" + roles["passenger"] + "GGG"
    spellings = [str.lower, lambda text: text.replace("U", "T"), str.swapcase, str.title]
    rows = [roles | {column: spell(roles[column])} for spell in spellings]
    raw = pd.DataFrame(rows).rename(columns=NAMES).assign(id=list("abcd"))
    table = check_table(raw, "mine.csv", Config(), Purpose.TEST)
    for role in ("guide", "passenger"):
        assert table.rows[role].tolist() == [roles[role]] * len(spellings)
    assert table.rows["site"].tolist() == [23.0] * len(spellings)
    assert table.raw[NAMES[column]].tolist() == raw[NAMES[column]].tolist()


@pytest.mark.parametrize("written", ["a Af", " a  Af ", "a,Af", "a, Af", "a\tAf"])
def test_the_table_has_single_blanks_however_tokens_are_separated(written):
    values = {"id": ["1"], "guide": ["AA"], "guide_modifications": [written]}
    raw = pd.DataFrame(values).rename(columns=NAMES)
    table = check_table(raw, "mine.csv", Config(), Purpose.TEST)
    assert table.rows["guide_modifications"].tolist() == ["a Af"]


def test_rows_of_one_duplex_agree_in_all_its_sequences():
    rows = pd.DataFrame(
        {
            "guide": ["ACG", "ACG", "ACG", "UUU", np.nan, np.nan],
            "passenger": ["CGU", "CGA", "CGU", "CGU", "CGU", np.nan],
        }
    )
    assert duplex_codes(rows, ["guide"]).tolist() == [0, 0, 0, 1, NO_SEQUENCE, NO_SEQUENCE]
    both = duplex_codes(rows, ["guide", "passenger"])
    assert both[0] == both[2]
    assert len(set(both.tolist())) == 5
    assert both[5] == NO_SEQUENCE
    assert duplex_codes(rows, ["guide", "guide", "absent"]).tolist()[:4] == [0, 0, 0, 1]


def test_duplexes_are_numbered_in_the_order_of_their_first_appearance():
    rows = pd.DataFrame({"guide": ["UUU", "ACG", "UUU", "GGG"]})
    assert duplex_codes(rows, ["guide"]).tolist() == [0, 1, 0, 2]
