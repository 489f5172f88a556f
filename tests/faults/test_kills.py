"""A training, a search or a submission is killed, or its disk is full, at any file event."""

import csv
import json
import re
import shutil
from pathlib import Path

import pytest
from campaign import Campaign
from child import at_event, disk_full, kill, run

from sirna.members.registry import FAMILIES

DRAFT_OF = re.compile(r"^\.\d+\.")
VARYING = ("seconds", "rows_per_second", "peak_memory_mb", "created", "digest")
MOST = 40
"""Largest number of events of one kind of training that are tried; each takes two trainings."""
KINDS = {
    "one split": ["--set", "split.folds=1", "--set", "train.refit=true"],
    "folds": ["--folds", "2", "--set", "train.refit=false"],
    "target": ["--protocol", "target", "--folds", "2", "--set", "train.refit=true"],
    "networks": [
        *("--set", "split.folds=1", "--set", "train.networks=2", "--set", "train.refit=false"),
    ],
}


def without_times(table):
    return {key: value for key, value in table.items() if key not in VARYING}


def facts(folder):
    """Everything in a run that an interruption must not change."""
    found = {}
    for path in sorted(folder.glob("bundle/*")):
        if path.name == "bundle.json":
            found[path.name] = without_times(json.loads(path.read_text()))
        else:
            found[path.name] = path.read_bytes()
    for name in ("oof.csv", "splits.csv", "config.toml"):
        found[name] = (folder / name).read_bytes()
    found["metrics"] = without_times(json.loads((folder / "metrics.json").read_text()))
    with (folder / "log.csv").open(newline="") as stream:
        found["log"] = [without_times(row) for row in csv.DictReader(stream)]
    return found


def drafts(folder):
    return [path.name for path in folder.rglob(".*")]


def events_of(command, folder, log):
    """Run a command undisturbed; return the paths of its file events, in their order."""
    result = run(command, folder, before=at_event(-1, kill, log))
    assert result.code == 0, result.err
    return [Path(line) for line in log.read_text().splitlines()]


def unseen(folder, events):
    """Return the files in a run whose writing is none of the events."""
    seen = {Path(*(DRAFT_OF.sub("", part) for part in path.parts)) for path in events}
    files = [path.relative_to(folder.parent) for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if path not in seen]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("act", [kill, disk_full], ids=["kill", "full disk"])
def test_a_training_that_failed_at_any_event_ends_as_the_undisturbed_one(
    kind, act, training, tmp_path
):
    campaign = Campaign(f"train, {kind}, {act.__name__}")
    command = [*training, *KINDS[kind], "--run"]
    events = events_of([*command, "whole"], tmp_path, tmp_path / "events")
    expected = facts(tmp_path / "whole")
    families = {member["family"] for member in expected["bundle.json"]["members"]}
    assert FAMILIES.keys() - families <= {"random_forest"}  # it predicts no row of unseen targets
    assert unseen(tmp_path / "whole", events) == []
    for number in campaign.some(range(1, len(events) + 1), MOST):
        folder = tmp_path / "torn"
        result = run([*command, "torn"], tmp_path, before=at_event(number, act))
        if result.fault:
            campaign.fault(number, result.fault)
        campaign.counts["killed or refused"] += result.code != 0
        again = result
        for _ in range(2):
            if again.code == 0 and (folder / "metrics.json").exists():
                break
            begun = (folder / "config.toml").exists()
            resume = ["train", "--resume", "--run", "torn", "--workers", "1"]
            again = run(resume if begun else [*command, "torn"], tmp_path)
            campaign.counts["resumed" if begun else "begun again"] += 1
        if again.code != 0:
            campaign.fault(number, f"cannot go on: {again.err[-300:]}")
        else:
            found = facts(folder)
            differing = [
                k for k in expected.keys() | found.keys() if expected.get(k) != found.get(k)
            ]
            if differing:
                campaign.fault(number, f"differs in {differing}")
            elif drafts(folder):
                campaign.fault(number, f"leaves {drafts(folder)}")
            else:
                campaign.counts["identical"] += 1
        shutil.rmtree(folder, ignore_errors=True)
    campaign.finish()


