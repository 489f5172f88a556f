"""The memory of a Gaussian process, estimated before it is built."""

import pytest

from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.errors import SirnaError
from sirna.members.gaussian_process.size import (
    block_memory,
    check_fit_memory,
    check_predict_memory,
    fit_memory,
)

GIGABYTE = 1e9
PROCESS = "gaussian_process"
HUGE = {
    "most_rows": {f"{PROCESS}.most_rows": 1_000_000},
    "step_rows": {f"{PROCESS}.most_rows": 100_000, f"{PROCESS}.step_rows": 100_000},
    "components": {f"{PROCESS}.step_rows": 10_000, f"{PROCESS}.components": 100},
}


@pytest.mark.parametrize("key", HUGE)
def test_sizes_beyond_the_memory_are_refused_with_the_settings_to_lower(key):
    config = with_changes(Config(), HUGE[key]).gaussian_process
    with pytest.raises(SirnaError, match=rf"GB are free; lower .*{PROCESS}\.{key}"):
        check_fit_memory(1_000_000, 100, config)


def test_rows_above_the_setting_need_no_memory():
    config = with_changes(Config(), {f"{PROCESS}.most_rows": 1000}).gaussian_process
    check_fit_memory(20_000_000, 20_000_000, config)


def test_the_estimate_grows_with_every_size():
    config = with_changes(Config(), {f"{PROCESS}.step_rows": 2000}).gaussian_process
    usual = fit_memory(20_000, 100, config)
    larger = {name: getattr(config, name) * 30 for name in ("step_rows", "components")}
    for name, value in larger.items():
        assert fit_memory(20_000, 100, config.model_copy(update={name: value})) > usual
    assert fit_memory(40_000, 100, config) > 3 * usual
    assert fit_memory(20_000, 20_000, config) > 3 * usual
    assert block_memory(10, 20_000, 8) < block_memory(1000, 20_000, 8)
    assert block_memory(10**6, 20_000, 8) == block_memory(10**7, 20_000, 8)


def test_the_default_fits_a_competition_on_a_small_machine():
    assert fit_memory(25_000, 3000, Config().gaussian_process) < 4 * GIGABYTE


def test_a_prediction_with_too_many_components_is_refused():
    check_predict_memory(100, 1000, 8)
    with pytest.raises(SirnaError, match=r"GB are free; train again with a lower"):
        check_predict_memory(10_000, 1_000_000, 10_000)
