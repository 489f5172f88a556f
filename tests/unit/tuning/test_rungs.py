"""Rows, epochs and folds of a trial."""

import numpy as np
import pytest

from sirna.tuning.rungs import confirmation_rung, search_rung


def test_a_small_table_is_not_screened(make_work):
    work = make_work()
    rung = search_rung(work.rows, work.config, work.search)
    assert (rung.fidelity, len(rung.rows)) == (1.0, len(work.rows))


def test_a_large_table_is_screened_with_fewer_duplexes_and_epochs_and_confirmed_with_all(make_work):
    rows = make_work().rows
    work = make_work(screening_rows=100, screening_epochs=0.5)
    many = rows.loc[rows.index.repeat(4)].reset_index(drop=True)
    many["id"] = [str(number) for number in range(len(many))]
    first = search_rung(many, work.config, work.search)
    last = confirmation_rung(many, work.config, work.search)
    assert len(first.rows) <= 100 < len(last.rows) == len(many)
    assert first.fidelity == pytest.approx(len(first.rows) / len(many) * 0.5)
    counts = many["guide"].value_counts().to_dict()
    kept = first.rows["guide"].value_counts().to_dict()
    assert kept == {guide: counts[guide] for guide in kept}
    epochs = [rung.task(work.config, 0).config.train.epochs for rung in (first, last)]
    assert epochs == [1, 2]
    assert last.fidelity == 1.0


def test_all_trials_have_the_same_folds_and_the_confirmation_has_others(make_work):
    work = make_work()
    one, other = (search_rung(work.rows, work.config, work.search) for _ in range(2))
    confirmed = confirmation_rung(work.rows, work.config, work.search)
    np.testing.assert_array_equal(one.split.fold, other.split.fold)
    assert one.digest == other.digest != confirmed.digest
    assert one.task(work.config, 0).seed != confirmed.task(work.config, 0).seed


@pytest.mark.parametrize(("configured", "expected"), [(0, 2), (4, 4)])
def test_configured_folds_count_unless_there_is_a_single_split(make_work, configured, expected):
    work = make_work(changes={"split.folds": configured})
    rung = search_rung(work.rows, work.config, work.search)
    assert len(rung.split.folds) == expected
