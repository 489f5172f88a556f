"""All that inference needs, in one folder that a stranger may hand over."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from sirna.bundle.bundle import Bundle, Member
from sirna.bundle.store import KNOWN, MANIFEST, _digest, load_bundle, save_bundle
from sirna.config.load import with_changes
from sirna.errors import SirnaError
from sirna.features.dataset import Encoding
from sirna.members.gaussian_process.member import RowProcess
from sirna.members.network.fit import start
from sirna.members.trees.member import RowTrees
from sirna.prediction.calibration import Calibration
from sirna.prediction.decision import Decision
from sirna.prediction.histogram import Histogram
from sirna.prediction.postprocess import Rule
from sirna.system.files import sha256
from sirna.table.splits import group_targets

CPU = torch.device("cpu")
ABOUT = {
    "protocol": "rows",
    "scores": {"score": 0.5},
    "seed": 7,
    "training": {"name": "tiny", "rows": 70, "sha256": "0" * 64},
}


def untrained(fold, config, members=2):
    def member(seed):
        model = start(fold.encoding, fold.train, config, seed, CPU).model
        torch.nn.init.normal_(model.head[-1].weight)  # zeros at the start of a training
        weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        return Member(fold.encoding, weights, {"fold": seed, "seed": seed, "epoch": 1})

    rule = Rule(Calibration(1.25), Decision("score", 30.0, 0.3, 0.01, 0.005))
    return Bundle(
        config,
        [member(seed) for seed in range(members)],
        [],
        [],
        rule,
        None,
        {"dose": (1.0, 10.0)},
        ABOUT,
    )


def uncalibrated(bundle):
    rule = replace(bundle.rule, calibration=Calibration())
    return replace(bundle, rule=rule, new_target_rule=None)


@pytest.fixture
def saved(tiny_fold, tiny_config, tmp_path):
    folder = tmp_path / "bundle"
    save_bundle(folder, untrained(tiny_fold, tiny_config))
    return folder


def predictions(bundle, rows):
    predicted, points = bundle.predict(rows, bundle.encode(rows), CPU)
    return predicted.probs, points


def tamper(folder, change, sealed=True):
    """Change the description; `sealed` with a digest that fits, so that later checks are met."""
    path = folder / MANIFEST
    raw = json.loads(path.read_text(encoding="utf-8"))
    change(raw)
    if sealed:
        raw["digest"] = _digest(raw)
    path.write_text(json.dumps(raw), encoding="utf-8")


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_what_is_loaded_predicts_exactly_what_was_saved(
    tiny_fold, tiny_config, tiny_table, tmp_path, share, loss
):
    config = with_changes(tiny_config, {"model.share_encoder": share, "train.loss": loss})
    bundle = untrained(tiny_fold, config)
    save_bundle(tmp_path / "bundle", bundle)
    loaded = load_bundle(tmp_path / "bundle")
    for one, other in zip(
        predictions(bundle, tiny_table.rows), predictions(loaded, tiny_table.rows), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert loaded.config == bundle.config
    assert loaded.rule == bundle.rule
    assert loaded.new_target_rule == bundle.new_target_rule
    assert loaded.ranges == bundle.ranges
    assert loaded.about == bundle.about
    for one, other in zip(bundle.members, loaded.members, strict=True):
        assert replace(one.encoding, known=None) == replace(other.encoding, known=None)
        pd.testing.assert_frame_equal(
            one.encoding.known.rows, other.encoding.known.rows, check_dtype=False
        )
        assert one.facts == other.facts


def test_members_are_averaged(saved, tiny_table):
    bundle = load_bundle(saved)
    raw = uncalibrated(bundle)
    singles = [
        predictions(replace(raw, members=[member]), tiny_table.rows)[0] for member in raw.members
    ]
    both, _ = predictions(raw, tiny_table.rows)
    assert np.abs(singles[0] - singles[1]).max() > 1e-3
    np.testing.assert_allclose(both, np.mean(singles, axis=0), atol=1e-12)


def test_a_prediction_does_not_depend_on_the_rest_of_its_file(saved, tiny_table):
    bundle = load_bundle(saved)
    probs, points = predictions(bundle, tiny_table.rows)
    some = np.array([9, 2, 30])
    fewer, own = predictions(bundle, tiny_table.rows.iloc[some].reset_index(drop=True))
    np.testing.assert_allclose(fewer, probs[some], rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(own, points[some], rtol=1e-3)


def test_the_members_mixture_is_calibrated(saved, tiny_table):
    bundle = load_bundle(saved)
    raw = uncalibrated(bundle)
    datasets = bundle.encode(tiny_table.rows)
    mixed, _ = raw.predict(tiny_table.rows, datasets, CPU)
    expected, points = bundle.rule.apply(mixed)
    found, own = bundle.predict(tiny_table.rows, datasets, CPU)
    np.testing.assert_allclose(found.probs, expected.probs, atol=1e-5)
    np.testing.assert_allclose(own, points, atol=1e-3)
    assert np.abs(expected.probs - mixed.probs).max() > 1e-2


def test_a_prediction_looks_up_all_that_the_bundle_holds(saved, tiny_table):
    bundle = load_bundle(saved)
    known = bundle.members[0].encoding.known.rows
    changed = known.assign(label=130.0 - known["label"].clip(upper=130.0))
    members = [
        replace(member, encoding=member.encoding.knowing(changed)) for member in bundle.members
    ]
    before, _ = predictions(bundle, tiny_table.rows)
    after, _ = predictions(replace(bundle, members=members), tiny_table.rows)
    shown = bundle.encode(tiny_table.rows)[0].whole.known.numpy()[..., 0].any(axis=1)
    assert ((np.abs(after - before).max(axis=1) > 1e-7) == shown).all()


def test_a_bundle_without_known_measurements_holds_none(tiny_table, tiny_fold, tiny_config, saved):
    encoding = Encoding.fit(tiny_table.rows, tiny_config, "duplex")
    fold = replace(tiny_fold, encoding=encoding, train=encoding.encode(tiny_table.rows))
    bundle = untrained(fold, tiny_config)
    save_bundle(saved, bundle)
    assert not (saved / KNOWN).exists()
    loaded = load_bundle(saved)
    assert [member.encoding.known for member in loaded.members] == [None, None]
    np.testing.assert_array_equal(*(predictions(b, tiny_table.rows)[1] for b in (bundle, loaded)))


def test_members_that_read_other_conditions_find_them_all_in_one_table(
    tiny_table, tiny_fold, tiny_config, tmp_path
):
    # the only rows with a species are held out of the first fold: its member reads no species
    rows = tiny_table.rows.copy()
    blind = Encoding.fit(rows.assign(species=None), tiny_config, "rows")
    seeing = Encoding.fit(rows, tiny_config, "rows")
    assert set(seeing.covariates.categorical) - set(blind.covariates.categorical) == {"species"}
    singles = []
    for encoding in (blind, seeing):
        fold = replace(tiny_fold, encoding=encoding, train=encoding.encode(rows, own=True))
        singles += untrained(fold, tiny_config, members=1).members
    bundle = replace(untrained(tiny_fold, tiny_config), members=singles)
    save_bundle(tmp_path / "bundle", bundle)
    loaded = load_bundle(tmp_path / "bundle")
    np.testing.assert_array_equal(*(predictions(b, rows)[0] for b in (bundle, loaded)))


def test_a_bundle_that_was_moved_works(saved, tiny_table, tmp_path):
    before, _ = predictions(load_bundle(saved), tiny_table.rows)
    there = tmp_path / "else" / "where"
    there.parent.mkdir()
    saved.rename(there)
    after, _ = predictions(load_bundle(there), tiny_table.rows)
    np.testing.assert_array_equal(before, after)


def test_a_new_bundle_replaces_the_old_one_whole(saved, tiny_fold, tiny_config):
    save_bundle(saved, untrained(tiny_fold, tiny_config, members=1))
    assert {path.name for path in saved.iterdir()} == {MANIFEST, KNOWN, "member-0.safetensors"}
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


@pytest.mark.parametrize("name", ["member-1.safetensors", KNOWN])
def test_a_changed_file_is_refused(saved, name):
    path = saved / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(SirnaError, match=rf"{name}: its SHA-256 .* damaged"):
        load_bundle(saved)


@pytest.mark.parametrize("name", ["member-1.safetensors", KNOWN])
def test_an_absent_file_is_told_with_what_is_there(saved, name):
    (saved / name).unlink()
    with pytest.raises(SirnaError, match=rf"{name} is absent.*member-0.*Copy it whole"):
        load_bundle(saved)


def reseal(folder, content):
    """Replace the known measurements and note the new file's digest."""
    path = folder / KNOWN
    path.write_bytes(content) if isinstance(content, bytes) else content.to_parquet(path)
    tamper(folder, lambda raw: raw.update(known=sha256(path)))


