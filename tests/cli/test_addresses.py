"""`sirna submit` reads test files from S3 and writes parts to it; a local server stands for S3."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyarrow import fs

from sirna.stages import predictor

LOCAL = ("--workers", 1)
START_SECONDS = 60


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The options of addresses at a server of S3."""
    program = os.environ.get("SIRNA_S3_SERVER") or shutil.which("moto_server")
    if program is None:
        pytest.skip("there is no moto_server: pip install 'moto[server]' elsewhere, and name it")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [program, "-H", "127.0.0.1", "-p", str(port)]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + START_SECONDS
        while not answers(port):
            assert running.poll() is None, f"{program} has ended"
            assert time.monotonic() < end, f"{program} does not answer"
            time.sleep(0.1)
        yield f"?endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1"
    finally:
        running.terminate()
        running.wait()


def answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def bucket(server: str, data: Path, read: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket `lab` with three test files in the folder `in`."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    test = read(data / "test.csv")
    Path("in").mkdir()
    test.iloc[:3].to_csv("in/a.csv", index=False)
    test.iloc[3:8].to_csv("in/b.csv.gz", index=False)
    test.iloc[8:].to_parquet("in/c.parquet", index=False)
    system, _ = fs.FileSystem.from_uri(f"s3://lab{server}&allow_bucket_creation=true")
    system.create_dir("lab")
    fs.copy_files("in", "lab/in", destination_filesystem=system)
    yield system
    system.delete_dir_contents("lab")


def stored(system: Any, folder: str) -> dict[str, bytes]:
    found = system.get_file_info(fs.FileSelector(folder))
    return {
        one.base_name: system.open_input_stream(one.path, compression=None).read()
        for one in found
        if one.is_file
    }


def files(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.is_file()}


@pytest.mark.parametrize("workers", [1, 2])
def test_parts_in_a_bucket_are_those_of_a_folder(workers, run, bucket, server, ok) -> None:
    ok("submit", "in", "--run", run, "--out", "out", *LOCAL)
    # in a process of its own: workers have the environment of its first worker process
    command = (
        *(sys.executable, "-m", "sirna.cli", "submit", f"s3://lab/in{server}", "--run", str(run)),
        *("--out", f"s3://lab/out{server}", "--workers", str(workers), "--json"),
    )
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert stored(bucket, "lab/out") == files("out")
    again = ok("submit", "in", "--run", run, "--out", "out", *LOCAL, "--json")
    found, expected = json.loads(done.stdout), json.loads(again.out)
    assert (found["rows"], found["sha256"]) == (expected["rows"], expected["sha256"])
    assert found["submission"] == f"s3://lab/out{server}"
    assert "written before" not in done.stderr


def test_one_side_may_be_a_folder_of_this_machine(run, bucket, server, ok) -> None:
    ok("submit", f"s3://lab/in/*.csv{server}", "--run", run, "--out", "near", *LOCAL)
    ok("submit", "in/*.csv", "--run", run, "--out", f"s3://lab/far{server}", *LOCAL)
    assert list(files("near")) == ["a.csv"]
    assert stored(bucket, "lab/far") == files("near")


def test_a_second_run_does_only_what_is_left(run, bucket, server, ok, monkeypatch) -> None:
    command = ("submit", f"s3://lab/in{server}", "--run", run, "--out", f"s3://lab/out{server}")
    first = ok(*command, *LOCAL)
    whole, written = stored(bucket, "lab/out"), []
    write = predictor.Predictor.write

    def counted(self: Any, paths: Any, *rest: Any) -> Any:
        written.extend(path.name for path in paths)
        return write(self, paths, *rest)

    monkeypatch.setattr(predictor.Predictor, "write", counted)
    again = ok(*command, *LOCAL)
    assert not written
    assert "3 of 3 parts were written before" in again.err
    assert again.out.splitlines()[-1] == first.out.splitlines()[-1]
    bucket.delete_file("lab/out/a.csv")
    assert "2 of 3 parts were written before" in ok(*command, *LOCAL).err
    assert written == ["a.csv"]
    assert stored(bucket, "lab/out") == whole


def test_another_submission_in_a_bucket_is_not_replaced(run, bucket, server, ok, cli) -> None:
    command = ("submit", f"s3://lab/in{server}", "--run", run, "--out", f"s3://lab/out{server}")
    ok(*command, *LOCAL)
    before = stored(bucket, "lab/out")
    other = cli(*command, *LOCAL, "--columns", "id")
    assert other.code == 1
    assert f"s3://lab/out/a.csv{server}: holds another submission" in other.err
    assert stored(bucket, "lab/out") == before
    ok(*command, *LOCAL, "--columns", "id", "--force")
    assert stored(bucket, "lab/out") != before


def test_a_part_that_fails_names_its_address(run, bucket, server, cli, ok) -> None:
    with bucket.open_output_stream("lab/in/a.csv") as stream:
        stream.write(b"id,other\n1,2\n")
    command = ("submit", f"s3://lab/in{server}", "--run", run, "--out", f"s3://lab/out{server}")
    failed = cli(*command, *LOCAL)
    assert failed.code == 1
    assert f"s3://lab/in/a.csv{server}: no column 'siRNA_antisense_seq'" in failed.err
    assert "sirna-part-" not in failed.err + failed.out
    assert sorted(stored(bucket, "lab/out")) == ["b.csv.gz", "c.parquet"]
    with bucket.open_output_stream("lab/in/a.csv") as stream:
        stream.write(Path("in/a.csv").read_bytes())
    assert "2 of 3 parts were written before" in ok(*command, *LOCAL).err


FAULTS = {
    "no such folder": (("s3://lab/none{}", "--out", "out"), "no table file there", 1),
    "no such bucket": (("in", "--out", "s3://nobody/out{}"), "s3://nobody/out", 1),
    "the folder itself": (
        ("s3://lab/in{}", "--out", "s3://lab/in/{}"),
        "is the folder of the test files",
        2,
    ),
    "a name like a file's": (("s3://lab/in{}", "--out", "s3://lab/out.csv{}"), "--out FOLDER", 2),
    "a single file": (("s3://lab/in/a.csv{}", "--out", "out.csv"), "--out FOLDER", 2),
    "no --out": (("s3://lab/in{}",), "--out FOLDER", 2),
    "a pattern of folders": (("s3://lab/*/a.csv{}", "--out", "out"), "only the last name", 2),
    "a file of this machine": (("file:///in", "--out", "out"), "give its path, /in.", 2),
    "an unknown storage": (("in", "--out", "gopher://a/b"), "an address begins with s3://", 2),
    "other names in one folder": (
        ("s3://lab/in/c*{}", "--out", "s3://lab/in{}"),
        "is the folder of the test files",
        2,
    ),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_faults_of_addresses_are_named_and_nothing_is_written(
    kind, run, bucket, server, refused
) -> None:
    before = stored(bucket, "lab/in")
    arguments, message, code = FAULTS[kind]
    command = ("submit", *(part.format(server) for part in arguments), "--run", run, *LOCAL)
    assert message in refused(*command, "--force", code=code)
    assert stored(bucket, "lab/in") == before
    shutil.rmtree("in")
    assert not [path for path in Path().iterdir() if path.suffix]
