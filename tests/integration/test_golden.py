"""Bundles of earlier versions still load and give the same predictions."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sirna.bundle.store import SCHEMA, load_bundle
from sirna.cli import main

GOLDEN = Path(__file__).parents[1] / "golden"
SCHEMAS = sorted(GOLDEN.glob("schema-*"))


@pytest.mark.parametrize("folder", SCHEMAS, ids=lambda folder: folder.name)
def test_a_golden_bundle_predicts_its_golden_values(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["submit", str(GOLDEN / "test.csv"), "--run", str(folder / "bundle")]
    options = ["--columns", "id", "--with-uncertainty", "--out", "out.csv", "--device", "cpu"]
    monkeypatch.setattr("sys.argv", ["sirna", *arguments, *options])

    with pytest.raises(SystemExit) as end:
        main()

    assert end.value.code in (None, 0)
    expected, got = pd.read_csv(folder / "expected.csv"), pd.read_csv("out.csv")
    got = got[list(expected)]
    # another processor may round the last bit of a network differently
    np.testing.assert_allclose(got, expected, atol=2e-3)


def test_every_schema_that_can_be_read_has_its_golden_bundle() -> None:
    assert [folder.name for folder in SCHEMAS] == [f"schema-{n}" for n in range(8, SCHEMA + 1)]


def test_a_bundle_of_an_earlier_schema_is_converted_to_the_present_one() -> None:
    old, new = (load_bundle(folder / "bundle") for folder in (SCHEMAS[0], SCHEMAS[-1]))
    assert old.config.mixture == new.config.mixture
    for name in ("postprocess", "unseen_postprocess"):
        spreads = [getattr(bundle, name).calibration.spread for bundle in (old, new)]
        assert spreads[0] == pytest.approx(spreads[1], rel=1e-6)  # the order of sums differs
    assert old.reads == new.reads
    np.testing.assert_array_equal(old.has_known_target, new.has_known_target)
    for one, other in zip(old.members, new.members, strict=True):
        assert (one.family, one.fold, one.facts) == (other.family, other.fold, other.facts)
        assert one.encoder() == other.encoder()
        assert one.tensors().keys() == other.tensors().keys()
