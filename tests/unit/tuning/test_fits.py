"""Held-out predictions that trials and workers share."""

import multiprocessing

import numpy as np
import pytest

from sirna.config.load import with_changes
from sirna.members.base import FitCallbacks
from sirna.system.locks import try_lock
from sirna.tuning.fits import CACHED_ENCODINGS, EncodingCache
from sirna.tuning.rungs import search_rung


@pytest.fixture
def place(make_work):
    """Return fits, a rung and a function that makes the task of a changed configuration."""
    work = make_work()
    rung = search_rung(work.rows, work.config, work.search)
    return (
        work.fits,
        rung,
        lambda **to: rung.task(
            with_changes(work.config, {key.replace("__", "."): value for key, value in to.items()}),
            0,
        ),
    )


@pytest.mark.parametrize(
    ("changes", "refitted"),
    [
        ({"train__learning_rate": 0.5}, "network"),
        ({"model__hidden": 5}, "network"),
        ({"streams__guide_bases__ngram": 2}, "network"),
        ({"gaussian_process__components": 4}, "gaussian_process"),
        ({"trees__rounds": 6}, "none"),
        ({"decision__calibrate": False}, "none"),
        ({"mixture__known_target": {"network": 0.5, "gaussian_process": 0.5}}, "none"),
        ({"train__patience": 2}, "none"),
        ({"model__bins": 9}, "both"),
        ({"train__seed": 9}, "both"),
        ({"streams__passenger_modifications__enabled": False}, "both"),
        ({"score__threshold": 40.0}, "both"),
    ],
    ids=str,
)
def test_a_family_is_fitted_again_only_for_settings_that_it_reads(place, changes, refitted):
    fits, rung, task = place
    families = ("network", "gaussian_process")
    paths = [fits.path(name, task(), rung.digest) for name in families]
    others = [fits.path(name, task(**changes), rung.digest) for name in families]
    found = [n for n, a, b in zip(families, paths, others, strict=True) if a != b]
    assert found == {"none": [], "both": list(families)}.get(refitted, [refitted])


def test_other_rows_or_folds_are_other_predictions(place, make_work):
    fits, rung, task = place
    work = make_work()
    fewer = search_rung(work.rows.iloc[:-1], work.config, work.search)
    others = search_rung(work.rows, work.config, make_work(folds=3).search)
    paths = {fits.path("network", task(), one.digest) for one in (rung, fewer, others)}
    assert len(paths) == 3


def probs(held_out):
    assert all(part is held_out.chosen_by_all for part in held_out.parts)
    return held_out.chosen_by_all.probs


class Counting(FitCallbacks):
    epochs = 0

    def log(self, row):
        self.epochs += 1


def test_what_was_fitted_is_read_from_the_disk(place):
    fits, rung, task = place
    first, again = Counting(), Counting()
    one = fits.of_fold(task(), rung.digest, first)
    other = fits.of_fold(task(), rung.digest, again)
    assert (first.epochs, again.epochs) == (2, 0)
    for family, predicted in one.items():
        np.testing.assert_array_equal(probs(predicted), probs(other[family]))
        np.testing.assert_allclose(probs(predicted).sum(axis=1), 1.0)


def test_a_damaged_file_is_fitted_again(place):
    fits, rung, task = place
    fits.of_fold(task(), rung.digest, FitCallbacks())
    path = fits.path("network", task(), rung.digest)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    again = Counting()
    fits.of_fold(task(), rung.digest, again)
    assert again.epochs == 2


class Stopping(FitCallbacks):
    def __init__(self, after):
        self.left = after

    def stop(self):
        self.left -= 1
        return self.left < 0


@pytest.mark.parametrize("after", [0, 3, 12])
def test_a_stopped_fit_leaves_nothing_of_itself(place, after):
    fits, rung, task = place
    assert fits.of_fold(task(), rung.digest, Stopping(after)) is None
    assert not list(fits.folder.glob("network/*"))


def _hold(path, ready, end):
    with try_lock(path) as mine:
        ready.put(mine)
        end.get()


def test_a_worker_does_the_other_families_while_one_is_being_fitted(place):
    fits, rung, task = place
    path = fits.path("gaussian_process", task(), rung.digest)
    path.parent.mkdir(parents=True)
    context = multiprocessing.get_context("spawn")
    ready, end = context.Queue(), context.Queue()
    other = context.Process(target=_hold, args=(path.with_suffix(".lock"), ready, end))
    other.start()
    assert ready.get()

    class Releasing(Counting):
        def log(self, row):
            super().log(row)
            if self.epochs == 2:
                assert not path.exists()
                end.put(None)

    callbacks = Releasing()
    found = fits.of_fold(task(), rung.digest, callbacks)
    other.join()
    assert set(found) == {"network", "gaussian_process"}
    assert not list(fits.folder.rglob("*.lock"))


def test_a_network_has_no_choice_of_epoch_on_held_out_rows(place, monkeypatch):
    fits, rung, task = place
    changed = rung.rows.assign(label=rung.rows["label"].where(rung.split.fold != 0, 1.0))
    one = fits.of_fold(task(), rung.digest, FitCallbacks())
    other_rung = type(rung)(changed, rung.split)
    other_task = other_rung.task(task().config, 0)
    other = fits.of_fold(other_task, "other labels of held-out rows", FitCallbacks())
    for family, predicted in one.items():
        np.testing.assert_array_equal(probs(predicted), probs(other[family]))


@pytest.mark.parametrize(
    "changes",
    [
        {"siblings__lookup": False},
        {"siblings__most": 1},
        {"vocab__min_freq": 3},
        {"streams__guide_bases__ngram": 2},
        {"covariates__numeric": ["dose"]},
    ],
    ids=str,
)
def test_rows_are_encoded_again_if_the_encoding_settings_differ(place, changes):
    _, rung, task = place
    cache = EncodingCache()
    encoded = cache.encoded(task(), rung.digest)
    assert cache.encoded(task(**changes), rung.digest) is not encoded
    assert cache.encoded(task(model__hidden=5), rung.digest) is encoded
    assert cache.encoded(task(), "other rows") is not encoded


def test_old_encodings_leave_the_cache(place):
    _, rung, task = place
    cache = EncodingCache()
    first = cache.encoded(task(), rung.digest)
    for most in range(1, CACHED_ENCODINGS):
        cache.encoded(task(siblings__most=most), rung.digest)
    assert cache.encoded(task(), rung.digest) is first
    cache.encoded(task(siblings__most=CACHED_ENCODINGS), rung.digest)
    assert cache.encoded(task(), rung.digest) is not first
