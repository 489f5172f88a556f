"""Columns are suggested by what their names say, never one of another strand or role."""

import pandas as pd
import pytest

from sirna.config.config import Config
from sirna.errors import SirnaError
from sirna.table.columns import likely_role, require_columns, suggested_column


@pytest.mark.parametrize(
    ("name", "role"),
    [
        *[("antisense", "guide"), ("Anti-sense strand", "guide"), ("Guide (5'-3')", "guide")],
        *[("AS", "guide"), ("siRNA_antisense_seq", "guide"), ("AntisenseSequence", "guide")],
        *[("sense_seq", "passenger"), ("Passenger strand", "passenger"), ("SS", "passenger")],
        ("modified antisense", "guide_modifications"),
        ("sense_mod", "passenger_modifications"),
        *[("Concentration", "dose"), ("dose_unit", "dose_unit"), ("conc (nM)", "dose")],
        *[("Knockdown %", "label"), ("mRNA_remaining_pct", "label"), ("efficacy", "label")],
        *[("gene", "target"), ("targets", "target"), ("target_seq", "transcript")],
        *[("Cell line", "cell_line"), ("Hours", "hours"), ("PMID", "publication")],
        *[("x", None), ("siRNA_antisens_seq", None), ("seq", None), ("", None)],
    ],
)
def test_the_role_of_a_column_is_guessed_from_its_name(name, role):
    assert likely_role(name) == role


@pytest.mark.parametrize(
    ("role", "columns", "suggested"),
    [
        ("guide", ["sense_seq", "antisense"], "antisense"),
        ("guide", ["siRNA_sense_seq"], None),
        ("guide", ["siRNA_antisens_seq", "siRNA_sense_seq"], "siRNA_antisens_seq"),
        ("passenger", ["antisense_seq"], None),
        ("passenger", ["antisense_seq", "passenger"], "passenger"),
        ("guide_modifications", ["modified_siRNA_sense_seq_list"], None),
        ("dose", ["concentration_unit"], None),
        ("dose", ["concentration_unit", "conc"], "conc"),
        ("label", ["inhibition"], "inhibition"),
        ("label", ["mRNA_sequence"], None),
        ("target", ["gene_target_seq"], None),
        ("hours", ["Time"], "Time"),
    ],
)
def test_no_column_of_another_role_is_suggested(role, columns, suggested):
    hint = suggested_column(role, Config().columns[role], columns)
    assert hint == ("" if suggested is None else f" (did you mean {suggested!r}?)")


def test_a_wide_table_gets_the_command_that_melts_it():
    columns = Config().columns
    raw = pd.DataFrame({columns["guide"]: ["A"], "10 nM": ["1"], "1 nM": ["2"]})
    with pytest.raises(SirnaError, match=r"\(10 nM, 1 nM\).*sirna convert t\.csv OUT --melt"):
        require_columns(raw, "t.csv", columns, ("guide", "label"))
