"""The sections of the configuration, with every hyperparameter and its default."""

import types
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PlainSerializer, model_validator

from sirna.config.fields import (
    AS_DICT,
    CategoricalRoles,
    Large,
    LearningRate,
    NumericRoles,
    Rate,
    Section,
    Seed,
    Small,
    Width,
    checked_read_only,
    one_of,
    read_only,
    with_defaults,
)
from sirna.config.roles import ROLES, SEQUENCES, read_by
from sirna.config.weights import (
    KNOWN_TARGET_WEIGHTS,
    SMALL_TABLE_WEIGHTS,
    UNSEEN_TARGET_WEIGHTS,
    KnownWeights,
    SmallTableWeights,
    UnseenWeights,
)
from sirna.notation.read import Notation
from sirna.protocols.protocol import PROTOCOLS


class DataConfig(Section):
    """Where the training table is, and how files are read."""

    train: str = ""
    sheet: str = Field("", description="sheet of a spreadsheet; default: the first")
    notation: Notation = Field("auto", description="how modified strands are written")


def _no_column_twice(columns: dict[str, str]) -> dict[str, str]:
    for role in ("guide", "label"):
        if not columns[role]:
            raise ValueError(f"{role} needs the name of a column")
    names = [name for name in columns.values() if name]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"column {twice[0]!r} is given to two roles")
    return columns


DEFAULT_COLUMNS = read_only({role.name: role.column for role in ROLES.values() if role.column})
Columns = Annotated[
    Mapping[str, str],
    with_defaults(DEFAULT_COLUMNS, no_other_keys=True),
    checked_read_only(_no_column_twice),
    AS_DICT,
]
"""Role -> column name of the table; only `guide` and `label` must exist in a training file."""


