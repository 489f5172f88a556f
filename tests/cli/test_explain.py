"""`sirna explain`."""

from pathlib import Path

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def explained(run, data, cli, tmp_path_factory):
    """The folder with an explanation of three rows."""
    out = tmp_path_factory.mktemp("explained") / "out"
    ids = pd.read_csv(data / "test.csv", dtype=str)["id"].head(3).tolist()
    options = ("--run", run, "--out", out, "--rows", ",".join(ids), "--suggest")
    outcome = cli("explain", data / "test.csv", *options)
    assert outcome.code == 0, outcome.err
    assert f"written: {out / 'explain.html'}" in outcome.out
    return out, ids


def test_every_row_has_its_effects_in_the_table(explained):
    out, ids = explained
    found = pd.read_csv(out / "explain.csv", dtype={"id": str})
    assert found["id"].unique().tolist() == ids
    assert {"guide base", "guide chemistry", "passenger chemistry", "dose"} <= set(found["part"])
    assert found["effect_low"].le(found["effect_high"]).all()


def test_suggestions_have_a_gain_an_interval_and_whether_training_had_them(explained):
    out, _ = explained
    found = pd.read_csv(out / "suggest.csv", dtype={"id": str})
    assert (found["gain"] > 0).all()
    assert found["part"].str.endswith("chemistry").all()
    assert found["seen_there"].isin([True, False]).all()
    assert (found.groupby("id").size() <= 5).all()


def test_the_page_draws_every_row_and_requests_nothing(explained):
    out, ids = explained
    page = (out / "explain.html").read_text()
    for name in ids:
        assert f"Row {name}: predicted median" in page
    assert page.count("passenger 3&#x27;</div>") + page.count("passenger 3'</div>") == len(ids)
    assert "default-src 'none'" in page


def test_many_rows_are_sampled_with_a_note(run, data, ok):
    outcome = ok("explain", data / "test.csv", "--run", run, "--most", 2)
    assert "2 of " in outcome.err
    assert pd.read_csv(Path("explanations/run/explain.csv"))["id"].nunique() == 2


def test_an_unknown_row_is_bad_usage(run, data, refused):
    assert "no row with this id" in refused(
        "explain", data / "test.csv", "--run", run, "--rows", "nobody", code=2
    )
