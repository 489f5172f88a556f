"""The numbers behind a report, computed from held-out rows; nothing here draws or prints."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sirna.config.roles import TOKENS
from sirna.notation.nucleotides import nucleotides
from sirna.prediction.score import Score, competition_score
from sirna.runs.record import RunRecord

RESAMPLES = 400
BELOW = 0.01
"""The constant baseline lies this much below the threshold, in percentage points."""
NORMAL_95 = 1.96
"""Standard deviations on either side of the mean that hold 95 % of a normal distribution."""
PROBABILITY_BINS = 10
DISTANCES = (0, 1, 3, 6, 9, 12)
"""Upper ends of the groups of distances to the nearest training duplex, in differing bases."""
DISTANCE_NAMES = ["0", "1", "2 to 3", "4 to 6", "7 to 9", "10 to 12", "more than 12"]
FEWEST_CONDITION_ROWS = 5
"""Least number of training rows under the same conditions whose median is a baseline."""
WORST = 20


def score_of(frame: pd.DataFrame, threshold: float, column: str = "predicted") -> Score:
    """Return the competition score of held-out rows."""
    return competition_score(frame["measured"], frame[column], threshold)


def lost_points(score: Score) -> dict[str, float]:
    """Divide the distance between a score and 1 into its three causes; they add up to it."""
    return {
        "MAE": 0.5 * score.mae / 100,
        "F1": 0.5 * (1 - score.f1),
        "range-MAE": 0.5 * score.f1 * score.range_mae / 100,
    }


def resampled_scores(
    truth: np.ndarray, points: Sequence[np.ndarray], groups: np.ndarray, threshold: float
) -> np.ndarray:
    """Draw whole groups with replacement and score each draw.

    Parameters
    ----------
    truth : array, shape (n,)
    points : sequence of k arrays, shape (n,)
        Several predictions of the same rows; they are scored on the same draws.
    groups : array, shape (n,)
    threshold : float

    Returns
    -------
    array, shape (RESAMPLES, k)
    """
    rng = np.random.default_rng(0)
    _, index = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    order = np.argsort(index, kind="stable")
    sizes = np.bincount(index)
    starts = np.cumsum(sizes) - sizes
    scores = np.empty((RESAMPLES, len(points)))
    for draw in range(RESAMPLES):
        drawn = rng.integers(0, len(sizes), len(sizes))
        lengths = sizes[drawn]
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        rows = order[np.repeat(starts[drawn], lengths) + within]
        for number, each in enumerate(points):
            scores[draw, number] = competition_score(truth[rows], each[rows], threshold).score
    return scores


def score_interval(frame: pd.DataFrame, threshold: float) -> tuple[float, float]:
    """Return the 95 % interval of the score of held-out rows, by a bootstrap over groups."""
    points = [frame["predicted"].to_numpy()]
    groups = frame["group"].to_numpy()
    scores = resampled_scores(frame["measured"].to_numpy(), points, groups, threshold)
    low, high = np.quantile(scores[:, 0], [0.025, 0.975])
    return float(low), float(high)


def baselines(record: RunRecord) -> dict[str, Score]:
    """Score predictions that need no model, on the same held-out rows.

    The constant lies just below the threshold. With the training table there is one more: the
    median of the training rows with the same dose and cell line.
    """
    held, threshold = record.held_out, record.threshold
    truth = held["measured"]
    constant = np.full(len(held), threshold - BELOW)
    found = {f"{threshold - BELOW:g} in every row": competition_score(truth, constant, threshold)}
    if record.rows is None:
        return found
    shared = [role for role in ("dose", "cell_line") if role in record.rows]
    if shared:
        medians = np.full(len(held), np.nan)
        for fold in np.unique(held["fold"]):
            scored = (held["fold"] == fold).to_numpy()
            training = record.rows[record.rows["fold"] != fold]
            medians[scored] = _medians(training, held[scored], shared)
        name = f"median of the training rows with the same {' and '.join(shared)}"
        found[name.replace("_", " ")] = competition_score(truth, medians, threshold)
    return found


def _medians(training: pd.DataFrame, rows: pd.DataFrame, shared: list[str]) -> np.ndarray:
    """Return the median label under each row's conditions; the overall median if rows are few."""
    groups = training.groupby(shared, dropna=False)["label"].agg(["median", "size"]).reset_index()
    enough = groups[groups["size"] >= FEWEST_CONDITION_ROWS]
    joined = rows[shared].merge(enough, on=shared, how="left")
    return joined["median"].fillna(training["label"].median()).to_numpy(dtype=np.float64)


