"""`SiRNARegressor` follows the rules of scikit-learn's estimators."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import estimator_checks_generator

from sirna import SiRNARegressor, competition_score
from sirna.errors import SirnaError, UsageError

LABEL = "mRNA_remaining_pct"


class ForChecks(SiRNARegressor):
    """The estimator with the tag without which scikit-learn runs only one check."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        return tags


TRAIN_ON_ARRAYS = [
    "check_fit_score_takes_y",
    "check_estimators_overwrite_params",
    "check_dont_overwrite_parameters",
    "check_estimators_fit_returns_self",
    "check_readonly_memmap_input",
    "check_estimators_dtypes",
    "check_positive_only_tag_during_fit",
    "check_pipeline_consistency",
    "check_estimator_sparse_tag",
    "check_estimator_sparse_array",
    "check_estimator_sparse_matrix",
    "check_estimators_pickle",
    "check_array_api_input",
    "check_f_contiguous_array_estimator",
    "check_regressors_train",
    "check_regressor_data_not_an_array",
    "check_regressors_no_decision_function",
    "check_supervised_y_no_nan",
    "check_regressors_int",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_fit2d_1sample",
    "check_fit2d_1feature",
    "check_dict_unchanged",
    "check_fit_idempotent",
    "check_fit_check_is_fitted",
]
"""Checks that train on arrays of random numbers; here a table of duplexes is needed. The tests
below check with tables what also makes sense for them."""


def test_every_check_of_scikit_learn_that_needs_no_array_passes():
    passed = []
    for estimator, check in estimator_checks_generator(ForChecks()):
        name = check.func.__name__
        if name not in TRAIN_ON_ARRAYS:
            check(estimator)
            passed.append(name)
    assert "check_parameters_default_constructible" in passed
    assert len(passed) >= 12


def test_training_returns_the_estimator_and_leaves_table_and_parameters_alone(simulation, settings):
    frame = simulation.train.head(70)
    before, estimator = frame.copy(), SiRNARegressor(settings=settings)
    parameters = dict(estimator.get_params())
    assert estimator.fit(frame) is estimator
    assert estimator.get_params() == parameters
    assert list(frame) == [*estimator.feature_names_in_, LABEL]
    assert estimator.n_features_in_ == len(frame.columns) - 1
    pd.testing.assert_frame_equal(frame, before)


def test_a_prediction_does_not_depend_on_the_other_rows_or_their_order(regressor, simulation):
    test = simulation.test
    whole = regressor.predict(test)
    np.testing.assert_allclose(regressor.predict(test.iloc[::-1])[::-1], whole, atol=0.011)
    np.testing.assert_allclose(regressor.predict(test.iloc[[4]]), whole[[4]], atol=0.011)


def test_a_clone_has_the_same_parameters_and_is_not_fitted(regressor):
    copy = clone(regressor)
    assert copy.get_params() == regressor.get_params()
    with pytest.raises(NotFittedError):
        copy.predict(None)


def test_the_same_seed_gives_the_same_predictions(regressor, simulation):
    frame = simulation.train
    again = clone(regressor).fit(frame)  # labels from the table itself
    np.testing.assert_array_equal(
        regressor.predict(simulation.test), again.predict(simulation.test)
    )


def test_points_and_intervals_come_from_one_table(regressor, simulation):
    table = regressor.predict_table(simulation.test)
    np.testing.assert_array_equal(regressor.predict(simulation.test), table["submitted"])
    interval = regressor.predict_interval(simulation.test)
    assert interval.shape == (len(table), 2)
    assert (interval[:, 0] <= table["median"]).all()
    assert (table["median"] <= interval[:, 1]).all()


def test_other_points_can_be_predicted_without_training_again(regressor, simulation):
    table = regressor.predict_table(simulation.test)
    for point in ("median", "mean"):
        other = pickle.loads(pickle.dumps(regressor)).set_params(point=point)  # noqa: S301
        np.testing.assert_array_equal(other.predict(simulation.test), table[point])


def test_the_score_is_the_competition_score(regressor, simulation):
    truth = simulation.truth[LABEL]
    expected = competition_score(truth, regressor.predict(simulation.test)).score
    assert regressor.score(simulation.test, truth) == expected


def test_cross_validation_trains_and_scores_each_part(simulation, settings):
    frame = simulation.train
    estimator = SiRNARegressor(settings=settings)
    scores = cross_val_score(estimator, frame.drop(columns=LABEL), frame[LABEL], cv=2)
    assert scores.shape == (2,)
    assert np.isfinite(scores).all()


def test_labels_in_another_unit_are_predicted_and_scored_in_it(simulation, settings):
    frame = simulation.train.head(60)
    inhibition = 100 - frame[LABEL]
    kind = {"label.kind": "inhibition_pct", "label.better": "higher"}
    estimator = SiRNARegressor(settings=settings | kind)
    estimator.fit(frame.drop(columns=LABEL), inhibition)
    points = estimator.predict(frame)
    remaining = competition_score(frame[LABEL], 100 - points).score
    assert estimator.score(frame, inhibition) == pytest.approx(remaining)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (lambda f: (f.to_numpy(), None), "DataFrame"),
        (lambda f: (f.head(0), None), "no rows"),
        (lambda f: (f, np.zeros(3)), "y has the shape"),
    ],
)
def test_what_is_no_table_is_refused(simulation, arguments, expected):
    with pytest.raises(UsageError, match=expected):
        SiRNARegressor().fit(*arguments(simulation.train))


def test_a_misspelt_setting_is_refused_with_a_suggestion(simulation):
    with pytest.raises(SirnaError, match="did you mean"):
        SiRNARegressor(settings={"train.epoch": 3}).fit(simulation.train)


def test_a_training_in_memory_prints_nothing(simulation, settings, capfd):
    SiRNARegressor(settings=settings).fit(simulation.train.head(80))
    assert capfd.readouterr() == ("", "")
