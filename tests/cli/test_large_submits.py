"""`sirna submit` reads and writes files of any size block by block."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from sirna.stages import predictor
from sirna.system.csv_text import csv_bytes


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a block have four rows."""
    monkeypatch.setattr(predictor, "BLOCK_ROWS", 4)


def submitted(ok, run: Path, test: object, out: str, *options: object) -> tuple[bytes, str]:
    printed = ok("submit", test, "--run", run, "--out", out, "--force", *options)
    return content(out), printed.err


def content(out: str) -> bytes:
    """Return the bytes of a file; of Parquet, whose groups of rows are the blocks, those as CSV."""
    parquet = out.endswith(".parquet")
    return csv_bytes(Path("x.csv"), pd.read_parquet(out)) if parquet else Path(out).read_bytes()


@pytest.mark.parametrize("options", [[], ["--with-uncertainty"], ["--columns", "id"]])
@pytest.mark.parametrize("name", ["out.csv.gz", "out.parquet"])
def test_the_bytes_and_notes_do_not_depend_on_the_blocks(
    name, options, run, data, ok, request
) -> None:
    whole = submitted(ok, run, data / "test.csv", name, *options)
    request.getfixturevalue("small_blocks")
    assert submitted(ok, run, data / "test.csv", name, *options) == whole
    assert sorted(path.name for path in Path().iterdir()) == [name, "submissions"]


def test_a_folder_and_a_pattern_are_one_table(run, data, ok, read) -> None:
    whole, _ = submitted(ok, run, data / "test.csv", "whole.csv")
    test = read(data / "test.csv")
    Path("parts").mkdir()
    test.iloc[:6].to_csv("parts/a.csv", index=False)
    test.iloc[6:9].to_csv("parts/b.csv.gz", index=False)
    test.iloc[9:].to_parquet("parts/c.parquet", index=False)
    assert submitted(ok, run, "parts", "folder.csv")[0] == whole
    assert submitted(ok, run, "parts/*", "pattern.csv")[0] == whole


def test_parquet_has_the_rows_of_the_csv_and_numbers_as_numbers(run, data, ok) -> None:
    written, _ = submitted(ok, run, data / "test.csv", "out.csv", "--with-uncertainty")
    command = ("submit", data / "test.csv", "--run", run, "--out", "out.parquet")
    assert "written" in ok(*command, "--with-uncertainty").out
    assert "unchanged" in ok(*command, "--with-uncertainty").out
    found = pd.read_parquet("out.parquet")
    assert content("out.parquet") == written
    assert found["mRNA_remaining_pct"].dtype == found["median"].dtype == float
    assert found["new_target"].dtype == bool
    truth = data / "test_truth.csv"
    scored = [ok("score", truth, name).out.splitlines()[-2:] for name in ("out.csv", "out.parquet")]
    assert scored[0] == scored[1]


@pytest.mark.parametrize("left", ["whole blocks", "a torn block", "another test file"])
def test_an_interrupted_submit_goes_on_after_its_last_whole_block(
    left, run, data, ok, cli, monkeypatch, small_blocks, read
) -> None:
    out = "out.parquet" if left == "a torn block" else "out.csv"
    shutil.copy(data / "test.csv", "test.csv")
    whole, notes = submitted(ok, run, "test.csv", f"whole-{out}", "--with-uncertainty")
    predict = predictor.Bundle.predict
    done: list[int] = []

    def predict_some(bundle, rows, device):
        done.append(len(rows))
        if len(done) == 3:
            raise KeyboardInterrupt
        return predict(bundle, rows, device)

    monkeypatch.setattr(predictor.Bundle, "predict", predict_some)
    options = ("--run", run, "--out", out, "--with-uncertainty")
    assert cli("submit", "test.csv", *options).code != 0
    assert not Path(out).exists()
    (rows,) = Path(f".{out}.part").glob("rows.*")
    if left == "a torn block":
        with rows.open("ab") as stream:
            stream.write(rows.read_bytes()[-1000:])
    else:
        assert len(pd.read_csv(rows)) == 8
    if left == "another test file":
        read("test.csv").iloc[::-1].to_csv("test.csv", index=False)
        whole, _ = submitted(ok, run, "test.csv", f"whole-{out}", "--with-uncertainty")
    done.clear()
    done += [0] * 3
    printed = ok("submit", "test.csv", *options).err
    assert len(done) - 3 == (4 if left == "another test file" else 2)
    assert content(out) == whole
    assert ("goes on after 8 rows" in printed) == (left != "another test file")
    if left != "another test file":
        assert set(notes.splitlines()) <= set(printed.splitlines())
    assert not Path(f".{out}.part").exists()


def test_transcripts_by_symbol_predict_as_those_in_the_rows(run, data, ok, read) -> None:
    _, notes = submitted(ok, run, data / "test.csv", "whole.csv")
    test = read(data / "test.csv")
    symbol, transcript = "gene_target_symbol_name", "gene_target_seq"
    named = test[test[symbol] != ""].drop_duplicates(symbol)
    records = [f">{name}|1 x\n{text}\n" for name, text in named[[symbol, transcript]].to_numpy()]
    Path("t.fa").write_text("".join(records))
    test[transcript] = test[transcript].where(test[symbol] == "", "")
    test.to_csv("short.csv", index=False)
    _, printed = submitted(ok, run, "short.csv", "short_out.csv", "--transcripts", "t.fa")
    label = "mRNA_remaining_pct"
    assert read("short_out.csv")[label].tolist() == read("whole.csv")[label].tolist()
    assert read("short_out.csv")[transcript].tolist() == test[transcript].tolist()
    assert printed == notes
    test.drop(columns=transcript).to_csv("short.csv", index=False)
    Path("t.fa").write_text("".join(records[1:]))
    _, printed = submitted(ok, run, "short.csv", "short_out.csv", "--transcripts", "t.fa")
    assert f"t.fa: no record for '{named[symbol].iloc[0]}'" in printed
    assert "gene_target_seq" not in printed
