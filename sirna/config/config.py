"""The whole configuration: its sections, and the code that fills in defaults."""

from collections.abc import Mapping
from typing import Any, Self

import tomli_w
from pydantic import Field, ModelWrapValidatorHandler, PrivateAttr, model_validator

from sirna.config.family_sections import (
    GaussianProcessConfig,
    RandomForestConfig,
    TreesConfig,
    WordProcessConfig,
)
from sirna.config.fields import Section
from sirna.config.schema import (
    DEFAULT_COLUMNS,
    DEFAULT_STREAMS,
    Columns,
    CovariatesConfig,
    DataConfig,
    DecisionConfig,
    LabelConfig,
    MixtureConfig,
    ModelConfig,
    PredictConfig,
    ScoreConfig,
    SiblingsConfig,
    SmallNetworkConfig,
    SplitConfig,
    Streams,
    TokenSynonyms,
    TrainConfig,
    VocabConfig,
)
from sirna.protocols.protocol import PROTOCOLS, Protocol


class Config(Section):
    """All settings of a run.

    A value that is not given is the default of the protocol, or the general default if the protocol
    has none. So a configuration always holds the values that a run uses.
    """

    data: DataConfig = DataConfig()
    columns: Columns = Field(default_factory=lambda: DEFAULT_COLUMNS)
    label: LabelConfig = LabelConfig()
    tokens: TokenSynonyms = Field(default_factory=dict)
    score: ScoreConfig = ScoreConfig()
    mixture: MixtureConfig = Field(default_factory=MixtureConfig)
    streams: Streams = Field(default_factory=lambda: DEFAULT_STREAMS, min_length=1, max_length=20)
    vocab: VocabConfig = VocabConfig()
    covariates: CovariatesConfig = CovariatesConfig()
    siblings: SiblingsConfig = SiblingsConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
    small_network: SmallNetworkConfig = SmallNetworkConfig()
    gaussian_process: GaussianProcessConfig = GaussianProcessConfig()
    trees: TreesConfig = TreesConfig()
    word_process: WordProcessConfig = WordProcessConfig()
    random_forest: RandomForestConfig = RandomForestConfig()
    split: SplitConfig = SplitConfig()
    decision: DecisionConfig = DecisionConfig()
    predict: PredictConfig = PredictConfig()

    _given: dict[str, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _resolve(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(given, dict):
            return handler(given)
        config = handler(_with_defaults(given))
        config._given = given
        return config

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Config) and self.model_dump() == other.model_dump()

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    @property
    def given(self) -> dict[str, Any]:
        """The values that were given, as nested tables; all others are defaults."""
        return self._given

    @property
    def protocol(self) -> Protocol:
        """The protocol that `split.protocol` names."""
        return PROTOCOLS[self.split.protocol]

    @property
    def sequences(self) -> set[str]:
        """The roles of the sequences that enabled streams read; members read no other sequences."""
        return {stream.role for stream in self.streams.values() if stream.enabled}

    def to_toml(self) -> str:
        """Write the whole configuration as TOML."""
        return tomli_w.dumps(self.model_dump(mode="json"))


def merged(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two nested tables; if both have a value for a key, the value of `override` is kept."""
    both = {**base, **override}
    for key in base.keys() & override.keys():
        if isinstance(base[key], Mapping) and isinstance(override[key], Mapping):
            both[key] = merged(base[key], override[key])
    return both


def _with_defaults(given: dict[str, Any]) -> dict[str, Any]:
    """Add the defaults of the protocol for values that were not given.

    Under a protocol without sibling measurements, `siblings.lookup` is false even if it was given
    as true. Weights that are given are not changed by default.
    """
    split = given.get("split")
    split = dict(split) if isinstance(split, dict) else {}
    if "valid" in split:  # `valid` is the size of a single split, so it excludes folds
        given = merged({"split": {"folds": 1}}, given)
    mixture = given.get("mixture")
    if isinstance(mixture, dict) and mixture.keys() & {"known_target", "unseen_target"}:
        given = merged({"mixture": {"learn": False}}, given)
    protocol = PROTOCOLS.get(str(split.get("protocol", SplitConfig().protocol)))
    if protocol is None:
        return given  # refused when it is validated
    resolved = merged(protocol.defaults, given)
    if not protocol.looks_up_siblings and isinstance(resolved.get("siblings", {}), dict):
        resolved = merged(resolved, {"siblings": {"lookup": False}})
    return resolved