def test_known_measurements_that_are_no_table_are_refused(saved):
    reseal(saved, b"id,label\n1,5\n")
    with pytest.raises(SirnaError, match=r"known\.parquet: not a table of measurements"):
        load_bundle(saved)


@pytest.mark.parametrize("column", ["label", "guide", "dose", "cell_line"])
def test_known_measurements_that_lack_a_column_are_refused(saved, column):
    reseal(saved, pd.read_parquet(saved / KNOWN).drop(columns=column))
    with pytest.raises(SirnaError, match=rf"inconsistent \(.*{column}.*\); train again"):
        load_bundle(saved)


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize("schema", [0, 1, 999, "2", None])
def test_another_schema_is_refused_with_what_to_do(saved, schema, sealed):
    tamper(saved, lambda raw: raw.update(schema=schema), sealed)
    with pytest.raises(SirnaError, match=r"schema .*Install the version named, or train again"):
        load_bundle(saved)


@pytest.mark.parametrize("name", ["../member-0.safetensors", "/etc/passwd", "member-0.pt", ""])
def test_a_weights_file_outside_the_bundle_is_refused(saved, name):
    tamper(saved, lambda raw: raw["members"][0].update(weights=name))
    with pytest.raises(SirnaError, match="no name of a weights file"):
        load_bundle(saved)


