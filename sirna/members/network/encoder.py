"""A recurrent encoder of padded sequences: RNN, LSTM or GRU, of any depth."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

CellKind = Literal["rnn", "lstm", "gru"]
Pooling = Literal["last", "mean", "max", "last_mean"]
HiddenState = Tensor | tuple[Tensor, Tensor]

_CELLS: dict[str, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class RecurrentEncoder(nn.Module):
    """RNN, LSTM or GRU over sequences of vectors.

    Parameters
    ----------
    inputs : int
        Size of each input vector.
    hidden : int
        Units of one direction.
    kind : {"rnn", "lstm", "gru"}
        Elman 1990; Hochreiter & Schmidhuber 1997; Cho et al. 2014.
    layers : int
    bidirectional : bool
        Schuster & Paliwal 1997.
    dropout : float
        Between layers.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        kind: CellKind = "gru",
        layers: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.cell = _CELLS[kind](
            inputs,
            hidden,
            layers,
            batch_first=True,
            bidirectional=bidirectional,
            dropout=dropout if layers > 1 else 0.0,
        )
        for name, weight in self.cell.named_parameters():
            if name.startswith("weight_hh"):
                for gate in weight.split(hidden):  # orthogonal: Saxe et al. 2014
                    nn.init.orthogonal_(gate)
            elif name.startswith("weight_ih"):
                nn.init.normal_(weight, std=weight.shape[1] ** -0.5)  # LeCun et al. 1998
            elif name.startswith("bias"):
                nn.init.zeros_(weight)
        self.hidden = hidden
        self.bidirectional = bidirectional

    @property
    def outputs(self) -> int:
        """Size of each output vector."""
        return self.hidden * (2 if self.bidirectional else 1)

    def forward(
        self, inputs: Tensor, lengths: Tensor | None = None, state: HiddenState | None = None
    ) -> tuple[Tensor, HiddenState]:
        """Run over a batch.

        Parameters
        ----------
        inputs : Tensor, shape (batch, length, inputs)
        lengths : Tensor, int64 on the CPU, shape (batch,), optional
            The number of steps of each sequence, 1 or more. Later steps are padding and have no
            effect. Default: all steps.
        state : optional
            The state to start from, as an earlier call returned it. Default: zeros.

        Returns
        -------
        outputs : Tensor, shape (batch, length, outputs)
            Zero beyond each length.
        state
            The last state, as PyTorch's recurrent layers return it.
        """
        if lengths is None or bool((lengths == inputs.shape[1]).all()):
            outputs, state = self.cell(inputs, state)
            return outputs, state
        packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
        outputs, state = self.cell(packed, state)
        padded, _ = pad_packed_sequence(outputs, batch_first=True, total_length=inputs.shape[1])
        return padded, state


def pool(outputs: Tensor, lengths: Tensor, pooling: Pooling, bidirectional: bool) -> Tensor:
    """Summarise each sequence of outputs without its padding.

    Parameters
    ----------
    outputs : Tensor, shape (batch, length, size)
    lengths : Tensor, int64, shape (batch,)
    pooling : {"last", "mean", "max", "last_mean"}
        `last`: the outputs at which each direction has read the whole sequence; `last_mean`: `last`
        and `mean` side by side.
    bidirectional : bool

    Returns
    -------
    Tensor, shape (batch, size), or (batch, 2 * size) for `last_mean`
    """
    lengths = lengths.to(outputs.device)
    if pooling == "last_mean":
        both = [pool(outputs, lengths, kind, bidirectional) for kind in ("last", "mean")]
        return torch.cat(both, dim=1)
    if pooling == "last":
        rows = torch.arange(len(outputs), device=outputs.device)
        ends = outputs[rows, lengths - 1]
        if not bidirectional:
            return ends
        half = outputs.shape[2] // 2
        return torch.cat([ends[:, :half], outputs[:, 0, half:]], dim=1)
    inside = (torch.arange(outputs.shape[1], device=outputs.device) < lengths[:, None])[..., None]
    if pooling == "mean":
        return (outputs * inside).sum(dim=1) / lengths[:, None]
    return outputs.masked_fill(~inside, float("-inf")).amax(dim=1)
