"""CSV text is what the csv module and spreadsheets read as the same cells."""

import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirna.system.csv_text import check_csv, csv_bytes

CELLS = [
    "",
    " ",
    "a\rb",
    "\r",
    "c\nd",
    "\r\n",
    '"',
    '""',
    ",",
    "\ufeff",
    "\u2028",
    "\x0b",
    "#",
    "'",
    "µ",
]


def table_of(names, cells):
    return pd.DataFrame({name: pd.Series(cells, dtype=object) for name in names})


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("name", ["id", "\ufeffid", "a\rb", '"', " id ", "\ufeff"])
def test_odd_cells_and_names_survive(tmp_path, cell, name):
    frame = table_of([name, "other"], [cell, "x", cell])
    path = tmp_path / "a.csv"
    path.write_bytes(csv_bytes(path, frame))
    check_csv(path, frame)
    text = path.read_bytes().decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows == [[name, "other"], *([value, value] for value in (cell, "x", cell))]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_any_text_survives(tmp_path_factory, cells):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    frame = table_of(["a", "b"], cells)
    path.write_bytes(csv_bytes(path, frame))
    check_csv(path, frame)


def test_ordinary_tables_are_written_as_pandas_writes_them(tmp_path):
    frame = pd.DataFrame({"id": ["1", "x y"], "value": [0.1 + 0.2, np.nan], "n": [1, 2]})
    assert csv_bytes(tmp_path / "a.csv", frame) == frame.to_csv(index=False).encode()


FRAME = pd.DataFrame({"id": ["1", "2"], "value": [1.5, np.nan]})
OTHERS = {
    "another header": "ID,value\n1,1.5\n2,\n",
    "a row less": "id,value\n1,1.5\n",
    "a torn row": "id,value\n1,1.5\n2\n",
    "another text": "id,value\n1,1.5\n3,\n",
    "another number": "id,value\n1,1.25\n2,\n",
    "a number where none was": "id,value\n1,1.5\n2,0\n",
    "a number less": "id,value\n1,\n2,\n",
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_file_that_differs_is_recognised(tmp_path, name):
    path = tmp_path / "a.csv"
    path.write_text(OTHERS[name], encoding="utf-8")
    with pytest.raises(ValueError, match=r".+"):
        check_csv(path, FRAME)


COLUMNS = {
    "texts": ["", " a", "b,c", 'say "x"', "two\nlines", "\rx", "-0.0"],
    "missing texts": ["a", None, np.nan, "", "b", "c", "a"],
    "numbers": [0.0, -0.0, 1e-5, 1e16, np.nan, np.inf, 0.1 + 0.2],
    "whole numbers": [1, 2, 3, -4, 0, 10**12, 7],
    "switches": [True, False, True, False, True, False, True],
    "mixed": [1, 1.0, True, "1", None, -0.0, 0],
    "short numbers": np.array([0.1, 2, 3, 4, 5, 6, 1e-7], dtype=np.float32),
    "times": pd.date_range("2026-01-01", periods=7),
}


@pytest.mark.parametrize("kinds", [[kind] for kind in COLUMNS] + [["texts", "numbers"], [*COLUMNS]])
def test_columns_of_every_kind_are_written_as_pandas_writes_them(kinds, tmp_path):
    frame = pd.DataFrame({kind: pd.Series(COLUMNS[kind]) for kind in kinds})
    text = csv_bytes(tmp_path / "a.csv", frame).decode()
    assert list(csv.reader(io.StringIO(text, newline=""))) == list(
        csv.reader(io.StringIO(frame.to_csv(index=False, lineterminator="\r\n"), newline=""))
    )
