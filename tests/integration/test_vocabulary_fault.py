"""A vocabulary that is rebuilt from the test file predicts wrongly; a stored one does not."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sirna.bundle.bundle import Bundle
from sirna.bundle.store import load_bundle
from sirna.features.vocab import GenomicVocab
from sirna.table.check_table import Table, read_table
from sirna.table.report import Purpose

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(GOLDEN / "schema-9" / "bundle")


@pytest.fixture(scope="module")
def test_file(bundle: Bundle) -> Table:
    return read_table(GOLDEN / "test.csv", bundle.config, Purpose.TEST)


def medians(bundle: Bundle, rows: pd.DataFrame) -> np.ndarray:
    return bundle.predict(rows).distribution.median()


def rebuilt(bundle: Bundle, rows: pd.DataFrame) -> Bundle:
    """Order each vocabulary by the tokens' frequency in the test file, as the baseline did."""
    members = []
    for member in bundle.members:
        if member.family != "network":
            members.append(member)
            continue
        encoder, vocabs = member.dataset_encoder, {}
        for kind, vocab in encoder.vocabs.items():
            roles = [s.role for s in encoder.streams.values() if s.kind == kind]
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
        members.append(replace(member, dataset_encoder=replace(encoder, vocabs=vocabs)))
    return replace(bundle, members=members)


def test_a_vocabulary_rebuilt_from_the_test_file_changes_predictions_silently(
    bundle: Bundle, test_file: Table
) -> None:
    other = rebuilt(bundle, test_file.rows)
    for ours, theirs in zip(*(b.by_family["network"] for b in (bundle, other)), strict=True):
        for kind, vocab in ours.dataset_encoder.vocabs.items():
            same_size = len(theirs.dataset_encoder.vocabs[kind])
            assert len(vocab) == same_size  # so no size check can detect the fault
    wrong, right = medians(other, test_file.rows), medians(bundle, test_file.rows)
    assert np.abs(wrong - right).max() > 0.1


def test_predictions_do_not_change_when_test_rows_are_shuffled_dropped_or_replaced(
    bundle: Bundle, test_file: Table
) -> None:
    rows = test_file.rows
    right = pd.Series(medians(bundle, rows), index=rows["id"])
    changed = rows.sample(frac=0.6, random_state=1)
    stranger = rows.head(2).assign(id=["x", "y"], guide="ACGU" * 5, guide_modifications="zz zz")
    mixed = pd.concat([stranger, changed], ignore_index=True)
    got = pd.Series(medians(bundle, mixed), index=mixed["id"]).drop(["x", "y"])
    np.testing.assert_allclose(got, right[got.index], atol=1e-3)
