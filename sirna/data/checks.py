"""Bad rows, gathered and told once: file, row id, column, value, remedy."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from sirna.errors import SirnaError

SHOWN = 10
MISSING = frozenset({"", "na", "n/a", "nan", "none", "null", "<na>"})


def blank(text: pd.Series) -> np.ndarray:
    """Mark the missing values of a text column, shape (n,)."""
    return (text.isna() | text.str.casefold().isin(MISSING)).to_numpy(dtype=bool)


@dataclass(frozen=True)
class BadRows:
    """The rows of one column that break one rule.

    Attributes
    ----------
    column : str
        The column's name in the file.
    mask : array of bool, shape (n,)
    values : Series of str, length n
    rule : str
        What was expected and what to do.
    """

    column: str
    mask: np.ndarray | pd.Series
    values: pd.Series
    rule: str


@dataclass
class Report:
    """Collects the faults of one table.

    Attributes
    ----------
    source : str
        The file's name.
    ids : sequence of str, length n
    """

    source: str
    ids: Sequence[str] | np.ndarray
    notices: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def add(self, bad: BadRows) -> None:
        """Note rows that make the table unusable."""
        if np.any(bad.mask):
            self.faults.append(self._describe(bad))

    def tolerate(self, bad: BadRows, consequence: str) -> None:
        """Note rows that are used all the same."""
        if np.any(bad.mask):
            self.notices.append(f"{self._describe(bad)}\n  {consequence}")

    def number(self, text: pd.Series, column: str) -> np.ndarray:
        """Read a column as finite numbers, NaN where missing, shape (n,)."""
        value = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        wrong = ~np.isfinite(value) & ~blank(text)
        self.add(BadRows(column, wrong, text, "a finite number is needed, with a decimal point"))
        return np.where(np.isfinite(value), value, np.nan)

    def raise_if_bad(self) -> None:
        """Raise one error that tells of every fault."""
        if self.faults:
            raise SirnaError("\n".join(self.faults))

    def _describe(self, bad: BadRows) -> str:
        where = np.flatnonzero(bad.mask)
        lines = [
            f"  row id {self.ids[row]} (line {row + 2}): {_shown(bad.values.iloc[row])}"
            for row in where[:SHOWN]
        ]
        if len(where) > SHOWN:
            lines.append(f"  and {len(where) - SHOWN} more rows")
        count = f"{len(where)} row{'s' if len(where) > 1 else ''}"
        head = f"{self.source}: column {bad.column!r}, {count}: {bad.rule}"
        return "\n".join([head, *lines])


def _shown(value: object) -> str:
    text = "" if pd.isna(value) else str(value)  # type: ignore[call-overload]
    return repr(text if len(text) <= 60 else text[:57] + "...")
