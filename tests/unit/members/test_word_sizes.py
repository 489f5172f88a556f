"""The memory of word process and random forest, estimated before they are fitted."""

import numpy as np
import pytest

from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.errors import SirnaError
from sirna.members.base import FitCallbacks
from sirna.members.random_forest import size as forest
from sirna.members.random_forest.member import RandomForestMember
from sirna.members.word_process import size as process
from sirna.members.word_process.member import WordProcessMember

ROWS = 20_000
GIGABYTE = 1e9


@pytest.fixture
def free(monkeypatch):
    """Pretend that a number of bytes is free."""

    def have(amount):
        monkeypatch.setattr("sirna.system.memory.available_memory", lambda: amount)

    return have


def test_a_word_process_beyond_the_memory_is_refused_with_the_settings_to_lower(free):
    free(8 * GIGABYTE)
    many = with_changes(Config(), {"word_process.most_rows": ROWS}).word_process
    with pytest.raises(SirnaError, match=r"8\.0 GB are free; lower word_process\.most_rows"):
        process.check_fit_memory(ROWS, 100, many)
    wide = with_changes(Config(), {"word_process.step_rows": 5000}).word_process
    free(4 * GIGABYTE)
    with pytest.raises(SirnaError, match=r"5,000 rows in a step.* or word_process\.step_rows"):
        process.check_fit_memory(5000, 100, wide)


@pytest.mark.parametrize("changes", [{"trees": 1000, "leaves": 100_000}, {"leaves": 100_000}])
def test_a_forest_beyond_the_memory_is_refused_with_the_settings_to_lower(changes, free):
    free(8 * GIGABYTE)
    config = with_changes(Config(), {f"random_forest.{key}": n for key, n in changes.items()})
    with pytest.raises(SirnaError, match=r"lower random_forest\.trees, random_forest\.leaves"):
        forest.check_fit_memory(ROWS, 500, config.random_forest)


def test_the_defaults_fit_their_largest_table_on_a_small_machine():
    config, rows = Config(), Config().word_process.most_rows
    assert process.fit_memory(rows, rows, config.word_process) < 1.8 * GIGABYTE
    assert forest.fit_memory(rows, 1000, config.random_forest) < 0.6 * GIGABYTE


def test_the_estimates_grow_with_every_size():
    config = with_changes(Config(), {"word_process.step_rows": 100})
    usual = process.fit_memory(3000, 500, config.word_process)
    assert process.fit_memory(6000, 500, config.word_process) > 3 * usual
    assert process.fit_memory(3000, 3000, config.word_process) > 2 * usual
    assert process.fit_memory(3000, 500, Config().word_process) <= usual
    wide = with_changes(Config(), {"word_process.step_rows": 3000}).word_process
    assert process.fit_memory(3000, 500, wide) > 2 * usual
    grown = forest.fit_memory(3000, 1000, config.random_forest)
    for key in ("trees", "leaves"):
        larger = {f"random_forest.{key}": 5 * getattr(config.random_forest, key)}
        assert forest.fit_memory(3000, 1000, with_changes(config, larger).random_forest) > grown
    few = with_changes(config, {"random_forest.leaves": 50_000}).random_forest
    full = with_changes(config, {"random_forest.leaves": 1500}).random_forest
    assert forest.fit_memory(3000, 1000, few) == forest.fit_memory(3000, 1000, full)


@pytest.mark.parametrize("family", [WordProcessMember, RandomForestMember])
def test_a_fit_looks_at_the_memory_first(family, tiny_table, task_of, free):
    task = task_of(tiny_table.rows, Config(), training=np.arange(len(tiny_table)))
    assert 0 < family.fit_memory(task) < GIGABYTE
    free(1000.0)
    for act in (family.check_memory, lambda task: family.fit(task, 0, FitCallbacks())):
        with pytest.raises(SirnaError, match=r"GB are free; lower"):
            act(task)
