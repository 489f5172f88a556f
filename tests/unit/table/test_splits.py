"""Which rows are held out, and that no group is torn apart."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sirna.config.schema import SplitConfig
from sirna.errors import SirnaError
from sirna.protocols.protocol import PROTOCOLS
from sirna.table.splits import NOT_HELD_OUT, Split, make_split

SIZES = st.lists(st.integers(1, 9), min_size=3, max_size=25)


def duplexes(sizes):
    """Rows of as many duplexes as there are sizes."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    guides = ["A" * (number + 1) for number in group]
    return pd.DataFrame({"id": [f"r{i}" for i in range(len(group))], "guide": guides})


@given(SIZES, st.integers(0, 3), st.integers(2, 4))
def test_no_group_is_split_between_folds_or_halves(sizes, seed, folds):
    for count in (0, folds):
        if len(sizes) < 2 * count:
            continue
        split = make_split(
            duplexes(sizes), SplitConfig(protocol="duplex", folds=count, seed=seed), "t"
        )
        frame = pd.DataFrame(vars(split))
        assert (frame.groupby("groups")[["fold", "half"]].nunique() == 1).all(axis=None)
        assert ((split.half == NOT_HELD_OUT) == (split.fold == NOT_HELD_OUT)).all()


@given(SIZES, st.integers(0, 3), st.integers(2, 4), st.sampled_from([0.0, 0.9]))
def test_every_fold_has_rows_in_both_halves_or_the_split_is_refused(sizes, seed, folds, shuffle):
    config = SplitConfig(protocol="duplex", folds=folds, seed=seed, shuffle=shuffle)
    if len(sizes) < 2 * folds:
        with pytest.raises(SirnaError, match=f"{len(sizes)} groups"):
            make_split(duplexes(sizes), config, "t")
        return
    split = make_split(duplexes(sizes), config, "t")
    assert split.folds == list(range(folds))
    for fold in range(folds):
        assert set(split.half[split.fold == fold].tolist()) == {0, 1}


@pytest.mark.parametrize(
    ("sizes", "folds", "rows"),
    [
        ([50, 1, 1, 1], 2, [51, 2]),
        ([50, 40, 3, 2, 1, 1], 3, [51, 41, 5]),
        ([9, 9, 9, 1, 1, 1], 3, [10, 10, 10]),
    ],
)
def test_a_fold_with_one_huge_group_gets_the_smallest_group_of_another_fold(sizes, folds, rows):
    split = make_split(duplexes(sizes), SplitConfig(protocol="duplex", folds=folds), "t")
    assert sorted(np.bincount(split.fold), reverse=True) == rows
    for fold in range(folds):
        assert set(split.half[split.fold == fold].tolist()) == {0, 1}


def test_other_seeds_split_a_few_large_groups_differently_only_if_they_are_shuffled():
    rows = duplexes([90, 80, 70, 60, 50, 40, 30, 20])
    folds = {
        shuffle: {
            tuple(make_split(rows, SplitConfig(protocol="duplex", **given), "t").fold)
            for seed in range(8)
            for given in [{"folds": 3, "seed": seed, "shuffle": shuffle}]
        }
        for shuffle in (0.0, 0.8)
    }
    assert len(folds[0.0]) == 1
    assert len(folds[0.8]) > 3
    for fold in folds[0.8]:
        assert np.bincount(fold).max() <= 2 * np.bincount(fold).min()


@pytest.mark.parametrize(
    ("groups", "given", "folds"),
    [
        (60, {}, 5),
        (60, {"folds": 1}, 1),
        (60, {"folds": 3}, 3),
        (60, {"few_groups": 60}, 1),
        (60, {"few_groups": 61}, 5),
        (10, {}, 5),
        (9, {}, 1),  # five folds of two halves need ten groups
    ],
)
def test_few_groups_are_all_held_out_once(groups, given, folds):
    split = make_split(duplexes([2] * groups), SplitConfig(protocol="duplex", **given), "t")
    assert len(split.folds) == folds
    assert (split.fold >= 0).all() == (folds > 1)


