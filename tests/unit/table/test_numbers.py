"""Numbers are read as people write them, or refused; none is misread in silence."""

import numpy as np
import pandas as pd
import pytest

from sirna.table.numbers import read_numbers, without_error


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("12.5", 12.5, ""),
        ("\u22123.2", -3.2, ""),
        ("\u20137", -7, ""),
        ("\uff0d7", -7, ""),
        ("1\u00a0nM", 1, "nM"),
        ("50nM", 50, "nM"),
        ("0.1 \u00b5M", 0.1, "\u00b5M"),
        ("1e-3 uM", 0.001, "uM"),
        ("48h", 48, "h"),
        ("2 d", 2, "d"),
        ("95 %", 95, "%"),
        ("5.", 5, ""),
        (".5", 0.5, ""),
        ("+3", 3, ""),
        ("abc", np.nan, ""),
        ("5 to 10", 5, "to 10"),
        ("5-10", 5, "-10"),
        ("", np.nan, ""),
        ("NA", np.nan, ""),
    ],
)
def test_a_cell_is_a_number_and_a_unit(text, value, unit):
    read = read_numbers(pd.Series([text, "1"]), decimal_comma=False)
    np.testing.assert_equal(read.values[0], value)
    assert read.units.tolist() == [unit, ""] or np.isnan(value)


@pytest.mark.parametrize(
    ("cells", "decimal_comma", "values"),
    [
        (["12,5", "3"], True, [12.5, 3]),
        (["12,5", "1,250"], True, [12.5, 1.25]),
        (["1,250", "2,500"], True, [None, None]),
        (["12,5", "1.250"], True, [12.5, None]),
        (["1.234,5", "2"], True, [None, 2]),
        (["12,5", "3"], False, [None, 3]),
        (["1,250", "3"], False, [None, 3]),
        (["1,250,000.5", "3"], False, [None, 3]),
        (["1 250", "3"], False, [None, 3]),
        (["1'250", "3"], False, [None, 3]),
        (["1.250", "3"], False, [1.25, 3]),
        (["0,5 nM", "3"], True, [0.5, 3]),
    ],
)
def test_commas_are_decimals_only_where_nothing_else_is_possible(cells, decimal_comma, values):
    read = read_numbers(pd.Series(cells), decimal_comma)
    expected = [np.nan if value is None else value for value in values]
    np.testing.assert_equal(read.values, expected)
    refused = [value is None for value in values]
    assert (read.thousands | read.commas).tolist() == refused


@pytest.mark.parametrize(
    ("text", "mean"),
    [
        ("73.6 \u00b1 4.2", "73.6"),
        ("73.6\u00b14.2", "73.6"),
        ("73.6 +/- 4.2 %", "73.6"),
        ("73.6 (4.2)", "73.6"),
        ("73.6 (\u00b1 4.2)", "73.6"),
        ("95 %", "95"),
        ("95%", "95"),
        ("\u22123 \u00b1 1", "-3"),
        ("12.5", "12.5"),
        ("<5", "<5"),
        ("~20", "~20"),
        ("high", "high"),
        ("", ""),
    ],
)
def test_the_mean_is_read_without_its_error(text, mean):
    assert without_error(pd.Series([text])).tolist() == [mean]
