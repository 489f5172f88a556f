"""Kernel and solution of the Gaussian process against their formulas written out."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sirna.config.config import Config
from sirna.config.family_sections import GaussianProcessConfig
from sirna.errors import SirnaError
from sirna.features.positional import PositionalEncoder
from sirna.features.positional_rows import UNSEEN
from sirna.members.gaussian_process.fit import learn_kernel, solve_weights
from sirna.members.gaussian_process.kernel import LEAST_NOISE, REACHES, Kernel
from sirna.members.gaussian_process.matrix import CovarianceMatrix
from sirna.members.solve import solve
from sirna.protocols.protocol import PROTOCOLS
from sirna.simulate.simulate import simulate
from sirna.table.check_table import check_table
from sirna.table.training_source import as_text

QUICK = GaussianProcessConfig(components=2, steps=8, step_rows=40)


@pytest.fixture(scope="module")
def rows(tiny_table):
    return tiny_table.rows


@pytest.fixture(scope="module")
def encoded(rows):
    return PositionalEncoder.fit(rows, QUICK, PROTOCOLS["rows"]).encode(rows, training=True)


def covariance(kernel, some, others):
    """Return the covariances by the kernel's definition, pair by pair."""
    table = np.zeros((len(some), len(others)))
    for i, (d, s) in enumerate(zip(some.pattern, some.condition, strict=True)):
        for j, (e, t) in enumerate(zip(others.pattern, others.condition, strict=True)):
            channels = some.channels[d] != others.channels[e]
            channels |= (some.channels[d] == UNSEEN) | (others.channels[e] == UNSEEN)
            same = (some.channels[d] == others.channels[e]).all()
            categories = some.categories[s] != others.categories[t]
            categories |= (some.categories[s] == UNSEEN) | (others.categories[t] == UNSEEN)
            gaps = np.abs(some.places[i] - others.places[j])
            apart = np.repeat(np.where(np.isnan(gaps), np.inf, gaps), len(REACHES))
            for k in range(len(kernel.amplitude)):
                distance = kernel.category[k].exp().numpy() @ categories
                gaps = some.numbers[s] - others.numbers[t]
                distance += kernel.number[k].exp().numpy() @ np.abs(gaps)
                series = k - len(kernel.novel)
                if series < 0:
                    distance += kernel.channel[k].exp().numpy() @ channels
                    distance += float(kernel.novel[k].exp()) * (not same)
                    gaps = some.counts[d] - others.counts[e]
                    distance += kernel.count[k].exp().numpy() @ gaps**2
                else:
                    distance += apart[series] / float(kernel.reach[series].exp())
                table[i, j] += np.exp(float(kernel.amplitude[k]) - distance)
    return table


def test_the_kernel_follows_its_formula(encoded):
    kernel = Kernel.initial(encoded, 3, seed=1)
    some, others = encoded.take(np.arange(9)), encoded.take(np.arange(5, 20))
    unseen = replace(some, channels=some.channels.copy())
    unseen.channels[2, :4] = UNSEEN
    nowhere = replace(some, places=some.places.copy())
    nowhere.places[3:6, 0] = np.nan
    nowhere.places[5:, 1] = np.nan
    assert encoded.places.shape[1] == 2
    for first in (some, unseen, nowhere):
        expected = covariance(kernel, first, others)
        np.testing.assert_allclose(kernel.covariance(first, others).numpy(), expected, rtol=1e-4)


def test_the_kernel_is_symmetric_and_positive(encoded):
    kernel = Kernel.initial(encoded, 4, seed=0)
    matrix = kernel.covariance(encoded, encoded).double()
    torch.testing.assert_close(matrix, matrix.T, rtol=1e-5, atol=1e-6)
    assert torch.linalg.eigvalsh(matrix).min() > -1e-4


