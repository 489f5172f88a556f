"""The memory of trees, estimated before they are grown."""

import numpy as np
import pytest

from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.errors import SirnaError
from sirna.members.base import FitCallbacks
from sirna.members.forest import predict_memory
from sirna.members.trees.member import TreesMember
from sirna.members.trees.size import check_fit_memory, fit_memory

FEATURES = 100
HUGE = {
    "rounds": ({"trees.rounds": 100_000, "trees.ensembles": 300}, 20_000),
    "ensembles": ({"trees.rounds": 30_000, "trees.ensembles": 1000}, 20_000),
    "leaves": ({"trees.leaves": 100_000, "trees.rounds": 10_000}, 10_000_000),
}


@pytest.mark.parametrize("key", HUGE)
def test_sizes_beyond_the_memory_are_refused_with_the_settings_to_lower(key):
    changes, rows = HUGE[key]
    config = with_changes(Config(), changes).trees
    with pytest.raises(SirnaError, match=rf"GB are free; lower .*trees\.{key}"):
        check_fit_memory(rows, FEATURES, config)


def test_the_default_fits_a_competition_on_a_small_machine():
    assert fit_memory(25_000, FEATURES, Config().trees) < 1e9


def test_more_leaves_than_rows_can_fill_need_no_memory():
    few, many = ({"trees.leaves": leaves} for leaves in (31, 100_000))
    sizes = [fit_memory(200, FEATURES, with_changes(Config(), one).trees) for one in (few, many)]
    assert sizes[0] == sizes[1]


def test_a_prediction_grows_with_trees_leaves_and_splits():
    usual = predict_memory(450, 31, 13_500)
    assert usual < 1e9
    for trees, leaves, splits in ((45_000, 31, 13_500), (450, 100_000, 13_500), (450, 31, 10**7)):
        assert predict_memory(trees, leaves, splits) > 10 * usual


def test_a_fit_looks_at_the_memory_first(tiny_table, task_of):
    config = with_changes(Config(), {"trees.rounds": 100_000, "trees.ensembles": 1000})
    task = task_of(tiny_table.rows, config, training=np.arange(len(tiny_table)))
    for act in (TreesMember.check_memory, lambda task: TreesMember.fit(task, 0, FitCallbacks())):
        with pytest.raises(SirnaError, match=r"GB are free; lower trees\.rounds"):
            act(task)
