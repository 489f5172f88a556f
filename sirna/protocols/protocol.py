"""Protocols: a protocol decides which question the held-out rows answer.

To add a protocol, add one object here; all other code reads its attributes.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from sirna.errors import SirnaError
from sirna.protocols.copies import first_copies
from sirna.protocols.similar import group_similar
from sirna.protocols.targets import group_targets, guides, named_targets


@dataclass(frozen=True)
class Protocol:
    """Which rows are held out together, and what may be read of a row that is predicted.

    Attributes
    ----------
    name : str
        The value of `--protocol`.
    groups : callable
        Function from n checked rows to the name of each row's group, shape (n,) of str. The rows of
        one group are held out together.
    looks_up_siblings : bool
        Whether the network may look up other measurements of a row's duplex among the training
        rows.
    hides_target_names : bool
        Whether the roles that name the target or the publication are read in training rows only.
    every_target_is_unseen : bool
        Whether every predicted row counts as a row of an unseen target.
    defaults : mapping
        Section -> key -> value, for defaults that differ from the general ones.
    """

    name: str
    groups: Callable[[pd.DataFrame], np.ndarray]
    looks_up_siblings: bool = False
    hides_target_names: bool = False
    every_target_is_unseen: bool = False
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def _each_measurement(rows: pd.DataFrame) -> np.ndarray:
    """Return the row's id; copies of a measurement have the id of the first of them."""
    ids: np.ndarray = rows["id"].to_numpy().astype(str)[first_copies(rows)]
    return ids


def _by_guide(rows: pd.DataFrame) -> np.ndarray:
    return guides(rows).to_numpy().astype(str)


def _by_target(rows: pd.DataFrame) -> np.ndarray:
    unnamed = rows.loc[named_targets(rows).isna(), "id"]
    if len(unnamed):
        raise SirnaError(
            f"protocol 'target' needs a target or a publication in every row; {len(unnamed)} of "
            f"{len(rows)} have neither, the first with id {str(unnamed.iloc[0])!r}. Fill them in "
            "or drop these rows; name the columns in [columns]; or use protocol 'duplex'."
        )
    return group_targets(rows)


# Without sibling measurements the network must learn more from the sequences.
_WITHOUT_SIBLINGS = {"train": {"epochs": 30}}

_ALL = (
    Protocol(
        name="rows",
        groups=_each_measurement,
        looks_up_siblings=True,
    ),
    Protocol(
        name="duplex",
        groups=_by_guide,
        defaults=_WITHOUT_SIBLINGS,
    ),
    Protocol(
        name="similar",
        groups=group_similar,
        defaults=_WITHOUT_SIBLINGS,
    ),
    Protocol(
        name="target",
        groups=_by_target,
        hides_target_names=True,
        every_target_is_unseen=True,
        defaults={
            # After a few epochs the network overfits the training targets. It reads their names,
            # which explain their levels; with much dropout it learns to predict without names.
            "train": {"epochs": 6, "learning_rate": 6e-3, "batch_rows": 384},
            "model": {"covariate_dropout": 0.4},
            # The few targets of a single split would choose the postprocessing by chance.
            "split": {"folds": 5},
            # Duplexes with similar numbers were measured side by side and have similar levels; an
            # siRNA may not match the transcript in cells of another species. For known targets
            # both are learned from training rows of the same target.
            "covariates": {
                "numeric": ("dose", "hours", "duplex_number"),
                "categorical": (
                    "cell_line",
                    "transfection",
                    "species",
                    "target",
                    "publication",
                    "species_match",
                ),
            },
            # No training row is near enough in either series.
            "gaussian_process": {"series": ()},
            # Here network and Gaussian process are trained to predict unseen targets. So the trees
            # get less weight than for rows of unseen targets in runs under other protocols.
            "mixture": {
                "unseen_target": {"network": 0.24, "gaussian_process": 0.36, "trees": 0.4},
            },
        },
    ),
)

PROTOCOLS: Mapping[str, Protocol] = types.MappingProxyType({one.name: one for one in _ALL})
"""Every protocol by its name."""
