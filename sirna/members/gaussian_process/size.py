"""The memory of a Gaussian process, estimated before anything large is built."""

from sirna.config.family_sections import GaussianProcessConfig
from sirna.members.gaussian_process.kernel import REACHES
from sirna.members.gaussian_process.matrix import BLOCK_ROWS
from sirna.members.gaussian_process.mean import GUIDES_AT_ONCE
from sirna.system.memory import check_memory

BYTES = 4.0
KEPT_TABLES = 4
"""Tables of all pairs of rows that a learning step keeps for each component."""
BLOCK_TABLES = 5
"""Tables of a block of rows with all others that exist at once."""
OF_PATTERNS = 0.5
"""Size of the table of distinct patterns, one for each component, as a share of those tables."""
GROUP_COPIES = 4
"""Copies of the part of the inverse that belongs to one group."""


def check_fit_memory(training: int, largest_group: int, config: GaussianProcessConfig) -> None:
    """Refuse a fit that needs more memory than there is.

    Parameters
    ----------
    training : int
        Training rows.
    largest_group : int
        How many of them are in the largest group that is left out together.
    config : GaussianProcessConfig

    Raises
    ------
    SirnaError
    """
    rows = min(training, config.most_rows)
    check_memory(
        fit_memory(rows, min(rows, largest_group), config),
        f"the fit of the Gaussian process on {rows:,} rows, with {config.components} components "
        f"and {config.step_rows:,} rows in a step,",
        "lower gaussian_process.most_rows, gaussian_process.step_rows or "
        "gaussian_process.components, or set its weights in [mixture] to 0",
    )


def check_predict_memory(rows: int, training: int, components: int) -> None:
    """Refuse a prediction that needs more memory than there is.

    Parameters
    ----------
    rows : int
        Rows to predict.
    training : int
        Rows that they are compared with.
    components : int
        Components of the kernel.

    Raises
    ------
    SirnaError
    """
    check_memory(
        BYTES * OF_PATTERNS * components * min(rows, GUIDES_AT_ONCE) * training,
        f"a prediction of the Gaussian process, with {training:,} rows and {components:,} "
        "components,",
        "train again with a lower gaussian_process.most_rows or gaussian_process.components",
    )


def fit_memory(rows: int, largest_group: int, config: GaussianProcessConfig) -> float:
    """Return the bytes that a fit needs: the larger of learning the kernel and of solving."""
    components = config.components + len(REACHES) * len(config.series)
    step = min(rows, 2 * config.step_rows)
    learning = BYTES * KEPT_TABLES * components * step**2
    matrix = BYTES * (float(rows) ** 2 + GROUP_COPIES * float(largest_group) ** 2)
    return max(learning, matrix + block_memory(rows, rows, components))


def block_memory(rows: int, others: int, components: int) -> float:
    """Return the bytes of the covariances of a block of rows with all others."""
    tables = OF_PATTERNS * components + BLOCK_TABLES
    return BYTES * tables * min(rows, BLOCK_ROWS) * others
