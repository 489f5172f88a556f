"""The network: it reads sequences and conditions and predicts a distribution of percentages."""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from sirna.config.config import Config
from sirna.config.schema import ModelConfig
from sirna.features.covariates import MISSING_INDEX, UNSEEN_INDEX
from sirna.features.dataset import Batch, DatasetEncoder
from sirna.features.siblings import Siblings
from sirna.features.vocab import PAD_INDEX, UNK_INDEX
from sirna.members.network.encoder import RecurrentEncoder, pool
from sirna.members.network.joint_gru import last_states
from sirna.members.network.sibling_encoder import SiblingEncoder

TOKEN_SD, CATEGORY_SD = 0.5, 0.3
"""Standard deviations of new embeddings; PyTorch's default of 1 suits smaller learning rates."""


@dataclass(frozen=True)
class InputSizes:
    """The sizes of the network's inputs.

    Attributes
    ----------
    vocabs : dict of str to int
        Number of tokens, by stream.
    categories : list of int
        Number of indices of each categorical covariate.
    numbers : int
        Width of the numeric covariates, missing flags included.
    siblings : int
        Number of features of a sibling measurement; 0 if siblings are not looked up.
    """

    vocabs: dict[str, int]
    categories: list[int]
    numbers: int
    siblings: int = 0

    @classmethod
    def of(cls, encoder: DatasetEncoder) -> "InputSizes":
        """Return the sizes of the rows that an encoder encodes."""
        covariates = encoder.covariates
        return cls(
            {name: len(encoder.vocab_of(name)) for name in encoder.streams},
            covariates.sizes,
            2 * len(covariates.numeric),
            Siblings.width(covariates) if encoder.siblings else 0,
        )


