"""`sirna.load` and `Model.predict`."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sirna
from sirna.errors import SirnaError

GOLDEN = Path(__file__).parents[2] / "golden"
SCHEMAS = sorted(GOLDEN.glob("schema-*"))


@pytest.fixture(scope="module")
def model():
    return sirna.load(SCHEMAS[-1] / "bundle")


@pytest.mark.parametrize("folder", SCHEMAS, ids=lambda folder: folder.name)
def test_a_loaded_model_predicts_what_submit_writes(folder):
    expected = pd.read_csv(folder / "expected.csv")
    found = sirna.load(str(folder / "bundle")).predict(GOLDEN / "test.csv")
    pairs = {"submitted": "mRNA_remaining_pct", "median": "median", "prob_below_30": None}
    for name, column in pairs.items():
        np.testing.assert_allclose(found[name], expected[column or name], atol=2e-3)
    ends = ["interval_80_low", "interval_80_high"]
    np.testing.assert_allclose(found[ends], expected[ends], atol=2e-3)


def test_a_file_a_table_and_single_rows_are_predicted_alike(model):
    frame = pd.read_csv(GOLDEN / "test.csv")
    of_file, of_frame = model.predict(GOLDEN / "test.csv"), model.predict(frame)
    pd.testing.assert_frame_equal(of_file, of_frame)
    one = model.predict(frame.iloc[3].dropna().to_dict())
    numbers = ["submitted", "median", "mean", "differing_bases", "differing_chemistry"]
    assert one.loc[0, numbers].tolist() == pytest.approx(of_file.loc[3, numbers].tolist(), abs=0.02)


def test_a_sequence_that_the_model_needs_is_asked_for(model):
    with pytest.raises(SirnaError, match="modified_siRNA_sense_seq_list"):
        model.predict({"siRNA_antisense_seq": "ACGUACGUACGUACGUACGUA"})


def test_the_domain_recognises_training_duplexes_and_new_values(regressor, simulation):
    frame = simulation.train.head(3).assign(id=["a", "b", "c"])
    found = regressor.predict_table(frame)
    assert found["nearest_training_duplex"].tolist() == frame["siRNA_duplex_id"].tolist()
    assert (found[["differing_bases", "differing_chemistry"]] == 0).all(axis=None)
    assert not found[["new_target", "new_cell_line", "new_chemistry"]].any(axis=None)
    strange = frame.assign(
        cell_line_donor="Moon cells",
        gene_target_symbol_name="MOON1",
        publication_id="none",
        siRNA_antisense_seq=lambda f: "GG" + f["siRNA_antisense_seq"].str[2:],
        modified_siRNA_antisense_seq_list="(Qmoon) " * 23,
    )
    found = regressor.predict_table(strange)
    assert (found["differing_bases"] > 0).all()
    assert found[["new_target", "new_cell_line"]].all(axis=None)


def test_a_model_is_shown_in_one_line(model):
    assert "protocol" in repr(model)
    assert "gaussian_process: " in repr(model)
    assert len(repr(model)) < 200
