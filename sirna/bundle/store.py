"""Write bundles as folders, completely or not at all; read and check them.

`bundle.json` holds plain data. `FAMILY-*.safetensors` holds what the members of a family learned.
`training.parquet` holds the training rows that members compare rows with. Nothing in it runs code.
"""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from sirna import __version__
from sirna.bundle.bundle import IDENTIFYING_ROLES, Bundle
from sirna.bundle.manifest import (
    MANIFEST,
    SCHEMA,
    TENSORS_PATTERN,
    check_manifest,
    manifest_digest,
    read_manifest,
)
from sirna.bundle.training_table import KNOWN_TARGET_COLUMN, read_training
from sirna.bundle.upgrade import from_schema_8
from sirna.config.config import Config
from sirna.config.load import config_from_dict
from sirna.errors import SirnaError, UsageError, reason
from sirna.members.base import Member, Stored, same_bits
from sirna.members.registry import FAMILIES, check_families
from sirna.prediction.postprocess import Postprocess
from sirna.system.files import readable, sha256, write_folder
from sirna.system.limits import LIMITS, Limit, check_file, quoted
from sirna.table.ranges import Ranges

TRAINING = "training.parquet"
DESCRIBES_ROWS = ("duplex",)
"""Roles that are stored with the training rows so that people recognise these rows."""
ABOUT = ("protocol", "scores", "seed", "training")
TENSORS_NAME = re.compile(TENSORS_PATTERN)
ATTEMPTS = 3
"""A bundle that is replaced while it is read is read again, so often."""
MOST_NAMES = 30
"""Largest number of file names that a message lists."""


def save_bundle(folder: Path, bundle: Bundle) -> None:
    """Write a bundle, completely or not at all; it replaces an older one of the same name."""

    def write(draft: Path) -> None:
        entries = []
        for family, members in bundle.by_family.items():
            for index, member in enumerate(members):
                name, stored = f"{family}-{index}.safetensors", member.stored()
                tensors = {key: value.contiguous() for key, value in stored.tensors.items()}
                (draft / name).write_bytes(save(tensors))
                entry = {"family": family, "file": name, "sha256": sha256(draft / name)}
                facts = {"fold": stored.fold, "facts": stored.facts, "encoder": stored.encoder}
                entries.append(entry | facts)
        training = _training_to_store(bundle)
        if training is not None:
            (draft / TRAINING).write_bytes(training.to_parquet(index=False))
        unseen = bundle.unseen_postprocess
        manifest: dict[str, Any] = {
            "schema": SCHEMA,
            "sirna": __version__,
            "torch": torch.__version__,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            **bundle.about,
            "postprocess": bundle.postprocess.to_dict(),
            "unseen_postprocess": unseen and unseen.to_dict(),
            "ranges": bundle.ranges,
            "config": bundle.config.model_dump(mode="json"),
            "table": None if training is None else sha256(draft / TRAINING),
            "members": entries,
        }
        manifest["digest"] = manifest_digest(manifest)
        text = json.dumps(manifest, indent=1, ensure_ascii=False)
        (draft / MANIFEST).write_text(text, encoding="utf-8")

    write_folder(folder, write, lambda draft: _check_same(draft, bundle))


def load_bundle(folder: Path, expect: str | None = None) -> Bundle:
    """Read a bundle of schema 8 or later.

    Parameters
    ----------
    folder : Path
    expect : str, optional
        The digest that the bundle must have; see `bundle_digest`.

    Raises
    ------
    SirnaError
        For a folder without a bundle, a schema that this version cannot read, a file that is absent
        or whose SHA-256 differs from the one in `bundle.json`, and parts that do not fit.
    """
    for attempts_left in reversed(range(ATTEMPTS)):
        there = readable(folder)
        raw = read_manifest(there)
        if expect is not None and raw["digest"] != expect.strip().lower():
            raise SirnaError(
                f"{folder}: has the digest {raw['digest']}, not the expected {quoted(expect)}."
            )
        try:
            return _loaded(there, raw)
        except SirnaError:
            # a training may have replaced the bundle while it was read
            if not attempts_left or raw["digest"] == _digest_now(folder):
                raise
    raise AssertionError("the last attempt returns or raises")


def bundle_digest(folder: Path) -> str:
    """Return the digest of a bundle: it covers the manifest and, through it, every file."""
    return str(read_manifest(readable(folder))["digest"])


def _digest_now(folder: Path) -> str:
    try:
        return bundle_digest(folder)
    except SirnaError:
        return ""


def _loaded(folder: Path, raw: dict[str, Any]) -> Bundle:
    path = folder / MANIFEST
    try:
        if raw["schema"] == SCHEMA:
            check_manifest(raw, path)
            table = _read_table(folder, TRAINING, raw["table"])
            files = {entry["file"]: entry["sha256"] for entry in raw["members"]}
            tensors = {name: _read_tensors(folder, name, digest) for name, digest in files.items()}
        else:
            raw, tensors, table = from_schema_8(
                raw,
                lambda name, digest: _read_tensors(folder, name, digest),
                lambda name, digest: _read_table(folder, name, digest),
            )
            check_manifest(raw, path)
        return _assembled(raw, tensors, table, path)
    except UsageError as error:
        raise SirnaError(str(error)) from error
    except (LookupError, ValueError) as error:
        raise SirnaError(
            f"{path}: the bundle is inconsistent ({reason(error)}); train again."
        ) from error
    except (TypeError, AttributeError, ArithmeticError, RuntimeError) as error:
        raise SirnaError(
            f"{path}: the bundle is inconsistent (its parts do not fit each other); train again."
        ) from error


