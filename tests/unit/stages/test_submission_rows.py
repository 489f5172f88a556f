"""The rows of a submission, written block by block."""

import gzip
import hashlib
from pathlib import Path

import pandas as pd
import pytest

from sirna.stages.submission_rows import content_sha256, rows_of
from sirna.system.csv_text import csv_bytes

FRAMES = {
    "plain": pd.DataFrame({"id": ["1", "2"], "value": [0.1, 100.0]}),
    "marks": pd.DataFrame(
        {
            "id": ["a,b", 'say "x"', "two\nlines", " blank ", "é", "a\rb"],
            "t,q": ["", "NA", "1", "0.50", "-", "\ufeff"],
        }
    ),
    "one column": pd.DataFrame({"value": ["", "x", ""]}),
    "a byte order mark": pd.DataFrame({"\ufeffid": ["1", "2"], "value": ["x", "\ufeff"]}),
    "numbers": pd.DataFrame({"value": [1e-5, 12.34, 1e16, float("nan")], "count": [1, 2, 3, 4]}),
    "switches": pd.DataFrame({"id": ["1", "2", "3"], "new": [True, False, True]}),
}


NAMES = ["x.csv", "x.csv.gz", "x.parquet"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("block", [1, 2, 10])
def test_blocks_make_the_file_that_is_written_at_once(kind, block, name, tmp_path):
    frame, path, whole = FRAMES[kind], tmp_path / "draft", csv_bytes(Path("x.csv"), FRAMES[kind])
    with (tmp_path / "rows").open("w+b") as stream:
        rows = rows_of(Path(name), stream)
        for start in range(0, len(frame), block):
            part = frame.iloc[start : start + block]
            assert rows.append(part).encode() == csv_bytes(Path("x.csv"), part)
        rows.finish(path, Path(name))
    assert rows.digest == content_sha256(path, Path(name)) == hashlib.sha256(whole).hexdigest()
    if name == "x.parquet":
        found = pd.read_parquet(path)
        assert csv_bytes(Path("x.csv"), found) == whole
        numbers = frame.select_dtypes(["number", "bool"])
        pd.testing.assert_frame_equal(found[list(numbers)], numbers)
    else:
        data = path.read_bytes()
        assert (gzip.decompress(data) if name.endswith("gz") else data) == whole


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["marks", "a byte order mark", "switches"])
def test_rows_go_on_behind_those_that_are_there(kind, name, tmp_path):
    frame, path = FRAMES[kind], tmp_path / "draft"
    with (tmp_path / "rows").open("w+b") as stream:
        rows_of(Path(name), stream).append(frame.iloc[:1])
    with (tmp_path / "rows").open("r+b") as stream:
        stream.seek(0, 2)
        rows = rows_of(Path(name), stream)
        rows.append(frame.iloc[1:])
        rows.finish(path, Path(name))
    whole = csv_bytes(Path("x.csv"), frame)
    assert rows.digest == content_sha256(path, Path(name)) == hashlib.sha256(whole).hexdigest()


def test_a_column_that_is_empty_in_the_first_block_is_text(tmp_path):
    with (tmp_path / "rows").open("w+b") as stream:
        rows = rows_of(Path("x.parquet"), stream)
        rows.append(pd.DataFrame({"name": [None, None]}, dtype=object))
        rows.append(pd.DataFrame({"name": ["AD-1", None]}, dtype=object))
        rows.finish(tmp_path / "draft", Path("x.parquet"))
    assert pd.read_parquet(tmp_path / "draft")["name"].tolist()[2] == "AD-1"


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_cannot_be_read_has_no_digest(name, tmp_path):
    (tmp_path / "torn").write_bytes(gzip.compress(b"a\n" * 1000)[:20])
    assert content_sha256(tmp_path / "absent", Path(name)) == ""
    assert name == "x.csv" or content_sha256(tmp_path / "torn", Path(name)) == ""
