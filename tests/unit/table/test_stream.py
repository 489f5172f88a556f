"""A table that is read block by block is the table that is read at once."""

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.errors import SirnaError
from sirna.table import repeats
from sirna.table.check_table import read_table
from sirna.table.read_blocks import table_files
from sirna.table.repeats import Repeats, numbers_of
from sirna.table.report import Purpose
from sirna.table.stream import Reading, Stream

NAMES = Config().columns
GUIDE, SENSE = "UUACGAUCGAUCGGCAUCGAA", "UUCGAUGCCGAUCGAUCGUAA"
AS_TOKENS = {"guide_modifications": " ".join("uuacgaucgaucggcaucgaa")}
HELM = "RNA1{r(A)p.r(C)p.r(G)p.r(U)p.r(A)p.r(C)p.r(G)p.r(U)p.r(A)p.r(C)}$$$$V2.0"
ROWS = 24


def rows(**columns: object) -> pd.DataFrame:
    """Return a table of texts; the values of a column: one for all rows, or some by row."""
    plain = {
        "id": [f"r{number}" for number in range(ROWS)],
        "guide": GUIDE,
        "passenger": SENSE,
        "dose": "10",
        "dose_unit": "nM",
        "cell_line": "HeLa",
        "species": "Homo sapiens",
        "duplex": [f"AD-{number}" for number in range(ROWS)],
        "label": "",
    }
    found = pd.DataFrame(
        {NAMES[role]: pd.Series(value, range(ROWS)) for role, value in plain.items()}
    )
    for role, values in columns.items():
        name = NAMES.get(role, role)
        given = values if isinstance(values, dict) else dict.fromkeys(range(ROWS), values)
        if name not in found:
            found[name] = ""
        for row, value in given.items():
            found.loc[row, name] = value
    return found


def csv(frame: pd.DataFrame, **options: object) -> str:
    return frame.to_csv(index=False, **options)


TEXTS = {
    "plain": csv(rows()),
    "no ids": csv(rows().drop(columns=NAMES["id"])),
    "lists": csv(rows(guide_modifications=AS_TOKENS["guide_modifications"])),
    "lists in a notation": csv(
        rows(guide_modifications={3: "usUsacgaUfcgaucggcaucgaa", 9: "Xx q"})
    ),
    "few lists that spell other bases": csv(
        rows(guide_modifications=dict.fromkeys(range(ROWS), "asUsacgaUfcgaucggcaucgaa"))
    ),
    "one list that spells other bases": csv(
        rows(
            guide_modifications={
                row: "cscsccccccccccccccccccc" if row == 20 else "usUsacgaUfcgaucggcaucgaa"
                for row in range(ROWS)
            }
        )
    ),
    "guides in a notation": csv(rows(guide="usUsacgaUfcgaucggcaucgaa")),
    "one guide in a notation": csv(rows(guide={17: "usUsacgaUfcgaucggcaucgaa"})),
    "other letters": csv(rows(guide={5: "ACGNN", 19: "acgt", 20: "3'-ACGUACGUACGUACGUACG-5'"})),
    "HELM": csv(rows(guide={15: HELM, 16: "RNA1{oops"})),
    "blank guides": csv(rows(guide={0: "", 22: "NA"})),
    "doses": csv(rows(dose={1: "50nM", 2: "x", 8: "1,000", 23: "-1"}, dose_unit={4: "", 8: "pM"})),
    "doses with decimal commas": csv(rows(dose={0: "1,234", 21: "0,5", 22: "1.234"}), sep=";"),
    "doses that may have thousands marks": csv(rows(dose={0: "1,234", 3: "1.234"}), sep="\t"),
    "labels": csv(rows(label={7: "12", 8: "x", 9: "9e9"})),
    "transcripts": csv(rows(gene_target_seq=dict.fromkeys(range(12), f"AAA{SENSE}CC"))),
    "transcripts that do not pair": csv(rows(gene_target_seq="ACGU" * 9)),
    "strands swapped": csv(rows(gene_target_seq=f"AA{GUIDE}CC")),
    "duplexes without numbers": csv(rows(duplex={2: "mine", 23: ""})),
    "equal ids": csv(rows(id={3: "same", 22: "same", 9: " same "})),
    "blank ids": csv(rows(id={3: "", 22: "NA"})),
    "both faults of ids": csv(rows(id={row: "" if row % 2 else "twice" for row in range(ROWS)})),
    "blank lines": csv(rows()).replace("\nr7,", "\n,,,,,,,,\n\n\nr7,").replace("\nr9,", "\n\nr9,"),
    "only blank lines at the end": csv(rows()) + ",,,,,,,,\n" * 30,
    "blank lines above": ",,\n" * 25 + csv(rows()),
    "nothing but blanks": ",,\n" * 30,
    "empty": "",
    "a header alone": csv(rows().iloc[:0]),
    "columns without names": csv(rows()).replace("\n", ",,\n"),
    "a column without name that has a value": csv(rows()).replace("\n", ",,\n", 20)[:-1] + ",,x\n",
    "two columns without names": csv(rows()).replace("\n", ",,\n", 20)[:-1] + ",y,x\n",
    "a torn row": csv(rows()).replace("r21,", "r21\n"),
    "an open quote": csv(rows()).replace("r21,", 'r21,"'),
    "a title": "My measurements,,\n" + csv(rows()),
    "lacking a column": csv(rows().drop(columns=NAMES["guide"])),
    "lacking a column, and torn": csv(rows().drop(columns=NAMES["guide"])).replace("r21,", "r21\n"),
    "a column twice": csv(rows()).replace(NAMES["dose"], NAMES["dose_unit"], 1),
    "long strands": csv(rows(guide={18: "A" * 70})),
    "another column": csv(rows(remark={3: 'a "quoted", note\nof two lines'})),
}


