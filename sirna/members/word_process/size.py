"""The memory of a word process, estimated before anything large is built."""

from sirna.config.family_sections import WordProcessConfig
from sirna.features.words import BLOCKS
from sirna.system.memory import check_memory

BYTES = 8.0
SOLVING_TABLES = 7
"""Tables of all pairs of rows that exist at once while the weights are solved for."""
DUPLEX_TABLES = len(BLOCKS) + 3
"""Tables of all pairs of duplexes: a distance for each block of words, and sums of them."""
LEARNING_TABLES = 3 * len(BLOCKS) + 8
"""Tables of all pairs of its rows that a learning step keeps for its gradients."""


def check_fit_memory(rows: int, duplexes: int, config: WordProcessConfig) -> None:
    """Refuse a fit that needs more memory than there is.

    Parameters
    ----------
    rows : int
        Training rows.
    duplexes : int
        Distinct duplexes among them.
    config : WordProcessConfig

    Raises
    ------
    SirnaError
    """
    check_memory(
        fit_memory(rows, duplexes, config),
        f"the fit of the word process on {rows:,} rows, with {config.step_rows:,} rows in a step,",
        "lower word_process.most_rows or word_process.step_rows, or set its weights in [mixture] "
        "to 0",
    )


def fit_memory(rows: int, duplexes: int, config: WordProcessConfig) -> float:
    """Return the bytes that a fit needs: the larger of learning the kernel and of solving."""
    step = float(min(rows, config.step_rows))
    solving = SOLVING_TABLES * float(rows) ** 2 + DUPLEX_TABLES * float(duplexes) ** 2
    return BYTES * max(LEARNING_TABLES * step**2, solving)
