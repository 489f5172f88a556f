"""Text that Arrow reads in pieces gives the same table as text that is read record by record."""

import gzip

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sirna.errors import SirnaError
from sirna.system import limits as system_limits
from sirna.system import plain_text
from sirna.system.limits import LIMITS, Limit
from sirna.system.plain_text import Piece
from sirna.table.facts import Facts
from sirna.table.read_blocks import FileBlocks
from sirna.table.read_file import read_text_table

ALPHABET = st.text(st.sampled_from('aU1 .,;\t"\r\n\ufeff\x00\x1c\u00e9\u2003'), max_size=60)
ORDERLY = st.lists(
    st.lists(st.text(st.sampled_from("aU1 .é\x1c"), max_size=3), min_size=3, max_size=3).map(
        ",".join
    ),
    max_size=30,
).map(lambda lines: "\n".join(["id,b,c", *lines]))
MESSY = st.tuples(ORDERLY, ALPHABET, ORDERLY).map("\n".join)
CONTENTS = st.one_of(ALPHABET, ORDERLY, ORDERLY.map(lambda text: text + "\r\n"), MESSY)


def read(path, rows):
    """Return a table as read at once and in blocks, with its notes; or the messages."""
    found = []
    try:
        frame = read_text_table(path)
        found.append((frame, frame.attrs))
    except SirnaError as error:
        found.append(str(error))
    blocks = FileBlocks(path, (), rows=rows)
    facts = Facts()
    try:
        list(blocks.frames(facts))
        frames = list(blocks.frames(Facts(facts.found)))
        found.append((pd.concat(frames), blocks.notes))
    except SirnaError as error:
        found.append(str(error))
    return found


def assert_same(one, other):
    if isinstance(one, str) or isinstance(other, str):
        assert one == other
        return
    pd.testing.assert_frame_equal(one[0], other[0])
    assert one[1] == other[1]


@settings(max_examples=60, deadline=None)
@example(content="1\nU;a", rows=1, size=1)
@example(content="1\nU;a", rows=1, size=10**6)
@given(content=CONTENTS, rows=st.sampled_from([1, 2, 7, 1000]), size=st.sampled_from([1, 9, 10**6]))
def test_pieces_give_the_table_that_records_give(tmp_path_factory, content, rows, size):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    path.write_bytes(content.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain_text, "PIECE_BYTES", size)
        plain = read(path, rows)
        patch.setattr(Piece, "is_plain", False)
        slow = read(path, rows)
    for one, other in zip(plain, slow, strict=True):
        assert_same(one, other)


def test_an_orderly_file_is_read_by_arrow(tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    path.write_text("id,b\n" + "".join(f"{row},x\n" for row in range(5_000)))
    lines = []
    monkeypatch.setattr(plain_text, "PIECE_BYTES", 4_000)
    monkeypatch.setattr(
        "sirna.table.separated.limited_lines",
        lambda text, *_: (lines.append(line) or line for line in text),
    )
    frames = list(FileBlocks(path, (), rows=999).frames(Facts()))
    assert [len(frame) for frame in frames] == [999] * 5 + [5]
    assert len(lines) <= 20
    assert frames[-1].index[-1] == 5_001


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
@pytest.mark.parametrize(
    ("content", "refused"),
    [
        (b"id,b\n" + b"1,x\n" * 60, True),
        (b"id,b\r" + b"1,x\r" * 60, True),
        (b"id,b\r\n" + b'1,"x"\r\n' * 60, True),
        (b"id,b\r" + b'1,"x"\r' * 60, True),
        (b'id,5"b\n' + b"1,x\n" * 60, True),  # this quote quotes nothing
        (b'id,b\n1,"' + b"x\n" * 60 + b'"\n', False),
        (b"id,b\n" + b"1,x\n" * 50, False),
        (b'id,b\n1,"x', False),
    ],
)
def test_a_file_of_too_many_rows_is_refused(tmp_path, monkeypatch, name, content, refused):
    limits = {**LIMITS, "rows": Limit("the rows of a table", 50, "rows")}
    monkeypatch.setattr(system_limits, "LIMITS", limits)
    monkeypatch.setattr(plain_text, "COUNTED_BYTES", 10)
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    if refused:
        with pytest.raises(SirnaError, match="more than 50 rows; divide"):
            read_text_table(path)
    else:
        for one in read(path, 7):
            assert isinstance(one, tuple) or "divide" not in one


def test_rows_are_counted_before_any_is_read_and_only_once(tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    path.write_text("id,b\n1,x\n2,y\n")
    counted = []
    monkeypatch.setattr(
        "sirna.table.separated.check_row_count", lambda file, _: counted.append(file.tell())
    )
    blocks = FileBlocks(path, ())
    for _ in range(3):
        assert len(pd.concat(blocks.frames(Facts()))) == 2
    assert counted == [0]
