"""Bad rows, gathered and told once: file, row id, column, value, remedy."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import pandas as pd

from sirna.errors import SirnaError

SHOWN = 10
MISSING = frozenset({"", "na", "n/a", "nan", "none", "null", "<na>"})
ENOUGH = 20
"""Values from which on something may be said of all of them."""


class Purpose(Enum):
    """What a table is read for, and so how strict reading is.

    TRAINING: every row needs a label and whole sequences. TEST: labels are optional, and a
    faulty value is a notice and reads as missing, since every row must be predicted.
    TRUTH, PREDICTION: ids and labels; predictions may be negative, since the score clips neither
    side.
    """

    TRAINING = "training"
    TEST = "test"
    TRUTH = "truth"
    PREDICTION = "prediction"


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
    strict : bool
        Whether a faulty value makes the table unusable; otherwise it is told and read as missing.
    """

    source: str
    ids: pd.Series
    strict: bool = True
    notices: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def refuse(
        self, column: str, bad: np.ndarray | pd.Series, values: pd.Series, rule: str
    ) -> None:
        """Note rows that make any table unusable.

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

    def fault(
        self,
        column: str,
        bad: np.ndarray | pd.Series,
        values: pd.Series,
        rule: str,
        fate: str = "read as missing",
    ) -> None:
        """Note rows with a faulty value; parameters as in `refuse`, and how it is predicted."""
        if self.strict:
            self.refuse(column, bad, values, rule)
        else:
            self.tell(column, bad, values, f"{rule}; {fate}, predicted")

    def tell(self, column: str, bad: np.ndarray | pd.Series, values: pd.Series, rule: str) -> None:
        """Note rows that are read as they are; parameters as in `refuse`."""
        self._note(self.notices, column, bad, values, rule)

    def number(
        self, text: pd.Series, column: str, within: Callable[[np.ndarray], np.ndarray], rule: str
    ) -> np.ndarray:
        """Read a column as finite numbers for which `within` holds, NaN where missing, (n,)."""
        value = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        finite = np.isfinite(value)
        self.fault(column, ~finite & ~blank(text), text, "a finite number is needed, as in 12.5")
        outside = finite & ~within(value)
        self.fault(column, outside, text, rule)
        return np.where(finite & ~outside, value, np.nan)

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
    text = value if isinstance(value, str) else ""
    return repr(text if len(text) <= 60 else text[:57] + "...")
