"""Several bidirectional GRUs of one layer as one recurrence, for training on a CPU.

The GRUs of all streams, in both directions, take each step together: a step is then a few large
operations instead of many small ones. The backward pass is written by hand, since the automatic one
also fills the gradients of single steps with zeros and adds them up, which takes a quarter of a
training step. With both, a step takes about 0.65 of the time that it takes with `torch.nn.GRU`
(benchmarks/EXPERIMENTS.md); states and gradients are the same but for the rounding.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
_tanh_backward = torch.ops.aten.tanh_backward.grad_input


def last_states(
    cells: Sequence[nn.GRU], inputs: Sequence[Tensor], lengths: Sequence[Tensor]
) -> list[Tensor]:
    """Return, for each GRU, the states in which its directions have read the whole sequences.

    Parameters
    ----------
    cells : sequence of nn.GRU
        Of one layer, bidirectional, and all of the same sizes; the same GRU may come several times.
    inputs : sequence of Tensor, shape (batch, length, inputs)
        For each GRU; the batches and lengths may differ.
    lengths : sequence of Tensor, int64, shape (batch,)
        The number of steps of each sequence, 1 or more. Later steps have no effect.

    Returns
    -------
    list of Tensor, shape (batch, 2 * hidden)
        The forward direction comes first.
    """
    steps = max(part.shape[1] for part in inputs)
    most = max(len(part) for part in inputs)
    positions, counts, start = [], [], 0
    for part, length in zip(inputs, lengths, strict=True):
        positions.append(start + _reading_order(part, length, steps, most))
        counts.append(_filled(length, most, steps))
        start += part.shape[0] * part.shape[1]
    order = torch.cat(positions, dim=1)
    rows = torch.cat([part.flatten(0, 1) for part in inputs])
    # index_select, because plain indexing sums its gradient in a random order if there are several
    # threads
    read = rows.index_select(0, order.flatten()).view(*order.shape, -1)
    count = torch.stack(counts).repeat_interleave(2, dim=0)
    states = _recurrence(read, *_gate_weights(cells), count)
    pairs = states.view(len(cells), 2, most, -1)
    return [
        torch.cat([forward[: len(part)], backward[: len(part)]], dim=1)
        for (forward, backward), part in zip(pairs, inputs, strict=True)
    ]


def _gate_weights(cells: Sequence[nn.GRU]) -> tuple[Tensor, Tensor, Tensor]:
    """Return the weights of `_Recurrence` for all cells, each in both directions."""

    def stacked(name: str) -> Tensor:
        ways = [getattr(cell, name + way) for cell in cells for way in ("", "_reverse")]
        return torch.stack(ways)

    gates = 2 * cells[0].hidden_size
    of_inputs = stacked("weight_ih_l0").transpose(1, 2)
    of_states = stacked("weight_hh_l0").transpose(1, 2)
    of_bias, of_past = (stacked(f"bias_{part}_l0")[:, None] for part in ("ih", "hh"))
    rz = [of_inputs[..., :gates], of_states[..., :gates], (of_bias + of_past)[..., :gates]]
    new = [of_inputs[..., gates:], of_bias[..., gates:]]
    past = [of_states[..., gates:], of_past[..., gates:]]
    return torch.cat(rz, dim=1), torch.cat(new, dim=1), torch.cat(past, dim=1)


def _filled(lengths: Tensor, most: int, steps: int) -> Tensor:
    """Return the lengths, and full ones for the sequences that are added, shape (most,)."""
    return torch.cat([lengths, lengths.new_full((most - len(lengths),), steps)])


def _reading_order(inputs: Tensor, lengths: Tensor, steps: int, most: int) -> Tensor:
    """Return the positions, in (batch * length) inputs, that are read at each step.

    The backward direction begins at each sequence's own end, so that all sequences begin at step 0.

    Returns
    -------
    Tensor, int64, shape (steps, 2, most)
        Beyond a sequence's length, and for added sequences, positions of any inputs.
    """
    batch, length, _ = inputs.shape
    step = torch.arange(steps)
    forward = step.clamp_max(length - 1).expand(batch, steps)
    backward = (lengths[:, None] - 1 - step).clamp_min(0)
    order = torch.zeros(steps, 2, most, dtype=torch.int64)
    start = length * torch.arange(batch)[:, None]
    order[:, :, :batch] = (start + torch.stack([forward, backward])).permute(2, 0, 1)
    return order


class _Recurrence(torch.autograd.Function):
    """The recurrence of g GRUs (Cho et al. 2014) over batches of b sequences of t steps.

    The names of the gates are those of `torch.nn.GRU`: r (reset), z (update), n (new).
    """

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        weights_rz: Tensor,
        weights_n: Tensor,
        weights_q: Tensor,
        lengths: Tensor,
    ) -> Tensor:
        """Return the last states.

        Parameters
        ----------
        ctx
        inputs : Tensor, shape (t, g, b, i)
        weights_rz : Tensor, shape (g, i + hidden + 1, 2 * hidden)
            Of the gates r and z: weights of inputs and of states, and the bias.
        weights_n : Tensor, shape (g, i + 1, hidden)
            Of the part of n that reads the inputs, and its bias.
        weights_q : Tensor, shape (g, hidden + 1, hidden)
            Of the part of n that reads the state, which r multiplies, and its bias.
        lengths : Tensor, int64, shape (g, b)

        Returns
        -------
        Tensor, shape (g, b, hidden)
        """
        steps, groups, batch, width = inputs.shape
        size = weights_n.shape[2]
        read = inputs.new_empty(steps + 1, groups, batch, width + size)  # inputs and states
        read[:steps, ..., :width] = inputs
        read[0, ..., width:] = 0.0
        rz = inputs.new_empty(steps, groups, batch, 2 * size)
        n, q = inputs.new_empty(2, steps, groups, batch, size)
        shortest = int(lengths.min())
        for step in range(steps):
            x, h, after = (
                read[step, ..., :width],
                read[step, ..., width:],
                read[step + 1, ..., width:],
            )
            _affine(read[step], weights_rz, rz[step]).sigmoid_()
            _affine(h, weights_q, q[step])
            _affine(x, weights_n, n[step]).addcmul_(rz[step, ..., :size], q[step]).tanh_()
            torch.lerp(n[step], h, rz[step, ..., size:], out=after)
            if step >= shortest:
                ended = (lengths <= step)[..., None]
                after.copy_(torch.where(ended, h, after))
        ctx.save_for_backward(weights_rz, weights_n, weights_q, read, rz, n, q, lengths)
        return read[steps, ..., width:].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_h: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of what `forward` gets, from that of the last states."""
        weights_rz, weights_n, weights_q, read, rz, n, q, lengths = ctx.saved_tensors
        steps, groups, batch, size = n.shape
        width = read.shape[3] - size
        weights = [weights_rz, weights_n, weights_q]
        d_weights = [torch.zeros_like(one) for one in weights]
        back_rz, back_n, back_q = (one[:, :-1].transpose(1, 2).contiguous() for one in weights)
        d_inputs = d_h.new_empty(steps, groups, batch, width)
        d_rz = d_h.new_empty(groups, batch, 2 * size)
        d_n, d_q, part = d_h.new_empty(3, groups, batch, size)
        d_read = d_h.new_empty(groups, batch, width + size)
        shortest = int(lengths.min())
        for step in reversed(range(steps)):
            x, h = read[step, ..., :width], read[step, ..., width:]
            r, z = rz[step, ..., :size], rz[step, ..., size:]
            passed: Tensor | float = 0.0
            if step >= shortest:
                ended = (lengths <= step)[..., None]
                passed, d_h = d_h * ended, d_h.masked_fill(ended, 0.0)
            torch.addcmul(d_h, d_h, z, value=-1.0, out=part)
            _tanh_backward(part, n[step], grad_input=d_n)
            torch.sub(h, n[step], out=part).mul_(d_h)
            _sigmoid_backward(part, z, grad_input=d_rz[..., size:])
            torch.mul(d_n, q[step], out=part)
            _sigmoid_backward(part, r, grad_input=d_rz[..., :size])
            torch.mul(d_n, r, out=d_q)
            torch.bmm(d_rz, back_rz, out=d_read)
            torch.baddbmm(d_read[..., :width], d_n, back_n, out=d_inputs[step])
            d_h = (d_h * z).add_(d_read[..., width:]).baddbmm_(d_q, back_q).add_(passed)
            for total, left, right in zip(
                d_weights, (read[step], x, h), (d_rz, d_n, d_q), strict=True
            ):
                total[:, :-1].baddbmm_(left.transpose(1, 2), right)
                total[:, -1] += right.sum(1)
        return d_inputs, *d_weights, None


def _affine(inputs: Tensor, weights: Tensor, out: Tensor) -> Tensor:
    """Multiply (g, b, i) inputs by weights, of which the last row is a bias; return `out`."""
    return torch.baddbmm(weights[:, -1:], inputs, weights[:, :-1], out=out)


_recurrence: Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor] = _Recurrence.apply
