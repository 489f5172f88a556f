"""The training loop of the network; `sirna train`, tuning and time estimates all use it."""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from sirna.config.config import Config
from sirna.config.schema import TrainConfig
from sirna.errors import SirnaError
from sirna.features.dataset import Batch
from sirna.features.encoded_fold import EncodedFold
from sirna.members.base import FitCallbacks
from sirna.members.network.loss import training_loss
from sirna.members.network.predict import predict
from sirna.members.network.regressor import InputSizes, SiRNAModel
from sirna.members.network.schedule import learning_rate, momentum
from sirna.members.network.size import check_training_memory
from sirna.members.network.state import Epoch, TrainingState
from sirna.prediction.decision import fit_decision
from sirna.prediction.score import Score, competition_score

POINT_EDGES = 300
"""Number of bins for the normal distribution that a network with a single output predicts."""


def start(
    encoded: EncodedFold, edges: np.ndarray, config: Config, seed: int, device: torch.device
) -> TrainingState:
    """Build the untrained network and its optimizer.

    Parameters
    ----------
    encoded : EncodedFold
    edges : array, shape (bins + 1,)
        The bins, if the loss is distributional; see `FoldTask.edges`.
    config : Config
    seed : int
        Seed of the initial weights.
    device : torch.device

    Raises
    ------
    SirnaError
        If the network needs more memory than there is.
    """
    torch.manual_seed(seed)
    labels = encoded.train.all_rows.label.numpy().astype(np.float64)
    if not config.train.distributional:
        edges = np.linspace(0.0, max(labels.max(), config.score.threshold + 1), POINT_EDGES + 1)
    sizes = InputSizes.of(encoded.encoder)
    outputs = len(edges) - 1 if config.train.distributional else 1
    check_training_memory(sizes, config, outputs)
    model = SiRNAModel(sizes, config, torch.from_numpy(edges))
    model.label_mean.fill_(float(labels.mean()))
    model.label_sd.fill_(max(float(labels.std()), 1e-6))
    model.residual_sd.copy_(model.label_sd)
    model.to(device)
    kind = torch.optim.AdamW if config.train.optimizer == "adamw" else torch.optim.Adam
    return TrainingState(model, kind(_parameter_groups(model, config.train.weight_decay)))


def _parameter_groups(model: SiRNAModel, weight_decay: float) -> list[dict[str, Any]]:
    """Divide the parameters in two: matrices decay, embeddings and biases do not."""
    embeddings = {id(layer.weight) for layer in model.modules() if isinstance(layer, nn.Embedding)}
    matrices: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for parameter in model.parameters():
        decays = parameter.ndim > 1 and id(parameter) not in embeddings
        (matrices if decays else rest).append(parameter)
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": rest, "weight_decay": 0.0},
    ]


def fit(
    state: TrainingState,
    encoded: EncodedFold,
    config: Config,
    seed: int,
    callbacks: FitCallbacks,
    epochs: Callable[[], int] | None = None,
) -> TrainingState:
    """Train until the last epoch, until patience runs out, or until a stop is requested.

    Parameters
    ----------
    state : TrainingState
        From `start`, or restored. A restored training with the same seed gives the same result as
        an uninterrupted one, since each epoch has its own seed, derived from (seed, epoch).
    encoded : EncodedFold
        Its held-out rows choose the best epoch; without any, the last epoch counts as the best.
    config : Config
    seed : int
    callbacks : FitCallbacks
        Its methods are called after every batch and every epoch; it stores the state after each
        epoch, and may stop the training after any batch.
    epochs : callable, optional
        Returns the epoch to stop after, as far as it is known; the schedule still covers
        `train.epochs`. Default: `train.epochs`.

    Raises
    ------
    SirnaError
        When the loss, a weight or a prediction is no longer finite.
    """
    settings = config.train
    steps = math.ceil(len(encoded.train) / settings.batch_rows)
    last = epochs or (lambda: settings.epochs)
    callbacks.begin(last() * len(encoded.train), state.epoch * len(encoded.train))
    while state.epoch < last() and not _out_of_patience(state, settings) and not callbacks.stop():
        started = time.perf_counter()
        torch.manual_seed(_epoch_seed(seed, state.epoch))
        rng = np.random.default_rng([seed, state.epoch])
        state.model.train()
        total, squares, rows, rate = 0.0, 0.0, 0, 0.0
        batches = encoded.train.batches(settings.batch_rows, rng, settings.batch_by)
        for step, batch in enumerate(batches):
            done = (state.epoch + min(step / steps, 1.0)) / settings.epochs
            rate = learning_rate(settings, done)
            loss, squared = _step(state, batch.to(callbacks.device), settings, rate)
            count = len(batch.label)
            total, squares, rows = total + loss * count, squares + squared * count, rows + count
            callbacks.advance(count)
            if callbacks.stop():
                return state
        trained = time.perf_counter() - started
        _check_finite(state, total)
        if not settings.distributional:
            state.model.residual_sd.fill_(math.sqrt(squares / rows))
        state.epoch += 1
        score, valid_log_loss = _score_epoch(state, encoded, config, callbacks.device)
        seconds = time.perf_counter() - started
        record = Epoch(
            state.epoch, total / rows, valid_log_loss, score, rate, seconds, rows / trained
        )
        state.log.append(record)
        callbacks.save(state.to_state())
        callbacks.log(record.row())
        callbacks.report(record.line(last(), state.best.epoch), record.short_line(state.best.epoch))
    return state


