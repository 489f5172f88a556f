"""The frozen, validated configuration: TOML in, TOML out.

Every hyperparameter and its default live here and nowhere else.
"""

import re
import tomllib
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args, get_origin

import tomli_w
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
    ValidationError,
    model_validator,
)

from sirna.errors import UsageError, suggestion
from sirna.files import near_miss

Protocol = Literal["rows", "duplex", "target"]
SequenceRole = Literal["guide", "guide_modifications", "passenger", "passenger_modifications"]
NumericRole = Literal["dose", "hours", "duplex_number"]
CategoricalRole = Literal["cell_line", "transfection", "species", "target", "publication"]
Rate = Annotated[float, Field(ge=0.0, lt=1.0)]
Count = Annotated[int, Field(ge=1)]

IDENTITY_ROLES = frozenset({"target", "publication", "duplex_number"})
"""Roles that name the target or the publication: never inputs under the protocol `target`."""


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
    categorical: Annotated[tuple[CategoricalRole, ...], Strict(False)] = (
        "cell_line",
        "transfection",
        "species",
        "target",
        "publication",
    )


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
    summary_dropout: Rate = 0.3
    head_hidden: Count = 256
    head_layers: int = Field(2, ge=0, le=8, description="hidden layers; 0: none")
    head_dropout: Rate = 0.3
    bins: int = Field(40, ge=4, le=500)


class TrainConfig(Section):
    """The training loop."""

    loss: Literal["cross_entropy", "crps", "mse", "huber"] = "cross_entropy"
    smoothing: float = Field(0.0, ge=0.0, description="sd in bins of the softened target")
    epochs: Count = 36
    batch_rows: Count = 192
    batch_by: Literal["duplex", "row"] = "duplex"
    optimizer: Literal["adamw", "adam"] = "adamw"
    learning_rate: float = Field(1e-2, gt=0.0)
    weight_decay: float = Field(0.02, ge=0.0)
    schedule: Literal["one_cycle", "cosine", "constant"] = "one_cycle"
    warmup: float = Field(0.2, ge=0.0, lt=1.0, description="share of the steps")
    clip: float = Field(1.0, gt=0.0, description="bound of the gradient's norm")
    token_dropout: Rate = 0.02
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
    seed: int = Field(42, ge=0)


class DecisionConfig(Section):
    """How a predictive distribution becomes a point prediction."""

    kind: Literal["score", "median", "mean"] = "score"


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

PROTOCOL_DEFAULTS: Mapping[str, Mapping[str, Mapping[str, Any]]] = types.MappingProxyType(
    {
        "target": {
            "train": {"epochs": 3, "learning_rate": 6e-3, "batch_rows": 384},
            "covariates": {"categorical": ("transfection",)},
        }
    }
)
"""Defaults that hold under one protocol alone.

New targets are soon overfitted, and a cell line or a species names the few targets studied in it.
"""


class Config(Section):
    """Everything that a run depends on besides its data."""

    data: DataConfig = DataConfig()
    columns: ColumnsConfig = ColumnsConfig()
    label: LabelConfig = LabelConfig()
    score: ScoreConfig = ScoreConfig()
    streams: Streams = Field(default_factory=lambda: DEFAULT_STREAMS, min_length=1)
    vocab: VocabConfig = VocabConfig()
    covariates: CovariatesConfig = CovariatesConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
    split: SplitConfig = SplitConfig()
    decision: DecisionConfig = DecisionConfig()
    predict: PredictConfig = PredictConfig()

    def to_toml(self) -> str:
        """Write the whole configuration as TOML."""
        return tomli_w.dumps(self.model_dump(mode="json"))


