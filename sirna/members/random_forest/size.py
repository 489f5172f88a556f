"""The memory of a random forest, estimated before anything large is built."""

from sirna.config.family_sections import RandomForestConfig
from sirna.members.forest import predict_memory
from sirna.system.memory import check_memory

NODE = 200.0
"""Bytes of a node: in scikit-learn, as parts of the tensors, and in the tensors."""
CELL_OF_FEATURE = 25.0
"""Bytes of a feature of a row: as a count, as a number of the forest, and in a fold's copy."""


def check_fit_memory(rows: int, features: int, config: RandomForestConfig) -> None:
    """Refuse a fit that needs more memory than there is.

    Parameters
    ----------
    rows : int
        Training rows.
    features : int
    config : RandomForestConfig

    Raises
    ------
    SirnaError
    """
    check_memory(
        fit_memory(rows, features, config),
        f"the fit of {config.trees:,} trees with up to {config.leaves:,} leaves on {rows:,} rows",
        "lower random_forest.trees, random_forest.leaves or random_forest.most_rows, or set its "
        "weights in [mixture] to 0",
    )


def fit_memory(rows: int, features: int, config: RandomForestConfig) -> float:
    """Return the bytes that a fit and its first prediction need."""
    leaves = max(1, min(config.leaves, rows // config.least_rows))
    nodes = float(config.trees) * (2 * leaves - 1)
    splits = min(config.trees * (leaves - 1), rows * features)
    return (
        NODE * nodes
        + CELL_OF_FEATURE * rows * features
        + predict_memory(config.trees, leaves, splits)
    )
