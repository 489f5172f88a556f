"""The Gaussian process against its formulas written out, and the ways in which it could cheat."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sirna.config.load import Config, with_changes
from sirna.config.schema import GaussianProcessConfig
from sirna.errors import SirnaError
from sirna.features.positional import UNSEEN, Aligner
from sirna.members.gaussian_process.fit import _solve, fit_process, learn_kernel
from sirna.members.gaussian_process.kernel import LEAST_NOISE, REACHES, Kernel
from sirna.members.gaussian_process.member import FEWEST_TARGETS, RowProcess
from sirna.members.gaussian_process.posterior import GaussianProcess
from sirna.prediction.histogram import fit_bins
from sirna.simulate.simulate import simulate
from sirna.table.check_table import check_table
from sirna.table.splits import group_rows
from sirna.table.training_source import as_text

QUICK = GaussianProcessConfig(components=2, steps=8, step_rows=40)


@pytest.fixture(scope="module")
def rows(tiny_table):
    return tiny_table.rows


@pytest.fixture(scope="module")
def compared(rows):
    return Aligner.fit(rows, QUICK, "rows").encode(rows, own=True)


@pytest.fixture(scope="module")
def quick(tiny_config):
    changes = {f"gaussian_process.{key}": value for key, value in QUICK.model_dump().items()}
    return with_changes(tiny_config, changes)


def covariance(kernel, some, others):
    """Return the covariances by the kernel's definition, pair by pair."""
    table = np.zeros((len(some), len(others)))
    for i, (d, s) in enumerate(zip(some.duplex, some.setting, strict=True)):
        for j, (e, t) in enumerate(zip(others.duplex, others.setting, strict=True)):
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


def test_the_kernel_is_what_it_says(compared):
    kernel = Kernel.initial(compared, 3, seed=1)
    some, others = compared.take(np.arange(9)), compared.take(np.arange(5, 20))
    unseen = replace(some, channels=some.channels.copy())
    unseen.channels[2, :4] = UNSEEN
    nowhere = replace(some, places=some.places.copy())
    nowhere.places[3:6, 0] = np.nan
    nowhere.places[5:, 1] = np.nan
    assert compared.places.shape[1] == 2
    for first in (some, unseen, nowhere):
        expected = covariance(kernel, first, others)
        np.testing.assert_allclose(kernel.between(first, others).numpy(), expected, rtol=1e-4)


def test_the_kernel_is_symmetric_and_positive(compared):
    kernel = Kernel.initial(compared, 4, seed=0)
    matrix = kernel.between(compared, compared).double()
    torch.testing.assert_close(matrix, matrix.T, rtol=1e-5, atol=1e-6)
    assert torch.linalg.eigvalsh(matrix).min() > -1e-4


def test_the_mean_and_the_means_without_a_group_are_those_of_refitting(compared, rows):
    kernel = Kernel.initial(compared, 2, seed=3)
    truth = ((rows["label"] - rows["label"].mean()) / rows["label"].std()).to_numpy()
    groupings = [group_rows(rows, protocol) for protocol in ("duplex", "target")]
    weights, means = _solve(kernel, compared, truth.astype(np.float32), groupings)
    matrix = kernel.between(compared, compared).double().numpy()
    noisy = matrix + float(kernel.variance) * np.eye(len(rows))
    np.testing.assert_allclose(weights, np.linalg.solve(noisy, truth), atol=2e-3)
    for groups, left_out in zip(groupings, means, strict=True):
        for group in np.unique(groups):
            held = groups == group
            refitted = np.linalg.solve(noisy[np.ix_(~held, ~held)], truth[~held])
            expected = matrix[np.ix_(held, ~held)] @ refitted
            np.testing.assert_allclose(left_out[held], expected, atol=2e-3)


@pytest.mark.parametrize("protocol", ["rows", "duplex", "target"])
def test_a_mean_without_its_group_does_not_know_the_groups_labels(compared, rows, protocol):
    kernel = Kernel.initial(compared, 2, seed=3)
    truth = rows["label"].to_numpy().astype(np.float32) / 30
    groups = group_rows(rows, protocol)
    _, (before,) = _solve(kernel, compared, truth, [groups])
    held = groups == groups[4]
    _, (after,) = _solve(kernel, compared, np.where(held, truth + 2, truth), [groups])
    np.testing.assert_allclose(after[held], before[held], atol=5e-3)
    assert np.abs(after - before)[~held].max() > 0.02


