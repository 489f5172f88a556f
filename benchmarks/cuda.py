"""Measure what a CUDA card would bring to a training, and check its numbers against the CPU's.

    python benchmarks/cuda.py TRAIN [--epochs 24] [--device cuda]

It trains the network of fold 0 under `rows` in float32, TF32 and bf16, and prints time and score.
Then it solves the Gaussian process of the fold with one thread of the CPU and, from the same
covariances, in float32 on the card, and prints both times and how much the left-out means of the
training rows differ, in standard deviations of the labels.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from sirna.config.load import load_config, with_changes
from sirna.features.encoded_fold import encode_fold
from sirna.features.fold import FoldTask
from sirna.features.positional import PositionalEncoder
from sirna.members.base import FitCallbacks
from sirna.members.gaussian_process.fit import learn_kernel, solve_weights
from sirna.members.gaussian_process.matrix import CovarianceMatrix
from sirna.members.network.fit import fit, start
from sirna.members.residuals import scale_of, standardised
from sirna.system.device import choose_device
from sirna.system.threads import one_thread
from sirna.table.splits import make_split
from sirna.table.training_source import training_source

CONFIG = Path(__file__).resolve().parents[1] / "configs" / "default.toml"
PRECISIONS = "float32", "TF32", "bf16"
COLUMNS = 2048
"""Columns of the covariance matrix that are computed at once."""


class Callbacks(FitCallbacks):
    """Keeps the last line of a training."""

    line = ""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def report(self, line: str, short: str) -> None:
        self.line = line


def network(task: FoldTask, precision: str, device: torch.device) -> str:
    """Train a network; return its time and its last epoch."""
    torch.set_float32_matmul_precision("high" if precision == "TF32" else "highest")
    torch.backends.cudnn.allow_tf32 = precision == "TF32"
    encoded, config, callbacks = encode_fold(task), task.config, Callbacks(device)
    began = time.perf_counter()
    bf16 = torch.autocast(
        device.type, torch.bfloat16, enabled=precision == "bf16", cache_enabled=False
    )  # a cache would keep the weights of the first step
    with bf16:
        state = start(encoded, task.edges, config, task.seed, device)
        fit(state, encoded, config, task.seed, callbacks)
    rows = len(encoded.train) * config.train.epochs
    seconds = time.perf_counter() - began
    return f"network, {precision}: {seconds:.1f} s, {rows / seconds:,.0f} rows/s; {callbacks.line}"


def solved(matrix: torch.Tensor, truth: torch.Tensor) -> tuple[np.ndarray, float]:
    """Return the left-out means, and the seconds that they took."""
    began = time.perf_counter()
    factor = torch.linalg.cholesky(matrix)
    weights = torch.cholesky_solve(truth[:, None], factor)[:, 0]
    identity = torch.eye(len(matrix), device=matrix.device)
    inverse = torch.linalg.solve_triangular(factor, identity, upper=False)
    means = truth - weights / (inverse**2).sum(dim=0)
    return means.cpu().numpy(), time.perf_counter() - began


def process(task: FoldTask, device: torch.device) -> None:
    """Solve the Gaussian process twice; print the times and the difference."""
    config, protocol = task.config.gaussian_process, task.config.protocol
    names = PositionalEncoder.columns(task.rows, config, task.config.sequences)
    rows = task.training_rows[names]
    encoded = PositionalEncoder.fit(rows, config, protocol).encode(rows, training=True)
    times = [time.perf_counter()]
    with one_thread():
        kernel = learn_kernel(encoded, task.labels, config, task.seed, lambda: False)
        times.append(time.perf_counter())
        solution = solve_weights(kernel, encoded, task.labels)
        times.append(time.perf_counter())
    learning, solving = np.diff(times)
    print(f"process, CPU: learning {learning:.1f} s, matrix and solution {solving:.1f} s")
    count, columns = len(encoded), CovarianceMatrix(kernel, encoded).columns
    matrix = torch.empty(count, count, device=device)
    for at in range(0, count, COLUMNS):
        stop = min(at + COLUMNS, count)
        part = torch.from_numpy(columns(at, stop)).to(device)
        matrix[:stop, at:stop], matrix[at:stop, :stop] = part, part.T
    truth = torch.from_numpy(standardised(task.labels, *scale_of(task.labels)).astype(np.float32))
    solved(torch.eye(COLUMNS, device=device), torch.zeros(COLUMNS, device=device))  # starts CUDA
    means, seconds = solved(matrix, truth.to(device))
    expected = solution.truth - solution.weights / solution.whitening.inverse_diagonal()
    apart = np.abs(means - expected)
    print(f"process, {device}: solution alone {seconds:.2f} s")
    print(f"left-out means differ by {apart.max():.5f} at most, by {apart.mean():.6f} on average")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--device", default="cuda")
    given = parser.parse_args()
    device = choose_device(given.device)
    config = with_changes(load_config(CONFIG), {"train.epochs": given.epochs})
    rows = training_source(given.train, config).table.rows
    task = FoldTask(rows, make_split(rows, config.split, "train"), 0, config)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(f"{name}, PyTorch {torch.__version__}; {len(task.training):,} training rows")
    for precision in PRECISIONS:
        print(network(task, precision, device), flush=True)
    process(task, device)


if __name__ == "__main__":
    main()
