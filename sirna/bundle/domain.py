"""The domain of applicability: how far each predicted row is from the training rows."""

from collections import Counter

import numpy as np
import pandas as pd

from sirna.bundle.bundle import Bundle
from sirna.features.cut_strands import cut_chemistry
from sirna.features.nearest import NONE
from sirna.protocols.targets import among

DOMAIN_COLUMNS = (
    "nearest_training_duplex",
    "differing_bases",
    "differing_chemistry",
    "new_target",
    "new_cell_line",
    "new_chemistry",
)
UNKNOWN = -1.0
"""Stands for the differing bases of a row without a guide."""


def domain(bundle: Bundle, rows: pd.DataFrame) -> pd.DataFrame:
    """Describe how far n checked rows are from the training rows; each row for itself.

    Returns
    -------
    DataFrame of n rows
        `DOMAIN_COLUMNS` as far as the bundle's training rows allow:

        - the nearest training duplex (its id, or its guide if ids are not stored), and how many
          bases of the guide and chemistries of both strands differ from it
        - whether no training row has the row's target, cell line or one of its chemistries
    """
    known = bundle.known_values
    found: dict[str, np.ndarray] = {}
    if known.names is not None and "guide" in rows:
        nearest = bundle.duplex_index.nearest(rows)
        names = pd.Series(known.names[nearest.position])
        found["nearest_training_duplex"] = names.where(nearest.position != NONE, None).to_numpy()
        found["differing_bases"] = nearest.bases
        found["differing_chemistry"] = nearest.chemistry
        if known.targets is not None:
            found["new_target"] = known.targets.unseen(rows)
    if known.cell_lines is not None and "cell_line" in rows:
        cells = rows["cell_line"]
        found["new_cell_line"] = cells.notna().to_numpy() & ~among(cells, known.cell_lines)
    lists = [role for role in known.chemistries if role in rows]
    if lists:
        found["new_chemistry"] = np.any(
            [_new(rows[role], known.chemistries[role]) for role in lists], axis=0
        )
    return pd.DataFrame({name: found[name] for name in DOMAIN_COLUMNS if name in found})


class DomainSummary:
    """Summarises in a note how far rows are from the training rows; rows are added in blocks."""

    def __init__(self) -> None:
        self._rows: Counter[float] = Counter()

    def add(self, found: pd.DataFrame) -> None:
        """Add rows with the columns of `domain`; do nothing if they are absent."""
        if "differing_bases" in found:
            self._rows.update(found["differing_bases"].fillna(UNKNOWN).tolist())

    def state(self) -> list[list[float]]:
        """Return what was counted so far, as plain data."""
        return [[bases, count] for bases, count in sorted(self._rows.items())]

    def add_state(self, state: list[list[float]]) -> None:
        """Add what `state` returned of other rows."""
        self._rows.update({bases: int(count) for bases, count in state})

    def notes(self) -> list[str]:
        """Return the note about all rows so far."""
        if not self._rows:
            return []
        measured, total = self._rows[0.0], self._rows.total()
        note = f"domain: {measured:,} of {total:,} rows have a guide of the training rows"
        if rest := sorted((bases, count) for bases, count in self._rows.items() if bases > 0):
            bases, counts = map(np.array, zip(*rest, strict=True))
            middle = (counts.sum() - 1) // 2, counts.sum() // 2
            median = bases[np.searchsorted(counts.cumsum(), middle, side="right")].mean()
            note += f"; the others differ from the nearest one in {median:.0f} bases (median)"
        return [note]


def _new(lists: pd.Series, known: set[str]) -> np.ndarray:
    """Mark the strands with a chemistry that no training strand of this kind has."""
    strands = cut_chemistry(lists)
    new: np.ndarray = strands.count(set(strands.parts) - known)[strands.code] > 0
    return new
