"""Rebuild the golden files: `python tests/golden/rebuild.py`, after a change that is meant.

A tiny bundle trained on the simulated competition, ten of its test rows, three of them made rows of
a new target, and what it predicts.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
TINY = {
    "model.hidden": 4,
    "model.embedding": 4,
    "model.covariate_embedding": 2,
    "model.head_hidden": 8,
    "model.bins": 12,
    "train.epochs": 16,
    "train.learning_rate": 0.01,
    "train.refit": "false",  # several members
    "trees.rounds": 5,
    "decision.kind": "median",  # every prediction its own value
}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sirna = [sys.executable, "-m", "sirna.cli"]
        changes = [f"--set={key}={value}" for key, value in TINY.items()]
        train = ["train", "train_data.csv", "--folds=2", "--run=run", "--device=cpu", *changes]
        subprocess.run([*sirna, "sample", ".", "--duplexes=300"], cwd=folder, check=True)
        subprocess.run([*sirna, *train], cwd=folder, check=True)
        table = pd.read_csv(folder / "test.csv", dtype=str, keep_default_na=False).head(10)
        guide = "siRNA_antisense_seq"
        table.loc[7:, guide] = table.loc[7:, guide].str[::-1]  # and so the rows of new targets
        table.loc[7:, ["gene_target_symbol_name", "publication_id"]] = "MINE"
        table.to_csv(HERE / "test.csv", index=False)
        shutil.rmtree(HERE / "bundle", ignore_errors=True)
        shutil.copytree(folder / "run" / "bundle", HERE / "bundle")
        submit = ["submit", "test.csv", "--run=bundle", "--columns=id", "--with-uncertainty"]
        out = folder / "expected.csv"
        subprocess.run([*sirna, *submit, f"--out={out}"], cwd=HERE, check=True)
        shutil.copy(out, HERE / "expected.csv")
        shutil.rmtree(HERE / "submissions")


if __name__ == "__main__":
    main()
