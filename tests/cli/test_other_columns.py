"""Somebody else's table: other names, a plain guide of 19 nt, the inhibited fraction as label."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sirna.prediction.score import competition_score

CONFIG = """
[columns]
guide = "antisense"
label = "inhibition"
{}
[label]
kind = "fraction"
better = "higher"
"""


@pytest.fixture
def table() -> pd.DataFrame:
    """120 guides; those that begin with U inhibit by 0.7 to 0.95, the others by 0.45 to 0.6."""
    return simulated()


def simulated() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    guides = ["".join(rng.choice(list("ACGU"), 19)) for _ in range(120)]
    strong = np.array([guide[0] == "U" for guide in guides])
    values = np.where(strong, rng.uniform(0.7, 0.95, 120), rng.uniform(0.45, 0.6, 120))
    return pd.DataFrame({"antisense": guides, "well": "A1", "inhibition": values.round(3)})


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(CONFIG.format(""))
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, cli, tiny: list[str]) -> Path:
    """A run on 90 of the rows."""
    folder = tmp_path_factory.mktemp("own")
    simulated()[:90].to_csv(folder / "own.csv", index=False)
    (folder / "own.toml").write_text(CONFIG.format(""))
    longer = ("--set", "train.epochs=15", "--set", "split.valid=0.3")
    command = ("train", folder / "own.csv", "--config", folder / "own.toml", *tiny, *longer)
    outcome = cli(*command, "--run", folder / "run")
    assert outcome.code == 0, outcome.err
    return folder / "run"


@pytest.fixture
def own(table: pd.DataFrame, trained: Path, ok) -> pd.DataFrame:
    """Submit the other 30 rows and return the submission."""
    table[90:].drop(columns="inhibition").to_csv("wells.csv", index=False)
    ok("submit", "wells.csv", "--run", trained, "--out", "out.csv")
    return pd.read_csv("out.csv")


def test_rows_and_columns_are_kept_with_predictions_as_inhibited_fractions(own, table) -> None:
    expected = table[90:].reset_index(drop=True)
    assert list(own) == list(expected)
    pd.testing.assert_frame_equal(own[["antisense", "well"]], expected[["antisense", "well"]])
    assert own["inhibition"].between(0.3, 1.0).all()


def test_a_strong_guide_is_predicted_to_inhibit_more(own: pd.DataFrame) -> None:
    strong = own["antisense"].str.startswith("U")
    inhibition = own["inhibition"]
    assert inhibition[strong].mean() > inhibition[~strong].mean()


def test_the_interval_is_ordered_in_the_labels_own_direction(own, trained, ok) -> None:
    ok("submit", "wells.csv", "--run", trained, "--out", "sure.csv", "--with-uncertainty")
    sure = pd.read_csv("sure.csv")
    assert sure["median"].between(sure["interval_80_low"], sure["interval_80_high"]).all()
    clear = (sure["prob_remaining_below_30"] - 0.5).abs() > 0.001
    success = sure["prob_remaining_below_30"] > 0.5
    assert ((sure["median"] > 0.7) == success)[clear].all()
    assert sure[["interval_80_low", "interval_80_high"]].le(1).all(axis=None)
    pd.testing.assert_series_equal(sure["inhibition"], own["inhibition"])


def test_the_out_of_fold_file_is_in_remaining_percent(trained, table) -> None:
    oof = pd.read_csv(trained / "oof.csv")
    measured = 100 * (1 - table["inhibition"].to_numpy()[oof["id"].to_numpy() - 1])
    np.testing.assert_allclose(oof["measured"], measured)


def test_a_submission_without_ids_is_scored_row_by_row(own, table, config, ok) -> None:
    table[90:].to_csv("truth.csv", index=False)
    out = ok("score", "truth.csv", "out.csv", "--config", config).out
    expected = competition_score(
        100 * (1 - table["inhibition"][90:].to_numpy()), 100 * (1 - own["inhibition"].to_numpy())
    )
    assert f"score {expected.score:.4f}" in out


def test_an_id_column_of_another_name_is_kept_and_used_for_scoring(
    table, config, ok, tiny, tmp_path
) -> None:
    config.write_text(CONFIG.format('id = "plate"\n'))
    table["plate"] = [f"P{number:03d}" for number in range(120)]
    table[:90].to_csv("own.csv", index=False)
    table[90:].to_csv("truth.csv", index=False)
    table[90:].drop(columns="inhibition").to_csv("wells.csv", index=False)
    ok("train", "own.csv", "--config", config, *tiny, "--run", "run")
    ok("submit", "wells.csv", "--run", "run", "--out", "out.csv", "--columns", "id")
    out = pd.read_csv(tmp_path / "out.csv")
    assert list(out) == ["plate", "inhibition"]
    assert out["plate"].tolist() == table["plate"][90:].tolist()
    printed = ok("score", "truth.csv", "out.csv", "--config", config).out
    expected = competition_score(
        100 * (1 - table["inhibition"][90:].to_numpy()), 100 * (1 - out["inhibition"].to_numpy())
    )
    assert f"score {expected.score:.4f}" in printed


def test_percentages_under_a_fraction_label_are_refused(table, config, cli) -> None:
    table.assign(inhibition=100 * table["inhibition"]).to_csv("own.csv", index=False)
    outcome = cli("train", "own.csv", "--config", config, "--check")
    assert outcome.code == 1
    for part in ("own.csv", "'inhibition'", "row id 1 ", "from -9 to 2 ", "[label]"):
        assert part in outcome.err


def test_a_guide_longer_than_any_in_training_is_predicted(trained, table, ok) -> None:
    table[90:].assign(antisense=table["antisense"][90:] + "ACGU").to_csv("long.csv", index=False)
    ok("submit", "long.csv", "--run", trained, "--out", "long-out.csv")
    assert pd.read_csv("long-out.csv")["inhibition"].between(0, 1).all()
