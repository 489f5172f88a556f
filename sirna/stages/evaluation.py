"""Score held-out rows; no row takes part in a choice that it is scored with."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sirna.config.config import Config
from sirna.prediction.cross_fitting import cross_fitted, held_out_positions
from sirna.prediction.decision import DECIMALS, rounded
from sirna.prediction.mixture import HeldOut
from sirna.prediction.score import Score, competition_score
from sirna.table.splits import Split

BASELINE_MARGIN = 0.01
"""The constant baseline predicts the threshold minus this value in every row."""
ASSAY_ROLES = ("publication", "target", "dose", "cell_line", "hours")
"""The roles that are equal in all rows of an assay; duplexes are ranked within an assay."""
FEWEST_RANKED_ROWS = 20
"""Least number of rows of an assay whose ranking is scored."""


def oof_table(
    parts: Sequence[Mapping[str, HeldOut]], rows: pd.DataFrame, split: Split, config: Config
) -> pd.DataFrame:
    """Return the out-of-fold table: one row for every held-out row, in the table's order.

    All values are percentages that remain; see `cross_fitted`.

    Parameters
    ----------
    parts : sequence of mapping of str to HeldOut
        For each fold, what every family predicts.
    rows : DataFrame
        The checked training table.
    split : Split
    config : Config
    """
    tail = (1 - config.predict.interval) / 2
    threshold = config.score.threshold
    labels, held = rows["label"].to_numpy(), held_out_positions(parts)
    assay = _assay_indices(rows)
    frames = []
    for block in cross_fitted(parts, labels, split, config):
        scored, predicted = held[block.rows], block.predicted
        columns = {
            "id": split.ids[scored],
            "group": split.groups[scored],
            "fold": block.fold,
            "half": block.half,
            "setting": assay[scored],
            "measured": labels[scored],
            "predicted": rounded(block.points, threshold, DECIMALS),
            "median": predicted.median().round(DECIMALS),
            "prob_below_threshold": predicted.prob_below(threshold).round(4),
            "interval_low": predicted.quantile(tail).round(4),
            "interval_high": predicted.quantile(1 - tail).round(4),
        }
        frames.append(pd.DataFrame(columns, index=scored))
    return pd.concat(frames).sort_index()


def metrics(oof: pd.DataFrame, config: Config) -> dict[str, Any]:
    """Return pooled and per-fold scores, the baseline's score, the coverage and the ranking.

    The score of a fold is the score of its held-out rows. `mean` and `sd` (n - 1) are over folds.
    """
    threshold = config.score.threshold

    def score(frame: pd.DataFrame) -> Score:
        return competition_score(frame["measured"], frame["predicted"], threshold)

    per_fold = {fold: score(oof[oof["fold"] == fold]) for fold in sorted(set(oof["fold"].tolist()))}
    scores = np.array([part.score for part in per_fold.values()])
    constant = np.full(len(oof), threshold - BASELINE_MARGIN)
    measured = oof["measured"]
    covered = (measured >= oof["interval_low"]) & (measured <= oof["interval_high"])
    return {
        "protocol": config.split.protocol,
        "pooled": score(oof).as_dict(),
        "folds": {fold: part.as_dict() for fold, part in per_fold.items()},
        "mean": float(scores.mean()),
        "sd": float(scores.std(ddof=1)) if len(scores) > 1 else None,
        "pearson": float(np.corrcoef(measured, oof["predicted"])[0, 1])
        if oof["predicted"].nunique() > 1
        else None,
        "ranking": _ranking(oof),
        "interval": config.predict.interval,
        "interval_coverage": float(covered.mean()),
        "constant_baseline": competition_score(measured, constant, threshold).score,
    }


def _assay_indices(rows: pd.DataFrame) -> np.ndarray:
    """Return the index of each row's assay, shape (n,) of int."""
    shared = [role for role in ASSAY_ROLES if role in rows]
    if not shared:
        return np.zeros(len(rows), dtype=np.int64)
    return rows.groupby(shared, dropna=False).ngroup().to_numpy()


def _ranking(oof: pd.DataFrame) -> dict[str, float] | None:
    """Return the mean rank correlation of medians and measurements within assays."""
    ranks = [
        frame["measured"].corr(frame["median"], method="spearman")
        for _, frame in oof.groupby("setting")
        if len(frame) >= FEWEST_RANKED_ROWS and (frame[["measured", "median"]].nunique() > 1).all()
    ]
    return {"settings": len(ranks), "spearman": float(np.mean(ranks))} if ranks else None
