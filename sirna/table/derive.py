"""Compute the roles that are derived from other columns; see `config.roles`."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from sirna.config.roles import ROLES
from sirna.table.binding_site import binding_sites
from sirna.table.cells import blank
from sirna.table.species_match import species_matches

DUPLEX_NUMBER_PATTERN = r"(\d{1,15})"


def _site(rows: pd.DataFrame, text: pd.DataFrame) -> np.ndarray:
    return binding_sites(rows["guide"], transcripts(text))


def _duplex_number(rows: pd.DataFrame, text: pd.DataFrame) -> np.ndarray:
    """Return the first number in the duplex id; later duplexes have greater numbers."""
    number = text["duplex"].str.extract(DUPLEX_NUMBER_PATTERN, expand=False)
    return pd.to_numeric(number).to_numpy(dtype=float, na_value=np.nan)


def _species_match(rows: pd.DataFrame, text: pd.DataFrame) -> pd.Series:
    return species_matches(rows["species"], rows["cell_line"])


DERIVATIONS: dict[str, Callable[[pd.DataFrame, pd.DataFrame], np.ndarray | pd.Series]] = {
    "site": _site,
    "duplex_number": _duplex_number,
    "species_match": _species_match,
}
"""Derived role -> function of the checked rows and of the file's values by role."""


def add_derived(rows: pd.DataFrame, text: pd.DataFrame) -> None:
    """Add columns for the derived roles to n checked rows, if the file has their sources."""
    for role in ROLES.values():
        if role.derived_from and all(source in text for source in role.derived_from):
            rows[role.name] = DERIVATIONS[role.name](rows, text)


def transcripts(text: pd.DataFrame) -> pd.Series:
    """Return the transcripts of n rows, NaN where missing."""
    return text["transcript"].mask(blank(text["transcript"]))
