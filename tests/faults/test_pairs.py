"""Two processes on one thing; what happens between them is decided by a pause at one file event."""

import contextlib
import csv
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from campaign import Campaign
from child import run

WAIT = 60.0


def paused(matches, folder):
    """Return a `before` that stops at the first matching event until the file `go` exists."""

    def before():
        done = []

        def hook(event, arguments):
            if not done and matches(event, arguments):
                done.append(event)
                (folder / "paused").touch()
                wait_for(folder / "go")

        sys.addaudithook(hook)

    return before


def wait_for(path, seconds=WAIT):
    end = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.02)
    return path.exists()


@contextlib.contextmanager
def running(results, command, folder, before):
    """Run a command that pauses; within the context it is paused."""

    def work():
        results.append(run(command, folder, before=before))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert wait_for(folder / "paused"), "the first process never came to its pause"
        yield
    finally:
        (folder / "go").touch()
        thread.join()


def renames(name):
    return lambda event, arguments: (
        event in {"os.rename", "os.link"} and str(arguments[1]).endswith(name)
    )


def test_the_second_of_two_submissions_is_told(data, finished, tmp_path):
    results = []
    command = ["submit", data / "test.csv", "--run", finished, "--out", "o.csv"]
    with running(results, command, tmp_path, paused(renames("o.csv"), tmp_path)):
        other = run([*command, "--with-uncertainty"], tmp_path)
        assert other.code == 0, other.err
        before = (tmp_path / "o.csv").read_bytes()
    assert results[0].code == 2
    assert "o.csv: holds another submission" in results[0].err
    assert (tmp_path / "o.csv").read_bytes() == before


def test_two_equal_submissions_are_both_content(data, finished, tmp_path):
    results = []
    command = ["submit", data / "test.csv", "--run", finished, "--out", "o.csv"]
    with running(results, command, tmp_path, paused(renames("o.csv"), tmp_path)):
        assert run(command, tmp_path).code == 0
    assert results[0].code == 0, results[0].err
    assert "unchanged" in results[0].out
    with (tmp_path / "submissions/log.csv").open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert [row[0] == "time" for row in rows] == [True, False, False]


def exchanges(folder):
    """Match the first removal of the replaced bundle: the new one is in place by then."""

    def matches(event, arguments):
        return (
            event == "shutil.rmtree"
            and ".bundle" in str(arguments[0])
            and (folder / "r/bundle").exists()
        )

    return matches


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_reader_during_a_swap_disturbs_nobody(moment, data, training, tmp_path):
    command = [*training, "--set", "train.refit=true", "--run", "r"]
    seen = []

    def second_bundle(event, arguments):
        if event == "os.mkdir" and str(arguments[0]).endswith(".bundle"):
            seen.append(event)
        return len(seen) == 2

    matches = second_bundle if moment == "before" else exchanges(tmp_path)
    results = []
    with running(results, command, tmp_path, paused(matches, tmp_path)):
        names = sorted(path.name for path in (tmp_path / "r").iterdir())
        reader = run(["submit", data / "test.csv", "--run", "r", "--out", "o.csv"], tmp_path)
        assert reader.code == 0, reader.err
        assert sorted(path.name for path in (tmp_path / "r").iterdir()) == names
    assert results[0].code == 0, results[0].err
    assert not list((tmp_path / "r").rglob(".*"))


def test_a_bundle_that_is_replaced_while_it_is_read_is_read_again(
    data, finished, training, tmp_path
):
    shutil.copytree(finished, tmp_path / "r")
    assert run([*training, "--seed", "5", "--run", "other"], tmp_path).code == 0

    def reads_tensors(event, arguments):
        return event == "open" and str(arguments[0]).endswith("training.parquet")

    results = []
    command = ["submit", data / "test.csv", "--run", "r", "--out", "o.csv"]
    with running(results, command, tmp_path, paused(reads_tensors, tmp_path)):
        (tmp_path / "r/bundle").rename(tmp_path / "gone")
        shutil.copytree(tmp_path / "other/bundle", tmp_path / "r/bundle")
    assert results[0].code == 0, results[0].err
    assert run([*command[:3], "other", "--out", "p.csv"], tmp_path).code == 0
    assert (tmp_path / "o.csv").read_bytes() == (tmp_path / "p.csv").read_bytes()


def first_checkpoint(event, arguments):
    return event == "os.mkdir" and str(arguments[0]).endswith(".network-0")


def test_a_run_folder_that_is_deleted_ends_its_training_with_one_line(training, tmp_path):
    results = []
    command = [*training, "--run", "r"]
    with running(results, command, tmp_path, paused(first_checkpoint, tmp_path)):
        shutil.rmtree(tmp_path / "r")
    assert results[0].code == 1
    assert not results[0].fault
    assert "r" in results[0].err
    assert results[0].err.count("error: ") == 1


