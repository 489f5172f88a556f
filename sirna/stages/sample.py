"""`sirna sample`: the embedded, simulated competition written to a folder."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sirna.errors import UsageError
from sirna.prediction.decision import fit_decision
from sirna.prediction.histogram import Histogram
from sirna.prediction.score import DEFAULT_THRESHOLD, Score, competition_score
from sirna.simulate.simulate import measurement_cdf, simulate
from sirna.system.files import write_csv
from sirna.table.check_table import ORACLE

FILES = ("train_data.csv", "test.csv", "test_truth.csv", "vocab.csv")
FINE_EDGES = np.concatenate([np.arange(0.0, 300.0, 0.5), [300.0, 1000.0]])


@dataclass(frozen=True)
class Sample:
    """What was written."""

    train_rows: int
    test_rows: int
    oracle: Score


def sample(folder: Path, duplexes: int | None, seed: int) -> Sample:
    """Write the four files, if none of them exists.

    The truth includes the oracle's predictions. They are the points with the best score that can be
    chosen from the exact distribution of each measurement.
    """
    there = [name for name in FILES if (folder / name).exists()]
    if there:
        raise UsageError(f"{folder / there[0]}: already exists; name another folder.")
    drawn = simulate(seed=seed) if duplexes is None else simulate(duplexes, seed)
    truth = drawn.truth.copy()
    measured = truth["mRNA_remaining_pct"].to_numpy()
    cdf = measurement_cdf(truth.pop("noise_free_pct").to_numpy(), FINE_EDGES[1:-1])
    exact = Histogram.from_cdf(FINE_EDGES, cdf)
    threshold = DEFAULT_THRESHOLD
    points = fit_decision(exact, measured, "score", threshold).apply(exact)
    truth[ORACLE] = points.round(4)
    frames = (drawn.train, drawn.test, truth, drawn.vocab)
    for name, frame in zip(FILES, frames, strict=True):
        write_csv(folder / name, frame)
    oracle = competition_score(measured, truth[ORACLE].to_numpy(), threshold)
    return Sample(len(drawn.train), len(drawn.test), oracle)
