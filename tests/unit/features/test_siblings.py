"""Sibling measurements of a row, and that they never contain the row's own label."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.config.schema import StreamConfig
from sirna.features.dataset import DatasetEncoder
from sirna.features.encoded_fold import encode_fold
from sirna.features.fold import FoldTask
from sirna.features.siblings import HIGHEST, PRESENT, Siblings
from sirna.table.splits import NOT_HELD_OUT, make_split

LABEL = 1
STREAMS = {
    "bases": StreamConfig(role="guide"),
    "guide": StreamConfig(role="guide_modifications"),
    "passenger": StreamConfig(role="passenger_modifications"),
}
CONFIG = Config(streams=STREAMS)


def measured(**changed):
    """Four measurements of one duplex, a to d, one of another, and one that shares its guide."""
    columns = {
        "id": list("abcdef"),
        "guide": ["ACGU"] * 4 + ["CCGU"] * 2,
        "guide_modifications": ["a Cf g u"] * 4 + ["c Cf g u"] * 2,
        "passenger_modifications": ["a a"] * 5 + ["L96 a"],
        "dose": [1.0, 10.0, 100.0, 1000.0, 10.0, 10.0],
        "hours": [24.0, 24.0, 24.0, 48.0, 24.0, 24.0],
        "cell_line": ["HeLa", "COS-7", "HeLa", None, "HeLa", "HeLa"],
        "label": [80.0, 50.0, 20.0, 10.0, 35.0, 60.0],
    }
    return pd.DataFrame(columns | changed)


def encoder_of(rows, **changes):
    return DatasetEncoder.fit(rows, with_changes(CONFIG, changes))


def features(encoder, rows, training=False):
    return encoder.siblings.features(rows, encoder.covariates, training)


def shown(described):
    """List the labels that each row is shown, in their order."""
    labels = described[..., LABEL].astype(float) * 100
    return [
        row[there > 0].round(3).tolist()
        for row, there in zip(labels, described[..., PRESENT], strict=True)
    ]


def test_a_training_row_is_shown_its_siblings_and_never_itself():
    rows = measured()
    found = shown(features(encoder_of(rows), rows, training=True))
    assert [sorted(labels) for labels in found] == [
        [10.0, 20.0, 50.0],
        [10.0, 20.0, 80.0],
        [10.0, 50.0, 80.0],
        [20.0, 50.0, 80.0],
        [],
        [],
    ]


@pytest.mark.parametrize("row", range(6))
def test_a_training_rows_label_is_in_its_siblings_features_but_not_in_its_own(row):
    rows, changed = measured(), measured()
    changed.loc[row, "label"] += 33.0
    before, after = (features(encoder_of(table), table, training=True) for table in (rows, changed))
    siblings = [other for other in range(4) if row < 4 and other != row]
    for other in range(6):
        same = np.array_equal(before[other], after[other])
        assert same is (other not in siblings), other


def test_a_new_row_is_shown_every_measurement_of_its_duplex():
    encoder = encoder_of(measured())
    found = shown(features(encoder, measured(label=[np.nan] * 6)))
    assert [len(labels) for labels in found] == [4, 4, 4, 4, 1, 1]
    assert found[4:] == [[35.0], [60.0]]  # the same guide with another passenger is another duplex


def test_a_duplex_that_was_not_measured_is_shown_nothing():
    rows = measured(guide=["GGGG"] * 6)
    described = features(encoder_of(measured()), rows)
    assert not described.any()
    assert described.shape[1] == 1  # one empty place, never no place at all


def test_a_row_without_sequences_is_shown_nothing_even_if_measured_rows_lack_theirs():
    roles = ["guide", "guide_modifications", "passenger_modifications"]
    blank = dict.fromkeys(roles, [None] * 6)
    known = measured()
    known.loc[:1, roles] = None
    assert not features(encoder_of(known), measured(**blank)).any()


def test_the_nearest_conditions_come_first():
    encoder = encoder_of(measured())
    test = measured().iloc[[0, 1, 3]].assign(dose=[2.0, 20.0, 900.0], cell_line="HeLa")
    found = shown(features(encoder, test))
    assert found[0] == [80.0, 50.0, 20.0, 10.0]
    # at 20 nM: the same cells at 100 nM before other cells at 10 nM
    assert found[1] == [20.0, 50.0, 80.0, 10.0]
    assert found[2] == [10.0, 20.0, 50.0, 80.0]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_only_the_nearest_siblings_are_shown_if_there_are_more_than_most(most):
    rows = measured()
    whole = features(encoder_of(rows), rows)
    cut = features(encoder_of(rows, **{"siblings.most": most}), rows)
    np.testing.assert_array_equal(cut, whole[:, :most])


def test_a_sibling_is_encoded_by_its_label_conditions_and_differences():
    rows = measured()
    encoder = encoder_of(rows)
    roles = list(encoder.covariates.numeric)
    assert (roles, list(encoder.covariates.categorical)) == (["dose", "hours"], ["cell_line"])
    one = features(encoder, rows.iloc[[0]].assign(dose=100.0, hours=48.0, cell_line="COS-7"))
    found = dict(zip(shown(one)[0], one[0], strict=True))
    dose_sd, hours_sd = (encoder.covariates.numeric[role][1] for role in roles)
    present, label, dose, hours, no_dose, no_hours, far, later, same = found[50.0]
    assert (present, label, no_dose, no_hours, same) == (1.0, 0.5, 0.0, 0.0, 1.0)
    assert [dose, hours] == pytest.approx(encoder.covariates.numbers(rows)[1, [0, 2]].tolist())
    assert far == pytest.approx(1.0 / dose_sd)  # from 10 nM to 100 nM
    assert later == pytest.approx(24.0 / hours_sd)
    assert found[80.0][-1] == 0.0  # HeLa is not COS-7
    assert len(found[50.0]) == Siblings.width(encoder.covariates)


def test_a_condition_missing_in_either_row_has_no_distance_and_keeps_its_flag():
    known = measured(dose=[np.nan, 10.0, 100.0, 1000.0, 10.0, 10.0])
    encoder = encoder_of(known)
    test = known.iloc[[1, 1]].assign(dose=[10.0, np.nan], hours=[np.nan, 24.0])
    described = features(encoder, test)
    assert np.isfinite(described).all()
    of_a = [
        dict(zip(labels, row, strict=True))[80.0]
        for labels, row in zip(shown(described), described, strict=True)
    ]
    assert [row[4] for row in of_a] == [1.0, 1.0]  # that the known dose is missing
    assert [row[6] for row in of_a] == [0.0, 0.0]
    assert described[1, :, 6].tolist() == [0.0] * 4  # nor from a row without a dose
    assert described[0, :, 7].tolist() == [0.0] * 4  # nor from a row without hours


@pytest.mark.parametrize("value", [None, "another"])
def test_missing_or_unseen_conditions_do_not_count_as_equal(value):
    known = measured()
    test = known.iloc[[3]].assign(cell_line=value)
    assert not features(encoder_of(known), test)[..., -1].any()


def test_without_conditions_the_labels_are_shown_too():
    rows = measured().drop(columns=["dose", "hours", "cell_line"])
    described = features(encoder_of(rows), rows, training=True)
    assert described.shape == (6, 4, 2)  # the last place would be its own
    assert shown(described)[0] == [50.0, 20.0, 10.0]


def test_an_extremely_high_label_counts_as_a_high_one():
    rows = measured(label=[700.0, 50.0, 20.0, 10.0, 35.0, 60.0])
    assert max(shown(features(encoder_of(rows), rows))[1]) == HIGHEST


def test_modifications_that_differ_in_case_are_different():
    rows = measured()
    other = rows.assign(guide_modifications=rows["guide_modifications"].str.upper())
    assert not features(encoder_of(rows), other).any()


def test_the_siblings_of_a_row_do_not_depend_on_the_rest_of_its_file():
    rows = measured()
    encoder = encoder_of(rows)
    whole = features(encoder, rows)
    for row in range(6):
        alone = features(encoder, rows.iloc[[row]])
        places = alone.shape[1]
        np.testing.assert_array_equal(alone[0], whole[row, :places])
        assert not whole[row, places:].any()


def test_the_order_of_the_measured_rows_does_not_matter():
    rows = measured()
    shuffled = rows.sample(frac=1, random_state=4)
    np.testing.assert_array_equal(
        features(encoder_of(shuffled), rows), features(encoder_of(rows), rows)
    )


def test_the_index_of_the_table_does_not_matter():
    rows = measured()
    gaps = rows.set_axis([9, 4, 7, 100, 2, 55])
    np.testing.assert_array_equal(
        features(encoder_of(gaps), gaps, training=True),
        features(encoder_of(rows), rows, training=True),
    )


@pytest.mark.parametrize(
    ("protocol", "lookup"), [("duplex", True), ("target", True), ("rows", False)]
)
def test_no_siblings_are_looked_up_under_other_protocols_or_if_switched_off(protocol, lookup):
    config = with_changes(CONFIG, {"siblings.lookup": lookup, "split.protocol": protocol})
    encoder = DatasetEncoder.fit(measured(), config)
    assert encoder.siblings is None
    assert encoder.with_sibling_rows(measured()).siblings is None
    for training in (True, False):
        assert encoder.encode(measured(), training).all_rows.siblings.shape == (6, 0, 0)


def test_with_more_measured_rows_only_the_siblings_change():
    rows = measured()
    fitted = encoder_of(rows.iloc[:2])
    more = fitted.with_sibling_rows(rows)
    assert replace(more, siblings=None) == replace(fitted, siblings=None)
    assert (len(fitted.siblings.measured), len(more.siblings.measured)) == (2, 6)
    found = shown(more.encode(rows.iloc[[2]]).all_rows.siblings.numpy())
    assert sorted(found[0]) == [10.0, 20.0, 50.0, 80.0]


def test_siblings_survive_a_round_trip_through_json_and_the_measured_rows():
    rows = measured()
    encoder = encoder_of(rows)
    raw = json.loads(json.dumps(encoder.to_dict()))
    loaded = DatasetEncoder.from_dict(raw, encoder.siblings.measured.assign(more="columns"))
    np.testing.assert_array_equal(features(loaded, rows), features(encoder, rows))
    for name in ("roles", "most"):
        assert getattr(loaded.siblings, name) == getattr(encoder.siblings, name)


def siblings_of(fold):
    return fold.train.all_rows.siblings, fold.held_out.all_rows.siblings


@pytest.fixture(scope="module")
def related(tiny_table, tiny_config):
    """A split, and a held-out row that has a sibling held out and one in training."""
    rows = tiny_table.rows
    split = make_split(rows, tiny_config.split, "tiny")
    roles = ["guide", "guide_modifications", "passenger_modifications"]
    duplex = rows.groupby(roles, dropna=False).ngroup().to_numpy()
    held = split.fold != NOT_HELD_OUT
    for row in np.flatnonzero(held):
        mates = (duplex == duplex[row]) & (np.arange(len(rows)) != row)
        if (mates & held).any() and (mates & ~held).any():
            return split, row, int(np.flatnonzero(mates & ~held)[0])
    raise AssertionError("the table has no such row")


def test_the_label_of_a_held_out_row_does_not_reach_features_of_its_fold(
    tiny_table, tiny_config, related
):
    split, held, training = related
    rows = tiny_table.rows
    changed = rows.copy()
    changed.loc[held, "label"] = 130.0 - changed.loc[held, "label"]
    before, after = (
        encode_fold(FoldTask(table, split, 0, tiny_config)) for table in (rows, changed)
    )
    for one, other in zip(siblings_of(before), siblings_of(after), strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(before.held_out.all_rows.label, after.held_out.all_rows.label)

    # the same change of a training row is seen by the held-out row, and not by itself
    changed = rows.copy()
    changed.loc[training, "label"] = 130.0 - changed.loc[training, "label"]
    after = encode_fold(FoldTask(changed, split, 0, tiny_config))
    row = int(np.flatnonzero(np.flatnonzero(split.fold == 0) == held)[0])
    own = int(np.flatnonzero(np.flatnonzero(split.fold == NOT_HELD_OUT) == training)[0])
    assert not torch.equal(
        before.held_out.all_rows.siblings[row], after.held_out.all_rows.siblings[row]
    )
    assert torch.equal(before.train.all_rows.siblings[own], after.train.all_rows.siblings[own])


def test_held_out_rows_are_shown_only_training_rows(tiny_table, tiny_config, related):
    split, _, _ = related
    fold = encode_fold(FoldTask(tiny_table.rows, split, 0, tiny_config))
    assert len(fold.encoder.siblings.measured) == (split.fold == NOT_HELD_OUT).sum()
    assert fold.train.all_rows.siblings[..., PRESENT].sum() > 0
    labels = set(tiny_table.rows["label"][split.fold == NOT_HELD_OUT].clip(upper=HIGHEST).round(3))
    for found in shown(fold.held_out.all_rows.siblings.numpy()):
        assert set(found) <= labels