def _encoding(raw):
    return raw["members"][0]["encoding"]


TAMPERED = {
    "no protocol": lambda raw: raw.pop("protocol"),
    "no scores": lambda raw: raw.pop("scores"),
    "no score": lambda raw: raw["scores"].pop("score"),
    "a score that is no number": lambda raw: raw["scores"].update(score="high"),
    "no seed": lambda raw: raw.pop("seed"),
    "no training table": lambda raw: raw.pop("training"),
    "no rule": lambda raw: raw.pop("rule"),
    "no decision": lambda raw: raw["rule"].pop("decision"),
    "no calibration": lambda raw: raw["rule"].pop("calibration"),
    "a calibration without a spread": lambda raw: raw["rule"]["calibration"].pop("spread"),
    "a spread of 0": lambda raw: raw["rule"]["calibration"].update(spread=0.0),
    "no word of trees": lambda raw: raw.pop("trees"),
    "trees that are none": lambda raw: raw.update(trees=5),
    "no word of new targets": lambda raw: raw.pop("new_target_rule"),
    "a rule for new targets that is none": lambda raw: raw.update(new_target_rule={}),
    "a rule for new targets without a process": lambda raw: raw.update(new_target_rule=raw["rule"]),
    "no word of ranges": lambda raw: raw.pop("ranges"),
    "a range that is none": lambda raw: raw["ranges"].update(dose=[9.0, 5.0]),
    "a range of three": lambda raw: raw["ranges"].update(dose=[1.0, 2.0, 3.0]),
    "ranges that are none": lambda raw: raw.update(ranges=5),
    "no word of what is known": lambda raw: raw.pop("known"),
    "nothing known where something is": lambda raw: raw.update(known=None),
    "no word of what a member knows": lambda raw: _encoding(raw).pop("known"),
    "a member that knows nothing": lambda raw: _encoding(raw).update(known=None),
    "no number of measurements": lambda raw: _encoding(raw)["known"].pop("most"),
    "no configuration": lambda raw: raw.pop("config"),
    "no entry for members": lambda raw: raw.pop("members"),
    "no member": lambda raw: raw.update(members=[]),
    "members that are none": lambda raw: raw.update(members=5),
    "no encoding": lambda raw: raw["members"][0].pop("encoding"),
    "no digest": lambda raw: raw["members"][0].pop("sha256"),
    "no covariates": lambda raw: _encoding(raw).pop("covariates"),
    "no vocabulary of a stream": lambda raw: _encoding(raw)["vocabs"].pop("bases"),
    "a token less": lambda raw: _encoding(raw)["vocabs"]["bases"].pop(),
    "a token twice": lambda raw: _encoding(raw)["vocabs"].update(bases=["ACG"] * 9),
    "a name that is none": lambda raw: raw["members"][0].update(weights=5),
    "another size": lambda raw: raw["config"]["model"].update(hidden=9),
    "an unknown key": lambda raw: raw["config"]["model"].update(hiden=9),
    "an unknown decision": lambda raw: raw["rule"]["decision"].update(kind="magic"),
    "a decision without a number": lambda raw: raw["rule"]["decision"].update(cut="high"),
    "a decision with more": lambda raw: raw["rule"]["decision"].update(color="red"),
}