def test_a_training_and_its_resumption_exclude_each_other(training, tmp_path):
    results = []
    command = [*training, "--run", "r"]
    with running(results, command, tmp_path, paused(first_checkpoint, tmp_path)):
        for other in (["train", "--resume", "--run", "r"], command):
            result = run(other, tmp_path)
            assert result.code == 2
            assert "another process is using this folder" in result.err
    assert results[0].code == 0, results[0].err


SPACE = """
folds = 2
repeats = 1
[space]
"train.learning_rate" = { kind = "float", low = 1e-3, high = 2e-2, log = true }
"""
"""Two trials draw the same number only if one repeats the other."""


def state_of(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "gone"


def workers_of(process):
    """Return the worker processes that a process has started."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    started = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in children}
    return [child for child, command in started.items() if b"spawn_main" in command]


def both_work(journal):
    """Return whether two trials of a search have begun, each in one of its two workers."""
    return journal.exists() and journal.read_text().count('"begun"') >= 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_workers_end_when_their_parent_is_killed_and_no_trial_is_done_twice(data, small, tmp_path):
    (tmp_path / "space.toml").write_text(SPACE)
    command = [sys.executable, "-m", "sirna.cli", "tune", data / "train_data.csv", *small]
    command += ["--space", "space.toml", "--trials", "4", "--jobs", "2", "--no-confirm"]
    command += ["--set", "train.epochs=14"]
    journal = tmp_path / "runs/tune/rows/journal.log"
    with (tmp_path / "out").open("w") as out:
        parent = subprocess.Popen(
            [*map(str, command)], cwd=tmp_path, stdout=out, stderr=subprocess.STDOUT
        )
        end = time.monotonic() + WAIT
        while time.monotonic() < end and not both_work(journal):
            time.sleep(0.1)
        workers = workers_of(parent.pid)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    assert len(workers) == 2, (tmp_path / "out").read_text()
    assert both_work(journal)
    again = subprocess.run(
        [*map(str, command)], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert again.returncode == 0, again.stderr
    assert [state_of(worker) for worker in workers if state_of(worker) not in {"gone", "Z"}] == []
    import optuna  # noqa: PLC0415
    from optuna.storages.journal import JournalFileBackend  # noqa: PLC0415

    storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
    trials = optuna.load_study(study_name="rows", storage=storage).trials
    done = [
        str(trial.params)
        for trial in trials
        if trial.state.name == "COMPLETE" and "surplus" not in trial.user_attrs
    ]
    assert len(done) == len(set(done)) == 4
    assert any("stopped" in trial.user_attrs for trial in trials)


STREAMS = {
    "full": ("> /dev/full", 1),
    "closed": (">&-", 1),
    "without a reader": ("| true", None),
    "both closed": (">&- 2>&-", 1),
}
COMMANDS = {
    "submit": "submit {test} --run {run} --out o.csv",
    "score": "score {truth} {truth}",
    "score as JSON": "score {truth} {truth} --json",
    "train": "train {train} {small} --run r",
    "version": "--version",
    "help": "--help",
}


def test_a_stdout_that_cannot_be_written_ends_with_one_line(data, finished, small, tmp_path):
    campaign = Campaign("streams")
    words = " ".join(f"'{word}'" if "=" in word else word for word in small)
    names = {name: data / f"{name}.csv" for name in ("test", "train_data", "test_truth")}
    for title, text in campaign.some([*COMMANDS.items()], most=100):
        for stream, (redirection, _) in STREAMS.items():
            command = text.format(
                test=names["test"],
                train=names["train_data"],
                truth=names["test_truth"],
                run=finished,
                small=words,
            )
            folder = tmp_path / "case"
            folder.mkdir()
            ended = subprocess.run(
                ["/bin/bash", "-c", f"{sys.executable} -m sirna.cli {command} {redirection}"],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            )
            case = f"{title}, {stream}"
            usual = ("note: ", "data: ")
            lines = [line for line in ended.stderr.splitlines() if not line.startswith(usual)]
            if len(lines) > 1 or any(word in ended.stderr for word in ("Traceback", "--debug")):
                campaign.fault(case, ended.stderr)
            if (folder / "r/config.toml").exists():
                messages = (folder / "r/messages.txt").read_text()
                if "stdout cannot be written" not in messages or "--resume" not in messages:
                    campaign.fault(case, messages[-200:])
            shutil.rmtree(folder)
    campaign.finish()


def test_a_read_only_working_folder_lets_a_submission_be_written_elsewhere(
    data, finished, tmp_path, monkeypatch
):
    work = tmp_path / "work"
    work.mkdir()

    def refuse_logs():
        def hook(event, arguments):
            if event == "os.mkdir" and str(arguments[0]) == "submissions":
                raise OSError(30, "Read-only file system")

        sys.addaudithook(hook)

    command = ["submit", data / "test.csv", "--run", finished, "--out", tmp_path / "o.csv"]
    result = run(command, work, before=refuse_logs)
    assert result.code == 0, result.err
    assert "log.csv was not extended" in result.err
    assert (tmp_path / "o.csv").exists()
