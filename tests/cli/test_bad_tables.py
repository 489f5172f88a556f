"""Training tables that are refused, and the messages."""

import gzip
from pathlib import Path

import pytest
from damage import (
    DOSE,
    GUIDE,
    HOURS,
    ID,
    LABEL,
    UNIT,
    Frame,
    csv,
    put,
    repeat_id,
    swap,
    text,
    write,
)


def as_fractions(frame: Frame) -> Frame:
    return frame.assign(**{LABEL: (frame[LABEL].astype(float) / 100).astype(str)})


def cut_off(frame: Frame) -> bytes:
    content = csv(frame)
    return content[: content.rindex(b",")] + b","


# name: what is wrong with a training file, and what the message must hold besides the file's name
TRAINING = {
    "empty file": (text(""), ["empty", "header"]),
    "only blank lines": (text("\n\n\n"), ["empty", "header"]),
    "header only": (lambda frame: frame.iloc[:0], ["no rows", "at least one"]),
    "html page": (text("\n<!DOCTYPE html>\n<html>"), ["HTML page", "download the file itself"]),
    "html without doctype": (text("<html><body>log in"), ["HTML page", "download"]),
    "html with a comment first": (text("<!-- a, b -->\n<html>,,</html>"), ["HTML", "download"]),
    "html head": (text("<head><title>Sign in</title></head>\n"), ["HTML", "download"]),
    "spreadsheet": (text(b"PK\x03\x04aaaa"), ["spreadsheet", "save it as CSV"]),
    "spaces": (lambda frame: csv(frame, " "), ["spaces", "comma"]),
    "latin-1": (swap(b"nM", "n\u00b5".encode("latin-1")), ["UTF-8", "byte", "save the file"]),
    "utf-32": (lambda frame: csv(frame).decode().encode("utf-32"), ["UTF-32", "UTF-8"]),
    "utf-16 cut off": (
        lambda frame: csv(frame).decode().encode("utf-16")[:-1],
        ["not UTF-16 text", "UTF-8"],
    ),
    "title": (lambda frame: b"Table S3\n" + csv(frame), ["line 2 looks like the header"]),
    "one field too many": (
        swap(b"\n11,", b"\n11,x,"),
        ["line 3 has 20", "more than the header's 19"],
    ),
    "one field too few": (swap(b",nM,", b","), ["line 2 has 18", "fewer than the header's 19"]),
    "open quote": (swap(b"\n11,", b'\n"11,'), ["line 3", "is a quote left open"]),
    "cut off in the last row": (cut_off, [LABEL, "219", "line 74", "''", "fill it in"]),
    "column twice": (swap(b"publication_id", b"id"), ["'id'", "twice", "rename"]),
    "no guide column": (lambda frame: frame.drop(columns=GUIDE), [GUIDE, "guide", "[columns]"]),
    "no label column": (lambda frame: frame.drop(columns=LABEL), [LABEL, "label", "[columns]"]),
    "label column misspelt": (
        lambda frame: frame.rename(columns={LABEL: "mRNA_remaining"}),
        [LABEL, "did you mean 'mRNA_remaining'"],
    ),
    "label blank": (put(LABEL, ""), [LABEL, "row id 7 ", "line 2", "''", "fill it in or drop"]),
    "label NaN": (put(LABEL, "NaN"), [LABEL, "row id 7 ", "'NaN'", "fill it in or drop"]),
    "label text": (put(LABEL, "high"), [LABEL, "row id 7 ", "'high'", "finite number"]),
    "label infinite": (put(LABEL, "inf"), [LABEL, "row id 7 ", "'inf'", "finite number"]),
    "label beyond float": (
        put(LABEL, "1e400"),
        [LABEL, "row id 7 ", "'1e400'", "finite number"],
    ),
    "label absurd": (put(LABEL, "1e39"), [LABEL, "row id 7 ", "'1e39'"]),
    "label decimal comma": (put(LABEL, "1,5"), [LABEL, "row id 7 ", "'1,5'", "as in 12.5"]),
    "label percent sign": (put(LABEL, "12%"), [LABEL, "'12%'", "--set label.parse=lenient"]),
    "label negative": (put(LABEL, "-101"), [LABEL, "row id 7 ", "'-101'", "from -100 to 10000"]),
    "labels are fractions": (as_fractions, [LABEL, "row id 7 ", "label.kind = 'fraction'"]),
    "guide blank": (put(GUIDE, ""), [GUIDE, "row id 7 ", "''", "fill it in or drop"]),
    "guide with N": (put(GUIDE, "ACGN"), [GUIDE, "row id 7 ", "'ACGN'", "A, C, G and U or T"]),
    "guide with ends": (put(GUIDE, "5'-ACGN-3'"), [GUIDE, "5'-ACGN-3'", "A, C, G and U or T"]),
    "tokens as guide": (put(GUIDE, "VP a Cf"), [GUIDE, "'VP a Cf'", "modification list"]),
    "dose zero": (put(DOSE, "0"), [DOSE, "row id 7 ", "'0'", "above 0", "blank if unknown"]),
    "dose negative": (put(DOSE, "-10"), [DOSE, "row id 7 ", "'-10'", "above 0"]),
    "dose of two units": (put(DOSE, "10 uM"), [DOSE, "row id 7 ", "'10 uM'", "another unit"]),
    "dose with mass": (put(DOSE, "10 mg"), [DOSE, "row id 7 ", "'10 mg'", "units are nM"]),
    "unit unknown": (put(UNIT, "mg/kg"), [UNIT, "row id 7 ", "'mg/kg'", "nM"]),
    "hours negative": (put(HOURS, "-5"), [HOURS, "row id 7 ", "'-5'", "0 to 10000"]),
    "hours text": (put(HOURS, "two days"), [HOURS, "row id 7 ", "'two days'", "finite number"]),
    "id twice": (repeat_id, ["'id'", "row id 7 ", "line 2", "line 3", "remove or rename"]),
    "id blank": (put(ID, ""), ["'id'", "line 2", "every row needs an id"]),
}


