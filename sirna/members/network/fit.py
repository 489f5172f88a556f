"""The only training loop."""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sirna.config.load import Config
from sirna.config.schema import TrainConfig
from sirna.errors import SirnaError
from sirna.features.dataset import Batch, Encoding, SiRNADataset
from sirna.features.fold import Fold
from sirna.features.siblings import Known
from sirna.members.network.loss import training_loss
from sirna.members.network.predict import predict
from sirna.members.network.regressor import SiRNAModel
from sirna.members.network.schedule import learning_rate, momentum
from sirna.members.network.state import Epoch, Progress
from sirna.prediction.decision import fit_decision
from sirna.prediction.histogram import Histogram, network_bins
from sirna.prediction.score import Score, competition_score

POINT_EDGES = 300
"""Bins in which the normal distribution of a point head is written down."""


def build_model(encoding: Encoding, config: Config, edges: Tensor) -> SiRNAModel:
    """Build the untrained network that an encoding and a configuration describe."""
    covariates = encoding.covariates
    return SiRNAModel(
        {name: len(encoding.vocab_of(name)) for name in encoding.streams},
        covariates.sizes,
        2 * len(covariates.numeric),
        config.model,
        edges,
        config.train.distributional,
        config.train.token_dropout,
        Known.width(covariates) if encoding.known else 0,
        config.known,
    )


def start(
    encoding: Encoding, train: SiRNADataset, config: Config, seed: int, device: torch.device
) -> Progress:
    """Make the model, its bins and its optimizer from training rows, seeded."""
    torch.manual_seed(seed)
    labels = train.whole.label.numpy().astype(np.float64)
    if config.train.distributional:
        edges = network_bins(labels, config.model.bins, config.score.threshold)
    else:
        edges = np.linspace(0.0, max(labels.max(), config.score.threshold + 1), POINT_EDGES + 1)
    model = build_model(encoding, config, torch.from_numpy(edges))
    model.label_mean.fill_(float(labels.mean()))
    model.label_sd.fill_(max(float(labels.std()), 1e-6))
    model.residual_sd.copy_(model.label_sd)
    model.to(device)
    kind = torch.optim.AdamW if config.train.optimizer == "adamw" else torch.optim.Adam
    return Progress(model, kind(_decayed(model, config.train.weight_decay)))


def _decayed(model: SiRNAModel, weight_decay: float) -> list[dict[str, Any]]:
    """Return the parameters in two groups: matrices decay, embeddings and biases do not."""
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
    progress: Progress,
    fold: Fold,
    config: Config,
    seed: int,
    device: torch.device,
    on_epoch: Callable[[Progress], None] = lambda progress: None,
    on_batch: Callable[[int], bool] = lambda rows: False,
    epochs: int | None = None,
) -> Progress:
    """Train until the last epoch, the end of patience, or a request to stop.

    Parameters
    ----------
    progress : Progress
        From `start`, or restored; the same seed then ends as without the interruption, since an
        epoch draws from (seed, epoch) alone.
    fold : Fold
        Its training rows to learn from, its validation rows to choose the best epoch by; without
        any the last epoch is the best.
    config : Config
    seed : int
    device : torch.device
    on_epoch : callable
        Called after every epoch; what it raises ends the training.
    on_batch : callable
        Called with the number of rows done; True stops before the epoch's end.
    epochs : int, optional
        Stop after so many of the schedule's `train.epochs`. Default: all.

    Raises
    ------
    SirnaError
        When the loss is no longer finite.
    """
    settings = config.train
    steps = math.ceil(len(fold.train) / settings.batch_rows)
    last = settings.epochs if epochs is None else epochs
    while progress.epoch < last and not _out_of_patience(progress, settings):
        started = time.perf_counter()
        torch.manual_seed(_derived(seed, progress.epoch))
        rng = np.random.default_rng([seed, progress.epoch])
        progress.model.train()
        total, squares, rows, rate = 0.0, 0.0, 0, 0.0
        batches = fold.train.batches(settings.batch_rows, rng, settings.batch_by)
        for step, batch in enumerate(batches):
            done = (progress.epoch + min(step / steps, 1.0)) / settings.epochs
            rate = learning_rate(settings, done)
            loss, squared = _step(progress, batch.to(device), settings, rate)
            count = len(batch.label)
            total, squares, rows = total + loss * count, squares + squared * count, rows + count
            if on_batch(count):
                return progress
        trained = time.perf_counter() - started
        _check_finite(progress, total)
        if not settings.distributional:
            progress.model.residual_sd.fill_(math.sqrt(squares / rows))
        progress.epoch += 1
        score, valid_log_loss = _judge(progress, fold, config, device)
        seconds = time.perf_counter() - started
        record = Epoch(
            progress.epoch, total / rows, valid_log_loss, score, rate, seconds, rows / trained
        )
        progress.log.append(record)
        on_epoch(progress)
    return progress


def _out_of_patience(progress: Progress, config: TrainConfig) -> bool:
    waited = progress.epoch - progress.best.epoch
    return config.patience > 0 and progress.epoch > 0 and waited >= config.patience


def _check_finite(progress: Progress, loss: float) -> None:
    weights = progress.model.state_dict().values()
    if not (math.isfinite(loss) and all(bool(weight.isfinite().all()) for weight in weights)):
        raise _diverged(progress.epoch + 1)


def _diverged(epoch: int) -> SirnaError:
    return SirnaError(
        f"the training diverged in epoch {epoch}: loss, weights or predictions are no longer "
        "finite; lower train.learning_rate or train.clip."
    )


def _step(
    progress: Progress, batch: Batch, config: TrainConfig, rate: float
) -> tuple[float, float]:
    """Take one step; return the batch's loss and, for a point head, its squared error."""
    model, optimizer = progress.model, progress.optimizer
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


def _judge(
    progress: Progress,
    fold: Fold,
    config: Config,
    device: torch.device,
) -> tuple[Score | None, float | None]:
    """Score an epoch on the validation rows and keep it where it is the best so far."""
    rows = fold.valid if len(fold.valid) else fold.train.first(config.train.batch_rows)
    predicted = predict(progress.model, rows, config.predict.batch_rows, device)
    if not np.isfinite(predicted.probs).all():
        raise _diverged(progress.epoch)
    if not len(fold.valid):
        progress.best.epoch = progress.epoch
        progress.keep_weights()
        return None, None
    truth = fold.valid.whole.label.numpy().astype(np.float64)
    threshold, window = config.score.threshold, config.train.score_window
    points = np.empty(len(truth))
    for chooser, pick in enumerate(progress.halves):
        own, other = fold.half == chooser, fold.half != chooser
        decision = fit_decision(predicted[own], truth[own], config.decision.kind, threshold)
        points[other] = decision.apply(predicted[other])
        score = competition_score(truth[own], decision.apply(predicted[own]), threshold).score
        pick.offer(progress.epoch, score, window, predicted.probs)
    crossed = competition_score(truth, points, threshold)
    if progress.best.offer(progress.epoch, crossed.score, window, predicted.probs):
        progress.keep_weights()
    return crossed, _log_loss(predicted, truth)


def _log_loss(predicted: Histogram, truth: np.ndarray) -> float:
    """Return the mean negative log probability of the bins that the labels fall into."""
    bins = np.clip(np.searchsorted(predicted.edges, truth, side="right") - 1, 0, None)
    bins = np.minimum(bins, predicted.probs.shape[1] - 1)
    return float(-np.log(np.maximum(predicted.probs[np.arange(len(truth)), bins], 1e-12)).mean())


def _derived(seed: int, epoch: int) -> int:
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
