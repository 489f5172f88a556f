"""What a search prints where there is no terminal."""

import optuna
import pytest

from sirna.tuning import display as display_module
from sirna.tuning.display import ConfirmationDisplay, TuneDisplay
from sirna.tuning.study import DEFAULT, REPEATS


@pytest.fixture
def study():
    return optuna.create_study(direction="maximize")


def test_a_running_default_is_shown_step_by_step_and_each_line_once(study):
    lines = []
    display = TuneDisplay(study, 2, lines.append, live=False)
    study.enqueue_trial({}, user_attrs={DEFAULT: True})
    trial = study.ask()
    display.refresh()
    assert lines == []
    for step, score in ((1, 0.81), (2, 0.8255)):
        trial.report(score, step)
        display.refresh()
        display.refresh()
        assert len(lines) == step
        assert lines[-1].startswith(f"trial 0, the default, after step {step}: {score:.4f}")
    for scores in ([0.8255], [0.8255, 0.8311]):
        trial.set_user_attr(REPEATS, scores)
        display.refresh()
        assert lines[-1].startswith(f"trial 0, the default, with {len(scores)} seeds: 0.8255")
    assert "0.8255  0.8311" in lines[-1]
    study.tell(trial, 0.8255)
    display.refresh()
    assert lines[-1].startswith("trial 0  state complete  score 0.8255")
    assert len(lines) == 5


def test_other_running_trials_are_not_shown(study):
    lines = []
    display = TuneDisplay(study, 2, lines.append, live=False)
    trial = study.ask()
    trial.report(0.8, 1)
    display.refresh()
    assert lines == []


def test_the_time_left_does_not_count_the_default(study, monkeypatch):
    clock = iter(range(0, 10_000, 100))
    monkeypatch.setattr(display_module.time, "monotonic", lambda: next(clock))
    lines = []
    display = TuneDisplay(study, 12, lines.append, live=False)
    study.enqueue_trial({}, user_attrs={DEFAULT: True})
    study.tell(study.ask(), 0.8)
    display.refresh()
    assert lines[-1].endswith("time left -")
    study.tell(study.ask(), 0.8)
    display.refresh()
    assert lines[-1].endswith(f"time left {10 * 100 / 60:.0f} min")


def test_a_confirmation_is_counted_by_the_folds_whose_files_are_all_there(tmp_path):
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    lines = []
    display = ConfirmationDisplay([[one, two], [two, three], [three]], lines.append)
    display.refresh()
    assert lines == []
    for file in (two, three, three, one):
        file.touch()
        display.refresh()
    assert lines == ["confirmation: 2 of 3 folds", "confirmation: 3 of 3 folds"]