class SiRNAModel(nn.Module):
    """Encode each sequence stream, pool it, join all with the covariates, and run a head.

    Parameters
    ----------
    sizes : InputSizes
    config : Config
        The network uses the sections `model` and `siblings`, `train.loss` and
        `train.token_dropout`. The last is the share of tokens that are replaced by `<unk>` during
        training, so that the network learns to predict rows with unknown tokens.
    edges : Tensor, float64, shape (bins + 1,)
        The histogram's edges in percent. They are stored with the weights.

    Attributes
    ----------
    distributional : bool
        Whether the head returns a logit for each bin. Otherwise it returns the standardised
        percentage; the predicted distribution is normal with the sd of the training residuals.
    """

    edges: Tensor
    label_mean: Tensor
    label_sd: Tensor
    residual_sd: Tensor

    def __init__(self, sizes: InputSizes, config: Config, edges: Tensor) -> None:
        super().__init__()
        model = config.model
        self.config = model
        self.distributional = config.train.distributional
        self.token_dropout = config.train.token_dropout
        self.embeddings = nn.ModuleDict(
            {name: _token_embedding(size, model) for name, size in sizes.vocabs.items()}
        )
        shared = _encoder(model) if model.share_encoder else None
        self.encoders = nn.ModuleDict({name: shared or _encoder(model) for name in sizes.vocabs})
        self.categories = nn.ModuleList(
            _category_embedding(size, model) for size in sizes.categories
        )
        self.embedding_dropout = nn.Dropout(model.embedding_dropout)
        self.summary_dropout = nn.Dropout(model.summary_dropout)
        directions = 2 if model.bidirectional else 1
        summary = model.hidden * directions * (2 if model.pooling == "last_mean" else 1)
        features = summary * len(sizes.vocabs) + sizes.numbers
        features += len(sizes.categories) * model.covariate_embedding
        self.siblings = None
        if sizes.siblings:
            self.siblings = SiblingEncoder(
                sizes.siblings, config.siblings.size, config.siblings.dropout
            )
            features += self.siblings.size
        outputs = len(edges) - 1 if self.distributional else 1
        self.head = _head(features, outputs, model)
        self.register_buffer("edges", edges.double())
        for name in ("label_mean", "label_sd", "residual_sd"):
            self.register_buffer(name, torch.ones(()))

    def forward(self, batch: Batch) -> Tensor:
        """Return a logit for each bin, (rows, bins), or the standardised percentage, (rows, 1).

        Every distinct strand of the batch is encoded once and shared by its rows.
        """
        if self._trains_jointly(batch):
            summaries = self._summarise_jointly(batch)
        else:
            summaries = {
                name: self.summarise(name, tokens, batch.lengths[name])
                for name, tokens in batch.tokens.items()
            }
        return self.combine(summaries, batch)

    def summarise(self, stream: str, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Encode strands, (strands, length) of indices, into summaries, (strands, size)."""
        outputs, _ = self.encoders[stream](self._embed(stream, tokens), lengths)
        return pool(outputs, lengths, self.config.pooling, self.config.bidirectional)

    def _embed(self, stream: str, tokens: Tensor) -> Tensor:
        if self.training and self.token_dropout:
            dropped = torch.rand(tokens.shape, device=tokens.device) < self.token_dropout
            tokens = tokens.masked_fill(dropped & (tokens != PAD_INDEX), UNK_INDEX)
        embedded: Tensor = self.embedding_dropout(self.embeddings[stream](tokens))
        return embedded

    def _trains_jointly(self, batch: Batch) -> bool:
        """Return whether `joint_gru` has the encoders: in a training on a CPU, if they are GRUs."""
        model = self.config
        plain = model.encoder == "gru" and model.layers == 1
        whole = model.bidirectional and model.pooling == "last"
        return self.training and plain and whole and batch.numeric.device.type == "cpu"

    def _summarise_jointly(self, batch: Batch) -> dict[str, Tensor]:
        names = list(batch.tokens)
        cells = [cast(nn.GRU, cast(RecurrentEncoder, self.encoders[name]).cell) for name in names]
        embedded = [self._embed(name, batch.tokens[name]) for name in names]
        states = last_states(cells, embedded, [batch.lengths[name] for name in names])
        return dict(zip(names, states, strict=True))

    def combine(self, summaries: dict[str, Tensor], batch: Batch) -> Tensor:
        """Join each row's summaries with its covariates and run the head; see `forward`."""
        numeric, categorical = batch.numeric, batch.categorical
        if self.training and self.config.covariate_dropout:
            numeric, categorical = self.hide_covariates(numeric, categorical)
        # index_select, because plain indexing sums its gradient in a random order if there are
        # several threads
        strands = [summaries[name].index_select(0, i) for name, i in batch.strand.items()]
        parts = [self.summary_dropout(torch.cat(strands, dim=1)), numeric]
        parts += [layer(categorical[:, i]) for i, layer in enumerate(self.categories)]
        if self.siblings is not None:
            parts.append(self.siblings(batch.siblings))
        output: Tensor = self.head(torch.cat(parts, dim=1))
        return output

    def probabilities(self, output: Tensor) -> Tensor:
        """Convert the output of `forward` to probabilities, float64, shape (rows, bins)."""
        if self.distributional:
            return torch.softmax(output.double(), dim=1)
        mean = self.label_mean + self.label_sd * output.double()
        cdf = torch.special.ndtr((self.edges - mean) / self.residual_sd)
        cdf[:, 0], cdf[:, -1] = 0.0, 1.0
        probabilities: Tensor = cdf.diff(dim=1)
        return probabilities

    def hide_covariates(self, numeric: Tensor, categorical: Tensor) -> tuple[Tensor, Tensor]:
        """Replace covariates of random rows by the code for missing or for unseen."""
        rate = self.config.covariate_dropout
        hidden = torch.rand(categorical.shape, device=categorical.device)
        categorical = categorical.masked_fill(hidden < rate, UNSEEN_INDEX)
        categorical = categorical.masked_fill(hidden < rate / 2, MISSING_INDEX)
        value_and_flag = numeric.view(len(numeric), -1, 2)
        dropped = torch.rand(value_and_flag.shape[:2], device=numeric.device) < rate
        missing = torch.tensor([0.0, 1.0], device=numeric.device)
        value_and_flag = torch.where(dropped[..., None], missing, value_and_flag)
        return value_and_flag.reshape(numeric.shape), categorical


def _token_embedding(size: int, config: ModelConfig) -> nn.Embedding:
    layer = nn.Embedding(size, config.embedding, padding_idx=PAD_INDEX)
    nn.init.normal_(layer.weight, std=TOKEN_SD)
    return layer


def _category_embedding(size: int, config: ModelConfig) -> nn.Embedding:
    layer = nn.Embedding(size, config.covariate_embedding)
    nn.init.normal_(layer.weight, std=CATEGORY_SD)
    return layer


def _encoder(config: ModelConfig) -> RecurrentEncoder:
    return RecurrentEncoder(
        config.embedding,
        config.hidden,
        config.encoder,
        config.layers,
        config.bidirectional,
        config.layer_dropout,
    )


def _head(features: int, outputs: int, config: ModelConfig) -> nn.Sequential:
    layers: list[nn.Module] = []
    size = features
    for _ in range(config.head_layers):
        layers += [nn.Linear(size, config.head_hidden), nn.SiLU(), nn.Dropout(config.head_dropout)]
        size = config.head_hidden
    last = nn.Linear(size, outputs)
    nn.init.zeros_(last.weight)  # at the start all bins are equally likely
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last)


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
    expected = model.state_dict()
    for name, tensor in expected.items():
        if name not in weights:
            raise ValueError(f"the weight {name} is absent")
        if weights[name].shape != tensor.shape:
            have, want = tuple(weights[name].shape), tuple(tensor.shape)
            raise ValueError(f"the weight {name} has shape {have}, the network's {want}")
    for name in weights:
        if name not in expected:
            raise ValueError(f"the network has no weight {name}")
    model.load_state_dict(weights)
