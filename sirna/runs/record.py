"""Read what a run wrote, together with the rows of its training table, for reports."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sirna.bundle.manifest import MANIFEST
from sirna.config.config import Config
from sirna.config.load import load_config
from sirna.errors import SirnaError, reason
from sirna.features.nearest import nearest_duplexes
from sirna.runs.run import Run

NEEDED = ("id", "group", "fold", "measured", "predicted", "median", "prob_below_threshold")
FAR_COLUMNS = ("distance_bases", "distance_chemistry")


@dataclass(frozen=True)
class RunRecord:
    """A run as its files describe it.

    Attributes
    ----------
    run : Run
    config : Config
    figures : dict
        The content of `metrics.json`.
    held_out : DataFrame of n rows
        `oof.csv`, with the columns of the checked training table and the distances to the nearest
        training duplex (`FAR_COLUMNS`) if the table is available.
    rows : DataFrame of m rows, or None
        The checked training table with its column `fold`; None if the table is not available.
    log : DataFrame
        `log.csv`; empty if the run trained no network.
    about : dict
        Entries of `bundle.json` and `started.json`: versions, time, command, the training table.
    """

    run: Run
    config: Config
    figures: dict[str, Any]
    held_out: pd.DataFrame
    rows: pd.DataFrame | None
    log: pd.DataFrame
    about: dict[str, Any]

    @property
    def threshold(self) -> float:
        """Percent; below it a row is positive."""
        return self.config.score.threshold

    @property
    def name(self) -> str:
        """The name of the run's folder."""
        return self.run.name


def read_record(run: Run, rows: pd.DataFrame | None) -> RunRecord:
    """Read a run.

    Parameters
    ----------
    run : Run
    rows : DataFrame of m rows, or None
        Its checked training table.

    Raises
    ------
    SirnaError
        If a file of the run is absent or damaged, or if the table is not the run's.
    """
    if not run.folder.is_dir():
        raise SirnaError(f"{run.folder}: no such run.")
    figures = run.figures()
    if figures is None or not run.oof.is_file():
        raise SirnaError(f"{run.folder}: holds no scores yet; wait until the training has ended.")
    config = load_config(run.config)
    held_out = _read_csv(run, "oof.csv")
    absent = [name for name in NEEDED if name not in held_out]
    if absent:
        raise SirnaError(f"{run.oof}: no column {absent[0]!r}; train again.")
    if rows is not None:
        rows = rows.assign(fold=_folds(run, rows))
        held_out = _with_rows(held_out, rows, run)
    log = _read_csv(run, "log.csv") if run.log.is_file() and run.log.stat().st_size > 1 else None
    return RunRecord(
        run,
        config,
        figures,
        held_out,
        rows,
        pd.DataFrame() if log is None else log,
        _about(run),
    )


def _read_csv(run: Run, name: str) -> pd.DataFrame:
    path = run.folder / name
    try:
        return pd.read_csv(path, dtype={"id": str, "group": str}, keep_default_na=name != "oof.csv")
    except (OSError, ValueError) as error:
        raise SirnaError(f"{path}: cannot be read ({reason(error)}).") from error


def _folds(run: Run, rows: pd.DataFrame) -> np.ndarray:
    """Return the fold in which each row of the table is held out, shape (m,)."""
    fold = _read_csv(run, run.splits.name).set_index("id")["fold"]
    unknown = ~rows["id"].isin(fold.index)
    if unknown.any():
        first = rows.loc[unknown, "id"].iloc[0]
        raise SirnaError(f"{run.splits}: lacks the row {first!r}; the table is not the run's.")
    return fold.loc[rows["id"]].to_numpy()


def _with_rows(held_out: pd.DataFrame, rows: pd.DataFrame, run: Run) -> pd.DataFrame:
    """Add the columns of the table, and the distances to the nearest training duplex."""
    place = pd.Index(rows["id"]).get_indexer(pd.Index(held_out["id"]))
    if (place < 0).any():
        first = held_out["id"].iloc[int((place < 0).argmax())]
        raise SirnaError(f"{run.oof}: row {first!r} is not in the table; name the run's own table.")
    found = rows.drop(columns=[name for name in held_out if name in rows])
    joined: pd.DataFrame = pd.concat([held_out, found.iloc[place].reset_index(drop=True)], axis=1)
    far = np.full((len(joined), 2), np.nan)
    for fold in np.unique(joined["fold"]):
        scored = (joined["fold"] == fold).to_numpy()
        training = rows[rows["fold"] != fold]
        if len(training):
            nearest = nearest_duplexes(joined[scored], training)
            far[scored] = np.stack([nearest.bases, nearest.chemistry], axis=1)
    joined[list(FAR_COLUMNS)] = far
    return joined


def _about(run: Run) -> dict[str, Any]:
    """Return entries of the bundle's manifest and of `started.json`, as far as these exist."""
    found: dict[str, Any] = {}
    for path in (run.bundle / MANIFEST, run.started):
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(raw, dict):
            kept = ("sirna", "torch", "created", "seed", "training", "schema", "command", "started")
            found |= {key: raw[key] for key in kept if key in raw}
    return found