@pytest.mark.parametrize("act", [kill, disk_full], ids=["kill", "full disk"])
@pytest.mark.parametrize("options", [[], ["--force"], ["--out", "new/deep/o.csv.gz"]], ids=str)
def test_a_submission_is_whole_or_absent(act, options, data, finished, tmp_path):
    campaign = Campaign(f"submit {' '.join(options)}, {act.__name__}")
    command = ["submit", data / "test.csv", "--run", finished, *options]
    out = Path(options[1]) if "--out" in options else Path("submissions/run/submission.csv")
    whole = tmp_path / "whole"
    whole.mkdir()
    events = events_of(command, whole, tmp_path / "events")
    expected = (whole / out).read_bytes()
    for number in campaign.some(range(1, len(events) + 1)):
        folder = tmp_path / "torn"
        (folder / out).parent.mkdir(parents=True)
        if "--force" in options:
            (folder / out).write_text("old")
        result = run(command, folder, before=at_event(number, act))
        if result.fault:
            campaign.fault(number, result.fault)
        there = (folder / out).read_bytes() if (folder / out).exists() else None
        if there not in {None, b"old", expected}:
            campaign.fault(number, "a torn file under the final name")
        again = run(command, folder)
        if again.code != 0 or (folder / out).read_bytes() != expected:
            campaign.fault(number, f"cannot go on: {again.err[-300:]}")
        lines = (folder / "submissions/log.csv").read_text().splitlines()
        if len({line.count(",") for line in lines}) != 1 or not lines[0].startswith("time,"):
            campaign.fault(number, f"log.csv: {lines}")
        if drafts(folder):
            campaign.fault(number, f"leaves {drafts(folder)}")
        campaign.counts["whole or absent"] += 1
        shutil.rmtree(folder)
    campaign.finish()


SPACE = """
startup_trials = 3
[space]
"model.hidden" = { kind = "int", low = 4, high = 16 }
"train.learning_rate" = { kind = "float", low = 1e-3, high = 2e-2, log = true }
"""


def test_a_killed_search_loses_no_trial_and_repeats_none(data, small, tmp_path):
    import optuna  # noqa: PLC0415

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    campaign = Campaign("tune, kill")
    (tmp_path / "space.toml").write_text(SPACE)
    command = ["tune", data / "train_data.csv", *small, "--space", "space.toml", "--trials", "4"]
    whole = run([*command, "--study", "whole"], tmp_path)
    assert whole.code == 0, whole.err
    times = [whole.seconds * (0.2 + 0.8 * campaign.rng.random()) for _ in range(60)]
    for number, seconds in enumerate(campaign.some(times)):
        study = [*command, "--study", f"s{number}"]
        killed = run(study, tmp_path, kill_after=seconds)
        campaign.counts["killed"] += killed.code < 0
        again = run(study, tmp_path)
        if again.code != 0 or again.fault:
            campaign.fault(number, again.err[-300:])
            continue
        storage = f"sqlite:///{tmp_path}/runs/tune/s{number}/study.db"
        trials = optuna.load_study(study_name=f"s{number}", storage=storage).trials
        done = [trial for trial in trials if trial.state.name in {"COMPLETE", "PRUNED"}]
        distinct = {json.dumps(trial.params, sort_keys=True) for trial in done}
        left = [trial.number for trial in trials if trial.state.name in {"RUNNING", "WAITING"}]
        if len(done) != 4 or len(distinct) != 4 or left:
            campaign.fault(number, f"{len(done)} done, {len(distinct)} distinct, {left} left")
        campaign.counts["complete"] += 1
    campaign.finish()
