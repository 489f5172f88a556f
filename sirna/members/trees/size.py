"""The memory of trees, estimated before anything large is built."""

from sirna.config.family_sections import TreesConfig
from sirna.members.forest import predict_memory
from sirna.system.memory import check_memory

FEWEST_OF_LEAF = 20
"""scikit-learn's least number of training rows in a leaf."""
HISTOGRAM_OF_FEATURE = 256 * 20.0
"""Bytes of the sums that scikit-learn keeps of one feature, for every leaf that may still grow."""
NODE = 150.0
"""Bytes of a node: in scikit-learn, as parts of the tensors, and in the tensors."""
CELL_OF_FEATURE = 25.0
"""Bytes of a feature of a row: as it is, a copy without missing values, in classes."""
CLASSES = 255
"""Largest number of thresholds of a feature."""


def check_fit_memory(rows: int, features: int, config: TreesConfig) -> None:
    """Refuse a fit that needs more memory than there is.

    Parameters
    ----------
    rows : int
        Training rows.
    features : int
    config : TreesConfig

    Raises
    ------
    SirnaError
    """
    trees = config.rounds * (config.ensembles + 1)  # and one that leaves out a fold
    check_memory(
        fit_memory(rows, features, config),
        f"the fit of {trees:,} trees with up to {config.leaves:,} leaves on {rows:,} rows",
        "lower trees.rounds, trees.ensembles or trees.leaves, or set their weights in [mixture] to "
        "0",
    )


def fit_memory(rows: int, features: int, config: TreesConfig) -> float:
    """Return the bytes that a fit and its first prediction need."""
    leaves = max(1, min(config.leaves, rows // FEWEST_OF_LEAF))
    trees = float(config.rounds) * (config.ensembles + 1)
    growing = leaves * features * HISTOGRAM_OF_FEATURE
    nodes = trees * (2 * leaves - 1) * NODE
    table = CELL_OF_FEATURE * rows * features
    kept = config.rounds * config.ensembles
    splits = min(kept * (leaves - 1), CLASSES * features)
    return growing + nodes + table + predict_memory(kept, leaves, splits)