@pytest.mark.parametrize("change", list(TAMPERED.values()), ids=list(TAMPERED))
def test_an_inconsistent_description_is_refused_by_its_name(saved, change):
    tamper(saved, change)
    with pytest.raises(SirnaError, match=r"bundle\.json: (?!was changed)"):
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


def test_an_absent_entry_is_told_by_its_name(saved):
    tamper(saved, lambda raw: raw.pop("protocol"))
    with pytest.raises(SirnaError, match=r"inconsistent \(no entry 'protocol'\); train again"):
        load_bundle(saved)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "7"])
def test_a_damaged_description_is_refused(saved, content):
    (saved / MANIFEST).write_text(content, encoding="utf-8")
    with pytest.raises(SirnaError, match=r"bundle\.json"):
        load_bundle(saved)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"head.0.bias": torch.zeros(3)}, r"head\.0\.bias has shape \(3,\), the network's \(8,\)"),
        ({"head.0.bias": None}, r"head\.0\.bias is absent"),
        ({"tail.bias": torch.zeros(3)}, r"no weight tail\.bias"),
        ({"edges": None}, "'edges'"),
    ],
    ids=["another shape", "one absent", "one more", "no edges"],
)
def test_weights_of_another_network_are_refused_in_one_sentence(saved, change, told):
    path = saved / "member-0.safetensors"
    tensors = {name: t for name, t in (load_file(path) | change).items() if t is not None}
    save_file(tensors, path)
    tamper(saved, lambda raw: raw["members"][0].update(sha256=sha256(path)))
    with pytest.raises(SirnaError, match=rf"inconsistent \(.*{told}.*\); train again\.$") as error:
        load_bundle(saved)
    assert "\n" not in str(error.value)


def test_a_folder_without_a_bundle_is_told_as_such(tmp_path):
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(SirnaError, match="no bundle here"):
            load_bundle(folder)


def test_a_swap_cut_short_leaves_the_old_bundle_readable(saved):
    saved.rename(saved.with_name(f".{saved.name}.old"))
    assert load_bundle(saved).members


@pytest.fixture
def compared(tiny_fold, tiny_config, tiny_table, tmp_path):
    rows = tiny_table.rows
    process = RowProcess.fit(rows, np.arange(50), rows["id"].to_numpy(), tiny_config, 0)
    networks = untrained(tiny_fold, tiny_config)
    members = [replace(one, encoding=one.encoding.knowing(rows)) for one in networks.members]
    bundle = replace(networks, members=members, processes=[process])
    save_bundle(tmp_path / "compared", bundle)
    return bundle, tmp_path / "compared"


def test_a_loaded_process_predicts_exactly_what_was_saved(compared, tiny_table):
    bundle, folder = compared
    loaded = load_bundle(folder)
    np.testing.assert_array_equal(*(predictions(b, tiny_table.rows)[0] for b in (bundle, loaded)))
    alone = replace(bundle, processes=[])
    points = [predictions(b, tiny_table.rows)[1] for b in (bundle, alone)]
    assert np.abs(points[0] - points[1]).max() > 1.0


