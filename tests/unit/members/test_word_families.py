"""The families for small tables: word process and random forest."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from sirna.config.load import load_config, with_changes
from sirna.features.words import WordEncoder
from sirna.members.base import FitCallbacks
from sirna.members.random_forest.member import RandomForestMember
from sirna.members.word_process.kernel import WordKernel
from sirna.members.word_process.member import WordProcessMember

FAMILIES = pytest.mark.parametrize(
    "family", [WordProcessMember, RandomForestMember], ids=lambda one: one.family
)


class Stopped(FitCallbacks):
    def stop(self):
        return True


@pytest.fixture(scope="module")
def worded():
    """Rows whose labels follow from words of their guides and chemistries, wherever they stand."""
    rng = np.random.default_rng(0)
    guides = ["".join(rng.choice(list("ACGU"), 21)) for _ in range(260)]
    lists = [" ".join(base + rng.choice(["f", "m"]) for base in guide) for guide in guides]
    level = [
        50 + 9 * (guide.count("G") + guide.count("C") - 10.5) + 4 * (text.count("f") - 10.5)
        for guide, text in zip(guides, lists, strict=True)
    ]
    return pd.DataFrame(
        {
            "id": [f"r{number}" for number in range(260)],
            "guide": guides,
            "guide_modifications": lists,
            "label": np.clip(np.array(level) + 3 * rng.standard_normal(260), 0.0, 130.0),
        }
    )


@pytest.fixture(scope="module")
def fit(task_of):
    """Fit on some rows, on all by default; return the member."""

    def fitted(family, rows, config, training=None, fold=0):
        return family.fit(task_of(rows, config, training, fold), 0, FitCallbacks()).member

    return fitted


@FAMILIES
def test_few_rows_suffice_to_learn_what_words_say(family, worded, tiny_config, fit):
    config = with_changes(tiny_config, {"word_process.steps": 30})
    member = fit(family, worded, config, np.arange(200))
    held = worded.iloc[200:]
    predicted = member.predict(held).median()
    assert np.corrcoef(predicted, held["label"])[0, 1] > 0.6


@FAMILIES
def test_each_row_is_predicted_for_itself(family, tiny_table, tiny_config, fit):
    rows = tiny_table.rows
    member = fit(family, rows, tiny_config)
    whole = member.predict(rows).probs
    np.testing.assert_allclose(whole.sum(axis=1), 1.0)
    for some in ([5], [30, 2, 17], list(range(len(rows)))[::-1]):
        part = member.predict(rows.iloc[some].reset_index(drop=True)).probs
        np.testing.assert_allclose(part, whole[some], atol=1e-12)
    assert len(member.predict(rows.iloc[:0])) == 0


@pytest.mark.parametrize("unlike", ["guides", "doses", "neither"])
def test_the_mean_of_a_word_process_is_the_product_of_the_whole_table(unlike, tiny_table):
    rows = tiny_table.rows.copy()
    if unlike == "guides":
        rows["dose"] = 1.0
    if unlike == "doses":
        rows = rows.assign(guide=rows["guide"].iloc[0], dose=np.arange(len(rows)) + 1.0)
    config = load_config()
    words = WordEncoder.fit(rows, config.covariates, ["guide"], config.protocol)
    some, others = words.encode(rows.iloc[:23]), words.encode(rows)
    rng = np.random.default_rng(0)
    weights = torch.from_numpy(rng.standard_normal(len(rows)))
    kernel = WordKernel.initial(others)
    drawn = {name: value + 0.1 * len(name) for name, value in kernel.tensors().items()}
    kernel = WordKernel(**drawn)
    table = kernel.covariance(some, others)
    assert table.std() > 0
    np.testing.assert_allclose(kernel.mean(some, others, weights), table @ weights, rtol=1e-12)


@FAMILIES
def test_a_held_out_label_does_not_change_predictions(family, tiny_table, tiny_config, fit):
    rows = tiny_table.rows
    training, held = np.arange(20, len(rows)), np.arange(20)
    changed = rows.assign(label=np.where(np.arange(len(rows)) < 20, 99.0, rows["label"]))
    one, other = (
        fit(family, table, tiny_config, training).predict(rows.iloc[held])
        for table in (rows, changed)
    )
    np.testing.assert_array_equal(one.probs, other.probs)


@FAMILIES
def test_names_are_read_only_where_targets_are_known(family, tiny_table, tiny_config, fit):
    rows = tiny_table.rows
    renamed = rows.assign(target=rows["target"].iloc[0], publication="another")
    for protocol, same in (("rows", False), ("target", True)):
        config = with_changes(tiny_config, {"split.protocol": protocol})
        member = fit(family, rows, config)
        one, other = (member.predict(table).probs for table in (rows, renamed))
        assert np.array_equal(one, other) == same


@FAMILIES
def test_a_restored_member_predicts_the_same(family, tiny_table, tiny_config, fit):
    rows = tiny_table.rows
    member = fit(family, rows, tiny_config, fold=4)
    again = family.restore(member.stored(), rows, tiny_config)
    np.testing.assert_array_equal(member.predict(rows).probs, again.predict(rows).probs)
    assert (again.fold, again.reads) == (4, member.reads)


@FAMILIES
def test_a_stopped_fit_has_no_result(family, tiny_task):
    assert family.fit(tiny_task, 0, Stopped()) is None


@FAMILIES
def test_the_same_seed_gives_the_same_member(family, tiny_table, tiny_config, fit):
    one, same = (fit(family, tiny_table.rows, tiny_config).tensors() for _ in range(2))
    assert all(torch.equal(one[name], same[name]) for name in one)


@FAMILIES
def test_the_time_is_estimated(family, tiny_task):
    assert 0 < family.seconds(tiny_task, torch.device("cpu")) < 60


def test_the_word_process_predicts_training_rows_without_their_targets(tiny_config, task_of):
    rng = np.random.default_rng(1)
    guides = ["".join(rng.choice(list("ACGU"), 21)) for _ in range(90)]
    targets = np.repeat([f"T{number}" for number in range(9)], 10)
    level = np.repeat(rng.uniform(10, 90, 9), 10)
    rows = pd.DataFrame(
        {
            "id": [f"r{number}" for number in range(90)],
            "guide": guides,
            "target": targets,
            "label": level + rng.standard_normal(90),
        }
    )
    member = WordProcessMember.fit(task_of(rows, tiny_config), 0, FitCallbacks()).member
    left_out = member.left_out()
    np.testing.assert_array_equal(left_out.positions, np.arange(90))
    errors = [
        np.abs(predicted.median() - rows["label"]).mean()
        for predicted in (member.predict(rows), left_out.predicted)
    ]
    assert errors[0] < 0.7 * errors[1]
    one = targets == "T3"
    label = np.where(one, rows["label"][::-1], rows["label"])
    label[one] = rows["label"].to_numpy()[one][::-1]  # the same labels in all
    other = WordProcessMember.fit(
        task_of(rows.assign(label=label), tiny_config), 0, FitCallbacks()
    ).member
    # the kernel is learned from all rows, so only the weights are compared
    again = replace(member, weights=other.weights)
    assert not torch.equal(again.weights, member.weights)


BROKEN = {
    "weights": [lambda t: t[:-1], lambda t: t.double(), lambda t: t * torch.nan],
    "chosen": [lambda t: t + 10**6, lambda t: t.float(), lambda t: t - 5, lambda t: t[:-1]],
    "left_out": [lambda t: t[:1], lambda t: t.double()],
    "kernel.unit": [lambda t: t * 0, lambda t: t[:-1]],
    "kernel.amplitude": [lambda t: t[:-1], lambda t: t * torch.inf],
    "kernel.scale": [lambda t: t.float()],
    "kernel.category": [lambda t: t[:1]],
    "kernel.number": [lambda t: t[:, :-1]],
    "kernel.noise": [lambda t: t.repeat(2)],
    "spread": [lambda t: t * 0],
}


@pytest.mark.parametrize(
    ("name", "spoil"), [(name, spoil) for name, spoils in BROKEN.items() for spoil in spoils]
)
def test_broken_tensors_of_a_word_process_are_refused(name, spoil, tiny_table, tiny_config, fit):
    stored = fit(WordProcessMember, tiny_table.rows, tiny_config).stored()
    tensors = stored.tensors | {name: spoil(stored.tensors[name])}
    with pytest.raises(ValueError):  # noqa: PT011 - any wording
        WordProcessMember.restore(replace(stored, tensors=tensors), tiny_table.rows, tiny_config)


def test_a_forest_that_reads_more_features_than_there_are_is_refused(tiny_table, tiny_config, fit):
    stored = fit(RandomForestMember, tiny_table.rows, tiny_config).stored()
    tensors = stored.tensors | {"feature": stored.tensors["feature"] + 10**5}
    with pytest.raises(ValueError, match="trees"):
        RandomForestMember.restore(replace(stored, tensors=tensors), tiny_table.rows, tiny_config)
