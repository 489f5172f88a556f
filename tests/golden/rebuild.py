"""Rebuild the golden bundle of the present schema: `python tests/golden/rebuild.py`.

Run it after an intended change of the schema or of predictions. It trains a tiny bundle on the
simulated competition and writes it, with what it predicts for `test.csv`, to `schema-<number>/`.
Three of the ten test rows are rows of an unseen target. Folders of older schemas stay as they are.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from sirna.bundle.store import SCHEMA

HERE = Path(__file__).parent
TINY = {
    "model.hidden": 4,
    "model.embedding": 4,
    "model.covariate_embedding": 2,
    "model.head_hidden": 8,
    "model.bins": 12,
    "train.epochs": 16,
    "train.learning_rate": 0.01,
    "train.refit": "false",  # several members of each family
    "trees.rounds": 5,
    "decision.kind": "median",  # every prediction has its own value
}


def main() -> None:
    there = HERE / f"schema-{SCHEMA}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sirna = [sys.executable, "-m", "sirna.cli"]
        changes = [f"--set={key}={value}" for key, value in TINY.items()]
        train = ["train", "train_data.csv", "--folds=2", "--run=run", "--device=cpu", *changes]
        subprocess.run([*sirna, "sample", ".", "--duplexes=300"], cwd=folder, check=True)
        subprocess.run([*sirna, *train], cwd=folder, check=True)
        submit = ["submit", str(HERE / "test.csv"), "--run=run", "--columns=id"]
        out = ["--with-uncertainty", "--out=expected.csv"]
        subprocess.run([*sirna, *submit, *out], cwd=folder, check=True)
        shutil.rmtree(there, ignore_errors=True)
        there.mkdir()
        shutil.copytree(folder / "run" / "bundle", there / "bundle")
        shutil.copy(folder / "expected.csv", there / "expected.csv")


if __name__ == "__main__":
    main()
