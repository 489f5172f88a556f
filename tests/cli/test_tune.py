"""`sirna tune` on tiny data."""

import re
import signal
import tomllib
from pathlib import Path

import optuna
import pandas as pd
import pytest

SPACE = """
startup_trials = 2
folds = 2
repeats = 2
candidates = 2
[space]
"model.hidden" = { kind = "int", low = 2, high = 12 }
"train.learning_rate" = { kind = "float", low = 1e-3, high = 3e-2, log = true }
"""
SMALL = [
    part
    for key in (
        "train.fewest_duplexes=1",
        "small_network.duplexes=0",
        "word_process.most_rows=0",
        "random_forest.most_rows=0",
    )
    for part in ("--set", key)
]
"""The network and the Gaussian process alone, although the table is small."""


@pytest.fixture(scope="module")
def tune(data: Path, tiny: list[str], cli):
    """Return a function that runs `sirna tune` in the current folder with its `space.toml`."""

    def run(*options: object):
        return cli(
            "tune", data / "train_data.csv", "--space", "space.toml", *tiny, *SMALL, *options
        )

    return run


@pytest.fixture
def search(tune, tmp_path: Path, monkeypatch):
    """Return a function that runs `sirna tune` in an empty folder with a small space."""
    monkeypatch.chdir(tmp_path)
    Path("space.toml").write_text(SPACE)
    return tune


@pytest.fixture(scope="module")
def studied(tune, tmp_path_factory: pytest.TempPathFactory):
    """A folder in which one command began a study and another continued it; what both said."""
    folder = tmp_path_factory.mktemp("studied")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("space.toml").write_text(SPACE)
        return folder, tune("--trials", 3), tune("--trials", 6)


def load_study(study: str = "rows") -> optuna.Study:
    return optuna.load_study(study_name=study, storage=f"sqlite:///runs/tune/{study}/study.db")


def trials() -> list[optuna.trial.FrozenTrial]:
    return load_study().get_trials()


def test_trials_are_a_total_and_a_study_continues_where_it_stopped(
    studied, tune, monkeypatch
) -> None:
    folder, begun, continued = studied
    monkeypatch.chdir(folder)
    assert (begun.code, continued.code) == (0, 0)
    assert (
        "trial 0 is the default; it takes longest: its network is trained with 2 seeds" in begun.out
    )
    assert "trial 0 is the default" not in continued.out
    drawn = [tuple(trial.params.items()) for trial in trials()]
    assert len(drawn) == len(set(drawn)) == 6
    assert tune("--trials", 6).code == 0
    assert len(trials()) == 6


def test_the_first_trial_is_the_default_and_the_best_is_never_below_it(
    studied, monkeypatch
) -> None:
    folder, ended, _ = studied
    monkeypatch.chdir(folder)
    first = trials()[0]
    assert first.user_attrs["default"]
    assert first.params["model.hidden"] == 8
    assert max(trial.value or 0 for trial in trials()) >= (first.value or 1)
    assert "best: trial" in ended.out
    assert "noise of a score" in ended.out


def test_train_accepts_best_toml(search, data: Path, tmp_path: Path, cli) -> None:
    assert search("--trials", 3, "--no-confirm").code == 0
    best = load_study().best_trial  # pruned trials were scored on fewer folds
    path = tmp_path / "runs" / "tune" / "rows" / "best.toml"
    raw = tomllib.loads(path.read_text())
    assert raw["model"]["hidden"] == best.params["model.hidden"]
    assert raw["split"]["protocol"] == "rows"
    assert best.user_attrs.get("default") or "not confirmed" in path.read_text()
    table = data / "train_data.csv"
    assert cli("train", table, "--config", path, "--run", "again").code == 0
    oof = pd.read_csv("again/oof.csv")
    assert len(oof)


def test_what_no_confirmation_supports_is_not_recommended(search) -> None:
    ended = search("--trials", 4, "--set", "train.learning_rate=0.0299")
    assert ended.code == 0
    raw = tomllib.loads(Path("runs/tune/rows/best.toml").read_text())
    confirmed = load_study().user_attrs.get("confirmation")
    last = ended.out.splitlines()[-1]
    if last.startswith("recommended: Trial"):
        assert any(one["confidence"] >= confirmed["needed"] for one in confirmed["compared"])
    else:
        assert last.startswith("recommended: The default")
        assert raw["train"]["learning_rate"] == 0.0299


def test_a_finished_confirmation_is_not_repeated(search) -> None:
    first = search("--trials", 4)
    stored = {path: path.stat().st_mtime_ns for path in Path("runs/tune/rows/fits").rglob("*.npz")}
    again = search("--trials", 4)
    assert again.code == 0
    assert again.out.splitlines()[-3:] == first.out.splitlines()[-3:]
    assert re.search(r"confirmation: (\d+) of \1 folds", first.out)
    assert not re.search(r"of \d+ folds", again.out)
    assert stored == {
        path: path.stat().st_mtime_ns for path in Path("runs/tune/rows/fits").rglob("*.npz")
    }


def test_a_study_of_version_0_2_0_is_met_with_a_remedy(search) -> None:
    folder = Path("runs/tune/rows")
    folder.mkdir(parents=True)
    old = optuna.create_study(study_name="rows", storage=f"sqlite:///{folder / 'study.db'}")
    old.set_user_attr("training_sha256", "0")
    ended = search("--trials", 1)
    assert ended.code == 2
    assert "0.2.0" in ended.err
    assert "--study" in ended.err


def test_the_page_loads_nothing_from_the_internet(studied) -> None:
    page = (studied[0] / "runs/tune/rows/tune.html").read_text()
    assert "Parallel coordinates" in page
    assert '<script src="' not in page
    assert '<link rel="stylesheet"' not in page


def test_two_jobs_share_one_study(search) -> None:
    ended = search("--trials", 4, "--jobs", 2, "--no-confirm")
    assert ended.code == 0, ended.err
    table = pd.read_csv("runs/tune/rows/trials.csv")
    assert table["state"].isin(["COMPLETE", "PRUNED"]).tolist() == [True] * 4


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        ('[space]\n"model.hiden" = { kind = "int", low = 2, high = 12 }', "model.hidden"),
        ('[space]\n"model.hidden" = { kind = "int", low = 0, high = 12 }', "refused"),
        ("sampler = 'tpee'\n[space]", "tpe"),
    ],
)
def test_an_impossible_search_space_is_a_usage_error(search, space: str, expected: str) -> None:
    Path("space.toml").write_text(space)
    ended = search("--trials", 2)
    assert ended.code == 2
    assert expected in ended.err


def test_other_data_or_settings_need_another_study(search) -> None:
    assert search("--trials", 1).code == 0
    ended = search("--trials", 2, "--set", "train.clip=0.5")
    assert ended.code == 2
    assert "--study" in ended.err


def test_a_signal_ends_a_search_with_its_results(search, signal_at) -> None:
    with signal_at("trial 2 ", 1, signal.SIGINT):
        ended = search("--trials", 500)
    assert ended.code == 0, ended.err
    assert "best: trial" in ended.out
    # without a confirmation nothing but the default is recommended
    assert tomllib.loads(Path("runs/tune/rows/best.toml").read_text())["model"]["hidden"] == 8
