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
