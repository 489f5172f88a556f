"""Manipulated bundles of schema 8: every entry, with every digest right, ends in one message."""

import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from sirna.bundle.manifest import MANIFEST, manifest_digest
from sirna.bundle.store import load_bundle
from sirna.errors import SirnaError
from sirna.system.files import sha256

GOLDEN = Path(__file__).parents[2] / "golden" / "schema-8" / "bundle"
RAW = json.loads((GOLDEN / MANIFEST).read_text(encoding="utf-8"))
ABSENT = object()
VALUES = [ABSENT, None, True, -1, 10**30, 0.5, math.nan, "", "x" * 20_000, "../a", [], [[]], {}]
OWN = {"schema", "digest"}  # they decide whether the manifest is read at all
FREE = {"sirna", "torch", "created", "name", "protocol"}
"""Entries that hold any text."""
OPTIONAL = {("new_target_rule",), ("processes",), ("trees",)}
"""Entries without which a bundle still predicts."""
LONGEST_MESSAGE = 1200


def places(value, place=()):
    """Yield the place of every entry; of a list, and of names that the data give, the first."""
    if place:
        yield place
    below = []
    if isinstance(value, dict):
        below = list(value) if len(place) < 6 else list(value)[:1]
    elif isinstance(value, list):
        below = [0] if value else []
    for key in below:
        yield from places(value[key], (*place, key))


PLACES = [place for place in places(RAW) if place[0] not in OWN]


@pytest.fixture
def bundle(tmp_path):
    shutil.copytree(GOLDEN, tmp_path / "bundle")
    return tmp_path / "bundle"


def put(folder, raw):
    raw["digest"] = manifest_digest(raw)
    (folder / MANIFEST).write_text(json.dumps(raw), encoding="utf-8")


def changed(place, value):
    raw = json.loads(json.dumps(RAW))
    inner = raw
    for key in place[:-1]:
        inner = inner[key]
    if value is ABSENT:
        inner.pop(place[-1])
    else:
        inner[place[-1]] = value
    return raw


def message_of(folder):
    """Load a bundle; return the one line with which it is refused, or empty text."""
    try:
        load_bundle(folder)
    except SirnaError as error:
        return str(error)
    return ""


def values_for(place):
    """Choose values so that each is tried at many places; more at entries that decide most."""
    count = 1 if place[0] == "config" else 2 if "encoding" in place else 4
    start = 5 * PLACES.index(place)
    return [VALUES[(start + 7 * step) % len(VALUES)] for step in range(count)]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_a_manipulated_entry_ends_in_one_message_or_is_harmless(place, bundle):
    deep = place[0] == "config" or "encoding" in place
    for value in values_for(place):
        put(bundle, changed(place, value))
        message = message_of(bundle)
        assert "\n" not in message
        assert len(message) < LONGEST_MESSAGE
        if message:
            assert MANIFEST in message or "bundle" in message
        elif not deep:
            usual = RAW
            for key in place:
                usual = usual[key]
            same_kind = isinstance(usual, str) and place[-1] in FREE
            number_for_number = isinstance(usual, int | float) and isinstance(value, int | float)
            assert same_kind or number_for_number or place in OPTIONAL or value is ABSENT


def test_an_unknown_entry_is_refused(bundle):
    put(bundle, RAW | {"extra": 1})
    assert "unknown entry 'extra'" in message_of(bundle)


TENSORS = {
    "no positions": ("process-0", "chosen", None, "'chosen' is absent"),
    "positions of 32 bits": ("process-0", "chosen", lambda t: t.int(), "'chosen' is absent, or is"),
    "positions in a table": ("process-0", "chosen", lambda t: t[None], "'chosen' is absent, or is"),
    "no position": ("process-0", "chosen", lambda t: t[:0], "does not hold positions of the 662"),
    "below 0": ("process-0", "chosen", lambda t: t - 700, "does not hold positions"),
    "beyond the rows": ("process-0", "chosen", lambda t: t + 700, "does not hold positions"),
    "no means": ("trees-0", "left_out", None, "'left_out' is absent"),
    "means of 64 bits": ("trees-0", "left_out", lambda t: t.double(), "'left_out' is absent, or"),
    "no encoder": ("trees-0", "aligner", None, "'aligner' is absent"),
    "an encoder of numbers": ("trees-0", "aligner", lambda t: t.long(), "'aligner' is absent, or"),
}


@pytest.mark.parametrize("name", TENSORS)
def test_a_manipulated_tensor_is_named(name, bundle):
    file, key, change, message = TENSORS[name]
    tensors = load_file(bundle / f"{file}.safetensors")
    tensor = tensors.pop(key)
    if change is not None:
        tensors[key] = change(tensor).contiguous()
    reseal(bundle, file, tensors)
    assert message in message_of(bundle)


def reseal(folder, file, tensors):
    path = folder / f"{file}.safetensors"
    save_file(tensors, path)
    raw = json.loads(json.dumps(RAW))
    for entry in [*raw["processes"], *raw["trees"]]:
        if entry["tensors"] == path.name:
            entry["sha256"] = sha256(path)
    put(folder, raw)


TEXTS = {
    "not JSON": "{",
    "not UTF-8": "\udcff",
    "a list": "[]",
    "nested": "[" * 100_000,
    "no channels": '{"counted": [], "conditions": {}, "series": []}',
    "channels in words": '{"channels": {"guide base 1": {"A": "x"}}}',
    "an unknown entry": '{"a": 1}',
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_manipulated_encoder_of_trees_ends_in_one_message(name, bundle):
    tensors = load_file(bundle / "trees-0.safetensors")
    text = TEXTS[name].encode("utf-8", "surrogateescape")
    tensors["aligner"] = torch.frombuffer(bytearray(text), dtype=torch.uint8)
    reseal(bundle, "trees-0", tensors)
    message = message_of(bundle)
    assert "the bundle is inconsistent" in message
    assert "\n" not in message
