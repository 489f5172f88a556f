"""The widening for new guides, measured on rows whose errors are known."""

import numpy as np
import pandas as pd
import pytest

from sirna.members.far_rows import Measured, fit_widening
from sirna.members.residuals import fit_residuals, scale_of, standardised
from sirna.members.solve import solve
from sirna.prediction.widening import Widening

EDGES = np.linspace(0.0, 150.0, 31)
ROWS_EACH = 4


def table(shared, seed=0, clusters=60):
    """Guides in clusters of three similar ones, four rows each; effects of guide and cluster.

    Parameters
    ----------
    shared : float
        The share of the effects' variance that similar guides have in common.
    """
    rng = np.random.default_rng(seed)
    guides, cluster = [], []
    for number in range(clusters):
        guide = rng.choice(list("ACGU"), 21)
        for place in (0, 10, 20):
            one = guide.copy()
            one[place] = {"A": "C", "C": "G", "G": "U", "U": "A"}[one[place]]
            guides.append("".join(one))
            cluster.append(number)
    of_row = np.repeat(np.arange(len(guides)), ROWS_EACH)
    cluster = np.array(cluster)
    same_guide = of_row[:, None] == of_row
    same_cluster = cluster[of_row][:, None] == cluster[of_row]
    covariance = shared * same_cluster + (1 - shared) * same_guide
    noise = 0.2 * np.eye(len(of_row))
    truth = np.linalg.cholesky(covariance + noise) @ rng.standard_normal(len(of_row))
    labels = np.clip((6.5 + 1.6 * truth) ** 2 - 1, 0.1, 149)
    return pd.DataFrame({"guide": np.array(guides)[of_row]}), labels, covariance + noise, of_row


def columns_of(matrix):
    return lambda start, stop: matrix[:stop, start:stop].astype(np.float32)


def widening(shared, groups="rows"):
    rows, labels, matrix, of_row = table(shared)
    truth = standardised(labels, *scale_of(labels))
    solution = solve(columns_of(matrix), truth, "gaussian_process")
    index = {"rows": np.arange(len(rows)), "guides": of_row}[groups]
    means = solution.without_groups(index).astype(np.float64)
    residuals = fit_residuals(labels, means, EDGES, True)
    measured = Measured(rows, labels, index, None, True)
    return fit_widening(solution, means, residuals, measured, seed=1)


def test_new_guides_need_more_the_less_similar_guides_share():
    half, nothing, all_shared = widening(0.5), widening(0.0), widening(1.0)
    assert 1.2 < half.similar < half.far
    assert nothing.similar == pytest.approx(nothing.far, rel=0.03)
    assert all_shared.similar < 1.15
    assert all_shared.far > 1.5


def test_what_the_folds_already_leave_out_is_not_widened_twice():
    assert widening(0.5, "guides").similar == 1.0
    assert widening(0.0, "guides").far == pytest.approx(1.0, abs=0.03)


def test_rows_without_guides_are_not_widened():
    rows, labels, matrix, _ = table(0.5, clusters=4)
    truth = standardised(labels, *scale_of(labels))
    solution = solve(columns_of(matrix), truth, "gaussian_process")
    means = solution.without_groups(np.arange(len(rows))).astype(np.float64)
    residuals = fit_residuals(labels, means, EDGES, True)
    measured = Measured(rows.assign(guide=None), labels, np.arange(len(rows)), None, True)
    assert fit_widening(solution, means, residuals, measured, 1) == Widening()
