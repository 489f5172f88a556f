"""Notes about what predicted rows have that no training row has."""

import json

import numpy as np
import pandas as pd
import pytest

from sirna.bundle.novelty import Novelty


def notes(bundle, rows, size):
    """Return the notes about rows that are added in blocks of a size."""
    novelty = Novelty(bundle)
    for start in range(0, len(rows), size):
        block = rows.iloc[start : start + size].reset_index(drop=True)
        novelty.add(block, bundle.predict(block))
    return novelty.notes()


@pytest.fixture(scope="module")
def odd(tiny_table):
    """Rows with new tokens, new conditions, missing values and large doses here and there."""
    rows = tiny_table.rows.iloc[:30].reset_index(drop=True)
    every = np.arange(len(rows))
    rows["cell_line"] = rows["cell_line"].mask(every % 7 == 3, "new cells")
    rows["cell_line"] = rows["cell_line"].mask(every % 7 == 5, None)
    rows["target"] = rows["target"].mask(every % 5 == 4, "NEW" + pd.Series(every % 2).astype(str))
    rows["dose"] = rows["dose"].mask(every > 20, 1e6)
    swapped = rows["passenger_modifications"]
    rows["guide_modifications"] = rows["guide_modifications"].mask(every % 9 == 8, swapped)
    rows["guide_modifications"] = rows["guide_modifications"].mask(every == 11, "Zz a g")
    return rows


@pytest.mark.parametrize("size", [1, 4, 13])
def test_blocks_give_the_notes_of_the_whole(mixed, odd, size):
    whole = notes(mixed, odd, len(odd))
    assert len(whole) >= 6
    assert notes(mixed, odd, size) == whole


@pytest.mark.parametrize("cut", [4, 25])
def test_counts_of_two_parts_add_up_to_those_of_the_whole(mixed, odd, cut):
    parts = odd.iloc[:cut], odd.iloc[cut:].reset_index(drop=True)
    both = Novelty(mixed)
    for part in parts:
        one = Novelty(mixed)
        one.add(part, mixed.predict(part))
        both.add_state(json.loads(json.dumps(one.state())))
    assert both.notes() == notes(mixed, odd, len(odd))


def test_usual_rows_give_no_note_of_unseen_values(mixed, tiny_task):
    found = notes(mixed, tiny_task.training_rows.reset_index(drop=True), 10)
    assert not [note for note in found if "no training row has" in note]
