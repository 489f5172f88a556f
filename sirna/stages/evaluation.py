"""Figures of held-out rows, none of them judged by a choice that it took part in."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sirna.config.load import Config
from sirna.prediction.decision import rounded
from sirna.prediction.histogram import Histogram
from sirna.prediction.postprocess import fit_rule
from sirna.prediction.score import Score, competition_score
from sirna.table.splits import Split

DECIMALS = 2
"""Written of a percentage: what the last bits of a sum do to it does not show."""
CONSTANT = 0.01
"""The constant baseline predicts this far below the threshold everywhere."""

SETTING = ("publication", "target", "dose", "cell_line", "hours")
"""What rows share that one would rank against each other."""
RANKED = 20
"""Rows of a setting from which on their order is judged."""


@dataclass(frozen=True)
class HeldOut:
    """Predictions of one fold's held-out rows.

    Attributes
    ----------
    held : array of int, shape (n,)
        Positions in the table.
    predicted : Histogram of n rows
        From epochs that the rows themselves did not choose.
    own : Histogram of n rows
        From the epochs that the rows' own halves chose: to fit the rule of the other halves.
    best : Histogram of n rows
        From the epochs that all held-out rows choose: to fit the bundle's rule, not to be scored.
    """

    held: np.ndarray
    predicted: Histogram
    own: Histogram
    best: Histogram


def mixed(
    networks: Histogram, process: Histogram | None, trees: Histogram | None, config: Config
) -> Histogram:
    """Return what all models predict together for the same rows.

    Networks and process are mixed by `gaussian_process.share`, both with the trees by
    `trees.share`; models that are not there, or not asked, leave their weight to the others.
    """
    whole = networks
    for beside, share in ((process, config.gaussian_process.share), (trees, config.trees.share)):
        if beside is not None:
            whole = Histogram.mixture([whole, beside], [1 - share, share])
    return whole


def blended(
    networks: list[HeldOut], process: Histogram | None, trees: Histogram | None, config: Config
) -> HeldOut:
    """Return what all models of one fold predict together.

    Parameters
    ----------
    networks : list of HeldOut
        Of the same rows; they count evenly.
    process, trees : Histogram, optional
        What the fold's others predict: they have no epochs to choose among.
    config : Config
    """
    parts = {
        name: Histogram.mixture([getattr(network, name) for network in networks])
        for name in ("predicted", "own", "best")
    }
    whole = {name: mixed(part, process, trees, config) for name, part in parts.items()}
    return HeldOut(networks[0].held, **whole)


def oof_table(
    parts: list[HeldOut], rows: pd.DataFrame, split: Split, config: Config
) -> pd.DataFrame:
    """Return a row for every held-out row, in the table's order, in percent that remains.

    Each half of each fold is calibrated and decided by what all the other held-out rows have
    fitted, so that no row is scored by a rule that it took part in.
    """
    tail = (1 - config.predict.interval) / 2
    threshold = config.score.threshold
    held = np.concatenate([part.held for part in parts])
    count = sum(len(part.held) for part in parts)
    both = Histogram.stacked([*(part.predicted for part in parts), *(part.own for part in parts)])
    whole, chosen = both[np.arange(count)], both[np.arange(count, 2 * count)]
    truth, setting = rows["label"].to_numpy()[held], _settings(rows)[held]
    fold, half = split.fold[held], split.half[held]
    frames = []
    for number, side in sorted(set(zip(fold.tolist(), half.tolist(), strict=True))):
        own = (fold == number) & (half == side)
        # of this fold, what the judged half has not chosen; of the others, what is scored
        probs = np.where((fold == number)[:, None], chosen.probs, whole.probs)
        others = Histogram(whole.edges, probs)[~own]
        predicted, points = fit_rule(others, truth[~own], config).apply(whole[own])
        columns = {
            "id": split.ids[held[own]],
            "group": split.groups[held[own]],
            "fold": number,
            "half": side,
            "setting": setting[own],
            "measured": truth[own],
            "predicted": rounded(points, threshold, DECIMALS),
            "median": predicted.median().round(DECIMALS),
            "prob_below_threshold": predicted.prob_below(threshold).round(4),
            "interval_low": predicted.quantile(tail).round(4),
            "interval_high": predicted.quantile(1 - tail).round(4),
        }
        frames.append(pd.DataFrame(columns, index=held[own]))
    return pd.concat(frames).sort_index()


def _settings(rows: pd.DataFrame) -> np.ndarray:
    """Return the number of each row's setting, (n,) of int."""
    shared = [role for role in SETTING if role in rows]
    if not shared:
        return np.zeros(len(rows), dtype=np.int64)
    return rows.groupby(shared, dropna=False).ngroup().to_numpy()


def _ranking(oof: pd.DataFrame) -> dict[str, float] | None:
    """Return how well medians order the rows of one setting: Spearman's correlation, its mean."""
    ranks = [
        frame["measured"].corr(frame["median"], method="spearman")
        for _, frame in oof.groupby("setting")
        if len(frame) >= RANKED and (frame[["measured", "median"]].nunique() > 1).all()
    ]
    return {"settings": len(ranks), "spearman": float(np.mean(ranks))} if ranks else None


def metrics(oof: pd.DataFrame, config: Config) -> dict[str, Any]:
    """Return the pooled score, each fold's, their mean and sd, the baseline's, and the ranking.

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
        "ranking": _ranking(oof),
        "interval": config.predict.interval,
        "interval_coverage": float(covered.mean()),
        "constant_baseline": competition_score(measured, constant, threshold).score,
    }
