"""Conditions as numbers."""

import json

import numpy as np
import pandas as pd
import pytest

from sirna.config.roles import TARGET_NAMES
from sirna.config.schema import CovariatesConfig
from sirna.features.covariates import MISSING_INDEX, UNSEEN_INDEX, Covariates
from sirna.protocols.protocol import PROTOCOLS

ROWS = PROTOCOLS["rows"]

ALL = CovariatesConfig(
    numeric=("dose", "hours"),
    categorical=("cell_line", "transfection", "species", "target", "publication"),
)


def conditions(**changed):
    columns = {
        "dose": [0.1, 10.0, np.nan],
        "hours": [24.0, 48.0, 48.0],
        "cell_line": ["HeLa", None, "COS-7"],
        "target": ["ABC1", "ABC2", "ABC2"],
        "publication": ["P1", "P1", "P2"],
    }
    return pd.DataFrame(columns | changed)


def fitted(protocol="rows", **changed):
    return Covariates.fit(conditions(**changed), ALL, PROTOCOLS[protocol])


def test_the_dose_is_standardised_on_a_log_scale_over_its_known_values():
    numbers = fitted().numbers(conditions())
    assert numbers[:, 0] == pytest.approx([-1.0, 1.0, 0.0])
    assert fitted().numeric["dose"] == pytest.approx((0.0, 1.0))


def test_a_missing_number_is_zero_and_its_flag_is_one():
    numbers = fitted().numbers(conditions())
    assert numbers[:, 1].tolist() == [0.0, 0.0, 1.0]
    assert numbers[:, 3].tolist() == [0.0, 0.0, 0.0]
    assert numbers.dtype == np.float32
    assert np.isfinite(numbers).all()


def test_a_condition_that_never_changes_stays_finite():
    assert np.isfinite(fitted(hours=[24.0] * 3).numbers(conditions())).all()


def test_missing_unseen_and_known_values_have_different_indices():
    fit = fitted()
    rows = conditions(cell_line=[None, "another", "HeLa"])
    column = list(fit.categorical).index("cell_line")
    indices = fit.categories(rows)[:, column]
    assert indices.tolist() == [MISSING_INDEX, UNSEEN_INDEX, 3]
    assert fit.categorical["cell_line"] == ["COS-7", "HeLa"]
    assert fit.categories(rows).dtype == np.int64


def test_every_index_is_below_its_size():
    fit = fitted()
    indices = fit.categories(conditions())
    assert (indices.max(axis=0) < fit.sizes).all()
    assert indices.shape == (3, len(fit.sizes))


def test_rows_that_are_all_unseen_or_all_missing_are_encoded():
    fit = fitted()
    column = list(fit.categorical).index("cell_line")
    for value, index in (("new", UNSEEN_INDEX), (None, MISSING_INDEX)):
        rows = conditions(cell_line=[value] * 3)
        assert fit.categories(rows)[:, column].tolist() == [index] * 3


def test_a_column_that_the_file_lacks_is_read_as_missing():
    fit = fitted()
    rows = conditions().drop(columns=["cell_line", "dose"])
    assert (fit.categories(rows)[:, list(fit.categorical).index("cell_line")] == 0).all()
    assert fit.numbers(rows)[:, :2].tolist() == [[0.0, 1.0]] * 3


def test_a_role_without_column_or_value_in_training_is_left_out():
    fit = Covariates.fit(conditions(cell_line=[None] * 3, dose=[np.nan] * 3), ALL, ROWS)
    assert set(fit.categorical) == {"target", "publication"}
    assert set(fit.numeric) == {"hours"}


def test_under_protocol_target_names_are_read_only_from_training_rows():
    fit = fitted("target")
    assert fit.training_only == ("target", "publication")
    columns = [list(fit.categorical).index(role) for role in fit.training_only]
    assert (fit.categories(conditions(), training=True)[:, columns] > UNSEEN_INDEX).all()
    assert (fit.categories(conditions())[:, columns] == UNSEEN_INDEX).all()
    assert not set(fit.unseen(conditions(target=["Z"] * 3))) & TARGET_NAMES
    assert fitted("duplex").training_only == ()
    renamed = conditions(target=["Z"] * 3, publication=["Z"] * 3)
    np.testing.assert_array_equal(fit.categories(renamed), fit.categories(conditions()))


def test_the_order_of_the_training_rows_does_not_matter():
    shuffled = Covariates.fit(conditions().iloc[[2, 0, 1]], ALL, ROWS)
    assert shuffled.categorical == fitted().categorical
    for role, moments in fitted().numeric.items():
        assert shuffled.numeric[role] == pytest.approx(moments)


def test_the_encoding_of_a_row_does_not_depend_on_other_rows():
    fit = fitted()
    for row in range(3):
        alone = conditions().iloc[[row]]
        np.testing.assert_array_equal(fit.numbers(alone)[0], fit.numbers(conditions())[row])
        np.testing.assert_array_equal(fit.categories(alone)[0], fit.categories(conditions())[row])


def test_values_that_training_lacks_are_listed():
    rows = conditions(cell_line=["new", "HeLa", None])
    assert fitted().unseen(rows) == {"cell_line": ["new"]}


def test_without_roles_rows_have_no_features():
    fit = Covariates.fit(conditions(), CovariatesConfig(numeric=(), categorical=()), ROWS)
    assert fit.numbers(conditions()).shape == (3, 0)
    assert fit.categories(conditions()).shape == (3, 0)


def test_covariate_encoders_survive_a_round_trip_through_json():
    fit = fitted()
    assert Covariates.from_dict(json.loads(json.dumps(fit.to_dict()))) == fit


@pytest.mark.parametrize(
    ("role", "value", "similar"),
    [
        ("cell_line", "hela", ["HeLa"]),
        ("cell_line", "HeLa cells", ["HeLa"]),
        ("cell_line", "Cos", ["COS-7"]),
        ("cell_line", "Hep3B", []),
        ("target", "abc1", ["ABC1"]),
        ("target", "ABC", []),
    ],
)
def test_similar_training_values_are_listed(role, value, similar):
    assert fitted().similar(role, [value]) == similar
