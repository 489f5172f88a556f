"""Table files are read as text; other files are refused."""

import gzip

import pandas as pd
import pytest

from sirna.errors import SirnaError
from sirna.table.read_file import read_text_table


def test_every_value_is_unchanged_text_and_blanks_are_empty(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id, b \n007,NA\n1e3,\n", encoding="utf-8")
    frame = read_text_table(path)
    assert frame.to_dict("list") == {"id": ["007", "1e3"], "b": ["NA", ""]}


def test_rows_are_indexed_by_their_first_line_in_the_file(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('id,b\n\n1,"two\nlines"\n2,3\n', encoding="utf-8")
    index = read_text_table(path).index
    assert (index.name, index.tolist()) == ("line", [3, 5])
    pd.DataFrame({"id": ["1", "2"]}).to_parquet(tmp_path / "t.parquet")
    index = read_text_table(tmp_path / "t.parquet").index
    assert (index.name, index.tolist()) == ("row", [1, 2])


@pytest.mark.parametrize("name", ["T.CSV", "t.Csv.GZ", "T.PARQUET"])
def test_a_suffix_can_be_in_upper_case(tmp_path, name):
    path = tmp_path / name
    frame = pd.DataFrame({"id": ["007", "8"]})
    if name.endswith("PARQUET"):
        frame.to_parquet(path)
    else:
        data = frame.to_csv(index=False).encode()
        path.write_bytes(gzip.compress(data) if name.endswith("GZ") else data)
    assert read_text_table(path)["id"].tolist() == ["007", "8"]


def test_a_byte_order_mark_is_not_part_of_the_header(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,b\n1,2\n", encoding="utf-8-sig")
    assert list(read_text_table(path)) == ["id", "b"]


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("Antisense strand 5 to 3,Knockdown %", ["Antisense strand 5 to 3", "Knockdown %"]),
        ('"a; b; c","d"', ["a; b; c", "d"]),
        ('"a; b\n; c",d', ["a; b\n; c", "d"]),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_names_can_contain_other_delimiters_and_all_line_endings_are_read(
    tmp_path, header, columns, end
):
    path = tmp_path / "t.csv"
    path.write_bytes(end.join([header, "x,1", "y,2"]).encode())
    table = read_text_table(path)
    assert list(table) == columns
    assert table[columns[1]].tolist() == ["1", "2"]


def test_a_single_column_can_have_a_name_of_several_words(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("guide seq\nACGU\n")
    assert list(read_text_table(path)) == ["guide seq"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty"),
        (b"id;b;c\n1;2;3\n", "semicolons"),
        (b"id\tb\n1\t2\n", "tabs"),
        (b"id b\n1 2\n", "spaces"),
        (b"id,b\n1,2\n3\n", "line 3 has 1 fields, fewer than the header's 2"),
        (b"id,b\n1,2\n3,4,5\n", "line 3 has 3 fields, more than the header's 2"),
        (b'id,b\n"1\n2",2\n\n3\n', "line 5 has 1 fields, fewer"),
        (b'id,b\n1,2\n"3,4\n', "line 3.*quote"),
        (b"id,id\n1,2\n", "'id' occurs twice"),
        (b"\xff\xfei\x00", "UTF-16"),
        (b"id,b\n1,\xe9\n", "line 2 is not UTF-8 text"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"PK\x03\x04rest", "spreadsheet"),
    ],
)
def test_the_message_for_another_file_type_names_it(tmp_path, content, expected):
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    with pytest.raises(SirnaError, match=rf"mine\.csv.*{expected}"):
        read_text_table(path)


def test_a_damaged_archive_is_refused(tmp_path):
    path = tmp_path / "mine.csv.gz"
    path.write_bytes(gzip.compress(b"id,b\n" + b"1,2\n" * 900)[:-12])
    with pytest.raises(SirnaError, match="damaged"):
        read_text_table(path)
    path.write_bytes(b"id,b\n1,2\n")
    with pytest.raises(SirnaError, match="damaged"):
        read_text_table(path)


def test_a_damaged_parquet_file_is_refused(tmp_path):
    path = tmp_path / "mine.parquet"
    pd.DataFrame({"id": [1]}).to_parquet(path)
    path.write_bytes(path.read_bytes()[:-6])
    with pytest.raises(SirnaError, match="damaged"):
        read_text_table(path)


def test_an_absent_file_gets_a_suggestion(tmp_path):
    (tmp_path / "train_data.csv").write_text("id\n1\n", encoding="utf-8")
    with pytest.raises(SirnaError, match=r"did you mean 'train_data\.csv'"):
        read_text_table(tmp_path / "traindata.csv")


def test_a_folder_and_an_unknown_suffix_are_refused(tmp_path):
    with pytest.raises(SirnaError, match="folder"):
        read_text_table(tmp_path)
    other = tmp_path / "t.xlsx"
    other.write_bytes(b"x")
    with pytest.raises(SirnaError, match=r"\.parquet"):
        read_text_table(other)
