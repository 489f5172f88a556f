"""The table of measurements: what is read, what is refused and with which message."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.config.schema import LabelConfig
from sirna.errors import SirnaError
from sirna.table.check_table import check_table, read_labels, read_table
from sirna.table.report import Purpose
from sirna.table.units import from_remaining, to_remaining

NAMES = Config().columns
LABELS = [
    LabelConfig(kind="remaining_pct", better="lower"),
    LabelConfig(kind="inhibition_pct", better="higher"),
    LabelConfig(kind="fraction", better="lower"),
    LabelConfig(kind="fraction", better="higher"),
]


def text(**changed):
    """A table of three rows, by role; None leaves a role's column out."""
    columns = {
        "id": ["7", "8", "9"],
        "guide": ["UACGU", "acgta", "GGCUA"],
        "guide_modifications": ["u Af c Gf u", "a cf g u a", "VP g Gf c"],
        "dose": ["10", "0.5", ""],
        "dose_unit": ["nM", "uM", "nM"],
        "hours": ["24", "NA", "48.5"],
        "cell_line": ["HeLa", " ", "none"],
        "target": ["ABC1", "ABC1", ""],
        "label": ["12.5", "101", "0"],
    }
    columns |= changed
    names = NAMES
    lines = pd.Index([2, 3, 4], name="line")
    return pd.DataFrame(
        {names[role]: values for role, values in columns.items() if values is not None}, lines
    )


def checked(purpose=Purpose.TRAINING, config=None, **changed):
    return check_table(text(**changed), "mine.csv", config or Config(), purpose)


def test_rows_have_their_roles_and_types():
    rows = checked().rows
    assert rows["id"].tolist() == ["7", "8", "9"]
    assert rows["guide"].tolist() == ["UACGU", "ACGUA", "GGCUA"]
    assert rows["label"].tolist() == [12.5, 101.0, 0.0]
    assert rows["hours"].dtype == rows["dose"].dtype == rows["label"].dtype == np.float64
    assert "passenger" not in rows


def test_blanks_and_words_such_as_na_are_missing():
    rows = checked().rows
    assert rows["cell_line"].isna().tolist() == [False, True, True]
    assert rows["target"].isna().tolist() == [False, False, True]
    assert rows["hours"].isna().tolist() == [False, True, False]
    assert rows["dose"].isna().tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("unit", "nanomolar"),
    [
        *[("nM", 2.0), ("NM", 2.0), ("", 2.0), ("pM", 2e-3), ("fM", 2e-6)],
        *[("uM", 2e3), ("\u00b5M", 2e3), ("\u03bcM", 2e3), ("mM", 2e6), ("nmol/L", 2.0)],
        *[("nmol/l ", 2.0), ("nanomolar", 2.0), ("micromolar", 2e3), ("pmol L-1", 2e-3)],
    ],
)
def test_doses_are_converted_to_nanomolar(unit, nanomolar):
    rows = checked(dose=["2"] * 3, dose_unit=[unit, "nM", "nM"]).rows
    assert rows["dose"].tolist() == pytest.approx([nanomolar, 2.0, 2.0])


def test_a_dose_of_more_than_one_mole_per_litre_is_refused():
    assert checked(dose=["1", "2", "2"], dose_unit=["M", "nM", "nM"]).rows["dose"][0] == 1e9
    with pytest.raises(SirnaError, match=r"at most 1e\+09 nM"):
        checked(dose=["1.5", "2", "2"], dose_unit=["M", "nM", "nM"])


def test_without_a_unit_doses_are_nanomolar():
    assert checked(dose_unit=None).rows["dose"].tolist()[:2] == [10.0, 0.5]


def test_absent_columns_are_reported_with_suggestions():
    raw = text(hours=None).rename(columns={NAMES["cell_line"]: "cell_line_donr"})
    (notes,) = [n for n in check_table(raw, "mine.csv", Config()).notes if "the file lacks" in n]
    assert f"{NAMES['hours']!r}" in notes
    assert f"{NAMES['cell_line']!r} (did you mean 'cell_line_donr'?)" in notes
    assert f"{NAMES['guide']!r}" not in notes


