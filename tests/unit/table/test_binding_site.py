"""Where a guide binds its transcript."""

import numpy as np
import pandas as pd
import pytest

from sirna.table.binding_site import binding_sites

TRANSCRIPT = "GGGUUUACGAUCCAUGCAAGUCUUACGGAUUUCCC"
BOUND = TRANSCRIPT[5:26]
GUIDE = BOUND[::-1].translate(str.maketrans("ACGU", "UGCA"))


def found(guide, transcript=TRANSCRIPT):
    return binding_sites(pd.Series([guide]), pd.Series([transcript])).tolist()


def test_a_site_is_the_position_of_the_nucleotide_opposite_the_guides_first():
    assert found(GUIDE) == [25.0]
    assert TRANSCRIPT[25] + GUIDE[0] in ("AU", "UA", "GC", "CG")


@pytest.mark.parametrize(
    "guide",
    [
        GUIDE + "UU",  # an overhang
        "U" + GUIDE[1:],  # the first nucleotide need not pair
        GUIDE[:17] + "AAAA",
        GUIDE[:14] + "AAAAAAA",
    ],
)
def test_the_ends_of_a_guide_do_not_shift_its_site(guide):
    assert found(guide) == [25.0]


def test_a_guide_without_a_site_has_no_place():
    assert np.isnan(found("A" * 21)).all()
    assert np.isnan(found(GUIDE, None)).all()
    assert np.isnan(found(None)).all()
    assert np.isnan(found("ACG", "ACGCGT")).all()


def test_the_first_of_several_sites_counts():
    assert found(GUIDE, TRANSCRIPT + TRANSCRIPT) == [25.0]


def test_rows_keep_their_order():
    guides = pd.Series([GUIDE, "A" * 21, GUIDE, None, GUIDE], index=[4, 4, 2, 1, 0])
    transcripts = pd.Series([TRANSCRIPT, TRANSCRIPT, None, TRANSCRIPT, "AA" + TRANSCRIPT])
    np.testing.assert_array_equal(
        binding_sites(guides, transcripts), [25.0, np.nan, np.nan, np.nan, 27.0]
    )
