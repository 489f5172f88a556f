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
        path.write_bytes(gzip.compress(data, mtime=0) if name.endswith("GZ") else data)
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
        (b"id b\n1 2\n", "spaces"),
        (b"id,b\n1,2\n3\n", "line 3 has 1 fields, fewer than the header's 2"),
        (b"id,b\n1,2\n3,4,5\n", "line 3 has 3 fields, more than the header's 2"),
        (b'id,b\n"1\n2",2\n\n3\n', "line 5 has 1 fields, fewer"),
        (b'id,b\n1,2\n"3,4\n', "line 3.*quote"),
        (b"id,id\n1,2\n", "'id' occurs twice"),
        (b"id,b\n1,\x00\x01\x02\n", "binary"),
        (b"\xff\xfe\0\0i\0\0\0", "UTF-32"),
        ("id,b\n1,2".encode("utf-16")[:-1], "UTF-16"),
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
    path.write_bytes(gzip.compress(b"id,b\n" + b"1,2\n" * 900, mtime=0)[:-12])
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
    other = tmp_path / "t.docx"
    other.write_bytes(b"x")
    with pytest.raises(SirnaError, match=r"\.parquet"):
        read_text_table(other)


ROWS = [["id", "guide seq"], ["1", "ACGU"], ["2", "GGCA"]]


def _joined(delimiter, end="\n"):
    return end.join(delimiter.join(row) for row in ROWS) + end


@pytest.mark.parametrize(
    ("name", "content", "note", "decimal_comma"),
    [
        ("t.csv", _joined(";").encode(), "semicolons", True),
        ("t.tsv", _joined("\t").encode(), "tabs", True),
        ("t.txt", _joined("|").encode(), "bars", True),
        ("t.csv", ("sep=;\n" + _joined(";")).encode(), "semicolons", True),
        ("t.csv", ("\ufeffsep=,\r\n" + _joined(",", "\r\n")).encode(), None, False),
        ("t.csv", ('"sep=\t"\n' + _joined("\t")).encode("utf-16"), "UTF-16", True),
        ("t.csv", _joined(",").encode("utf-16"), "UTF-16", False),
        ("t.csv", _joined(",").encode("utf-16-le"), "UTF-16", False),
        ("t.csv", _joined(",").encode("utf-16-be"), "UTF-16", False),
        ("t.csv.gz", gzip.compress(_joined(";").encode("utf-8-sig"), mtime=0), "semicolons", True),
        ("t.csv", b"id,guide seq\n\n1,ACGU\n,\n  ,\n2,GGCA\n\n", "2 lines without a value", False),
        ("t.csv", b"id,guide seq,,\n1,ACGU,,\n2,GGCA,,\n", "2 columns without name", False),
        ("t.csv", b"id,,guide seq\n1,,ACGU\n2, ,GGCA\n", "1 column without name", False),
        ("t.csv", b"id,guide seq\n1,ACGU,,\n2,GGCA\n", None, False),
        ("t.csv", b"id,guide seq,\n1,ACGU\n2,GGCA\n", "1 column without name", False),
    ],
)
def test_tables_are_read_from_all_common_text_files(tmp_path, name, content, note, decimal_comma):
    path = tmp_path / name
    path.write_bytes(content)
    frame = read_text_table(path)
    assert [list(frame), *frame.to_numpy().tolist()] == ROWS
    assert frame.attrs["decimal_comma"] == decimal_comma
    assert note is None or any(note in one for one in frame.attrs["notes"])
    assert note is not None or frame.attrs["notes"] == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Table S3. Silencing in HeLa,,\nid,guide,label\n1,ACGU,3\n", "line 2 .* delete line 1,"),
        ("Table S3\nid,guide,label\n1,ACGU,3\n", "line 2 .* delete line 1,"),
        ("Table S3\n\nFrom a paper\nid,guide,label\n1,ACGU,3\n", "line 4 .* the 2 lines above"),
        ('"Table, with commas",,\nid,guide,label\n1,ACGU,3\n', "line 2 looks like the header"),
        ("Silencing,of GENA,in HeLa\nid,guide,label\n1,ACGU,3\n", "line 2 looks like the header"),
        ("a,b\nid,guide,label\n1,ACGU,3\n", "line 2 looks like the header"),
        ("Table S3;;\nid;guide;label\n1;ACGU;3\n", "line 2 looks like the header"),
    ],
)
def test_a_title_above_the_header_is_recognised(tmp_path, content, expected):
    path = tmp_path / "t.csv"
    path.write_text(content)
    with pytest.raises(SirnaError, match=rf"t\.csv: {expected}"):
        read_text_table(path, expected=("id", "guide", "label"))


@pytest.mark.parametrize(
    "content",
    [
        "note,score\nid,guide\n1,2\n",
        "guide\nACGU\nGGCA\n",
        "id,guide\nguide,id\n1,2\n",
        "guide,\nACGU,\nGGCA,7\n",
    ],
)
def test_no_title_is_seen_where_there_is_none(tmp_path, content):
    path = tmp_path / "t.csv"
    path.write_text(content)
    assert len(read_text_table(path, expected=("guide",))) == 2


def test_a_spreadsheet_is_read_from_its_first_or_a_named_sheet(tmp_path):
    pytest.importorskip("python_calamine")
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [["id", "dose", "label"], [1, 10, 12.5], [None, None, None], ["x7", 0.1, 30]]:
        book.active.append(row)
    other = book.create_sheet("second")
    for row in [["Table S3"], ["id", "dose"], [1, 2]]:
        other.append(row)
    path = tmp_path / "mine.xlsx"
    book.save(path)
    frame = read_text_table(path)
    assert frame.to_numpy().tolist() == [["1", "10", "12.5"], ["x7", "0.1", "30"]]
    assert (frame.index.name, frame.index.tolist()) == ("row", [2, 4])
    assert any("'Sheet', one of 2" in note for note in frame.attrs["notes"])
    with pytest.raises(SirnaError, match="row 2 looks like the header"):
        read_text_table(path, "second")
    with pytest.raises(SirnaError, match=r"no sheet 'secnd' \(did you mean 'second'"):
        read_text_table(path, "secnd")