def test_a_process_predicts_better_than_a_constant(quick):
    config = with_changes(quick, {"gaussian_process.steps": 40})
    rows = check_table(as_text(simulate(duplexes=200, seed=1).train), "simulated", config).rows
    training, held = np.arange(0, len(rows), 2), np.arange(1, len(rows), 2)
    groups = rows["id"].to_numpy()
    truth = rows["label"].to_numpy()
    process = RowProcess.fit(rows, training, groups, config, 0)
    error = np.abs(process.predict(rows.iloc[held]).median() - truth[held]).mean()
    assert error < 0.85 * np.abs(np.median(truth[training]) - truth[held]).mean()


@pytest.mark.parametrize("series", ["site", "duplex_number"])
def test_what_neighbours_share_is_learned(quick, series):
    simulated = as_text(simulate(duplexes=200, seed=1).train)
    rows = check_table(simulated, "simulated", quick).rows
    place = np.random.default_rng(0).permutation(len(rows))
    plate = np.random.default_rng(1).uniform(5, 95, len(rows) // 20 + 1)[place // 20]
    rows["site"], rows["duplex_number"] = np.nan, np.nan
    if series == "site":
        rows["site"] = place * 1.0
    else:
        rows["duplex_number"] = place * 1.0
    rows["label"] = plate
    training, held = np.arange(0, len(rows), 2), np.arange(1, len(rows), 2)
    error = {}
    for read in ((), (series,)):
        changes = {"gaussian_process.steps": 40, "gaussian_process.series": read}
        config = with_changes(quick, changes)
        process = RowProcess.fit(rows, training, rows["id"].to_numpy(), config, 0)
        error[read] = np.abs(process.predict(rows.iloc[held]).median() - plate[held]).mean()
    assert error[(series,)] < 0.75 * error[()]


def test_a_held_out_label_changes_no_prediction(rows, quick):
    training, held = np.arange(20, len(rows)), np.arange(20)
    changed = rows.copy()
    changed.loc[held, "label"] = 99.0
    one, other = (
        RowProcess.fit(table, training, rows["id"].to_numpy(), quick, 0).predict(rows.iloc[held])
        for table in (rows, changed)
    )
    np.testing.assert_array_equal(one.probs, other.probs)


def test_under_target_no_name_changes_a_prediction(rows, quick):
    config = with_changes(quick, {"split.protocol": "target"})
    process = RowProcess.fit(rows, np.arange(len(rows)), group_rows(rows, "target"), config, 0)
    renamed = rows.assign(target=rows["target"].iloc[0], publication="another")
    renamed = renamed.assign(duplex_number=7.0, site=rows["site"].iloc[0])
    np.testing.assert_array_equal(process.predict(rows).probs, process.predict(renamed).probs)


def test_a_prediction_does_not_depend_on_the_other_rows(rows, quick):
    process = RowProcess.fit(rows, np.arange(len(rows)), rows["id"].to_numpy(), quick, 0)
    whole = process.predict(rows).probs
    for some in ([5], [30, 2, 17], list(range(len(rows)))[::-1]):
        part = process.predict(rows.iloc[some].reset_index(drop=True)).probs
        np.testing.assert_allclose(part, whole[some], atol=1e-5)


def test_distributions_are_distributions(rows, quick):
    predicted = RowProcess.fit(rows, np.arange(len(rows)), rows["id"].to_numpy(), quick, 0).predict(
        rows
    )
    assert (predicted.probs >= 0).all()
    np.testing.assert_allclose(predicted.probs.sum(axis=1), 1.0)
    labels = rows["label"].to_numpy(dtype=np.float32).astype(np.float64)
    edges = fit_bins(labels, quick.model.bins, 30.0)
    np.testing.assert_array_equal(predicted.edges, edges)


def test_the_same_seed_gives_the_same_process(rows, quick):
    whole, groups = np.arange(len(rows)), rows["id"].to_numpy()
    one, same = (RowProcess.fit(rows, whole, groups, quick, 0).tensors() for _ in range(2))
    other = RowProcess.fit(rows, whole, groups, quick, 1).tensors()
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["kernel.channel"], other["kernel.channel"])


