"""Forged bundles: every digest is right, and yet the bundle is refused before it predicts."""

import io
import json
import math

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from sirna.bundle.manifest import MANIFEST, manifest_digest
from sirna.bundle.store import TRAINING, bundle_digest, load_bundle, save_bundle
from sirna.errors import SirnaError
from sirna.system.files import sha256


@pytest.fixture
def saved(mixed, tmp_path):
    save_bundle(tmp_path / "bundle", mixed)
    return tmp_path / "bundle"


def change_manifest(folder, change):
    raw = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    change(raw)
    raw["digest"] = manifest_digest(raw)
    (folder / MANIFEST).write_text(json.dumps(raw), encoding="utf-8")


def reseal(folder, name):
    digest = sha256(folder / name)

    def change(raw):
        if name == TRAINING:
            raw["table"] = digest
        for entry in raw["members"]:
            if entry["file"] == name:
                entry["sha256"] = digest

    change_manifest(folder, change)


WEIGHTS = {
    "not a number": ("head.0.bias", lambda t: torch.full_like(t, math.nan), "not a finite number"),
    "infinite": ("head.0.weight", lambda t: torch.full_like(t, math.inf), "not a finite number"),
    "of 16 bits": ("head.0.bias", lambda t: t.half(), "has the type torch.float16"),
    "of 64 bits": ("head.0.bias", lambda t: t.double(), "has the type torch.float64"),
    "edges downwards": ("edges", lambda t: t.flip(0), "does not increase from 0"),
    "edges from 1": ("edges", lambda t: t + 1, "does not increase from 0"),
    "edges of 32 bits": ("edges", lambda t: t.float(), "not a list of 64-bit numbers"),
    "a spread of 0": ("label_sd", torch.zeros_like, "label_sd is not above 0"),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_are_checked_before_the_network_is_built(saved, name):
    key, change, message = WEIGHTS[name]
    path = saved / "network-0.safetensors"
    tensors = load_file(path)
    save_file(tensors | {key: change(tensors[key]).contiguous()}, path)
    reseal(saved, path.name)
    with pytest.raises(SirnaError, match=rf"inconsistent \(.*{message}.*\); train again"):
        load_bundle(saved)


def test_a_network_larger_than_its_weights_is_never_built(saved):
    change_manifest(saved, lambda raw: raw["config"]["model"].update(hidden=100_000, layers=8))
    with pytest.raises(SirnaError, match=r"the network has [\d,]+ weights, the file"):
        load_bundle(saved)


def with_column(name, values):
    def change(table):
        return table.assign(**{name: values(table) if callable(values) else values})

    return change


COLUMNS = {
    "an unknown column": (with_column("secret", 1.0), "unknown column 'secret'"),
    "bytes": (with_column("guide", b"ACGU"), "column 'guide' has the type 'binary'"),
    "numbers for text": (with_column("target", 5), "column 'target' has the type 'int64'"),
    "text for numbers": (with_column("dose", "5"), "column 'dose' has the type"),
    "lists": (with_column("guide", lambda t: [["A"]] * len(t)), "column 'guide' has the type"),
    "an infinite dose": (with_column("dose", math.inf), "column 'dose' holds a value"),
    "a missing label": (with_column("label", math.nan), "column 'label' holds a value"),
    "a label of a million": (with_column("label", 1e6), "column 'label' holds a value"),
    "a long strand": (with_column("guide", "A" * 65), "column 'guide' holds a value"),
    "other strands": (with_column("guide", "UUUUUUUUUUUUUUUUUUUUU"), "never saw"),
    "fewer rows": (lambda table: table.iloc[:5], "does not fit the rows"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_every_column_of_the_training_rows_is_checked(saved, name):
    change, message = COLUMNS[name]
    written = io.BytesIO()
    change(pd.read_parquet(saved / TRAINING)).to_parquet(written, index=False)
    (saved / TRAINING).write_bytes(written.getvalue())
    reseal(saved, TRAINING)
    with pytest.raises(SirnaError, match=message) as error:
        load_bundle(saved)
    assert "\n" not in str(error.value)


ENTRIES = {
    "a fold in words": (lambda raw: raw["members"][0].update(fold="0"), "'members.0.fold'"),
    "a fold below 0": (lambda raw: raw["members"][0].update(fold=-1), "'members.0.fold'"),
    "a huge seed": (lambda raw: raw.update(seed=10**30), "'seed'"),
    "an unknown entry": (lambda raw: raw.update(extra=1), "unknown entry 'extra'"),
    "no digest of a file": (lambda raw: raw["members"][0].update(sha256="x"), "sha256"),
    "a long word": (lambda raw: raw.update(protocol="x" * 5000), "'protocol'"),
    "a spread without end": (
        lambda raw: raw["postprocess"]["calibration"].update(spread=1e300),
        "spread",
    ),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_of_the_manifest_is_checked(saved, name):
    change, message = ENTRIES[name]
    change_manifest(saved, change)
    with pytest.raises(SirnaError, match=message) as error:
        load_bundle(saved)
    assert len(str(error.value)) < 800


def test_another_digest_than_the_expected_one_is_refused(saved):
    digest = bundle_digest(saved)
    assert load_bundle(saved, expect=digest.upper()).members
    with pytest.raises(SirnaError, match=rf"has the digest {digest}, not the expected '00'"):
        load_bundle(saved, expect="00")


def test_large_and_irregular_files_are_refused_before_they_are_read(saved):
    with (saved / MANIFEST).open("ab") as stream:
        stream.truncate(201_000_000)
    with pytest.raises(SirnaError, match=r"bundle\.json: has 201 MB"):
        load_bundle(saved)
    (saved / MANIFEST).unlink()
    (saved / MANIFEST).symlink_to("/dev/zero")
    with pytest.raises(SirnaError, match="is not a regular file"):
        load_bundle(saved)