def reliability(frame: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Compare predicted probabilities of less than the threshold with observed shares, by bin."""
    edges = np.linspace(0, 1, PROBABILITY_BINS + 1)
    probability = frame["prob_below_threshold"].to_numpy()
    bins = np.clip(np.digitize(probability, edges) - 1, 0, PROBABILITY_BINS - 1)
    below = (frame["measured"] < threshold).to_numpy()
    table = pd.DataFrame({"bin": bins, "predicted": probability, "observed": below})
    grouped = table.groupby("bin").agg(
        predicted=("predicted", "mean"), observed=("observed", "mean"), rows=("observed", "size")
    )
    return grouped.reset_index()


def share_interval(share: pd.Series, rows: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return the ends of the 95 % interval of a share of n rows (Wilson 1927), within 0 to 1."""
    spread = NORMAL_95**2 / rows
    middle = (share + spread / 2) / (1 + spread)
    half = NORMAL_95 * np.sqrt(share * (1 - share) / rows + spread / (4 * rows)) / (1 + spread)
    return middle - half, middle + half


def confusion(frame: pd.DataFrame, threshold: float) -> dict[tuple[bool, bool], int]:
    """Count rows by (measured below the threshold, predicted below it)."""
    measured, predicted = frame["measured"] < threshold, frame["predicted"] < threshold
    return {
        (one, other): int(((measured == one) & (predicted == other)).sum())
        for one in (True, False)
        for other in (True, False)
    }


def covered(frame: pd.DataFrame) -> pd.Series:
    """Mark the rows whose measurement lies in the predicted interval."""
    return frame["measured"].between(frame["interval_low"], frame["interval_high"])


def breakdown(frame: pd.DataFrame, by: pd.Series, threshold: float) -> pd.DataFrame:
    """Return errors by group, largest mean error first, groups of few rows last.

    Parameters
    ----------
    frame : DataFrame of n held-out rows
    by : Series of n values
        Rows without a value are left out.
    threshold : float
    """
    error = frame["predicted"] - frame["measured"]
    table = pd.DataFrame(
        {
            "by": by.to_numpy(),
            "error": error.abs(),
            "bias": error,
            "below": frame["measured"] < threshold,
            "covered": covered(frame),
            "width": frame["interval_high"] - frame["interval_low"],
        }
    ).dropna(subset="by")
    grouped = table.groupby("by", sort=False)
    found = grouped.agg(
        rows=("error", "size"),
        mae=("error", "mean"),
        bias=("bias", "mean"),
        below=("below", "mean"),
        covered=("covered", "mean"),
        width=("width", "mean"),
    )
    scores = {value: score_of(frame.loc[part.index], threshold).score for value, part in grouped}
    found["score"] = pd.Series(scores)
    return found.reset_index()


def distance_groups(bases: pd.Series) -> pd.Series:
    """Name the group of each distance to the nearest training duplex; NaN where it is unknown."""
    names = np.array(DISTANCE_NAMES, dtype=object)
    return pd.Series(names[np.searchsorted(DISTANCES, bases.fillna(0))]).where(bases.notna())


def by_chemistry(frame: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Return errors of the rows whose strands hold each chemistry; a row counts for several."""
    indices: dict[str, list[int]] = {}
    for role in (role for role in TOKENS if role in frame):
        codes, texts = pd.factorize(frame[role].fillna(""))
        kinds = [{kind for _, kind in nucleotides(text.split())} for text in texts]
        strand = role.removesuffix("_modifications")
        for row, code in enumerate(codes):
            for kind in kinds[code]:
                indices.setdefault(f"{strand} {kind}", []).append(row)
    if not indices:
        return pd.DataFrame()
    rows = np.concatenate([np.array(found) for found in indices.values()])
    names = np.repeat(list(indices), [len(found) for found in indices.values()])
    longer = frame.iloc[rows].reset_index(drop=True)
    return breakdown(longer, pd.Series(names, dtype=object), threshold)


def dose_series(record: RunRecord, most: int = 6) -> list[dict[str, Any]]:
    """Return measurements and predictions of the duplexes that were held out at most doses.

    Each entry has `name` (duplex id or guide), `place` (target and cell line), `measured` (all rows
    of the table) and `predicted` (held-out rows).
    """
    rows, held = record.rows, record.held_out
    shared = [
        role
        for role in ("guide", *TOKENS, "target", "publication", "cell_line", "hours")
        if rows is not None and role in rows
    ]
    if rows is None or "dose" not in rows or "guide" not in shared:
        return []
    key = rows.groupby(shared, dropna=False, sort=False).ngroup()
    of_id = pd.Series(key.to_numpy(), index=rows["id"])
    held = held.assign(series=of_id.loc[held["id"]].to_numpy())
    counts = pd.DataFrame(
        {
            "held": held.groupby("series")["dose"].nunique(),
            "all": rows.groupby(key.to_numpy())["dose"].nunique(),
        }
    ).dropna()
    counts = counts[counts["all"] >= 3].sort_values(["held", "all"], ascending=False).head(most)
    found = []
    for number in counts.index:
        measured = rows[key.to_numpy() == number].sort_values("dose")
        first = measured.iloc[0]
        name = first.get("duplex")
        place = [first.get(role) for role in ("target", "cell_line")]
        found.append(
            {
                "name": first["guide"] if pd.isna(name) else str(name),
                "place": ", ".join(str(part) for part in place if not pd.isna(part)),
                "measured": measured,
                "predicted": held[held["series"] == number].sort_values("dose"),
            }
        )
    return found


def worst_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the held-out rows with the largest errors, the largest first."""
    error = (frame["predicted"] - frame["measured"]).abs()
    return frame.assign(error=error).nlargest(WORST, "error")
