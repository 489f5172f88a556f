"""A training on all rows ends after the epoch that the folds chose, whenever they have chosen."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch

from sirna.config.load import with_changes
from sirna.features.encoded_fold import encode_fold
from sirna.features.fold import FoldTask
from sirna.members import base
from sirna.members.base import CPU, FitCallbacks
from sirna.members.network.all_rows import fit_all_rows
from sirna.members.network.fit import start

EPOCHS = 4


class Folds(FitCallbacks):
    """The folds' networks have ended when this training has done some epochs and waited a little.

    Parameters
    ----------
    best : list of int
        Their best epochs.
    after : int
        The number of epochs after which they are there.
    waits : int
        How often the training then asks in vain.
    kept : State, optional
        What an interrupted training kept.
    stop_after : int, optional
        A stop is requested after this epoch.
    """

    def __init__(self, best, after=0, waits=0, kept=None, stop_after=None):
        self.networks = [SimpleNamespace(facts={"epoch": epoch}) for epoch in best]
        self.after, self.waits, self.kept, self.stop_after = after, waits, kept, stop_after
        self.states, self.rows = [], []

    def on_folds(self):
        if len(self.states) < self.after:
            return None
        self.waits -= 1
        return None if self.waits >= 0 else self.networks

    def resume(self, restore):
        if self.kept is not None:
            restore(self.kept)

    def save(self, state):
        self.states.append(state)

    def stop(self):
        return len(self.states) == self.stop_after

    def log(self, row):
        self.rows.append(row)


@pytest.fixture
def train(tiny_task, tiny_config, monkeypatch):
    """Train on all rows with these callbacks; return the state."""
    monkeypatch.setattr(base, "WAIT_SECONDS", 0.0)
    config = with_changes(tiny_config, {"train.epochs": EPOCHS})
    task = FoldTask(tiny_task.rows, tiny_task.split, tiny_task.split.whole, config)
    encoded = encode_fold(task)
    begin = partial(start, encoded, task.edges, config, 3, CPU)
    return lambda callbacks: fit_all_rows(begin, encoded, config, 3, callbacks)


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(("best", "chosen"), [([1], 1), ([2, 3, 4], 3), ([4], 4)])
@pytest.mark.parametrize(("after", "waits"), [(2, 0), (4, 9)])
def test_it_is_the_same_training_whenever_the_folds_have_chosen(train, best, chosen, after, waits):
    known, later = Folds(best), Folds(best, after, waits)
    one, other = train(known), train(later)
    assert one.epoch == other.epoch == one.best.epoch == other.best.epoch == chosen
    assert len(known.states) == chosen
    assert same(one.best_weights, other.best_weights)
    for callbacks in (known, later):
        assert [row["epoch"] for row in callbacks.rows] == list(range(1, chosen + 1))
    assert [row["train_loss"] for row in known.rows] == [row["train_loss"] for row in later.rows]


@pytest.mark.parametrize(("best", "done"), [(1, 3), (3, 2), (4, 4)])
def test_a_training_that_was_interrupted_ahead_of_the_folds_ends_the_same(train, best, done):
    whole, torn = Folds([best]), Folds([best], after=EPOCHS + 1, stop_after=done)
    one = train(whole)
    assert train(torn).epoch == done
    resumed = Folds([best], kept=torn.states[-1])
    other = train(resumed)
    assert same(one.best_weights, other.best_weights)
    assert [row["epoch"] for row in resumed.rows] == [row["epoch"] for row in whole.rows]


def test_a_stop_ends_the_wait_for_the_folds(train):
    stopped = Folds([1], after=EPOCHS + 1, stop_after=EPOCHS)
    assert train(stopped).epoch == EPOCHS


def test_without_folds_all_epochs_are_trained(train):
    assert train(FitCallbacks()).epoch == EPOCHS
