"""Values in the tensors of a stored member that no fit can leave there."""

from dataclasses import replace

import pytest
import torch

from sirna.config.load import with_changes
from sirna.members.base import FitCallbacks
from sirna.members.registry import FAMILIES

QUICK = {
    "gaussian_process.components": 2,
    "gaussian_process.steps": 2,
    "word_process.steps": 2,
    "trees.rounds": 5,
    "random_forest.trees": 5,
}
HUGE = (31.0, 1e3, 1e38)
IMPOSSIBLE = {
    "gaussian_process": {
        **{
            f"kernel.{name}": HUGE
            for name in ("channel", "novel", "reach", "category", "number", "amplitude", "noise")
        },
        "scale": (0.0, -1.0),
    },
    "word_process": {
        **{f"kernel.{name}": HUGE for name in ("amplitude", "scale", "category", "number")},
        "kernel.unit": (0.0, -1.0),
        "scale": (0.0, -1.0),
    },
    "trees": {"threshold": (float("inf"), float("-inf")), "scale": (0.0, -1.0)},
    "random_forest": {"threshold": (float("inf"), float("-inf")), "scale": (0.0, -1.0)},
}
"""Family -> tensor -> values that it is filled with."""


@pytest.mark.parametrize("family", IMPOSSIBLE)
def test_an_impossible_value_is_refused(family, tiny_table, tiny_config, task_of):
    rows, config = tiny_table.rows, with_changes(tiny_config, QUICK)
    stored = FAMILIES[family].fit(task_of(rows, config), 0, FitCallbacks()).member.stored()
    FAMILIES[family].restore(stored, rows, config)
    for name, values in IMPOSSIBLE[family].items():
        for value in values:
            tensors = stored.tensors | {name: torch.full_like(stored.tensors[name], value)}
            with pytest.raises(ValueError):  # noqa: PT011 - any wording
                FAMILIES[family].restore(replace(stored, tensors=tensors), rows, config)
