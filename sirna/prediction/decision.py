"""The decision: turn predictive distributions into points with a high competition score.

A row is called positive if its point lies below the threshold. The score is not a sum over rows.
But at its optimum, a row is called if a criterion of this row alone exceeds a cut: calling one more
row, with P(y < threshold) = p, changes

    score = 0.5*(1 - MAE/100) + 0.5*F1*(1 - R/100),   F1 = 2 TP / (called + positive)

by a positive multiple of

    p - F1/2 - range_weight * (e_pos - R) - mae_weight * (e_pos - e_neg)

where e_pos and e_neg are the row's expected absolute errors if it is called and if it is not, and R
is the range-MAE. The two weights depend on the other rows only through F1, R and the shares of
called and positive rows. The cut and the weights are fitted on held-out predictions, either to
their labels or to what the distributions themselves expect. They are then applied row by row, so
that a prediction does not depend on the other rows of its file. (Plug-in rule for F-measures: Ye,
Chai, Lee & Chieu 2012; Koyejo, Natarajan, Ravikumar & Dhillon 2014.)
"""

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self, get_args

import numpy as np

from sirna.prediction.histogram import Histogram

DecisionKind = Literal["score", "median", "mean"]
MARGIN = 0.01
"""Percentage points between a point and the threshold, so that rounding moves no row across it."""
DECIMALS = 2
"""Decimals of a written percentage; few enough to hide rounding errors of sums."""
ROUNDS = 50
ROUNDING = 1e-12
"""Two scores that differ by less are equal: such differences come from the order of summation."""


@dataclass(frozen=True)
class Decision:
    """A fitted decision, which turns distributions into points.

    Attributes
    ----------
    kind : {"score", "median", "mean"}
    threshold : float
        Percent; below it a row is positive.
    cut, range_weight, mae_weight : float
        For "score": a row is called positive if
        ``p - range_weight*e_pos - mae_weight*(e_pos - e_neg) >= cut``.
    """

    kind: DecisionKind
    threshold: float
    cut: float = 0.5
    range_weight: float = 0.0
    mae_weight: float = 0.0

    def apply(self, predicted: Histogram) -> np.ndarray:
        """Return the points, shape (n,); each is computed from the distribution of its row only."""
        if self.kind == "mean":
            return predicted.mean()
        if self.kind == "median":
            return predicted.median()
        called, not_called = _candidates(predicted, self.threshold)
        gain = self._gain(predicted, called, not_called)
        return np.where(gain >= self.cut, called, not_called)

    def interpolate(self, other: Self, share: float) -> Self:
        """Interpolate between this decision (share 0) and another of the same kind (share 1)."""
        ends = ((1 - share, self), (share, other))
        names = ("cut", "range_weight", "mae_weight")
        between = {name: sum(part * getattr(end, name) for part, end in ends) for name in names}
        return replace(self, **between)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Self:
        """Rebuild from `to_dict`.

        Raises
        ------
        ValueError
            For an unknown kind, or a multiplier that is not a number.
        """
        numbers = {key: float(value) for key, value in raw.items() if key != "kind"}
        if raw["kind"] not in get_args(DecisionKind):
            raise ValueError(f"unknown decision {raw['kind']!r}")
        return cls(raw["kind"], **numbers)

    def _gain(self, predicted: Histogram, called: np.ndarray, not_called: np.ndarray) -> np.ndarray:
        error = predicted.absolute_error(called)
        rise = error - predicted.absolute_error(not_called)
        p = predicted.prob_below(self.threshold)
        gain: np.ndarray = p - self.range_weight * error - self.mae_weight * rise
        return gain


@dataclass
class ExpectedScore:
    """The score that points would get on average if the distributions were right.

    MAE and range-MAE are replaced by their expectations, and F1 by
    2 E[true positives] / (called + E[positives]). Rows are added block by block.

    Attributes
    ----------
    threshold : float
    """

    threshold: float
    _sums: np.ndarray = field(default_factory=lambda: np.zeros(7))

    def add(self, predicted: Histogram, points: np.ndarray) -> None:
        """Add n rows: their distributions and their points, shape (n,)."""
        probability = predicted.prob_below(self.threshold)
        error = predicted.absolute_error(points)
        called = points < self.threshold
        inside = (points >= 0) & (points <= self.threshold)
        self._sums += [
            len(points),
            called.sum(),
            probability.sum(),
            probability[called].sum(),
            error.sum(),
            inside.sum(),
            error[inside].sum(),
        ]

    def state(self) -> list[float]:
        """Return what was summed so far, as plain data."""
        return [float(one) for one in self._sums]

    def add_state(self, state: list[float]) -> None:
        """Add what `state` returned of other rows."""
        self._sums += np.array(state)

    @property
    def value(self) -> float:
        """The expected score of all rows so far."""
        rows, called, positives, hits, error, inside, inside_error = self._sums
        f1 = 2 * hits / max(called + positives, 1e-12)
        range_mae = inside_error / inside if inside else 100.0
        return float(0.5 * (1 - error / rows / 100) + 0.5 * f1 * (1 - range_mae / 100))


