"""Bad rows, gathered and told once: file, row id, column, value, remedy."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from sirna.errors import SirnaError

SHOWN = 10
MISSING = frozenset({"", "na", "n/a", "nan", "none", "null", "<na>"})


def blank(text: pd.Series) -> np.ndarray:
    """Mark the missing values of a text column, shape (n,)."""
    return (text.isna() | text.str.strip().str.casefold().isin(MISSING)).to_numpy(dtype=bool)


@dataclass
class Report:
    """Collects the faults of one table of n rows.

    Attributes
    ----------
    source : str
        The file's name.
    ids : Series of str, length n
        Its index holds the rows' places in the file, and is named after them.
    """

    source: str
    ids: pd.Series
    notices: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def add(self, column: str, bad: np.ndarray | pd.Series, values: pd.Series, rule: str) -> None:
        """Note rows that make the table unusable.

        Parameters
        ----------
        column : str
            The column's name in the file.
        bad : array of bool, shape (n,)
        values : Series of str, length n
        rule : str
            What was expected and what to do.
        """
        self._note(self.faults, column, bad, values, rule)

    def tolerate(
        self, column: str, bad: np.ndarray | pd.Series, values: pd.Series, rule: str
    ) -> None:
        """Note rows that are used all the same; parameters as in `add`."""
        self._note(self.notices, column, bad, values, rule)

    def number(
        self, text: pd.Series, column: str, within: Callable[[np.ndarray], np.ndarray], rule: str
    ) -> np.ndarray:
        """Read a column as finite numbers for which `within` holds, NaN where missing, (n,)."""
        value = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        finite = np.isfinite(value)
        self.add(column, ~finite & ~blank(text), text, "a finite number is needed, as in 12.5")
        value = np.where(finite, value, np.nan)
        self.add(column, finite & ~within(value), text, rule)
        return value

    def raise_if_bad(self) -> None:
        """Raise one error that tells of every fault."""
        if self.faults:
            raise SirnaError("\n".join(self.faults))

    def _note(
        self,
        notes: list[str],
        column: str,
        bad: np.ndarray | pd.Series,
        values: pd.Series,
        rule: str,
    ) -> None:
        where = np.flatnonzero(bad)
        if not len(where):
            return
        place = self.ids.index.name or "row"
        lines = [
            f"  row id {self.ids.iloc[row]} ({place} {self.ids.index[row]}): "
            f"{_shown(values.iloc[row])}"
            for row in where[:SHOWN]
        ]
        if len(where) > SHOWN:
            lines.append(f"  and {len(where) - SHOWN} more rows")
        count = f"{len(where)} row{'s' if len(where) > 1 else ''}"
        notes.append("\n".join([f"{self.source}: column {column!r}, {count}: {rule}", *lines]))


def _shown(value: object) -> str:
    text = "" if pd.isna(value) else str(value)  # type: ignore[call-overload]
    return repr(text if len(text) <= 60 else text[:57] + "...")
