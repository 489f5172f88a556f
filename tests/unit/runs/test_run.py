"""The folder of a run: what counts as begun, and what can be begun again."""

import pytest

from sirna.errors import StoppedError, UsageError
from sirna.runs.run import Run, new_run

UNBEGUN = ["lock", "splits.csv", "config.toml", "messages.txt", "last/training.sha256"]
UNBEGUN += [".7.splits.csv", ".7.bundle/bundle.json", "last/fold-0/.7.network-0/facts.json"]
BEGUN = ["log.csv", "oof.csv", "metrics.json", "bundle/bundle.json", "notes.txt"]
BEGUN += ["last/fold-0/network-0/facts.json"]


def filled(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return Run(folder)


def test_a_folder_in_which_nothing_was_finished_can_be_begun_again(tmp_path):
    run = filled(tmp_path / "run", UNBEGUN)
    assert not run.begun
    assert new_run(run.folder, "rows").folder == run.folder


@pytest.mark.parametrize("name", BEGUN)
def test_a_folder_with_anything_that_took_work_is_kept(tmp_path, name):
    run = filled(tmp_path / "run", [*UNBEGUN, name])
    assert run.begun
    with pytest.raises(UsageError, match="already exists"):
        new_run(run.folder, "rows")


def test_what_was_written_before_the_first_epoch_can_be_discarded(tmp_path):
    run = filled(tmp_path / "run", UNBEGUN[:5])
    run.discard()
    assert not run.folder.exists()


def test_a_discarded_folder_keeps_the_files_of_others(tmp_path):
    run = filled(tmp_path / "run", [*UNBEGUN[:5], "notes.txt"])
    run.discard()
    assert [path.name for path in run.folder.iterdir()] == ["notes.txt"]


def test_a_folder_that_was_deleted_is_noticed(tmp_path):
    run = filled(tmp_path / "run", UNBEGUN)
    run.check_present()
    run.config.unlink()
    with pytest.raises(StoppedError, match="was deleted or moved while its training ran"):
        run.check_present()