@settings(max_examples=20)
@given(st.lists(st.integers(1, 4), min_size=40, max_size=80), st.integers(0, 5))
def test_folds_and_halves_have_about_the_requested_size(sizes, seed):
    rows = duplexes(sizes)
    single = make_split(rows, SplitConfig(protocol="duplex", valid=0.2, folds=1, seed=seed), "t")
    assert abs((single.fold == 0).sum() - 0.2 * len(rows)) <= 4
    assert abs((single.half == 0).sum() - (single.half == 1).sum()) <= 4
    crossed = make_split(rows, SplitConfig(protocol="duplex", folds=4, seed=seed), "t")
    assert np.ptp(np.bincount(crossed.fold)) <= 4
    assert (crossed.fold >= 0).all()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("folds", [0, 2])
def test_the_order_of_the_file_does_not_matter(tiny_table, protocol, folds):
    config = SplitConfig(protocol=protocol, folds=folds)
    rows = tiny_table.rows
    shuffled = rows.sample(frac=1, random_state=3).reset_index(drop=True)

    def held(frame):
        split = make_split(frame, config, "t")
        columns = zip(split.groups, split.fold, split.half, strict=True)
        return dict(zip(split.ids, columns, strict=True))

    assert held(rows) == held(shuffled)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_same_seed_gives_the_same_split_and_another_seed_another(tiny_table, protocol):
    def fold(seed):
        config = SplitConfig(protocol=protocol, folds=3, seed=seed)
        return make_split(tiny_table.rows, config, "t").fold.tolist()

    assert fold(1) == fold(1)
    assert len({tuple(fold(seed)) for seed in range(4)}) > 1


@pytest.mark.parametrize(("groups", "folds"), [(2, 0), (3, 2), (5, 3)])
def test_too_few_groups_are_refused(groups, folds):
    config = SplitConfig(protocol="duplex", folds=folds)
    with pytest.raises(SirnaError, match=f"{groups} groups"):
        make_split(duplexes([3] * groups), config, "t")


@pytest.mark.parametrize(
    ("groups", "folds", "offered"),
    [
        (1, 5, ""),
        (2, 5, ""),
        (3, 5, "--valid 0.1 or "),
        (3, 2, "--valid 0.1 or "),
        (4, 3, "--folds 2 or "),
        (5, 3, "--folds 2 or "),
        (9, 5, "--folds 4 or "),
    ],
)
def test_the_suggestion_for_too_few_groups_works(groups, folds, offered):
    rows = duplexes([3] * groups)
    with pytest.raises(SirnaError, match=f"; use {offered}another protocol"):
        make_split(rows, SplitConfig(protocol="duplex", folds=folds), "t")
    if offered:
        fewer = groups // 2 if "folds" in offered else 0
        make_split(rows, SplitConfig(protocol="duplex", folds=fewer), "t")


def test_a_saved_split_is_used_again_for_the_rows_in_any_order(tiny_table, tmp_path):
    path = tmp_path / "splits.csv"
    split = make_split(tiny_table.rows, SplitConfig(protocol="duplex", folds=2), "t")
    split.save(path)
    backwards = slice(None, None, -1)
    loaded = Split.load(path, split.ids[backwards], split.groups[backwards])
    np.testing.assert_array_equal(loaded.fold, split.fold[backwards])
    np.testing.assert_array_equal(loaded.half, split.half[backwards])


def saved(tmp_path, **changed):
    columns = {"id": list("abcd"), "group": list("xxyz"), "fold": [0, 0, 0, -1]}
    path = tmp_path / "splits.csv"
    frame = pd.DataFrame(columns | {"half": [0, 0, 1, -1]} | changed)
    frame.to_csv(path, index=False)
    return path


def load(path, ids="abcd", groups="xxyz"):
    return Split.load(path, np.array(list(ids)), np.array(list(groups)))


