"""Parquet files as text: every type is read right, or refused by the column's name."""

import datetime
import decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sirna.errors import SirnaError
from sirna.table.facts import Facts
from sirna.table.parquet import read_parquet
from sirna.table.read_blocks import FileBlocks
from sirna.table.read_file import read_text_table

READ = {
    "text": (pa.array(["a", None, " b "]), ["a", "", " b "]),
    "large text": (pa.array(["a"], pa.large_string()), ["a"]),
    "bytes": (pa.array(["µ".encode(), None], pa.binary()), ["µ", ""]),
    "bytes of one length": (pa.array([b"ab"], pa.binary(2)), ["ab"]),
    "categories": (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
    "whole numbers": (pa.array([1, None, -3], pa.int64()), ["1", "", "-3"]),
    "whole floats": (pa.array([1.0, None, 1e6]), ["1", "", "1000000"]),
    "floats": (pa.array([0.5, 10.0, None]), ["0.5", "10.0", ""]),
    "floats of 32 bits": (pa.array([0.1, 2.5], pa.float32()), ["0.1", "2.5"]),
    "decimals": (pa.array([decimal.Decimal("1.50")]), ["1.50"]),
    "lists of texts": (pa.array([["Af", "Gm"], [], None]), ["Af Gm", "", ""]),
    "dates": (pa.array([datetime.date(2026, 1, 2)]), ["2026-01-02"]),
    "nothing": (pa.nulls(2), ["", ""]),
}
REFUSED = {
    "structs": pa.array([{"a": 1}]),
    "maps": pa.array([[("a", "b")]], pa.map_(pa.string(), pa.string())),
    "lists of numbers": pa.array([[1, 2]]),
    "lists of lists": pa.array([[["a"]]]),
    "durations": pa.array([5], pa.duration("s")),
    "bytes that are no text": pa.array([b"\xff\xfe"]),
}


def written(tmp_path, column, name="x"):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({name: column}), path)
    return path


@pytest.mark.parametrize("kind", READ)
def test_a_type_is_read_as_a_csv_file_would_hold_it(tmp_path, kind):
    column, expected = READ[kind]
    frame = read_parquet(written(tmp_path, column))
    assert frame["x"].tolist() == expected
    assert frame.index.name == "row"
    assert frame.index.tolist() == list(range(1, len(expected) + 1))


@pytest.mark.parametrize("kind", REFUSED)
def test_another_type_is_refused_by_the_name_of_its_column(tmp_path, kind):
    path = written(tmp_path, REFUSED[kind], name="the column")
    with pytest.raises(SirnaError, match=r"t\.parquet: column 'the column'"):
        read_parquet(path)


def test_a_named_index_is_a_column(tmp_path):
    path = tmp_path / "t.parquet"
    frame = pd.DataFrame({"a": ["x", "y"]}, index=pd.Index([7, 8], name="id"))
    frame.to_parquet(path)
    assert read_parquet(path).to_dict("list") == {"id": ["7", "8"], "a": ["x", "y"]}
    frame.rename_axis(None).to_parquet(path)
    assert read_parquet(path).to_dict("list") == {"a": ["x", "y"]}


def test_a_column_twice_is_refused(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array(["x"])] * 2, names=["a", "a"]), path)
    with pytest.raises(SirnaError, match="'a' occurs twice"):
        read_parquet(path)


def test_a_file_that_announces_too_many_rows_is_refused_before_it_is_read(tmp_path):
    indices = pa.array([0] * 25_000_000, pa.int8())
    path = written(tmp_path, pa.DictionaryArray.from_arrays(indices, pa.array(["ACGU"])))
    assert path.stat().st_size < 1_000_000
    with pytest.raises(SirnaError, match=r"has 25,000,000 rows; at most 20,000,000 rows"):
        read_parquet(path)


def test_names_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"id": ["1"], "column": ["ACGU"]}), path)
    path.write_bytes(path.read_bytes().replace(b"column", b"c\xc5lumn"))
    with pytest.raises(SirnaError, match="damaged"):
        read_text_table(path)
    with pytest.raises(SirnaError, match="damaged"):
        list(FileBlocks(path, ()).frames(Facts()))


@pytest.mark.parametrize(
    "note",
    [b"", b"{", b"[]", b"null", b"5", b"{}", b'{"index_columns": 5}', b"\xff", b"[" * 10_000],
)
def test_a_damaged_note_of_pandas_does_not_matter(tmp_path, note):
    path = tmp_path / "t.parquet"
    table = pa.table({"id": ["1"]}).replace_schema_metadata({b"pandas": note})
    pq.write_table(table, path)
    assert read_text_table(path).to_numpy().tolist() == [["1"]]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.list_(pa.string())])
@pytest.mark.parametrize("categories", [False, True])
def test_text_that_is_not_utf8_is_refused(tmp_path, kind, categories):
    path = tmp_path / "t.parquet"
    column = pa.array([["ACGU"]] if pa.types.is_list(kind) else ["ACGU"], kind)
    if categories and not pa.types.is_list(kind):
        column = column.dictionary_encode()
    pq.write_table(pa.table({"x": column}), path, compression="none", write_statistics=False)
    path.write_bytes(path.read_bytes().replace(b"ACGU", b"A\xf4GU"))
    with pytest.raises(SirnaError, match=r"damaged.*UTF8"):
        read_text_table(path)
    with pytest.raises(SirnaError, match=r"damaged.*UTF8"):
        list(FileBlocks(path, ()).frames(Facts()))
