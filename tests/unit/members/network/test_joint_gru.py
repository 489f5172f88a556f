"""The joint recurrence of several GRUs gives the states and gradients of `torch.nn.GRU`."""

import pytest
import torch

from sirna.members.network.encoder import RecurrentEncoder, pool
from sirna.members.network.joint_gru import last_states

LENGTHS = {
    "equal": [[5, 5, 5], [5, 5, 5]],
    "of several lengths": [[3, 7, 1, 5], [2, 2, 4, 7]],
    "batches of several sizes": [[4], [6, 1, 6, 2, 3]],
    "one stream, one sequence, one step": [[1]],
    "three streams": [[2, 9], [9], [4, 4, 4]],
}


def streams(lengths, shared=False, hidden=6):
    """Return GRUs in double precision, inputs with noise beyond their ends, and the lengths."""
    torch.manual_seed(0)
    encoders = [RecurrentEncoder(4, hidden).double() for _ in lengths]
    for parameter in (one for encoder in encoders for one in encoder.parameters()):
        torch.nn.init.normal_(parameter, std=0.7)  # biases too
    if shared:
        encoders = encoders[:1] * len(lengths)
    inputs = [torch.randn(len(each), max(each), 4).double().requires_grad_() for each in lengths]
    return encoders, inputs, [torch.tensor(each) for each in lengths]


def one_by_one(encoders, inputs, lengths):
    return [
        pool(encoder(part, length)[0], length, "last", bidirectional=True)
        for encoder, part, length in zip(encoders, inputs, lengths, strict=True)
    ]


def gradients(states, encoders, inputs):
    torch.manual_seed(1)
    loss = sum((state * torch.randn_like(state)).sum() for state in states)
    leaves = [*{id(one): one for each in encoders for one in each.parameters()}.values(), *inputs]
    return torch.autograd.grad(loss, leaves)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_states_and_gradients_are_those_of_pytorch(lengths, shared):
    encoders, inputs, counts = streams(lengths, shared)
    expected = one_by_one(encoders, inputs, counts)
    found = last_states([encoder.cell for encoder in encoders], inputs, counts)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)
    for one, other in zip(
        gradients(found, encoders, inputs), gradients(expected, encoders, inputs), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_gradients_agree_with_small_differences():
    encoders, inputs, counts = streams([[3, 1], [2]], hidden=3)
    cells = [encoder.cell for encoder in encoders]
    assert torch.autograd.gradcheck(lambda *parts: last_states(cells, parts, counts), inputs)
