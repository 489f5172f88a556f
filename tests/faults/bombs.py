"""Print memory and time of files and settings that once filled the memory or never ended.

python tests/faults/bombs.py
"""

import gzip
import io
import os
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from child import limit_memory, run

import sirna.stages.submit
import sirna.stages.train  # noqa: F401 - loaded once, before children are forked

HEADER = b"id,siRNA_antisense_seq,mRNA_remaining_pct\n"
GIGABYTE = 1_000_000_000


def plain(content: bytes):
    return lambda path: path.write_bytes(content)


def zipped_line(path: Path) -> None:
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(HEADER + b"1,")
        for _ in range(2000):
            file.write(b"A" * 1_000_000)


def equal_rows(path: Path) -> None:
    codes = pa.array([0] * 30_000_000, pa.int8())
    column = pa.DictionaryArray.from_arrays(codes, pa.array(["ACGUACGUACGUACGUACGUA"]))
    stream = io.BytesIO()
    pq.write_table(pa.table(dict.fromkeys(("id", "siRNA_antisense_seq"), column)), stream)
    path.write_bytes(stream.getvalue())


def large_manifest(path: Path) -> None:
    path.mkdir()
    with (path / "bundle.json").open("wb") as file:
        file.truncate(GIGABYTE)


TRAIN, SUBMIT = ["train", "BOMB", "--check"], ["submit", "test.csv", "--run", "BOMB"]
BOMBS = {
    "one guide of 100,000 nt": ("b.csv", plain(HEADER + b"1," + b"A" * 100_000 + b",5\n"), TRAIN),
    "Parquet, 30 million equal rows": ("b.parquet", equal_rows, TRAIN),
    "2 GB in one line of a .csv.gz": ("b.csv.gz", zipped_line, TRAIN),
    "/dev/zero": ("b.csv", lambda path: path.symlink_to("/dev/zero"), TRAIN),
    "a pipe that nobody writes": ("b.csv", os.mkfifo, TRAIN),
    "a bundle.json of 1 GB": ("bundle", large_manifest, SUBMIT),
    **{
        change: ("none", lambda path: None, ["train", "--check", "--set", change])
        for change in (
            "model.hidden=20000",
            "model.embedding=100000",
            "trees.rounds=100000",
        )
    },
}


def main() -> None:
    """Run every command in a child; its memory includes the libraries, as of the first line."""
    print(f"{'what':32} {'status':>6} {'s':>6} {'MB':>6}  message")
    with tempfile.TemporaryDirectory() as name:
        usual = run(["--version"], Path(name))
        print(f"{'(nothing)':32} {usual.code:6} {usual.seconds:6.1f} {usual.megabytes:6.0f}")
        for number, (title, (file, make, command)) in enumerate(BOMBS.items()):
            folder = Path(name) / str(number)
            folder.mkdir()
            (folder / "test.csv").write_bytes(HEADER + b"1,ACGUACGUACGUACGUACGUA,\n")
            make(folder / file)
            arguments = [str(folder / file) if word == "BOMB" else word for word in command]
            result = run(arguments, folder, before=limit_memory(6.0), timeout=300)
            last = (result.err.strip().splitlines() or [""])[0].replace(str(folder), "")
            print(
                f"{title:32} {result.code:6} {result.seconds:6.1f} {result.megabytes:6.0f}  "
                f"{last[:110]}",
                flush=True,
            )


if __name__ == "__main__":
    main()
