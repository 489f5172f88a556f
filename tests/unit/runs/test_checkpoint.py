"""An interrupted and resumed training has the same result as an uninterrupted one."""

import errno
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from sirna.config.load import with_changes
from sirna.errors import SirnaError
from sirna.features.encoded_fold import encode_fold
from sirna.features.fold import FoldTask
from sirna.members.base import FitCallbacks
from sirna.members.gaussian_process.member import GaussianProcessMember
from sirna.members.network import fit as loop
from sirna.members.network.fit import fit, start
from sirna.members.network.member import NetworkMember
from sirna.members.trees.member import TreesMember
from sirna.prediction.histogram import Histogram
from sirna.runs.checkpoint import PLAIN_DATA, TENSORS, Checkpoint

CPU = torch.device("cpu")
FAMILIES = [NetworkMember, GaussianProcessMember, TreesMember]


class PowerCutError(Exception):
    """The interruption."""


class Kept(FitCallbacks):
    """Keeps every state, and fails after some epoch or stops within one."""

    def __init__(self, checkpoint, cut=None, most_rows=None):
        self.checkpoint = checkpoint
        self.cut, self.most_rows = cut, most_rows
        self.saved, self.rows = 0, 0

    def resume(self, restore):
        state = self.checkpoint.load()
        if state is not None:
            self.checkpoint.restore_or_fail(lambda: restore(state))

    def save(self, state):
        self.checkpoint.save(state)
        self.saved += 1
        if self.saved == self.cut:
            raise PowerCutError

    def advance(self, steps):
        self.rows += steps

    def stop(self):
        return self.most_rows is not None and self.rows > self.most_rows


@pytest.fixture
def checkpoint(tmp_path):
    return Checkpoint(tmp_path / "last")


def changed(task, **changes):
    return FoldTask(task.rows, task.split, task.fold, with_changes(task.config, changes))


def begin(task):
    fold = encode_fold(task)
    return start(fold, task.edges, task.config, 0, CPU), fold


def go_on(state, fold, task, callbacks):
    return fit(state, fold, task.config, 0, callbacks)


def restored(task, checkpoint):
    state, fold = begin(task)
    Kept(checkpoint).resume(state.restore)
    return state, fold


def assert_same(one, other, task):
    for name, tensor in one.model.state_dict().items():
        assert torch.equal(tensor, other.model.state_dict()[name]), name
    for name, tensor in one.best_weights.items():
        assert torch.equal(tensor, other.best_weights[name]), name
    parts = (state.held_out(task.held_out, task.half).parts for state in (one, other))
    for left, right in zip(*parts, strict=True):
        np.testing.assert_array_equal(left.probs, right.probs)
    for left, right in zip((one.best, *one.by_half), (other.best, *other.by_half), strict=True):
        assert (left.score, left.epoch, left.recent) == (right.score, right.epoch, right.recent)
    assert [record.score for record in one.log] == [record.score for record in other.log]
    assert [record.train_loss for record in one.log] == [r.train_loss for r in other.log]


@pytest.mark.parametrize(
    ("loss", "share", "cut"),
    [("cross_entropy", False, 1), ("cross_entropy", True, 3), ("mse", False, 2)],
)
def test_a_resumed_training_equals_the_uninterrupted_one_bit_for_bit(
    tiny_task, checkpoint, loss, share, cut
):
    task = changed(
        tiny_task,
        **{"train.epochs": 4, "train.loss": loss, "model.share_encoder": share},
    )
    whole, fold = begin(task)
    go_on(whole, fold, task, FitCallbacks())
    with pytest.raises(PowerCutError):
        go_on(*begin(task), task, Kept(checkpoint, cut))
    state, fold = restored(task, checkpoint)
    assert state.epoch == cut
    assert_same(go_on(state, fold, task, FitCallbacks()), whole, task)


def test_a_training_interrupted_within_an_epoch_resumes_from_its_start(tiny_task, checkpoint):
    whole, fold = begin(tiny_task)
    go_on(whole, fold, tiny_task, FitCallbacks())
    stopped, fold = begin(tiny_task)
    callbacks = Kept(checkpoint, most_rows=len(fold.train))
    go_on(stopped, fold, tiny_task, callbacks)
    assert stopped.epoch == 1
    assert callbacks.rows < 2 * len(fold.train)
    state, fold = restored(tiny_task, checkpoint)
    assert_same(go_on(state, fold, tiny_task, FitCallbacks()), whole, tiny_task)


def test_a_training_whose_patience_had_ended_does_not_continue(tiny_task, checkpoint, monkeypatch):
    task = changed(tiny_task, **{"train.epochs": 6, "train.patience": 1})
    rows = len(task.held_out)
    same = Histogram(np.array([0.0, 30.0, 60.0, 120.0]), np.full((rows, 3), 1 / 3))
    monkeypatch.setattr(loop, "predict", lambda *_: same)
    whole = go_on(*begin(task), task, Kept(checkpoint))
    assert whole.epoch == 2
    assert go_on(*restored(task, checkpoint), task, FitCallbacks()).epoch == whole.epoch


