"""Encode the conditions of a measurement; the encoders are fitted on training rows only."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Self

import numpy as np
import pandas as pd

from sirna.config.fields import one_of
from sirna.config.roles import CATEGORIES, NUMERIC_COVARIATES, ROLES, TARGET_NAMES
from sirna.config.schema import CovariatesConfig
from sirna.config.stored import Above0, Number, StoredForm, Text, read_stored
from sirna.protocols.protocol import Protocol

MISSING_INDEX, UNSEEN_INDEX = 0, 1
LARGEST_SD = 5.0
"""Standardised values are limited to this distance from 0, on either side."""


class CovariatesForm(StoredForm):
    """`Covariates` as plain data."""

    numeric: dict[Annotated[str, one_of(NUMERIC_COVARIATES)], tuple[Number, Above0]]
    categorical: dict[Annotated[str, one_of(CATEGORIES)], list[Text]]
    training_only: tuple[Annotated[str, one_of(CATEGORIES)], ...]


@dataclass(frozen=True)
class Covariates:
    """Fitted encoders of the conditions.

    Attributes
    ----------
    numeric : dict of str to (mean, sd)
        Role -> mean and sd of the training rows' values (for the dose: of log10 nM).
    categorical : dict of str to list of str
        Role -> sorted values of the training rows. Index 0 means missing, 1 means unseen (a value
        that no training row has), 2 is the first value.
    training_only : tuple of str
        Categorical roles that are read in training rows only; in all other rows they are encoded
        as unseen. So a model can attribute the level of a training target to its name instead of
        its sequences.
    """

    numeric: dict[str, tuple[float, float]]
    categorical: dict[str, list[str]]
    training_only: tuple[str, ...] = ()

    @classmethod
    def fit(cls, rows: pd.DataFrame, config: CovariatesConfig, protocol: Protocol) -> Self:
        """Fit on training rows; roles that have no value in these rows are left out."""
        numeric: dict[str, tuple[float, float]] = {}
        for role in config.numeric:
            values = _number(rows, role)
            finite = values[np.isfinite(values)]
            if finite.size:
                numeric[role] = (float(finite.mean()), float(finite.std()) or 1.0)
        categorical: dict[str, list[str]] = {
            role: sorted(rows[role].dropna().unique().tolist())
            for role in config.categorical
            if role in rows and rows[role].notna().any()
        }
        hidden = TARGET_NAMES if protocol.hides_target_names else frozenset[str]()
        training_only = tuple(role for role in categorical if role in hidden)
        return cls(numeric, categorical, training_only)

    @property
    def roles(self) -> list[str]:
        """The roles that are read in training rows."""
        return [*self.numeric, *self.categorical]

    @property
    def reads(self) -> set[str]:
        """The roles that a row needs to be predicted."""
        return set(self.roles) - set(self.training_only)

    @property
    def sizes(self) -> list[int]:
        """Number of indices of each categorical role, including missing and unseen."""
        return [len(values) + 2 for values in self.categorical.values()]

    def numbers(self, rows: pd.DataFrame) -> np.ndarray:
        """Return standardised values and missing flags, shape (n, 2 * roles), float32."""
        columns = []
        for role, (mean, sd) in self.numeric.items():
            value = np.clip((_number(rows, role) - mean) / sd, -LARGEST_SD, LARGEST_SD)
            missing = ~np.isfinite(value)
            columns += [np.where(missing, 0.0, value), missing]
        stacked = np.stack(columns, axis=1) if columns else np.zeros((len(rows), 0))
        return stacked.astype(np.float32)

    def categories(self, rows: pd.DataFrame, training: bool = False) -> np.ndarray:
        """Return indices, shape (n, roles), int64.

        Parameters
        ----------
        rows : DataFrame of n rows
        training : bool
            Whether these are the training rows; only then are the roles `training_only` read.
        """
        columns: list[np.ndarray] = []
        for role, values in self.categorical.items():
            if role in self.training_only and not training:
                columns.append(np.full(len(rows), UNSEEN_INDEX, dtype=np.int64))
                continue
            if role not in rows:
                columns.append(np.full(len(rows), MISSING_INDEX, dtype=np.int64))
                continue
            index = {value: position + 2 for position, value in enumerate(values)}
            codes, distinct = pd.factorize(rows[role])  # -1 where missing
            found = [index.get(value, UNSEEN_INDEX) for value in distinct]
            columns.append(np.array([*found, MISSING_INDEX], dtype=np.int64)[codes])
        return np.stack(columns, axis=1) if columns else np.zeros((len(rows), 0), dtype=np.int64)

    def unseen(self, rows: pd.DataFrame) -> dict[str, list[str]]:
        """Return the values of n rows that no training row has, by role."""
        return {
            role: new
            for role, values in self.categorical.items()
            if role in rows
            and role not in self.training_only
            and (new := sorted(set(rows[role].dropna()) - set(values)))
        }

    def similar(self, role: str, values: list[str]) -> list[str]:
        """Return the training values that differ from the given unseen values only in case.

        For roles that do not name a target, also return training values that contain an unseen
        value or are contained in one.
        """
        new = {value.casefold() for value in values}
        in_part = new if role not in TARGET_NAMES else set[str]()
        return [
            value
            for value in self.categorical[role]
            if (folded := value.casefold()) in new
            or any(folded in word or word in folded for word in in_part)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Self:
        """Rebuild from `to_dict`.

        Raises
        ------
        ValueError
            For data of another form.
        """
        form = read_stored(CovariatesForm, raw)
        return cls(dict(form.numeric), dict(form.categorical), form.training_only)


def _number(rows: pd.DataFrame, role: str) -> np.ndarray:
    if role not in rows:
        return np.full(len(rows), np.nan)
    values = rows[role].to_numpy(dtype=np.float64)
    return np.log10(values) if ROLES[role].log else values
