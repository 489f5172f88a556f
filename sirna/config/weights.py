"""The weights of the model families: their defaults, and how they are checked and scaled."""

from collections.abc import Mapping
from typing import Annotated

from sirna.config.fields import AS_DICT, checked_read_only, read_only, with_defaults


def _in_range(weights: dict[str, float]) -> dict[str, float]:
    """Refuse weights below 0 or far above 1."""
    wrong = {name: value for name, value in weights.items() if not 0 <= value <= 1e6}
    if wrong:
        name, value = next(iter(wrong.items()))
        raise ValueError(f"the weight of {name!r} must be from 0 to 1,000,000, not {value:g}")
    return weights


def _below_1(weights: dict[str, float]) -> dict[str, float]:
    """Refuse shares that leave nothing for other families."""
    if sum(_in_range(weights).values()) >= 1:
        raise ValueError("the shares must add up to less than 1")
    return weights


def _scaled(weights: dict[str, float]) -> dict[str, float]:
    """Scale weights so that they add up to 1."""
    total = sum(_in_range(weights).values())
    if total <= 0:
        raise ValueError("at least one family needs a weight above 0")
    if abs(total - 1.0) < 1e-9:
        return weights
    return {name: value / total for name, value in weights.items()}


KNOWN_TARGET_WEIGHTS = read_only({"network": 0.4, "gaussian_process": 0.6, "trees": 0.0})
UNSEEN_TARGET_WEIGHTS = read_only({"network": 0.16, "gaussian_process": 0.24, "trees": 0.6})
SMALL_TABLE_WEIGHTS = read_only({"word_process": 0.5, "random_forest": 0.25})
KnownWeights = Annotated[
    Mapping[str, float],
    with_defaults(KNOWN_TARGET_WEIGHTS, no_other_keys=False),
    checked_read_only(_scaled),
    AS_DICT,
]
UnseenWeights = Annotated[
    Mapping[str, float],
    with_defaults(UNSEEN_TARGET_WEIGHTS, no_other_keys=False),
    checked_read_only(_scaled),
    AS_DICT,
]
SmallTableWeights = Annotated[
    Mapping[str, float],
    with_defaults(SMALL_TABLE_WEIGHTS, no_other_keys=False),
    checked_read_only(_below_1),
    AS_DICT,
]
