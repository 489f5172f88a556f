"""Rows of one target, and rows of unseen targets."""

import numpy as np
import pandas as pd
import pytest

from sirna.protocols.targets import (
    FEWEST_TARGETS,
    UNNAMED,
    can_represent_unseen_targets,
    group_targets,
    unseen_targets,
)


def rows_of(target, publication, guide):
    count = len(guide)
    columns = {"id": [str(i) for i in range(count)], "guide": guide}
    given = {"target": target, "publication": publication}
    columns |= {name: value for name, value in given.items() if value is not None}
    return pd.DataFrame(columns, dtype=object)


@pytest.mark.parametrize(
    ("target", "publication", "unseen"),
    [
        ("AGT", "other", False),
        ("agt", None, False),
        ("TTR", "p1", True),
        (None, "p1", False),
        (None, "p2", False),
        (None, "other", True),
        (None, None, True),
    ],
)
def test_an_unseen_target_is_found_by_symbol_or_else_by_publication(target, publication, unseen):
    training = rows_of(["AGT", None], ["p1", "p2"], ["ACG", "CCC"])
    row = rows_of([target], [publication], ["GGG"])
    assert unseen_targets(row, training).tolist() == [unseen]


def test_a_measured_guide_has_a_known_target_whatever_its_name():
    training = rows_of(["AGT", None], ["p1", "p2"], ["ACG", "CCC"])
    assert unseen_targets(rows_of(None, None, ["ACG", "GGG"]), training).tolist() == [False, True]
    assert unseen_targets(rows_of(["MINE"] * 2, None, ["ACG", "GTG"]), training).tolist() == [0, 1]


def test_the_publication_names_the_target_if_training_has_no_symbols():
    training = rows_of(None, ["p1", "p2"], ["ACG", "CCC"])
    rows = rows_of(["AGT", "AGT", None], ["p1", "p3", "p2"], ["GGG"] * 3)
    assert unseen_targets(rows, training).tolist() == [False, True, False]


def test_rows_without_a_name_are_one_target_unless_they_share_a_guide_with_others():
    names, publications = ["T1", "T2", None, None, None], ["P1", "P2", None, None, None]
    groups = group_targets(rows_of(names, publications, ["AAA", "CCC", "AAA", "GGG", "UUU"]))
    assert groups[2] == groups[0] != groups[1]
    assert groups[3] == groups[4] == UNNAMED


@pytest.mark.parametrize(
    ("sizes", "enough"),
    [
        ([1] * FEWEST_TARGETS, True),
        ([1] * (FEWEST_TARGETS - 1), False),
        ([4, 2, 2, 2, 2], True),
        ([5, 2, 2, 2, 2], False),
    ],
)
def test_few_targets_or_a_dominant_one_do_not_represent_unseen_ones(sizes, enough):
    targets = np.repeat([f"T{number}" for number in range(len(sizes))], sizes)
    assert can_represent_unseen_targets(targets) is enough