def _out_of_patience(state: TrainingState, config: TrainConfig) -> bool:
    waited = state.epoch - state.best.epoch
    return config.patience > 0 and state.epoch > 0 and waited >= config.patience


def _check_finite(state: TrainingState, loss: float) -> None:
    weights = state.model.state_dict().values()
    if not (math.isfinite(loss) and all(bool(weight.isfinite().all()) for weight in weights)):
        raise _diverged(state.epoch + 1)


def _diverged(epoch: int) -> SirnaError:
    return SirnaError(
        f"the training diverged in epoch {epoch}: loss, weights or predictions are no longer "
        "finite; lower train.learning_rate or train.clip."
    )


def _step(
    state: TrainingState, batch: Batch, config: TrainConfig, rate: float
) -> tuple[float, float]:
    """Take one step; return the batch's loss and, for a single output, its squared error."""
    model, optimizer = state.model, state.optimizer
    for group in optimizer.param_groups:
        group["lr"] = rate
        group["betas"] = (momentum(config, rate), 0.999)
    output = model(batch)
    loss = training_loss(model, output, batch.label, config)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), config.clip)
    optimizer.step()
    if config.distributional:
        return loss.item(), 0.0
    residual = (model.label_mean + model.label_sd * output[:, 0] - batch.label).detach()
    return loss.item(), float((residual**2).mean())


def _score_epoch(
    state: TrainingState, encoded: EncodedFold, config: Config, device: torch.device
) -> tuple[Score | None, float | None]:
    """Score an epoch on the held-out rows and keep its weights if it is the best so far."""
    rows = (
        encoded.held_out if len(encoded.held_out) else encoded.train.first(config.train.batch_rows)
    )
    predicted = predict(state.model, rows, config.predict.batch_rows, device)
    if not np.isfinite(predicted.probs).all():
        raise _diverged(state.epoch)
    if not len(encoded.held_out):
        state.best.epoch = state.epoch
        state.keep_weights()
        return None, None
    truth = encoded.held_out.all_rows.label.numpy().astype(np.float64)
    threshold, window = config.score.threshold, config.train.score_window
    points = np.empty(len(truth))
    for half, best in enumerate(state.by_half):
        choosing, other = encoded.half == half, encoded.half != half
        decision = fit_decision(
            predicted[choosing], truth[choosing], config.decision.kind, threshold
        )
        points[other] = decision.apply(predicted[other])
        half_score = competition_score(
            truth[choosing], decision.apply(predicted[choosing]), threshold
        ).score
        best.update(state.epoch, half_score, window, predicted.probs)
    score = competition_score(truth, points, threshold)
    if state.best.update(state.epoch, score.score, window, predicted.probs):
        state.keep_weights()
    return score, predicted.log_loss(truth)


def _epoch_seed(seed: int, epoch: int) -> int:
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
