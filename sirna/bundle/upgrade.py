"""Convert bundles of earlier schemas to the present schema."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sirna.bundle.manifest import SCHEMA
from sirna.bundle.manifest_8 import Aligner8, Manifest8, check_text_size
from sirna.config.config import Config
from sirna.config.load import config_from_dict
from sirna.config.roles import BASES
from sirna.config.stored import read_stored
from sirna.features.positional import PositionalEncoder
from sirna.table.sequence import rna

Tensors = dict[str, Tensor]
FACTS = ("rows", "seed", "epoch")
GONE = frozenset({"rule", "new_target_rule", "known", "processes", "trees"})
"""Entries of schema 8 that schema 9 does not have."""
ALIGNER, LEFT_OUT, POSITIONS, CHOSEN = "aligner", "left_out", "positions", "chosen"


def from_schema_8(
    raw: dict[str, Any],
    read_tensors: Callable[[str, str], Tensors],
    read_table: Callable[[str, str | None], pd.DataFrame],
) -> tuple[dict[str, Any], dict[str, Tensors], pd.DataFrame]:
    """Convert a bundle of version 0.2.0.

    Parameters
    ----------
    raw : dict
        Its manifest.
    read_tensors, read_table : callable
        Functions from the name and SHA-256 of a file in the bundle to its content.

    Returns
    -------
    dict
        The manifest in the form of schema 9, not yet checked as one.
    dict of str to dict of str to Tensor
        The members' tensors, by the file names in that manifest.
    DataFrame
        The training table.

    Raises
    ------
    ValueError
        For an entry or a tensor of another form than version 0.2.0 wrote.
    """
    read_stored(Manifest8, raw)
    config = config_from_dict(raw["config"], source="the bundle's configuration")
    table = _normalised(read_table("known.parquet", raw["known"]))
    tensors: dict[str, Tensors] = {}
    entries: list[dict[str, Any]] = []

    def add(family: str, old: dict[str, Any], encoder: dict[str, Any], parts: Tensors) -> None:
        name = f"{family}-{sum(entry['family'] == family for entry in entries)}.safetensors"
        tensors[name] = parts
        facts = {key: old[key] for key in FACTS if key in old}
        file = {"family": family, "file": name, "sha256": old["sha256"]}
        entries.append({**file, "fold": old["fold"], "facts": facts, "encoder": encoder})

    for old in raw["members"]:
        parts = read_tensors(old["weights"], old["sha256"])
        add("network", old, _dataset_encoder(old["encoding"]), _renamed(parts))
    fitted = np.zeros(len(table), dtype=bool)
    for old in raw["processes"]:
        parts = read_tensors(old["tensors"], old["sha256"])
        chosen = _positions(parts, len(table))
        add("gaussian_process", old, _positional_encoder(table, chosen, config), parts)
        fitted[chosen] = True
    for old in raw["trees"]:
        parts = read_tensors(old["tensors"], old["sha256"])
        encoder = _aligner(parts)
        left_out = _tensor(parts, LEFT_OUT, torch.float32)
        positions = left_out.isfinite().nonzero()[:, 0]
        parts |= {LEFT_OUT: left_out[positions], POSITIONS: positions}
        add("trees", old, _renamed_channels(encoder), parts)
    manifest = {name: value for name, value in raw.items() if name not in GONE} | {
        "schema": SCHEMA,
        "config": config.model_dump(mode="json"),
        "table": raw["known"],
        "members": entries,
        "postprocess": raw["rule"],
        "unseen_postprocess": raw["new_target_rule"],
    }
    return manifest, tensors, table.assign(fitted=fitted)


def _tensor(parts: Tensors, name: str, kind: torch.dtype) -> Tensor:
    """Return a tensor with one dimension; raise ValueError if there is none of this type."""
    tensor = parts.get(name)
    if tensor is None or tensor.dtype != kind or tensor.ndim != 1:
        raise ValueError(f"the tensor {name!r} is absent, or is not a list of {kind}")
    return tensor


def _positions(parts: Tensors, rows: int) -> np.ndarray:
    """Return the positions of the rows that a Gaussian process was fitted on."""
    chosen: np.ndarray = _tensor(parts, CHOSEN, torch.int64).numpy()
    if not len(chosen) or chosen.min() < 0 or chosen.max() >= rows:
        raise ValueError(f"the tensor {CHOSEN!r} does not hold positions of the {rows} rows")
    return chosen


def _aligner(parts: Tensors) -> dict[str, Any]:
    """Take the encoder of trees out of their tensors, where it is text, and check its form."""
    text = _tensor(parts, ALIGNER, torch.uint8)
    check_text_size(len(text), ALIGNER)
    del parts[ALIGNER]
    try:
        raw = json.loads(text.numpy().tobytes())
    except RecursionError as error:
        raise ValueError(f"the text in {ALIGNER!r} is nested deeply") from error
    read_stored(Aligner8, raw)
    return dict(raw)


def _normalised(table: pd.DataFrame) -> pd.DataFrame:
    """Spell bases in capital RNA letters, as tables are read today."""
    spelled = {role: table[role].map(rna, na_action="ignore") for role in BASES if role in table}
    return table.assign(**spelled)


def _dataset_encoder(raw: dict[str, Any]) -> dict[str, Any]:
    covariates = _covariates(raw["covariates"])
    return {
        "streams": raw["streams"],
        "vocabs": raw["vocabs"],
        "covariates": covariates,
        "siblings": raw["known"],
    }


def _covariates(raw: dict[str, Any]) -> dict[str, Any]:
    """Rename `groups`, the roles that are read in training rows only."""
    kept = {key: value for key, value in raw.items() if key != "groups"}
    return {**kept, "training_only": raw["groups"]}


def _renamed(parts: Tensors) -> Tensors:
    """Rename the weights of the sibling encoder."""
    return {
        "siblings." + name.removeprefix("known.") if name.startswith("known.") else name: tensor
        for name, tensor in parts.items()
    }


def _positional_encoder(table: pd.DataFrame, chosen: np.ndarray, config: Config) -> dict[str, Any]:
    """Fit the encoder of a Gaussian process again, as version 0.2.0 did when it loaded one."""
    settings = config.gaussian_process
    columns = PositionalEncoder.columns(table, settings, config.sequences)
    rows = table[columns].iloc[chosen]
    return PositionalEncoder.fit(rows, settings, config.protocol).to_dict()


def _renamed_channels(raw: dict[str, Any]) -> dict[str, Any]:
    """Rename the channels of dinucleotides, which schema 8 calls pairs."""
    channels = {
        name.replace("guide pair ", "guide dinucleotide "): codes
        for name, codes in raw["channels"].items()
    }
    return {**raw, "channels": channels, "conditions": _covariates(raw["conditions"])}