def once(path: Path, config: Config) -> object:
    try:
        table = read_table(path, config, Purpose.TEST)
    except SirnaError as error:
        return str(error)
    return table.raw, table.rows, list(table.notes)


def in_blocks(path: Path, config: Config, block_rows: int) -> object:
    try:
        stream = Stream([path], str(path), config, Reading(block_rows=block_rows))
    except SirnaError as error:
        return str(error)
    blocks = list(stream.blocks())
    assert sum(map(len, blocks)) == len(stream)
    raw = pd.concat([block.raw for block in blocks])
    return raw, pd.concat([block.rows for block in blocks], ignore_index=True), list(stream.notes)


def assert_same(path: Path, config: Config, *sizes: int) -> None:
    """Compare the table, or the message that refuses it, with that of blocks of these sizes."""
    whole = once(path, config)
    for block_rows in sizes:
        parts = in_blocks(path, config, block_rows)
        if isinstance(whole, str) or isinstance(parts, str):
            assert parts == whole
            continue
        pd.testing.assert_frame_equal(parts[0], whole[0])
        pd.testing.assert_frame_equal(parts[1], whole[1], check_dtype=False)
        assert parts[2] == whole[2]


@pytest.mark.parametrize("kind", TEXTS)
def test_blocks_of_separated_values_are_the_table(kind, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(TEXTS[kind], encoding="utf-8")
    assert_same(path, Config(), 9, 100)


ENCODED = {
    "t.csv.gz": gzip.compress(TEXTS["doses"].encode()),
    "torn.csv.gz": gzip.compress(TEXTS["doses"].encode())[:-20],
    "utf16.csv": TEXTS["doses"].encode("utf-16"),
    "latin.csv": TEXTS["plain"].replace("HeLa", "H\xe9La").encode("latin-1"),
    "binary.csv": bytes(range(256)) * 10,
    "t.xlsx": b"no spreadsheet",
}


@pytest.mark.parametrize("name", ENCODED)
def test_blocks_of_encoded_files_are_the_table(name, tmp_path):
    (tmp_path / name).write_bytes(ENCODED[name])
    assert_same(tmp_path / name, Config(), 5)


PARQUET = {
    "whole doses": rows().assign(**{NAMES["dose"]: np.arange(1.0, ROWS + 1)}),
    "doses with fractions at the end": rows().assign(
        **{NAMES["dose"]: [*np.arange(1.0, ROWS), 0.25]}
    ),
    "missing doses": rows().assign(**{NAMES["dose"]: [np.nan, *np.arange(1.0, ROWS)]}),
    "lists of tokens": rows().assign(**{NAMES["guide_modifications"]: [["a", "Uf"]] * ROWS}),
    "another index": rows().set_index(NAMES["id"]),
    "categories": rows().astype({NAMES["cell_line"]: "category"}),
    "no rows": rows().iloc[:0],
    "another type": rows().assign(extra=[{"a": 1}] * ROWS),
}


@pytest.mark.parametrize("kind", PARQUET)
def test_blocks_of_parquet_are_the_table(kind, tmp_path):
    PARQUET[kind].to_parquet(tmp_path / "t.parquet", row_group_size=7)
    assert_same(tmp_path / "t.parquet", Config(), 9, 100)


def test_lenient_labels_and_other_spellings_are_read_the_same(tmp_path):
    config = with_changes(Config(), {"label.parse": "lenient", "tokens": {"Q": "Uf"}})
    path = tmp_path / "t.csv"
    table = rows(label={3: "12 \xb1 3", 20: "7,5 %"}, guide_modifications={19: "a Q g"})
    path.write_text(csv(table, sep=";"), encoding="utf-8")
    assert_same(path, config, 5)


def test_files_of_a_folder_follow_each_other(tmp_path):
    whole = rows(id={3: "same", 20: "same"})
    for start in range(0, ROWS, 10):
        csv_path = tmp_path / "parts" / f"{start:02d}.csv"
        csv_path.parent.mkdir(exist_ok=True)
        whole.iloc[start : start + 10].to_csv(csv_path, index=False)
    (tmp_path / "parts" / ".hidden.csv").write_text("x\n", encoding="utf-8")
    files = table_files(tmp_path / "parts")
    assert files == table_files(tmp_path / "parts" / "*.csv")
    assert [file.name for file in files] == ["00.csv", "10.csv", "20.csv"]
    with pytest.raises(SirnaError, match=r"same.*00\.csv, line 5.*\n.*same.*20\.csv, line 2"):
        Stream(files, "parts", Config())
    whole.loc[20, NAMES["id"]] = "r20"
    whole.iloc[20:].to_csv(files[2], index=False)
    stream = Stream(files, "parts", Config(), Reading(block_rows=4))
    assert [one for block in stream.blocks() for one in block.rows["id"]] == list(
        whole[NAMES["id"]]
    )
    assert [len(block) for block in stream.blocks(first=14)] == [4, 2, 4]
    whole.iloc[20:].drop(columns=NAMES["dose"]).to_csv(files[2], index=False)
    with pytest.raises(SirnaError, match=r"20\.csv: has other columns than .*00\.csv"):
        Stream(files, "parts", Config())


@pytest.mark.parametrize("name", ["empty", "absent*.csv"])
def test_a_folder_or_pattern_without_tables_is_refused(name, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SirnaError, match="no table file"):
        table_files(tmp_path / name)


@pytest.mark.parametrize("held", [3, 1000])
def test_repeated_texts_are_found_in_memory_and_on_the_disk(held, monkeypatch):
    monkeypatch.setattr(repeats, "MOST_HELD", held)
    texts = pd.Series([f"t{number}" for number in range(50)] + ["t7", "t49", "t7"])
    with Repeats() as found:
        for start in range(0, len(texts), 4):
            found.add(texts[start : start + 4])
        assert found.suspects().tolist() == sorted(numbers_of(pd.Series(["t7", "t49"])))


PEAK = """
import sys
from pathlib import Path
from sirna.config.config import Config
from sirna.table.stream import Reading, Stream
path = Path(sys.argv[1])
stream = Stream([path], "t", Config(), Reading(block_rows=200))
assert sum(map(len, stream.blocks())) == len(stream)
status = Path("/proc/self/status").read_text()
print(status.split("VmHWM:")[1].split()[0])
"""


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_with_ten_times_the_rows_needs_no_more_memory(kind, tmp_path):
    peak = {}
    for count in (500, 5_000):
        number = [f"{row:06d}" for row in range(count)]
        remark = [f"{row}" * 1_000 for row in number]  # held at once, 5,000 rows need over 100 MB
        table = pd.DataFrame({NAMES["id"]: number, NAMES["guide"]: GUIDE, "remark": remark})
        path = tmp_path / f"{count}.{kind}"
        if kind == "csv":
            table.to_csv(path, index=False)
        else:
            table.to_parquet(path, row_group_size=200)
        done = subprocess.run(
            [sys.executable, "-c", PEAK, path], check=True, capture_output=True, text=True
        )
        peak[count] = int(done.stdout)
    assert peak[5_000] <= 1.1 * peak[500]
