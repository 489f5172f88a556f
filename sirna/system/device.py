"""The device that computes: the processor, or a CUDA card where there is one."""

import os
import re

import torch

from sirna.errors import UsageError


def choose_device(name: str) -> torch.device:
    """Return the device of that name; "auto" takes CUDA where there is a card.

    CUDA repeats its numbers only with a fixed workspace, which must be requested before it starts,
    and with deterministic sums (PyTorch, "Reproducibility"). TF32 is switched off, so that the
    numbers are those of the CPU.

    Raises
    ------
    UsageError
        For another name, or a device that this machine lacks.
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
