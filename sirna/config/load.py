"""Read a configuration from a TOML file, `--set` changes and flags; later ones take precedence."""

import copy
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import ValidationError

from sirna.config.config import Config, merged
from sirna.config.fields import Section
from sirna.config.schema import DEFAULT_STREAMS
from sirna.config.toml_text import parse_toml, read_toml
from sirna.config.upgrade import upgraded
from sirna.errors import UsageError, suggestion
from sirna.system.limits import LONGEST_QUOTED, quoted

MOST_FAULTS = 10
"""Largest number of faults that one message lists."""
MOST_SECTIONS = 3
"""Largest number of dots in a dotted key."""


def load_config(
    path: Path | None = None,
    changes: list[str] | None = None,
    flags: dict[str, Any] | None = None,
) -> Config:
    """Read a configuration; later sources win: defaults, the file, `--set` changes, flags.

    Parameters
    ----------
    path : Path, optional
        A TOML file; keys that it leaves out keep their defaults. A `[streams]` table replaces all
        default streams.
    changes : list of str, optional
        `section.key=value`, the value as in TOML (a bare word is taken as a string).
    flags : dict, optional
        Dotted key -> value.

    Raises
    ------
    UsageError
        For an unreadable file, unknown keys or values out of range; the message lists all faults.
    """
    raw = read_toml(path) if path else {}
    for change in changes or []:
        _apply(raw, change)
    for key, value in (flags or {}).items():
        _assign(raw, key, value)
    try:
        return config_from_dict(raw, source=str(path) if path else "configuration")
    except UsageError:
        if path and (changes or flags):  # if the file alone is valid, blame the options
            load_config(path)
            return config_from_dict(raw, source=f"{path} with the options given")
        raise


def config_from_dict(raw: dict[str, Any], source: str) -> Config:
    """Validate nested tables, of this version or an older one; `source` is named in errors."""
    try:
        return Config.model_validate(upgraded(raw))
    except UsageError as error:
        raise UsageError(f"{source}: {error}") from error
    except ValidationError as error:
        raise UsageError(f"{source}: {describe_faults(error, Config)}") from error


def describe_faults(error: ValidationError, section: type[Section]) -> str:
    """Describe the faults of a table in one line, with suggestions for near misses."""
    items = error.errors(include_url=False)
    described = [_describe_fault(item, section) for item in items[:MOST_FAULTS]]
    more = [f"and {len(items) - MOST_FAULTS} more"] if len(items) > MOST_FAULTS else []
    return "; ".join([*described, *more])


def with_changes(config: Config, changes: dict[str, Any]) -> Config:
    """Return the configuration with dotted keys changed.

    Values that were not given become defaults again: another protocol has other defaults.
    """
    raw = copy.deepcopy(config.given)
    for key, value in changes.items():
        _apply_value(raw, key, value)
    return config_from_dict(raw, source=", ".join(changes))


def with_columns(config: Config, path: Path) -> Config:
    """Return the configuration with the columns and spellings of tokens that a TOML file names.

    Raises
    ------
    UsageError
        For a file that cannot be read, or without a valid section `[columns]` or `[tokens]`.
    """
    raw = read_toml(path)
    given = {name: raw[name] for name in ("columns", "tokens") if isinstance(raw.get(name), dict)}
    if not given:
        raise UsageError(
            f"{path}: has no section [columns] or [tokens]; no other section is read here."
        )
    return config_from_dict(merged(config.given, given), source=str(path))


def _apply(raw: dict[str, Any], change: str) -> None:
    """Apply one `section.key=value` to nested tables."""
    key, equals, text = change.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--set {quoted(change)}: write section.key=value, as in train.epochs=12")
    source = f"--set {quoted(change)}"
    if key.count(".") > MOST_SECTIONS:
        raise UsageError(f"{source}: a key has at most {MOST_SECTIONS} sections.")
    try:
        value = parse_toml(f"value = {text}", source)["value"]
    except UsageError as error:
        if not isinstance(error.__cause__, tomllib.TOMLDecodeError):
            raise
        value = text.strip()
    _apply_value(raw, key.strip(), value)


def _apply_value(raw: dict[str, Any], key: str, value: Any) -> None:
    if key.startswith("streams.") and "streams" not in raw:
        raw["streams"] = {name: stream.model_dump() for name, stream in DEFAULT_STREAMS.items()}
    _assign(raw, key, value)


def _assign(raw: dict[str, Any], dotted: str, value: Any) -> None:
    *sections, last = dotted.split(".")
    table = raw
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise UsageError(f"{quoted(dotted)}: {quoted(section)} is not a section")
    table[last] = value


def _describe_fault(item: Any, root: type[Section]) -> str:
    dotted = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        allowed = _keys_at(root, item["loc"][:-1])
        near = suggestion(str(item["loc"][-1]), allowed) or _suggest_sections(root, dotted)
        return f"unknown key {quoted(dotted)}{near}; allowed here: {', '.join(allowed)}"
    message = item["msg"].removeprefix("Value error, ").replace("a valid tuple", "a list")
    shown = "" if isinstance(item["input"], Mapping | Section) else f", not {quoted(item['input'])}"
    near = ""
    if item["type"] == "literal_error" and isinstance(item["input"], str):
        near = suggestion(item["input"], re.findall(r"'([^']*)'", item["ctx"]["expected"]))
    name = dotted if len(dotted) <= LONGEST_QUOTED else quoted(dotted)
    return f"{name + ': ' if name else ''}{message[0].lower()}{message[1:]}{shown}{near}"


def _keys_at(root: type[Section], location: tuple[Any, ...]) -> list[str]:
    """Return the valid keys of a section; for `[streams.NAME]` those of one stream."""
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


def _suggest_sections(root: type[Section], key: str) -> str:
    """Suggest sections for a key that was written without a section."""
    kinds: dict[str, Any] = {name: field.annotation for name, field in root.model_fields.items()}
    homes = [f"{name}.{key}" for name, k in kinds.items() if key in getattr(k, "model_fields", ())]
    return f" (did you mean {' or '.join(map(repr, homes))}?)" if homes else ""
