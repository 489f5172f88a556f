"""Bundles as folders: written whole, read back and checked.

`bundle.json` holds plain data, `member-*.safetensors` the networks, `process-*.safetensors` the
Gaussian processes, `trees-*.safetensors` the trees, `known.parquet` the training measurements that
processes compare rows with and, under protocol `rows`, networks look up; nothing in it runs code.
"""

import hashlib
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
from sirna.bundle.bundle import Bundle, Member
from sirna.config.load import config_from_dict
from sirna.errors import SirnaError, UsageError, reason
from sirna.features.dataset import Encoding
from sirna.members.gaussian_process.member import RowProcess
from sirna.members.trees.member import RowTrees
from sirna.prediction.postprocess import Rule
from sirna.system.files import recovered, sha256, write_folder
from sirna.table.ranges import Ranges

SCHEMA = 8
MANIFEST = "bundle.json"
KNOWN = "known.parquet"
ABOUT = ("protocol", "scores", "seed", "training")
WEIGHTS_NAME = re.compile(r"(member|process|trees)-\d+\.safetensors")


def save_bundle(folder: Path, bundle: Bundle) -> None:
    """Write a bundle, whole or absent; an older one of the same name is replaced."""

    def write(draft: Path) -> None:
        members = []
        for number, member in enumerate(bundle.members):
            name = f"member-{number}.safetensors"
            tensors = {key: value.contiguous() for key, value in member.weights.items()}
            (draft / name).write_bytes(save(tensors))
            members.append(
                {
                    "weights": name,
                    "sha256": sha256(draft / name),
                    **member.facts,
                    "encoding": member.encoding.to_dict(),
                }
            )
        beside: dict[str, list[dict[str, Any]]] = {"process": [], "trees": []}
        fitted: list[RowProcess | RowTrees] = [*bundle.processes, *bundle.trees]
        for one in fitted:
            kind = "trees" if isinstance(one, RowTrees) else "process"
            name = f"{kind}-{len(beside[kind])}.safetensors"
            (draft / name).write_bytes(save(one.tensors()))
            facts = {"tensors": name, "sha256": sha256(draft / name), "fold": one.number}
            beside[kind].append(facts)
        known = _known(bundle)
        if known is not None:
            known.to_parquet(draft / KNOWN, index=False)
        manifest: dict[str, Any] = {
            "schema": SCHEMA,
            "sirna": __version__,
            "torch": torch.__version__,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            **bundle.about,
            "rule": bundle.rule.to_dict(),
            "new_target_rule": bundle.new_target_rule and bundle.new_target_rule.to_dict(),
            "ranges": bundle.ranges,
            "config": bundle.config.model_dump(mode="json"),
            "known": sha256(draft / KNOWN) if known is not None else None,
            "members": members,
            "processes": beside["process"],
            "trees": beside["trees"],
        }
        manifest["digest"] = _digest(manifest)
        text = json.dumps(manifest, indent=1, ensure_ascii=False)
        (draft / MANIFEST).write_text(text, encoding="utf-8")

    write_folder(folder, write)


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle.

    Raises
    ------
    SirnaError
        For a folder that is no bundle, a schema that this version cannot read, a file that is
        absent or whose SHA-256 differs from the one noted.
    """
    path = recovered(folder) / MANIFEST
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        schema = raw["schema"]
    except FileNotFoundError:
        raise SirnaError(f"{folder}: no bundle here ({MANIFEST} is absent).") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SirnaError(f"{path}: not a bundle's description ({reason(error)}).") from error
    if schema != SCHEMA:
        raise SirnaError(
            f"{path}: written with schema {schema} by sirna {raw.get('sirna')}; this is sirna "
            f"{__version__}, which reads schema {SCHEMA}. "
            "Install the version named, or train again."
        )
    if raw.get("digest") != _digest(raw):
        raise SirnaError(
            f"{path}: was changed after it was written (its digest differs); copy it again."
        )
    try:
        config = config_from_dict(raw["config"], source=str(path))
        rule = Rule.from_dict(raw["rule"])
        other = raw["new_target_rule"]
        new_target_rule = None if other is None else Rule.from_dict(other)
        measured = _load_known(folder, raw["known"])
        members = [_load_member(folder, entry, measured) for entry in raw["members"]]
        for member in members:
            member.model(config)  # the weights fit the network, or the bundle is refused here
        processes = [
            RowProcess.from_tensors(_beside(folder, entry), measured, config, int(entry["fold"]))
            for entry in raw["processes"]
        ]
        trees = [
            RowTrees.from_tensors(_beside(folder, entry), int(entry["fold"]))
            for entry in raw["trees"]
        ]
        ranges = _ranges(raw["ranges"])
        about = {key: raw[key] for key in ABOUT}
        float(about["scores"]["score"])
        if not members:
            raise ValueError("no members")
        if not isinstance(raw["processes"], list) or not isinstance(raw["trees"], list):
            raise TypeError("processes and trees are lists")
        if new_target_rule is not None and not processes:
            raise ValueError("a rule for new targets, and no process that knows them")
    except UsageError as error:
        raise SirnaError(str(error)) from error
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        told = f"the bundle is inconsistent ({reason(error)}); train again."
        raise SirnaError(f"{path}: {told}") from error
    return Bundle(config, members, processes, trees, rule, new_target_rule, ranges, about)


def _ranges(raw: dict[str, Any]) -> Ranges:
    found = {}
    for name, ends in raw.items():
        low, high = (float(end) for end in ends)
        if not low <= high < np.inf:
            raise ValueError(f"the {name} of training is no range")
        found[name] = (low, high)
    return found


def _digest(manifest: dict[str, Any]) -> str:
    """Return the SHA-256 of all that a manifest says but its digest."""
    rest = {key: value for key, value in manifest.items() if key != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _known(bundle: Bundle) -> pd.DataFrame | None:
    """Return the measured rows with every column that is read; all know the same rows."""
    tables = [member.encoding.known.rows for member in bundle.members if member.encoding.known]
    tables += [process.measured for process in bundle.processes]
    if not tables:
        return None
    if len({len(table) for table in tables}) > 1:
        raise ValueError("members and processes of one bundle know the same rows")
    whole = pd.concat(tables, axis=1)
    return whole.loc[:, ~whole.columns.duplicated()]


def _load_known(folder: Path, digest: str | None) -> pd.DataFrame:
    if digest is None:
        return pd.DataFrame()
    path = _checked(folder, KNOWN, digest)
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise SirnaError(f"{path}: not a table of measurements ({reason(error)}).") from error


def _checked(folder: Path, name: str, digest: str) -> Path:
    """Return the path of a file of the bundle, which is there and as it was written."""
    path = folder / name
    if not path.is_file():
        have = ", ".join(sorted(item.name for item in folder.iterdir()))
        raise SirnaError(f"{folder}: {name} is absent; the bundle holds {have}. Copy it whole.")
    if sha256(path) != digest:
        raise SirnaError(f"{path}: its SHA-256 is not the one noted; the file is damaged.")
    return path


def _beside(folder: Path, entry: dict[str, Any]) -> dict[str, Tensor]:
    return _tensors(folder, entry["tensors"], entry["sha256"])


def _tensors(folder: Path, name: str, digest: str) -> dict[str, Tensor]:
    if not WEIGHTS_NAME.fullmatch(name):
        raise SirnaError(f"{folder / MANIFEST}: {name!r} is no name of a weights file.")
    path = _checked(folder, name, digest)
    try:
        return load_file(path)
    except SafetensorError as error:
        raise SirnaError(f"{path}: not a weights file ({error}).") from error


def _load_member(folder: Path, entry: dict[str, Any], measured: pd.DataFrame) -> Member:
    weights = _tensors(folder, entry["weights"], entry["sha256"])
    facts = {key: entry[key] for key in entry.keys() - {"weights", "sha256", "encoding"}}
    return Member(Encoding.from_dict(entry["encoding"], measured), weights, facts)