def test_several_threads_learn_the_same_kernel_each_time():
    table = check_table(as_text(simulate(400, 1).train), "simulated", Config())
    training = Aligner.fit(table.rows, QUICK, "rows").encode(table.rows, own=True)
    truth = torch.from_numpy(np.sqrt(table.rows["label"].to_numpy())).float()
    config = QUICK.model_copy(update={"step_rows": 700})
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        found = [learn_kernel(training, truth, config, 0, lambda: False) for _ in range(4)]
    finally:
        torch.set_num_threads(before)
    for kernel in found[1:]:
        for name, tensor in kernel.tensors().items():
            assert torch.equal(tensor, found[0].tensors()[name]), name


def test_what_is_rebuilt_from_tensors_predicts_the_same(rows, quick):
    training = np.arange(0, len(rows), 3)
    process = RowProcess.fit(rows, training, rows["id"].to_numpy(), quick, 4)
    again = RowProcess.from_tensors(process.tensors(), rows, quick, 4)
    np.testing.assert_array_equal(process.predict(rows).probs, again.predict(rows).probs)
    assert again.number == 4


BROKEN = {
    "weights": [lambda t: t[:-1], lambda t: t.double(), lambda t: t * torch.nan, lambda t: t[None]],
    "chosen": [lambda t: t[:-1], lambda t: t - 1, lambda t: t + 1000, lambda t: t.float()],
    "scale": [lambda t: t[:1], lambda t: t * torch.inf],
    "knots": [lambda t: t[:-1]],
    "bias": [lambda t: t[:0]],
    "spread": [lambda t: t * 0],
    "edges": [lambda t: t.flip(0), lambda t: t[:1], lambda t: t.bfloat16()],
    "left_out": [
        lambda _: torch.zeros(3),
        lambda t: t.double(),
        lambda _: torch.full((40,), torch.nan),
    ],
    "kernel.channel": [lambda t: t[:, :-1], lambda t: t[:1], lambda t: t[0]],
    "kernel.novel": [lambda t: t[:1]],
    "kernel.noise": [lambda t: t.repeat(2), lambda t: t * torch.nan],
}


@pytest.mark.parametrize("name", BROKEN)
def test_tensors_that_do_not_fit_are_refused(rows, quick, name):
    tensors = RowProcess.fit(rows, np.arange(40), rows["id"].to_numpy(), quick, 0).tensors()
    with pytest.raises(KeyError, match=name):
        RowProcess.from_tensors({k: v for k, v in tensors.items() if k != name}, rows, quick, 0)
    for breaking in BROKEN[name]:
        with pytest.raises(ValueError, match=r"process|kernel"):
            RowProcess.from_tensors({**tensors, name: breaking(tensors[name])}, rows, quick, 0)


def test_a_table_with_too_few_rows_is_refused(rows, quick):
    tensors = RowProcess.fit(rows, np.arange(40), rows["id"].to_numpy(), quick, 0).tensors()
    with pytest.raises(ValueError, match="differ in rows"):
        RowProcess.from_tensors(tensors, rows.iloc[:30], quick, 0)


def test_of_too_many_rows_some_are_drawn(rows, quick):
    config = with_changes(quick, {"gaussian_process.most_rows": 25})
    process = RowProcess.fit(rows, np.arange(50), rows["id"].to_numpy(), config, 0)
    chosen = process.chosen.numpy()
    assert len(chosen) == 25
    assert (np.diff(chosen) > 0).all()
    assert chosen.max() < 50
    left = set(range(50)) - set(chosen.tolist())
    torn = set(rows["guide"].iloc[chosen]) & set(rows["guide"].iloc[sorted(left)])
    assert len(torn) <= 1


