"""Similar guides are kept together."""

import numpy as np
import pandas as pd
import pytest

from sirna.protocols.similar import KnownGuides, group_similar, similar_pairs

RANDOM = np.random.default_rng(0)
TRANSCRIPT = "".join(RANDOM.choice(list("ACGU"), 400))
GUIDE = TRANSCRIPT[100:121]


def groups(guides):
    return group_similar(pd.DataFrame({"guide": guides})).tolist()


def mutated(places):
    other = {"A": "C", "C": "G", "G": "U", "U": "A"}
    return "".join(other[b] if place in places else b for place, b in enumerate(GUIDE))


@pytest.mark.parametrize(
    ("other", "together"),
    [
        (GUIDE, True),
        (TRANSCRIPT[103:124], True),  # shifted by three
        (TRANSCRIPT[107:128], True),
        (TRANSCRIPT[115:136], False),
        (GUIDE[:19], True),  # the same guide, shorter
        (mutated({10}), True),
        (mutated({0, 20}), True),
        (mutated({4, 8, 12, 16}), False),
        (GUIDE[::-1], False),
        (TRANSCRIPT[300:321], False),
    ],
)
def test_shifted_and_mutated_guides_are_similar(other, together):
    first, second = groups([GUIDE, other])
    assert (first == second) == together


def test_a_chain_of_similar_guides_is_one_group():
    tiled = [TRANSCRIPT[start : start + 21] for start in range(0, 60, 5)]
    assert len(set(groups(tiled))) == 1
    assert len(set(groups([tiled[0], tiled[-1]]))) == 2


def test_groups_do_not_depend_on_the_order_of_rows():
    guides = [TRANSCRIPT[start : start + 21] for start in range(0, 300, 6)]
    order = RANDOM.permutation(len(guides))
    found, other = groups(guides), groups([guides[place] for place in order])
    assert [found[place] for place in order] == other


def test_missing_and_very_short_guides_are_alone():
    assert len(set(groups([None, "AC", "ACG", GUIDE]))) == 4


def test_pairs_are_the_same_whatever_the_block(monkeypatch):
    guides = np.array(sorted(TRANSCRIPT[start : start + 21] for start in range(0, 120, 4)))
    whole = similar_pairs(guides)
    monkeypatch.setattr("sirna.protocols.similar.BLOCK", 7)
    assert sorted(map(tuple, similar_pairs(guides))) == sorted(map(tuple, whole))


@pytest.mark.parametrize(
    ("guide", "novelty"),
    [
        (GUIDE, 0),
        (None, 0),
        (TRANSCRIPT[103:124], 1),
        (mutated({10}), 1),
        (GUIDE[:19], 1),
        (TRANSCRIPT[300:321], 2),
        (GUIDE[::-1], 2),
        ("AC", 2),
    ],
)
def test_a_guide_is_known_similar_to_known_ones_or_far(guide, novelty):
    known = KnownGuides(pd.DataFrame({"guide": [None, TRANSCRIPT[200:221], GUIDE]}))
    assert known.novelty(pd.DataFrame({"guide": [GUIDE, guide]})).tolist() == [0, novelty]
    assert KnownGuides(pd.DataFrame({"guide": [None]})).novelty(
        pd.DataFrame({"guide": [guide]})
    ).tolist() == [2 if guide else 0]
