"""The manifest of a bundle: what each entry may hold, at its bounds and beyond them."""

import copy
import json
from pathlib import Path

import pytest

from sirna.bundle.manifest import check_manifest, manifest_digest, read_manifest
from sirna.errors import SirnaError
from sirna.prediction.decision import Decision

DIGEST = "0a" * 32
DECISION = {"kind": "score", "threshold": 30.0, "cut": 0.4, "range_weight": 0.1, "mae_weight": 0.2}
POSTPROCESS = {"calibration": {"spread": 1.0}, "decision": DECISION}
MEMBER = {
    "family": "network",
    "file": "network-0.safetensors",
    "sha256": DIGEST,
    "fold": 0,
    "facts": {},
    "encoder": {},
}
MANIFEST = {
    "schema": 9,
    "sirna": "0.3.0",
    "torch": "2.13.0",
    "created": "2026-01-01T00:00:00+00:00",
    "protocol": "rows",
    "scores": {"score": 0.5},
    "seed": 0,
    "training": {"name": "train.csv", "rows": 7, "sha256": DIGEST},
    "postprocess": POSTPROCESS,
    "unseen_postprocess": None,
    "ranges": {"dose": [0.1, 10.0]},
    "config": {},
    "table": None,
    "members": [MEMBER],
    "digest": DIGEST,
}
LARGEST = 2**63 - 1
BOUNDS = {
    ("seed",): ([0, LARGEST], [-1, LARGEST + 1, 1.0, "1", True, None]),
    ("sirna",): (["", "x" * 1000], ["x" * 1001, 3, None]),
    ("scores", "score"): ([-1e12, 1e12, 1], [1.1e12, -1.1e12, 1e12 + 1, float("nan"), "1"]),
    ("training", "rows"): ([0, LARGEST], [-1, LARGEST + 1]),
    ("training", "sha256"): (["f" * 64], ["F" * 64, "f" * 63, "f" * 65, "g" * 64]),
    ("postprocess", "calibration", "spread"): ([1e-9, 1e3], [0.0, -1.0, 1001.0, float("inf")]),
    ("postprocess", "decision", "kind"): (["score", "median", "mean"], ["mode", None]),
    ("postprocess", "decision", "threshold"): ([1e-9, 99.9], [0.0, 100.0, -1.0]),
    ("postprocess", "decision", "cut"): ([-1e12, 1e12], [-1e12 - 1, 1e12 + 1]),
    ("unseen_postprocess",): ([None, POSTPROCESS], [{}, []]),
    ("ranges", "dose"): ([[0, 1]], [[0.0], [0.0, 1.0, 2.0], [0.0, None]]),
    ("table",): ([None, DIGEST], ["", 1]),
    ("members",): ([[MEMBER] * 3], [[], {}, None]),
    ("members", 0, "fold"): ([0, 100_000], [-1, 100_001, 0.5]),
    ("members", 0, "file"): (
        ["network-0.safetensors", "word_process-999999.safetensors"],
        ["network-1234567.safetensors", "../network-0.safetensors", "Network-0.safetensors"],
    ),
}


def changed(path, value):
    raw = copy.deepcopy(MANIFEST)
    place = raw
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return raw


@pytest.mark.parametrize("path", BOUNDS, ids=lambda path: ".".join(map(str, path)))
def test_an_entry_is_accepted_within_its_bounds_only(path):
    accepted, refused = BOUNDS[path]
    for value in accepted:
        check_manifest(changed(path, value), Path("bundle.json"))
    for value in refused:
        with pytest.raises(SirnaError, match=r"bundle\.json: the bundle is inconsistent") as found:
            check_manifest(changed(path, value), Path("bundle.json"))
        assert str(path[-1]) in str(found.value) or "tensors file" in str(found.value)


def test_a_decision_that_names_no_weights_is_the_default_one():
    raw = changed(("postprocess", "decision"), {"kind": "score", "threshold": 30.0})
    check_manifest(raw, Path("bundle.json"))
    assert Decision.from_dict(raw["postprocess"]["decision"]) == Decision("score", 30.0)


@pytest.mark.parametrize("name", MANIFEST)
def test_an_entry_that_is_absent_is_named(name):
    raw = {key: value for key, value in MANIFEST.items() if key != name}
    with pytest.raises(SirnaError, match=f"no entry '{name}'"):
        check_manifest(raw, Path("bundle.json"))


def test_an_entry_that_nobody_knows_is_named():
    with pytest.raises(SirnaError, match=r"unknown entry 'members\.0\.code'"):
        check_manifest(changed(("members", 0, "code"), "x"), Path("bundle.json"))


def test_the_digest_covers_every_other_entry_in_any_order():
    whole = manifest_digest(MANIFEST)
    assert manifest_digest(dict(reversed(MANIFEST.items()))) == whole
    assert manifest_digest(changed(("digest",), "other")) == whole
    for name in set(MANIFEST) - {"digest"}:
        assert manifest_digest(changed((name,), "other")) != whole


@pytest.mark.parametrize("schema", [7, 10, "9", 9.0, True, None])
def test_only_schemas_8_and_9_are_read(schema, tmp_path):
    raw = changed(("schema",), schema)
    raw["digest"] = manifest_digest(raw)
    (tmp_path / "bundle.json").write_text(json.dumps(raw))
    with pytest.raises(SirnaError, match="reads schemas 8 to 9"):
        read_manifest(tmp_path)
    for known in (8, 9):
        raw["schema"] = known
        raw["digest"] = manifest_digest(raw)
        (tmp_path / "bundle.json").write_text(json.dumps(raw))
        assert read_manifest(tmp_path) == raw


def test_a_manifest_that_is_nested_deeply_is_refused(tmp_path):
    (tmp_path / "bundle.json").write_text("[" * 100_000)
    with pytest.raises(SirnaError, match="nested deeply"):
        read_manifest(tmp_path)


def test_a_folder_without_a_manifest_is_no_bundle(tmp_path):
    with pytest.raises(SirnaError, match="no bundle here"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"x"', b"{}", b"\xff{}"], ids=repr)
def test_what_is_no_manifest_is_named_so(content, tmp_path):
    (tmp_path / "bundle.json").write_bytes(content)
    with pytest.raises(SirnaError, match=r"bundle\.json: not the manifest of a bundle"):
        read_manifest(tmp_path)


def test_a_manifest_that_was_changed_is_refused_by_its_digest(tmp_path):
    (tmp_path / "bundle.json").write_text(json.dumps(MANIFEST))
    with pytest.raises(SirnaError, match="was changed after it was written"):
        read_manifest(tmp_path)


def test_only_the_name_of_a_file_is_called_one():
    with pytest.raises(SirnaError, match=r"'\.\./x' is not the name of a tensors file"):
        check_manifest(changed(("members", 0, "file"), "../x"), Path("bundle.json"))
    with pytest.raises(SirnaError, match=r"\('training\.sha256': string should match"):
        check_manifest(changed(("training", "sha256"), "x"), Path("bundle.json"))
    with pytest.raises(SirnaError, match=r"\('members\.0\.file': input should be a valid string"):
        check_manifest(changed(("members", 0, "file"), 3), Path("bundle.json"))
