"""The training loop."""

import copy
import math

import numpy as np
import pytest
import torch

from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.errors import SirnaError
from sirna.features.encoded_fold import encode_fold
from sirna.features.fold import FoldTask
from sirna.members.base import FitCallbacks, State
from sirna.members.network import fit as loop
from sirna.members.network.fit import fit, start
from sirna.members.network.predict import predict
from sirna.members.network.schedule import learning_rate
from sirna.members.network.state import BestEpoch
from sirna.prediction.decision import fit_decision
from sirna.prediction.histogram import Histogram, fit_bins
from sirna.prediction.score import competition_score

CPU = torch.device("cpu")


class Calls(FitCallbacks):
    """Calls a function after every batch or epoch; stops when `on_batch` returns True."""

    def __init__(self, on_batch=lambda rows: False, on_epoch=lambda state: None):
        self.state = None
        self._on_batch, self._on_epoch, self._stop = on_batch, on_epoch, False

    def advance(self, steps):
        self._stop = self._on_batch(steps) is True

    def stop(self):
        return self._stop

    def save(self, state: State):
        self._on_epoch(self.state)


def trained(fold, config, seed=0, epochs=None, **callbacks):
    labels = fold.train.all_rows.label.numpy().astype(float)
    edges = fit_bins(labels, config.model.bins, config.score.threshold)
    callbacks = Calls(**callbacks)
    callbacks.state = start(fold, edges, config, seed, CPU)
    return fit(callbacks.state, fold, config, seed, callbacks, epochs)


def weights(state):
    tensors = state.model.state_dict()
    return {name: tensor.clone() for name, tensor in tensors.items()}


def numbers(state):
    """Return the log of a training without its clock."""
    rows = [record.row() for record in state.log]
    return [{k: v for k, v in row.items() if "second" not in k} for row in rows]


def means(scores, window):
    """Return the mean score of each epoch and those before it in the window."""
    ends = range(1, len(scores) + 1)
    return [float(np.mean(scores[max(0, end - window) : end])) for end in ends]


def truth(fold):
    return fold.held_out.all_rows.label.numpy().astype(float)


def scripted(monkeypatch, probs):
    """Replace the epochs' predictions of the validation rows by a script."""
    script = iter(probs)
    edges = np.array([0.0, 30.0, 60.0, 120.0])
    monkeypatch.setattr(loop, "predict", lambda *_: Histogram(edges, next(script)))


def shares(fold, right):
    """Return predictions that are right for a given share of the rows, the first ones."""
    bins = np.digitize(truth(fold), [30.0, 60.0])
    wrong = (bins + 1) % 3
    known = np.arange(len(bins)) < right * len(bins)
    return np.eye(3)[np.where(known, bins, wrong)]


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(tiny_fold, tiny_config):
    one, same, other = (trained(tiny_fold, tiny_config, seed) for seed in (1, 1, 2))
    assert numbers(one) == numbers(same)
    assert all(torch.equal(t, weights(same)[n]) for n, t in weights(one).items())
    assert numbers(one) != numbers(other)


def test_random_numbers_drawn_between_epochs_do_not_change_the_training(tiny_fold, tiny_config):
    disturbed = trained(tiny_fold, tiny_config, on_epoch=lambda _: torch.rand(3))
    assert numbers(disturbed) == numbers(trained(tiny_fold, tiny_config))


def test_every_epoch_is_logged_with_the_score_of_the_validation_rows(tiny_fold, tiny_config):
    seen = []
    state = trained(tiny_fold, tiny_config, on_epoch=lambda now: seen.append(now.epoch))
    assert seen == list(range(1, tiny_config.train.epochs + 1))
    rows = [record.row() for record in state.log]
    assert [row["epoch"] for row in rows] == seen
    assert {"score", "mae", "f1", "train_loss", "valid_log_loss", "learning_rate"} <= set(rows[0])


@pytest.mark.parametrize("window", [1, 2, 3])
def test_the_best_epoch_is_that_of_the_best_mean_score_over_a_window(
    tiny_fold, tiny_config, window
):
    config = with_changes(tiny_config, {"train.epochs": 5, "train.score_window": window})
    state = trained(tiny_fold, config)
    mean = means([record.score.score for record in state.log], window)
    assert state.best.score == max(mean)
    assert state.best.epoch == 1 + int(np.argmax(mean))


def test_an_epoch_is_rated_by_the_mean_of_its_score_and_those_before_it():
    best = BestEpoch()
    taken = [
        best.update(epoch, score, 3, np.array([[epoch]]))
        for epoch, score in enumerate([0.5, 0.7, 0.9, 0.2, 0.95, 0.95], start=1)
    ]
    # 0.5, 0.6, 0.7, 0.6, 0.683, 0.7: an epoch that is no better is not taken
    assert taken == [True, True, True, False, False, False]
    assert (best.score, best.epoch, best.probs.item()) == (pytest.approx(0.7), 3, 3)
    assert best.recent == [0.2, 0.95, 0.95]


