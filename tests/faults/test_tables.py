"""Tables of every kind: read right or refused with one message, in bounded time and memory."""

import csv
import datetime
import gzip
import io
import os
import shutil

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from campaign import Campaign
from child import limit_memory, run

GUIDE, PASSENGER = "siRNA_antisense_seq", "siRNA_sense_seq"
LIST, LABEL, DOSE = "modified_siRNA_antisense_seq_list", "mRNA_remaining_pct", "siRNA_concentration"
TRANSCRIPT, HOURS, UNIT = "gene_target_seq", "Duration_after_transfection_h", "concentration_unit"
MOST_MEGABYTES, MOST_SECONDS = 1500, 60
SAME, REFUSED, ANY = "same", "refused", "any"


def text_of(frame, **options):
    return frame.to_csv(index=False, **options).encode()


def put(column, value, row=3):
    """Write one cell."""

    def change(frame):
        frame = frame.copy()
        frame.loc[row, column] = value
        return text_of(frame)

    return change


def as_parquet(change=lambda frame: frame, index=False):
    def write(frame):
        stream = io.BytesIO()
        found = change(frame.copy())
        if isinstance(found, pa.Table):
            pq.write_table(found, stream)
        else:
            found.to_parquet(stream, index=index)
        return stream.getvalue()

    return write


def typed(column, kind, value):
    """Replace a Parquet column by values of a type."""

    def change(frame):
        table = pa.Table.from_pandas(frame, preserve_index=False)
        values = pa.array([value(cell) for cell in frame[column]], kind)
        return table.set_column(table.column_names.index(column), column, values)

    return as_parquet(change)


def bomb_of_rows(frame):
    """Write 30 million equal rows in a few kilobytes."""
    indices = pa.array([0] * 30_000_000, pa.int8())
    column = pa.DictionaryArray.from_arrays(indices, pa.array(["ACGUACGUACGUACGUACGUA"]))
    stream = io.BytesIO()
    pq.write_table(pa.table(dict.fromkeys(("id", GUIDE), column)), stream)
    return stream.getvalue()


