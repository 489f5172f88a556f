"""Learning curves on small tables: `sirna` beside a random forest and boosting.

    python benchmarks/small.py train_data.csv.gz --out small [--rows 100 200 400 800 1600 3200]
        [--draws 5] [--one-publication] [--test-rows 1500] [--set section.key=value]

For each number of rows, whole duplexes are drawn from the table (with --one-publication from its
largest publication only), and `sirna train --protocol duplex` trains on them with the defaults. All
models predict the same rows of other duplexes. The table shows the mean and the standard deviation
of the Pearson correlation over the draws, and the 95 % interval of our gain over the better
baseline, from the paired draws. Predictions are stored in --out, and a second start uses them
(delete them after a change of the code).
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from baselines import boosted, word_forest
from rich.console import Console
from rich.table import Table as Grid

import sirna
from sirna.config.load import load_config
from sirna.table.splits import NOT_HELD_OUT, Split
from sirna.table.training_source import training_source

SIRNA = Path(sys.executable).with_name("sirna")
ROUNDS = 200
TIMES_SD = 1.96


def main() -> None:
    arguments = _arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    config = load_config(changes=arguments.changes, flags={"split.protocol": "duplex"})
    table = training_source(arguments.train, config).table
    rows, raw = table.rows, table.raw.reset_index(drop=True)
    if arguments.one_publication:
        chosen = rows["publication"] == rows["publication"].value_counts().index[0]
        rows, raw = rows[chosen].reset_index(drop=True), raw[chosen].reset_index(drop=True)
    grid = Grid(title=f"Pearson on {arguments.test_rows:,} rows of other duplexes")
    for head in ("rows", "ours", "forest", "boosting", "ours over the better (95 %)"):
        grid.add_column(head, justify="right")
    for size in arguments.rows:
        found = np.array(
            [_draw(rows, raw, size, draw, arguments) for draw in range(arguments.draws)]
        )
        gains = found[:, 0] - found[:, 1:].max(axis=1)
        error = TIMES_SD * gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else np.nan
        means, sds = found.mean(axis=0), found.std(axis=0)
        cells = [f"{mean:.3f} ± {sd:.3f}" for mean, sd in zip(means, sds, strict=True)]
        grid.add_row(
            f"{size:,}", *cells, f"{gains.mean() - error:+.3f} to {gains.mean() + error:+.3f}"
        )
    Console(width=120).print(grid)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("--out", type=Path, default=Path("small"))
    parser.add_argument("--rows", nargs="+", type=int, default=[100, 200, 400, 800, 1600, 3200])
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--test-rows", type=int, default=1500)
    parser.add_argument("--one-publication", action="store_true")
    parser.add_argument("--set", action="append", default=[], dest="changes")
    return parser.parse_args()


def _draw(
    rows: pd.DataFrame, raw: pd.DataFrame, size: int, draw: int, arguments: argparse.Namespace
) -> list[float]:
    """Return the correlations of ours, forest and boosting in one draw."""
    guides = rows["guide"].fillna("").to_numpy()
    _, guide = np.unique(guides, return_inverse=True)
    rank = np.random.default_rng(draw).permutation(int(guide.max()) + 1)[guide]
    order = np.argsort(rank, kind="stable")
    training, rest = np.sort(order[:size]), order[size:]
    seen = set(guides[training])
    held = np.array([place for place in rest if guides[place] not in seen])
    held = np.sort(held[: arguments.test_rows])
    both = np.concatenate([training, held])
    some = rows.iloc[both].reset_index(drop=True)
    fold = np.where(np.arange(len(both)) < len(training), NOT_HELD_OUT, 0)
    truth = some["label"].to_numpy()[fold == 0]
    name = f"{'one' if arguments.one_publication else 'many'}-{size}-{draw}"
    ours = _ours(raw, some, fold, training, arguments.out / name, arguments.changes)
    forest = word_forest(some, fold)[fold == 0]
    config = load_config(changes=arguments.changes, flags={"split.protocol": "duplex"})
    names = some["id"].to_numpy().astype(str)
    split = Split(names, names, fold, np.zeros(len(fold), dtype=np.int64))
    boosting = boosted(some, split, config, ROUNDS)[fold == 0]
    return [float(np.corrcoef(one, truth)[0, 1]) for one in (ours, forest, boosting)]


def _ours(
    raw: pd.DataFrame,
    some: pd.DataFrame,
    fold: np.ndarray,
    training: np.ndarray,
    run: Path,
    changes: list[str],
) -> np.ndarray:
    """Return our medians of the held-out rows, from a run or from its stored predictions."""
    stored = run.with_suffix(".npy")
    if stored.exists():
        medians: np.ndarray = np.load(stored)
        return medians
    table = run.with_suffix(".csv")
    raw.iloc[training].to_csv(table, index=False)
    command = [SIRNA, "train", table, "--run", run, "--protocol", "duplex"]
    command += [f"--set={change}" for change in changes]
    with run.with_suffix(".txt").open("w") as printed:
        subprocess.run(list(map(str, command)), check=True, stdout=printed, stderr=printed)
    medians = sirna.load(str(run)).bundle.predict(some[fold == 0]).distribution.median()
    np.save(stored, medians)
    return medians


if __name__ == "__main__":
    main()
