"""The baselines on the same folds: boosting, with and without shifted predictions, and a forest."""

import numpy as np
import pandas as pd
from scipy.sparse import hstack
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.feature_extraction.text import CountVectorizer

from sirna.config.config import Config
from sirna.config.roles import TARGET_NAMES
from sirna.prediction.score import competition_score
from sirna.table.splits import Split

ROUNDS = {"rows": 3000, "duplex": 1000, "similar": 500, "target": 150}
"""Boosting rounds by protocol; with more rounds the score hardly improves."""
NUMBERS = ("hours", "duplex_number", "site")
SHIFTS = np.arange(0.0, 25.0, 0.5)


def boosted(rows: pd.DataFrame, split: Split, config: Config, rounds: int) -> np.ndarray:
    """Fit boosting on each fold's training rows; return its held-out predictions, shape (n,)."""
    columns: list[np.ndarray] = []
    for role in rows.columns.intersection(["guide_modifications", "passenger_modifications"]):
        tokens = rows[role].fillna("").str.split(expand=True)
        columns += [pd.factorize(tokens[place])[0] for place in tokens]
    hidden = TARGET_NAMES if config.protocol.hides_target_names else set()
    for role in ("cell_line", "transfection", "species", "target", "publication"):
        if role not in hidden and role in rows:
            columns.append(pd.factorize(rows[role])[0])
    if "dose" in rows:
        columns.append(np.log10(rows["dose"]).to_numpy())
    columns += [rows[role].to_numpy() for role in NUMBERS if role in rows]
    features = np.stack(columns, axis=1)
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


def word_forest(rows: pd.DataFrame, fold: np.ndarray) -> np.ndarray:
    """Fit a random forest for each fold on counts of words; return its predictions, shape (n,).

    The words are one to four bases of the guide, wherever they stand, and the tokens of both
    modification lists.

    Parameters
    ----------
    rows : DataFrame of n rows
    fold : array, shape (n,)
        The fold in which each row is held out; below 0 if it is always a training row.
    """
    words = CountVectorizer(analyzer="char", ngram_range=(1, 4), lowercase=False)
    features = [words.fit_transform(rows["guide"].fillna(""))]
    for role in ("guide_modifications", "passenger_modifications"):
        if role in rows:
            tokens = CountVectorizer(analyzer=str.split)
            features.append(tokens.fit_transform(rows[role].fillna("")))
    table = hstack(features).toarray()
    truth, predicted = rows["label"].to_numpy(), np.empty(len(rows))
    for number in np.unique(fold[fold >= 0]):
        held = fold == number
        model = RandomForestRegressor(300, min_samples_leaf=2, max_features=0.33, random_state=0)
        predicted[held] = model.fit(table[~held], truth[~held]).predict(table[held])
    return predicted
