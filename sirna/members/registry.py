"""The registry: the list of all model families."""

from sirna.config.config import Config
from sirna.errors import UsageError, suggestion
from sirna.members.base import Member
from sirna.members.gaussian_process.member import GaussianProcessMember
from sirna.members.network.member import NetworkMember
from sirna.members.trees.member import TreesMember

FAMILIES: dict[str, type[Member]] = {
    one.family: one for one in (NetworkMember, GaussianProcessMember, TreesMember)
}
"""Family name -> class, in the order in which a fold fits them."""


def register(family: type[Member]) -> None:
    """Add a family from outside the package."""
    FAMILIES[family.family] = family


def check_families(config: Config) -> None:
    """Raise UsageError for a weight of a family that is not registered."""
    for kind, weights in config.mixture.model_dump().items():
        for name in weights:
            if name not in FAMILIES:
                raise UsageError(
                    f"mixture.{kind}: no family {name!r}{suggestion(name, FAMILIES)}; families: "
                    f"{', '.join(FAMILIES)}"
                )


def families_for(config: Config, unseen: bool) -> list[type[Member]]:
    """Return the families with a weight for rows of known or of unseen targets."""
    unseen = unseen or config.protocol.every_target_is_unseen
    weights = config.mixture.unseen_target if unseen else config.mixture.known_target
    return [family for name, family in FAMILIES.items() if weights.get(name)]
