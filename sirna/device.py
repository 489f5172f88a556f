"""Which device computes."""

import os
import re

import torch

from sirna.errors import UsageError


def choose_device(name: str) -> torch.device:
    """Return the device of that name; "auto" takes CUDA where there is one.

    CUDA repeats its numbers only with a fixed workspace, asked for before it starts, and with
    deterministic sums (PyTorch, "Reproducibility"); without TF32 they are those of the CPU.

    Raises
    ------
    UsageError
        For another name, or a device that is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise UsageError(f"--device {name}: is none of auto, cpu, cuda, cuda:N.")
    device = torch.device(name)
    there = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= there:
        raise UsageError(f"--device {name}: {there} CUDA devices are here; try auto or cpu.")
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:2")
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cudnn.allow_tf32 = False
    return device
