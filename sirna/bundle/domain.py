"""The domain of applicability: how far each predicted row is from the training rows."""

import numpy as np
import pandas as pd

from sirna.bundle.bundle import Bundle
from sirna.bundle.known_values import chemistries
from sirna.features.nearest import NONE

DOMAIN_COLUMNS = (
    "nearest_training_duplex",
    "differing_bases",
    "differing_chemistry",
    "new_target",
    "new_cell_line",
    "new_chemistry",
)


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
        name = np.where(nearest.position != NONE, known.names[nearest.position], None)
        found["nearest_training_duplex"] = name
        found["differing_bases"] = nearest.bases
        found["differing_chemistry"] = nearest.chemistry
        if known.targets is not None:
            found["new_target"] = known.targets.unseen(rows)
    if known.cell_lines is not None and "cell_line" in rows:
        cell = rows["cell_line"]
        found["new_cell_line"] = (cell.notna() & ~cell.isin(known.cell_lines)).to_numpy()
    lists = [role for role in known.chemistries if role in rows]
    if lists:
        found["new_chemistry"] = np.any(
            [_new(rows[role], known.chemistries[role]) for role in lists], axis=0
        )
    return pd.DataFrame({name: found[name] for name in DOMAIN_COLUMNS if name in found})


def domain_notes(found: pd.DataFrame) -> list[str]:
    """Summarise in a note how far the rows of a table are from the training rows."""
    if "differing_bases" not in found:
        return []
    bases = found["differing_bases"]
    measured = int((bases == 0).sum())
    rest = bases[bases > 0]
    note = f"domain: {measured:,} of {len(found):,} rows have a guide of the training rows"
    if len(rest):
        note += f"; the others differ from the nearest one in {rest.median():.0f} bases (median)"
    return [note]


def _new(texts: pd.Series, known: set[str]) -> np.ndarray:
    """Mark the strands with a chemistry that no training strand of this kind has."""
    return np.array([not chemistries(text) <= known for text in texts.fillna("")], dtype=bool)