def test_a_bundle_whose_parts_know_other_rows_is_not_written(compared, tiny_fold, tmp_path):
    bundle, _ = compared
    members = [replace(one, encoding=tiny_fold.encoding) for one in bundle.members]
    with pytest.raises(ValueError, match="the same rows"):
        save_bundle(tmp_path / "torn", replace(bundle, members=members))
    assert not (tmp_path / "torn").exists()


def test_networks_and_processes_are_mixed_by_the_share(compared, tiny_table, tiny_config):
    bundle, _ = compared
    raw = uncalibrated(bundle)
    rows = tiny_table.rows
    networks, _ = replace(raw, processes=[]).predict(rows, bundle.encode(rows), CPU)
    process = bundle.processes[0].predict(rows)
    share = tiny_config.gaussian_process.share
    expected = Histogram.mixture([networks, process], [1 - share, share]).probs
    np.testing.assert_allclose(predictions(raw, rows)[0], expected, atol=1e-12)


@pytest.mark.parametrize("damage", ["absent", "bytes", "tensor", "name", "rows"])
def test_a_damaged_process_is_refused(compared, damage):
    _, folder = compared
    path = folder / "process-0.safetensors"
    if damage == "absent":
        path.unlink()
    elif damage == "bytes":
        path.write_bytes(b"not tensors")
        tamper(folder, lambda raw: raw["processes"][0].update(sha256=sha256(path)))
    elif damage == "tensor":
        save_file({"weights": torch.zeros(3)}, path)
        tamper(folder, lambda raw: raw["processes"][0].update(sha256=sha256(path)))
    elif damage == "name":
        tamper(folder, lambda raw: raw["processes"][0].update(tensors="../process-0.safetensors"))
    else:
        reseal(folder, pd.read_parquet(folder / KNOWN).head(30))
    with pytest.raises(SirnaError):
        load_bundle(folder)


@pytest.fixture
def with_two_rules(compared, tiny_table, tiny_config):
    bundle, _ = compared
    rows = tiny_table.rows
    trees = RowTrees.fit(rows, np.arange(50), group_targets(rows), tiny_config, 0)
    wider = Rule(Calibration(2.5), Decision("score", 30.0, 0.1))
    return replace(bundle, trees=[trees], new_target_rule=wider)


@pytest.mark.parametrize("trees", [True, False])
def test_a_row_of_a_new_target_alone_is_for_trees_and_the_rule(with_two_rules, tiny_table, trees):
    bundle = with_two_rules if trees else replace(with_two_rules, trees=[])
    rows = tiny_table.rows.iloc[:50].copy()
    rows.loc[[3, 8], "target"] = "MINE"
    rows.loc[[3, 8], "guide"] = rows.loc[[3, 8], "guide"].str[::-1]
    predicted, points = bundle.predict(rows, bundle.encode(rows), CPU)
    known, _ = uncalibrated(bundle).predict(rows, bundle.encode(rows), CPU)
    share = bundle.config.trees.share
    new = known
    if trees:
        new = Histogram.mixture([known, bundle.trees[0].predict(rows)], [1 - share, share])
    is_new = np.isin(np.arange(len(rows)), [3, 8])
    for raw, some, rule in ((new, is_new, bundle.new_target_rule), (known, ~is_new, bundle.rule)):
        expected, values = rule.apply(raw[some])
        np.testing.assert_allclose(predicted[some].probs, expected.probs, atol=1e-12)
        np.testing.assert_array_equal(points[some], values)


def test_both_rules_and_trees_come_back_from_disk(with_two_rules, tiny_table, tmp_path):
    save_bundle(tmp_path / "two", with_two_rules)
    loaded = load_bundle(tmp_path / "two")
    assert (loaded.rule, loaded.new_target_rule) == (
        with_two_rules.rule,
        with_two_rules.new_target_rule,
    )
    mine = tiny_table.rows.assign(target="MINE", publication=None)
    mine["guide"] = mine["guide"].str[::-1]
    probs = [predictions(bundle, mine)[0] for bundle in (with_two_rules, loaded)]
    np.testing.assert_array_equal(*probs)
