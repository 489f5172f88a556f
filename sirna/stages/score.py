"""`sirna score`: score a submission against the true values."""

from pathlib import Path

import numpy as np
import pandas as pd

from sirna.config.config import Config
from sirna.errors import SirnaError
from sirna.prediction.score import Score, competition_score
from sirna.table.check_table import ORACLE, read_labels
from sirna.table.report import Purpose


def score(truth: Path, submission: Path, config: Config) -> dict[str, Score]:
    """Score a submission; rows are matched by id, in any order.

    Returns
    -------
    dict of str to Score
        The scores of "submission" and, if the truth was simulated, of "oracle".

    Raises
    ------
    SirnaError
        If the two files differ in ids, or if a label is missing or not a number.
    """
    measured = read_labels(truth, config, Purpose.TRUTH)
    predicted = read_labels(submission, config, Purpose.PREDICTION)
    truth_by_id = measured.rows.set_index("id")["label"]
    predicted_by_id = predicted.rows.set_index("id")["label"]
    column = config.columns["id"]
    for have, want in ((predicted, measured), (measured, predicted)):
        lacking = pd.Index(want.rows["id"]).difference(have.rows["id"], sort=False)
        if len(lacking):
            numbered = f" (without a column {column!r} its rows are numbered)"
            raise SirnaError(
                f"{have.source}: {len(lacking)} ids are missing, the first {str(lacking[0])!r}"
                f"{'' if column in have.raw else numbered}; "
                "truth and submission must hold the same ids."
            )
    threshold = config.score.threshold
    found = {
        "submission": competition_score(
            truth_by_id, predicted_by_id.loc[truth_by_id.index], threshold
        )
    }
    if ORACLE in measured.raw:
        oracle = pd.to_numeric(measured.raw[ORACLE], errors="coerce").to_numpy(dtype=np.float64)
        if not np.isfinite(oracle).all():
            raise SirnaError(f"{truth}: column {ORACLE!r} holds a value that is not a number.")
        found["oracle"] = competition_score(truth_by_id, oracle, threshold)
    return found