def test_extra_columns_and_the_files_own_text_are_kept():
    raw = text().assign(note=["first", "", "a,b"])
    table = check_table(raw, "mine.csv", Config())
    pd.testing.assert_frame_equal(table.raw, raw)
    assert "note" not in table.rows
    assert len(table) == 3


def test_without_ids_rows_are_numbered_from_one():
    table = checked(id=None)
    assert table.rows["id"].tolist() == ["1", "2", "3"]
    assert any("numbered" in note for note in table.notes)
    assert any("read as nM" in note for note in checked(dose_unit=None).notes)
    assert not any("read as nM" in note for note in checked(dose_unit=None, dose=None).notes)
    undosed = with_changes(Config(), {"columns.dose": ""})
    notes = check_table(text(dose_unit=None), "mine.csv", undosed).notes
    assert not any("read as nM" in note for note in notes)
    assert not any("left out" in note and "'id'" in note for note in table.notes)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"id": ["7", "8", "7"]}, [NAMES["id"], "'7'", "once"]),
        ({"id": ["7", "", "9"]}, [NAMES["id"], "needs an id"]),
        ({"guide": ["UACGU", "ACXGU", "ACG"]}, [NAMES["guide"], "row id 8 (line 3)", "'ACXGU'"]),
        (
            {"guide": ["UACGU", "", "ACG"]},
            [NAMES["guide"], "row id 8 (line 3)", "a sequence is missing; fill it in"],
        ),
        (
            {"guide_modifications": ["a c", "", "a"]},
            [NAMES["guide_modifications"], "row id 8 (line 3)", "a sequence is missing"],
        ),
        ({"dose": ["10", "ten", "1"]}, [NAMES["dose"], "'ten'", "finite number"]),
        ({"dose": ["10", "0", "1"]}, [NAMES["dose"], "'0'", "above 0"]),
        ({"dose": ["10", "inf", "1"]}, [NAMES["dose"], "'inf'", "finite number"]),
        ({"dose_unit": ["nM", "mg", "nM"]}, [NAMES["dose_unit"], "'mg'", "units are"]),
        ({"hours": ["24", "-1", "48"]}, [NAMES["hours"], "'-1'", "from 0 to 10000"]),
        ({"hours": ["24", "10001", "48"]}, [NAMES["hours"], "'10001'", "from 0 to 10000"]),
        ({"dose": ["10", "1e10", "1"]}, [NAMES["dose"], "'1e10'", "at most 1e+09"]),
        (
            {"label": ["1", "", "3"]},
            [NAMES["label"], "a training row needs a value", "drop the row"],
        ),
        ({"label": ["1", "1e5", "3"]}, [NAMES["label"], "'1e5'", "see [label]"]),
        ({"label": ["1", "-101", "30"]}, [NAMES["label"], "'-101'", "from -100 to 10000"]),
        ({"label": ["1", "12,5", "30"]}, [NAMES["label"], "'12,5'", "a point", "as in 12.5"]),
    ],
)
def test_a_bad_row_is_reported_with_file_column_row_and_value(changed, expected):
    with pytest.raises(SirnaError) as error:
        checked(**changed)
    assert [part for part in ["mine.csv", *expected] if part not in str(error.value)] == []


def test_one_message_lists_all_faults_with_ten_rows_each():
    count = 14
    raw = pd.DataFrame(
        {NAMES["id"]: map(str, range(count)), NAMES["guide"]: "ACX", NAMES["label"]: "x"}
    )
    with pytest.raises(SirnaError) as error:
        check_table(raw, "mine.csv", Config())
    message = str(error.value)
    assert NAMES["guide"] in message
    assert NAMES["label"] in message
    assert message.count("row id") == 20
    assert message.count("and 4 more rows") == 2


@pytest.mark.parametrize("role", ["guide", "label"])
def test_an_absent_required_column_is_reported_with_the_columns_of_the_file(role):
    name = NAMES[role]
    raw = text().rename(columns={name: f"{name}s"})
    with pytest.raises(
        SirnaError,
        match=rf"no column '{name}'.*did you mean '{name}s'.*The file has: .*{NAMES['hours']}",
    ):
        check_table(raw, "mine.csv", Config())


