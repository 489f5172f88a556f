"""The baseline: gradient boosting on the same folds, with and without shifted predictions."""

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

from sirna.config.config import Config
from sirna.config.roles import TARGET_NAMES
from sirna.prediction.score import competition_score
from sirna.table.splits import Split

ROUNDS = {"rows": 3000, "duplex": 1000, "target": 150}
"""Boosting rounds by protocol; with more rounds the score hardly improves."""
SHIFTS = np.arange(0.0, 25.0, 0.5)


def boosted(rows: pd.DataFrame, split: Split, config: Config, rounds: int) -> np.ndarray:
    """Fit boosting on each fold's training rows; return its held-out predictions, shape (n,)."""
    columns: list[np.ndarray] = []
    for role in ("guide_modifications", "passenger_modifications"):
        tokens = rows[role].fillna("").str.split(expand=True)
        columns += [pd.factorize(tokens[place])[0] for place in tokens]
    hidden = TARGET_NAMES if config.protocol.hides_target_names else set()
    for role in ("cell_line", "transfection", "species", "target", "publication"):
        if role not in hidden:
            columns.append(pd.factorize(rows[role])[0])
    numbers = (np.log10(rows["dose"]), rows["hours"], rows["duplex_number"], rows["site"])
    features = np.stack([*columns, *numbers], axis=1)
    truth, predicted = rows["label"].to_numpy(), np.empty(len(rows))
    for fold in split.folds:
        held = split.fold == fold
        model = HistGradientBoostingRegressor(
            max_iter=rounds,
            learning_rate=0.08,
            early_stopping=False,
            random_state=0,
        )
        predicted[held] = model.fit(features[~held], truth[~held]).predict(features[held])
    return predicted


def blocks(split: Split) -> list[np.ndarray]:
    """Return a mask of the rows for each half of each fold."""
    return [(split.fold == fold) & (split.half == half) for fold in split.folds for half in (0, 1)]


def shifted(points: np.ndarray, truth: np.ndarray, split: Split) -> np.ndarray:
    """Move points between 30 and 30 + a shift to 29.9; the shift is fitted on the other blocks."""
    moved = points.copy()

    def shift(values: np.ndarray, by: float) -> np.ndarray:
        return np.where((values >= 30) & (values < 30 + by), 29.9, values)

    for block in blocks(split):
        scores = [
            competition_score(truth[~block], shift(points[~block], by)).score for by in SHIFTS
        ]
        moved[block] = shift(points[block], SHIFTS[int(np.argmax(scores))])
    return moved
