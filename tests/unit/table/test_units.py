"""Units of doses, times and labels: converted, or reported."""

import numpy as np
import pandas as pd
import pytest

from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.errors import SirnaError
from sirna.table.check_table import check_table
from sirna.table.units import has_two_units

NAMES = Config().columns
LENIENT = {"label.parse": "lenient"}


def table(changes=None, **columns):
    count = len(next(iter(columns.values())))
    base = {"id": [str(i) for i in range(count)], "guide": ["ACGU"] * count}
    base |= {"label": [str(10 + i) for i in range(count)]} | columns
    raw = pd.DataFrame({NAMES[role]: values for role, values in base.items()})
    return check_table(raw, "mine.csv", with_changes(Config(), changes or {}))


@pytest.mark.parametrize(
    ("dose", "nanomolar"),
    [
        *[("50nM", 50), ("50 nM", 50), ("0.1 \u00b5M", 100), ("0.1\u03bcM", 100), ("1e-4 mM", 100)],
        *[("50 nmol/L", 50), ("50 nmol/l", 50), ("2 nanomolar", 2), ("2 micromolar", 2000)],
        *[("250 pM", 0.25), ("10", 10), ("3 pmol\u00b7L-1", 0.003)],
    ],
)
def test_the_unit_of_a_dose_can_stand_in_its_cell(dose, nanomolar):
    rows = table(dose=[dose, "1"], dose_unit=["", "nM"]).rows
    assert rows["dose"].tolist() == pytest.approx([nanomolar, 1])
    assert table(dose=[dose, "1"]).rows["dose"].tolist() == pytest.approx([nanomolar, 1])


@pytest.mark.parametrize(
    ("dose", "unit", "expected"),
    [
        ("50 nM", "uM", "another unit than its 'concentration_unit'"),
        ("50 ug/mL", "", "units are nM"),
        ("50", "ug/mL", "units are nM"),
        ("1,000", "nM", "no thousands marks"),
        ("5 - 10", "nM", "units are nM"),
        ("ten", "nM", "finite number"),
    ],
)
def test_a_dose_that_is_unclear_is_refused(dose, unit, expected):
    with pytest.raises(SirnaError, match=expected):
        table(dose=[dose, "1"], dose_unit=[unit, "nM"])


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        *[
            ("48h", 48),
            ("48 hrs", 48),
            ("2 d", 48),
            ("2 days", 48),
            ("90 min", 1.5),
            ("1 week", 168),
        ],
        *[("24", 24), ("24 h post-transfection", 24), ("24h p.t.", 24)],
    ],
)
def test_times_have_units(text, hours):
    assert table(hours=[text, "1"]).rows["hours"].tolist() == pytest.approx([hours, 1])


def test_an_unknown_time_is_refused():
    with pytest.raises(SirnaError, match="units are hours"):
        table(hours=["3 moons", "1"])


@pytest.mark.parametrize("label", ["73.6 \u00b1 4.2", "73.6%", "73.6 (4.2)", "73.6 +/- 4.2"])
def test_means_are_read_if_the_configuration_allows_it(label):
    with pytest.raises(SirnaError, match=r"--set label\.parse=lenient"):
        table(label=[label, "5"])
    read = table(LENIENT, label=[label, "5"])
    assert read.rows["label"].tolist() == [73.6, 5]
    assert any("the mean is read" in note for note in read.notes)


def test_labels_of_two_units_are_reported():
    percent = np.random.default_rng(0).uniform(2, 100, 40).round(1)
    mixed = [str(p) if i % 2 else str(round(p / 100, 3)) for i, p in enumerate(percent)]
    assert any("fractions among percentages" in note for note in table(label=mixed).notes)
    assert not any("fractions" in note for note in table(label=list(map(str, percent))).notes)


@pytest.mark.parametrize(
    ("values", "two"),
    [
        (np.r_[np.linspace(0.02, 1, 20), np.linspace(2, 100, 20)], True),
        (np.r_[np.linspace(0.02, 1, 10), np.linspace(2, 100, 30)], True),
        (np.linspace(0.5, 100, 60), False),
        (np.r_[np.zeros(30), np.linspace(5, 100, 30)], False),
        (np.random.default_rng(1).exponential(4, 200), False),
        (np.linspace(0.02, 1, 30), False),
    ],
)
def test_two_units_leave_a_gap_between_fractions_and_percentages(values, two):
    assert has_two_units(values) == two