def test_a_column_that_plays_a_role_is_not_offered_for_another():
    raw = text().drop(columns=NAMES["guide"])
    with pytest.raises(SirnaError, match=rf"no column '{NAMES['guide']}' for the guide\. The file"):
        check_table(raw, "mine.csv", Config())


def test_a_header_without_rows_is_refused():
    with pytest.raises(SirnaError, match="no rows"):
        check_table(text().iloc[:0], "mine.csv", Config())


def test_a_test_table_needs_no_label_and_tolerates_odd_sequences():
    table = checked(purpose=Purpose.TEST, guide=["UACGU", "ACXGU", ""], label=None)
    assert len(table) == 3
    assert table.rows["guide"].isna().tolist() == [False, False, True]
    notes = "\n".join(table.notes)
    assert "'ACXGU'" in notes
    assert "row id 9" in notes


@pytest.mark.parametrize("label", LABELS, ids=lambda label: f"{label.kind}, {label.better}")
@given(values=st.lists(st.floats(-50, 250), min_size=1))
def test_a_label_survives_conversion_to_the_remaining_percentage_and_back(label, values):
    array = np.array(values)
    there = to_remaining(array, label)
    assert from_remaining(there, label) == pytest.approx(array, abs=1e-9)
    assert to_remaining(from_remaining(array, label), label) == pytest.approx(array, abs=1e-9)


@pytest.mark.parametrize(
    ("label", "value"), list(zip(LABELS, (20.0, 80.0, 0.2, 0.8), strict=True)), ids=str
)
def test_every_kind_of_label_means_the_same_percentage(label, value):
    config = Config(label=label)
    rows = checked(config=config, label=[str(value)] * 3).rows
    assert rows["label"].tolist() == pytest.approx([20.0] * 3)
    assert from_remaining(np.array([20.0]), label) == pytest.approx([value])


def test_labels_of_the_wrong_kind_are_noticed():
    fraction = with_changes(Config(), {"label.kind": "fraction"})
    with pytest.raises(SirnaError, match=r"(?s)about 1 without.*see \[label\].*'55'"):
        checked(config=fraction, label=["55", "0.3", "0.2"])
    raw = pd.DataFrame({NAMES["guide"]: ["ACG"] * 25, NAMES["label"]: ["0.4"] * 25})
    with pytest.raises(SirnaError, match="'fraction'"):
        check_table(raw, "mine.csv", Config())


@pytest.mark.parametrize(
    ("label", "values", "remaining", "refused", "bound"),
    [
        ({"kind": "inhibition_pct", "better": "higher"}, "1 134.1 100", [99, 0, 0], "200.5", 100),
        ({"kind": "remaining_pct", "better": "lower"}, "1 -27.8 100", [1, 0, 100], "-101", 0),
        ({"kind": "fraction", "better": "lower"}, "0.5 -0.02 2", [50, 0, 200], "-1.5", 0),
        ({"kind": "fraction", "better": "higher"}, "0.5 1.02 1", [50, 0, 0], "2.5", 1),
    ],
)
def test_labels_beyond_full_inhibition_count_as_full_inhibition(
    label, values, remaining, refused, bound
):
    config = with_changes(Config(), {f"label.{key}": value for key, value in label.items()})
    table = checked(config=config, label=values.split())
    assert table.rows["label"].tolist() == pytest.approx(remaining)
    assert sum(f"counts as {bound:g}" in note for note in table.notes) == 1
    with pytest.raises(SirnaError, match="the label must be from"):
        checked(config=config, label=[refused, *values.split()[1:]])


