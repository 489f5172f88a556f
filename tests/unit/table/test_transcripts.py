"""Transcripts by target symbol, read from FASTA."""

import gzip
import re

import pandas as pd
import pytest

from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.errors import SirnaError
from sirna.table.stream import Reading, Stream
from sirna.table.transcripts import Transcripts

COLUMNS = Config().columns
TARGET, TRANSCRIPT = COLUMNS["target"], COLUMNS["transcript"]
GUIDE = "UUACGAUCGAUCGGCAUCGAA"
FASTA = ">A|NM_1.2 first\nacgt\n\nNRY\n>B the second\r\nAC GU\r\n> C\nAAA"
READ = {"A": "ACGUNRY", "B": "ACGU", "C": "AAA"}


def written(folder, text, name="t.fa"):
    path = folder / name
    data = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


@pytest.mark.parametrize("name", ["t.fa", "t.fasta.gz"])
@pytest.mark.parametrize("before", ["", "\ufeff", "\n \n"])
def test_a_symbol_is_the_name_up_to_the_first_blank_or_bar(name, before, tmp_path):
    found = Transcripts.read(written(tmp_path, before + FASTA, name))
    assert dict(found.by_symbol) == READ


def test_equal_records_may_occur_twice(tmp_path):
    found = Transcripts.read(written(tmp_path, ">A\nACGT\n>B\nA\n>A x\nac\ngu\n"))
    assert dict(found.by_symbol) == {"A": "ACGU", "B": "A"}


REFUSED = {
    "empty": ("", "has no record; a FASTA record begins with '>'"),
    "no record": ("ACGT\n", "line 1: 'ACGT' stands before the first record"),
    "a table": ("id,x\n1,2\n", "line 1: 'id,x' stands before the first record"),
    "no name": (">A\nAC\n> |x\nAC\n", "line 3: '> |x' has no name"),
    "no sequence": (">A\nAC\n>B\n\n>C\nA", "line 3: the record 'B' has no sequence"),
    "no last sequence": (">A\nAC\n>B", "line 3: the record 'B' has no sequence"),
    "a protein": (">A\nACG\nMKLV\n", "line 3: 'K' is no letter|line 3: 'L' is no letter"),
    "gaps": (">A\nAC-GT\n", "line 2: '-' is no letter of a nucleotide"),
    "other sequence": (
        ">A\nACG\n>B\nA\n>A\nAC\n",
        "line 5: a second record 'A' .* line 1; keep",
    ),
    "too long": (
        ">A\n" + "ACGTACGTAC\n" * 100_001,
        "line 100002: the sequence of 'A' is too",
    ),
    "a long name": (">" + "A" * 1001 + "\nA", "line 1: the name is longer than 1,000 characters"),
    "no text": (b">A\nAC\n\xff\xfe\n", "line 3 is not UTF-8 text"),
    "a torn archive": (gzip.compress(FASTA.encode())[:-9], "cannot be read"),
    "a long line": (b">A\n" + b"A" * 20_000_001, "line 2 is longer than 20 MB"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_file_that_is_no_fasta_is_refused_with_its_line(kind, tmp_path):
    text, message = REFUSED[kind]
    path = written(tmp_path, text)
    with pytest.raises(SirnaError, match=message) as error:
        Transcripts.read(path)
    assert str(error.value).startswith(f"{path}: ")
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(("name", "message"), [("absent.fa", "no such file"), (".", "is a folder")])
def test_an_absent_file_and_a_folder_are_refused(name, message, tmp_path):
    with pytest.raises(SirnaError, match=message):
        Transcripts.read(tmp_path / name)


ROWS = pd.DataFrame(
    {
        "id": list("123456789"),
        TARGET: ["A", " A ", "B", "B", "b", "D\tD", "", "NA", "E"],
        TRANSCRIPT: ["", "GGG", "NA", " ", "", "", "", "", "CCC"],
        COLUMNS["guide"]: GUIDE,
    }
)
FILLED = ["ACGUNRY", "GGG", "ACGU", "ACGU", "", "", "", "", "CCC"]


@pytest.mark.parametrize("column", ["blank in some rows", "absent"])
def test_a_row_keeps_its_own_transcript_and_else_gets_that_of_its_target(column, tmp_path):
    raw = ROWS if column != "absent" else ROWS.drop(columns=TRANSCRIPT)
    found, lacking = Transcripts.read(written(tmp_path, FASTA)).fill(raw, COLUMNS)
    expected = FILLED if column != "absent" else [*FILLED[:1], FILLED[0], *FILLED[2:8], ""]
    assert found[TRANSCRIPT].tolist() == expected
    assert sorted(lacking) == (["D D", "b"] if column != "absent" else ["D D", "E", "b"])
    assert found.drop(columns=TRANSCRIPT).equals(raw.drop(columns=TRANSCRIPT, errors="ignore"))


def test_targets_without_a_record_are_noted_once_by_name(tmp_path):
    path = tmp_path / "t.csv"
    ROWS.to_csv(path, index=False)
    transcripts = Transcripts.read(written(tmp_path, FASTA))
    stream = Stream([path], "t", Config(), Reading("", transcripts, 2))
    (note,) = (note for note in stream.notes if "no record" in note)
    assert re.search(r"t\.fa: no record for 'D D', 'b' \(there is 'B'\); the binding sites", note)
    assert "gene_target_seq" in stream.head.raw
    written_back = pd.concat([block.raw for block in stream.blocks()])
    assert written_back[TRANSCRIPT].tolist() == ROWS[TRANSCRIPT].tolist()


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"columns.target": "gene"}, "no column 'gene'"), ({"columns.transcript": ""}, "no name for")],
)
def test_a_table_without_symbols_is_refused(changes, message, tmp_path):
    columns = with_changes(Config(), changes).columns
    with pytest.raises(SirnaError, match=message):
        Transcripts.read(written(tmp_path, FASTA)).fill(ROWS, columns)


def test_another_file_of_transcripts_is_another_stream(tmp_path):
    path, found = tmp_path / "t.csv", []
    ROWS.to_csv(path, index=False)
    for text in (FASTA, FASTA + "C"):
        transcripts = Transcripts.read(written(tmp_path, text))
        found.append(Stream([path], "t", Config(), Reading("", transcripts)).identity)
    assert found[0] != found[1]
