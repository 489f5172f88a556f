"""The learning rate and the momentum during a training, as functions of the share that is done."""

import math

from sirna.config.schema import TrainConfig


def learning_rate(config: TrainConfig, done: float) -> float:
    """Return the learning rate when the share `done` of the training is done.

    `one_cycle`: rises from 1/25 of the peak during the share `warmup`, then falls to 1/10,000 of
    it, both along a cosine (Smith & Topin 2018); `cosine`: falls only (Loshchilov & Hutter 2017).
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
