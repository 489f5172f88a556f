"""Figures of held-out rows; no row is judged by a choice that it took part in."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sirna.config.config import Config
from sirna.prediction.decision import rounded
from sirna.prediction.histogram import Histogram
from sirna.prediction.mixture import HeldOut
from sirna.prediction.postprocess import fit_postprocess
from sirna.prediction.score import Score, competition_score
from sirna.table.splits import Split

DECIMALS = 2
"""Decimals written of a percentage: they hide the rounding of sums."""
BELOW_THRESHOLD = 0.01
"""The constant baseline predicts this much less than the threshold in every row."""
SETTING = ("publication", "target", "dose", "cell_line", "hours")
"""What the rows of one setting share: one would rank them against each other."""
RANKED = 20
"""Rows that a setting needs for its order to be judged."""


def oof_table(
    parts: Sequence[HeldOut], rows: pd.DataFrame, split: Split, config: Config
) -> pd.DataFrame:
    """Return a row for every held-out row, in the table's order, in percent that remains.

    Each half of each fold is calibrated and decided by what all other held-out rows have fitted.

    Parameters
    ----------
    parts : sequence of HeldOut
        Of the folds.
    rows : DataFrame
        The checked training table.
    split : Split
    config : Config
    """
    tail = (1 - config.predict.interval) / 2
    threshold = config.score.threshold
    held = np.concatenate([part.positions for part in parts])
    count = len(held)
    both = Histogram.stacked(
        [*(part.by_other_half for part in parts), *(part.by_own_half for part in parts)]
    )
    by_other_half, by_own_half = both[np.arange(count)], both[np.arange(count, 2 * count)]
    truth, setting = rows["label"].to_numpy()[held], _settings(rows)[held]
    fold, half = split.fold[held], split.half[held]
    frames = []
    for number, side in sorted(set(zip(fold.tolist(), half.tolist(), strict=True))):
        judged = (fold == number) & (half == side)
        # in this fold, the epochs that the judged half did not choose; in others, what is scored
        same_fold = (fold == number)[:, None]
        probs = np.where(same_fold, by_own_half.probs, by_other_half.probs)
        others = Histogram(both.edges, probs)[~judged]
        postprocess = fit_postprocess(others, truth[~judged], config)
        predicted, points = postprocess.apply(by_other_half[judged])
        columns = {
            "id": split.ids[held[judged]],
            "group": split.groups[held[judged]],
            "fold": number,
            "half": side,
            "setting": setting[judged],
            "measured": truth[judged],
            "predicted": rounded(points, threshold, DECIMALS),
            "median": predicted.median().round(DECIMALS),
            "prob_below_threshold": predicted.prob_below(threshold).round(4),
            "interval_low": predicted.quantile(tail).round(4),
            "interval_high": predicted.quantile(1 - tail).round(4),
        }
        frames.append(pd.DataFrame(columns, index=held[judged]))
    return pd.concat(frames).sort_index()


def metrics(oof: pd.DataFrame, config: Config) -> dict[str, Any]:
    """Return the scores, pooled and by fold, the baseline's, the coverage, and the ranking.

    The score of a fold is that of its own rows; `mean` and `sd` (n - 1) are over folds.
    """
    threshold = config.score.threshold

    def score(frame: pd.DataFrame) -> Score:
        return competition_score(frame["measured"], frame["predicted"], threshold)

    per_fold = {fold: score(oof[oof["fold"] == fold]) for fold in sorted(set(oof["fold"].tolist()))}
    scores = np.array([part.score for part in per_fold.values()])
    constant = np.full(len(oof), threshold - BELOW_THRESHOLD)
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


def _settings(rows: pd.DataFrame) -> np.ndarray:
    """Return the number of each row's setting, (n,) of int."""
    shared = [role for role in SETTING if role in rows]
    if not shared:
        return np.zeros(len(rows), dtype=np.int64)
    return rows.groupby(shared, dropna=False).ngroup().to_numpy()


def _ranking(oof: pd.DataFrame) -> dict[str, float] | None:
    """Return the mean rank correlation of medians and measurements within settings."""
    ranks = [
        frame["measured"].corr(frame["median"], method="spearman")
        for _, frame in oof.groupby("setting")
        if len(frame) >= RANKED and (frame[["measured", "median"]].nunique() > 1).all()
    ]
    return {"settings": len(ranks), "spearman": float(np.mean(ranks))} if ranks else None
