"""The trees as a member of the mixture."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sirna.config.config import Config
from sirna.config.family_sections import TreesConfig
from sirna.config.load import with_changes
from sirna.members.base import FitCallbacks
from sirna.members.trees.member import TreesMember
from sirna.simulate.simulate import simulate
from sirna.table.check_table import check_table
from sirna.table.training_source import as_text

QUICK = TreesConfig(rounds=12, ensembles=2, folds=3)


@pytest.fixture(scope="module")
def quick():
    changes = {f"trees.{key}": value for key, value in QUICK.model_dump().items()}
    return with_changes(Config(), changes | {"split.protocol": "target"})


@pytest.fixture(scope="module")
def rows():
    return check_table(as_text(simulate(duplexes=120, seed=2).train), "many", Config()).rows


@pytest.fixture(scope="module")
def fit(task_of):
    """Fit on some rows, on all by default; return the member."""

    def fitted(rows, config, training=None, fold=0):
        return TreesMember.fit(task_of(rows, config, training, fold), 0, FitCallbacks()).member

    return fitted


def test_trees_use_the_duplex_number(rows, quick, fit):
    rng = np.random.default_rng(0)
    study = rng.permutation(len(rows)) // 30
    level = rng.uniform(5, 95, study.max() + 1)[study]
    number = 1000 * study + rng.integers(0, 900, len(rows))
    made = rows.assign(label=level, duplex_number=number * 1.0)
    training, held = np.arange(0, len(rows), 2), np.arange(1, len(rows), 2)
    error = {}
    for series in ((), ("duplex_number",)):
        changes = {"trees.rounds": 60, "trees.series": series, "split.protocol": "rows"}
        member = fit(made, with_changes(quick, changes), training)
        error[series] = np.abs(member.predict(made.iloc[held]).median() - level[held]).mean()
    assert error[("duplex_number",)] < 0.6 * error[()]


@pytest.mark.parametrize("protocol", ["rows", "target"])
def test_names_do_not_change_predictions(rows, quick, fit, protocol):
    member = fit(rows, with_changes(quick, {"split.protocol": protocol}))
    renamed = rows.assign(target=rows["target"].iloc[0], publication="another")
    np.testing.assert_array_equal(member.predict(rows).probs, member.predict(renamed).probs)
    assert not member.reads & {"target", "publication"}
    assert {"species_match", "site", "duplex_number"} <= member.reads


def test_training_rows_are_predicted_without_their_targets(rows, quick, fit):
    training = np.arange(10, len(rows))
    member = fit(rows, quick, training)
    left_out = member.left_out()
    np.testing.assert_array_equal(left_out.positions, training)
    labels = rows["label"].to_numpy()[training]
    seen, unseen = (
        np.abs(predicted.median() - labels).mean()
        for predicted in (member.predict(rows.iloc[training]), left_out.predicted)
    )
    assert seen < unseen < np.abs(labels - np.median(labels)).mean()


def test_left_out_predictions_do_not_depend_on_labels_of_their_target(rows, quick, fit):
    one = rows["target"].to_numpy() == rows["target"].dropna().iloc[40]
    label = rows["label"].to_numpy().copy()
    label[one] = label[one][::-1]  # the same labels in all, and so the same scale
    before, after = (fit(table, quick).means_left_out for table in (rows, rows.assign(label=label)))
    assert torch.equal(before[one], after[one])
    assert not torch.equal(before, after)


def test_a_held_out_label_does_not_change_predictions(rows, quick, fit):
    training, held = np.arange(40, len(rows)), np.arange(40)
    changed = rows.assign(label=np.where(rows.index < 40, 99.0, rows["label"]))
    one, other = (fit(table, quick, training).predict(rows.iloc[held]) for table in (rows, changed))
    np.testing.assert_array_equal(one.probs, other.probs)


def test_a_prediction_does_not_depend_on_the_other_rows(rows, quick, fit):
    member = fit(rows, quick)
    whole = member.predict(rows).probs
    for some in ([5], [30, 2, 17], list(range(len(rows)))[::-1]):
        part = member.predict(rows.iloc[some].reset_index(drop=True)).probs
        np.testing.assert_array_equal(part, whole[some])


def test_distributions_are_distributions(rows, quick, fit):
    predicted = fit(rows, quick).predict(rows)
    assert (predicted.probs >= 0).all()
    np.testing.assert_allclose(predicted.probs.sum(axis=1), 1.0)


def test_the_same_seed_gives_the_same_member(rows, quick, fit):
    one, same = (fit(rows, quick).tensors() for _ in range(2))
    other = fit(rows, with_changes(quick, {"train.seed": 1})).tensors()
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["value"], other["value"])


@pytest.fixture(scope="module")
def stored(rows, quick, fit):
    return fit(rows, quick, fold=4).stored()


def test_a_restored_member_predicts_the_same(rows, quick, fit, stored):
    member = fit(rows, quick, fold=4)
    again = TreesMember.restore(stored, rows, quick)
    np.testing.assert_array_equal(member.predict(rows).probs, again.predict(rows).probs)
    assert again.fold == 4
    assert again.reads == member.reads


BROKEN = {
    "first": [lambda t: t + 10**6, lambda t: t.float(), lambda t: -t - 1],
    "base": [lambda t: t.repeat(2), lambda t: t * torch.nan],
    "feature": [lambda t: t + 10**4, lambda t: t[:-1], lambda t: t - 10**4],
    "threshold": [lambda t: t * torch.nan, lambda t: t.float()],
    "left": [lambda t: t + 10**6, lambda t: t * 0],
    "right": [lambda t: t - 10**6, lambda t: t * 0],
    "missing_left": [lambda t: t.long()],
    "value": [lambda t: t / 0, lambda t: t[:5]],
    "spread": [lambda t: t * 0],
    "knots": [lambda t: t[:-1]],
    "left_out": [lambda t: t.double(), lambda t: t[None], lambda t: t[:-1]],
    "positions": [lambda t: t.float(), lambda t: t[:-1]],
}


@pytest.mark.parametrize("name", BROKEN)
def test_tensors_that_do_not_fit_are_refused(rows, quick, stored, name):
    rest = {key: tensor for key, tensor in stored.tensors.items() if key != name}
    with pytest.raises(KeyError, match=name):
        TreesMember.restore(replace(stored, tensors=rest), rows, quick)
    for breaking in BROKEN[name]:
        broken = rest | {name: breaking(stored.tensors[name])}
        with pytest.raises((KeyError, TypeError, ValueError)):
            TreesMember.restore(replace(stored, tensors=broken), rows, quick)


@pytest.mark.parametrize("side", ["left", "right"])
def test_nodes_that_share_a_child_are_refused(rows, quick, stored, side):
    left, right = stored.tensors["left"], stored.tensors["right"]
    inner = int(torch.nonzero(left != torch.arange(len(left)))[0])
    other = {"left": right, "right": left}[side]
    changed = stored.tensors[side].clone()
    changed[inner] = other[inner]
    with pytest.raises(ValueError, match="trees"):
        TreesMember.restore(replace(stored, tensors=stored.tensors | {side: changed}), rows, quick)


@pytest.mark.parametrize("key", ["channels", "counted", "conditions", "series"])
def test_an_encoder_that_lacks_a_part_is_refused(rows, quick, stored, key):
    encoder = {name: part for name, part in stored.encoder.items() if name != key}
    with pytest.raises((KeyError, TypeError, ValueError)):
        TreesMember.restore(replace(stored, encoder=encoder), rows, quick)