def test_the_best_weights_are_copies_and_those_of_the_best_epoch(tiny_fold, tiny_config):
    config = with_changes(tiny_config, {"train.epochs": 4, "train.schedule": "constant"})
    history = []
    state = trained(tiny_fold, config, on_epoch=lambda now: history.append(weights(now)))
    best = copy.deepcopy(state.best_weights)
    for name, tensor in history[state.best.epoch - 1].items():
        assert torch.equal(best[name], tensor)
    with torch.no_grad():
        for parameter in state.model.parameters():
            parameter.add_(1.0)
    for name, tensor in state.best_weights.items():
        assert torch.equal(tensor, best[name])


def test_a_worse_epoch_after_the_best_does_not_replace_it(tiny_fold, tiny_config, monkeypatch):
    config = with_changes(tiny_config, {"train.epochs": 3, "train.score_window": 1})
    scripted(monkeypatch, [shares(tiny_fold, part) for part in (0.2, 1.0, 0.5)])
    history = []
    state = trained(tiny_fold, config, on_epoch=lambda now: history.append(weights(now)))
    assert state.best.epoch == 2
    for name, tensor in state.best_weights.items():
        assert torch.equal(tensor, history[1][name])
    assert any(not torch.equal(t, history[1][n]) for n, t in weights(state).items())


@pytest.mark.parametrize(("patience", "epochs"), [(0, 6), (1, 3), (2, 4), (4, 6)], ids=str)
def test_training_stops_when_patience_ends(tiny_fold, tiny_config, monkeypatch, patience, epochs):
    changes = {"train.epochs": 6, "train.patience": patience, "train.score_window": 1}
    config = with_changes(tiny_config, changes)
    parts = [0.2, 1.0, 0.5, 0.5, 0.5, 0.5]
    scripted(monkeypatch, [shares(tiny_fold, part) for part in parts])
    assert trained(tiny_fold, config).epoch == epochs


def test_a_request_to_stop_ends_the_current_epoch(tiny_fold, tiny_config):
    batches = []
    state = trained(
        tiny_fold, tiny_config, on_batch=lambda rows: batches.append(rows) or len(batches) == 2
    )
    assert (len(batches), state.epoch, state.log) == (2, 0, [])


def test_a_request_to_stop_in_the_second_epoch_keeps_the_first(tiny_fold, tiny_config):
    seen, saved = [], []
    state = trained(
        tiny_fold,
        tiny_config,
        on_batch=lambda rows: seen.append(rows) or sum(seen) > len(tiny_fold.train),
        on_epoch=lambda now: saved.append(now.epoch),
    )
    assert (state.epoch, len(state.log), saved) == (1, 1, [1])
    assert sum(seen) < 2 * len(tiny_fold.train)


def test_every_training_row_is_seen_once_an_epoch(tiny_fold, tiny_config):
    seen = []
    trained(tiny_fold, tiny_config, on_batch=seen.append)
    assert sum(seen) == tiny_config.train.epochs * len(tiny_fold.train)


@pytest.fixture
def all_rows(tiny_task):
    """A task that holds no row out, encoded."""
    whole = FoldTask(tiny_task.rows, tiny_task.split, tiny_task.split.whole, tiny_task.config)
    return encode_fold(whole)


def test_without_held_out_rows_the_last_epoch_is_kept(all_rows, tiny_table, tiny_config):
    config = with_changes(tiny_config, {"train.epochs": 4})
    assert (len(all_rows.train), len(all_rows.held_out)) == (len(tiny_table), 0)
    history = []
    state = trained(
        all_rows, config, on_epoch=lambda now: history.append(weights(now)), epochs=lambda: 3
    )
    assert (state.epoch, state.best.epoch) == (3, 3)
    for name, tensor in state.best_weights.items():
        assert torch.equal(tensor, history[2][name])
    rates = [record.learning_rate for record in state.log]
    assert rates == [record.learning_rate for record in trained(all_rows, config).log[:3]]
    nothing = state.held_out(np.arange(0), all_rows.half)
    assert len(nothing.chosen_by_all) == 0


def test_without_held_out_rows_predictions_must_be_finite_too(all_rows, tiny_config, monkeypatch):
    scripted(monkeypatch, [np.full((5, 3), np.nan)])
    with pytest.raises(SirnaError, match="diverged in epoch 1"):
        trained(all_rows, tiny_config)


