"""What stands at each place in training rows: the alternatives of a substitution."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sirna.bundle.bundle import Bundle
from sirna.config.roles import CATEGORIES, NUMERIC_ROLES, TARGET_NAMES
from sirna.errors import SirnaError
from sirna.explain.strand import Nucleotide, parsed

STRANDS = {"guide": "guide_modifications", "passenger": "passenger_modifications"}
MOST_VALUES = 12
"""Largest number of alternatives of one condition; the most frequent ones are used."""
LEAST_SHARE = 0.005
"""Alternatives that fewer training duplexes have at a place are left out."""
Weights = dict[Any, float]


@dataclass(frozen=True)
class Alternatives:
    """The values that training rows have at each place, with their shares.

    Attributes
    ----------
    bases : dict of int to dict
        Place in the guide, from 0 -> base -> share of the training duplexes.
    chemistry : dict of (str, int) to dict
        Strand and place -> chemistry -> share of the training duplexes.
    spelling : dict of (str, str, str) to Nucleotide
        Strand, base and chemistry -> how training rows spell it most often.
    conditions : dict of str to dict
        Role -> value -> share of the training rows.
    """

    bases: dict[int, Weights]
    chemistry: dict[tuple[str, int], Weights]
    spelling: dict[tuple[str, str, str], Nucleotide]
    conditions: dict[str, Weights]

    @classmethod
    def fit(cls, bundle: Bundle) -> "Alternatives":
        """Count what the training rows of a bundle have.

        Raises
        ------
        SirnaError
            If the bundle holds no training rows.
        """
        training = bundle.training
        if "guide" not in training or not len(training):
            raise SirnaError(
                "this run's bundle holds no training rows, so there are no alternatives to compare "
                "with; explain a run whose mixture has a Gaussian process."
            )
        roles = [role for role in ("guide", *STRANDS.values()) if role in training]
        duplexes = training[roles].drop_duplicates()
        bases = {
            place: _shares(values)
            for place, values in _by_place(map(list, duplexes["guide"].dropna())).items()
        }
        chemistry: dict[tuple[str, int], Weights] = {}
        spellings: dict[tuple[str, str, str], Counter[Nucleotide]] = {}
        for strand, role in STRANDS.items():
            if role not in training or role not in bundle.reads:
                continue
            strands = [parsed(text) for text in duplexes[role].dropna()]
            for one in (one for nucleotides in strands for one in nucleotides):
                key = strand, one.base, one.chemistry
                spellings.setdefault(key, Counter())[one] += 1
            for place, found in _by_place(strands).items():
                chemistry[strand, place] = _shares([one.chemistry for one in found])
        spelling = {key: counts.most_common(1)[0][0] for key, counts in spellings.items()}
        return cls(bases, chemistry, spelling, _conditions(bundle))

    def chemistries(self, strand: str) -> list[str]:
        """Return every chemistry that training rows have anywhere in a strand."""
        return sorted({kind for name, _, kind in self.spelling if name == strand})


def _by_place(strands: Iterable[list[Any]]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for strand in strands:
        for place, value in enumerate(strand):
            found.setdefault(place, []).append(value)
    return found


def _shares(values: list[Any]) -> Weights:
    counts = Counter(values)
    return {
        value: count / len(values)
        for value, count in sorted(counts.items())
        if count / len(values) >= LEAST_SHARE
    }


def _conditions(bundle: Bundle) -> dict[str, Weights]:
    """Return the shares of the values of each condition that the bundle reads."""
    training, found = bundle.training, {}
    for role in (*NUMERIC_ROLES, *CATEGORIES):
        if role not in training or role not in bundle.reads or role in TARGET_NAMES:
            continue
        values = training[role].dropna()
        most = values.value_counts().sort_index(kind="stable").nlargest(MOST_VALUES)
        if len(most) > 1:
            found[role] = {value: float(count) / len(values) for value, count in most.items()}
    return found


def same(one: object, other: object) -> bool:
    """Return whether two values of a condition are the same; missing values are the same."""
    if pd.isna(one) or pd.isna(other):  # type: ignore[call-overload]
        return bool(pd.isna(one) and pd.isna(other))  # type: ignore[call-overload]
    if isinstance(one, float) and isinstance(other, float):
        return bool(np.isclose(one, other))
    return one == other
