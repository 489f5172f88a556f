"""Bundles on disk: they can be moved, and opening one from somebody else is safe."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from sirna.bundle import store
from sirna.bundle.manifest import MANIFEST, manifest_digest
from sirna.bundle.store import TRAINING, load_bundle, save_bundle
from sirna.config.load import with_changes
from sirna.errors import SirnaError
from sirna.features.encoded_fold import encode_fold
from sirna.system.files import sha256

GAUSSIAN_PROCESS, TREES = "gaussian_process-0.safetensors", "trees-0.safetensors"


@pytest.fixture
def saved(mixed, tmp_path):
    save_bundle(tmp_path / "bundle", mixed)
    return tmp_path / "bundle"


def probs(bundle, rows):
    return bundle.predict(rows).distribution.probs


def tamper(folder, change, sealed=True):
    """Change the description; `sealed` with its digest, so that later checks are reached."""
    path = folder / MANIFEST
    raw = json.loads(path.read_text(encoding="utf-8"))
    change(raw)
    if sealed:
        raw["digest"] = manifest_digest(raw)
    path.write_text(json.dumps(raw), encoding="utf-8")


def entry(raw, family):
    return next(member for member in raw["members"] if member["family"] == family)


def reseal(folder, name):
    """Note the digest of a file that was changed."""

    def change(raw):
        if name == TRAINING:
            raw["table"] = sha256(folder / name)
        for member in raw["members"]:
            if member["file"] == name:
                member["sha256"] = sha256(folder / name)

    tamper(folder, change)


def test_a_loaded_bundle_predicts_exactly_what_the_saved_one_did(mixed, saved, tiny_table):
    loaded = load_bundle(saved)
    strange = tiny_table.rows.assign(target="MINE", publication=None)
    strange["guide"] = strange["guide"].str[::-1]
    for rows in (tiny_table.rows, strange):
        one, other = (bundle.predict(rows) for bundle in (mixed, loaded))
        np.testing.assert_array_equal(one.distribution.probs, other.distribution.probs)
        np.testing.assert_array_equal(one.points, other.points)
        np.testing.assert_array_equal(one.unseen_target, other.unseen_target)
    assert other.unseen_target.all()
    for name in ("config", "postprocess", "unseen_postprocess", "ranges", "about", "reads"):
        assert getattr(loaded, name) == getattr(mixed, name), name
    for one, other in zip(mixed.members, loaded.members, strict=True):
        assert (one.family, one.fold, one.facts) == (other.family, other.fold, other.facts)
        assert json.dumps(one.encoder()) == json.dumps(other.encoder())


def test_the_training_table_has_only_the_columns_that_inference_reads(
    mixed, saved, tmp_path, make_network, tiny_task
):
    whole = pd.read_parquet(saved / TRAINING)
    assert {"guide", "target", "publication", "label", "fitted"} <= set(whole)
    assert not {"id", "passenger"} & set(whole)
    config = with_changes(tiny_task.config, {"siblings.lookup": False})
    task = replace(tiny_task, config=config)
    members = [make_network(encode_fold(task), task)]
    alone = replace(mixed, config=config, members=members, unseen_postprocess=None)
    save_bundle(tmp_path / "alone", alone)
    assert not (tmp_path / "alone" / TRAINING).exists()


def test_a_bundle_that_was_moved_works(saved, tiny_table, tmp_path):
    before = probs(load_bundle(saved), tiny_table.rows)
    there = tmp_path / "else" / "where"
    there.parent.mkdir()
    saved.rename(there)
    np.testing.assert_array_equal(before, probs(load_bundle(there), tiny_table.rows))


def test_a_new_bundle_replaces_the_old_one_completely(saved, networks):
    save_bundle(saved, replace(networks, members=networks.members[:1]))
    assert {path.name for path in saved.iterdir()} == {
        MANIFEST,
        TRAINING,
        "network-0.safetensors",
    }
    assert len(load_bundle(saved).members) == 1
    assert [path.name for path in saved.parent.iterdir()] == ["bundle"]


def test_nothing_in_a_bundle_is_pickled(saved, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a pickle was opened")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    monkeypatch.setattr(torch, "load", refuse)
    assert load_bundle(saved).members
    # JSON, in a file of tensors after eight bytes of its length; Parquet
    begins = {".json": (0, b"{"), ".safetensors": (8, b"{"), ".parquet": (0, b"PAR1")}
    assert {path.suffix for path in saved.iterdir()} == set(begins)
    for path in saved.iterdir():
        start, expected = begins[path.suffix]
        assert path.read_bytes()[start:].startswith(expected)


@pytest.mark.parametrize("name", ["network-1.safetensors", GAUSSIAN_PROCESS, TREES, TRAINING])
def test_a_changed_file_is_refused(saved, name):
    path = saved / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(SirnaError, match=rf"{name}: its SHA-256 .* damaged"):
        load_bundle(saved)


@pytest.mark.parametrize("name", ["network-1.safetensors", GAUSSIAN_PROCESS, TREES, TRAINING])
def test_the_message_for_an_absent_file_lists_the_files_of_the_bundle(saved, name):
    (saved / name).unlink()
    with pytest.raises(SirnaError, match=rf"{name} is absent.*network-0.*Copy it whole"):
        load_bundle(saved)


def test_a_training_table_of_another_kind_is_refused(saved):
    (saved / TRAINING).write_bytes(b"id,label\n1,5\n")
    reseal(saved, TRAINING)
    with pytest.raises(SirnaError, match=r"training\.parquet: not a table of measurements"):
        load_bundle(saved)


@pytest.mark.parametrize("column", ["label", "guide", "dose", "cell_line"])
def test_a_training_table_that_lacks_a_column_is_refused(saved, column):
    pd.read_parquet(saved / TRAINING).drop(columns=column).to_parquet(saved / TRAINING)
    reseal(saved, TRAINING)
    with pytest.raises(SirnaError, match=rf"inconsistent \(.*{column}.*\); train again"):
        load_bundle(saved)


@pytest.mark.parametrize("change", [lambda t: t.drop(columns="fitted"), lambda t: t.head(30)])
def test_a_training_table_that_does_not_fit_the_members_is_refused(saved, change):
    change(pd.read_parquet(saved / TRAINING)).to_parquet(saved / TRAINING)
    reseal(saved, TRAINING)
    with pytest.raises(SirnaError, match="inconsistent"):
        load_bundle(saved)


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize("schema", [0, 1, 7, 999, "2", None])
def test_another_schema_is_refused_with_the_remedy(saved, schema, sealed):
    tamper(saved, lambda raw: raw.update(schema=schema), sealed)
    with pytest.raises(SirnaError, match=r"schema .*Install the version that wrote it"):
        load_bundle(saved)


@pytest.mark.parametrize("name", ["../network-0.safetensors", "/etc/passwd", "network-0.pt", ""])
def test_a_file_outside_the_bundle_is_refused(saved, name):
    tamper(saved, lambda raw: raw["members"][0].update(file=name))
    with pytest.raises(SirnaError, match="is not the name of a tensors file"):
        load_bundle(saved)


def network_encoder(raw):
    return entry(raw, "network")["encoder"]


TAMPERED = {
    "no protocol": lambda raw: raw.pop("protocol"),
    "no scores": lambda raw: raw.pop("scores"),
    "no score": lambda raw: raw["scores"].pop("score"),
    "a score in words": lambda raw: raw["scores"].update(score="high"),
    "no seed": lambda raw: raw.pop("seed"),
    "no training table": lambda raw: raw.pop("training"),
    "no postprocessing": lambda raw: raw.pop("postprocess"),
    "no decision": lambda raw: raw["postprocess"].pop("decision"),
    "no calibration": lambda raw: raw["postprocess"].pop("calibration"),
    "a calibration without a spread": lambda raw: raw["postprocess"]["calibration"].pop("spread"),
    "a spread of 0": lambda raw: raw["postprocess"]["calibration"].update(spread=0.0),
    "no entry for unseen targets": lambda raw: raw.pop("unseen_postprocess"),
    "an empty postprocessing": lambda raw: raw.update(unseen_postprocess={}),
    "no ranges": lambda raw: raw.pop("ranges"),
    "a range upside down": lambda raw: raw["ranges"].update(dose=[9.0, 5.0]),
    "a range of three": lambda raw: raw["ranges"].update(dose=[1.0, 2.0, 3.0]),
    "ranges as a number": lambda raw: raw.update(ranges=5),
    "no entry for the table": lambda raw: raw.pop("table"),
    "no table where members need one": lambda raw: raw.update(table=None),
    "no entry for siblings": lambda raw: network_encoder(raw).pop("siblings"),
    "no siblings where there were some": lambda raw: network_encoder(raw).update(siblings=None),
    "no number of siblings": lambda raw: network_encoder(raw)["siblings"].pop("most"),
    "no configuration": lambda raw: raw.pop("config"),
    "no entry for members": lambda raw: raw.pop("members"),
    "no member": lambda raw: raw.update(members=[]),
    "members as a number": lambda raw: raw.update(members=5),
    "an unknown family": lambda raw: raw["members"][0].update(family="oracle"),
    "a member of another family": lambda raw: raw["members"][0].update(family="trees"),
    "no fold": lambda raw: raw["members"][0].pop("fold"),
    "no facts": lambda raw: raw["members"][0].pop("facts"),
    "no encoder": lambda raw: raw["members"][0].pop("encoder"),
    "no encoder of a process": lambda raw: entry(raw, "gaussian_process").update(encoder={}),
    "no digest": lambda raw: raw["members"][0].pop("sha256"),
    "no covariates": lambda raw: network_encoder(raw).pop("covariates"),
    "no vocabulary of a stream": lambda raw: network_encoder(raw)["vocabs"].pop("bases"),
    "a token less": lambda raw: network_encoder(raw)["vocabs"]["bases"].pop(),
    "a token twice": lambda raw: network_encoder(raw)["vocabs"].update(bases=["ACG"] * 9),
    "a number as a name": lambda raw: raw["members"][0].update(file=5),
    "another size": lambda raw: raw["config"]["model"].update(hidden=9),
    "an unknown key": lambda raw: raw["config"]["model"].update(hiden=9),
    "a weight of an unknown family": lambda raw: raw["config"]["mixture"]["known_target"].update(
        oracle=1.0
    ),
    "an unknown decision": lambda raw: raw["postprocess"]["decision"].update(kind="magic"),
    "a decision in words": lambda raw: raw["postprocess"]["decision"].update(cut="high"),
    "a decision with more": lambda raw: raw["postprocess"]["decision"].update(color="red"),
}


@pytest.mark.parametrize("change", list(TAMPERED.values()), ids=list(TAMPERED))
def test_an_inconsistent_description_is_refused(saved, change):
    tamper(saved, change)
    with pytest.raises(SirnaError, match=r"^(?!.*was changed)"):
        load_bundle(saved)


@pytest.mark.parametrize("change", list(TAMPERED.values()), ids=list(TAMPERED))
def test_any_change_of_the_description_is_refused_by_its_digest(saved, change):
    tamper(saved, change, sealed=False)
    with pytest.raises(SirnaError, match=r"bundle\.json: was changed"):
        load_bundle(saved)


def test_a_description_without_its_digest_is_refused(saved):
    tamper(saved, lambda raw: raw.pop("digest"), sealed=False)
    with pytest.raises(SirnaError, match=r"bundle\.json: was changed"):
        load_bundle(saved)


def test_an_absent_entry_is_named(saved):
    tamper(saved, lambda raw: raw.pop("protocol"))
    with pytest.raises(SirnaError, match=r"inconsistent \(no entry 'protocol'\); train again"):
        load_bundle(saved)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "7"])
def test_a_damaged_description_is_refused(saved, content):
    (saved / MANIFEST).write_text(content, encoding="utf-8")
    with pytest.raises(SirnaError, match=r"bundle\.json"):
        load_bundle(saved)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"head.0.bias": torch.zeros(3)}, r"head\.0\.bias has shape \(3,\), the network's \(8,\)"),
        ({"head.0.bias": None}, r"head\.0\.bias is absent"),
        ({"tail.bias": torch.zeros(3)}, r"no weight tail\.bias"),
        ({"edges": None}, "'edges'"),
    ],
    ids=["another shape", "one absent", "one more", "no edges"],
)
def test_weights_of_another_network_are_refused_in_one_sentence(saved, change, fault):
    path = saved / "network-0.safetensors"
    tensors = {name: t for name, t in (load_file(path) | change).items() if t is not None}
    save_file(tensors, path)
    reseal(saved, path.name)
    with pytest.raises(SirnaError, match=rf"inconsistent \(.*{fault}.*\); train again\.$") as error:
        load_bundle(saved)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", [GAUSSIAN_PROCESS, TREES])
@pytest.mark.parametrize("content", [b"not tensors", {"weights": torch.zeros(3)}], ids=str)
def test_tensors_of_another_kind_are_refused(saved, name, content):
    path = saved / name
    path.write_bytes(content) if isinstance(content, bytes) else save_file(content, path)
    reseal(saved, name)
    with pytest.raises(SirnaError, match=r"not a tensors file|inconsistent"):
        load_bundle(saved)


def test_a_folder_without_a_bundle_is_named(tmp_path):
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(SirnaError, match="no bundle here"):
            load_bundle(folder)


def test_a_swap_that_was_interrupted_leaves_the_old_bundle_readable(saved):
    saved.rename(saved.with_name(f".{saved.name}.old"))
    assert load_bundle(saved).members


def other_weights(bundle):
    member = bundle.members[0]
    changed = {name: tensor + 1 for name, tensor in member.tensors().items()}
    return replace(bundle, members=[_Pretended(member, changed), *bundle.members[1:]])


class _Pretended:
    """A member that says it has other tensors."""

    def __init__(self, member, tensors):
        self._member, self._tensors = member, tensors

    def tensors(self):
        return self._tensors

    def __getattr__(self, name):
        return getattr(self._member, name)


MISREAD = {
    "other scores": lambda read: replace(read, about=read.about | {"seed": 99}),
    "other ranges": lambda read: replace(read, ranges={}),
    "other config": lambda read: replace(
        read, config=with_changes(read.config, {"train.seed": 99})
    ),
    "other postprocess": lambda read: replace(read, postprocess=read.unseen_postprocess),
    "no unseen postprocess": lambda read: replace(read, unseen_postprocess=None),
    "one member fewer": lambda read: replace(read, members=read.members[1:]),
    "one family fewer": lambda read: replace(read, members=read.members[:-1]),
    "another order of families": lambda read: replace(read, members=read.members[::-1]),
    "other weights": other_weights,
    "a tensor more": lambda read: replace(
        read,
        members=[
            _Pretended(read.members[0], {**read.members[0].tensors(), "x": torch.zeros(1)}),
            *read.members[1:],
        ],
    ),
}


@pytest.mark.parametrize("name", MISREAD)
def test_a_bundle_that_reads_back_differently_does_not_replace_the_old_one(
    mixed, saved, name, monkeypatch
):
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    monkeypatch.setattr(store, "load_bundle", lambda draft: MISREAD[name](load_bundle(draft)))
    with pytest.raises(SirnaError, match=r"differ|other members"):
        save_bundle(saved, mixed)
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_bundle_that_is_replaced_while_it_is_read_is_read_again(
    mixed, tmp_path, times, monkeypatch
):
    """Up to two replacements: the third time, the fault of what was read is raised."""
    folder = tmp_path / "bundle"
    save_bundle(folder, mixed)
    read, left = store.load_file, list(range(times))

    def replaced(path):
        if left and path.parent == folder:
            seed = left.pop()
            save_bundle(folder, replace(mixed, about=mixed.about | {"seed": seed}))
            raise OSError("a file of another bundle")
        return read(path)

    monkeypatch.setattr(store, "load_file", replaced)
    if times < store.ATTEMPTS:
        assert load_bundle(folder).about["seed"] == 0
    else:
        with pytest.raises(SirnaError, match="a file of another bundle"):
            load_bundle(folder)


def test_a_bundle_that_is_damaged_is_read_once(saved, monkeypatch):
    (saved / TREES).unlink()
    reads = []
    monkeypatch.setattr(store, "check_manifest", lambda raw, path: reads.append(path))
    with pytest.raises(SirnaError, match="is absent"):
        load_bundle(saved)
    assert len(reads) == 1


@pytest.mark.parametrize(
    ("ends", "accepted"), [([1, 1], True), ([1, 2], True), ([2, 1], False)], ids=str
)
def test_a_range_ends_where_it_begins_or_later(saved, ends, accepted):
    tamper(saved, lambda raw: raw["ranges"].update(dose=ends))
    if accepted:
        assert load_bundle(saved).ranges["dose"] == tuple(map(float, ends))
    else:
        with pytest.raises(SirnaError, match="dose in the training rows is not a range"):
            load_bundle(saved)


def test_the_description_of_a_bundle_is_plain_readable_text(saved):
    text = (saved / MANIFEST).read_text(encoding="utf-8")
    raw = json.loads(text)
    assert text == json.dumps(raw, indent=1, ensure_ascii=False)
    assert raw["schema"] == 9
    assert raw["created"].endswith("+00:00")
    assert len(raw["created"]) == len("2026-01-01T00:00:00+00:00")
    names = [member["file"] for member in raw["members"]]
    assert names == ["network-0.safetensors", "network-1.safetensors", GAUSSIAN_PROCESS, TREES]
    assert "index" not in "".join(pd.read_parquet(saved / TRAINING).columns)
