"""The tables of the configuration: every hyperparameter and its default live here."""

import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
    field_validator,
    model_validator,
)

Protocol = Literal["rows", "duplex", "target"]
SequenceRole = Literal["guide", "guide_modifications", "passenger", "passenger_modifications"]
NumericRole = Literal["dose", "hours", "duplex_number"]
NamelessRole = Literal["cell_line", "transfection", "species", "species_match"]
CategoricalRole = Literal[NamelessRole, "target", "publication"]
SeriesRole = Literal["site", "duplex_number"]
Rate = Annotated[float, Field(ge=0.0, lt=1.0)]
Count = Annotated[int, Field(ge=1)]

IDENTITY_ROLES = frozenset({"target", "publication"})
"""Roles that name the target or the publication: under `target` never read of a row predicted."""


CONDITIONS: tuple[CategoricalRole, ...] = (
    "cell_line",
    "transfection",
    "species",
    "target",
    "publication",
)


class Section(BaseModel):
    """A table of the configuration: immutable, strictly typed, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class DataConfig(Section):
    """Where the training table is."""

    train: str = ""


class ColumnsConfig(Section):
    """Role -> column name of the table; only `guide` and `label` must exist in a training file."""

    id: str = "id"
    guide: str = Field("siRNA_antisense_seq", min_length=1)
    passenger: str = "siRNA_sense_seq"
    guide_modifications: str = "modified_siRNA_antisense_seq_list"
    passenger_modifications: str = "modified_siRNA_sense_seq_list"
    duplex: str = "siRNA_duplex_id"
    publication: str = "publication_id"
    target: str = "gene_target_symbol_name"
    species: str = "gene_target_species"
    cell_line: str = "cell_line_donor"
    transfection: str = "Transfection_method"
    dose: str = "siRNA_concentration"
    dose_unit: str = "concentration_unit"
    hours: str = "Duration_after_transfection_h"
    transcript: str = "gene_target_seq"
    label: str = Field("mRNA_remaining_pct", min_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [name for name in self.model_dump().values() if name]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"column {twice[0]!r} is given to two roles")
        return self


class LabelConfig(Section):
    """What the label measures; inside, everything is the percentage of mRNA that remains."""

    kind: Literal["remaining_pct", "inhibition_pct", "fraction"] = "remaining_pct"
    better: Literal["lower", "higher"] = "lower"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        expected = {"remaining_pct": "lower", "inhibition_pct": "higher"}.get(self.kind)
        if expected and self.better != expected:
            raise ValueError(f"for kind {self.kind!r}, better is {expected!r}")
        return self


class ScoreConfig(Section):
    """The competition score's threshold, in percent of mRNA that remains."""

    threshold: float = Field(30.0, gt=0.0, lt=100.0)


class StreamConfig(Section):
    """One sequence stream: which sequence, cut into which tokens.

    `ngram`, `stride` and `tail` apply to plain bases; a modification list is one token an entry.
    """

    role: SequenceRole
    enabled: bool = True
    ngram: int = Field(1, ge=1, le=8)
    stride: int = Field(1, ge=1, le=8)
    tail: Literal["keep", "drop"] = "keep"

    @property
    def kind(self) -> str:
        """`modifications` or `bases`: streams of one kind share a vocabulary."""
        return "modifications" if self.role.endswith("modifications") else "bases"


class VocabConfig(Section):
    """Limits of each vocabulary, `<pad>` and `<unk>` not counted."""

    max_size: Count = 9999
    min_freq: Count = 1


class CovariatesConfig(Section):
    """The conditions given to the model beside the sequences."""

    numeric: Annotated[tuple[NumericRole, ...], Strict(False)] = ("dose", "hours")
    categorical: Annotated[tuple[CategoricalRole, ...], Strict(False)] = CONDITIONS


class KnownConfig(Section):
    """What the network sees of a row's duplex: other training measurements; `rows` only."""

    measurements: bool = True
    most: Count = 16
    hidden: Rate = 0.15
    size: Count = 64


class ComparedConfig(Section):
    """What models beside the networks read of a row besides its sequences."""

    numeric: Annotated[tuple[NumericRole, ...], Strict(False)] = ("dose", "hours")
    categorical: Annotated[tuple[CategoricalRole, ...], Strict(False)] = Field(
        CONDITIONS,
        description="under `target` the process reads names of targets and publications of "
        "training rows alone",
    )
    series: Annotated[tuple[SeriesRole, ...], Strict(False)] = Field(
        ("site", "duplex_number"),
        description="rows near in these are alike; under `target` read by the trees alone",
    )

    @property
    def conditions(self) -> CovariatesConfig:
        """The conditions among it."""
        return CovariatesConfig(numeric=self.numeric, categorical=self.categorical)


class GaussianProcessConfig(ComparedConfig):
    """The Gaussian process beside the networks of a fold."""

    share: Rate = Field(0.6, description="its weight against the networks'; 0: there is none")
    components: Count = 4
    steps: Count = 150
    step_rows: Count = 800
    learning_rate: float = Field(0.05, gt=0.0)
    most_rows: Count = Field(25_000, description="training rows that it holds at most")

    def under(self, protocol: Protocol) -> Self:
        """Return what it reads: under `target` no series, where no neighbour is near enough."""
        return self.model_copy(update={"series": ()}) if protocol == "target" else self


