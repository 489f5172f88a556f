"""Confirm a search: compare its best trials with the default on other folds and seeds.

The best of many noisy scores is partly luck. So the best trials and the default are trained again,
and a trial is recommended only if it clearly beats the default there.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import optuna

from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.report.numbers import resampled_scores
from sirna.tuning.judge import Judged
from sirna.tuning.objective import Work, judged_folds
from sirna.tuning.rungs import confirmation_rung
from sirna.tuning.study import completed_trials, default_trial, noise_of

CONFIRMATION = "confirmation"
"""User attribute of a study: the latest confirmation, as `Confirmation.to_dict` returns it."""
INTERVAL = 0.8
"""The share of the drawn differences within a printed interval."""
DEFAULT_NUMBER = -1
"""Stands for the default among the numbers of trials."""


@dataclass(frozen=True)
class Candidate:
    """A trial that may be recommended.

    Attributes
    ----------
    number : int
        Of the trial, or `DEFAULT_NUMBER`.
    changes : dict
        Dotted key -> value.
    """

    number: int
    changes: dict[str, Any]

    def config(self, base: Config) -> Config:
        """Return the configuration."""
        return with_changes(base, self.changes)


@dataclass(frozen=True)
class Compared:
    """How a candidate did in the confirmation.

    Attributes
    ----------
    number : int
    changes : dict
    found : float
        Its score in the search.
    score, gain : float
        Its score in the confirmation, and how much higher that is than the default's.
    low, high : float
        The interval of the gain that holds the share `INTERVAL` of its draws.
    confidence : float
        The share of the draws in which it beats the default.
    """

    number: int
    changes: dict[str, Any]
    found: float
    score: float
    gain: float
    low: float
    high: float
    confidence: float


@dataclass(frozen=True)
class Confirmation:
    """The result of a confirmation.

    Attributes
    ----------
    default : float
        The score of the default.
    compared : tuple of Compared
        The candidates, best trial of the search first.
    needed : float
        The confidence that a candidate needs. It is higher for several candidates, since the best
        of several is lucky more often.
    """

    default: float
    compared: tuple[Compared, ...]
    needed: float

    @property
    def overall(self) -> float:
        """The confidence that at least the winner is better."""
        return 1 - (1 - self.needed) * len(self.compared)

    @property
    def winner(self) -> Compared | None:
        """The candidate with the largest gain among those that beat the default, if any does."""
        clear = [one for one in self.compared if one.confidence >= self.needed]
        return max(clear, key=lambda one: one.gain, default=None)

    def is_of(self, candidates: Sequence[Candidate]) -> bool:
        """Return whether these candidates were compared."""
        return [one.number for one in self.compared] == [one.number for one in candidates]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for the study."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Self:
        """Rebuild from `to_dict`."""
        compared = tuple(Compared(**one) for one in raw["compared"])
        return cls(raw["default"], compared, raw["needed"])


def candidates_of(study: optuna.Study, most: int) -> list[Candidate]:
    """Return the best completed trials, at most `most`, of those that beat the default."""
    default = default_trial(study)
    if default is None:
        return []
    better = [
        trial for trial in completed_trials(study) if (trial.value or 0.0) > (default.value or 0.0)
    ]
    better.sort(key=lambda trial: (-(trial.value or 0.0), trial.number))
    return [Candidate(trial.number, dict(trial.params)) for trial in better[:most]]


def fill(work: Work, candidates: Sequence[Candidate]) -> bool:
    """Fit what the confirmation needs and keep it in `work.fits`, together with other workers.

    Returns
    -------
    bool
        Whether everything is there; False if a stop was requested.
    """
    rung = confirmation_rung(work.rows, work.config, work.search)
    return work.fit_all(rung, _configs(work, candidates).values())


def files_of_folds(work: Work, candidates: Sequence[Candidate]) -> list[list[Path]]:
    """Return the files that `fill` makes, those of each configuration and fold together."""
    rung = confirmation_rung(work.rows, work.config, work.search)
    configs = _configs(work, candidates).values()
    return [work.files(rung, config, fold) for config in configs for fold in rung.split.folds]


def confirm(
    work: Work, study: optuna.Study, candidates: Sequence[Candidate]
) -> Confirmation | None:
    """Compare the candidates with the default.

    If a stop is requested, only those candidates are compared for which everything was fitted
    before; without any, or without the default, the result is None.

    Rows are drawn in whole groups, the same for both (paired bootstrap). The noise of two
    trainings, as the repeats of the default show it, is added to each draw.
    """
    fill(work, candidates)
    rung = confirmation_rung(work.rows, work.config, work.search)
    judged: dict[int, Judged] = {}
    for number, config in _configs(work, candidates).items():
        done = [work.predict(rung, config, fold) for fold in rung.split.folds]
        found = [one for one in done if one is not None]
        if len(found) == len(done):
            judged[number] = judged_folds(found)
    default = judged.pop(DEFAULT_NUMBER, None)
    if default is None or not judged:
        return None
    truth = rung.rows["label"].to_numpy()[default.positions]
    groups = rung.split.groups[default.positions]
    points = [default.points, *(one.points for one in judged.values())]
    scores = resampled_scores(truth, points, groups, work.config.score.threshold)
    noise = np.random.default_rng(1).normal(0.0, (noise_of(study) or 0.0) * 2**0.5, len(scores))
    values = {trial.number: trial.value or 0.0 for trial in completed_trials(study)}
    compared = []
    finished = [one for one in candidates if one.number in judged]
    for index, candidate in enumerate(finished, start=1):
        draws = scores[:, index] - scores[:, 0] + noise
        low, high = np.quantile(draws, [(1 - INTERVAL) / 2, (1 + INTERVAL) / 2])
        one = judged[candidate.number]
        compared.append(
            Compared(
                candidate.number,
                candidate.changes,
                values[candidate.number],
                one.score,
                one.score - default.score,
                float(low),
                float(high),
                float((draws > 0).mean()),
            )
        )
    needed = 1 - (1 - work.search.confidence) / len(candidates)
    return Confirmation(default.score, tuple(compared), needed)


def _configs(work: Work, candidates: Sequence[Candidate]) -> dict[int, Config]:
    configs = {one.number: one.config(work.config) for one in candidates}
    return {DEFAULT_NUMBER: work.config} | configs