@pytest.mark.parametrize("family", FAMILIES)
def test_a_finished_member_comes_back_with_its_predictions(tiny_task, checkpoint, family):
    assert checkpoint.load_fitted(family, tiny_task) is None
    done = family.fit(tiny_task, 0, FitCallbacks())
    checkpoint.save_fitted(done, [{"epoch": 1, "score": 0.5}])
    assert checkpoint.load() is None  # nothing is under way any more
    again, log = checkpoint.load_fitted(family, tiny_task)
    assert log == [{"epoch": 1, "score": 0.5}]
    np.testing.assert_array_equal(again.held_out.positions, done.held_out.positions)
    for one, other in zip(done.held_out.parts, again.held_out.parts, strict=True):
        np.testing.assert_array_equal(one.edges, other.edges)
        np.testing.assert_array_equal(one.probs, other.probs)
    rows = tiny_task.held_out_rows
    np.testing.assert_array_equal(again.member.predict(rows).probs, done.member.predict(rows).probs)
    assert again.member.facts == done.member.facts


def test_an_unfinished_fit_is_not_a_finished_member(tiny_task, checkpoint):
    with pytest.raises(PowerCutError):
        go_on(*begin(tiny_task), tiny_task, Kept(checkpoint, cut=1))
    assert checkpoint.load_fitted(NetworkMember, tiny_task) is None
    assert checkpoint.load() is not None


def test_a_full_disk_raises_an_error_and_keeps_the_old_state(tiny_task, checkpoint, monkeypatch):
    state, _ = begin(tiny_task)
    checkpoint.save(state.to_state())

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(SirnaError, match=r"last: .*No space left"):
            checkpoint.save(state.to_state())
    assert restored(tiny_task, checkpoint)[0].epoch == 0


@pytest.mark.parametrize("name", [PLAIN_DATA, TENSORS])
@pytest.mark.parametrize("damage", ["cut", "absent"])
@pytest.mark.parametrize("finished", [False, True])
def test_a_damaged_folder_is_refused(tiny_task, checkpoint, name, damage, finished):
    if finished:
        checkpoint.save_fitted(TreesMember.fit(tiny_task, 0, FitCallbacks()), [])
    else:
        checkpoint.save(begin(tiny_task)[0].to_state())
    path = checkpoint.folder / name
    content = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    with pytest.raises(SirnaError, match=r"last: cannot be resumed .*delete this folder"):
        checkpoint.load_fitted(TreesMember, tiny_task)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"epoch": None}, "no entry 'epoch'"),
        ({"chosen": []}, "index"),
        ({"log": [{"epoch": 1}]}, "score"),
        ({"log": 5}, "int"),
    ],
    ids=["no epoch", "no chosen epochs", "half a log", "no log"],
)
def test_a_state_that_lacks_something_is_refused_in_one_sentence(
    tiny_task, checkpoint, changes, fault
):
    state, fold = begin(tiny_task)
    go_on(state, fold, tiny_task, Kept(checkpoint))
    path = checkpoint.folder / PLAIN_DATA
    facts = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps({k: v for k, v in facts.items() if v is not None}))
    with pytest.raises(SirnaError, match=rf"cannot be resumed \(.*{fault}.*\)") as error:
        restored(tiny_task, checkpoint)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("key", ["fold", "encoder", "facts"])
def test_a_finished_member_that_lacks_something_is_refused(tiny_task, checkpoint, key):
    checkpoint.save_fitted(TreesMember.fit(tiny_task, 0, FitCallbacks()), [])
    path = checkpoint.folder / PLAIN_DATA
    raw = json.loads(path.read_text(encoding="utf-8"))
    del raw["member"][key]
    path.write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(SirnaError, match="cannot be resumed"):
        checkpoint.load_fitted(TreesMember, tiny_task)


def test_predictions_of_other_rows_are_refused(tiny_task, checkpoint):
    checkpoint.save_fitted(TreesMember.fit(tiny_task, 0, FitCallbacks()), [])
    whole = FoldTask(tiny_task.rows, tiny_task.split, tiny_task.split.whole, tiny_task.config)
    with pytest.raises(SirnaError, match="not those of the held-out rows"):
        checkpoint.load_fitted(TreesMember, whole)


def test_the_state_of_another_network_is_refused(tiny_task, checkpoint):
    state, fold = begin(tiny_task)
    go_on(state, fold, tiny_task, Kept(checkpoint))
    with pytest.raises(SirnaError, match=r"cannot be resumed \(the weight .* has shape") as error:
        restored(changed(tiny_task, **{"model.hidden": 9}), checkpoint)
    assert "\n" not in str(error.value)
