"""Time `sirna submit` and `sirna train` against another version, in pairs: old, new, old, new.

    python benchmarks/speed.py --old PATH_TO_OLD_SOURCES --run RUN_OR_BUNDLE [--rows 1 10000]
    python benchmarks/speed.py --old PATH_TO_OLD_SOURCES --train TABLE [--options="--folds 5"]

With --run: for each size it writes a file of candidates (see candidates.py), runs both versions
`--repeats` times with one thread each, and prints medians of wall time, processor time and peak
memory, and the ratio of the processor times, which other programs disturb less. Without --old only
this version runs. Both versions must be able to read the bundle. Then this version predicts a
folder of files of --part-rows rows with one worker, with several, and with as many of Ray if it is
installed, and prints the ratio of the wall times; the digests must be equal. --quick takes one row
and 2,000 rows, once, and two files of 2,000 rows.

With --train: it trains with the defaults and --options, `--repeats` times with each version, on all
cores, and prints medians of the wall time and of the largest memory of all processes together.
"""

import argparse
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from candidates import write, write_fasta

HERE = Path(__file__).resolve().parents[1]
SIZES, QUICK_SIZES = [1, 10_000], [1, 2_000]
PART_ROWS, QUICK_PART_ROWS = 100_000, 2_000


class Cost(NamedTuple):
    """What one run took."""

    wall: float
    processor: float
    megabytes: float


def submit(sources: Path, table: Path, run: Path, out: Path, *options: object) -> Cost:
    """Run `sirna submit` once from these sources."""
    environment = os.environ | {"PYTHONPATH": str(sources), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "sirna.cli", "submit", str(table), "--run", str(run)]
    began = time.perf_counter()
    with (out.parent / "output.txt").open("w") as output:
        process = subprocess.Popen(
            [
                *(*command, "--out", str(out), "--force", "--columns", "id", "--device", "cpu"),
                *map(str, options),
            ],
            env=environment,
            cwd=out.parent,
            stdout=output,
            stderr=output,
        )
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit((out.parent / "output.txt").read_text())
    peak = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return Cost(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, peak)


def medians(costs: list[Cost]) -> Cost:
    """Return the median of each figure."""
    return Cost(*(statistics.median(values) for values in zip(*costs, strict=True)))


def parts(folder: Path, run: Path, workers: int, rows: int) -> None:
    """Predict a folder of files with one worker and with several, and print their times."""
    tests, fasta = folder / "tests", folder / "transcripts.fa"
    tests.mkdir()
    write_fasta(fasta)
    write(tests / "1.csv", rows, None, with_transcript=False)
    for number in range(2, workers + 1):
        shutil.copy(tests / "1.csv", tests / f"{number}.csv")
    ways = {"1 worker": ("--workers", 1), f"{workers} workers": ("--workers", workers)}
    if importlib.util.find_spec("ray"):
        ways[f"Ray, {workers} workers"] = ("--workers", workers, "--engine", "ray")
    print(f"\n| {workers} files of {rows:,} rows | wall s | rows/s | ratio |\n|---|---|---|---|")
    first, digests = 0.0, set[str]()
    for number, (way, options) in enumerate(ways.items()):
        out = folder / f"parts-{number}"
        wall = submit(HERE, tests, run, out, "--transcripts", fasta, *options).wall
        first = first or wall
        text = (folder / "output.txt").read_text()
        digests |= {line for line in text.splitlines() if line.startswith("sha256 ")}
        rate = workers * rows / wall
        print(f"| {way} | {wall:.1f} | {rate:,.0f} | {first / wall:.1f} |", flush=True)
    if len(digests) != 1:
        sys.exit(f"the parts differ: {digests}")


def train(sources: Path, table: Path, out: Path, options: list[str]) -> tuple[float, float]:
    """Run `sirna train` once from these sources; return its seconds of wall time and its MB."""
    environment = os.environ | {"PYTHONPATH": str(sources)}
    command = [sys.executable, "-m", "sirna.cli", "train", str(table), "--run", str(out), *options]
    began = time.perf_counter()
    subprocess.run(command, env=environment, cwd=out.parent, stdout=subprocess.DEVNULL, check=True)
    wall = time.perf_counter() - began
    figures = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    return wall, figures["peak_memory_mb"]


def trainings(versions: dict[str, Path], given: argparse.Namespace, folder: Path) -> None:
    """Print the times of trainings."""
    table, options = given.train.resolve(), given.options.split()
    costs: dict[str, list[tuple[float, float]]] = {version: [] for version in versions}
    for number in range(given.repeats):
        for version, sources in versions.items():
            out = folder / f"{version}-{number}"
            costs[version].append(train(sources, table, out, options))
    print("| training | wall s | MB | ratio |\n|---|---|---|---|")
    first = 0.0
    for version, found in costs.items():
        wall, megabytes = (statistics.median(values) for values in zip(*found, strict=True))
        first = first or wall
        print(f"| {version} | {wall:.1f} | {megabytes:,.0f} | {wall / first:.2f} |")


def predictions(versions: dict[str, Path], given: argparse.Namespace, folder: Path) -> None:
    """Print the times of predictions."""
    print("| rows | version | wall s | processor s | rows/s of processor | MB | ratio |")
    print("|---|---|---|---|---|---|---|")
    for rows in QUICK_SIZES if given.quick else given.rows:
        table = folder / f"{rows}.csv"
        write(table, rows, given.symbol)
        costs: dict[str, list[Cost]] = {version: [] for version in versions}
        for _ in range(1 if given.quick else given.repeats):
            for version, sources in versions.items():
                out = folder / f"{version}.csv"
                costs[version].append(submit(sources, table, given.run.resolve(), out))
        for version, found in costs.items():
            cost = medians(found)
            ratio = medians(costs["old"]).processor / cost.processor if given.old else 1.0
            print(
                f"| {rows:,} | {version} | {cost.wall:.1f} | {cost.processor:.1f} | "
                f"{rows / cost.processor:,.0f} | {cost.megabytes:,.0f} | {ratio:.1f} |",
                flush=True,
            )
    part_rows = QUICK_PART_ROWS if given.quick else given.part_rows
    parts(folder, given.run.resolve(), given.workers, part_rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--old", type=Path, help="folder with the older package `sirna`")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--run", type=Path, help="a run or a bundle that both versions can read")
    what.add_argument("--train", type=Path, help="a training table")
    parser.add_argument("--options", default="", help="further options of `sirna train`")
    parser.add_argument("--rows", type=int, nargs="+", default=SIZES)
    parser.add_argument("--symbol", help="a target of the training table; else unseen targets")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--part-rows", type=int, default=PART_ROWS)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    versions = {"new": HERE} if given.old is None else {"old": given.old.resolve(), "new": HERE}
    with tempfile.TemporaryDirectory() as name:
        if given.train is not None:
            trainings(versions, given, Path(name))
        else:
            predictions(versions, given, Path(name))


if __name__ == "__main__":
    main()
