"""The mean without a table of rows by training rows, against the kernel's own covariances."""

from dataclasses import replace

import numpy as np
import pytest

from sirna.config.family_sections import GaussianProcessConfig
from sirna.features.positional import PositionalEncoder
from sirna.features.positional_rows import UNSEEN
from sirna.members.gaussian_process.distances import ExactMismatches, mismatches
from sirna.members.gaussian_process.kernel import Kernel
from sirna.members.gaussian_process.mean import Mean
from sirna.members.gaussian_process.series_sums import SeriesSums
from sirna.protocols.protocol import PROTOCOLS

READS = GaussianProcessConfig()
TOLERANCE = 1e-4
"""In standardised roots."""


@pytest.fixture(scope="module")
def rows(tiny_table):
    return tiny_table.rows


@pytest.fixture(scope="module")
def encoder(rows):
    return PositionalEncoder.fit(rows, READS, PROTOCOLS["rows"])


@pytest.fixture(scope="module")
def mean(rows, encoder):
    training = encoder.encode(rows.iloc[::2], training=True)
    weights = np.random.default_rng(0).normal(size=len(training))
    return Mean(Kernel.initial(training, 3, seed=1), weights, training)


def by_covariances(mean, rows):
    return mean.kernel.covariance(rows, mean.training).double().numpy() @ mean.weights


def changed(rows, **columns):
    return rows.assign(**columns)


KINDS = {
    "training rows": lambda rows: rows.iloc[::2],
    "other rows": lambda rows: rows.iloc[1::2],
    "unseen bases": lambda rows: changed(rows, guide="GGGGGCCCCCAAAAAUUUUUG"),
    "unseen chemistry": lambda rows: changed(rows, guide_modifications="Xa Xg Xc"),
    "no sequence": lambda rows: changed(rows, guide_modifications=None),
    "a long strand": lambda rows: changed(rows, guide=rows["guide"] + "GC"),
    "unseen conditions": lambda rows: changed(rows, cell_line="new", dose=np.nan),
    "many conditions": lambda rows: changed(
        rows.iloc[np.arange(600) % len(rows)], dose=np.linspace(0.1, 50, 600)
    ),
    "no place": lambda rows: changed(rows, site=np.nan, duplex_number=np.nan),
    "far places": lambda rows: changed(rows, site=-5000.0, duplex_number=1e7),
    "places of training rows": lambda rows: changed(rows, site=rows["site"].iloc[0]),
    "one row": lambda rows: rows.iloc[[3]],
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_mean_is_the_sum_of_covariances_times_weights(rows, encoder, mean, kind):
    encoded = encoder.encode(KINDS[kind](rows).reset_index(drop=True))
    expected = by_covariances(mean, encoded)
    np.testing.assert_allclose(mean.of(encoded), expected, atol=TOLERANCE)
    assert np.abs(mean.of(encoded)).max() > 10 * TOLERANCE


def test_known_strands_add_what_new_strands_lack(rows, encoder, mean):
    encoded = mean.training
    unseen = replace(encoded, channels=np.where(encoded.channels == 0, UNSEEN, encoded.channels))
    assert np.abs(mean.of(encoded) - mean.of(unseen)).max() > 0.01


def test_rows_without_chemistry_conditions_and_series_are_predicted_too(rows):
    bare = rows[["guide"]].drop_duplicates().reset_index(drop=True)
    reads = GaussianProcessConfig(numeric=(), categorical=(), series=())
    encoder = PositionalEncoder.fit(bare.iloc[::2], reads, PROTOCOLS["rows"])
    training = encoder.encode(bare.iloc[::2], training=True)
    mean = Mean(Kernel.initial(training, 2, seed=1), np.ones(len(training)), training)
    encoded = encoder.encode(bare)
    np.testing.assert_allclose(mean.of(encoded), by_covariances(mean, encoded), atol=TOLERANCE)


def test_no_row_has_no_mean(mean):
    assert mean.of(mean.training.take(np.zeros(0, dtype=int))).shape == (0,)


@pytest.mark.parametrize("size", [1, 7, 40])
def test_a_mean_does_not_depend_on_the_other_rows(rows, encoder, mean, size):
    whole = mean.of(encoder.encode(rows))
    order = np.random.default_rng(size).permutation(len(rows))
    for some in np.split(order, range(size, len(order), size)):
        part = mean.of(encoder.encode(rows.iloc[some].reset_index(drop=True)))
        np.testing.assert_allclose(part, whole[some], rtol=0, atol=1e-12)


def test_patterns_from_all_sites_times_all_chemistries_are_predicted_too(rows, encoder, mean):
    guides, lists = rows["guide"].unique()[:12], rows["guide_modifications"].unique()[:6]
    table = rows.iloc[np.zeros(len(guides) * len(lists), dtype=int)].reset_index(drop=True)
    table = table.assign(
        guide=np.repeat(guides, len(lists)), guide_modifications=np.tile(lists, len(guides))
    )
    encoded = encoder.encode(table)
    np.testing.assert_allclose(mean.of(encoded), by_covariances(mean, encoded), atol=TOLERANCE)


def test_mismatches_in_float32_do_not_depend_on_the_rows_beside_them():
    rng = np.random.default_rng(5)
    codes, others = (rng.integers(UNSEEN, 6, (size, 47)) for size in (40, 90))
    weights = np.exp(rng.normal(-2, 1.5, (3, 47)))
    found = ExactMismatches(others, weights).of(codes)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, mismatches(codes, others, weights), atol=2e-5)
    for row in range(len(codes)):
        alone = ExactMismatches(others[:1], weights).of(codes[[row]])
        np.testing.assert_array_equal(alone[:, 0, 0], found[:, row, 0])


def test_sums_in_a_series_are_those_of_all_pairs():
    rng = np.random.default_rng(3)
    places = np.concatenate([rng.integers(0, 60, 80) / 7, [1e4, 1e6, np.nan]])
    asked = np.concatenate([rng.uniform(-2, 12, 50), places, [-1e6]])
    condition = rng.integers(0, 4, len(asked))
    weights = rng.normal(size=(len(places), 4))
    for unknown in (2.0, 50.0):
        found = SeriesSums(places, unknown).at(asked, condition, weights)
        gaps = np.abs(asked[:, None] - places)
        gaps = np.where(np.isnan(gaps), unknown, gaps)
        expected = (np.exp(-gaps) * weights[:, condition].T).sum(axis=1)
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_series_without_any_place_counts_all_as_far():
    sums = SeriesSums(np.full(3, np.nan), 1.0)
    found = sums.at(np.array([1.0, np.nan]), np.zeros(2, dtype=int), np.ones((3, 1)))
    np.testing.assert_allclose(found, 3 * np.exp(-1.0))
