"""Figures of held-out rows, none of them judged by a choice that it took part in."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sirna.config import Config
from sirna.data.splits import Split
from sirna.decision import rounded
from sirna.distribution import Histogram
from sirna.score import Score, competition_score

DECIMALS = 2
"""Written of a percentage: what the last bits of a sum do to it does not show."""
CONSTANT = 0.01
"""The constant baseline predicts this far below the threshold everywhere."""


@dataclass(frozen=True)
class HeldOut:
    """Predictions of one fold's held-out rows.

    Attributes
    ----------
    held : array of int, shape (n,)
        Positions in the table.
    predicted : Histogram of n rows
    points : array, shape (n,)
    best : Histogram of n rows
        From the epoch that the bundle keeps: to fit its decision, not to be scored.
    """

    held: np.ndarray
    predicted: Histogram
    points: np.ndarray
    best: Histogram


def oof_table(
    parts: list[HeldOut], rows: pd.DataFrame, split: Split, config: Config
) -> pd.DataFrame:
    """Return a row for every held-out row, in the table's order, in percent that remains."""
    tail = (1 - config.predict.interval) / 2
    frames = [
        pd.DataFrame(
            {
                "id": split.ids[part.held],
                "group": split.groups[part.held],
                "fold": split.fold[part.held],
                "half": split.half[part.held],
                "measured": rows["label"].to_numpy()[part.held],
                "predicted": rounded(part.points, config.score.threshold, DECIMALS),
                "prob_below_threshold": part.predicted.prob_below(config.score.threshold).round(4),
                "interval_low": part.predicted.quantile(tail).round(4),
                "interval_high": part.predicted.quantile(1 - tail).round(4),
            },
            index=part.held,
        )
        for part in parts
    ]
    return pd.concat(frames).sort_index()


def metrics(oof: pd.DataFrame, config: Config) -> dict[str, Any]:
    """Return the pooled score, each fold's, their mean and sd, and the baseline's.

    The score of a fold is that of its own rows; `mean` and `sd` (n - 1) are over folds.
    """
    threshold = config.score.threshold

    def score(frame: pd.DataFrame) -> Score:
        return competition_score(frame["measured"], frame["predicted"], threshold)

    per_fold = {fold: score(oof[oof["fold"] == fold]) for fold in sorted(set(oof["fold"].tolist()))}
    scores = np.array([part.score for part in per_fold.values()])
    constant = np.full(len(oof), threshold - CONSTANT)
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
        "interval": config.predict.interval,
        "interval_coverage": float(covered.mean()),
        "constant_baseline": competition_score(measured, constant, threshold).score,
    }
