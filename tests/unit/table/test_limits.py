"""Tables beyond the limits: refused, or their long sequences read as missing."""

import gzip
import os

import pytest

from sirna.config.config import Config
from sirna.errors import SirnaError
from sirna.system.limits import LIMITS
from sirna.table.check_table import check_table, read_table
from sirna.table.read_file import read_text_table
from sirna.table.report import Purpose

GUIDE, LIST = "siRNA_antisense_seq", "modified_siRNA_antisense_seq_list"
TRANSCRIPT = "gene_target_seq"
LONG = {
    GUIDE: ("A" * 64, "A" * 65, "at most 64 nucleotides"),
    LIST: ("Af " * 200, "Af " * 201, "at most 200 tokens"),
    TRANSCRIPT: ("A" * 1_000_000, "A" * 1_000_001, "at most 1,000,000 bases"),
}


@pytest.mark.parametrize("column", LONG)
def test_training_refuses_a_sequence_above_its_limit(tiny_text, tiny_config, column):
    allowed, long, message = LONG[column]
    text = tiny_text.copy()
    text.loc[3, column] = allowed
    check_table(text, "t.csv", tiny_config, Purpose.TEST)
    text.loc[3, column] = long
    with pytest.raises(SirnaError, match=message) as error:
        check_table(text, "t.csv", tiny_config)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("column", LONG)
def test_a_test_file_is_read_without_a_sequence_above_its_limit(tiny_text, tiny_config, column):
    _, long, message = LONG[column]
    text = tiny_text.copy()
    text.loc[3, column] = long
    table = check_table(text, "t.csv", tiny_config, Purpose.TEST)
    assert any(message in note and "read as missing" in note for note in table.notes)
    missing = text.copy()
    missing.loc[3, column] = ""
    expected = check_table(missing, "t.csv", tiny_config, Purpose.TEST)
    assert table.rows.equals(expected.rows)
    assert table.raw[column].equals(text[column])


FILES = {
    "a long line": (b"id,x\n1," + b"x" * 20_000_001, "line 2 is longer than 20 MB"),
    "a long cell": (b"id,x\n1," + b"x" * 1_100_001 + b"\n", "field larger than field limit"),
    "many columns": (b"id" + b",x" * 10_000 + b"\n", "has 10,001 columns; at most 10,000 columns"),
    "a long name": (b"x" * 1001 + b",y\n1,2\n", "a column has a name of 1,001 characters"),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_a_text_beyond_the_limits_is_refused(tmp_path, name, suffix):
    content, message = FILES[name]
    path = tmp_path / f"t{suffix}"
    path.write_bytes(gzip.compress(content, 1) if suffix.endswith("gz") else content)
    with pytest.raises(SirnaError, match=message) as error:
        read_text_table(path)
    assert len(str(error.value)) < 600


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_only_regular_files_are_read(tmp_path, make):
    path = tmp_path / "t.csv"
    make(path)
    with pytest.raises(SirnaError, match="is not a regular file"):
        read_table(path, Config())


def test_a_mark_before_a_name_is_not_part_of_it(tmp_path):
    path = tmp_path / "t.csv"
    for content in ("\ufeff\ufeffid,x\n1,2\n", '\ufeff"\ufeffid",x\n1,2\n'):
        path.write_text(content, encoding="utf-8")
        assert list(read_text_table(path)) == ["id", "x"]


def test_every_limit_has_a_unit_and_is_above_0():
    for limit in LIMITS.values():
        assert limit.most > 0
        assert str(limit).split(" ", 1)[1]
