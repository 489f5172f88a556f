"""The confirmation: who takes part, what is compared, and what it takes to win."""

import pytest

from sirna.system.locks import try_lock
from sirna.tuning.confirmation import (
    Candidate,
    Compared,
    Confirmation,
    candidates_of,
    confirm,
    files_of_folds,
    fill,
)
from sirna.tuning.rungs import CONFIRMATION_SEED, confirmation_rung, search_rung


@pytest.fixture
def study(study_of, default_attrs):
    default = {"value": 0.8, "params": {"a": 0.1}, "attrs": default_attrs}
    values = (0.7, 0.9, 0.85, 0.95, 0.81)
    others = [
        {
            "value": value,
            "params": {"a": value},
        }
        for value in values
    ]
    return study_of([default, *others, {"steps": [0.99], "params": {"a": 0.99}}])


@pytest.mark.parametrize(("most", "expected"), [(1, [4]), (3, [4, 2, 3]), (9, [4, 2, 3, 5])])
def test_the_best_completed_trials_above_the_default_are_candidates(study, most, expected):
    assert [one.number for one in candidates_of(study, most)] == expected


def test_without_a_default_there_is_no_candidate(study_of):
    assert candidates_of(study_of([{"value": 0.9}]), 3) == []


def compared(number, gain, confidence):
    return Compared(number, {}, 0.9, 0.8 + gain, gain, gain - 0.01, gain + 0.01, confidence)


@pytest.mark.parametrize(
    ("parts", "needed", "winner"),
    [
        ([(1, 0.02, 0.99)], 0.9, 1),
        ([(1, 0.02, 0.89)], 0.9, None),
        ([(1, 0.02, 0.98), (2, 0.03, 0.97)], 0.95, 2),
        ([(1, 0.02, 0.98), (2, 0.03, 0.94)], 0.95, 1),
        ([(1, -0.02, 0.02)], 0.9, None),
    ],
)
def test_a_winner_needs_the_confidence_and_has_the_largest_gain(parts, needed, winner):
    found = Confirmation(0.8, tuple(compared(*part) for part in parts), needed)
    assert (found.winner.number if found.winner else None) == winner
    assert Confirmation.from_dict(found.to_dict()) == found


@pytest.fixture
def small_study(study_of, default_attrs):
    params = [{"a": 0.1}, {"a": 0.2}, {"a": 0.3}]
    return study_of(
        [
            {"value": 0.5 + one["a"], "params": one, "attrs": default_attrs if not index else {}}
            for index, one in enumerate(params)
        ]
    )


def test_the_default_against_itself_gains_nothing(make_work, small_study):
    work = make_work()
    twin = Candidate(1, {"train.weight_decay": work.config.train.weight_decay})
    found = confirm(work, small_study, [twin])
    assert found.compared[0].gain == 0.0
    assert found.compared[0].confidence == pytest.approx(0.5, abs=0.05)  # the noise of training
    assert found.winner is None


def test_a_confirmation_makes_the_files_that_were_announced_and_no_others(make_work, small_study):
    work = make_work()
    candidates = [Candidate(1, {"train.weight_decay": 0.1})]
    announced = files_of_folds(work, candidates)
    assert not work.fits.folder.exists()
    confirm(work, small_study, candidates)
    assert set(work.fits.folder.rglob("*.npz")) == {file for files in announced for file in files}
    assert [len(files) for files in announced] == [2] * 4


def test_a_worker_does_everything_else_while_another_one_fits_a_member(make_work):
    candidates = [Candidate(1, {"train.weight_decay": 0.1})]
    files = [file for fold in files_of_folds(make_work(), candidates) for file in fold]
    busy, *others = dict.fromkeys(files)  # folds share what no candidate changes
    work = make_work(stop=lambda: all(file.exists() for file in others))
    busy.parent.mkdir(parents=True)
    with try_lock(busy.with_suffix(".lock")) as mine:
        assert mine
        assert not fill(work, candidates)
    assert all(file.exists() for file in others)
    assert not busy.exists()
    assert fill(make_work(), candidates)
    assert busy.exists()


def test_a_confirmation_has_other_seeds_than_the_search_and_repeats_have_others_again(make_work):
    work = make_work()
    search = search_rung(work.rows, work.config, work.search)
    confirmation = confirmation_rung(work.rows, work.config, work.search)
    seeds = [one.reseeded(seed).seed for one in (search, confirmation) for seed in (0, 10_000)]
    assert seeds == [0, 10_000, CONFIRMATION_SEED, CONFIRMATION_SEED + 10_000]


def test_several_candidates_need_more_confidence(make_work, small_study):
    work = make_work()
    candidates = [Candidate(number, {"train.weight_decay": 0.1 * number}) for number in (1, 2)]
    found = confirm(work, small_study, candidates)
    assert found.needed == pytest.approx(0.95)
    assert found.overall == pytest.approx(0.9)
    assert found.is_of(candidates)
    assert not found.is_of(candidates[:1])
    for one in found.compared:
        assert one.low <= one.high
        assert one.score - one.gain == pytest.approx(found.default)


def test_a_worse_candidate_is_rejected(make_work, small_study):
    poor = Candidate(
        1,
        {
            "train.learning_rate": 1e-6,
            "mixture.known_target.network": 1.0,
            "mixture.known_target.gaussian_process": 0.0,
        },
    )
    work = make_work(changes={"train.epochs": 12, "train.learning_rate": 0.02})
    found = confirm(work, small_study, [poor])
    assert found.winner is None
    assert found.compared[0].gain < 0


def test_a_stop_gives_no_confirmation(make_work, small_study):
    work = make_work(stop=lambda: True)
    assert confirm(work, small_study, [Candidate(1, {})]) is None


def test_after_a_stop_the_candidates_that_are_finished_are_compared(make_work, small_study):
    first, second = (Candidate(number, {"train.weight_decay": 0.1 * number}) for number in (1, 2))
    assert confirm(make_work(), small_study, [first]) is not None
    stopped = make_work(stop=lambda: True)
    found = confirm(stopped, small_study, [first, second])
    assert [one.number for one in found.compared] == [1]
    assert not found.is_of([first, second])
    assert found.needed == pytest.approx(0.95)  # as if both were compared
