"""The Optuna study: storage of trials, sampler, pruner, and the loop that does the trials."""

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import (
    BaseStorage,
    JournalStorage,
    RDBStorage,
    RetryHeartbeatStaleTrialCallback,
)
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from sirna.errors import SirnaError, UsageError
from sirna.tuning.pruning import SameStepPruner
from sirna.tuning.space import SearchConfig

HEARTBEAT_SECONDS, GRACE_SECONDS = 10, 30
"""Interval of a worker's heartbeat on a shared database, and its largest age for a live worker."""
RETRIES = 3
POLL_SECONDS = 1.0
TRIAL_ERRORS = (SirnaError, RuntimeError, MemoryError)
"""Errors that end only their trial, not the study: a diverged training, or too little memory."""
BEGUN, FAILED, SURPLUS, STOPPED = "begun", "failed", "surplus", "stopped"
"""User attributes of trials: it has begun; why it failed; it exceeds the total; it was stopped."""
DEFAULT, FIDELITY, WEIGHTS = "default", "fidelity", "weights"
"""User attributes of trials: it is the default; its share of rows times epochs; the weights that it
chose."""
REPEATS, SECONDS = "repeats", "seconds"
"""User attributes of trials: scores of the default with several seeds; the seconds of its folds."""
OBJECTIVE = "objective"
"""User attribute of a study: what its trials score. Studies of version 0.2.0 do not have it."""


def open_storage(folder: Path, url: str | None, jobs: int) -> BaseStorage:
    """Open the storage of the trials.

    With a URL it is a database that any number of machines may use. Otherwise it is a file in the
    study's folder: SQLite for one process, a journal for several. If a study that began with SQLite
    gets several jobs, its trials are copied to a journal.
    """
    if url:
        try:
            with _experimental():
                return RDBStorage(
                    url,
                    heartbeat_interval=HEARTBEAT_SECONDS,
                    grace_period=GRACE_SECONDS,
                    heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(
                        max_retry=RETRIES
                    ),
                )
        except ImportError as error:
            raise UsageError(f"--storage: {error}; pip install 'sirna[postgresql]'.") from error
        except (ArgumentError, SQLAlchemyError) as error:
            raise UsageError(f"--storage: cannot be opened: {_first_line(error)}") from error
    folder.mkdir(parents=True, exist_ok=True)
    database, journal = folder / "study.db", folder / "journal.log"
    if jobs > 1 or journal.exists():
        storage = JournalStorage(JournalFileBackend(str(journal)))
        if database.exists() and not storage.get_all_studies():
            source = f"sqlite:///{database}"
            for summary in optuna.get_all_study_summaries(source):
                optuna.copy_study(
                    from_study_name=summary.study_name, from_storage=source, to_storage=storage
                )
        return storage
    try:
        return RDBStorage(f"sqlite:///{database}")
    except (RuntimeError, SQLAlchemyError) as error:
        raise UsageError(
            f"{database}: cannot be opened ({_first_line(error)}); choose a new --study name."
        ) from error


def open_study(storage: BaseStorage, name: str, search: SearchConfig, worker: int) -> optuna.Study:
    """Create or load a study; its sampler has a new seed, so that no earlier draws are repeated."""
    study = optuna.create_study(
        storage=storage, study_name=name, direction="maximize", load_if_exists=True
    )
    drawn = len(study.get_trials(deepcopy=False))
    seed = int(np.random.SeedSequence([search.seed, drawn, worker]).generate_state(1)[0])
    study.sampler = _sampler(search, seed)
    study.pruner = _pruner(search)
    return study


def prepare(study: optuna.Study, default: dict[str, Any], data_and_config: dict[str, Any]) -> None:
    """Record data and settings of the study, and enqueue the default configuration as first trial.

    So all trials can be compared, and the best trial is at least as good as the default.

    Raises
    ------
    UsageError
        If the study was begun with other data or settings, or by version 0.2.0.
    """
    if study.user_attrs and OBJECTIVE not in study.user_attrs:
        raise UsageError(
            f"study {study.study_name!r} was begun by sirna 0.2.0, whose trials scored the network "
            "alone; they cannot be compared with trials of this version. Choose a new --study name."
        )
    if not study.user_attrs:
        for key, value in data_and_config.items():
            study.set_user_attr(key, value)
    for key, value in data_and_config.items():
        if study.user_attrs.get(key) != value:
            raise UsageError(
                f"study {study.study_name!r} began with another {key}; choose a new --study name."
            )
    live = study.get_trials(deepcopy=False, states=(TrialState.WAITING, TrialState.RUNNING))
    if not any(trial.user_attrs.get(DEFAULT) for trial in (*finished_trials(study), *live)):
        study.enqueue_trial(default, user_attrs={DEFAULT: True})


