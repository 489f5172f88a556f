"""How long a training will take, from small parts of it."""

import time

import numpy as np
import pandas as pd
import torch
from scipy.linalg.lapack import spotrf, spotri

from sirna.config.load import Config, with_changes
from sirna.features.fold import Fold
from sirna.members.gaussian_process.fit import learn_kernel
from sirna.members.gaussian_process.kernel import BLOCK
from sirna.members.gaussian_process.member import RowProcess
from sirna.members.network.fit import fit
from sirna.members.network.state import Progress
from sirna.members.trees.member import RowTrees

BATCHES = 5
STEPS = 4
ROUNDS = 10
SOLVED = 3000
"""Of training, of learning a kernel, of trees, and rows of solving a process: what is timed."""


def epoch_seconds(progress: Progress, fold: Fold, config: Config, device: torch.device) -> float:
    """Estimate the seconds of an epoch by training some batches."""
    began, batches = time.perf_counter(), 0

    def few(rows: int) -> bool:
        nonlocal batches
        batches += 1
        return batches == BATCHES

    fit(progress, fold, config, fold.seed, device, on_batch=few)
    share = min(1.0, batches * config.train.batch_rows / len(fold.train))
    return (time.perf_counter() - began) / share


def trees_seconds(
    rows: pd.DataFrame, training: np.ndarray, targets: np.ndarray, config: Config, number: int
) -> float:
    """Estimate the seconds of `RowTrees.fit`, whose arguments these are, from a few rounds."""

    def seconds(rounds: int) -> float:
        some = with_changes(config, {"trees.rounds": rounds})
        began = time.perf_counter()
        RowTrees.fit(rows, training, targets, some, number)
        return time.perf_counter() - began

    seconds(1)  # scikit-learn is loaded
    first, more = seconds(1), seconds(1 + ROUNDS)
    return first + max(more - first, 0.0) * (config.trees.rounds - 1) / ROUNDS


def process_seconds(rows: pd.DataFrame, training: np.ndarray, config: Config, number: int) -> float:
    """Estimate the seconds of `RowProcess.fit`, whose arguments these are.

    Learning takes so long a step, comparing so long for a block of rows with all others, solving as
    the cube of the rows.
    """
    settings, seed = config.gaussian_process, config.train.seed + number
    _, compared = RowProcess.compared(rows, training, config, seed)
    n = len(compared)
    times = [time.perf_counter()]
    few = settings.model_copy(update={"steps": STEPS})
    kernel = learn_kernel(compared, torch.zeros(n), few, seed, lambda: False)
    times.append(time.perf_counter())
    block = compared.take(np.argsort(compared.duplex, kind="stable")[:BLOCK])
    with torch.inference_mode():
        kernel.between(block, compared)
    times.append(time.perf_counter())
    matrix = np.eye(SOLVED, dtype=np.float32, order="F")
    spotri(spotrf(matrix, lower=1, overwrite_a=1)[0], lower=1, overwrite_c=1)
    times.append(time.perf_counter())
    shares = STEPS / settings.steps, len(block) / n, (SOLVED / n) ** 3
    return float((np.diff(times) / shares).sum())