def test_each_held_out_half_is_predicted_by_the_epoch_that_the_other_half_chose(
    tiny_fold, tiny_config
):
    config = with_changes(tiny_config, {"train.epochs": 4})
    epochs = []

    def note(now):
        epochs.append(predict(now.model, tiny_fold.held_out, 64, CPU))

    state = trained(tiny_fold, config, on_epoch=note)
    positions = np.arange(len(tiny_fold.half))
    predicted = state.held_out(positions, tiny_fold.half).chosen_by_other_half
    threshold = config.score.threshold
    for chooser in (0, 1):
        own, other = tiny_fold.half == chooser, tiny_fold.half != chooser
        decisions = [
            fit_decision(epoch[own], truth(tiny_fold)[own], config.decision.kind, threshold)
            for epoch in epochs
        ]
        scores = [
            competition_score(truth(tiny_fold)[own], decision.apply(epoch[own])).score
            for decision, epoch in zip(decisions, epochs, strict=True)
        ]
        best = int(np.argmax(means(scores, config.train.score_window)))
        assert state.by_half[chooser].epoch == best + 1
        np.testing.assert_array_equal(predicted.probs[other], epochs[best].probs[other])


def test_labels_of_one_half_do_not_affect_its_own_predictions(tiny_fold, tiny_config):
    fold = copy.deepcopy(tiny_fold)
    zero = torch.from_numpy(fold.half == 0)
    fold.held_out.all_rows.label[zero] = 130.0 - fold.held_out.all_rows.label[zero]
    config = with_changes(tiny_config, {"train.epochs": 4})
    was, now = (
        trained(which, config).held_out(np.arange(len(which.half)), which.half).chosen_by_other_half
        for which in (tiny_fold, fold)
    )
    np.testing.assert_array_equal(was.probs[fold.half == 0], now.probs[fold.half == 0])


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
@pytest.mark.parametrize("batch_rows", [10, 10_000])
def test_a_diverged_training_raises_an_error(tiny_fold, tiny_config, loss, batch_rows):
    # A decay of -1e4 in each step makes the weights overflow.
    changes = {"learning_rate": 100.0, "weight_decay": 100.0, "schedule": "constant"}
    changes |= {"loss": loss, "batch_rows": batch_rows, "epochs": 30}
    config = with_changes(tiny_config, {f"train.{key}": v for key, v in changes.items()})
    with pytest.raises(SirnaError, match=r"diverged.*learning_rate"):
        trained(tiny_fold, config)


def test_a_point_head_learns_its_own_residuals(tiny_fold, tiny_config):
    config = with_changes(tiny_config, {"train.loss": "mse", "train.epochs": 1})
    state = trained(tiny_fold, config)
    labels = tiny_fold.train.all_rows.label
    assert state.model.label_mean.item() == pytest.approx(labels.mean().item(), rel=1e-5)
    assert 0.0 < state.model.residual_sd.item() < 3 * labels.std().item()
    assert state.model.residual_sd.item() != state.model.label_sd.item()


def test_held_out_rows_do_not_change_the_weights(tiny_fold, tiny_config):
    fold = copy.deepcopy(tiny_fold)
    fold.held_out.all_rows.label.fill_(3.0)
    one, other = trained(tiny_fold, tiny_config), trained(fold, tiny_config)
    assert all(torch.equal(t, weights(other)[n]) for n, t in weights(one).items())


def rate(schedule, done, warmup=0.25):
    changes = {"train.learning_rate": 1.0, "train.schedule": schedule, "train.warmup": warmup}
    return learning_rate(with_changes(Config(), changes).train, done)


def test_a_constant_rate_never_changes():
    assert {rate("constant", done) for done in (0.0, 0.3, 1.0)} == {1.0}


def test_one_cycle_rises_to_its_peak_and_falls():
    assert rate("one_cycle", 0.0) == pytest.approx(1 / 25)
    assert rate("one_cycle", 0.125) == pytest.approx((1 + 1 / 25) / 2)
    assert rate("one_cycle", 0.25) == pytest.approx(1.0)
    assert rate("one_cycle", 0.625) == pytest.approx((1 + 1e-4) / 2)
    assert rate("one_cycle", 1.0) == pytest.approx(1e-4)
    assert rate("one_cycle", 0.0, warmup=0.0) == pytest.approx(1.0)


def test_a_cosine_falls_from_the_start():
    assert rate("cosine", 0.0) == pytest.approx(1.0)
    assert rate("cosine", 0.5) == pytest.approx((1 + 1e-4) / 2)
    assert rate("cosine", 1.0) == pytest.approx(1e-4)


def test_the_rate_of_the_last_batch_is_logged(tiny_fold, tiny_config):
    config = with_changes(tiny_config, {"train.schedule": "cosine"})
    rates = [record.learning_rate for record in trained(tiny_fold, config).log]
    assert all(0.0 < value <= config.train.learning_rate for value in rates)
    assert rates == sorted(rates, reverse=True)
    assert math.isfinite(rates[-1])
