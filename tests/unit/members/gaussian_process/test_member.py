"""The Gaussian process as a family, and ways in which labels could leak into it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sirna.config.config import Config
from sirna.config.family_sections import GaussianProcessConfig
from sirna.config.load import with_changes
from sirna.members.base import FitCallbacks
from sirna.members.gaussian_process.matrix import CovarianceMatrix
from sirna.members.gaussian_process.member import GaussianProcessMember
from sirna.members.solve import solve
from sirna.prediction.histogram import fit_bins
from sirna.protocols.protocol import PROTOCOLS
from sirna.protocols.targets import FEWEST_TARGETS
from sirna.simulate.simulate import simulate
from sirna.table.check_table import check_table
from sirna.table.training_source import as_text

QUICK = GaussianProcessConfig(components=2, duplexes_per_component=1, steps=8, step_rows=40)


@pytest.fixture(scope="module")
def rows(tiny_table):
    return tiny_table.rows


@pytest.fixture(scope="module")
def quick(tiny_config):
    changes = {f"gaussian_process.{key}": value for key, value in QUICK.model_dump().items()}
    return with_changes(tiny_config, changes)


@pytest.fixture(scope="module")
def many():
    """Rows with enough targets to stand for unseen ones."""
    return check_table(as_text(simulate(duplexes=120, seed=2).train), "many", Config()).rows


@pytest.fixture(scope="module")
def fit(task_of):
    """Fit on some rows, on all by default; return the member."""

    def fitted(rows, config, training=None, fold=0):
        return GaussianProcessMember.fit(
            task_of(rows, config, training, fold), 0, FitCallbacks()
        ).member

    return fitted


def under(config, protocol):
    return with_changes(config, {"split.protocol": protocol, "gaussian_process.series": []})


def test_a_gaussian_process_predicts_better_than_a_constant(quick, fit):
    config = with_changes(quick, {"gaussian_process.steps": 40})
    rows = check_table(as_text(simulate(duplexes=200, seed=1).train), "simulated", config).rows
    training, held = np.arange(0, len(rows), 2), np.arange(1, len(rows), 2)
    truth = rows["label"].to_numpy()
    predicted = fit(rows, config, training).predict(rows.iloc[held])
    error = np.abs(predicted.median() - truth[held]).mean()
    assert error < 0.85 * np.abs(np.median(truth[training]) - truth[held]).mean()


@pytest.mark.parametrize("series", ["site", "duplex_number"])
def test_effects_of_nearby_places_are_learned(quick, fit, series):
    rows = check_table(as_text(simulate(duplexes=200, seed=1).train), "simulated", quick).rows
    place = np.random.default_rng(0).permutation(len(rows))
    plate = np.random.default_rng(1).uniform(5, 95, len(rows) // 20 + 1)[place // 20]
    rows["site"], rows["duplex_number"] = np.nan, np.nan
    rows[series] = place * 1.0
    rows["label"] = plate
    training, held = np.arange(0, len(rows), 2), np.arange(1, len(rows), 2)
    error = {}
    for read in ((), (series,)):
        changes = {"gaussian_process.steps": 40, "gaussian_process.series": read}
        member = fit(rows, with_changes(quick, changes), training)
        error[read] = np.abs(member.predict(rows.iloc[held]).median() - plate[held]).mean()
    assert error[(series,)] < 0.75 * error[()]


def test_held_out_rows_are_predicted_in_their_order(rows, quick, task_of):
    task = task_of(rows, quick, np.arange(20, len(rows)))
    fitted = GaussianProcessMember.fit(task, 0, FitCallbacks())
    np.testing.assert_array_equal(fitted.held_out.positions, np.arange(20))
    expected = fitted.member.predict(rows.iloc[:20]).probs
    for part in fitted.held_out.parts:
        np.testing.assert_array_equal(part.probs, expected)


def test_a_held_out_label_does_not_change_predictions(rows, quick, fit):
    training, held = np.arange(20, len(rows)), np.arange(20)
    changed = rows.copy()
    changed.loc[held, "label"] = 99.0
    one, other = (fit(table, quick, training).predict(rows.iloc[held]) for table in (rows, changed))
    np.testing.assert_array_equal(one.probs, other.probs)


def test_under_target_names_and_places_do_not_change_predictions(rows, quick, fit):
    member = fit(rows, under(quick, "target"))
    renamed = rows.assign(target=rows["target"].iloc[0], publication="another")
    renamed = renamed.assign(duplex_number=7.0, site=rows["site"].iloc[0])
    np.testing.assert_array_equal(member.predict(rows).probs, member.predict(renamed).probs)


def test_a_prediction_does_not_depend_on_the_other_rows(rows, quick, fit):
    member = fit(rows, quick)
    whole = member.predict(rows).probs
    for some in ([5], [30, 2, 17], list(range(len(rows)))[::-1]):
        part = member.predict(rows.iloc[some].reset_index(drop=True)).probs
        np.testing.assert_allclose(part, whole[some], atol=1e-5)


def test_distributions_are_distributions(rows, quick, fit):
    predicted = fit(rows, quick).predict(rows)
    assert (predicted.probs >= 0).all()
    np.testing.assert_allclose(predicted.probs.sum(axis=1), 1.0)
    edges = fit_bins(rows["label"].to_numpy(), quick.model.bins, 30.0)
    np.testing.assert_array_equal(predicted.edges, edges)


def test_the_same_seed_gives_the_same_member(rows, quick, fit):
    one, same = (fit(rows, quick).tensors() for _ in range(2))
    other = fit(rows, quick, fold=1).tensors()
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["kernel.channel"], other["kernel.channel"])


def test_a_restored_member_predicts_the_same(rows, quick, fit):
    training = np.arange(0, len(rows), 3)
    member = fit(rows, quick, training, fold=4)
    again = GaussianProcessMember.restore(member.stored(), rows, quick)
    np.testing.assert_array_equal(member.predict(rows).probs, again.predict(rows).probs)
    assert again.fold == 4
    assert again.reads == member.reads


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


@pytest.fixture(scope="module")
def stored(rows, quick, fit):
    return fit(rows, quick, np.arange(40)).stored()


@pytest.mark.parametrize("name", BROKEN)
def test_tensors_that_do_not_fit_are_refused(rows, quick, stored, name):
    rest = {key: tensor for key, tensor in stored.tensors.items() if key != name}
    with pytest.raises(KeyError, match=name):
        GaussianProcessMember.restore(replace(stored, tensors=rest), rows, quick)
    for breaking in BROKEN[name]:
        broken = rest | {name: breaking(stored.tensors[name])}
        with pytest.raises(ValueError, match=r"Gaussian process|kernel|errors of a model"):
            GaussianProcessMember.restore(replace(stored, tensors=broken), rows, quick)


def test_a_training_table_with_too_few_rows_is_refused(rows, quick, stored):
    with pytest.raises(ValueError, match="does not fit the rows"):
        GaussianProcessMember.restore(stored, rows.iloc[:30], quick)


def test_a_sample_of_too_many_rows_is_drawn_guide_by_guide(rows, quick, fit):
    config = with_changes(quick, {"gaussian_process.most_rows": 25})
    chosen = fit(rows, config, np.arange(50)).chosen.numpy()
    assert len(chosen) == 25
    assert (np.diff(chosen) > 0).all()
    assert chosen.max() < 50
    left = set(range(50)) - set(chosen.tolist())
    torn = set(rows["guide"].iloc[chosen]) & set(rows["guide"].iloc[sorted(left)])
    assert len(torn) <= 1


def test_a_request_to_stop_ends_the_fit_without_a_member(rows, quick, task_of):
    class Impatient(FitCallbacks):
        answers = iter([False, False, True])

        def stop(self):
            return next(self.answers)

    assert GaussianProcessMember.fit(task_of(rows, quick), 0, Impatient()) is None


def test_few_and_equal_labels_are_fitted_too(rows, quick, fit):
    same = rows.iloc[:6].assign(label=50.0)
    predicted = fit(same, quick).predict(same)
    assert np.isfinite(predicted.probs).all()
    assert predicted.prob_below(30.0).max() < 0.05  # the one label's bin begins there


def test_errors_are_measured_along_increasing_means(rows, quick, fit):
    residuals = fit(rows, quick).posterior.residuals
    assert (np.diff(residuals.knots.numpy()) >= 0).all()
    assert (residuals.spread > 0).all()


def test_training_rows_are_predicted_as_if_their_targets_were_unseen(many, quick, fit):
    member = fit(many, under(quick, "duplex"))
    posterior, targets = member.posterior, PROTOCOLS["target"].groups(many)
    truth = posterior.residuals.standardised(many["label"].to_numpy()).astype(np.float32)
    one = targets == targets[7]
    changed = np.where(one, truth + 2, truth)
    columns = CovarianceMatrix(posterior.kernel, member.training).columns
    solution = solve(columns, changed, "gaussian_process")
    means = solution.without_groups(targets)
    np.testing.assert_allclose(means[one], posterior.left_out[one], atol=5e-3)
    assert np.abs(solution.weights - posterior.weights.numpy()).max() > 0.1
    left_out = member.left_out()
    np.testing.assert_array_equal(left_out.positions, np.arange(len(many)))
    unseen, known = (
        np.abs(predicted.median() - many["label"]).mean()
        for predicted in (left_out.predicted, member.predict(many))
    )
    assert unseen > 1.2 * known


@pytest.mark.parametrize("case", ["target", "few", "large", "nameless"])
def test_targets_that_cannot_represent_unseen_ones_are_not_left_out(many, quick, fit, case):
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
    assert fit(rows, under(quick, protocol)).left_out() is None


class OnFolds(FitCallbacks):
    """The folds' members come after so many questions; a stop may be requested after as many."""

    def __init__(self, members, after=0, stop_after=None, scratch=None):
        self.members, self.after, self.stop_after = members, after, stop_after
        self.asked = self.steps = 0
        self.path = scratch

    def scratch(self):
        return self.path

    def on_folds(self):
        self.asked += 1
        return self.members if self.asked > self.after else None

    def advance(self, steps):
        self.steps += steps

    def stop(self):
        return self.stop_after is not None and self.asked >= self.stop_after


