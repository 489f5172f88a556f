"""Check the parameters of a kernel that was read from a file."""

from collections.abc import Iterable

import torch
from torch import Tensor

LARGEST_LOGARITHM = 30.0
"""Largest logarithm of a parameter. Fits stay far below it, and float32 holds its exponential."""


def check_logarithms(parameters: Iterable[Tensor], dtype: torch.dtype) -> None:
    """Raise ValueError unless all parameters have this type, and their exponentials are finite."""
    for part in parameters:
        if part.dtype != dtype or not part.isfinite().all():
            raise ValueError("the kernel holds a value that is not a finite number")
        if bool((part > LARGEST_LOGARITHM).any()):
            raise ValueError(f"the kernel holds a logarithm above {LARGEST_LOGARITHM:g}")