def _assembled(
    raw: dict[str, Any], tensors: dict[str, dict[str, Tensor]], table: pd.DataFrame, path: Path
) -> Bundle:
    """Build a bundle from the parts of schema 9, checking that they fit each other."""
    config: Config = config_from_dict(raw["config"], source=str(path))
    check_families(config)
    has_known_target = np.zeros(len(table), dtype=bool)
    if KNOWN_TARGET_COLUMN in table:
        has_known_target = table.pop(KNOWN_TARGET_COLUMN).to_numpy(dtype=bool)
    members: list[Member] = [
        FAMILIES[entry["family"]].restore(
            Stored(int(entry["fold"]), tensors[entry["file"]], entry["encoder"], entry["facts"]),
            table,
            config,
        )
        for entry in raw["members"]
    ]
    postprocess = Postprocess.from_dict(raw["postprocess"])
    other = raw["unseen_postprocess"]
    unseen_postprocess = None if other is None else Postprocess.from_dict(other)
    about = {key: raw[key] for key in ABOUT}
    float(about["scores"]["score"])
    if not members:
        raise ValueError("no members")
    if unseen_postprocess is not None and not has_known_target.any():
        raise ValueError("it has a postprocessing for unseen targets but no rows of known targets")
    ranges = _ranges(raw["ranges"])
    return Bundle(
        config, members, postprocess, unseen_postprocess, table, has_known_target, ranges, about
    )


def _ranges(raw: dict[str, Any]) -> Ranges:
    found = {}
    for name, ends in raw.items():
        low, high = (float(end) for end in ends)
        if not low <= high < np.inf:
            raise ValueError(f"the range of {name} in the training rows is not a range")
        found[name] = (low, high)
    return found


def _training_to_store(bundle: Bundle) -> pd.DataFrame | None:
    """Return the training rows with the columns that inference needs; None if it needs none."""
    roles = {role for member in bundle.members for role in member.reads_of_training}
    roles |= IDENTIFYING_ROLES if bundle.unseen_postprocess else set()
    columns = [name for name in bundle.training if name in roles]
    if not columns:
        return None
    columns += [name for name in DESCRIBES_ROWS if name in bundle.training]
    kept = bundle.training[columns].reset_index(drop=True)
    return (
        kept.assign(**{KNOWN_TARGET_COLUMN: bundle.has_known_target})
        if bundle.unseen_postprocess
        else kept
    )


def _read_table(folder: Path, name: str, digest: str | None) -> pd.DataFrame:
    if digest is None:
        return pd.DataFrame()
    return read_training(_checked(folder, name, digest, LIMITS["training"]))


def _checked(folder: Path, name: str, digest: str, limit: Limit) -> Path:
    """Return the path of a file of the bundle, after checking that it exists and is unchanged."""
    path = folder / name
    if not path.exists():
        have = ", ".join(sorted(item.name for item in folder.iterdir())[:MOST_NAMES])
        raise SirnaError(f"{folder}: {name} is absent; the bundle holds {have}. Copy it whole.")
    check_file(path, limit)
    if sha256(path) != digest:
        raise SirnaError(f"{path}: its SHA-256 differs from that in {MANIFEST}; it is damaged.")
    return path


def _read_tensors(folder: Path, name: str, digest: str) -> dict[str, Tensor]:
    if not isinstance(name, str) or not TENSORS_NAME.fullmatch(name):
        raise SirnaError(f"{folder / MANIFEST}: {quoted(name)} is not the name of a tensors file.")
    path = _checked(folder, name, digest, LIMITS["tensors"])
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise SirnaError(f"{path}: not a tensors file ({reason(error)}).") from error


def _check_same(draft: Path, bundle: Bundle) -> None:
    """Raise a ValueError if a draft, when it is loaded, is not the bundle that was written."""
    read = load_bundle(draft)
    for name in ("config", "postprocess", "unseen_postprocess", "ranges", "about", "reads"):
        if getattr(read, name) != getattr(bundle, name):
            raise ValueError(f"its {name} differs")
    pairs = list(zip(bundle.by_family.items(), read.by_family.items(), strict=True))
    for (family, members), (other_family, others) in pairs:
        if family != other_family or len(members) != len(others):
            raise ValueError("it has other members")
        for member, other in zip(members, others, strict=True):
            tensors, read_tensors = member.tensors(), other.tensors()
            if tensors.keys() != read_tensors.keys() or not all(
                same_bits(tensor, read_tensors[name]) for name, tensor in tensors.items()
            ):
                raise ValueError(f"what a member of the family {family} learned differs")
