"""The error model: Student's t around a predicted mean."""

import numpy as np
import pytest
import torch
from scipy.stats import t as student

from sirna.members.residuals import BLOCK_ROWS, DEGREES, Residuals, student_cdf


def test_the_closed_form_is_the_cdf_of_students_t():
    values = np.concatenate([np.linspace(-40, 40, 4001), [-1e9, -1e4, 1e4, 1e9]])
    np.testing.assert_allclose(student_cdf(values), student(DEGREES).cdf(values), atol=1e-15)


@pytest.fixture
def residuals():
    return Residuals(
        scale=torch.tensor([6.0, 2.0], dtype=torch.float64),
        knots=torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64),
        bias=torch.tensor([0.1, 0.0, -0.2], dtype=torch.float64),
        spread=torch.tensor([0.3, 0.5, 0.4], dtype=torch.float64),
        edges=torch.linspace(0, 150, 61, dtype=torch.float64),
    )


@pytest.mark.parametrize("rows", [0, 1, BLOCK_ROWS, 2 * BLOCK_ROWS + 7])
def test_each_row_has_students_t_around_its_mean(residuals, rows):
    mean = np.linspace(-30, 30, rows)
    found = residuals.distributions(mean)
    assert found.probs.shape == (rows, 60)
    assert (found.probs >= 0).all()
    np.testing.assert_allclose(found.probs.sum(axis=1), 1.0)
    for row in range(0, rows, 50):
        bias = np.interp(mean[row], [-1, 0, 2], [0.1, 0.0, -0.2])
        sd = np.interp(mean[row], [-1, 0, 2], [0.3, 0.5, 0.4])
        unit = sd / np.sqrt(DEGREES / (DEGREES - 2))
        edges = (np.sqrt(residuals.edges.numpy()[1:-1] + 1) - 6) / 2
        below = student(DEGREES, mean[row] + bias, unit).cdf(edges)
        np.testing.assert_allclose(np.cumsum(found.probs[row])[:-1], below, atol=1e-12)
