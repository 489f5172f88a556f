"""The roles that columns play."""

import pytest

from sirna.config import roles
from sirna.config.config import Config
from sirna.config.roles import ROLES, columns_needed, read_by


def test_every_role_has_a_column_or_is_derived():
    for name, role in ROLES.items():
        assert name == role.name
        assert bool(role.column) is not bool(role.derived_from), name
        assert set(role.derived_from) <= set(ROLES)


def test_the_defaults_of_the_configuration_follow_from_the_roles():
    config = Config()
    assert config.covariates.numeric == read_by("network", "numeric")
    assert config.gaussian_process.series == read_by("gaussian_process", "series")
    assert set(config.columns) == {role.name for role in ROLES.values() if role.column}


@pytest.mark.parametrize(
    ("wanted", "needed"),
    [
        ({"guide"}, {"guide"}),
        ({"dose"}, {"dose", "dose_unit"}),
        ({"site"}, {"guide", "transcript"}),
        ({"species_match", "duplex_number"}, {"species", "cell_line", "duplex"}),
    ],
)
def test_derived_roles_need_the_columns_behind_them(wanted, needed):
    assert columns_needed(wanted) == needed


def test_roles_of_one_kind_are_grouped():
    assert roles.SEQUENCES == roles.BASES + roles.TOKENS
    assert {ROLES[name].kind for name in roles.NUMERIC_COVARIATES} == {"numeric", "series"}
    assert all(ROLES[name].names_target for name in roles.TARGET_NAMES)
