from types import SimpleNamespace

import optuna
import pytest
import torch

from sirna.config.load import with_changes
from sirna.tuning.fits import Fits
from sirna.tuning.objective import Work
from sirna.tuning.space import load_search
from sirna.tuning.study import DEFAULT

SPACE = {
    "train.learning_rate": {"kind": "float", "low": 1e-4, "high": 1e-1},
    "gaussian_process.components": {"kind": "choice", "choices": [2, 4]},
}
SETTINGS = {
    "gaussian_process.components": 2,
    "gaussian_process.duplexes_per_component": 1,
    "train.fewest_duplexes": 1,
    "word_process.most_rows": 0,
    "random_forest.most_rows": 0,
}
"""A network and a Gaussian process, whatever the size of the table."""


@pytest.fixture
def make_work(tiny_table, tiny_config, tmp_path):
    """Make the work of a small study; options change the search."""

    def make(folder="fits", stop=lambda: False, changes=None, **options):
        search = load_search(None, {"space": SPACE, "folds": 2, "repeats": 2, **options})
        config = with_changes(tiny_config, {**SETTINGS, **(changes or {})})
        fits = Fits(tmp_path / folder, "digest")
        return Work(tiny_table.rows, config, search, fits, torch.device("cpu"), stop)

    return make


@pytest.fixture
def study_of():
    """Make a study of completed or pruned trials without a database."""

    def make(trials):
        study = optuna.create_study(direction="maximize")
        for each in trials:
            trial = SimpleNamespace(
                **{"value": None, "steps": [], "attrs": {}, "params": {}} | each
            )
            study.add_trial(
                optuna.create_trial(
                    state=optuna.trial.TrialState["PRUNED" if trial.value is None else "COMPLETE"],
                    value=trial.value,
                    params=trial.params,
                    distributions={
                        key: optuna.distributions.FloatDistribution(0.0, 1.0)
                        for key in trial.params
                    },
                    user_attrs=trial.attrs,
                    intermediate_values=dict(enumerate(trial.steps, start=1)),
                )
            )
        return study

    return make


@pytest.fixture
def default_attrs():
    return {DEFAULT: True, "repeats": [0.79, 0.81], "seconds": 1.0}
