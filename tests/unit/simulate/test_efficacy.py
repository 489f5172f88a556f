"""The efficacy rules agree with their papers, and the noise with its documented formula."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sirna.simulate import efficacy
from sirna.simulate.efficacy import measurement_cdf

PAIRS = str.maketrans("ACGU", "UGCA")

# A sense strand that meets every condition of Reynolds and Ui-Tei, and its opposite.
IDEAL = efficacy.letters(["GCAGCAACCUAACAAUAUA".translate(PAIRS)[::-1]])
WORST = efficacy.letters(["C" * 19])


def test_the_rules_of_2004_score_as_in_their_papers() -> None:
    assert (efficacy.reynolds_2004(IDEAL)[0], efficacy.reynolds_2004(WORST)[0]) == (9, -2)
    assert (efficacy.ui_tei_2004(IDEAL)[0], efficacy.ui_tei_2004(WORST)[0]) == (4, 1)
    assert (
        efficacy.amarzguioui_prydz_2004(IDEAL)[0],
        efficacy.amarzguioui_prydz_2004(WORST)[0],
    ) == (
        5,
        0,
    )


def test_reynolds_reads_position_13_of_the_sense_strand() -> None:
    def points(sense: str) -> float:
        return float(efficacy.reynolds_2004(efficacy.letters([sense.translate(PAIRS)[::-1]]))[0])

    assert points("GCAGCAACCUAAGAAUAUA") == 8  # G at 13
    assert points("GCAGCAACCUAACGAUAUA") == 9  # G at 14


def test_the_weaker_5_prime_end_is_measured_in_published_energies() -> None:
    guide = efficacy.letters(["UUUUUACGUACGUAGGGGGAA"])
    assert efficacy.end_asymmetry(guide) == pytest.approx(4 * (-0.93 + 3.26) + 0.45)
    mixed = efficacy.letters(["UACGAGGGCCCAAAGCAUG"])
    first, last = -1.33 - 2.24 - 2.36 - 2.35 + 0.45, -3.42 - 2.11 - 1.10 - 2.11
    assert efficacy.end_asymmetry(mixed) == pytest.approx(first - last)
    turned = efficacy.letters(["GGGGGACGUACGUAUUUUUAA"])
    assert efficacy.end_asymmetry(turned) == pytest.approx(-efficacy.end_asymmetry(guide))


def test_a_stack_has_the_energy_of_its_reverse_complement() -> None:
    assert len(efficacy.STACKING_KCAL) == 16
    for pair, kcal in efficacy.STACKING_KCAL.items():
        assert efficacy.STACKING_KCAL[pair.translate(PAIRS)[::-1]] == kcal


def potency(kinds: str, lead: str = "") -> float:
    return float(
        efficacy.guide_chemistry(efficacy.letters([kinds.ljust(23, "m")]), np.array([lead]))[0]
    )


def test_chemistry_acts_at_the_published_positions() -> None:
    plain = potency("mfmmmfmmmmmmmfmf")
    assert potency("mfmmmfmmmmmmmfmf", lead="VP") > potency("mfmmmfmmmmmmmfmf", lead="P") > plain
    assert potency("mmmmmfmmmmmmmfmf") < plain - 0.5  # 2'-O-methyl at 2
    assert potency("mfmmmfmmmmmmmmmf") < plain - 0.5  # and at 14
    at_5, at_7 = potency("mfmmgfmmmmmmmfmf"), potency("mfmmmfgmmmmmmfmf")
    assert at_5 < at_7 < plain
    assert plain - at_7 < 0.2


def test_galnac_lets_a_duplex_into_hepatocytes_without_a_reagent() -> None:
    yes, no = np.array([True]), np.array([False])

    def half_dose(cell: str, free: np.ndarray, galnac: np.ndarray) -> float:
        return float(efficacy.delivery_log10_ec50([cell], free, galnac, no)[0])

    liver = "Primary Human Hepatocytes"
    assert half_dose(liver, no, yes) == half_dose(liver, no, no)
    assert half_dose(liver, no, no) < half_dose(liver, yes, yes) < half_dose(liver, yes, no)
    assert half_dose("HeLa Cells", yes, yes) == half_dose("HeLa Cells", yes, no)


@pytest.mark.parametrize("noise_free", [1.0, 10.0, 30.0, 110.0])
def test_the_cdf_is_exact_for_one_percentage(noise_free: float) -> None:
    measured = efficacy.measure(np.random.default_rng(3), np.full(40_000, noise_free))
    at = np.array([0.05, 0.1, 0.2, 1.0, 5.0, 10.0, 29.99, 30.0, 40.0, 100.0, 150.0])
    expected = measurement_cdf(np.array([noise_free]), at)[0]
    found = (measured[:, None] <= at).mean(axis=0)
    assert np.abs(found - expected).max() < 0.01


def test_the_cdf_steps_where_results_are_rounded_and_cut_off() -> None:
    cdf = measurement_cdf(np.array([0.3]), np.array([0.099, 0.1, 0.104, 0.11]))[0]
    assert cdf[0] == 0
    assert cdf[1] == cdf[2] > 0.3
    assert cdf[3] > cdf[2]


percentages = st.lists(st.floats(0.01, 400), min_size=1, max_size=8).map(np.array)


@settings(max_examples=50, deadline=None)
@given(noise_free=percentages, at=percentages)
def test_the_cdf_never_falls_and_ends_at_one(noise_free: np.ndarray, at: np.ndarray) -> None:
    cdf = measurement_cdf(noise_free, np.sort(at))
    assert cdf.shape == (noise_free.size, at.size)
    assert (np.diff(cdf, axis=1) >= 0).all()
    assert ((cdf >= 0) & (cdf <= 1)).all()
