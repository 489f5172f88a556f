"""Schedules of the learning rate and the momentum over the course of a training."""

import math

from sirna.config.schema import TrainConfig


def learning_rate(config: TrainConfig, done: float) -> float:
    """Return the learning rate at a point of the training; `done` is 0 at its start, 1 at its end.

    `one_cycle`: the rate rises from 1/25 of its peak until `done` is `warmup`, then falls to
    1/10,000 of the peak, both along a cosine (Smith & Topin 2018). `cosine`: it falls from the
    start (Loshchilov & Hutter 2017).
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
    """Return Adam's first beta at a learning rate.

    Under `one_cycle` it falls from 0.95 to 0.85 as the rate rises, and rises again (Smith & Topin
    2018); under the other schedules it is 0.9.
    """
    if config.schedule != "one_cycle":
        return 0.9
    return 0.95 - 0.1 * min(rate / config.learning_rate, 1.0)