@pytest.mark.parametrize("name", TRAINING)
def test_a_bad_training_file_is_refused_with_file_place_value_and_remedy(
    name: str, training: Frame, refused, tmp_path: Path, tiny: list[str]
) -> None:
    damage, expected = TRAINING[name]
    path = write(tmp_path / "bad.csv", training, damage)
    message = refused("train", path, *tiny, "--check")
    for part in ["bad.csv", *expected]:
        assert part in message
    assert not list(tmp_path.glob("runs/*"))


def test_ten_bad_rows_are_shown_and_the_rest_counted(training, refused, tmp_path, tiny) -> None:
    path = write(tmp_path / "bad.csv", training, put(LABEL, "bad", rows=33))
    message = refused("train", path, *tiny)
    assert message.count("row id") == 10
    assert "33 rows" in message
    assert "23 more" in message


def test_faults_of_several_columns_are_reported_in_one_message(
    training, refused, tmp_path, tiny
) -> None:
    training = training.copy()
    training.loc[2, LABEL], training.loc[3, DOSE], training.loc[4, GUIDE] = "x", "-2", "??"
    message = refused("train", write(tmp_path / "bad.csv", training, lambda f: f), *tiny)
    for part in (LABEL, "'x'", DOSE, "'-2'", GUIDE, "'??'"):
        assert part in message


def test_a_bad_row_is_named_by_its_line_in_the_file(training, refused, tmp_path, tiny) -> None:
    content = csv(put(LABEL, "bad")(training.copy()))
    path = tmp_path / "bad.csv"
    path.write_bytes(content.replace(b"\n", b"\n\n\n", 1))  # two blank lines below the header
    assert "line 4" in refused("train", path, *tiny)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("absent.csv", ["no such file"]),
        ("train_data.doc", [".csv", "save the table as"]),
        (".", ["folder", "name a table file"]),
    ],
)
def test_a_path_that_is_not_a_table_is_refused(name, expected, training, refused, tmp_path) -> None:
    (tmp_path / "train_data.doc").write_bytes(csv(training, "\t"))
    message = refused("train", tmp_path / name)
    for part in expected:
        assert part in message


def test_a_misspelt_file_name_gets_a_suggestion(data: Path, refused) -> None:
    assert "did you mean 'train_data.csv'" in refused("train", data / "traindata.csv")


@pytest.mark.parametrize("half", [True, False])
def test_a_damaged_gzip_file_is_refused(half, training, refused, tmp_path: Path) -> None:
    packed = gzip.compress(csv(training))
    path = tmp_path / "bad.csv.gz"
    path.write_bytes(packed[: len(packed) // 2] if half else csv(training))
    assert "bad.csv.gz: cannot be read" in refused("train", path)


def test_a_damaged_parquet_file_is_refused(refused, tmp_path: Path) -> None:
    path = tmp_path / "bad.parquet"
    path.write_bytes(b"PAR1xxxx")
    assert "bad.parquet: cannot be read" in refused("train", path)


def test_modification_lists_stored_as_parquet_lists_are_read_or_named(
    training: Frame, cli, tmp_path: Path, tiny: list[str]
) -> None:
    column = "modified_siRNA_antisense_seq_list"
    path = tmp_path / "lists.parquet"
    training.assign(**{column: training[column].str.split(" ")}).to_parquet(path)
    outcome = cli("train", path, *tiny, "--check")
    assert outcome.code == 0 or column in outcome.err
