"""The recurrent encoder and its pooling."""

import numpy as np
import pytest
import torch

from sirna.members.network.encoder import RecurrentEncoder, pool

KINDS = ["rnn", "lstm", "gru"]
LENGTHS = torch.tensor([3, 7, 1, 5])
each_kind = pytest.mark.parametrize("kind", KINDS)
each_direction = pytest.mark.parametrize("bidirectional", [False, True])


def encoder(kind, bidirectional=True, layers=1):
    torch.manual_seed(0)
    return RecurrentEncoder(4, 6, kind, layers, bidirectional).eval()


def padded(length=7):
    torch.manual_seed(1)
    return torch.randn(len(LENGTHS), length, 4)


def hidden(state):
    """The hidden state; an LSTM has a cell state beside it."""
    return state[0] if isinstance(state, tuple) else state


@each_kind
@each_direction
@pytest.mark.parametrize("layers", [1, 2])
def test_the_content_of_the_padding_does_not_matter(kind, bidirectional, layers):
    run = encoder(kind, bidirectional, layers)
    inputs = padded()
    other = inputs.clone()
    for row, length in enumerate(LENGTHS):
        other[row, length:] = 99.0
    (one, state), (two, same) = run(inputs, LENGTHS), run(other, LENGTHS)
    assert torch.equal(one, two)
    assert torch.equal(hidden(state), hidden(same))


@each_kind
@each_direction
def test_more_padding_does_not_change_outputs_and_gives_zeros(kind, bidirectional):
    run = encoder(kind, bidirectional)
    inputs = padded()
    wider = torch.cat([inputs, torch.ones(len(inputs), 4, 4)], dim=1)
    outputs, _ = run(inputs, LENGTHS)
    more, _ = run(wider, LENGTHS)
    assert more.shape == (4, 11, run.outputs)
    torch.testing.assert_close(more[:, :7], outputs)
    for row, length in enumerate(LENGTHS):
        assert (more[row, length:] == 0).all()
        assert (more[row, :length] != 0).all()


@each_kind
@each_direction
@pytest.mark.parametrize("layers", [1, 2])
def test_a_batch_equals_its_sequences_run_one_by_one(kind, bidirectional, layers):
    run = encoder(kind, bidirectional, layers)
    inputs = padded()
    outputs, state = run(inputs, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        alone, own = run(inputs[row : row + 1, :length])
        torch.testing.assert_close(outputs[row, :length], alone[0])
        torch.testing.assert_close(hidden(state)[:, row], hidden(own)[:, 0])


@each_kind
@pytest.mark.parametrize("layers", [1, 2])
def test_a_state_carried_over_equals_one_run(kind, layers):
    run = encoder(kind, bidirectional=False, layers=layers)
    inputs = padded()
    whole, last = run(inputs)
    first, state = run(inputs[:, :3])
    second, end = run(inputs[:, 3:], state=state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
    torch.testing.assert_close(hidden(end), hidden(last))


@each_kind
def test_a_state_is_carried_over_in_padded_batches_too(kind):
    run = encoder(kind, bidirectional=False)
    inputs = padded()
    _, state = run(padded(2))
    outputs, _ = run(inputs, LENGTHS, state)
    fresh, _ = run(inputs, LENGTHS)
    assert not torch.allclose(outputs, fresh)
    alone, _ = run(inputs[1:2], state=_row(state, 1))
    torch.testing.assert_close(outputs[1], alone[0])


def _row(state, row):
    if isinstance(state, tuple):
        return tuple(part[:, row : row + 1].contiguous() for part in state)
    return state[:, row : row + 1].contiguous()


@each_kind
def test_only_a_bidirectional_encoder_looks_ahead(kind):
    inputs = padded()
    other = inputs.clone()
    other[:, -1] += 1.0
    for bidirectional in (False, True):
        run = encoder(kind, bidirectional)
        same = torch.equal(run(inputs)[0][:, 0], run(other)[0][:, 0])
        assert same is not bidirectional


def test_an_elman_network_gives_the_numbers_worked_out_by_hand():
    run = RecurrentEncoder(1, 1, "rnn", bidirectional=False)
    for parameter, value in zip(run.cell.parameters(), (0.5, 2.0, 0.1, 0.0), strict=True):
        torch.nn.init.constant_(parameter, value)
    outputs, state = run(torch.tensor([[[1.0], [-1.0]]]))
    first = np.tanh(0.5 + 0.1)
    second = np.tanh(-0.5 + 2.0 * first + 0.1)
    assert outputs[0, :, 0].tolist() == pytest.approx([first, second])
    assert state.item() == pytest.approx(second)


# two directions of one unit each; the second sequence has two steps and padding
OUTPUTS = torch.tensor(
    [[[1.0, 10.0], [2.0, -20.0], [6.0, 40.0]], [[-3.0, 5.0], [-1.0, 7.0], [99.0, 99.0]]]
)
STEPS = torch.tensor([3, 2])


@pytest.mark.parametrize(
    ("pooling", "bidirectional", "expected"),
    [
        ("last", False, [[6.0, 40.0], [-1.0, 7.0]]),
        ("last", True, [[6.0, 10.0], [-1.0, 5.0]]),
        ("mean", True, [[3.0, 10.0], [-2.0, 6.0]]),
        ("max", True, [[6.0, 40.0], [-1.0, 7.0]]),
        ("last_mean", True, [[6.0, 10.0, 3.0, 10.0], [-1.0, 5.0, -2.0, 6.0]]),
        ("last_mean", False, [[6.0, 40.0, 3.0, 10.0], [-1.0, 7.0, -2.0, 6.0]]),
    ],
)
def test_pooling_gives_the_numbers_worked_out_by_hand(pooling, bidirectional, expected):
    assert pool(OUTPUTS, STEPS, pooling, bidirectional).tolist() == expected


@each_kind
@each_direction
def test_pooling_the_last_outputs_gives_the_last_state(kind, bidirectional):
    run = encoder(kind, bidirectional)
    outputs, state = run(padded(), LENGTHS)
    last = pool(outputs, LENGTHS, "last", bidirectional)
    expected = hidden(state).transpose(0, 1).reshape(len(LENGTHS), -1)
    torch.testing.assert_close(last, expected)
