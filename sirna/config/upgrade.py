"""Convert configurations of version 0.2.0 to the present keys.

Version 0.3.0 renamed keys and replaced the nested shares of Gaussian process and trees by the
weights of a mixture. Each function here takes nested tables and returns converted ones.
"""

import copy
from typing import Any

from sirna.config.roles import TARGET_NAMES
from sirna.errors import UsageError
from sirna.protocols.protocol import PROTOCOLS
from sirna.system.limits import quoted

SECTIONS = {"known": "siblings"}
KEYS = {
    "siblings": {"measurements": "lookup", "hidden": "dropout"},
    "train": {"members": "networks"},
    "trees": {"members": "ensembles"},
    "decision": {"new_targets": "unseen_targets"},
}
"""Old -> new names: of sections (`SECTIONS`), and of the keys of each new section (`KEYS`)."""
SHARES_0_2 = {"gaussian_process": 0.6, "trees": 0.6}
TREES_SHARE_UNDER_TARGET_0_2 = 0.4
"""The defaults of `gaussian_process.share` and `trees.share` in version 0.2.0."""


def upgraded(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration with the keys of version 0.2.0 replaced; others stay as they are."""
    raw = copy.deepcopy(raw)
    no_tables = {name: value for name, value in raw.items() if not isinstance(value, dict)}
    if no_tables:
        return no_tables  # refused with their own message when they are validated
    is_complete = "known" in raw and "mixture" not in raw  # as a run of 0.2.0 wrote it
    raw = _shares_to_weights(_renamed(raw))
    if is_complete:  # version 0.2.0 took every entry between blanks as a token
        raw["data"] = {"notation": "tokens", **raw.get("data", {})}
    return _without_unused_values(raw) if is_complete else raw


def _renamed(raw: dict[str, Any]) -> dict[str, Any]:
    for old, new in SECTIONS.items():
        if old in raw:
            raw[new] = {**raw.pop(old), **raw.get(new, {})}
    for section, keys in KEYS.items():
        if section in raw:
            raw[section] = {keys.get(key, key): value for key, value in raw[section].items()}
    return raw


def _shares_to_weights(raw: dict[str, Any]) -> dict[str, Any]:
    """Replace `share` of Gaussian process and trees by the equivalent weights."""
    given = {name: raw[name].pop("share") for name in SHARES_0_2 if "share" in raw.get(name, {})}
    if not given:
        return raw
    for name, share in given.items():
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share < 1:
            raise UsageError(
                f"{name}.share: must be at least 0 and below 1, not {quoted(share)}; better give "
                "the weights of version 0.3.0 in the section [mixture]."
            )
    protocol = PROTOCOLS.get(str(raw.get("split", {}).get("protocol", "rows")))
    shares = dict(SHARES_0_2)
    if protocol is not None and protocol.every_target_is_unseen:
        shares["trees"] = TREES_SHARE_UNDER_TARGET_0_2
    gaussian_process_share, trees_share = ({**shares, **given}[name] for name in SHARES_0_2)
    known = {
        "network": 1 - gaussian_process_share,
        "gaussian_process": gaussian_process_share,
        "trees": 0.0,
    }
    unseen = {name: round((1 - trees_share) * weight, 12) for name, weight in known.items()}
    mixture = {"known_target": known, "unseen_target": unseen | {"trees": trees_share}}
    raw["mixture"] = {**mixture, **raw.get("mixture", {})}
    return raw


def _without_unused_values(raw: dict[str, Any]) -> dict[str, Any]:
    """Remove values that version 0.2.0 wrote to `config.toml` but did not use."""
    protocol = PROTOCOLS.get(str(raw.get("split", {}).get("protocol", "rows")))
    if protocol is None:
        return raw
    if protocol.every_target_is_unseen and "gaussian_process" in raw:
        raw["gaussian_process"]["series"] = []
    if "categorical" in raw.get("trees", {}):
        roles = raw["trees"]["categorical"]
        if isinstance(roles, list | tuple):
            raw["trees"]["categorical"] = [one for one in roles if str(one) not in TARGET_NAMES]
    return raw
