"""The file that `sirna submit` writes, block by block."""

import gzip
from pathlib import Path

import pandas as pd
import pytest

from sirna.stages.submission_file import Writer, content_sha256
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


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz"])
@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("block", [1, 2, 10])
def test_blocks_make_the_file_that_is_written_at_once(kind, block, name, tmp_path):
    frame, path = FRAMES[kind], tmp_path / "draft"
    with (tmp_path / "rows").open("w+b") as stream:
        writer = Writer(stream)
        for start in range(0, len(frame), block):
            part = frame.iloc[start : start + block]
            assert writer.append(part).encode() == csv_bytes(Path("x.csv"), part)
        writer.finish(path, Path(name))
    data = path.read_bytes()
    assert (gzip.decompress(data) if name.endswith("gz") else data) == csv_bytes(
        Path("x.csv"), frame
    )
    assert content_sha256(path, Path(name)) == writer.digest


def test_a_writer_goes_on_behind_the_rows_that_are_there(tmp_path):
    frame = FRAMES["marks"]
    with (tmp_path / "rows").open("w+b") as stream:
        Writer(stream).append(frame.iloc[:3])
    with (tmp_path / "rows").open("r+b") as stream:
        writer = Writer(stream)
        writer.append(frame.iloc[3:])
    assert (tmp_path / "rows").read_bytes() == csv_bytes(Path("x.csv"), frame)
    assert content_sha256(tmp_path / "rows", Path("x.csv")) == writer.digest


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz"])
def test_a_file_that_cannot_be_read_has_no_digest(tmp_path, name):
    (tmp_path / "torn").write_bytes(gzip.compress(b"a\n" * 1000)[:20])
    assert content_sha256(tmp_path / "absent", Path(name)) == ""
    assert (content_sha256(tmp_path / "torn", Path("x.csv.gz"))) == ""