class LabelConfig(Section):
    """What the label measures; `sirna` converts it to the percentage of mRNA that remains."""

    kind: Literal["remaining_pct", "inhibition_pct", "fraction"] = "remaining_pct"
    better: Literal["lower", "higher"] = "lower"
    parse: Literal["strict", "lenient"] = Field(
        "strict", description="lenient reads the mean of `73.6 ± 4.2` and the number of `95 %`"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        expected = {"remaining_pct": "lower", "inhibition_pct": "higher"}.get(self.kind)
        if expected and self.better != expected:
            raise ValueError(f"for kind {self.kind!r}, better is {expected!r}")
        return self


def _spellings(tokens: dict[str, str]) -> dict[str, str]:
    for spelling, meaning in tokens.items():
        if not spelling.strip() or set(spelling) & set(" \t,"):
            raise ValueError(f"{spelling!r} is not a spelling: it needs letters and no blank")
        if not meaning.split():
            raise ValueError(f"{spelling!r} needs tokens, separated by blanks")
    return tokens


TokenSynonyms = Annotated[Mapping[str, str], checked_read_only(_spellings), AS_DICT]
"""Other spelling -> the tokens that it stands for, separated by blanks."""


class ScoreConfig(Section):
    """The competition score's threshold, in percent of mRNA that remains."""

    threshold: float = Field(30.0, gt=0.0, lt=100.0)


class StreamConfig(Section):
    """One sequence stream: which sequence, cut into which tokens.

    `ngram`, `stride` and `tail` apply to plain bases; in a modification list each entry is a token.
    """

    role: Annotated[str, one_of(SEQUENCES)]
    enabled: bool = True
    ngram: int = Field(1, ge=1, le=8)

    stride: int = Field(1, ge=1, le=8)

    tail: Literal["keep", "drop"] = "keep"

    @property
    def kind(self) -> str:
        """`modifications` or `bases`: streams of one kind share a vocabulary."""
        return "modifications" if ROLES[self.role].kind == "tokens" else "bases"


DEFAULT_STREAMS = types.MappingProxyType(
    {
        "guide_bases": StreamConfig(role="guide", ngram=3),
        "guide_modifications": StreamConfig(role="guide_modifications"),
        "passenger_modifications": StreamConfig(role="passenger_modifications"),
    }
)
Streams = Annotated[
    Mapping[str, StreamConfig],
    AfterValidator(read_only),
    PlainSerializer(lambda streams: {name: one.model_dump() for name, one in streams.items()}),
]
"""Streams by name."""


class VocabConfig(Section):
    """Limits of each vocabulary; `<pad>` and `<unk>` do not count."""

    max_size: int = Field(9999, ge=1, le=10_000_000)
    min_freq: int = Field(1, ge=1, le=10_000_000)


class CovariatesConfig(Section):
    """The conditions that the network reads in addition to the sequences."""

    numeric: NumericRoles = read_by("network", "numeric")
    categorical: CategoricalRoles = read_by("network", "category")


class SiblingsConfig(Section):
    """Sibling measurements: other training measurements of a row's duplex, read by the network."""

    lookup: bool = Field(True, description="always false if the protocol forbids the look-up")
    most: int = Field(
        16, ge=1, le=1000, description="siblings shown for a row; those under nearest conditions"
    )
    dropout: Rate = Field(0.15, description="share of training rows that are shown no siblings")
    size: Width = 64


class MixtureConfig(Section):
    """The weights of the families, for rows of known and of unseen targets; scaled to sum to 1.

    A family whose weight is 0 is not trained. If a family cannot predict a row, does not suit the
    table, or did not finish its training, the other families take over its weight (see
    `prediction.mixture.family_weights`).
    """

    learn: bool = Field(
        True,
        description="In small tables, add the families that suit them, and learn the weights from "
        "held-out rows. False by default if weights are given.",
    )
    prior: float = Field(
        10.0,
        gt=0.0,
        le=1e6,
        description="the weights below count as much as so many groups of held-out rows",
    )
    small_table: SmallTableWeights = Field(
        default_factory=lambda: SMALL_TABLE_WEIGHTS,
        description="what the families for small tables take of the weights below, to begin with",
    )
    small_rows: int = Field(
        1000, ge=1, le=1_000_000, description="in larger tables they take less, in proportion"
    )

    known_target: KnownWeights = Field(default_factory=lambda: KNOWN_TARGET_WEIGHTS)
    unseen_target: UnseenWeights = Field(default_factory=lambda: UNSEEN_TARGET_WEIGHTS)


class ModelConfig(Section):
    """The network."""

    encoder: Literal["rnn", "lstm", "gru"] = "gru"
    bidirectional: bool = True
    share_encoder: bool = False
    embedding: Width = 32
    embedding_dropout: Rate = 0.1
    hidden: Width = 96
    layers: int = Field(1, ge=1, le=8)

    layer_dropout: Rate = 0.0
    pooling: Literal["last", "mean", "max", "last_mean"] = "last"
    covariate_embedding: Width = 8
    covariate_dropout: Rate = 0.02
    summary_dropout: Rate = 0.35
    head_hidden: Large = 256
    head_layers: int = Field(2, ge=0, le=8, description="hidden layers; 0: none")
    head_dropout: Rate = 0.35
    bins: int = Field(40, ge=4, le=500)


class TrainConfig(Section):
    """The network's training."""

    loss: Literal["cross_entropy", "crps", "mse", "huber"] = "cross_entropy"
    smoothing: float = Field(1.0, ge=0.0, le=1000.0, description="sd, in bins, of a spread label")
    epochs: Large = 24
    batch_rows: Large = 192
    batch_by: Literal["duplex", "row"] = "duplex"
    optimizer: Literal["adamw", "adam"] = "adamw"
    learning_rate: LearningRate = 1e-2
    weight_decay: float = Field(0.05, ge=0.0, le=1000.0)
    schedule: Literal["one_cycle", "cosine", "constant"] = "one_cycle"
    warmup: float = Field(0.2, ge=0.0, lt=1.0, description="share of the steps")
    clip: float = Field(1.0, gt=0.0, le=1e9, description="bound of the gradient's norm")
    token_dropout: Rate = 0.02
    networks: Small = Field(1, description="networks in each fold, which are averaged")
    refit: bool = Field(True, description="train the bundle's members again, on all rows")
    score_window: int = Field(
        3, ge=1, le=1_000_000, description="epochs whose scores are averaged to choose one"
    )
    patience: int = Field(
        0, ge=0, le=1_000_000, description="epochs without a better score; 0: never stop"
    )
    fewest_duplexes: int = Field(
        400, ge=1, le=1_000_000, description="smaller tables do without a network"
    )
    seed: Seed = 42

    @property
    def distributional(self) -> bool:
        """Whether the loss trains a histogram rather than a single number."""
        return self.loss in {"cross_entropy", "crps"}


class SmallNetworkConfig(Section):
    """Bounds of the network in tables of few distinct duplexes, where a larger one overfits."""

    duplexes: int = Field(
        3500, ge=0, le=1_000_000, description="tables of more distinct duplexes have no bounds"
    )
    hidden: Width = Field(56, description="the largest `model.hidden`")
    head_hidden: Large = Field(128, description="the largest `model.head_hidden`")
    epochs: Large = Field(14, description="the largest `train.epochs`")
    dropout: Rate = Field(0.5, description="the least dropout of summaries and head")
    token_dropout: Rate = Field(0.1, description="the least `train.token_dropout`")


class SplitConfig(Section):
    """Which rows are held out."""

    protocol: Annotated[str, one_of(tuple(PROTOCOLS))] = "rows"
    valid: float = Field(0.1, gt=0.0, le=0.5)
    folds: int = Field(
        0,
        ge=0,
        le=100,
        description="1: one split by `valid`; 0: the same, but five folds if groups are few",
    )
    few_groups: int = Field(
        1000, ge=0, le=1_000_000, description="below this number, groups are few"
    )
    shuffle: Rate = Field(
        0.0,
        description="Groups are assigned to folds by size, the largest first. Before that each "
        "size is multiplied by a random factor from 1 - shuffle to 1, so that the folds of a few "
        "large groups depend on the seed.",
    )
    seed: Seed = 42


class DecisionConfig(Section):
    """How a predictive distribution becomes a point prediction."""

    kind: Literal["score", "median", "mean"] = "score"
    calibrate: bool = True
    unseen_targets: float = Field(
        0.5,
        ge=0.0,
        le=1.0,
        description="Rows of unseen targets: 0 uses the usual cut-off, 1 the one that is best for "
        "a file of unseen targets only; values between interpolate. Not under protocol `target`.",
    )
    new_study: float = Field(
        1.3,
        ge=1.0,
        le=3.0,
        description="If all training rows are from one publication, distributions of rows of "
        "unseen targets are so much wider than leaving out targets suggests.",
    )


class PredictConfig(Section):
    """Inference."""

    batch_rows: Large = 4096
    interval: float = Field(0.8, gt=0.0, lt=1.0)
