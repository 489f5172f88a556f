"""The weights that act, and mixtures of several members."""

import numpy as np
import pytest

from sirna.config.config import Config
from sirna.config.load import load_config
from sirna.prediction.histogram import Histogram
from sirna.prediction.mixture import HeldOut, average, family_weights, mix, mix_held_out

ALL = {"network", "gaussian_process", "trees"}
EDGES = np.array([0.0, 30.0, 60.0, 100.0])


def predicted(*probs):
    return Histogram(EDGES, np.array([probs], dtype=float))


@pytest.mark.parametrize(
    ("protocol", "unseen", "present", "expected"),
    [
        ("rows", False, ALL, {"network": 0.4, "gaussian_process": 0.6}),
        ("rows", True, ALL, {"network": 0.16, "gaussian_process": 0.24, "trees": 0.6}),
        ("target", False, ALL, {"network": 0.24, "gaussian_process": 0.36, "trees": 0.4}),
        ("target", True, ALL, {"network": 0.24, "gaussian_process": 0.36, "trees": 0.4}),
        ("rows", False, {"network"}, {"network": 1.0}),
        ("rows", True, {"network", "trees"}, {"network": 0.4, "trees": 0.6}),
        ("rows", True, {"gaussian_process", "trees"}, {"gaussian_process": 0.4, "trees": 0.6}),
        ("rows", True, {"network", "gaussian_process"}, {"network": 0.4, "gaussian_process": 0.6}),
        ("rows", True, {"trees"}, {"trees": 1.0}),
        ("rows", False, {"trees"}, {}),
        ("target", False, {"network", "trees"}, {"network": 0.6, "trees": 0.4}),
    ],
)
def test_families_of_the_same_kind_get_the_weights_of_absent_families(
    protocol, unseen, present, expected
):
    config = load_config(changes=[f"split.protocol={protocol}"])
    found = family_weights(config, unseen, present)
    assert found == pytest.approx(expected)
    assert list(found) == list(expected)


def test_weights_of_outside_families_act_with_the_others():
    config = load_config(changes=["mixture.known_target.mine=1"])
    found = family_weights(config, False, {*ALL, "mine"})
    assert found == pytest.approx({"network": 0.2, "gaussian_process": 0.3, "mine": 0.5})
    assert family_weights(config, False, ALL) == pytest.approx(
        {"network": 0.4, "gaussian_process": 0.6}
    )


def test_a_mixture_is_the_weighted_mean_of_the_distributions():
    parts = {"network": predicted(1, 0, 0), "gaussian_process": predicted(0, 0.5, 0.5)}
    np.testing.assert_allclose(mix(parts, Config()).probs, [[0.4, 0.3, 0.3]])
    parts["trees"] = predicted(0, 1, 0)
    np.testing.assert_allclose(mix(parts, Config()).probs, [[0.4, 0.3, 0.3]])
    expected = [[0.16, 0.12 + 0.6, 0.12]]
    np.testing.assert_allclose(mix(parts, Config(), unseen=True).probs, expected)


def test_each_of_the_three_held_out_predictions_is_mixed_separately():
    positions = np.array([4])
    three = [predicted(1, 0, 0), predicted(0, 1, 0), predicted(0, 0, 1)]
    network = HeldOut(positions, *three)
    process = HeldOut.same_for_all(positions, predicted(0.5, 0.5, 0))
    mixed = mix_held_out({"network": network, "gaussian_process": process}, Config())
    np.testing.assert_array_equal(mixed.positions, positions)
    for part, own in zip(mixed.parts, three, strict=True):
        expected = 0.4 * own.probs + 0.6 * process.chosen_by_all.probs
        np.testing.assert_allclose(part.probs, expected)


def test_members_of_one_family_have_equal_weights():
    positions = np.array([4])
    parts = [HeldOut.same_for_all(positions, predicted(*p)) for p in ((1, 0, 0), (0, 1, 0))]
    for part in average(parts).parts:
        np.testing.assert_allclose(part.probs, [[0.5, 0.5, 0.0]])
    assert average(parts[:1]) is parts[0]
