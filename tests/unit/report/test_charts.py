"""The charts of a report."""

from types import SimpleNamespace

import pandas as pd

from sirna.report.charts import FEWEST_DRAWN, reliability_chart


def record(rows):
    """A run whose held-out rows all have the same probability, half of them rightly."""
    measured = [20.0 if row % 2 else 40.0 for row in range(rows)]
    held_out = pd.DataFrame({"measured": measured, "prob_below_threshold": 0.5})
    return SimpleNamespace(held_out=held_out, threshold=30.0)


def test_the_reliability_is_drawn_only_from_bins_with_enough_rows():
    assert reliability_chart(record(FEWEST_DRAWN - 1)) is None
    chart = reliability_chart(record(2 * FEWEST_DRAWN))
    assert "the mean gap is 0.000" in chart.alternative
