"""`best.toml`: the settings that a search recommends, with the reason in its first lines."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import tomli_w

from sirna.config.config import Config
from sirna.config.leaves import changed_settings
from sirna.tuning.confirmation import Candidate, Confirmation


@dataclass(frozen=True)
class Recommendation:
    """What a search recommends.

    Attributes
    ----------
    config : Config
        The recommended configuration.
    reason : str
        One sentence.
    is_default : bool
        Whether it is the configuration that the search started from.
    """

    config: Config
    reason: str
    is_default: bool

    def toml(self, study: str) -> str:
        """Return the values that differ from the protocol's defaults, with comments."""
        protocol = self.config.split.protocol
        tables: dict[str, Any] = {"split": {"protocol": protocol}}
        changed = {key: value for key, (value, _) in changed_settings(self.config).items()}
        if any(key.startswith("streams.") for key in changed):  # [streams] replaces all streams
            changed["streams"] = self.config.model_dump(mode="json")["streams"]
        for key, value in changed.items():
            if key.startswith("streams.") or value is None:
                continue
            *sections, last = key.split(".")
            table = tables
            for section in sections:
                table = table.setdefault(section, {})
            table[last] = value
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        head = f"# Study {study!r}, protocol {protocol!r}, {now}.\n# {self.reason}\n"
        return f"{head}# All other keys are defaults.\n\n{tomli_w.dumps(tables)}"


def recommend(
    base: Config,
    best: Candidate | None,
    confirmation: Confirmation | None,
    asked: bool,
) -> Recommendation:
    """Return what to recommend.

    Parameters
    ----------
    base : Config
        The default of the search.
    best : Candidate, optional
        The best trial; None if no trial scored above the default.
    confirmation : Confirmation, optional
        None if there is none, or none that was finished.
    asked : bool
        Whether a confirmation was asked for. Without one, the best trial is recommended as it is.
    """
    if best is None:
        return Recommendation(base, "The default: no trial scored above it.", True)
    if not asked:
        return Recommendation(
            best.config(base),
            f"Trial {best.number}, not confirmed: the best of many noisy scores is partly luck.",
            False,
        )
    if confirmation is None:
        return Recommendation(
            base, "The default: the confirmation is not finished; run the command again.", True
        )
    winner = confirmation.winner
    if winner is None:
        return Recommendation(base, f"The default: {describe_rejection(confirmation)}", True)
    changes = Candidate(winner.number, winner.changes)
    return Recommendation(
        changes.config(base),
        f"Trial {winner.number}: on other folds and seeds it scored {winner.score:.4f}, the "
        f"default {confirmation.default:.4f}; it is better with {winner.confidence:.1%} "
        "confidence.",
        False,
    )


def describe_rejection(confirmation: Confirmation) -> str:
    """Return why no candidate is recommended."""
    best = max(confirmation.compared, key=lambda one: one.confidence)
    several = len(confirmation.compared) > 1
    each = f" ({confirmation.needed:.1%} for each of {len(confirmation.compared)})"
    return (
        f"no trial beats it with {confirmation.overall:.0%} confidence{each if several else ''} on "
        f"other folds and seeds; trial {best.number} comes nearest, with {best.confidence:.1%} "
        f"and a gain of {best.gain:+.4f}."
    )
