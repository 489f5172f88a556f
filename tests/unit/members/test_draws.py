"""Rows are drawn in whole groups."""

import numpy as np
import pytest

from sirna.members.draws import drawn_by_group

GROUP = np.array([2, 0, 1, 2, 0, 1, 2, 2, 3, 3])


@pytest.mark.parametrize("most", [1, 4, 9, 10, 100])
def test_at_most_one_group_is_divided(most):
    found = drawn_by_group(GROUP, most, np.random.default_rng(0))
    assert len(found) == min(most, len(GROUP))
    assert (np.diff(found) > 0).all()
    drawn = np.bincount(GROUP[found], minlength=4)
    divided = (drawn > 0) & (drawn < np.bincount(GROUP))
    assert divided.sum() <= 1


def test_other_seeds_draw_other_groups():
    draws = {
        tuple(drawn_by_group(GROUP, 4, np.random.default_rng(seed)).tolist()) for seed in range(20)
    }
    assert len(draws) > 3
