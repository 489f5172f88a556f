"""The fault that a persisted vocabulary cures, and the proof that ours stays put."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from sirna.bundle.bundle import Bundle
from sirna.bundle.store import load_bundle
from sirna.features.vocab import GenomicVocab
from sirna.table.check_table import Table, read_table
from sirna.table.report import Purpose

GOLDEN = Path(__file__).parents[1] / "golden"
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(GOLDEN / "bundle")


@pytest.fixture(scope="module")
def test_file(bundle: Bundle) -> Table:
    return read_table(GOLDEN / "test.csv", bundle.config, Purpose.TEST)


def medians(bundle: Bundle, rows: pd.DataFrame) -> np.ndarray:
    return bundle.predict(rows, bundle.encode(rows), CPU)[0].median()


def rebuilt(bundle: Bundle, rows: pd.DataFrame) -> Bundle:
    """Order each vocabulary by the tokens' frequency in the test file, as the baseline did."""
    members = []
    for member in bundle.members:
        vocabs = {}
        for kind, vocab in member.encoding.vocabs.items():
            roles = [s.role for s in member.encoding.streams.values() if s.kind == kind]
            seen: Counter[str] = Counter()
            for role in roles:
                for sequence in rows[role]:
                    tokens = (
                        sequence.split()
                        if kind == "modifications"
                        else [sequence[i : i + 3] for i in range(len(sequence) - 2)]
                    )
                    seen.update(token for token in tokens if token in vocab)
            rest = {token: 0 for token in vocab.to_list() if token not in seen}
            vocabs[kind] = GenomicVocab.fit({**seen, **rest}, min_freq=0)
        members.append(replace(member, encoding=replace(member.encoding, vocabs=vocabs)))
    return replace(bundle, members=members)


def test_a_vocabulary_rebuilt_from_the_test_file_loads_and_predicts_something_else(
    bundle: Bundle, test_file: Table
) -> None:
    other = rebuilt(bundle, test_file.rows)
    for ours, theirs in zip(bundle.members, other.members, strict=True):
        for kind, vocab in ours.encoding.vocabs.items():
            assert len(vocab) == len(theirs.encoding.vocabs[kind])  # so nothing warns
    wrong, right = medians(other, test_file.rows), medians(bundle, test_file.rows)
    assert np.abs(wrong - right).max() > 0.1


def test_our_predictions_stay_when_test_rows_are_shuffled_dropped_or_replaced(
    bundle: Bundle, test_file: Table
) -> None:
    rows = test_file.rows
    right = pd.Series(medians(bundle, rows), index=rows["id"])
    changed = rows.sample(frac=0.6, random_state=1)
    stranger = rows.head(2).assign(id=["x", "y"], guide="ACGU" * 5, guide_modifications="zz zz")
    mixed = pd.concat([stranger, changed], ignore_index=True)
    got = pd.Series(medians(bundle, mixed), index=mixed["id"]).drop(["x", "y"])
    np.testing.assert_allclose(got, right[got.index], atol=1e-3)
