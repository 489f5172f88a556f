import pytest

from sirna.config.load import load_config, with_changes
from sirna.errors import UsageError
from sirna.members.registry import FAMILIES, check_families, families_for


def names(config, unseen=False):
    return [family.family for family in families_for(config, unseen)]


def test_families_for_follow_the_weights_of_the_kind_of_row():
    rows, target = load_config(None), load_config(None, flags={"split.protocol": "target"})
    assert names(rows) == ["network", "gaussian_process"]
    assert names(rows, unseen=True) == ["network", "gaussian_process", "trees"]
    assert names(target) == names(target, unseen=True) == list(FAMILIES)


@pytest.mark.parametrize("kind", ["known_target", "unseen_target"])
@pytest.mark.parametrize("wrong", ["forest", "Network", "gaussianprocess"])
def test_a_weight_of_an_unknown_family_is_refused_with_the_known_ones(kind, wrong):
    config = with_changes(load_config(None), {f"mixture.{kind}.{wrong}": 0.2})
    with pytest.raises(UsageError, match=rf"mixture\.{kind}: no family '{wrong}'.*network"):
        check_families(config)
