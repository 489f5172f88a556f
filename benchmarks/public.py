"""Train on public sets of measurements, beside a random forest on the same folds.

    python benchmarks/public.py FOLDER --out public [--sets shmushkovich sirnamod huesken v419]
        [--protocols rows duplex similar] [--seeds 42] [--no-transfer] [--set section.key=value]

FOLDER holds the HELM files of OligoGym (oligogym_*.csv.gz). Each is read by `sirna convert` and
trained on by `sirna train` with the defaults and five folds; a seed is that of the folds and of the
training. The table shows Pearson correlations of medians and measurements as mean and standard
deviation over folds (and seeds), how many measurements the 80 % intervals cover, and the weights
that the families earned. The forest is a ten-line script: counts of words of one to four bases and
of tokens. With a transfer, the run on Huesken's set predicts V419. If --out holds a run with the
same data and options, it is used (delete it after a change of the code).

Published figures beside ours, whose protocols differ (random rows, or similar sequences together):
OligoGym (Huesken CNN 0.65, similar 0.63; V419 CNN 0.56, MLP 0.57; Shmushkovich forest 0.50, similar
0.42; siRNAmod forest 0.69, similar 0.53), and for the transfer Biopredsi 0.54, DSIR 0.55 and
i-Score 0.56 (Ichihara et al. 2007).
"""

import argparse
import json
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from baselines import word_forest
from rich.console import Console
from rich.table import Table as Grid

import sirna
from sirna.config.load import load_config
from sirna.table.training_source import training_source

SIRNA = Path(sys.executable).with_name("sirna")
FOLDS = 5


@dataclass(frozen=True)
class PublicSet:
    """A public set: its file, what its label is, and published figures by protocol."""

    file: str
    label: tuple[str, ...]
    published: dict[str, str]


INHIBITION = ("label.kind=inhibition_pct", "label.better=higher")
SETS = {
    "shmushkovich": PublicSet(
        "oligogym_Shmushkovich_2018_1.csv.gz", (), {"rows": "0.50 ± 0.08", "similar": "0.42 ± 0.14"}
    ),
    "sirnamod": PublicSet(
        "oligogym_Martinelli_2023_1.csv.gz",
        INHIBITION,
        {"rows": "0.69 ± 0.03", "similar": "0.53 ± 0.09"},
    ),
    "v419": PublicSet(
        "oligogym_Ichihara_2007_2.csv.gz",
        INHIBITION,
        {"rows": "0.56 ± 0.02", "similar": "0.57 ± 0.12"},
    ),
    "huesken": PublicSet(
        "oligogym_Ichihara_2007_1.csv.gz",
        INHIBITION,
        {"rows": "0.65 ± 0.02; 0.725; 0.736", "similar": "0.63 ± 0.03"},
    ),
}
"""Name -> set, the smallest first."""


def main() -> None:
    arguments = _arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    grid = Grid(title="Pearson of medians, mean ± sd over five folds")
    for head in ("set", "protocol", "ours", "80 % covers", "forest", "published", "weights"):
        grid.add_column(head)
    for name in arguments.sets:
        for protocol in arguments.protocols:
            grid.add_row(name, protocol, *_compared(name, protocol, arguments))
    if arguments.transfer:
        grid.add_row("huesken -> v419", "rows", *_transferred(arguments))
    Console(width=150).print(grid)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("public"))
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--protocols", nargs="+", default=["rows", "duplex", "similar"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[42])
    parser.add_argument("--no-transfer", dest="transfer", action="store_false")
    parser.add_argument("--set", action="append", default=[], dest="changes")
    return parser.parse_args()


def _converted(name: str, arguments: argparse.Namespace) -> Path:
    """Return the set as a table that `sirna train` reads."""
    out: Path = arguments.out / f"{name}.csv"
    if not out.exists():
        source = arguments.folder / SETS[name].file
        subprocess.run([SIRNA, "convert", source, out], check=True)
    return out.resolve()


def _changes(name: str, arguments: argparse.Namespace) -> list[str]:
    return ["columns.label=y", "columns.target=targets", *SETS[name].label, *arguments.changes]


def _run(name: str, protocol: str, seed: int, arguments: argparse.Namespace) -> Path:
    """Return the folder of a finished run."""
    run: Path = arguments.out / f"{name}-{protocol}-{seed}"
    figures = run / "metrics.json"
    if figures.exists() and not json.loads(figures.read_text())["interrupted"]:
        return run
    command = [SIRNA, "train", _converted(name, arguments), "--run", run, "--protocol", protocol]
    command += ["--folds", FOLDS, "--seed", seed]
    command += [f"--set={change}" for change in _changes(name, arguments)]
    line = shlex.join(map(str, command))
    print(line, file=sys.stderr, flush=True)
    with (arguments.out / f"{run.name}.txt").open("w") as printed:
        subprocess.run(list(map(str, command)), check=True, stdout=printed, stderr=printed)
    return run


def _compared(name: str, protocol: str, arguments: argparse.Namespace) -> list[str]:
    """Return the cells of a row: ours and the forest, on the same folds."""
    ours: list[float] = []
    forest: list[float] = []
    covered: list[float] = []
    weights: list[dict[str, float]] = []
    for seed in arguments.seeds:
        run = _run(name, protocol, seed, arguments)
        oof = pd.read_csv(run / "oof.csv", dtype={"id": str})
        figures = json.loads((run / "metrics.json").read_text())
        covered.append(figures["interval_coverage"])
        weights.append(figures["weights"])
        config = load_config(changes=_changes(name, arguments))
        rows = training_source(_converted(name, arguments), config).table.rows
        fold = rows["id"].map(oof.set_index("id")["fold"]).to_numpy()
        predicted = word_forest(rows, fold)
        for number in range(FOLDS):
            part = oof[oof["fold"] == number]
            ours.append(np.corrcoef(part["measured"], part["median"])[0, 1])
            held = fold == number
            forest.append(np.corrcoef(rows["label"][held], predicted[held])[0, 1])
    mean = pd.DataFrame(weights).mean()
    return [
        f"{np.mean(ours):.3f} ± {np.std(ours, ddof=1):.3f}",
        f"{np.mean(covered):.1%}",
        f"{np.mean(forest):.3f} ± {np.std(forest, ddof=1):.3f}",
        SETS[name].published.get(protocol, ""),
        ", ".join(f"{family} {weight:.2f}" for family, weight in mean.items() if weight > 0),
    ]


def _transferred(arguments: argparse.Namespace) -> list[str]:
    """Return the cells of the run on Huesken's set, predicting V419."""
    run = _run("huesken", "rows", arguments.seeds[0], arguments)
    config = load_config(changes=_changes("v419", arguments))
    rows = training_source(_converted("v419", arguments), config).table.rows
    predicted = sirna.load(str(run)).bundle.predict(rows).distribution
    truth = rows["label"].to_numpy()
    low, high = predicted.quantile(0.1), predicted.quantile(0.9)
    covered = float(((truth >= low) & (truth <= high)).mean())
    pearson = np.corrcoef(predicted.median(), truth)[0, 1]
    return [f"{pearson:.3f}", f"{covered:.1%}", "", "0.54, 0.55, 0.56", ""]


if __name__ == "__main__":
    main()
