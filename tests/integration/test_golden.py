"""A bundle of an earlier day still loads and predicts what it predicted then."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sirna.cli import main

GOLDEN = Path(__file__).parents[1] / "golden"


def test_the_golden_bundle_predicts_the_golden_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["submit", str(GOLDEN / "test.csv"), "--run", str(GOLDEN / "bundle")]
    options = ["--columns", "id", "--with-uncertainty", "--out", "out.csv", "--device", "cpu"]
    monkeypatch.setattr("sys.argv", ["sirna", *arguments, *options])

    with pytest.raises(SystemExit) as end:
        main()

    assert end.value.code in (None, 0)
    expected, got = pd.read_csv(GOLDEN / "expected.csv"), pd.read_csv("out.csv")
    assert list(got) == list(expected)
    # another processor may round the last bit of a network otherwise
    np.testing.assert_allclose(got, expected, atol=2e-3)