class TreesConfig(ComparedConfig):
    """Gradient-boosted trees for rows of new targets; under `target` every row is one."""

    share: Rate = Field(
        0.6,
        description="their weight in rows of new targets; 0: there are no trees. Under `rows` and "
        "`duplex` they need a process that knows five targets by name",
    )
    categorical: Annotated[tuple[NamelessRole, ...], Strict(False)] = (
        "cell_line",
        "transfection",
        "species",
        "species_match",
    )
    rounds: Count = 150
    learning_rate: float = Field(0.08, gt=0.0)
    leaves: int = Field(31, ge=2)
    features: float = Field(0.3, gt=0.0, le=1.0, description="share that a split chooses among")
    members: Count = Field(3, description="ensembles of other seeds, averaged")
    folds: int = Field(5, ge=2, description="parts of the training rows that tell the errors")

    @field_validator("categorical", mode="before")
    @classmethod
    def _nameless(cls, roles: Any) -> Any:
        """Leave out names, as older configurations have them: of new targets they say nothing."""
        if not isinstance(roles, list | tuple):
            return roles
        return tuple(role for role in roles if role not in IDENTITY_ROLES)


class ModelConfig(Section):
    """The network."""

    encoder: Literal["rnn", "lstm", "gru"] = "gru"
    bidirectional: bool = True
    share_encoder: bool = False
    embedding: Count = 32
    embedding_dropout: Rate = 0.1
    hidden: Count = 96
    layers: int = Field(1, ge=1, le=8)
    layer_dropout: Rate = 0.0
    pooling: Literal["last", "mean", "max", "last_mean"] = "last"
    covariate_embedding: Count = 8
    covariate_dropout: Rate = 0.02
    summary_dropout: Rate = 0.35
    head_hidden: Count = 256
    head_layers: int = Field(2, ge=0, le=8, description="hidden layers; 0: none")
    head_dropout: Rate = 0.35
    bins: int = Field(40, ge=4, le=500)


class TrainConfig(Section):
    """The training loop."""

    loss: Literal["cross_entropy", "crps", "mse", "huber"] = "cross_entropy"
    smoothing: float = Field(1.0, ge=0.0, description="sd in bins of the softened target")
    epochs: Count = 24
    batch_rows: Count = 192
    batch_by: Literal["duplex", "row"] = "duplex"
    optimizer: Literal["adamw", "adam"] = "adamw"
    learning_rate: float = Field(1e-2, gt=0.0)
    weight_decay: float = Field(0.05, ge=0.0)
    schedule: Literal["one_cycle", "cosine", "constant"] = "one_cycle"
    warmup: float = Field(0.2, ge=0.0, lt=1.0, description="share of the steps")
    clip: float = Field(1.0, gt=0.0, description="bound of the gradient's norm")
    token_dropout: Rate = 0.02
    members: Count = 1
    refit: bool = Field(True, description="train the bundle's models again, on all rows")
    score_window: Count = 3
    patience: int = Field(0, ge=0, description="epochs without a better score; 0: never stop")
    seed: int = Field(42, ge=0)

    @property
    def distributional(self) -> bool:
        """Whether the loss trains a histogram rather than a single number."""
        return self.loss in {"cross_entropy", "crps"}


class SplitConfig(Section):
    """Which rows are held out."""

    protocol: Protocol = "rows"
    valid: float = Field(0.1, gt=0.0, le=0.5)
    folds: int = Field(0, ge=0, le=100, description="0 or 1: one split by `valid`")
    shuffle: Rate = Field(
        0.0,
        description="how far the order is disturbed in which folds are dealt, the largest group "
        "first; at 0 a few large groups are dealt alike whatever the seed",
    )
    seed: int = Field(42, ge=0)


class DecisionConfig(Section):
    """How a predictive distribution becomes a point prediction."""

    kind: Literal["score", "median", "mean"] = "score"
    calibrate: bool = True
    new_targets: float = Field(
        0.5,
        ge=0.0,
        le=1.0,
        description="how far rows of targets that training never showed follow the decision for a "
        "file of nothing else; not under `target`",
    )


class PredictConfig(Section):
    """Inference."""

    batch_rows: Count = 4096
    interval: float = Field(0.8, gt=0.0, lt=1.0)


DEFAULT_STREAMS = types.MappingProxyType(
    {
        "guide_bases": StreamConfig(role="guide", ngram=3),
        "guide_modifications": StreamConfig(role="guide_modifications"),
        "passenger_modifications": StreamConfig(role="passenger_modifications"),
    }
)


Streams = Annotated[
    Mapping[str, StreamConfig],
    AfterValidator(types.MappingProxyType),
    PlainSerializer(
        lambda streams: {name: stream.model_dump() for name, stream in streams.items()}
    ),
]
"""Streams by name, not to be changed in place."""
