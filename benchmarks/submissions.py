"""Score whole submissions: folds are kept out of the training file and predicted as test files.

    python benchmarks/submissions.py train_data.csv.gz --out kept_out [--apart target]
        [--runs rows target] [--folds 0 1 2 3 4] [--share 0.4] [--config F] [--set key=value]

Each of five folds of the protocol --apart is taken out of the table (labels: percent that remains).
`sirna train` trains on the other rows (or on --share of them, drawn at random), once under each
protocol of --runs; `sirna submit` predicts the fold, and the submissions of all folds are scored
together. A run never reads its fold, so the score is that of a real test file, after the training
on all rows. The table also shows the mean score that the runs printed, and the 95 % interval of the
gain over the first protocol. If --out holds runs with the same data and options, unfinished ones
are resumed and finished ones are used (delete them after a change of the code).
"""

import argparse
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from bootstrap import gain
from rich.console import Console
from rich.table import Table as Grid

from sirna import __version__
from sirna.config.config import Config
from sirna.config.load import load_config
from sirna.prediction.score import competition_score
from sirna.protocols.protocol import PROTOCOLS
from sirna.table.splits import Split, make_split
from sirna.table.training_source import Source, training_source

SIRNA = Path(sys.executable).with_name("sirna")
FOLDS = 5
HEADS = ("score", "MAE", "F1", "Pearson of medians", "Brier", "interval covers", "folds")


def main() -> None:
    arguments = _arguments()
    config = load_config(
        arguments.config,
        changes=arguments.changes,
        flags={"split.protocol": arguments.apart, "split.folds": FOLDS},
    )
    source = training_source(arguments.train, config)
    split = make_split(source.table.rows, config.split, str(arguments.train))
    grid = Grid("trained under", title=f"kept out: {arguments.apart}, folds {arguments.folds}")
    for head in (*HEADS, "expected by its runs", "gain over the first (95 %)"):
        grid.add_column(head, justify="right")
    tables: list[pd.DataFrame] = []
    for protocol in arguments.runs:
        parts, expected = [], []
        for fold in arguments.folds:
            predicted, pooled = _predicted(source, split, fold, protocol, config, arguments)
            parts.append(predicted)
            expected.append(pooled["score"])
        tables.append(pd.concat(parts, ignore_index=True))
        over = gain(tables[-1], tables[0]) if len(tables) > 1 else None
        shown = f"{over[0]:+.4f} to {over[1]:+.4f}" if over else ""
        grid.add_row(protocol, *_figures(tables[-1], config), f"{np.mean(expected):.4f}", shown)
    Console(width=160).print(grid)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("--out", type=Path, default=Path("kept_out"))
    parser.add_argument("--apart", choices=list(PROTOCOLS), default="target")
    parser.add_argument("--runs", nargs="+", choices=list(PROTOCOLS), default=["rows", "target"])
    parser.add_argument("--folds", nargs="+", type=int, choices=range(FOLDS), default=range(FOLDS))
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--set", action="append", default=[], dest="changes")
    return parser.parse_args()


def _predicted(
    source: Source,
    split: Split,
    fold: int,
    protocol: str,
    config: Config,
    arguments: argparse.Namespace,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Train without a fold; return its submission and the pooled scores that the run printed."""
    key_parts = [source.digest, arguments.share, config.model_dump(mode="json"), __version__]
    key = hashlib.sha256(json.dumps(key_parts, sort_keys=True).encode()).hexdigest()[:12]
    folder = arguments.out / key / f"{arguments.apart}-{fold}"
    folder.mkdir(parents=True, exist_ok=True)
    raw, kept = source.table.raw, split.fold == fold
    used = np.random.default_rng(fold).random(len(kept)) < arguments.share
    label = config.columns["label"]
    raw[~kept & used].to_csv(folder / "train.csv", index=False)
    raw[kept].drop(columns=label).to_csv(folder / "test.csv", index=False)

    def sirna(*words: str) -> None:
        subprocess.run([SIRNA, *words], cwd=folder, check=True)

    if (folder / protocol / "config.toml").exists():
        sirna("train", "--resume", "--run", protocol)
    else:
        given = [f"--config={arguments.config.resolve()}"] if arguments.config else []
        given += [f"--set={change}" for change in arguments.changes]
        sirna("train", "train.csv", f"--protocol={protocol}", f"--run={protocol}", *given)
    out = f"{protocol}.csv"
    sirna("submit", "test.csv", "--run", protocol, "--out", out, "--with-uncertainty", "--force")
    metrics = json.loads((folder / protocol / "metrics.json").read_text())
    written = pd.read_csv(folder / out).rename(columns={label: "predicted"})
    measured = source.table.rows["label"].to_numpy()[kept]
    return written.assign(measured=measured, group=split.groups[kept], fold=fold), metrics["pooled"]


def _figures(table: pd.DataFrame, config: Config) -> tuple[str, ...]:
    """Return the table cells for the columns `HEADS`."""
    measured, threshold = table["measured"], config.score.threshold
    score = competition_score(measured, table["predicted"], threshold)
    folds = [
        competition_score(part["measured"], part["predicted"], threshold).score
        for _, part in table.groupby("fold")
    ]
    below, low, high = (table[name] for name in table if name.startswith(("prob_", "interval_")))
    return (
        f"{score.score:.4f}",
        f"{score.mae:.2f}",
        f"{score.f1:.3f}",
        f"{table['median'].corr(measured):.3f}",
        f"{((below - (measured < threshold)) ** 2).mean():.4f}",
        f"{((measured >= low) & (measured <= high)).mean():.1%}",
        " ".join(f"{value:.3f}" for value in folds),
    )


if __name__ == "__main__":
    main()
