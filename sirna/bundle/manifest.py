"""The manifest of a bundle: the form of every field, and its digest."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationError

from sirna import __version__
from sirna.config.stored import StoredForm, first_fault
from sirna.errors import SirnaError, reason
from sirna.prediction.decision import DecisionKind
from sirna.system.limits import LIMITS, check_file, quoted

SCHEMA = 9
MANIFEST = "bundle.json"
TENSORS_PATTERN = r"^[a-z_]+-[0-9]{1,6}\.safetensors$"
SHA256_PATTERN = r"^[0-9a-f]{64}$"

Digest = Annotated[str, Field(pattern=SHA256_PATTERN)]
Number = Annotated[float, Field(ge=-1e12, le=1e12)]
Whole = Annotated[int, Field(ge=0, le=2**63 - 1)]
Word = Annotated[str, Field(max_length=1000)]


class _Part(StoredForm):
    """A part of a manifest: strictly typed, finite numbers, no other fields."""

    model_config = ConfigDict(strict=True)


class Entry(_Part):
    """A member: its family, its file, and plain data that the family itself checks."""

    family: Word
    file: Annotated[str, Field(pattern=TENSORS_PATTERN)]
    sha256: Digest
    fold: Annotated[int, Field(ge=0, le=100_000)]
    facts: dict[str, Any]
    encoder: dict[str, Any]


class CalibrationPart(_Part):
    """A calibration."""

    spread: Annotated[float, Field(gt=0.0, le=1e3)]


class DecisionPart(_Part):
    """A decision."""

    kind: DecisionKind
    threshold: Annotated[float, Field(gt=0.0, lt=100.0)]
    cut: Number = 0.5
    range_weight: Number = 0.0
    mae_weight: Number = 0.0


class PostprocessPart(_Part):
    """A calibration and a decision."""

    calibration: CalibrationPart
    decision: DecisionPart


class TrainingPart(_Part):
    """The training table that a bundle was made from."""

    name: Word
    rows: Whole
    sha256: Digest


class Manifest(_Part):
    """A manifest of schema 9."""

    schema_: int = Field(alias="schema")
    sirna: Word
    torch: Word
    created: Word
    protocol: Word
    scores: dict[Word, Number]
    seed: Whole
    training: TrainingPart
    postprocess: PostprocessPart
    unseen_postprocess: PostprocessPart | None
    ranges: dict[Word, Annotated[list[Number], Field(min_length=2, max_length=2)]]
    config: dict[str, Any]
    table: Digest | None
    members: Annotated[list[Entry], Field(min_length=1, max_length=100_000)]
    digest: Digest


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a bundle, and check its schema and its digest.

    Raises
    ------
    SirnaError
        For a folder without a manifest, and for one that is too large, damaged or of a schema that
        this version cannot read.
    """
    path = folder / MANIFEST
    if not path.exists():
        raise SirnaError(f"{folder}: no bundle here ({MANIFEST} is absent).")
    check_file(path, LIMITS["manifest"])
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        schema = raw["schema"]
        digest = manifest_digest(raw)
    except RecursionError:
        raise SirnaError(f"{path}: not the manifest of a bundle (it is nested deeply).") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SirnaError(f"{path}: not the manifest of a bundle ({reason(error)}).") from error
    if type(schema) is not int or schema not in {8, SCHEMA}:
        raise SirnaError(
            f"{path}: written with schema {quoted(schema)} by sirna {quoted(raw.get('sirna'))}; "
            f"this is sirna {__version__}, which reads schemas 8 to {SCHEMA}. "
            "Install the version that wrote it, or train again."
        )
    if raw.get("digest") != digest:
        raise SirnaError(
            f"{path}: was changed after it was written (its digest differs); copy it again."
        )
    return dict(raw)


def check_manifest(raw: dict[str, Any], path: Path) -> None:
    """Check every field of a manifest of schema 9.

    Raises
    ------
    SirnaError
        Naming the first field that is absent, unknown or of another form.
    """
    try:
        Manifest.model_validate(raw)
    except ValidationError as error:
        fault = first_fault(error)
        first = error.errors(include_url=False)[0]
        if first["type"] == "string_pattern_mismatch" and first["loc"][-1] == "file":
            fault = f"{quoted(first['input'])} is not the name of a tensors file"
        raise SirnaError(f"{path}: the bundle is inconsistent ({fault}); train again.") from error


def manifest_digest(manifest: dict[str, Any]) -> str:
    """Return the SHA-256 of a manifest without its digest."""
    rest = {key: value for key, value in manifest.items() if key != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