def load_config(
    path: Path | None = None,
    changes: list[str] | None = None,
    flags: dict[str, Any] | None = None,
) -> Config:
    """Read a configuration: defaults, the protocol's own, the file, `--set` changes, flags.

    Parameters
    ----------
    path : Path, optional
        A TOML file; what it leaves out keeps its default. A `[streams]` table replaces the
        default streams as a whole.
    changes : list of str, optional
        `section.key=value`, the value as in TOML (a bare word is taken as a string).
    flags : dict, optional
        Dotted key -> value.

    Raises
    ------
    UsageError
        For an unreadable file, an unknown key or a value out of range: all of them are listed.
    """
    raw = _read_toml(path) if path else {}
    for change in changes or []:
        _apply(raw, change)
    for key, value in (flags or {}).items():
        _assign(raw, key, value)
    split = raw.get("split")
    protocol = split.get("protocol") if isinstance(split, dict) else None
    raw = _merged(PROTOCOL_DEFAULTS.get(str(protocol), {}), raw)
    try:
        return config_from_dict(raw, source=str(path) if path else "configuration")
    except UsageError:
        if path and (changes or flags):  # where the file alone is sound, it is not to blame
            load_config(path)
            return config_from_dict(raw, source=f"{path} with the options given")
        raise


def config_from_dict(raw: dict[str, Any], source: str) -> Config:
    """Validate a nested dict; `source` is named in the errors."""
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        raise UsageError(f"{source}: {explain(error, Config)}") from error


def explain(error: ValidationError, section: type[Section]) -> str:
    """Say all that is wrong with a table in one line, near misses named."""
    return "; ".join(_explain(item, section) for item in error.errors(include_url=False))


def with_changes(config: Config, changes: dict[str, Any]) -> Config:
    """Return the configuration with dotted keys changed, validated again."""
    raw = config.model_dump(mode="json")
    for key, value in changes.items():
        _assign(raw, key, value)
    return config_from_dict(raw, source=", ".join(changes))


def _merged(low: Mapping[str, Any], high: dict[str, Any]) -> dict[str, Any]:
    """Lay nested values over others; `high` wins."""
    merged = {**low, **high}
    for key in low.keys() & high.keys():
        if isinstance(low[key], Mapping) and isinstance(high[key], dict):
            merged[key] = _merged(low[key], high[key])
    return merged


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such configuration file{near_miss(path)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from error


def _apply(raw: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--set {change!r}: write section.key=value, as in train.epochs=12")
    key = key.strip()
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    if key.startswith("streams.") and "streams" not in raw:
        raw["streams"] = {name: stream.model_dump() for name, stream in DEFAULT_STREAMS.items()}
    _assign(raw, key, value)


def _assign(raw: dict[str, Any], dotted: str, value: Any) -> None:
    *sections, last = dotted.split(".")
    table = raw
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise UsageError(f"{dotted}: {section!r} is not a section")
    table[last] = value


def _explain(item: Any, root: type[Section]) -> str:
    dotted = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        known = _keys_at(root, item["loc"][:-1])
        near = suggestion(str(item["loc"][-1]), known) or _homes(root, dotted)
        return f"unknown key {dotted!r}{near}; known here: {', '.join(known)}"
    message = item["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(item["input"], dict | Section) else f", not {item['input']!r}"
    near = ""
    if item["type"] == "literal_error" and isinstance(item["input"], str):
        near = suggestion(item["input"], re.findall(r"'([^']*)'", item["ctx"]["expected"]))
    return f"{dotted + ': ' if dotted else ''}{message[0].lower()}{message[1:]}{shown}{near}"


def _keys_at(root: type[Section], location: tuple[Any, ...]) -> list[str]:
    """Return the known keys of a table; in a table of tables the names are the user's own."""
    section: Any = root
    parts = iter(location)
    for part in parts:
        kind = section.model_fields[str(part)].annotation
        if get_origin(kind) is not None:
            section = get_args(kind)[1]
            next(parts, None)
        else:
            section = kind
    return list(section.model_fields)


def _homes(root: type[Section], key: str) -> str:
    """Suggest the sections that have a key which was written without one."""
    kinds: dict[str, Any] = {name: field.annotation for name, field in root.model_fields.items()}
    homes = [f"{name}.{key}" for name, k in kinds.items() if key in getattr(k, "model_fields", ())]
    return f" (did you mean {' or '.join(map(repr, homes))}?)" if homes else ""