def test_a_request_to_stop_is_heard(rows, quick):
    asked = iter([False, False, True])
    with pytest.raises(InterruptedError):
        RowProcess.fit(rows, np.arange(40), rows["id"].to_numpy(), quick, 0, lambda: next(asked))


def test_a_kernel_that_cannot_be_solved_is_told(compared, monkeypatch):
    labels = np.linspace(1.0, 90.0, len(compared))
    monkeypatch.setattr(Kernel, "variance", torch.tensor([-5.0]))
    edges = np.array([0, 30, 100.0])
    with pytest.raises(SirnaError, match=r"gaussian_process\.share = 0"):
        fit_process(compared, labels, np.arange(len(labels)), None, edges, QUICK, "rows", 0)


def test_few_and_equal_labels_are_fitted_all_the_same(rows, quick):
    same = rows.iloc[:6].assign(label=50.0)
    predicted = RowProcess.fit(same, np.arange(6), same["id"].to_numpy(), quick, 0).predict(same)
    assert np.isfinite(predicted.probs).all()
    assert predicted.prob_below(30.0).max() < 0.05  # the one label's bin begins there


def test_noise_has_a_floor(compared):
    kernel = replace(Kernel.initial(compared, 1, 0), noise=torch.tensor([-50.0]))
    assert float(kernel.variance) == pytest.approx(LEAST_NOISE)


def test_errors_follow_the_level(rows, quick):
    process = RowProcess.fit(rows, np.arange(len(rows)), rows["id"].to_numpy(), quick, 0).process
    assert isinstance(process, GaussianProcess)
    assert (np.diff(process.residuals.knots.numpy()) >= 0).all()
    assert (process.residuals.spread > 0).all()


@pytest.fixture(scope="module")
def many():
    """Rows of targets enough to stand for new ones."""
    return check_table(as_text(simulate(duplexes=120, seed=2).train), "many", Config()).rows


def fitted(rows, config, protocol="duplex"):
    config = with_changes(config, {"split.protocol": protocol})
    return RowProcess.fit(rows, np.arange(len(rows)), group_rows(rows, protocol), config, 0)


def test_training_rows_are_predicted_as_if_their_targets_were_new(many, quick):
    process = fitted(many, quick)
    assert process.knows_targets
    own, fitted_one = process.process, group_rows(many, "target")
    truth = own.residuals.standardised(many["label"].to_numpy()).astype(np.float32)
    some = fitted_one == fitted_one[7]
    weights, (left_out,) = _solve(
        own.kernel, process._encoded[1], np.where(some, truth + 2, truth), [fitted_one]
    )
    np.testing.assert_allclose(left_out[some], own.left_out[some], atol=5e-3)
    assert np.abs(weights - own.weights.numpy()).max() > 0.1
    alone = own.with_new_targets()
    error = {
        name: np.abs(predicted.median() - many["label"]).mean()
        for name, predicted in (("new", alone), ("known", process.predict(many)))
    }
    assert error["new"] > 1.2 * error["known"]


@pytest.mark.parametrize("case", ["target", "few", "large", "nameless"])
def test_targets_that_cannot_stand_for_new_ones_are_not_asked(many, quick, case):
    rows, protocol = many, "duplex"
    if case == "target":
        protocol = "target"
    elif case == "few":
        names = rows["target"].dropna().unique()[: FEWEST_TARGETS - 1]
        rows = rows[rows["target"].isin(names)].reset_index(drop=True)
    elif case == "large":
        rows = rows.assign(target=np.where(rows.index % 2, "ONE", rows["target"]))
    else:
        rows = rows.drop(columns=["target", "publication"])
    process = fitted(rows, quick, protocol)
    assert not process.knows_targets
    assert len(process.process.with_new_targets()) == 0


def test_a_new_target_is_one_that_no_training_row_has(many, quick):
    config = with_changes(quick, {"split.protocol": "rows"})
    targets = group_rows(many, "target")
    training = np.flatnonzero(targets != targets[0])
    process = RowProcess.fit(many, training, many["id"].to_numpy(), config, 0)
    np.testing.assert_array_equal(process.new_targets(many), targets == targets[0])
