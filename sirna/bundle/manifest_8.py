"""The forms of a bundle of schema 8 (version 0.2.0), checked before it is converted."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from sirna.bundle.manifest import (
    TENSORS_PATTERN,
    Digest,
    Number,
    PostprocessPart,
    TrainingPart,
    Whole,
    Word,
)
from sirna.config.stored import Index, StoredForm, Text
from sirna.system.limits import LIMITS, quoted

Fold = Annotated[int, Field(ge=0, le=100_000)]
TensorsName = Annotated[str, Field(max_length=200, pattern=TENSORS_PATTERN)]
MOST_MEMBERS = 100_000


class _Part(StoredForm):
    """A part of schema 8: strictly typed, finite numbers, no other fields."""

    model_config = ConfigDict(strict=True)


class Covariates8(_Part):
    """Encoders of conditions; `groups` are the roles that are read in training rows only."""

    numeric: dict[Text, Any]
    categorical: dict[Text, Any]
    groups: list[Text]


class Encoding8(_Part):
    """The encoder of a network; `known` is the look-up of sibling measurements."""

    streams: dict[Text, Any]
    vocabs: dict[Text, Any]
    covariates: Covariates8
    known: dict[Text, Any] | None


class Network8(_Part):
    """A network."""

    weights: TensorsName
    sha256: Digest
    fold: Fold
    rows: Whole
    seed: Whole
    epoch: Whole
    encoding: Encoding8


class Other8(_Part):
    """A Gaussian process or trees."""

    tensors: TensorsName
    sha256: Digest
    fold: Fold


class Aligner8(_Part):
    """The encoder of trees, which schema 8 keeps as text in their tensors file."""

    channels: dict[Text, dict[Text, Index]]
    counted: list[Any]
    conditions: Covariates8
    series: list[Text]


class Manifest8(_Part):
    """A manifest of schema 8."""

    schema_: int = Field(alias="schema")
    sirna: Word
    torch: Word
    created: Word
    protocol: Word
    scores: dict[Word, Number]
    seed: Whole
    training: TrainingPart
    rule: PostprocessPart
    new_target_rule: PostprocessPart | None
    ranges: dict[Word, Annotated[list[Number], Field(min_length=2, max_length=2)]]
    config: dict[str, Any]
    known: Digest | None
    members: Annotated[list[Network8], Field(max_length=MOST_MEMBERS)]
    processes: Annotated[list[Other8], Field(max_length=MOST_MEMBERS)]
    trees: Annotated[list[Other8], Field(max_length=MOST_MEMBERS)]
    digest: Digest

    @field_validator("processes", "trees")
    @classmethod
    def _need_rows(cls, found: list[Other8], info: ValidationInfo) -> list[Other8]:
        """Check that the rows are there which Gaussian process and trees compare others with."""
        if found and info.data.get("known") is None:
            raise ValueError(f"a bundle with {info.field_name} needs training rows in known")
        return found


def check_text_size(size: int, name: str) -> None:
    """Raise ValueError for an encoder, stored as text in a tensor, above the limit of manifests."""
    if size > LIMITS["manifest"].most:
        raise ValueError(f"{quoted(name)} holds {size:,} bytes, at most {LIMITS['manifest']}")
