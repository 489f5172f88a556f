"""The groups that each protocol keeps together."""

import pandas as pd
import pytest

from sirna.errors import SirnaError
from sirna.protocols.protocol import PROTOCOLS


def rows_of(target, publication, guide):
    count = len(guide)
    columns = {"id": [str(i) for i in range(count)], "guide": guide}
    given = {"target": target, "publication": publication}
    columns |= {name: value for name, value in given.items() if value is not None}
    return pd.DataFrame(columns, dtype=object)


def duplexes(sizes):
    """Rows of as many duplexes as there are sizes."""
    guides = ["A" * (number + 1) for number, size in enumerate(sizes) for _ in range(size)]
    return pd.DataFrame({"id": [f"r{i}" for i in range(len(guides))], "guide": guides})


def together(groups, *rows):
    return len({groups[row] for row in rows}) == 1


def test_under_rows_every_row_is_a_group():
    assert len(set(PROTOCOLS["rows"].groups(duplexes([4, 3])))) == 7


def test_under_duplex_rows_of_one_guide_stay_together():
    rows = pd.DataFrame({"id": list("abcd"), "guide": ["ACGU", "ACGU", "ACGA", "ACGU"]})
    groups = PROTOCOLS["duplex"].groups(rows)
    assert together(groups, 0, 1, 3)
    assert not together(groups, 0, 2)


def test_under_target_upper_and_lower_case_symbols_stay_together():
    groups = PROTOCOLS["target"].groups(
        rows_of(["ABC1", "Abc1", "XYZ"], ["P"] * 3, ["A", "C", "G"])
    )
    assert together(groups, 0, 1)
    assert not together(groups, 0, 2)


def test_under_target_targets_that_share_a_guide_stay_together():
    target = ["T1", "T2", "T2", "T3", "T4"]
    guides = ["ACG", "ACG", "GGG", "GGG", "CCC"]
    groups = PROTOCOLS["target"].groups(rows_of(target, None, guides))
    assert together(groups, 0, 1, 2, 3)
    assert not together(groups, 0, 4)


def test_a_missing_symbol_is_filled_from_its_publication_if_that_has_only_one():
    target = ["T1", None, "T1", "T2", None, None, None]
    publication = ["P1", "P1", "P2", "P2", "P2", "P3", "P3"]
    groups = PROTOCOLS["target"].groups(rows_of(target, publication, list("ABCDEFG")))
    assert together(groups, 0, 1, 2)
    assert together(groups, 5, 6)
    assert len({groups[0], groups[3], groups[4], groups[5]}) == 4


def test_a_row_without_target_and_publication_is_named():
    rows = rows_of(["T1", None, "T2"], [None, None, "P1"], list("ABC"))
    with pytest.raises(SirnaError, match=r"1 of 3 have neither, the first with id '1'\. Fill"):
        PROTOCOLS["target"].groups(rows)


def test_symbols_are_enough_without_publications():
    groups = PROTOCOLS["target"].groups(rows_of(["T1", "T2", "T1"], None, list("ABC")))
    assert together(groups, 0, 2)
    assert not together(groups, 0, 1)


@pytest.mark.parametrize("target", [None, ["T1", None]])
def test_a_row_with_neither_target_nor_publication_is_refused(target):
    with pytest.raises(SirnaError, match="neither"):
        PROTOCOLS["target"].groups(rows_of(target, None, list("AB")))
