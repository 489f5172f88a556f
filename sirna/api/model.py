"""A trained model in memory: `sirna.load(folder).predict(table)`."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sirna.bundle.bundle import Bundle
from sirna.bundle.domain import domain
from sirna.bundle.predict_table import decimals, read_rows, uncertainty, uncertainty_names
from sirna.bundle.store import load_bundle, save_bundle
from sirna.explain.effects import effects
from sirna.prediction.decision import DECIMALS, rounded
from sirna.runs.run import finished_run
from sirna.system.device import choose_device
from sirna.table.units import from_remaining

Rows = pd.DataFrame | Path | str | Mapping[str, Any]
"""A table of rows to predict: in memory, a file, or the columns of a single row."""


@dataclass(frozen=True, repr=False)
class Model:
    """A trained model.

    Attributes
    ----------
    bundle : Bundle
    device : str
        Where networks compute: auto, cpu, cuda or cuda:N.
    """

    bundle: Bundle
    device: str = "cpu"

    def __repr__(self) -> str:
        """Return what the model is, without its weights and its training rows."""
        return f"Model({self.bundle!r}, device={self.device!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the model as the files of its bundle, which are checked when they are read."""
        with tempfile.TemporaryDirectory() as folder:
            save_bundle(Path(folder) / "bundle", self.bundle)
            files = {path.name: path.read_bytes() for path in Path(folder, "bundle").iterdir()}
        return _from_files, (files, self.device)

    def predict(self, rows: Rows) -> pd.DataFrame:
        """Predict n rows; nothing is written.

        Parameters
        ----------
        rows : DataFrame, path, or dict
            A table with the columns of the training table, the path of one, or one row as a dict.
            Only the sequences are needed; a condition that is absent is predicted as missing.

        Returns
        -------
        DataFrame of n rows
            In the order of the rows: `id`, `submitted` (the point that `sirna submit` writes),
            `median` and `mean`, the probability of less than the threshold, the ends of the
            interval, and the domain of applicability (`sirna.bundle.domain`). Points are in the
            unit of the labels that the model was trained on.

        Raises
        ------
        SirnaError
            If a column that the model needs is absent, or a file cannot be read.
        """
        config = self.bundle.config
        table = read_rows(self.bundle, _as_table(rows))
        predicted = self.bundle.predict(table.rows, choose_device(self.device))
        remaining = rounded(predicted.points, config.score.threshold, DECIMALS)
        mean = from_remaining(predicted.distribution.mean(), config.label)
        found = uncertainty(predicted.distribution, config)
        found.columns = pd.Index([name.rstrip("_") for name in uncertainty_names(config)])
        found.insert(0, "id", table.rows["id"].to_numpy())
        found.insert(
            1, "submitted", from_remaining(remaining, config.label).round(decimals(config))
        )
        found.insert(3, "mean", np.round(mean, decimals(config)))
        return found.join(domain(self.bundle, table.rows))

    def explain(self, rows: Rows, most: int = 50) -> pd.DataFrame:
        """Return what each base, chemistry and condition adds to the predictions.

        Parameters
        ----------
        rows : DataFrame, path, or dict
            As for `predict`.
        most : int
            Only the first rows, this many, are explained.

        Returns
        -------
        DataFrame
            See `sirna.explain.effects.effects`; effects are in percentage points of remaining mRNA.

        Raises
        ------
        SirnaError
            As for `predict`; also if the bundle holds no training rows.
        """
        table = read_rows(self.bundle, _as_table(rows))
        found, _ = effects(self.bundle, table.rows.head(most), choose_device(self.device))
        return found


def load(folder: Path | str | None = None, device: str = "cpu") -> Model:
    """Load a trained model.

    Parameters
    ----------
    folder : path, optional
        The folder of a run or of a bundle; default: the newest run in `runs/`.
    device : str

    Raises
    ------
    SirnaError
        If there is no such run, or its bundle is damaged.
    """
    run = finished_run(None if folder is None else Path(folder))
    return Model(load_bundle(run.bundle if run.bundle.is_dir() else run.folder), device)


def _from_files(files: dict[str, bytes], device: str) -> Model:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        return Model(load_bundle(Path(folder)), device)


def _as_table(rows: Rows) -> Path | pd.DataFrame:
    if isinstance(rows, pd.DataFrame):
        return rows
    if isinstance(rows, Mapping):
        return pd.DataFrame([dict(rows)])
    return Path(rows)
