from dataclasses import replace

import numpy as np
import pytest

from sirna.config.load import with_changes
from sirna.members.base import FitCallbacks, Fitted, LeftOut, Member
from sirna.members.fold_members import FoldMembers
from sirna.members.registry import FAMILIES
from sirna.prediction.histogram import Histogram
from sirna.prediction.mixture import HeldOut, mix_held_out

EDGES = np.array([0.0, 30.0, 100.0])


def certain(*below):
    """A row each: all probability below 30, or none."""
    return Histogram(EDGES, np.array([[float(low), 1.0 - low] for low in below]))


class Stub(Member):
    """A member whose predictions are given."""

    def __init__(self, family, left_out=None):
        object.__setattr__(self, "fold", 0)
        object.__setattr__(self, "given", left_out)
        self.__class__ = type(family, (Stub,), {"family": family, "title": family})

    @classmethod
    def fit(cls, task, index, callbacks): ...

    @classmethod
    def seconds(cls, task, device): ...

    def predict(self, rows, device=None): ...

    @property
    def reads(self): ...

    def tensors(self): ...

    def encoder(self): ...

    @classmethod
    def restore(cls, stored, training, config): ...

    def left_out(self):
        return self.given


def fitted(family, *below, left_out=None):
    held_out = HeldOut.same_for_all(np.arange(len(below)), certain(*below))
    return Fitted(Stub(family, left_out), held_out)


def fold(*members):
    found = FoldMembers(
        np.zeros(len(members[0].held_out.positions), dtype=int) if members else np.zeros(0, int)
    )
    for member in members:
        found.add(member)
    return found


def test_members_of_a_family_have_equal_weights_and_families_their_own(tiny_config):
    parts = fold(
        fitted("network", 1), fitted("network", 0), fitted("gaussian_process", 1)
    ).held_out(tiny_config)
    together = mix_held_out(parts, tiny_config)
    assert together.chosen_by_other_half.prob_below(30.0) == pytest.approx([0.4 * 0.5 + 0.6])


def test_a_single_family_has_all_the_weight(tiny_config):
    together = mix_held_out(fold(fitted("network", 1)).held_out(tiny_config), tiny_config)
    assert together.chosen_by_all.prob_below(30.0) == [1.0]


def test_members_without_a_weight_are_ignored(tiny_config):
    assert fold(fitted("network", 1)).can_predict(tiny_config)
    assert not fold(fitted("trees", 1)).can_predict(tiny_config)
    assert not fold().can_predict(tiny_config)


def test_left_out_rows_are_those_that_all_families_left_out(tiny_config):
    some = LeftOut(np.array([0, 2, 5]), certain(1, 1, 0))
    others = LeftOut(np.array([2, 3, 5]), certain(0, 1, 0))
    both = fold(
        fitted("gaussian_process", 1, left_out=some), fitted("trees", 1, left_out=others)
    ).left_out(tiny_config, FAMILIES)
    assert [list(part.positions) for part in both.values()] == [[2, 5], [2, 5]]
    # unseen targets: 0.16 network (absent: to the Gaussian process), 0.24 process, 0.60 trees
    assert mix_held_out(both, tiny_config, unseen=True).chosen_by_all.prob_below(
        30.0
    ) == pytest.approx([0.4, 0.0])


def test_families_that_are_not_listed_do_not_take_part(tiny_config):
    part = LeftOut(np.array([1]), certain(1))
    members = fold(fitted("trees", 1, left_out=part))
    assert members.left_out(tiny_config, ["network", "gaussian_process"]) == {}
    assert list(members.left_out(tiny_config, ["trees"])["trees"].positions) == [1]


def test_left_out_is_empty_if_no_member_supports_it(tiny_config):
    assert fold(fitted("network", 1)).left_out(tiny_config, FAMILIES) == {}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_fits_predicts_stores_and_restores(family, tiny_task, tiny_table):
    changes = {f"mixture.known_target.{family}": 0.5}
    task = replace(tiny_task, config=with_changes(tiny_task.config, changes))
    done = FAMILIES[family].fit(task, 0, FitCallbacks())
    assert (done.held_out.positions == task.held_out).all()
    member = done.member
    stored = member.stored()
    again = FAMILIES[family].restore(stored, task.rows, task.config)
    rows = tiny_table.rows.drop(columns="label")
    assert np.array_equal(member.predict(rows).probs, again.predict(rows).probs)
    alone = np.vstack([again.predict(rows.iloc[[n]]).probs for n in range(5)])
    assert alone == pytest.approx(again.predict(rows).probs[:5], abs=1e-6)
    assert member.reads <= set(tiny_table.rows.columns) | {"transcript"}