def test_a_leak_is_refused_with_the_name_of_the_group(tmp_path):
    assert load(saved(tmp_path)).folds == [0]
    with pytest.raises(SirnaError, match=r"'x'.*leak"):
        load(saved(tmp_path, fold=[0, -1, 0, 0], half=[0, -1, 1, 0]))


def test_of_several_leaks_the_first_by_name_is_shown(tmp_path):
    changed = {"group": list("yyxx"), "fold": [0, -1, 0, -1], "half": [0, -1, 1, -1]}
    with pytest.raises(SirnaError, match=r"2 groups .* the first 'x'"):
        load(saved(tmp_path, **changed), groups="yyxx")


def test_a_split_made_for_other_groups_is_refused(tmp_path):
    with pytest.raises(SirnaError, match=r"row 'c' is in group 'y' there and in 'z'.*--protocol"):
        load(saved(tmp_path), groups="xxzz")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"fold": [-1] * 4}, "no row out"),
        ({"fold": [0] * 4, "half": [0, 0, 1, 1]}, "no row to train"),
        ({"fold": [-2, -2, -2, -1]}, "fold -2: a fold is 0 or greater, or -1"),
        ({"half": [-1, 0, 1, -1]}, "fold 0 needs two halves, 0 and 1"),
        ({"half": [2, 2, 1, -1]}, "fold 0 needs two halves, 0 and 1"),
        ({"half": [0, 0, 0, -1]}, "fold 0 needs two halves, 0 and 1"),
        ({"id": list("abca")}, "id 'a' occurs twice"),
        ({"fold": ["first", 0, 0, -1]}, "whole numbers"),
    ],
    ids=[
        "nothing held",
        "all held",
        "fold -2",
        "no half",
        "half 2",
        "one half",
        "id twice",
        "a word",
    ],
)
def test_a_split_that_cannot_be_used_is_refused(tmp_path, changed, message):
    with pytest.raises(SirnaError, match=message):
        load(saved(tmp_path, **changed))


def test_rows_that_the_saved_split_lacks_are_named(tmp_path):
    with pytest.raises(SirnaError, match=r"1 rows .* the first with id 'e'"):
        load(saved(tmp_path), ids="abce")
    with pytest.raises(SirnaError, match=r"2 rows .* the first with id 'f'"):  # the table's order
        load(saved(tmp_path), ids="afbe")


@pytest.mark.parametrize("folds", [1, 2, 3])
def test_the_training_on_all_rows_comes_after_the_last_fold(folds):
    split = make_split(duplexes([3] * 12), SplitConfig(protocol="duplex", folds=folds), "t")
    assert split.whole == folds


def test_a_file_without_the_columns_of_a_split_is_refused(tmp_path):
    path = tmp_path / "splits.csv"
    path.write_text("id,groups,fold,half\na,x,0,0\n", encoding="utf-8")
    with pytest.raises(SirnaError, match=r"'group' \(did you mean 'groups'\?\)"):
        load(path)


@pytest.mark.parametrize(("valid", "held"), [(0.2, 4), (0.25, 4), (0.3, 6)])
def test_groups_are_held_out_as_long_as_they_bring_the_share_nearer(valid, held):
    config = SplitConfig(protocol="duplex", folds=1, valid=valid)
    split = make_split(duplexes([2] * 10), config, "t")
    assert (split.fold == 0).sum() == held


def test_halves_are_balanced_beginning_with_the_largest_group():
    config = SplitConfig(protocol="duplex", folds=2, shuffle=0.0)
    split = make_split(duplexes([4, 1, 1, 1, 1] * 2), config, "t")
    assert [[((split.fold == f) & (split.half == h)).sum() for h in (0, 1)] for f in (0, 1)] == [
        [4, 4],
        [4, 4],
    ]


def test_folds_of_one_group_take_a_group_from_those_that_can_spare_it():
    config = SplitConfig(protocol="duplex", folds=4, shuffle=0.0)
    split = make_split(duplexes([20, 19, 8, 4, 3, 3, 1, 1]), config, "t")
    groups = [len(set(split.groups[split.fold == fold])) for fold in range(4)]
    assert sorted(groups) == [2, 2, 2, 2]
