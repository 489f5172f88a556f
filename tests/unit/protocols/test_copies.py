"""Exact copies of a measurement are found, and are held out together under every protocol."""

import numpy as np
import pandas as pd
import pytest

from sirna.config.schema import SplitConfig
from sirna.protocols.copies import first_copies
from sirna.protocols.protocol import PROTOCOLS
from sirna.table.splits import make_split


def measurements(count: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    guides = ["".join(rng.choice(list("ACGU"), 21)) for _ in range(count)]
    return pd.DataFrame(
        {
            "id": [str(i) for i in range(count)],
            "guide": guides,
            "target": [f"T{i % 8}" for i in range(count)],
            "publication": [f"P{i % 8}" for i in range(count)],
            "dose": 10.0,
            "cell_line": [None if i % 3 else "HeLa" for i in range(count)],
            "label": rng.uniform(0, 100, count).round(1),
        }
    )


def test_rows_that_differ_in_a_condition_or_the_label_are_no_copies():
    rows = measurements(6)
    for column, value in (("dose", 1.0), ("label", 50.55), ("cell_line", "A549"), ("guide", "A")):
        other = rows.assign(id=rows["id"] + "b", **{column: value})
        both = pd.concat([rows, other], ignore_index=True)
        assert first_copies(both).tolist() == list(range(12)), column


def test_copies_may_differ_in_id_and_publication_and_lack_values():
    rows = measurements(6)
    other = rows.assign(id=rows["id"] + "b", publication="another")
    both = pd.concat([rows, other], ignore_index=True)
    assert first_copies(both).tolist() == [*range(6), *range(6)]


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
@pytest.mark.parametrize("folds", [0, 3])
@pytest.mark.parametrize("seed", range(4))
def test_no_copy_of_a_held_out_row_trains(protocol, folds, seed):
    rows = measurements(48)
    repeated = rows.iloc[np.r_[[0] * 9, 5, 5, 11]].assign(publication="P1")
    both = pd.concat([rows, repeated], ignore_index=True)
    both = both.assign(id=[str(i) for i in range(len(both))])
    split = make_split(both, SplitConfig(protocol=protocol, folds=folds, seed=seed), "mine.csv")
    first = first_copies(both)
    for copies in (np.flatnonzero(first == place) for place in set(first.tolist())):
        assert len(set(split.fold[copies].tolist())) == 1
        assert len(set(split.half[copies].tolist())) == 1
