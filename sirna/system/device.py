"""The computing device: the CPU, or a CUDA card if there is one."""

import os
import re

import torch

from sirna.errors import UsageError


def choose_device(name: str) -> torch.device:
    """Return the device with this name; "auto" is CUDA if there is a card, otherwise the CPU.

    CUDA gives reproducible results only with a fixed workspace, which must be requested before CUDA
    starts, and with deterministic algorithms (PyTorch, "Reproducibility"). TF32 is switched off, so
    that the results are close to those of the CPU.

    Raises
    ------
    UsageError
        If the name is not valid, or this machine does not have the device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise UsageError(f"--device {name}: choose auto, cpu, cuda or cuda:N.")
    device = torch.device(name)
    count = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= count:
        raise UsageError(
            f"--device {name}: this machine has {count} CUDA devices; choose auto or cpu."
        )
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:2")
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cudnn.allow_tf32 = False
    return device
