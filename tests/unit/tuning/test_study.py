import multiprocessing
import os
import signal
import time

import optuna
import pytest
from optuna.trial import TrialState

from sirna.errors import SirnaError, UsageError
from sirna.tuning import study as study_module
from sirna.tuning.space import load_search
from sirna.tuning.study import (
    FAILED,
    OBJECTIVE,
    STOPPED,
    do_trials,
    finished_trials,
    open_storage,
    open_study,
    prepare,
    requeue_interrupted,
)

optuna.logging.set_verbosity(optuna.logging.ERROR)
SEARCH = load_search(
    None,
    {
        "sampler": "random",
        "space": {"train.weight_decay": {"kind": "float", "low": 0.0, "high": 1.0}},
    },
)
SETTINGS = {"config": "as it is", OBJECTIVE: {"version": 2}}


def never() -> bool:
    return False


def objective(trial: optuna.Trial) -> float:
    return float(SEARCH.suggest(trial)["train.weight_decay"])


@pytest.fixture
def study(tmp_path):
    study = open_study(open_storage(tmp_path, None, 1), "mine", SEARCH, worker=0)
    prepare(study, {"train.weight_decay": 0.02}, SETTINGS)
    return study


def values(study):
    return [trial.params.get("train.weight_decay") for trial in study.get_trials()]


def test_the_default_is_the_first_trial(study):
    do_trials(study, objective, 1, never)
    assert values(study) == [0.02]


def test_the_total_counts_earlier_trials_and_no_draw_repeats_after_a_resume(study, tmp_path):
    do_trials(study, objective, 3, never)
    again = open_study(open_storage(tmp_path, None, 1), "mine", SEARCH, worker=0)
    prepare(again, {"train.weight_decay": 0.02}, SETTINGS)
    do_trials(again, objective, 6, never)
    assert len(finished_trials(again)) == len(set(values(again))) == 6


def test_a_failing_trial_does_not_end_the_study_and_its_error_is_stored(study):
    def fails_once(trial):
        if trial.number == 1:
            raise SirnaError("the training diverged\nmuch more")
        return objective(trial)

    do_trials(study, fails_once, 4, never)
    trials = study.get_trials()
    assert [trial.state == TrialState.FAIL for trial in trials] == [False, True, False, False]
    assert trials[1].user_attrs[FAILED] == "the training diverged"


def test_an_unexpected_error_ends_the_study(study):
    def broken(trial):
        raise AssertionError

    with pytest.raises(AssertionError):
        do_trials(study, broken, 2, never)


def test_a_request_to_stop_ends_the_work(study):
    asked = iter([False, False, True])
    do_trials(study, objective, 10, lambda: next(asked))
    assert len(finished_trials(study)) == 2


def test_a_trial_of_a_killed_process_is_repeated_with_its_values(study):
    do_trials(study, objective, 1, never)
    left = study.ask()
    drawn = objective(left)
    assert requeue_interrupted(study) == 1
    do_trials(study, objective, 2, never)
    done = [trial for trial in finished_trials(study) if trial.number > left.number]
    assert [trial.params["train.weight_decay"] for trial in done] == [drawn]


def test_a_trial_whose_worker_died_at_its_start_is_enqueued_again(study, monkeypatch):
    monkeypatch.setattr("sirna.tuning.study.GRACE_SECONDS", 0)
    study.ask()  # starts the default trial and never finishes it
    do_trials(study, objective, 1, never)
    assert values(study) == [None, 0.02]


def test_a_study_with_other_data_or_settings_is_refused(study):
    with pytest.raises(UsageError, match="another config"):
        prepare(study, {}, SETTINGS | {"config": "changed"})


def test_a_study_of_version_0_2_0_is_refused_with_a_remedy(tmp_path):
    study = open_study(open_storage(tmp_path, None, 1), "old", SEARCH, worker=0)
    for key, value in {"training_sha256": "x", "config": {}}.items():
        study.set_user_attr(key, value)
    with pytest.raises(UsageError, match=r"sirna 0\.2\.0.*--study"):
        prepare(study, {}, {"training_sha256": "x", "config": {}})


def test_a_default_that_was_stopped_is_the_next_trial(study):
    def stopped(trial):
        objective(trial)
        trial.set_user_attr(STOPPED, True)
        raise optuna.TrialPruned

    asked = iter([False, True])
    do_trials(study, stopped, 1, lambda: next(asked))
    prepare(study, {"train.weight_decay": 0.02}, SETTINGS)
    do_trials(study, objective, 1, never)
    assert values(study) == [0.02, 0.02]


def test_all_trials_move_from_sqlite_to_the_journal(study, tmp_path):
    do_trials(study, objective, 3, never)
    moved = open_study(open_storage(tmp_path, None, 2), "mine", SEARCH, worker=0)
    assert values(moved) == values(study)


def test_a_database_that_cannot_be_reached_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="--storage"):
        open_storage(tmp_path, "nosuchdatabase://here", 1)


def slow(trial):
    value = objective(trial)
    trial.set_user_attr("process", os.getpid())  # drawn before a kill may come: see `running`
    time.sleep(0.2)
    return value


def running(study):
    trials = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return [trial.user_attrs.get("process") for trial in trials]


def _be_worker(url, number):
    study_module.HEARTBEAT_SECONDS, study_module.GRACE_SECONDS = 2, 8  # the test waits for them
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = open_study(open_storage(None, url, 1), "shared", SEARCH, number)
    do_trials(study, slow, 20, never)


@pytest.mark.skipif(
    "SIRNA_TEST_POSTGRESQL" not in os.environ,
    reason="SIRNA_TEST_POSTGRESQL holds no URL of an empty PostgreSQL database",
)
def test_workers_on_postgresql_do_each_trial_once_and_repeat_those_of_a_killed_worker():
    url = os.environ["SIRNA_TEST_POSTGRESQL"]
    storage = open_storage(None, url, 1)
    study = open_study(storage, "shared", SEARCH, worker=0)
    prepare(study, {"train.weight_decay": 0.02}, SETTINGS)
    context = multiprocessing.get_context("spawn")
    first, second = (context.Process(target=_be_worker, args=(url, n), daemon=True) for n in (1, 2))
    first.start()
    second.start()
    while True:
        assert first.is_alive()
        if len(finished_trials(study)) >= 6:
            os.kill(first.pid, signal.SIGSTOP)  # so that it cannot end its trial before the kill
            if first.pid in running(study):
                break
            os.kill(first.pid, signal.SIGCONT)
        time.sleep(0.02)
    os.kill(first.pid, signal.SIGKILL)
    first.join()
    second.join(timeout=150)

    assert second.exitcode == 0
    assert len(finished_trials(study)) == 20
    lost = [t for t in study.get_trials() if t.state == TrialState.FAIL]
    assert len(lost) == 1
    assert [t.params for t in finished_trials(study)].count(lost[0].params) == 1
    assert study.best_value == max(t.value for t in finished_trials(study))
    storage.remove_session()
    storage.engine.dispose()
