"""The frozen, validated configuration: TOML in, TOML out."""

import re
import tomllib
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import tomli_w
from pydantic import Field, ValidationError

from sirna.config.schema import (
    CONDITIONS,
    DEFAULT_STREAMS,
    ColumnsConfig,
    CovariatesConfig,
    DataConfig,
    DecisionConfig,
    GaussianProcessConfig,
    KnownConfig,
    LabelConfig,
    ModelConfig,
    PredictConfig,
    ScoreConfig,
    Section,
    SplitConfig,
    Streams,
    TrainConfig,
    TreesConfig,
    VocabConfig,
)
from sirna.errors import UsageError, suggestion
from sirna.system.files import near_miss

PROTOCOL_DEFAULTS: Mapping[str, Mapping[str, Mapping[str, Any]]] = types.MappingProxyType(
    {
        "duplex": {"train": {"epochs": 30}},
        "target": {
            "train": {"epochs": 6, "learning_rate": 6e-3, "batch_rows": 384},
            "model": {"covariate_dropout": 0.4},
            "split": {"folds": 5},
            "trees": {"share": 0.4},
            "covariates": {
                "numeric": ("dose", "hours", "duplex_number"),
                "categorical": (*CONDITIONS, "species_match"),
            },
        },
    }
)
"""Defaults that hold under one protocol alone.

Without measurements of the same duplex to look up, the network itself has more to learn. New
targets are soon overfitted; there the names of training targets explain their levels, and the
network must learn to do without them. The few targets of one split would make no rule for others.
Campaigns of near duplex numbers were run side by side and share their level: networks read the
number there, and whether the cells are of the target's species: an siRNA finds nothing to silence
in the cells of another. With known targets the training rows tell both. Trees have a smaller share
than in rows of new targets elsewhere: networks and process, too, are made for them.
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
    known: KnownConfig = KnownConfig()
    gaussian_process: GaussianProcessConfig = GaussianProcessConfig()
    trees: TreesConfig = TreesConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
    split: SplitConfig = SplitConfig()
    decision: DecisionConfig = DecisionConfig()
    predict: PredictConfig = PredictConfig()

    @property
    def sequence_roles(self) -> set[str]:
        """The sequences that enabled streams read; no other chemistry is compared."""
        return {stream.role for stream in self.streams.values() if stream.enabled}

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
    if isinstance(split, dict) and "valid" in split:
        split.setdefault("folds", 0)  # who says how much is held out wants one split
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


def with_columns(config: Config, path: Path) -> Config:
    """Return the configuration with the columns that a file names, validated again.

    Raises
    ------
    UsageError
        For a file that cannot be read, that has no section `[columns]` or a wrong one.
    """
    named = _read_toml(path).get("columns")
    if not isinstance(named, dict):
        raise UsageError(f"{path}: has no section [columns]; nothing else is read of it here.")
    raw = _merged(config.model_dump(mode="json"), {"columns": named})
    return config_from_dict(raw, source=str(path))


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
    message = item["msg"].removeprefix("Value error, ").replace("a valid tuple", "a list")
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
