"""A configuration as dotted keys with values, and what differs from the defaults."""

from collections.abc import Mapping
from typing import Any

from sirna.config.config import Config
from sirna.config.load import load_config


def leaves_of(config: Config) -> dict[str, Any]:
    """Return every leaf of a configuration: dotted key -> value."""

    def walk(table: Mapping[str, Any], prefix: str) -> dict[str, Any]:
        leaves: dict[str, Any] = {}
        for name, value in table.items():
            dotted = f"{prefix}{name}"
            leaves |= walk(value, f"{dotted}.") if isinstance(value, dict) else {dotted: value}
        return leaves

    return walk(config.model_dump(mode="json"), "")


def changed_settings(config: Config) -> dict[str, tuple[Any, Any]]:
    """Return value and default of each setting that differs from the protocol's defaults.

    `data.train` and `split.protocol` are left out. A setting without a default has the default
    None.
    """
    usual = leaves_of(load_config(flags={"split.protocol": config.split.protocol}))
    here = leaves_of(config)
    keys = sorted({*here, *usual} - {"data.train", "split.protocol"})
    return {key: (here.get(key), usual.get(key)) for key in keys if here.get(key) != usual.get(key)}
