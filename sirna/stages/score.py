"""`sirna score`: a submission against the truth."""

from pathlib import Path

import numpy as np
import pandas as pd

from sirna.config import Config
from sirna.data.table import ORACLE, read_labels
from sirna.errors import SirnaError
from sirna.score import Score, competition_score


def score(truth: Path, submission: Path, config: Config) -> dict[str, Score]:
    """Score a submission; rows are matched by id, whatever their order.

    Returns
    -------
    dict of str to Score
        "submission", and "oracle" where the truth was simulated.

    Raises
    ------
    SirnaError
        For ids that one of the files lacks, or labels that are missing or no numbers.
    """
    measured, predicted = read_labels(truth, config), read_labels(submission, config)
    known = measured.rows.set_index("id")["label"]
    given = predicted.rows.set_index("id")["label"]
    for have, want, path in ((given, known, submission), (known, given, truth)):
        lacking = want.index.difference(have.index)
        if len(lacking):
            raise SirnaError(
                f"{path}: {len(lacking)} ids are missing, the first {lacking[0]!r}; "
                "truth and submission must hold the same ids."
            )
    threshold = config.score.threshold
    found = {"submission": competition_score(known, given.loc[known.index], threshold)}
    if ORACLE in measured.raw:
        oracle = pd.to_numeric(measured.raw[ORACLE], errors="coerce").to_numpy(dtype=np.float64)
        found["oracle"] = competition_score(known, oracle, threshold)
    return found
