"""Types for the configuration's sections: allowed words, and tables with defaults."""

import types
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
)
from pydantic_core import PydanticKnownError

from sirna.config.roles import CATEGORIES, NUMERIC_COVARIATES, SERIES
from sirna.errors import suggestion

Rate = Annotated[float, Field(ge=0.0, lt=1.0)]
Small = Annotated[int, Field(ge=1, le=1000)]
Width = Annotated[int, Field(ge=1, le=100_000)]
Large = Annotated[int, Field(ge=1, le=1_000_000)]
LearningRate = Annotated[float, Field(gt=0.0, le=100.0)]
LARGEST_SEED = 2**53
"""Seeds up to this are exact in every format, as in JSON read by other programs."""
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]


class Section(BaseModel):
    """A table of the configuration: immutable, strictly typed, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def one_of(names: Sequence[str]) -> AfterValidator:
    """Accept only these words; the error is the one that pydantic raises for a Literal type."""

    def check(value: str) -> str:
        if value not in names:
            quoted = [repr(name) for name in names]
            expected = " or ".join([", ".join(quoted[:-1]), quoted[-1]])
            raise PydanticKnownError("literal_error", {"expected": expected})
        return value

    return AfterValidator(check)


def with_defaults(defaults: Mapping[str, Any], no_other_keys: bool) -> BeforeValidator:
    """Add defaults for the keys that a table lacks; `no_other_keys` refuses all other keys."""

    def fill(given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        unknown = [str(key) for key in given if key not in defaults]
        if no_other_keys and unknown:
            near = suggestion(unknown[0], defaults)
            raise ValueError(
                f"unknown key {unknown[0]!r}{near}; allowed here: {', '.join(defaults)}"
            )
        return {**defaults, **given}

    return BeforeValidator(fill)


def checked_read_only(check: Callable[[dict[str, Any]], dict[str, Any]]) -> AfterValidator:
    """Check a table and make it read-only."""
    return AfterValidator(lambda table: types.MappingProxyType(check(dict(table))))


def read_only(table: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a copy of a table that cannot be changed."""
    return types.MappingProxyType(dict(table))


AS_DICT = PlainSerializer(dict)
NumericRoles = Annotated[tuple[Annotated[str, one_of(NUMERIC_COVARIATES)], ...], Strict(False)]
CategoricalRoles = Annotated[tuple[Annotated[str, one_of(CATEGORIES)], ...], Strict(False)]
SeriesRoles = Annotated[tuple[Annotated[str, one_of(SERIES)], ...], Strict(False)]
