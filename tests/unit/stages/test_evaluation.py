"""Held-out rows are scored with postprocessing that was fitted on other rows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr

from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.features.fold import FoldTask
from sirna.members.base import FitCallbacks
from sirna.members.network.member import NetworkMember
from sirna.prediction.decision import rounded
from sirna.prediction.histogram import Histogram
from sirna.prediction.mixture import HeldOut
from sirna.prediction.postprocess import fit_postprocess
from sirna.prediction.score import competition_score
from sirna.stages.evaluation import DECIMALS, metrics, oof_table
from sirna.table.splits import NOT_HELD_OUT, Split, make_split

EDGES = np.arange(0.0, 141.0, 2.5)
THRESHOLD = 30.0


def distributions(rng, rows):
    centre = rng.uniform(5.0, 45.0, (rows, 1))
    weight = np.exp(-0.5 * ((np.arange(len(EDGES) - 1) - centre) / 4.0) ** 2)
    return Histogram(EDGES, weight / weight.sum(axis=1, keepdims=True))


def case(folds=2, rows=160, seed=0):
    """A table, its split, and biased, overconfident predictions for each fold."""
    rng = np.random.default_rng(seed)
    predicted = distributions(rng, rows)
    level = ndtr(-0.4 + 1.6 * rng.standard_normal(rows))
    cdf = predicted.cdf(EDGES)
    truth = [np.interp(level[row], cdf[row], EDGES) for row in range(rows)]
    table = pd.DataFrame({"label": truth})
    names = np.array([f"r{number}" for number in range(rows)])
    fold = rng.integers(NOT_HELD_OUT if folds == 1 else 0, folds, rows)
    half = np.where(fold == NOT_HELD_OUT, NOT_HELD_OUT, rng.integers(0, 2, rows))
    split = Split(names, names, fold, half)
    parts = []
    for number in split.folds:
        held = np.flatnonzero(fold == number)
        parts.append({"network": HeldOut.same_for_all(held, predicted[held])})
    return parts, table, split


@pytest.mark.parametrize("folds", [1, 3])
@pytest.mark.parametrize("calibrate", [True, False])
def test_no_row_is_scored_with_postprocessing_that_was_fitted_on_it(folds, calibrate):
    parts, table, split = case(folds)
    config = with_changes(Config(), {"decision.calibrate": calibrate})
    before = oof_table(parts, table, split, config)
    row = int(before.index[5])
    own = (split.fold == split.fold[row]) & (split.half == split.half[row])
    changed = table.copy()
    # one label changes, then many, so that the postprocessing of the other blocks surely changes
    for label, of in ((140.0, [row]), (0.0, np.flatnonzero(own))):
        changed.loc[of, "label"] = label
        after = oof_table(parts, changed, split, config)
        inside = own[before.index]
        pd.testing.assert_frame_equal(
            after[inside].drop(columns="measured"), before[inside].drop(columns="measured")
        )
    others = [frame[~inside].drop(columns="measured") for frame in (after, before)]
    assert others[0].equals(others[1]) is not calibrate  # labels fit the calibration alone


def test_the_decision_of_each_block_is_fitted_on_all_others():
    parts, table, split = case(folds=3)
    config = Config()
    oof = oof_table(parts, table, split, config)
    whole = Histogram.stacked([part["network"].chosen_by_other_half for part in parts])
    held = np.concatenate([part["network"].positions for part in parts])
    truth = table["label"].to_numpy()[held]
    for fold in range(3):
        for half in (0, 1):
            own = (split.fold[held] == fold) & (split.half[held] == half)
            predicted, points = fit_postprocess(whole[~own], truth[~own], config).apply(whole[own])
            found = oof.loc[held[own]]
            expected = rounded(points, THRESHOLD, DECIMALS)
            np.testing.assert_array_equal(found["predicted"], expected)
            below = predicted.prob_below(THRESHOLD)
            np.testing.assert_allclose(found["prob_below_threshold"], below, atol=1e-4)
            np.testing.assert_allclose(found["interval_low"], predicted.quantile(0.1), atol=1e-4)
            np.testing.assert_allclose(found["interval_high"], predicted.quantile(0.9), atol=1e-4)


def test_the_oof_table_has_every_held_out_row_once_in_table_order():
    parts, table, split = case(folds=3)
    oof = oof_table(parts[::-1], table, split, Config())
    held = np.flatnonzero(split.fold != NOT_HELD_OUT)
    assert oof.index.tolist() == held.tolist()
    assert oof["id"].tolist() == split.ids[held].tolist()
    assert oof["measured"].tolist() == table["label"][held].tolist()
    assert oof["fold"].tolist() == split.fold[held].tolist()
    assert oof["half"].tolist() == split.half[held].tolist()


def test_missing_folds_of_an_interrupted_run_are_left_out():
    parts, table, split = case(folds=3)
    oof = oof_table(parts[:1], table, split, Config())
    assert set(oof["fold"]) == {0}


def test_scores_do_not_use_the_epochs_of_the_bundle():
    parts, table, split = case(folds=2)
    rng = np.random.default_rng(5)
    networks = [part["network"] for part in parts]
    other = [
        {"network": replace(one, chosen_by_all=distributions(rng, len(one.positions)))}
        for one in networks
    ]
    expected, found = (oof_table(which, table, split, Config()) for which in (parts, other))
    pd.testing.assert_frame_equal(found, expected)


def test_calibrated_intervals_have_their_nominal_coverage():
    parts, table, split = case(folds=2, rows=2000)
    covers = {}
    for calibrate in (True, False):
        config = with_changes(Config(), {"decision.calibrate": calibrate})
        oof = oof_table(parts, table, split, config)
        covers[calibrate] = metrics(oof, config)["interval_coverage"]
    assert covers[True] == pytest.approx(0.8, abs=0.03)
    assert covers[False] < 0.65


def test_the_pooled_score_is_that_of_the_table():
    parts, table, split = case(folds=3)
    oof = oof_table(parts, table, split, Config())
    figures = metrics(oof, Config())
    assert figures["pooled"] == competition_score(oof["measured"], oof["predicted"]).as_dict()
    assert list(figures["folds"]) == [0, 1, 2]


def test_a_held_out_prediction_does_not_change_with_its_own_label(tiny_table, tiny_config):
    # several epochs: each half chooses one for the other, and neither must reach its own rows
    config = with_changes(tiny_config, {"train.epochs": 6, "train.score_window": 1})
    split = make_split(tiny_table.rows, config.split, "tiny")

    def held_out(rows):
        fitted = NetworkMember.fit(FoldTask(rows, split, 0, config), 0, FitCallbacks())
        return oof_table([{"network": fitted.held_out}], rows, split, config)

    before = held_out(tiny_table.rows)
    for row in before.index[:3]:
        changed = tiny_table.rows.copy()
        changed.loc[row, "label"] = 130.0 - min(changed.loc[row, "label"], 130.0)
        after = held_out(changed)
        assert after.loc[row, "measured"] != before.loc[row, "measured"]
        own = before["half"] == before.loc[row, "half"]
        pd.testing.assert_frame_equal(
            after[own].drop(columns="measured"), before[own].drop(columns="measured")
        )


def test_the_ranking_is_scored_within_assays():
    rng = np.random.default_rng(3)
    parts, table, split = case(rows=240)
    doses = rng.permutation(np.repeat([0.1, 1.0, 10.0, 100.0], 60))
    table = table.assign(dose=doses, cell_line=None)
    oof = oof_table(parts, table, split, Config())
    assert oof.groupby("setting")["id"].count().tolist() == [60] * 4
    high = oof["setting"] * 1000.0
    for sign, expected in ((1, 1.0), (-1, -1.0)):
        found = metrics(oof.assign(measured=oof["median"] * sign + high), Config())["ranking"]
        assert found == {"settings": 4, "spearman": pytest.approx(expected)}
    constant = oof.assign(measured=oof["measured"].mask(oof["setting"] == 1, 0.0))
    assert metrics(constant, Config())["ranking"]["settings"] == 3
    few = oof[oof["setting"] == 0].head(19)
    assert metrics(few, Config())["ranking"] is None