@pytest.mark.parametrize("name", ["t.csv.gz", "t.parquet"])
def test_a_table_is_the_same_from_every_kind_of_file(tmp_path, name):
    frame = text().assign(**{NAMES["id"]: [7, 8, 9], NAMES["dose"]: [10.0, 0.5, np.nan]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    other = tmp_path / name
    write = frame.to_parquet if name.endswith("parquet") else frame.to_csv
    write(other, index=False)
    plain, same = (read_table(tmp_path / item, Config()) for item in ("t.csv", name))
    assert same.raw.index.name == ("row" if name.endswith("parquet") else "line")
    pd.testing.assert_frame_equal(plain.raw.reset_index(drop=True), same.raw.reset_index(drop=True))
    pd.testing.assert_frame_equal(plain.rows, same.rows)
    for table in (plain, same):
        first_lines = [note.split("\n")[0].replace(name, "t.csv") for note in table.notes]
        assert first_lines == [note.split("\n")[0] for note in plain.notes]


def test_a_truth_needs_only_ids_and_labels(tmp_path):
    path = tmp_path / "truth.csv"
    text()[[NAMES["label"], NAMES["id"]]].to_csv(path, index=False)
    rows = read_labels(path, Config(), Purpose.TRUTH).rows
    assert rows["id"].tolist() == ["7", "8", "9"]
    assert rows["label"].tolist() == [12.5, 101.0, 0.0]
    text(label=None).to_csv(path, index=False)
    with pytest.raises(SirnaError, match=f"no column '{NAMES['label']}'"):
        read_labels(path, Config(), Purpose.TRUTH)


def test_predictions_can_be_negative_and_rows_without_ids_are_numbered(tmp_path):
    path = tmp_path / "mine.csv"
    text(label=["-4.5", "30", "250"])[[NAMES["label"]]].to_csv(path, index=False)
    rows = read_labels(path, Config(), Purpose.PREDICTION).rows
    assert rows["id"].tolist() == ["1", "2", "3"]
    assert rows["label"].tolist() == [-4.5, 30.0, 250.0]
    assert read_labels(path, Config(), Purpose.TRUTH).rows["label"].tolist()[0] == -4.5


@pytest.mark.parametrize("purpose", [Purpose.TRUTH, Purpose.PREDICTION])
def test_a_row_without_a_value_cannot_be_scored(tmp_path, purpose):
    path = tmp_path / "mine.csv"
    text(label=["1", "", "3"]).to_csv(path, index=False)
    with pytest.raises(SirnaError, match=rf"(?s){purpose.value} row needs a value.*line 3"):
        read_labels(path, Config(), purpose)


def test_transcripts_give_sites_and_unmatched_ones_are_reported():
    guide, transcript = "UGCAUUACGGAUCCAUGGCAA", "CCCTTGCCATGGATCCGTAATGCACCC"
    columns = {"id": [str(i) for i in range(30)], "label": [str(i) for i in range(30)]}
    columns |= {"guide": [guide] * 30, "target": ["T"] * 30, "transcript": [transcript] * 30}
    raw = pd.DataFrame({NAMES[role]: values for role, values in columns.items()})
    table = check_table(raw, "mine.csv", Config())
    assert (table.rows["site"] == 23.0).all()
    assert "pair" not in "\n".join(table.notes)
    strange = raw.assign(**{NAMES["transcript"]: [transcript] * 5 + [transcript[::-1]] * 25})
    table = check_table(strange, "mine.csv", Config())
    assert "only 5 of 30 guides pair" in "\n".join(table.notes)
    assert int(table.rows["site"].notna().sum()) == 5
    blanks = raw.assign(**{NAMES["transcript"]: [transcript] * 5 + [""] * 25})
    table = check_table(blanks, "mine.csv", Config())
    assert "pair" not in "\n".join(table.notes)


def test_the_first_number_in_a_duplex_id_is_its_number():
    ids = ["AD-7.1", "AD-120", "control", "", "x9y12"]
    columns = {"id": list("abcde"), "label": list("12345"), "guide": ["ACGU"] * 5, "duplex": ids}
    raw = pd.DataFrame({NAMES[role]: values for role, values in columns.items()})
    table = check_table(raw, "mine.csv", Config())
    np.testing.assert_array_equal(table.rows["duplex_number"], [7, 120, np.nan, np.nan, 9])
    assert f"{NAMES['duplex']!r}: 2 of 5 rows have no number" in "\n".join(table.notes)
    numbered = check_table(raw.iloc[[0, 1, 4]], "mine.csv", Config())
    assert "no number" not in "\n".join(numbered.notes)
    without = check_table(raw.drop(columns=NAMES["duplex"]), "mine.csv", Config())
    assert "duplex_number" not in without.rows