def test_the_mean_and_the_means_without_a_group_are_those_of_refitting(encoded, rows):
    kernel = Kernel.initial(encoded, 2, seed=3)
    truth = ((rows["label"] - rows["label"].mean()) / rows["label"].std()).to_numpy()
    groupings = [PROTOCOLS[protocol].groups(rows) for protocol in ("duplex", "target")]
    solution = solve(CovarianceMatrix(kernel, encoded).columns, truth, "gaussian_process")
    matrix = kernel.covariance(encoded, encoded).double().numpy()
    noisy = matrix + float(kernel.variance) * np.eye(len(rows))
    np.testing.assert_allclose(solution.weights, np.linalg.solve(noisy, truth), atol=2e-3)
    for groups in groupings:
        left_out = solution.without_groups(groups)
        for group in np.unique(groups):
            held = groups == group
            refitted = np.linalg.solve(noisy[np.ix_(~held, ~held)], truth[~held])
            expected = matrix[np.ix_(held, ~held)] @ refitted
            np.testing.assert_allclose(left_out[held], expected, atol=2e-3)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_mean_without_its_group_does_not_depend_on_the_groups_labels(encoded, rows, protocol):
    kernel = Kernel.initial(encoded, 2, seed=3)
    truth = rows["label"].to_numpy().astype(np.float32) / 30
    groups = PROTOCOLS[protocol].groups(rows)
    held = groups == groups[4]
    before, after = (
        solve(CovarianceMatrix(kernel, encoded).columns, labels, "gaussian_process").without_groups(
            groups
        )
        for labels in (truth, np.where(held, truth + 2, truth))
    )
    np.testing.assert_allclose(after[held], before[held], atol=5e-3)
    assert np.abs(after - before)[~held].max() > 0.02


def test_several_threads_learn_the_same_kernel_each_time():
    table = check_table(as_text(simulate(400, 1).train), "simulated", Config())
    encoder = PositionalEncoder.fit(table.rows, QUICK, PROTOCOLS["rows"])
    training = encoder.encode(table.rows, training=True)
    labels = table.rows["label"].to_numpy()
    config = QUICK.model_copy(update={"step_rows": 700})
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        found = [learn_kernel(training, labels, config, 0, lambda: False) for _ in range(4)]
    finally:
        torch.set_num_threads(before)
    for kernel in found[1:]:
        for name, tensor in kernel.tensors().items():
            assert torch.equal(tensor, found[0].tensors()[name]), name


def test_a_kernel_that_cannot_be_solved_is_refused_with_the_remedy(encoded, monkeypatch):
    labels = np.linspace(1.0, 90.0, len(encoded))
    monkeypatch.setattr(Kernel, "variance", torch.tensor([-5.0]))
    remedy = r"learning_rate, or set its weights in \[mixture\] to 0"
    with pytest.raises(SirnaError, match=remedy):
        learn_kernel(encoded, labels, QUICK, 0, lambda: False)
    with pytest.raises(SirnaError, match=remedy):
        solve_weights(Kernel.initial(encoded, 2, 0), encoded, labels)


def test_noise_has_a_lower_bound(encoded):
    kernel = replace(Kernel.initial(encoded, 1, 0), noise=torch.tensor([-50.0]))
    assert float(kernel.variance) == pytest.approx(LEAST_NOISE)


@pytest.mark.parametrize(("needed", "components"), [(1, 3), (10**6, 1), (20, 2)])
def test_few_duplexes_have_few_components(tiny_task, needed, components):
    config = GaussianProcessConfig(
        components=3, duplexes_per_component=needed, steps=1, step_rows=40
    )
    rows = tiny_task.training_rows
    positional = PositionalEncoder.fit(rows, config, tiny_task.config.protocol)
    encoded = positional.encode(rows, training=True)
    assert 20 <= len(encoded.channels) < 40
    kernel = learn_kernel(encoded, np.zeros(len(encoded)), config, 0, lambda: False)
    assert len(kernel.novel) == components
