"""Bundles from strangers: cut, flipped, swapped, or changed with every digest mended."""

import io
import json
import math
import os
import shutil
import struct

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from campaign import Campaign
from child import run
from safetensors.torch import load_file, save

from sirna.bundle.manifest import MANIFEST, manifest_digest
from sirna.bundle.store import TRAINING
from sirna.system.files import sha256

REFUSED, ANY = "refused", "any"
MOST_MEGABYTES, MOST_SECONDS = 1500, 60


def manifest(folder):
    return json.loads((folder / MANIFEST).read_text())


def put_manifest(folder, raw):
    raw["digest"] = manifest_digest(raw)
    (folder / MANIFEST).write_text(json.dumps(raw))


def put(folder, name, content):
    """Replace a file and mend every digest, as a forger would."""
    (folder / name).write_bytes(content)
    raw, digest = manifest(folder), sha256(folder / name)
    if name == TRAINING:
        raw["table"] = digest
    for entry in raw["members"]:
        if entry["file"] == name:
            entry["sha256"] = digest
    put_manifest(folder, raw)


def with_bytes(name, change):
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


def mended(name, change):
    return lambda folder: put(folder, name, change((folder / name).read_bytes()))


def with_tensor(name, key, change):
    def act(folder):
        tensors = load_file(folder / name)
        found = change(tensors[key])
        tensors = {k: v for k, v in tensors.items() if k != key} | (
            {} if found is None else {key: found}
        )
        put(folder, name, save({k: v.contiguous() for k, v in tensors.items()}))

    return act


def with_value(path, value, absent=False):
    def act(folder):
        raw = manifest(folder)
        place = raw
        for key in path[:-1]:
            place = place[key]
        if absent:
            del place[path[-1]]
        else:
            place[path[-1]] = value
        put_manifest(folder, raw)

    return act


def with_column(name, change):
    def act(folder):
        table = pd.read_parquet(folder / TRAINING)
        found = change(table[name]) if name in table else change(None)
        written = io.BytesIO()
        table.assign(**{name: found}).to_parquet(written, index=False)
        put(folder, TRAINING, written.getvalue())

    return act


def flip(data, place, bit):
    found = bytearray(data)
    found[place % len(found)] ^= 1 << bit
    return bytes(found)


def replaced(name, make):
    """Put something that is not a regular file in the place of a file."""

    def act(folder):
        (folder / name).unlink()
        make(folder / name)

    return act


def header(data, change):
    length = struct.unpack("<Q", data[:8])[0]
    raw = json.loads(data[8 : 8 + length])
    change(raw, next(key for key in raw if key != "__metadata__"))
    text = json.dumps(raw).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


HEADERS = {
    "offsets beyond the end": lambda raw, key: raw[key].update(data_offsets=[0, 2**50]),
    "negative offsets": lambda raw, key: raw[key].update(data_offsets=[-8, 8]),
    "a shape of 2^62": lambda raw, key: raw[key].update(shape=[2**62, 4]),
    "a shape that overflows": lambda raw, key: raw[key].update(shape=[2**32, 2**32]),
    "a type that is none": lambda raw, key: raw[key].update(dtype="Q9"),
    "two tensors in one place": lambda raw, key: raw.update(other=raw[key]),
}
FLOATS = {
    "absent": (lambda t: None, REFUSED),
    "longer": (lambda t: torch.cat([t.reshape(-1), t.reshape(-1), t.reshape(-1)[:1]]), REFUSED),
    "one more axis": (lambda t: t[None].clone(), REFUSED),
    "not a number": (lambda t: torch.full_like(t, math.nan), REFUSED),
    "infinite": (lambda t: torch.full_like(t, math.inf), REFUSED),
    "of 16 bits": (lambda t: t.half(), REFUSED),
    "complex": (lambda t: t.to(torch.complex64), REFUSED),
    "huge": (lambda t: torch.full_like(t, 1e38), ANY),
    "0": (torch.zeros_like, ANY),
    "negative": (lambda t: -torch.ones_like(t), ANY),
}
WHOLE = {
    "absent": FLOATS["absent"],
    "as floats": (lambda t: t.double(), REFUSED),
    "all -1": (lambda t: torch.full_like(t, -1), ANY),
    "all 2^30": (lambda t: torch.full_like(t, 2**30), ANY),
    "all 0": (torch.zeros_like, ANY),
}
VALUES = [None, -1, 0, 10**9, 10**30, 1e308, "x", "", [], {}, [[]], True, "\x1b[31m", 0.5, ["x"]]
COLUMNS = {
    "bytes": lambda c: [b"x"] * len(c),
    "numbers": lambda c: list(range(len(c))),
    "lists": lambda c: [["x"]] * len(c),
    "infinite": lambda c: [math.inf] * len(c),
    "missing": lambda c: [None] * len(c),
    "long text": lambda c: ["A" * 2_000_000, *["A"] * (len(c) - 1)],
}
HUGE = b'{"schema": 9, "x": "' + b"a" * 250_000_000 + b'"}'
DEEP = b'{"schema": 9, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def paths(value, before=()):
    for key, item in value.items() if isinstance(value, dict) else enumerate(value[:2]):
        yield (*before, key)
        if isinstance(item, dict | list):
            yield from paths(item, (*before, key))


