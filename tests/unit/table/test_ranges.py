"""The ranges of the training rows, and rows that are outside them."""

import numpy as np
import pandas as pd
import pytest

from sirna.table.ranges import DUPLEX_NUMBER, out_of_range, ranges_of


@pytest.fixture
def rows() -> pd.DataFrame:
    numbers = np.arange(50_000.0, 50_600.0)
    numbers[7] = 2021.0
    doses = np.where(np.arange(600) % 2, 0.0002, np.nan)
    guides = ["ACGU" * 5] * 599 + ["ACGU" * 6]
    return pd.DataFrame({DUPLEX_NUMBER: numbers, "dose": doses, "guide": guides, "hours": np.nan})


def test_roles_without_values_have_no_range_and_outliers_do_not_widen_it(rows) -> None:
    ranges = ranges_of(rows)
    assert ranges["dose"] == (0.0002, 0.0002)
    assert ranges["guide length"] == (20.0, 24.0)
    assert 50_000 <= ranges[DUPLEX_NUMBER][0] < ranges[DUPLEX_NUMBER][1] < 50_600
    assert set(ranges) == {"dose", "guide length", DUPLEX_NUMBER}


def test_a_value_is_out_of_range_only_beyond_the_given_factor(rows) -> None:
    ranges = ranges_of(rows)
    new = pd.DataFrame({DUPLEX_NUMBER: [7.0, 30_000.0, 99_000.0, 2e6, np.nan]})
    assert out_of_range(new, ranges, 2.0)[DUPLEX_NUMBER].tolist() == [
        True,
        False,
        False,
        True,
        False,
    ]
    assert "dose" not in out_of_range(new, ranges)


def test_rounding_does_not_put_a_value_out_of_range(rows) -> None:
    doses = pd.DataFrame({"dose": [200 * 1e-6, 0.0002, 0.0003]})
    assert doses["dose"][0] != 0.0002
    assert out_of_range(doses, ranges_of(rows))["dose"].tolist() == [False, False, True]