def zipped(size, unit):
    """Write `size` megabytes of a unit as a compressed line or lines."""

    def write(frame):
        stream = io.BytesIO()
        with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=1) as file:
            for _ in range(size):
                file.write(unit * (1_000_000 // len(unit)))
        return stream.getvalue()

    return write


STRINGS = pa.list_(pa.string())
DAY = datetime.date(2026, 1, 2)
CELLS = [
    "a\rb",
    "\r",
    "a\nb",
    '"',
    '"a',
    "a,b",
    "\ufeff",
    "\x00",
    "\x1b[31m",
    "=1+1",
    "<pad>",
    "é" * 99,
]
TEXTS = {
    "as it is": (text_of, SAME),
    "a byte order mark": (lambda f: b"\xef\xbb\xbf" + text_of(f), SAME),
    "two byte order marks": (lambda f: b"\xef\xbb\xbf" * 2 + text_of(f), SAME),
    "a mark in a quoted name": (lambda f: b'"\xef\xbb\xbfid"' + text_of(f)[2:], SAME),
    "CR LF": (lambda f: text_of(f, lineterminator="\r\n"), SAME),
    "all quoted": (lambda f: text_of(f, quoting=csv.QUOTE_ALL), SAME),
    "blank lines": (lambda f: text_of(f).replace(b"\n", b"\n\n"), SAME),
    "no end of line": (lambda f: text_of(f)[:-1], SAME),
    "columns reversed": (lambda f: text_of(f[f.columns[::-1]]), SAME),
    "empty": (lambda f: b"", REFUSED),
    "a header alone": (lambda f: text_of(f[:0]), REFUSED),
    "binary": (lambda f: os.urandom(3000), REFUSED),
    "HTML": (lambda f: b"<!doctype html><p>x", REFUSED),
    "a quote left open": (lambda f: text_of(f) + b'"', REFUSED),
    "a field more": (lambda f: text_of(f).replace(b"\n", b",x\n", 3), ANY),
    "no id": (lambda f: text_of(f.drop(columns="id")), ANY),
    "an id twice": (put("id", "1", 3), ANY),
    "no guide": (lambda f: text_of(f.drop(columns=GUIDE)), REFUSED),
    "one line of 60 MB": (lambda f: text_of(f) + b"x" * 60_000_000, REFUSED),
    "60 MB of open quote": (lambda f: text_of(f) + b'"' + b"x\n" * 30_000_000, REFUSED),
    "20,000 columns": (lambda f: text_of(f)[:-1] + b"," * 20_000, REFUSED),
    "a long name": (lambda f: b"x" * 2000 + b"," + text_of(f).replace(b"\n", b"\n,"), REFUSED),
    "a guide of 65": (put(GUIDE, "ACGUA" * 13), ANY),
    "a guide of 100,000": (put(GUIDE, "ACGU" * 25_000), ANY),
    "a passenger of 1 million": (put(PASSENGER, "A" * 1_000_000), ANY),
    "201 tokens": (put(LIST, "Af " * 201), ANY),
    "100,000 tokens": (put(LIST, "Af " * 100_000), ANY),
    "a transcript of a million": (put(TRANSCRIPT, "ACGU" * 250_000), ANY),
    "a transcript of two million": (put(TRANSCRIPT, "ACGU" * 500_000), REFUSED),
    "a cell of 3 million": (put("note", "x" * 3_000_000), REFUSED),
    "no such token": (put(LIST, "Zz " * 21), ANY),
    **{f"guide {cell!r}": (put(GUIDE, cell), ANY) for cell in CELLS},
    **{f"list {cell!r}": (put(LIST, cell), ANY) for cell in CELLS},
    **{f"target {cell!r}": (put("gene_target_symbol_name", cell), ANY) for cell in CELLS},
    **{f"id {cell!r}": (put("id", cell), ANY) for cell in CELLS},
    **{f"extra {cell!r}": (put("note", cell), ANY) for cell in CELLS},
    **{
        f"{column} {value}": (put(column, value), ANY)
        for column in (DOSE, HOURS, LABEL)
        for value in (
            "nan",
            "inf",
            "-1",
            "0",
            "1e308",
            "1e-320",
            "1,5",
            "x",
            "٣",
            "0x10",
            "1" * 400,
        )
    },
    **{f"unit {value}": (put(UNIT, value), ANY) for value in ("M", "fM", "kg", "nm", "µM", "")},
}
PARQUETS = {
    "as it is": (as_parquet(), SAME),
    "id as an index": (as_parquet(lambda f: f.set_index("id"), index=True), SAME),
    "an unnamed index": (as_parquet(lambda f: f.set_index(f.index + 5), index=True), SAME),
    "ids as floats": (typed("id", pa.float64(), float), SAME),
    "ids as 32-bit numbers": (typed("id", pa.int32(), int), SAME),
    "ids as categories": (as_parquet(lambda f: f.astype({"id": "category"})), SAME),
    "guides as bytes": (typed(GUIDE, pa.binary(), str.encode), SAME),
    "guides as large text": (typed(GUIDE, pa.large_string(), str), SAME),
    "tokens as lists": (typed(LIST, STRINGS, str.split), SAME),
    "doses as floats": (typed(DOSE, pa.float64(), lambda v: float(v) if v else None), SAME),
    "guides that are no text": (typed(GUIDE, pa.binary(), lambda v: b"\xff\xfe"), REFUSED),
    "guides as structs": (typed(GUIDE, pa.struct({"a": pa.string()}), lambda v: {"a": v}), REFUSED),
    "guides as maps": (
        typed(GUIDE, pa.map_(pa.string(), pa.string()), lambda v: [(v, v)]),
        REFUSED,
    ),
    "tokens as lists of numbers": (typed(LIST, pa.list_(pa.int8()), lambda v: [1]), REFUSED),
    "durations": (typed("note", pa.duration("s"), lambda v: 5), REFUSED),
    "dates in an extra column": (typed("note", pa.date32(), lambda v: DAY), SAME),
    "nothing but missing": (typed(DOSE, pa.null(), lambda v: None), ANY),
    "30 million rows": (bomb_of_rows, REFUSED),
    "cut": (lambda f: as_parquet()(f)[:-20], REFUSED),
    "bytes": (lambda f: b"PAR1" + os.urandom(500) + b"PAR1", REFUSED),
}
ZIPPED = {
    "as it is": (lambda f: gzip.compress(text_of(f)), SAME),
    "cut": (lambda f: gzip.compress(text_of(f))[:-9], REFUSED),
    "not compressed": (text_of, REFUSED),
    "2 GB in one line": (zipped(2000, b"A"), REFUSED),
    "1 GB of lines": (zipped(1000, b"1,A\n"), REFUSED),
    "1 GB of commas": (zipped(1000, b","), REFUSED),
}
KINDS = {".csv": TEXTS, ".parquet": PARQUETS, ".csv.gz": ZIPPED}
CASES = [(suffix, name) for suffix, kinds in KINDS.items() for name in kinds]


def predictions(path):
    with path.open(newline="", encoding="utf-8-sig") as stream:
        return [row[LABEL] for row in csv.DictReader(stream)]


@pytest.mark.parametrize("purpose", ["test", "training"])
def test_a_table_is_read_right_or_refused(purpose, data, finished, small, tmp_path):
    campaign = Campaign(f"tables, {purpose}")
    name = "test.csv" if purpose == "test" else "train_data.csv"
    frame = pd.read_csv(data / name, dtype=str, keep_default_na=False).assign(note="x")
    for suffix, kind in campaign.some(CASES):
        make, expected = KINDS[suffix][kind]
        folder = tmp_path / "case"
        folder.mkdir()
        (folder / f"t{suffix}").write_bytes(make(frame))
        command = ["train", f"t{suffix}", *small, "--check"]
        if purpose == "test":
            command = ["submit", f"t{suffix}", "--run", finished, "--out", "o.csv"]
        result = run(command, folder, before=limit_memory(6.0), timeout=MOST_SECONDS)
        case = f"{suffix} {kind}"
        out = folder / "o.csv"
        if result.fault:
            campaign.fault(case, result.fault)
        elif result.megabytes > MOST_MEGABYTES:
            campaign.fault(case, f"{result.megabytes:.0f} MB")
        elif (result.code == 0 and expected == REFUSED) or (result.code and expected == SAME):
            campaign.fault(case, f"exit status {result.code}: {result.err[-300:]}")
        elif result.code and f"t{suffix}" not in result.err:
            campaign.fault(case, f"the file is not named: {result.err[-200:]}")
        elif result.code and (out.exists() or (folder / "runs").exists()):
            campaign.fault(case, "refused, but something was written")
        elif purpose == "test" and result.code == 0 and expected == SAME:
            usual = tmp_path / "usual.csv"
            if not usual.exists():
                run(["submit", data / name, "--run", finished, "--out", usual], tmp_path)
            if predictions(out) != predictions(usual):
                campaign.fault(case, "other predictions")
        campaign.counts["refused" if result.code else "read"] += 1
        shutil.rmtree(folder)
    campaign.finish()


@pytest.mark.parametrize("make", [os.mkfifo, lambda p: p.symlink_to("/dev/zero"), os.mkdir])
def test_what_is_no_regular_file_is_refused_at_once(make, finished, tmp_path):
    make(tmp_path / "t.csv")
    for command in (
        ["submit", "t.csv", "--run", finished],
        ["train", "t.csv"],
        ["score"] + ["t.csv"] * 2,
    ):
        result = run(command, tmp_path, timeout=20)
        assert not result.fault
        assert result.code == 1
        assert "t.csv" in result.err
