"""`sirna submit` predicts a folder of test files into a folder of parts."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sirna.stages import predictor

LABEL = "mRNA_remaining_pct"
LOCAL = ("--workers", 1)


@pytest.fixture
def parts(data: Path, read) -> list[str]:
    """Write three test files; return their names."""
    test = read(data / "test.csv")
    Path("in").mkdir()
    test.iloc[:3].to_csv("in/a.csv", index=False)
    test.iloc[3:8].to_csv("in/b.csv.gz", index=False)
    test.iloc[8:].to_parquet("in/c.parquet", index=False)
    return ["a.csv", "b.csv.gz", "c.parquet"]


def files(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.is_file()}


def test_a_part_is_what_its_file_alone_makes(run, parts, ok) -> None:
    done = json.loads(ok("submit", "in", "--run", run, "--out", "out", *LOCAL, "--json").out)
    assert sorted(files("out")) == parts
    for name in parts:
        ok("submit", f"in/{name}", "--run", run, "--out", f"alone/{name}")
    assert files("out") == files("alone")
    whole = json.loads(ok("submit", "in", "--run", run, "--out", "whole.csv", "--json").out)
    assert (done["rows"], done["expected_score"]) == (whole["rows"], whole["expected_score"])
    with_options = ("--columns", "id", "--with-uncertainty")
    ok("submit", "in/*", "--run", run, "--out", "short", *LOCAL, *with_options)
    assert sorted(files("short")) == parts
    assert b"gene_target" not in files("short")["a.csv"]


def test_processes_write_the_same_bytes_and_print_the_same_notes(run, parts, ok) -> None:
    one = ok("submit", "in", "--run", run, "--out", "one", *LOCAL)
    two = ok("submit", "in", "--run", run, "--out", "two", "--workers", 2)
    assert files("one") == files("two")
    assert sorted(one.err.splitlines()) == sorted(two.err.splitlines())
    assert one.out.splitlines()[-1] == two.out.splitlines()[-1]  # the digest of all parts


def test_a_second_run_does_only_what_is_left(run, parts, ok, read, monkeypatch) -> None:
    command = ("submit", "in", "--run", run, "--out", "out", *LOCAL)
    first = ok(*command)
    whole, written = files("out"), list[Path]()
    write = predictor.Predictor.write

    def counted(self, tests, source, path, console):
        written.append(path)
        return write(self, tests, source, path, console)

    monkeypatch.setattr(predictor.Predictor, "write", counted)
    again = ok(*command)
    assert not written
    assert "3 of 3 parts were written before" in again.err
    assert "unchanged" in again.out
    assert again.out.splitlines()[-1] == first.out.splitlines()[-1]
    assert set(first.err.splitlines()) <= set(again.err.splitlines())
    Path("out/a.csv").unlink()
    Path("out/b.csv.gz").write_bytes(b"")  # damaged, so it is refused without --force
    read("in/a.csv").iloc[::-1].to_csv("in/d.csv", index=False)
    ok(*command, "--force")
    assert {name: data for name, data in files("out").items() if name != "d.csv"} == whole
    written.clear()
    shutil.copy("in/d.csv", "in/a.csv")  # another file than before
    ok(*command, "--force")
    assert len(written) == 4


def test_parts_that_fail_are_named_and_done_again(run, parts, ok, cli, read) -> None:
    good = Path("in/a.csv").read_text()
    Path("in/a.csv").write_text("id,other\n1,2\n")
    command = ("submit", "in", "--run", run, "--out", "out", *LOCAL)
    failed = cli(*command)
    assert failed.code == 1
    assert "out: 1 of 3 parts failed; the others are written." in failed.err
    assert "in/a.csv: no column 'siRNA_antisense_seq'" in failed.err
    assert sorted(files("out")) == ["b.csv.gz", "c.parquet"]
    Path("in/a.csv").write_text(good)
    assert "2 of 3 parts were written before" in ok(*command).err
    assert sorted(files("out")) == parts


def test_another_submission_is_not_replaced(run, parts, ok, cli) -> None:
    command = ("submit", "in", "--run", run, "--out", "out", *LOCAL)
    ok(*command)
    before = files("out")
    other = cli(*command, "--columns", "id")
    assert other.code == 1
    assert "a.csv: holds another submission" in other.err
    assert files("out") == before
    ok(*command, "--columns", "id", "--force")
    assert files("out") != before


USAGE = {
    "one file": (("in/a.csv", "--out", "out"), "is a .csv, .csv.gz or .parquet file"),
    "workers and one file": (
        ("in", "--out", "x.csv", "--workers", 2),
        "give a folder or a pattern",
    ),
    "ray and no folder": (("in", "--engine", "ray"), "give a folder or a pattern"),
    "an address without Ray": (("in", "--out", "out", "--address", "a"), "is for --engine ray"),
    "the folder itself": (("in", "--out", "in"), "is the folder of the test files"),
    "another kind": (("in", "--out", "out.xlsx"), "is a .csv, .csv.gz or .parquet file"),
    "one file in a bucket": (("in/a.csv", "--out", "s3://bucket/out"), "are for many test files"),
}


@pytest.mark.parametrize("kind", USAGE)
def test_options_that_contradict_each_other_are_refused(kind, run, parts, refused) -> None:
    arguments, message = USAGE[kind]
    assert message in refused("submit", *arguments, "--run", run, code=2)
    assert {path.name for path in Path().iterdir()} == {"in"}


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_a_part_that_is_a_link_to_its_test_file_is_refused(link, run, parts, refused) -> None:
    Path("out").mkdir()
    link(Path("in/a.csv").resolve(), "out/a.csv")
    before = files("in")
    command = ("submit", "in", "--run", run, "--out", "out", *LOCAL, "--force")
    assert "is the folder of the test files" in refused(*command, code=2)
    assert files("in") == before


def test_two_files_of_one_name_are_refused(run, parts, refused) -> None:
    shutil.copy("in/a.csv", "in/a.tsv")
    message = refused("submit", "in", "--run", run, "--out", "out", *LOCAL, code=2)
    assert "its part would have the name 'a.csv', like that of" in message


RAY = ("--engine", "ray", "--workers", 2)


def submit_apart(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run `sirna submit` in another process, since Ray starts processes and threads."""
    return subprocess.run(
        [sys.executable, "-m", "sirna.cli", "submit", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs sirna[ray]")
def test_ray_writes_the_same_bytes_and_names_the_parts_that_fail(run, parts, ok) -> None:
    ok("submit", "in", "--run", run, "--out", "one", *LOCAL)
    Path("in/d.csv").write_text("id,other\n1,2\n")
    done = submit_apart("in", "--run", run, "--out", "ray", *RAY)
    assert done.returncode == 1, done.stderr
    assert "1 of 4 parts failed" in done.stderr
    assert "in/d.csv: no column 'siRNA_antisense_seq'" in done.stderr
    assert files("ray") == files("one")


def test_without_ray_a_message_says_what_to_install(run, parts, monkeypatch, refused) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    message = refused("submit", "in", "--run", run, "--out", "out", *RAY, code=2)
    assert "pip install 'sirna[ray]'" in message
