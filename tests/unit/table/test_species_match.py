"""Whether the cells are of the target's species."""

import numpy as np
import pandas as pd
import pytest

from sirna.config.config import Config
from sirna.config.load import load_config
from sirna.table.check_table import check_table
from sirna.table.species_match import (
    CELL_LINES,
    FAR,
    NEAR,
    SAME,
    SPECIES,
    SPECIES_OF_CELL_LINE,
    SPECIES_OF_WORD,
    species_matches,
)


@pytest.mark.parametrize(
    ("species", "cells", "match"),
    [
        ("Homo sapiens", "Hep3B Cells", SAME),
        ("human", "HEK-293T", SAME),
        ("Homo sapiens", "Primary Human Hepatocytes", SAME),
        ("Homo sapiens", "COS-7 Cells", NEAR),
        ("Macaca fascicularis", "primary monkey hepatocytes", SAME),
        ("Macaca fascicularis", "BE(2)-C Cells", NEAR),
        ("Mus musculus", "Neuro2a cell", SAME),
        ("Mus musculus", "INS-1", NEAR),
        ("Homo sapiens", "Primary Mouse Hepatocytes", FAR),
        ("Mus musculus", "Hep3B Cells", FAR),
        ("Rattus norvegicus", "MDCK cell line", FAR),
        ("Homo sapiens", "my own line", None),
        ("Homo sapiens", "human-mouse hybridoma", None),
        ("Danio rerio", "Hep3B Cells", None),
        (None, "Hep3B Cells", None),
        ("Homo sapiens", None, None),
    ],
)
def test_the_species_of_cells_is_found_by_name_or_cell_line(species, cells, match):
    (found,) = species_matches(*(pd.Series([text], dtype=object) for text in (species, cells)))
    assert found == match if match else found is None or np.isnan(found)


def test_no_cell_line_is_listed_twice_or_is_a_word_for_a_species():
    lines = [line for listed in CELL_LINES.values() for line in listed.split()]
    assert len(lines) == len(set(lines)) == len(SPECIES_OF_CELL_LINE)
    assert not set(lines) & set(SPECIES_OF_WORD)
    assert set(CELL_LINES) <= set(SPECIES)
    assert all(line.isalnum() and line == line.lower() for line in lines)


def test_a_table_with_species_and_cells_gets_a_species_match():
    columns = Config().columns
    raw = pd.DataFrame(
        {
            columns["id"]: ["a", "b"],
            columns["guide"]: ["ACGU", "ACGA"],
            columns["label"]: ["10", "20"],
            columns["species"]: ["Homo sapiens", ""],
            columns["cell_line"]: ["Hepa1-6 Cells", "HeLa Cells"],
        }
    )
    match = check_table(raw, "mine.csv", Config()).rows["species_match"]
    assert match.iloc[0] == FAR
    assert pd.isna(match.iloc[1])
    without = check_table(raw.drop(columns=columns["species"]), "mine.csv", Config()).rows
    assert "species_match" not in without


@pytest.mark.parametrize("protocol", ["rows", "duplex", "target"])
def test_the_species_match_is_read_under_protocol_target(protocol):
    config = load_config(flags={"split.protocol": protocol})
    assert ("species_match" in config.covariates.categorical) is (protocol == "target")
    assert "species_match" in config.trees.categorical
    assert "species_match" not in config.gaussian_process.categorical