def damaged(folder, rng):
    """Changes without mended digests; every one must be refused."""
    names = sorted(path.name for path in folder.iterdir())
    for name in names:
        size = (folder / name).stat().st_size
        for at in (0, 1, 8, 9, size // 4, size // 2, size - 1):
            yield f"{name} cut at {at}", with_bytes(name, lambda d, at=at: d[:at]), REFUSED
        for _ in range(25):
            place, bit = rng.randrange(size), rng.randrange(8)
            change = with_bytes(name, lambda d, p=place, b=bit: flip(d, p, b))
            yield f"{name} bit {bit} of {place}", change, REFUSED
        yield f"{name} longer", with_bytes(name, lambda d: d + b"x"), REFUSED
        yield f"{name} absent", lambda f, n=name: (f / n).unlink(), REFUSED
        yield f"{name} a pipe", replaced(name, os.mkfifo), REFUSED
        yield f"{name} a folder", replaced(name, os.mkdir), REFUSED
        yield f"{name} endless", replaced(name, lambda p: p.symlink_to("/dev/zero")), REFUSED
        yield f"{name} a loop", replaced(name, lambda p: p.symlink_to(p.name)), REFUSED
    for title, content in (("huge", HUGE), ("deep", DEEP), ("a list", b"[1]"), ("null", b"null")):
        yield f"{MANIFEST} {title}", with_bytes(MANIFEST, lambda d, c=content: c), REFUSED


def forged(folder, rng):
    """Changes with mended digests: refused, or at least without any harm."""
    for name in sorted(path.name for path in folder.glob("*.safetensors")):
        for title, change in HEADERS.items():
            act = mended(name, lambda d, c=change: header(d, c))
            yield f"{name}: {title}", act, REFUSED
        for length in (2**60, 2**64 - 1, 0, 10**8 + 1):
            act = mended(name, lambda d, n=length: struct.pack("<Q", n) + d[8:])
            yield f"{name}: header of {length}", act, REFUSED
        for key, tensor in load_file(folder / name).items():
            kinds = FLOATS if tensor.is_floating_point() else WHOLE
            for title, (change, outcome) in kinds.items():
                expected = outcome if tensor.numel() else ANY
                yield f"{name}: {key} {title}", with_tensor(name, key, change), expected
    raw = manifest(folder)
    raw.pop("digest")
    places = list(paths(raw))
    for path in rng.sample(places, min(len(places), 40)):
        yield f"{path} absent", with_value(path, None, absent=True), ANY
        for value in rng.sample(VALUES, 9):
            yield f"{path} = {value!r}", with_value(path, value), ANY
    for name in pd.read_parquet(folder / TRAINING):
        for title, change in COLUMNS.items():
            yield f"column {name}: {title}", with_column(name, change), ANY
    yield "column secret", with_column("secret", lambda c: 1), REFUSED
    many = io.BytesIO()
    rows = pa.DictionaryArray.from_arrays(pa.array([0] * 30_000_000, pa.int32()), pa.array(["A"]))
    pq.write_table(pa.table({"guide": rows}), many)
    yield "30 million rows", lambda f: put(f, TRAINING, many.getvalue()), REFUSED


@pytest.mark.parametrize("kind", ["damaged", "forged"])
def test_a_bundle_from_a_stranger_does_no_harm(kind, data, finished, tmp_path):
    campaign = Campaign(f"bundles, {kind}")
    source = finished / "bundle"
    make = damaged if kind == "damaged" else forged
    cases = list(make(source, campaign.rng))
    command = ["submit", data / "test.csv", "--run", "b", "--out", "o.csv"]
    run(["submit", data / "test.csv", "--run", source, "--out", "o.csv"], tmp_path)
    usual = (tmp_path / "o.csv").read_bytes()
    for name, change, expected in campaign.some(cases):
        folder = tmp_path / "case"
        shutil.copytree(source, folder / "b")
        change(folder / "b")
        result = run(command, folder, timeout=MOST_SECONDS)
        out = folder / "o.csv"
        if result.fault:
            campaign.fault(name, result.fault)
        elif result.megabytes > MOST_MEGABYTES:
            campaign.fault(name, f"{result.megabytes:.0f} MB")
        elif result.code == 0 and expected == REFUSED and out.read_bytes() != usual:
            campaign.fault(name, "accepted, with other predictions")
        elif result.code != 0 and out.exists():
            campaign.fault(name, "refused, but a file was written")
        elif result.code != 0 and not ("b/" in result.err or "b:" in result.err):
            campaign.fault(name, f"the bundle is not named: {result.err[-200:]}")
        elif {path.name for path in folder.iterdir()} - {"b", "o.csv", "submissions"}:
            campaign.fault(name, "something else was written")
        campaign.counts["refused" if result.code else "accepted"] += 1
        shutil.rmtree(folder)
    campaign.finish()