@pytest.fixture
def on_all_rows(rows, quick, task_of):
    return task_of(rows, quick, np.arange(len(rows)))


def test_a_fit_on_all_rows_takes_the_kernel_of_the_first_fold(rows, quick, fit, on_all_rows):
    duplexes = rows.groupby(["guide", "guide_modifications", "passenger_modifications"])
    again = np.flatnonzero(duplexes.cumcount() > 0)  # without them no feature is absent
    folds = [fit(rows, quick, np.delete(np.arange(len(rows)), again[:n])) for n in (3, 1)]
    asked = OnFolds(folds, after=2)
    found = GaussianProcessMember.fit(on_all_rows, 0, asked).member
    assert asked.asked == 3
    assert asked.steps == 0  # no kernel is learned
    for name, tensor in folds[0].posterior.kernel.tensors().items():
        assert torch.equal(found.posterior.kernel.tensors()[name], tensor), name
    assert len(found.posterior.weights) == len(rows)


@pytest.fixture
def without_some(rows, task_of):
    """The task of a fold whose held-out rows bring no feature that the others lack."""
    duplexes = rows.groupby(["guide", "guide_modifications", "passenger_modifications"])
    again = np.flatnonzero(duplexes.cumcount() > 0)

    def of(config, held_out=7):
        return task_of(rows, config, np.delete(np.arange(len(rows)), again[:held_out]))

    return of


