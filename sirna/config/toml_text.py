"""Read TOML within the limits on size, nesting and digits."""

import re
import tomllib
from pathlib import Path
from typing import Any

from sirna.errors import SirnaError, UsageError
from sirna.system.files import name_suggestion
from sirna.system.limits import LIMITS, check_file, error_text, quoted, quoted_path

DEEP_KEY = re.compile(rf"(?:[^\s.=\[\]\"#]+[ \t]*\.[ \t]*){{{LIMITS['nesting'].most}}}")
"""A key with too many dots, which tomllib would read slowly."""

SHIPPED = "; the configurations of sirna are in the folder configs/ of its source: name that folder"
"""Added where a path of the documentation is used in a folder without `configs/`."""


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    UsageError
        For a file that is absent, too large, not TOML, or beyond the limits.
    """
    try:
        if not path.exists():
            shipped = "configs" in path.parts and not path.parent.exists()
            raise UsageError(
                f"{quoted_path(path)}: no such configuration file{name_suggestion(path)}"
                f"{SHIPPED if shipped else ''}"
            )
        check_file(path, LIMITS["config"])
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or not a path
        raise UsageError(f"{quoted_path(path)}: cannot be read ({error_text(error)})") from error
    except UsageError:
        raise
    except SirnaError as error:
        raise UsageError(str(error)) from error
    return parse_toml(text, str(path))


def parse_toml(text: str, source: str) -> dict[str, Any]:
    """Parse TOML; `source` is named in errors.

    Raises
    ------
    UsageError
        For text that is not TOML, or beyond the limits.
    """
    too_deep = UsageError(f"{source}: is nested more than {LIMITS['nesting']} deep.")
    if DEEP_KEY.search(text):
        raise too_deep
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{source}: not valid TOML: {quoted(str(error))[1:-1]}") from error
    except RecursionError:
        raise too_deep from None
    except ValueError:  # Python's own limit of digits
        raise UsageError(
            f"{source}: a number has at most {LIMITS['digits']}; write a smaller number."
        ) from None
    _check_nesting(raw, too_deep)
    return raw


def _check_nesting(raw: dict[str, Any], error: UsageError) -> None:
    level: list[Any] = [raw]
    for _ in range(LIMITS["nesting"].most + 1):
        level = [item for table in level for item in _items(table)]
        if not level:
            return
    raise error


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
