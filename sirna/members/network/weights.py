"""Saved weights put into a network, or the one sentence that says why they do not fit."""

from torch import Tensor, nn


def load_weights(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Copy saved weights into a network of the same shape.

    Parameters
    ----------
    model : Module
    weights : dict of Tensor
        A whole `state_dict`.

    Raises
    ------
    ValueError
        Naming the first weight that is absent, unknown or of another shape.
    """
    own = model.state_dict()
    for name, tensor in own.items():
        if name not in weights:
            raise ValueError(f"the weight {name} is absent")
        if weights[name].shape != tensor.shape:
            have, want = tuple(weights[name].shape), tuple(tensor.shape)
            raise ValueError(f"the weight {name} has shape {have}, the network's {want}")
    for name in weights:
        if name not in own:
            raise ValueError(f"the network has no weight {name}")
    model.load_state_dict(weights)
