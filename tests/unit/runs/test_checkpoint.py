"""A training that was interrupted ends as the one that was not."""

import errno
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from sirna.config.load import with_changes
from sirna.errors import SirnaError
from sirna.members.network import fit as loop
from sirna.members.network.fit import fit, start
from sirna.prediction.histogram import Histogram
from sirna.runs.checkpoint import exists, load_progress, save_progress

CPU = torch.device("cpu")


class PowerCutError(Exception):
    """The interruption."""


def begin(fold, config):
    return start(fold.encoding, fold.train, config, 0, CPU)


def go_on(progress, fold, config, **callbacks):
    return fit(progress, fold, config, 0, CPU, **callbacks)


def assert_same(one, other, fold):
    for name, tensor in one.model.state_dict().items():
        assert torch.equal(tensor, other.model.state_dict()[name]), name
    for name, tensor in one.best_weights.items():
        assert torch.equal(tensor, other.best_weights[name]), name
    held_out = (progress.held_out(fold.half).probs for progress in (one, other))
    np.testing.assert_array_equal(*held_out)
    np.testing.assert_array_equal(one.best.probs, other.best.probs)
    for left, right in zip((one.best, *one.halves), (other.best, *other.halves), strict=True):
        assert (left.score, left.epoch, left.recent) == (right.score, right.epoch, right.recent)
    assert [record.score for record in one.log] == [record.score for record in other.log]
    assert [record.train_loss for record in one.log] == [r.train_loss for r in other.log]


@pytest.mark.parametrize(
    ("loss", "share", "cut"),
    [("cross_entropy", False, 1), ("cross_entropy", True, 3), ("mse", False, 2)],
)
def test_a_resumed_training_ends_bit_for_bit_as_the_uninterrupted_one(
    tiny_fold, tiny_config, tmp_path, loss, share, cut
):
    changes = {"train.epochs": 4, "train.loss": loss, "model.share_encoder": share}
    config = with_changes(tiny_config, changes)
    whole = go_on(begin(tiny_fold, config), tiny_fold, config)

    def save_and_fail(now):
        save_progress(tmp_path / "last", now, finished=False)
        if now.epoch == cut:
            raise PowerCutError

    with pytest.raises(PowerCutError):
        go_on(begin(tiny_fold, config), tiny_fold, config, on_epoch=save_and_fail)
    restored = begin(tiny_fold, config)
    assert load_progress(tmp_path / "last", restored) is False
    assert restored.epoch == cut
    assert_same(go_on(restored, tiny_fold, config), whole, tiny_fold)


def test_a_training_cut_within_an_epoch_goes_on_from_its_start(tiny_fold, tiny_config, tmp_path):
    whole = go_on(begin(tiny_fold, tiny_config), tiny_fold, tiny_config)
    seen = []

    def cut(rows):
        seen.append(rows)
        return sum(seen) > len(tiny_fold.train)

    def save(now):
        save_progress(tmp_path / "last", now, finished=False)

    stopped = begin(tiny_fold, tiny_config)
    go_on(stopped, tiny_fold, tiny_config, on_batch=cut, on_epoch=save)
    assert stopped.epoch == 1
    assert sum(seen) < 2 * len(tiny_fold.train)
    restored = begin(tiny_fold, tiny_config)
    load_progress(tmp_path / "last", restored)
    assert_same(go_on(restored, tiny_fold, tiny_config), whole, tiny_fold)


def test_a_training_whose_patience_had_ended_does_not_go_on(
    tiny_fold, tiny_config, tmp_path, monkeypatch
):
    # the machine stops after the last epoch was saved and before the training is noted as finished
    config = with_changes(tiny_config, {"train.epochs": 6, "train.patience": 1})
    rows = len(tiny_fold.valid)
    same = Histogram(np.array([0.0, 30.0, 60.0, 120.0]), np.full((rows, 3), 1 / 3))
    monkeypatch.setattr(loop, "predict", lambda *_: same)

    def save(now):
        save_progress(tmp_path / "last", now, finished=False)

    whole = go_on(begin(tiny_fold, config), tiny_fold, config, on_epoch=save)
    assert whole.epoch == 2
    restored = begin(tiny_fold, config)
    load_progress(tmp_path / "last", restored)
    assert go_on(restored, tiny_fold, config).epoch == whole.epoch


def test_a_finished_training_is_known_as_finished(tiny_fold, tiny_config, tmp_path):
    assert not exists(tmp_path / "last")
    done = go_on(begin(tiny_fold, tiny_config), tiny_fold, tiny_config)
    save_progress(tmp_path / "last", done, finished=True)
    assert exists(tmp_path / "last")
    restored = begin(tiny_fold, tiny_config)
    assert load_progress(tmp_path / "last", restored) is True
    assert_same(go_on(restored, tiny_fold, tiny_config), done, tiny_fold)


def test_a_full_disk_is_told_with_the_place_and_takes_nothing(
    tiny_fold, tiny_config, tmp_path, monkeypatch
):
    folder = tmp_path / "last"
    progress = begin(tiny_fold, tiny_config)
    save_progress(folder, progress, finished=False)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(SirnaError, match=r"last: .*No space left"):
        save_progress(folder, progress, finished=True)
    assert load_progress(folder, begin(tiny_fold, tiny_config)) is False


@pytest.mark.parametrize("name", ["progress.json", "progress.safetensors"])
@pytest.mark.parametrize("damage", ["cut", "absent"])
def test_damaged_progress_is_refused(tiny_fold, tiny_config, tmp_path, name, damage):
    folder = tmp_path / "last"
    done = go_on(begin(tiny_fold, tiny_config), tiny_fold, tiny_config)
    save_progress(folder, done, finished=False)
    path = folder / name
    content = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    with pytest.raises(SirnaError, match="cannot be resumed"):
        load_progress(folder, begin(tiny_fold, tiny_config))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"epoch": None}, "no entry 'epoch'"),
        ({"picks": []}, "index"),
        ({"log": [{"epoch": 1}]}, "score"),
        ({"log": 5}, "int"),
    ],
    ids=["no epoch", "no picks", "half a log", "no log"],
)
def test_a_state_that_lacks_something_is_refused_in_one_sentence(
    tiny_fold, tiny_config, tmp_path, changed, told
):
    done = go_on(begin(tiny_fold, tiny_config), tiny_fold, tiny_config)
    save_progress(tmp_path / "last", done, finished=False)
    path = tmp_path / "last" / "progress.json"
    state = json.loads(path.read_text(encoding="utf-8")) | changed
    kept = {key: value for key, value in state.items() if value is not None}
    path.write_text(json.dumps(kept), encoding="utf-8")
    with pytest.raises(SirnaError, match=rf"cannot be resumed \(.*{told}.*\); start a") as error:
        load_progress(tmp_path / "last", begin(tiny_fold, tiny_config))
    assert "\n" not in str(error.value)


def test_progress_of_another_network_is_refused(tiny_fold, tiny_config, tmp_path):
    done = go_on(begin(tiny_fold, tiny_config), tiny_fold, tiny_config)
    save_progress(tmp_path / "last", done, finished=False)
    wider = begin(tiny_fold, with_changes(tiny_config, {"model.hidden": 9}))
    with pytest.raises(SirnaError, match=r"cannot be resumed \(the weight .* has shape") as error:
        load_progress(tmp_path / "last", wider)
    assert "\n" not in str(error.value)