@pytest.mark.parametrize("loss", ["none", "absent", "cut", "changed", "of other rows"])
def test_a_fit_on_all_rows_grows_the_folds_solution_or_repeats_it(
    loss, quick, on_all_rows, without_some, tmp_path
):
    kept = tmp_path / "folder" / "kept.npz"
    fold = GaussianProcessMember.fit(without_some(quick), 0, OnFolds((), scratch=kept)).member
    stored = kept.read_bytes()
    if loss == "absent":
        kept.unlink()
    elif loss == "cut":
        kept.write_bytes(stored[: len(stored) // 2])
    elif loss == "changed":
        middle = len(stored) // 2
        kept.write_bytes(stored[:middle] + bytes(8) + stored[middle + 8 :])
    elif loss == "of other rows":
        GaussianProcessMember.fit(without_some(quick, 3), 0, OnFolds((), scratch=kept))
    found = GaussianProcessMember.fit(on_all_rows, 0, OnFolds([fold], scratch=kept)).member
    anew = GaussianProcessMember.fit(on_all_rows, 0, OnFolds([fold])).member
    assert torch.equal(found.posterior.weights, anew.posterior.weights)
    assert found.widening() == anew.widening()
    assert sorted(found.chosen.tolist()) == on_all_rows.training.tolist()
    held_out = on_all_rows.rows
    np.testing.assert_array_equal(found.predict(held_out).probs, anew.predict(held_out).probs)


def test_rows_left_out_by_target_are_returned_in_the_order_of_the_table(
    quick, on_all_rows, without_some
):
    fold = GaussianProcessMember.fit(without_some(quick), 0, FitCallbacks()).member
    found = GaussianProcessMember.fit(on_all_rows, 0, OnFolds([fold])).member
    assert (np.diff(found.chosen.numpy()) < 0).any()
    left_out = found.left_out()
    np.testing.assert_array_equal(left_out.positions, on_all_rows.training)
    means = found.posterior.left_out.numpy()[np.argsort(found.chosen.numpy())]
    order = np.argsort(left_out.predicted.median())
    assert (np.diff(means[order]) > -0.05).all()


def test_numbers_are_in_the_units_of_the_folds_kernel(quick, on_all_rows, without_some):
    fold = GaussianProcessMember.fit(without_some(quick), 0, FitCallbacks()).member
    alone = GaussianProcessMember.fit(on_all_rows, 0, FitCallbacks()).member
    found = GaussianProcessMember.fit(on_all_rows, 0, OnFolds([fold])).member
    units = [one.positional.conditions.numeric for one in (fold, found, alone)]
    assert units[0] == units[1] != units[2]


def test_more_rows_than_the_setting_are_not_grown_from_others(
    quick, on_all_rows, without_some, tmp_path
):
    few, kept = with_changes(quick, {"gaussian_process.most_rows": 60}), tmp_path / "kept.npz"
    fold = GaussianProcessMember.fit(without_some(few), 0, OnFolds((), scratch=kept)).member
    task = replace(on_all_rows, config=few)
    found = GaussianProcessMember.fit(task, 0, OnFolds([fold], scratch=kept)).member
    assert len(found.chosen) <= 60
    assert not kept.exists()
    assert (np.diff(found.chosen.numpy()) > 0).all()


def test_a_kernel_of_other_features_is_not_taken(rows, quick, fit, on_all_rows):
    """Few rows may lack a chemistry, a place or a condition."""
    few = fit(rows, with_changes(quick, {"gaussian_process.series": []}))
    assert few.positional.features != fit(rows, quick).positional.features
    found = GaussianProcessMember.fit(on_all_rows, 0, OnFolds([few])).member
    alone = GaussianProcessMember.fit(on_all_rows, 0, FitCallbacks()).member
    for name, tensor in alone.posterior.kernel.tensors().items():
        assert torch.equal(found.posterior.kernel.tensors()[name], tensor), name


def test_a_stop_ends_the_wait_for_folds(on_all_rows):
    assert GaussianProcessMember.fit(on_all_rows, 0, OnFolds([], after=9, stop_after=2)) is None


def test_a_stop_is_noticed_before_the_weights_are_solved(rows, quick, fit, on_all_rows):
    folds = [fit(rows, quick)]
    assert GaussianProcessMember.fit(on_all_rows, 0, OnFolds(folds, stop_after=1)) is None
