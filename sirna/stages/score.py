"""`sirna score`: score a submission against the true values."""

from pathlib import Path

import numpy as np
import pandas as pd

from sirna.config.config import Config
from sirna.errors import SirnaError
from sirna.prediction.score import Score, competition_score
from sirna.stages.console import Console
from sirna.table.check_table import ORACLE, Table, read_labels
from sirna.table.report import FEWEST_VALUES, Purpose
from sirna.table.units import LOOKS_LIKE_FRACTIONS, from_remaining


def score(truth: Path, submission: Path, config: Config, console: Console) -> dict[str, Score]:
    """Score a submission; rows are matched by id, in any order.

    If one of the two files has no ids, rows are matched by their order.

    Returns
    -------
    dict of str to Score
        The scores of "submission" and, if the truth was simulated, of "oracle".

    Raises
    ------
    SirnaError
        If the two files differ in ids or in their number of rows, if their labels seem to have
        different units, or if a label is missing or not a number.
    """
    measured = read_labels(truth, config, Purpose.TRUTH)
    predicted = read_labels(submission, config, Purpose.PREDICTION)
    for path, table in ((truth, measured), (submission, predicted)):
        console.line(f"data: {path}: {len(table):,} rows")
    for note in (*measured.notes, *predicted.notes):
        console.note(note)
    labels = measured.rows["label"].to_numpy()
    predictions = _matched(measured, predicted, config.columns["id"], console)
    _check_units(measured, predicted, config)
    threshold = config.score.threshold
    found = {"submission": competition_score(labels, predictions, threshold)}
    if ORACLE in measured.raw:
        oracle = pd.to_numeric(measured.raw[ORACLE], errors="coerce").to_numpy(dtype=np.float64)
        if not np.isfinite(oracle).all():
            raise SirnaError(f"{truth}: column {ORACLE!r} holds a value that is not a number.")
        found["oracle"] = competition_score(labels, oracle, threshold)
    return found


def _matched(measured: Table, predicted: Table, column: str, console: Console) -> np.ndarray:
    """Return the predictions in the order of the truth, shape (n,)."""
    predictions = predicted.rows["label"].to_numpy()
    without = [table.source for table in (measured, predicted) if column not in table.raw]
    if without:
        if len(measured) != len(predicted):
            raise SirnaError(
                f"{without[0]}: has no column {column!r}, so rows can be matched by their order "
                f"only, but {measured.source} has {len(measured):,} rows and {predicted.source} "
                f"{len(predicted):,}. Add the ids."
            )
        if len(without) == 1:
            console.note(
                f"{without[0]}: has no column {column!r}: its rows are matched with those of the "
                "other file in their order"
            )
        return predictions
    _check_ids(measured, predicted)
    by_id = pd.Series(predictions, index=predicted.rows["id"])
    return by_id.loc[measured.rows["id"]].to_numpy()


def _check_ids(measured: Table, predicted: Table) -> None:
    """Refuse two files with different ids."""
    for have, want in ((predicted, measured), (measured, predicted)):
        lacking = pd.Index(want.rows["id"]).difference(have.rows["id"], sort=False)
        if not len(lacking):
            continue
        first = str(lacking[0])
        forms = {_form(name): name for name in have.rows["id"].astype(str)}
        other = forms.get(_form(first))
        form = (
            f"; it has {other!r}, which differs only in its form: write the ids of both files alike"
            if other is not None
            else ""
        )
        raise SirnaError(
            f"{have.source}: {len(lacking)} ids are missing, the first {first!r}{form}; truth and "
            "submission must hold the same ids."
        )


def _form(name: str) -> str:
    """Return an id without differences of form: 1, 1.0, 001 and ' 1' are alike."""
    try:
        return f"{float(name):.12g}"
    except ValueError:
        return name.strip().casefold()


def _check_units(measured: Table, predicted: Table, config: Config) -> None:
    """Refuse labels of which one file seems to hold fractions and the other percentages."""
    tables = (measured, predicted)
    labels = [from_remaining(table.rows["label"].to_numpy(), config.label) for table in tables]
    small = [bool((np.abs(label) <= LOOKS_LIKE_FRACTIONS).all()) for label in labels]
    if config.label.kind == "fraction" or not any(small):
        return
    if all(small):
        if len(measured) >= FEWEST_VALUES:
            raise SirnaError(
                f"{measured.source}, {predicted.source}: no label exceeds "
                f"{LOOKS_LIKE_FRACTIONS:g}; if both hold fractions, give --set label.kind=fraction."
            )
        return
    fractions, percentages = (small.index(value) for value in (True, False))
    typical = float(np.median(np.abs(labels[percentages])))
    if len(np.unique(labels[fractions])) > 1 and typical > LOOKS_LIKE_FRACTIONS:
        raise SirnaError(
            f"{tables[fractions].source}: no label exceeds {LOOKS_LIKE_FRACTIONS:g}, but those of "
            f"{tables[percentages].source} do: are these fractions and percentages? Write both "
            "files in one unit."
        )
