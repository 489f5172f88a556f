"""What is a submission worth? Whole folds are kept out of the training file, and predicted.

    python benchmarks/submissions.py train_data.csv.gz --out kept_out [--apart target]
        [--runs rows target] [--folds 0 1 2 3 4] [--share 0.4] [--config F] [--set key=value]

Each of five folds of the protocol --apart is taken out of the table. `sirna train` under each
protocol of --runs learns from the rest (from --share of its rows, drawn at random), `sirna submit`
predicts the fold, and the folds' submissions are scored together. A run sees nothing of it, so
this is what a test file would get, the training on all rows included; beside it the figure that the
runs themselves had printed. Runs in --out are gone on with, and finished ones taken as they are
(delete them after a change of the code).
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table as Grid

from sirna.config import Config, load_config
from sirna.data.source import Source, training_source
from sirna.data.splits import make_split
from sirna.score import competition_score

SIRNA = Path(sys.executable).with_name("sirna")
PROTOCOLS = ["rows", "duplex", "target"]
FOLDS = 5


def main() -> None:
    arguments = _arguments()
    config = load_config(
        arguments.config,
        changes=arguments.changes,
        flags={"split.protocol": arguments.apart, "split.folds": FOLDS},
    )
    source = training_source(arguments.train, config)
    fold_of = make_split(source.table.rows, config.split, str(arguments.train)).fold
    grid = Grid(title=f"kept out: {arguments.apart}, folds {arguments.folds}")
    for head in ("trained under", "score", "MAE", "F1", "interval covers", "told by its runs"):
        grid.add_column(head, justify="left" if head == "trained under" else "right")
    for protocol in arguments.runs:
        parts, told = [], []
        for fold in arguments.folds:
            submission, pooled = _predicted(source, fold_of == fold, fold, protocol, arguments)
            parts.append(submission)
            told.append(pooled["score"])
        grid.add_row(protocol, *_figures(pd.concat(parts), config), f"{np.mean(told):.4f}")
    Console(width=120).print(grid)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("--out", type=Path, default=Path("kept_out"))
    parser.add_argument("--apart", choices=PROTOCOLS, default="target")
    parser.add_argument("--runs", nargs="+", choices=PROTOCOLS, default=["rows", "target"])
    parser.add_argument("--folds", nargs="+", type=int, default=list(range(FOLDS)))
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--set", action="append", default=[], dest="changes")
    return parser.parse_args()


def _predicted(
    source: Source, kept: np.ndarray, fold: int, protocol: str, arguments: argparse.Namespace
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Train without a fold; return the submission for it, and the figures that the run printed."""
    folder = arguments.out / f"{arguments.apart}-{fold}"
    folder.mkdir(parents=True, exist_ok=True)
    raw, used = source.table.raw, np.random.default_rng(fold).random(len(kept)) < arguments.share
    raw[~kept & used].to_csv(folder / "train.csv", index=False)
    raw[kept].to_csv(folder / "test.csv", index=False)

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
    return pd.read_csv(folder / out), metrics["pooled"]


def _figures(table: pd.DataFrame, config: Config) -> tuple[str, ...]:
    """Return score, MAE, F1 and coverage of the submissions, which keep the measured labels."""
    label = config.columns.label
    measured = table[f"{label}_measured"]
    score = competition_score(measured, table[label], config.score.threshold)
    low, high = (table[name] for name in table.columns if name.startswith("interval_"))
    covered = ((measured >= low) & (measured <= high)).mean()
    return f"{score.score:.4f}", f"{score.mae:.2f}", f"{score.f1:.3f}", f"{covered:.1%}"


if __name__ == "__main__":
    main()
