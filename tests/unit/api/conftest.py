import pytest

from sirna.simulate.simulate import simulate

SETTINGS = {
    "model.hidden": 8,
    "model.embedding": 4,
    "model.head_hidden": 8,
    "train.epochs": 1,
    "train.refit": False,
    "gaussian_process.steps": 3,
    "gaussian_process.step_rows": 40,
    "trees.rounds": 3,
    "trees.ensembles": 1,
    "trees.folds": 2,
    "split.valid": 0.3,
}


@pytest.fixture(scope="session")
def simulation():
    return simulate(duplexes=30, seed=1)


@pytest.fixture(scope="session")
def settings():
    return SETTINGS


@pytest.fixture(scope="session")
def regressor(simulation, settings):
    """A fitted estimator; not to be changed."""
    from sirna.api.regressor import SiRNARegressor  # noqa: PLC0415

    frame = simulation.train
    label = "mRNA_remaining_pct"
    return SiRNARegressor(settings=settings).fit(frame.drop(columns=label), frame[label])
