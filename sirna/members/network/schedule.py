"""The learning rate and the momentum over a training, both functions of how far it is."""

import math

from sirna.config.schema import TrainConfig


def learning_rate(config: TrainConfig, done: float) -> float:
    """Return the learning rate when a share `done` of the training is done.

    `one_cycle`: from 1/25 up over the share `warmup`, down to 1/10,000, both along a cosine
    (Smith & Topin 2018); `cosine`: down only (Loshchilov & Hutter 2017).
    """
    peak = config.learning_rate
    if config.schedule == "constant":
        return peak
    warmup = config.warmup if config.schedule == "one_cycle" else 0.0
    if done < warmup:
        low, high, part = peak / 25, peak, done / warmup
    else:
        low, high, part = peak, peak / 1e4, (done - warmup) / (1 - warmup)
    return low + (high - low) * (1 - math.cos(math.pi * part)) / 2


def momentum(config: TrainConfig, rate: float) -> float:
    """Return Adam's first beta at a learning rate: under `one_cycle` it falls as the rate rises.

    From 0.95 to 0.85 and back (Smith & Topin 2018), 0.9 under the other schedules.
    """
    if config.schedule != "one_cycle":
        return 0.9
    return 0.95 - 0.1 * min(rate / config.learning_rate, 1.0)
