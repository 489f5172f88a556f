"""The conditions of an experiment as numbers, fitted on training rows only."""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from sirna.config.schema import IDENTITY_ROLES, CovariatesConfig, Protocol

MISSING_INDEX, UNSEEN_INDEX = 0, 1
FARTHEST = 5.0
"""Standard deviations: a condition farther from the training rows counts as one this far."""


@dataclass(frozen=True)
class Covariates:
    """Fitted encoders of the conditions.

    Attributes
    ----------
    numeric : dict of str to (mean, sd)
        Role -> moments over the training rows' known values (dose as log10 nM).
    categorical : dict of str to list of str
        Role -> values in order; index 0 is missing, 1 is a value never seen, 2 the first value.
    groups : tuple of str
        Categorical roles that are read of training rows alone, and are a value never seen for every
        other row: what a target's level explains need not be explained by its sequences.
    """

    numeric: dict[str, tuple[float, float]]
    categorical: dict[str, list[str]]
    groups: tuple[str, ...] = ()

    @classmethod
    def fit(cls, rows: pd.DataFrame, config: CovariatesConfig, protocol: Protocol) -> Self:
        """Fit on training rows; under `target` what names target or publication makes `groups`.

        A role whose column the table lacks, or that has no value in these rows, is left out.
        """
        numeric: dict[str, tuple[float, float]] = {}
        for role in config.numeric:
            values = _number(rows, role)
            known = values[np.isfinite(values)]
            if known.size:
                numeric[role] = (float(known.mean()), float(known.std()) or 1.0)
        categorical: dict[str, list[str]] = {
            role: sorted(rows[role].dropna().unique().tolist())
            for role in config.categorical
            if role in rows and rows[role].notna().any()
        }
        names = IDENTITY_ROLES if protocol == "target" else frozenset[str]()
        groups = tuple(role for role in categorical if role in names)
        return cls(numeric, categorical, groups)

    @property
    def roles(self) -> list[str]:
        """The table's columns that are read."""
        return [*self.numeric, *self.categorical]

    @property
    def read(self) -> set[str]:
        """The roles that are read of a row that is predicted."""
        return set(self.roles) - set(self.groups)

    @property
    def sizes(self) -> list[int]:
        """Number of indices of each categorical role, missing and unseen counted."""
        return [len(values) + 2 for values in self.categorical.values()]

    def numbers(self, rows: pd.DataFrame) -> np.ndarray:
        """Return standardised values and missing flags, shape (n, 2 * roles), float32."""
        columns = []
        for role, (mean, sd) in self.numeric.items():
            value = np.clip((_number(rows, role) - mean) / sd, -FARTHEST, FARTHEST)
            missing = ~np.isfinite(value)
            columns += [np.where(missing, 0.0, value), missing]
        stacked = np.stack(columns, axis=1) if columns else np.zeros((len(rows), 0))
        return stacked.astype(np.float32)

    def categories(self, rows: pd.DataFrame, own: bool = False) -> np.ndarray:
        """Return indices, shape (n, roles), int64; `own`: these are the training rows."""
        columns: list[np.ndarray] = []
        for role, values in self.categorical.items():
            if role in self.groups and not own:
                columns.append(np.full(len(rows), UNSEEN_INDEX, dtype=np.int64))
                continue
            index = {value: position + 2 for position, value in enumerate(values)}
            text = rows[role] if role in rows else pd.Series([None] * len(rows))
            known = text.map(index).fillna(UNSEEN_INDEX)
            columns.append(known.mask(text.isna(), MISSING_INDEX).to_numpy(dtype=np.int64))
        return np.stack(columns, axis=1) if columns else np.zeros((len(rows), 0), dtype=np.int64)

    def unseen(self, rows: pd.DataFrame) -> dict[str, list[str]]:
        """Return, by role, the values that training never showed."""
        return {
            role: new
            for role, values in self.categorical.items()
            if role in rows
            and role not in self.groups
            and (new := sorted(set(rows[role].dropna()) - set(values)))
        }

    def alike(self, role: str, values: list[str]) -> list[str]:
        """Return the values of training that unseen ones repeat in other capitals, or in part."""
        new = {value.casefold() for value in values}
        partly = new if role not in IDENTITY_ROLES else set[str]()
        return [
            value
            for value in self.categorical[role]
            if (known := value.casefold()) in new
            or any(known in word or word in known for word in partly)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Self:
        """Rebuild from `to_dict`."""
        numeric = {role: (float(mean), float(sd)) for role, (mean, sd) in raw["numeric"].items()}
        categorical = {role: list(values) for role, values in raw["categorical"].items()}
        return cls(numeric, categorical, tuple(raw["groups"]))


def _number(rows: pd.DataFrame, role: str) -> np.ndarray:
    if role not in rows:
        return np.full(len(rows), np.nan)
    values = rows[role].to_numpy(dtype=np.float64)
    return np.log10(values) if role == "dose" else values
