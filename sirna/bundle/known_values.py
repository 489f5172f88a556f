"""What the training rows of a bundle hold, collected once for all predictions."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from sirna.config.roles import TARGET_NAMES, TOKENS
from sirna.features.cut_strands import cut_chemistry
from sirna.protocols.targets import KnownTargets


@dataclass(frozen=True)
class KnownValues:
    """Names, targets, cell lines and chemistries of the training rows.

    Attributes
    ----------
    names : array of str, shape (m,), optional
        The duplex id of each training row, or its guide if ids are not stored. None without guides.
    targets : KnownTargets, optional
        None if no column names targets.
    cell_lines : set of str, optional
        None without such a column.
    chemistries : dict of str to set of str
        The chemistries in each kind of modification list.
    """

    names: np.ndarray | None
    targets: KnownTargets | None
    cell_lines: set[str] | None
    chemistries: dict[str, set[str]]

    @classmethod
    def of(cls, training: pd.DataFrame) -> Self:
        """Collect those of m training rows, which may have no columns at all."""
        names = None
        if "guide" in training and len(training):
            column = training["guide"].astype(object)
            if "duplex" in training:
                column = training["duplex"].astype(object).fillna(column)
            names = column.to_numpy()
        has_targets = names is not None and bool(TARGET_NAMES & {*training})
        return cls(
            names,
            KnownTargets.of(training) if has_targets else None,
            set(training["cell_line"].dropna().unique()) if "cell_line" in training else None,
            {role: set(cut_chemistry(training[role]).parts) for role in TOKENS if role in training},
        )
