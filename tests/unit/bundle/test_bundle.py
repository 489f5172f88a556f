"""What a bundle predicts."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from sirna.config.load import with_changes
from sirna.features.dataset import DatasetEncoder, SiRNADataset
from sirna.prediction.calibration import Calibration
from sirna.prediction.histogram import Histogram
from sirna.prediction.widening import Widening


def uncalibrated(bundle):
    plain = replace(bundle.postprocess, calibration=Calibration())
    return replace(bundle, postprocess=plain, unseen_postprocess=None)


def probs(bundle, rows):
    return bundle.predict(rows).distribution.probs


def without(bundle, *families):
    members = [member for member in bundle.members if member.family not in families]
    return replace(bundle, members=members)


def test_networks_are_averaged(networks, tiny_table):
    raw = uncalibrated(networks)
    singles = [probs(replace(raw, members=[one]), tiny_table.rows) for one in raw.members]
    assert np.abs(singles[0] - singles[1]).max() > 1e-3
    np.testing.assert_allclose(probs(raw, tiny_table.rows), np.mean(singles, axis=0), atol=1e-12)


@dataclass
class Trained:
    """The training rows of a fold, encoded."""

    encoder: DatasetEncoder
    train: SiRNADataset


def test_networks_with_other_encoders_read_the_same_rows(
    networks, make_network, tiny_table, tiny_task
):
    # the only rows with a species are held out of the first fold: its network reads no species
    rows, config = tiny_table.rows, tiny_task.config
    encoders = [DatasetEncoder.fit(part, config) for part in (rows.assign(species=None), rows)]
    known = [set(encoder.covariates.categorical) for encoder in encoders]
    assert known[1] - known[0] == {"species"}
    singles = []
    for encoder in encoders:
        fold = Trained(encoder, encoder.encode(rows, training=True))
        singles.append(make_network(fold, tiny_task))
    both = replace(uncalibrated(networks), members=singles)
    expected = Histogram.mixture([member.predict(rows) for member in singles]).probs
    np.testing.assert_allclose(probs(both, rows), expected, atol=1e-12)


def test_a_prediction_does_not_depend_on_the_rest_of_its_file(mixed, tiny_table):
    whole = mixed.predict(tiny_table.rows)
    some = np.array([9, 2, 30])
    fewer = mixed.predict(tiny_table.rows.iloc[some].reset_index(drop=True))
    expected = whole.distribution.probs[some]
    np.testing.assert_allclose(fewer.distribution.probs, expected, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(fewer.points, whole.points[some], rtol=1e-3)


def test_the_mixture_is_calibrated_and_decided(networks, tiny_table):
    raw = uncalibrated(networks).predict(tiny_table.rows).distribution
    expected, points = networks.postprocess.apply(raw)
    found = networks.predict(tiny_table.rows)
    np.testing.assert_allclose(found.distribution.probs, expected.probs, atol=1e-5)
    np.testing.assert_allclose(found.points, points, atol=1e-3)
    assert np.abs(expected.probs - raw.probs).max() > 1e-2


def test_siblings_are_looked_up_among_all_labelled_rows(networks, tiny_table):
    encoder = networks.members[0].dataset_encoder
    measured = encoder.siblings.measured
    changed = measured.assign(label=130.0 - measured["label"].clip(upper=130.0))
    members = [
        replace(one, dataset_encoder=encoder.with_sibling_rows(changed)) for one in networks.members
    ]
    before = probs(networks, tiny_table.rows)
    after = probs(replace(networks, members=members), tiny_table.rows)
    shown = encoder.encode(tiny_table.rows).all_rows.siblings.numpy()[..., 0].any(axis=1)
    assert ((np.abs(after - before).max(axis=1) > 1e-7) == shown).all()


def test_families_are_mixed_by_their_weights(mixed, tiny_table, tiny_config):
    raw, rows = uncalibrated(mixed), tiny_table.rows
    networks = probs(without(raw, "gaussian_process", "trees"), rows)
    process = mixed.by_family["gaussian_process"][0].predict(rows).probs
    weights = tiny_config.mixture.known_target
    expected = weights["network"] * networks + weights["gaussian_process"] * process
    np.testing.assert_allclose(probs(raw, rows), expected, atol=1e-12)


def strangers(rows, which):
    """Make some rows rows of an unseen target."""
    rows = rows.copy()
    rows.loc[which, "target"] = "MINE"
    rows.loc[which, "guide"] = rows.loc[which, "guide"].str[::-1]
    return rows


def not_widening(bundle):
    """The bundle, with a Gaussian process that does not widen distributions."""
    changed = [
        replace(one, for_new_guides=Widening()) if one.family == "gaussian_process" else one
        for one in bundle.members
    ]
    return replace(bundle, members=changed)


@pytest.mark.parametrize(
    ("guide", "kind"), [("same", None), ("similar", "similar"), ("far", "far")]
)
def test_new_guides_have_wider_distributions(mixed, tiny_task, guide, kind):
    process = replace(mixed.by_family["gaussian_process"][0], for_new_guides=Widening(1.3, 1.7))
    bundle = replace(mixed, members=[process, *without(mixed, "gaussian_process").members])
    rows = tiny_task.training_rows.reset_index(drop=True).iloc[:1].copy()
    text = rows.loc[0, "guide"]
    other = {"A": "U", "U": "A", "C": "G", "G": "C"}
    rows.loc[0, "guide"] = {
        "same": text,
        "similar": text[:-1] + other[text[-1]],
        "far": "".join(other[base] for base in text),
    }[guide]
    found, before = bundle.predict(rows), not_widening(bundle).predict(rows)
    factor = getattr(bundle.widening, kind) if kind else 1.0
    assert factor == {None: 1.0, "similar": 1.3, "far": 1.7}[kind]
    np.testing.assert_allclose(found.distribution.median(), before.distribution.median(), atol=2.0)
    if kind is None:
        np.testing.assert_array_equal(found.distribution.probs, before.distribution.probs)
    else:
        assert interval(found.distribution) > 1.02 * interval(before.distribution)


def interval(predicted):
    return float((predicted.quantile(0.9) - predicted.quantile(0.1))[0])


@pytest.mark.parametrize("trees", [True, False])
def test_rows_of_unseen_targets_have_separate_weights_and_postprocessing(mixed, tiny_task, trees):
    bundle = mixed if trees else without(mixed, "trees")
    rows = strangers(tiny_task.training_rows.reset_index(drop=True), [3, 8])
    found = bundle.predict(rows)
    unseen = np.isin(np.arange(len(rows)), [3, 8])
    np.testing.assert_array_equal(found.unseen_target, unseen)
    known = uncalibrated(bundle).predict(rows).distribution
    of_unseen = uncalibrated(not_widening(bundle)).predict(rows).distribution
    if trees:
        weight = bundle.config.mixture.unseen_target["trees"]
        one = bundle.by_family["trees"][0].predict(rows)
        of_unseen = Histogram.mixture([of_unseen, one], [1 - weight, weight])
    for raw, some, postprocess in (
        (of_unseen, unseen, mixed.unseen_postprocess),
        (known, ~unseen, bundle.postprocess),
    ):
        expected, points = postprocess.apply(raw[some])
        np.testing.assert_allclose(found.distribution[some].probs, expected.probs, atol=1e-12)
        np.testing.assert_allclose(found.points[some], points, atol=1e-9)


def test_without_separate_postprocessing_rows_of_unseen_targets_are_treated_like_all_others(
    mixed, tiny_task
):
    rows = strangers(tiny_task.training_rows.reset_index(drop=True), [3])
    found = replace(mixed, unseen_postprocess=None).predict(rows)
    assert not found.unseen_target.any()


def test_a_duplex_number_of_another_numbering_is_read_as_missing(mixed, tiny_table):
    rows = tiny_table.rows
    bundle = replace(mixed, ranges={"duplex_number": (5e6, 6e6)})
    foreign = rows.assign(duplex_number=np.where(rows.index == 4, 17.0, rows["duplex_number"]))
    found = bundle.predict(foreign)
    assert np.flatnonzero(found.other_numbering).tolist() == [4]
    missing = rows.assign(duplex_number=rows["duplex_number"].mask(rows.index == 4))
    np.testing.assert_array_equal(found.points, bundle.predict(missing).points)


def test_a_bundle_reads_the_columns_of_its_members_and_their_sources(mixed):
    reads = mixed.columns_read
    assert {"guide", "guide_modifications", "dose", "dose_unit", "duplex", "transcript"} <= reads
    assert not reads & {"site", "duplex_number", "species_match", "label"}
    assert "transcript" not in without(mixed, "gaussian_process", "trees").columns_read


def test_the_weights_of_absent_families_go_to_families_of_the_same_kind(mixed, tiny_task):
    config = with_changes(tiny_task.config, {"split.protocol": "target"})
    raw = replace(uncalibrated(mixed), config=config)
    rows = tiny_task.rows
    network, process, trees = (
        type(members[0]).predict_together(members, rows).probs for members in raw.by_family.values()
    )
    for absent, expected in (
        ((), 0.24 * network + 0.36 * process + 0.4 * trees),
        (("trees",), 0.4 * network + 0.6 * process),
        (("gaussian_process",), 0.6 * network + 0.4 * trees),
    ):
        np.testing.assert_allclose(probs(without(raw, *absent), rows), expected, atol=1e-12)
