"""Which device computes."""

import torch

from sirna.errors import UsageError


def choose_device(name: str) -> torch.device:
    """Return the device of that name; "auto" takes CUDA where there is one.

    Raises
    ------
    UsageError
        For a name that PyTorch does not know, or a device that is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"--device {name}: not to be had here ({reason}); try cpu.") from error
    return device