def expected_score(predicted: Histogram, points: np.ndarray, threshold: float) -> float:
    """Return the `ExpectedScore` of n rows.

    Parameters
    ----------
    predicted : Histogram of n rows
    points : array, shape (n,)
    threshold : float
    """
    expected = ExpectedScore(threshold)
    expected.add(predicted, points)
    return expected.value


def rounded(points: np.ndarray, threshold: float, decimals: int) -> np.ndarray:
    """Round predictions, shape (n,), without moving one across the threshold."""
    values = np.round(points, decimals)
    called, still_called = points < threshold, values < threshold
    back = still_called.astype(np.int64) - called  # in steps: 1 upwards, -1 downwards
    written: np.ndarray = np.round(values + back * 10.0**-decimals, decimals)
    return written


def fit_decision(
    predicted: Histogram,
    truth: np.ndarray | None,
    kind: DecisionKind,
    threshold: float,
) -> Decision:
    """Fit the decision on held-out predictions.

    Parameters
    ----------
    predicted : Histogram of n rows
        Predictions by models that were not fitted on these rows.
    truth : array, shape (n,), or None
        With labels, maximise the score of these rows. Without, maximise the score that is expected
        if the distributions are right. A fit to few labels, or to labels of few groups, fits noise.
    kind : {"score", "median", "mean"}
        "median" and "mean" have nothing to fit.
    threshold : float

    Returns
    -------
    Decision
    """
    if kind != "score":
        return Decision(kind, threshold)
    points = _candidates(predicted, threshold)
    if truth is None:
        below = predicted.prob_below(threshold)
        errors = [predicted.absolute_error(point) for point in points]
    else:
        below = (truth < threshold).astype(np.float64)
        errors = [np.abs(truth - point) for point in points]
    n = len(below)
    share = max(float(below.mean()), 1.0 / n)
    decision = Decision(kind, threshold)
    best, best_score = decision, -np.inf
    for _ in range(ROUNDS):
        gain = decision._gain(predicted, *points)
        found = _best_cut(gain, below, *errors)
        decision = replace(decision, cut=found.cut)
        if found.score <= best_score + ROUNDING:
            break
        best, best_score = decision, found.score
        # the weights of the module docstring, for F1, R and shares of the rows called now
        called_share = max(found.called, 1) / n
        scale = max(1.0 - found.range_mae / 100, 1e-3)
        both = called_share + share
        range_weight = found.f1 / 100 * both / (2 * called_share * scale)
        decision = replace(decision, range_weight=range_weight, mae_weight=both / (200 * scale))
    return best


def _candidates(predicted: Histogram, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the best points below the threshold and above it, each of shape (n,)."""
    median = predicted.median()
    return np.minimum(median, threshold - MARGIN), np.maximum(median, threshold + MARGIN)


@dataclass(frozen=True)
class _Cut:
    """A cut, and the score (with its parts) if the rows with a greater gain are called positive."""

    cut: float
    called: int
    score: float
    f1: float
    range_mae: float


def _best_cut(
    gain: np.ndarray, below: np.ndarray, error_called: np.ndarray, error_not_called: np.ndarray
) -> _Cut:
    """Find the cut with the best score, in O(n log n) steps.

    Parameters
    ----------
    below : array, shape (n,)
        1 for a positive row and 0 for others, or the probability that the row is positive.
    error_called, error_not_called : array, shape (n,)
        The absolute error, or its expectation, of a row that is called positive or not called.
    """
    order = np.argsort(-gain, kind="stable")
    n = len(gain)
    count = np.arange(1, n + 1)
    hits = np.cumsum(below[order])
    range_mae = np.cumsum(error_called[order]) / count
    mae = (error_not_called.sum() + np.cumsum((error_called - error_not_called)[order])) / n
    f1 = 2 * hits / (count + hits[-1])
    score = 0.5 * (1 - mae / 100) + 0.5 * f1 * (1 - range_mae / 100)
    ranked = gain[order]
    score[:-1][ranked[1:] == ranked[:-1]] = -np.inf  # rows of equal gain are called together
    last = int(score.argmax())
    score_without_calls = float(0.5 * (1 - error_not_called.mean() / 100))
    if score_without_calls >= score[last]:
        return _Cut(float(ranked[0]) + MARGIN, 0, score_without_calls, 0.0, 100.0)
    following = ranked[last + 1] if last + 1 < n else ranked[last] - 2 * MARGIN
    cut = float(ranked[last] + following) / 2
    if cut <= following:  # `ranked[last]` and `following` are neighbouring floats
        cut = float(ranked[last])
    return _Cut(cut, last + 1, float(score[last]), float(f1[last]), float(range_mae[last]))
