"""The file that `sirna submit` writes, block by block."""

import io
from pathlib import Path

import pandas as pd
import pytest

from sirna.stages.submission_file import append_rows, opened, same_content

FRAMES = {
    "plain": pd.DataFrame({"id": ["1", "2"], "value": [0.1, 100.0]}),
    "marks": pd.DataFrame(
        {
            "id": ["a,b", 'say "x"', "two\nlines", " blank ", "é"],
            "t,q": ["", "NA", "1", "0.50", "-"],
        }
    ),
    "one column": pd.DataFrame({"value": ["", "x", ""]}),
    "numbers": pd.DataFrame({"value": [1e-5, 12.34, 1e16, float("nan")], "count": [1, 2, 3, 4]}),
}


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("block", [1, 2, 10])
def test_blocks_make_the_file_that_pandas_writes(kind, block):
    frame, stream = FRAMES[kind], io.BytesIO()
    for start in range(0, len(frame), block):
        part = frame.iloc[start : start + block]
        text = append_rows(stream, part, header=start == 0)
        assert text == part.to_csv(index=False, lineterminator="\n")
    assert stream.getvalue().decode() == frame.to_csv(index=False, lineterminator="\n")


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz"])
def test_files_are_compared_by_their_content(tmp_path, name):
    paths = [tmp_path / f"{number}-{name}" for number in range(3)]
    for path, text in zip(paths, (b"a\n1\n", b"a\n1\n", b"a\n2\n"), strict=True):
        with opened(path, Path(name)) as stream:
            stream.write(text)
    assert same_content(paths[0], paths[1], Path(name))
    assert not same_content(paths[0], paths[2], Path(name))
    assert not same_content(paths[0], tmp_path / "absent", Path(name))
    assert pd.read_csv(paths[2], compression="infer")["a"].tolist() == [2]