def requeue_interrupted(study: optuna.Study) -> int:
    """Enqueue again the trials of a local study that a killed process left running.

    Returns
    -------
    int
        The number of these trials.
    """
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    for trial in running:
        study.tell(trial.number, state=TrialState.FAIL)
        study.enqueue_trial(trial.params, user_attrs={"redoes": trial.number, **trial.user_attrs})
    return len(running)


def finished_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that count as done: completed, pruned by the pruner, or failed."""
    states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    return [
        trial
        for trial in study.get_trials(deepcopy=False, states=states)
        if STOPPED not in trial.user_attrs
        and SURPLUS not in trial.user_attrs
        and (trial.state != TrialState.FAIL or FAILED in trial.user_attrs)
    ]


def completed_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that were scored on all folds."""
    return [trial for trial in finished_trials(study) if trial.state == TrialState.COMPLETE]


def default_trial(study: optuna.Study) -> FrozenTrial | None:
    """Return the completed trial of the default, if there is one."""
    complete = completed_trials(study)
    return next((trial for trial in complete if trial.user_attrs.get(DEFAULT)), None)


def noise_of(study: optuna.Study) -> float | None:
    """Return the standard deviation of the default's scores over training seeds, if it is known."""
    default = default_trial(study)
    scores = default.user_attrs.get(REPEATS, []) if default else []
    return float(np.std(scores, ddof=1)) if len(scores) > 1 else None


def do_trials(
    study: optuna.Study,
    objective: Callable[[optuna.Trial], float],
    total: int,
    stop: Callable[[], bool],
    on_trial: Callable[[], None] = lambda: None,
) -> None:
    """Do trials until the study has `total` trials, or until `stop()` returns True.

    A worker without a trial waits until the other workers have finished theirs: if one of them is
    killed, its trial must be repeated.
    """

    def run_trial(trial: optuna.Trial) -> float:
        trial.set_user_attr(BEGUN, True)
        if _begun_before(study, trial.number) >= total:
            trial.set_user_attr(SURPLUS, True)
            raise optuna.TrialPruned
        try:
            return objective(trial)
        except TRIAL_ERRORS as error:
            trial.set_user_attr(FAILED, _first_line(error))
            raise

    while not stop() and len(finished_trials(study)) < total:
        if _begun_before(study, None) >= total:
            time.sleep(POLL_SECONDS)
            with _experimental():
                optuna.storages.fail_stale_trials(study)
            _requeue_unbegun(study)
            continue
        # One trial for each call: `optimize` sends heartbeats and enqueues stale trials again.
        study.optimize(run_trial, n_trials=1, catch=TRIAL_ERRORS)
        on_trial()


@contextmanager
def _experimental() -> Iterator[None]:
    """Silence Optuna's warning that heartbeats are experimental."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def _requeue_unbegun(study: optuna.Study) -> None:
    """Enqueue again the trials whose worker died before their first heartbeat."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        age = datetime.now() - (trial.datetime_start or datetime.now())  # noqa: DTZ005 - as Optuna
        if BEGUN in trial.user_attrs or age.total_seconds() < GRACE_SECONDS:
            continue
        try:
            study.tell(trial.number, state=TrialState.FAIL)
        except (ValueError, RuntimeError):  # another worker has already ended it
            continue
        given = trial.system_attrs.get("fixed_params", {})
        study.enqueue_trial(given, user_attrs=trial.user_attrs)


def _begun_before(study: optuna.Study, number: int | None) -> int:
    """Count the done or running trials; if `number` is given, only those with smaller numbers."""
    done = [trial.number for trial in finished_trials(study)]
    states = (TrialState.RUNNING,)
    running = [trial.number for trial in study.get_trials(deepcopy=False, states=states)]
    return sum(number is None or other < number for other in (*done, *running))


def _sampler(search: SearchConfig, seed: int) -> BaseSampler:
    if search.sampler == "tpe":
        # `multivariate` and `constant_liar` are given because Optuna 5 changed their defaults
        return optuna.samplers.TPESampler(
            n_startup_trials=search.startup_trials, multivariate=True, constant_liar=True, seed=seed
        )
    if search.sampler == "gp":
        return optuna.samplers.GPSampler(n_startup_trials=search.startup_trials, seed=seed)
    return optuna.samplers.RandomSampler(seed=seed)


def _pruner(search: SearchConfig) -> BasePruner:
    if search.pruner == "same_step":
        return SameStepPruner(search.keep, search.startup_trials)
    if search.pruner == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=search.startup_trials)
    if search.pruner == "wilcoxon":
        with _experimental():
            return optuna.pruners.WilcoxonPruner()
    return optuna.pruners.NopPruner()


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
