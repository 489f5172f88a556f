"""Convert bundles of earlier schemas to the present schema."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from sirna.config.config import Config
from sirna.config.load import config_from_dict
from sirna.config.roles import BASES
from sirna.features.positional import PositionalEncoder
from sirna.table.sequence import rna

Tensors = dict[str, Tensor]
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
        The manifest in the form of schema 9.
    dict of str to dict of str to Tensor
        The members' tensors, by the file names in that manifest.
    DataFrame
        The training table.
    """
    config = config_from_dict(raw["config"], source="the bundle's configuration")
    table = _normalised(read_table("known.parquet", raw["known"]))
    tensors: dict[str, Tensors] = {}
    entries: list[dict[str, Any]] = []

    def add(family: str, fold: int, encoder: dict[str, Any], parts: Tensors, facts: Any) -> None:
        name = f"{family}-{sum(entry['family'] == family for entry in entries)}.safetensors"
        tensors[name] = parts
        entry = {"family": family, "file": name, "fold": fold, "encoder": encoder, "facts": facts}
        entries.append(entry)

    for old in raw["members"]:
        parts = read_tensors(old["weights"], old["sha256"])
        facts = {key: old[key] for key in ("rows", "seed", "epoch")}
        add("network", old["fold"], _dataset_encoder(old["encoding"]), _renamed(parts), facts)
    fitted = np.zeros(len(table), dtype=bool)
    for old in raw["processes"]:
        parts = read_tensors(old["tensors"], old["sha256"])
        chosen = parts[CHOSEN].numpy()
        add("gaussian_process", old["fold"], _positional_encoder(table, chosen, config), parts, {})
        fitted[chosen] = True
    for old in raw["trees"]:
        parts = read_tensors(old["tensors"], old["sha256"])
        encoder = json.loads(parts.pop(ALIGNER).numpy().tobytes())
        positions = parts[LEFT_OUT].isfinite().nonzero()[:, 0]
        parts |= {LEFT_OUT: parts[LEFT_OUT][positions], POSITIONS: positions}
        add("trees", old["fold"], _renamed_channels(encoder), parts, {})
    manifest = {
        **raw,
        "config": config.model_dump(mode="json"),
        "members": entries,
        "postprocess": raw["rule"],
        "unseen_postprocess": raw["new_target_rule"],
    }
    return manifest, tensors, table.assign(fitted=fitted)


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
