"""The multi-sequence regressor: sequences and conditions in, a distribution of percentages out."""

import torch
from torch import Tensor, nn

from sirna.config.schema import KnownConfig, ModelConfig
from sirna.features.covariates import MISSING_INDEX, UNSEEN_INDEX
from sirna.features.dataset import Batch
from sirna.features.vocab import PAD_INDEX, UNK_INDEX
from sirna.members.network.encoder import RecurrentEncoder, pool
from sirna.members.network.sibling_encoder import KnownEncoder

TOKEN_SD, CATEGORY_SD = 0.5, 0.3
"""Spread of the embeddings at the start: below PyTorch's 1, for the large steps of one-cycle."""


class SiRNAModel(nn.Module):
    """One recurrent encoder per sequence stream, pooled, joined with the covariates, and a head.

    Parameters
    ----------
    vocab_sizes : dict of str to int
        By stream.
    category_sizes : list of int
        Number of indices of each categorical covariate.
    numerics : int
        Width of the numeric covariates, missing flags counted.
    config : ModelConfig
    edges : Tensor, float64, shape (bins + 1,)
        The histogram's edges in percent. They live in the model, so that inference has them.
    distributional : bool
        Whether the head gives a logit a bin, or one number: the percentage in standard units. The
        distribution is then normal with the sd of the training residuals.
    token_dropout : float
        Share of tokens read as `<unk>` in training, so that an unknown one means something.
    known_features : int
        Of one known measurement; 0: nothing is looked up.
    known : KnownConfig, optional
    """

    edges: Tensor
    label_mean: Tensor
    label_sd: Tensor
    residual_sd: Tensor

    def __init__(
        self,
        vocab_sizes: dict[str, int],
        category_sizes: list[int],
        numerics: int,
        config: ModelConfig,
        edges: Tensor,
        distributional: bool = True,
        token_dropout: float = 0.0,
        known_features: int = 0,
        known: KnownConfig | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.distributional = distributional
        self.token_dropout = token_dropout
        self.embeddings = nn.ModuleDict(
            {name: _token_embedding(size, config) for name, size in vocab_sizes.items()}
        )
        shared = _encoder(config) if config.share_encoder else None
        self.encoders = nn.ModuleDict({name: shared or _encoder(config) for name in vocab_sizes})
        self.categories = nn.ModuleList(
            _category_embedding(size, config) for size in category_sizes
        )
        self.embedding_dropout = nn.Dropout(config.embedding_dropout)
        self.summary_dropout = nn.Dropout(config.summary_dropout)
        directions = 2 if config.bidirectional else 1
        summary = config.hidden * directions * (2 if config.pooling == "last_mean" else 1)
        features = (
            summary * len(vocab_sizes) + numerics + len(category_sizes) * config.covariate_embedding
        )
        self.known = None
        if known_features and known:
            self.known = KnownEncoder(known_features, known.size, known.hidden)
            features += self.known.size
        outputs = len(edges) - 1 if distributional else 1
        self.head = _head(features, outputs, config)
        self.register_buffer("edges", edges.double())
        for name in ("label_mean", "label_sd", "residual_sd"):
            self.register_buffer(name, torch.ones(()))

    def forward(self, batch: Batch) -> Tensor:
        """Return a logit a bin, shape (rows, bins), or the percentage in standard units, (rows, 1).

        Every distinct strand of the batch is encoded once and handed to its rows.
        """
        summaries = {
            name: self.summarise(name, tokens, batch.lengths[name])
            for name, tokens in batch.tokens.items()
        }
        return self.combine(summaries, batch)

    def summarise(self, stream: str, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Encode strands, (strands, length) of indices, into summaries, (strands, size)."""
        if self.training and self.token_dropout:
            dropped = torch.rand(tokens.shape, device=tokens.device) < self.token_dropout
            tokens = tokens.masked_fill(dropped & (tokens != PAD_INDEX), UNK_INDEX)
        embedded = self.embedding_dropout(self.embeddings[stream](tokens))
        outputs, _ = self.encoders[stream](embedded, lengths)
        return pool(outputs, lengths, self.config.pooling, self.config.bidirectional)

    def combine(self, summaries: dict[str, Tensor], batch: Batch) -> Tensor:
        """Join each row's summaries with its covariates and run the head; see `forward`."""
        numeric, categorical = batch.numeric, batch.categorical
        if self.training and self.config.covariate_dropout:
            numeric, categorical = self._drop_covariates(numeric, categorical)
        # index_select: the gradient of plain indexing adds up in no fixed order on several threads
        strands = [summaries[name].index_select(0, i) for name, i in batch.strand.items()]
        parts = [self.summary_dropout(torch.cat(strands, dim=1)), numeric]
        parts += [layer(categorical[:, i]) for i, layer in enumerate(self.categories)]
        if self.known is not None:
            parts.append(self.known(batch.known))
        output: Tensor = self.head(torch.cat(parts, dim=1))
        return output

    def probabilities(self, output: Tensor) -> Tensor:
        """Turn what `forward` returns into the bins' probabilities, float64, (rows, bins)."""
        if self.distributional:
            return torch.softmax(output.double(), dim=1)
        mean = self.label_mean + self.label_sd * output.double()
        cdf = torch.special.ndtr((self.edges - mean) / self.residual_sd)
        cdf[:, 0], cdf[:, -1] = 0.0, 1.0
        probabilities: Tensor = cdf.diff(dim=1)
        return probabilities

    def _drop_covariates(self, numeric: Tensor, categorical: Tensor) -> tuple[Tensor, Tensor]:
        """Hide whole covariates of some rows: as missing, or as a value never seen."""
        rate = self.config.covariate_dropout
        hidden = torch.rand(categorical.shape, device=categorical.device)
        categorical = categorical.masked_fill(hidden < rate, UNSEEN_INDEX)
        categorical = categorical.masked_fill(hidden < rate / 2, MISSING_INDEX)
        pairs = numeric.view(len(numeric), -1, 2)
        dropped = torch.rand(pairs.shape[:2], device=numeric.device) < rate
        missing = torch.tensor([0.0, 1.0], device=numeric.device)
        pairs = torch.where(dropped[..., None], missing, pairs)
        return pairs.reshape(numeric.shape), categorical


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
    nn.init.zeros_(last.weight)  # training starts from even odds
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last)
