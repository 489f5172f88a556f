"""Count what the rows of a table have; rows are added in blocks."""

from collections import Counter

import numpy as np
import pandas as pd

from sirna.config.roles import CATEGORIES, NUMERIC_ROLES, ROLES, SEQUENCES

MOST_DUPLEXES = 2_000_000
"""Different duplexes that are counted; of more, the number is not told apart."""


class RowCounts:
    """Counts rows, targets, duplexes and doses, and what is missing in some rows."""

    def __init__(self) -> None:
        self._rows = 0
        self._targets: set[str] = set()
        self._doses: set[float] = set()
        self._duplexes: np.ndarray | None = None
        self._missing: Counter[str] = Counter()

    def add(self, rows: pd.DataFrame) -> None:
        """Add n checked rows; all blocks have the same columns."""
        self._rows += len(rows)
        if "target" in rows:
            self._targets.update(rows["target"].dropna().unique())
        if "dose" in rows:
            self._doses.update(rows["dose"].dropna().unique().tolist())
        strands = [role for role in SEQUENCES if role in rows]
        known = self._duplexes
        if strands and (known is None or len(known) <= MOST_DUPLEXES):
            number = pd.util.hash_pandas_object(rows[strands].astype(object), index=False)
            parts = [number.to_numpy()] if known is None else [known, number.to_numpy()]
            self._duplexes = np.unique(np.concatenate(parts))
        for role in (*CATEGORIES, *NUMERIC_ROLES):
            if role in rows and not ROLES[role].derived_from:
                self._missing[role] += int(rows[role].isna().sum())

    @property
    def text(self) -> str:
        """The numbers in one line."""
        parts = [_counted(self._rows, "row")]
        if self._targets:
            parts.append(_counted(len(self._targets), "target"))
        if self._duplexes is not None:
            many = len(self._duplexes) > MOST_DUPLEXES
            count = min(len(self._duplexes), MOST_DUPLEXES)
            parts.append("more than " * many + _counted(count, "duplex", "es"))
        if self._doses:
            parts.append(_counted(len(self._doses), "dose"))
        missing = {role: n for role, n in self._missing.items() if 0 < n < self._rows}
        listed = ", ".join(f"{role.replace('_', ' ')} in {n:,}" for role, n in missing.items())
        return ", ".join(parts) + (f"; missing: {listed}" if listed else "")


def _counted(count: int, word: str, plural: str = "s") -> str:
    return f"{count:,} {word}{plural * (count != 1)}"
