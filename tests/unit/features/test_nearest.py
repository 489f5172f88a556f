"""The nearest training duplex of a row."""

import numpy as np
import pandas as pd
import pytest

from sirna.features.nearest import NONE, nearest_duplexes


def duplexes(*rows):
    names = ["guide", "guide_modifications", "passenger_modifications"]
    return pd.DataFrame(rows, columns=names, dtype=object)


TRAINING = duplexes(
    ("ACGU", "a c g u", "Af c g u"),
    ("ACGG", "a c g g", "a c c c"),
    ("ACGU", "Af Cf g u", "Af c g u"),
    (np.nan, "a", "a"),
)


@pytest.mark.parametrize(
    ("row", "position", "bases", "chemistry"),
    [
        (("ACGU", "a c g u", "Af c g u"), 0, 0, 0),
        (("ACGU", "Af c g u", "Af c g u"), 0, 0, 1),
        (("ACGU", "Af Cf Gf u", "Af c g u"), 2, 0, 1),
        (("ACGUU", "a c g u u", "Af c g u"), 0, 1, 1),
        (("UCGG", "u c g g", "a c c c"), 1, 1, 0),
        (("AC", "a c", "Af c g u"), 0, 2, 2),
    ],
)
def test_the_nearest_duplex_differs_in_fewest_bases_then_in_fewest_chemistries(
    row, position, bases, chemistry
):
    found = nearest_duplexes(duplexes(row), TRAINING)
    assert (found.position[0], found.bases[0], found.chemistry[0]) == (position, bases, chemistry)


def test_a_row_without_a_guide_has_no_nearest_duplex():
    found = nearest_duplexes(duplexes((np.nan, "a", "a")), TRAINING)
    assert found.position[0] == NONE
    assert np.isnan(found.bases[0])


def test_a_distance_does_not_depend_on_the_other_rows(tiny_table):
    rows, training = tiny_table.rows.iloc[::2], tiny_table.rows.iloc[1::2]
    together = nearest_duplexes(rows, training)
    alone = [nearest_duplexes(rows.iloc[[i]], training) for i in range(len(rows))]
    assert together.position.tolist() == [int(one.position[0]) for one in alone]
    assert together.chemistry.tolist() == [float(one.chemistry[0]) for one in alone]


def test_lists_are_compared_only_if_both_tables_have_them():
    bare = TRAINING[["guide"]]
    found = nearest_duplexes(duplexes(("ACGG", "a", "a")), bare)
    assert (found.position[0], found.bases[0], found.chemistry[0]) == (1, 0, 0)
