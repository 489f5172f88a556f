import numpy as np
import pandas as pd
import pytest

from sirna.config.roles import ROLES
from sirna.table.derive import DERIVATIONS, add_derived


def derived(**columns):
    text = pd.DataFrame({name: pd.array(values, "string") for name, values in columns.items()})
    rows = text.copy()
    add_derived(rows, text)
    return rows


def test_every_derived_role_has_a_function_and_no_other():
    assert set(DERIVATIONS) == {role.name for role in ROLES.values() if role.derived_from}


@pytest.mark.parametrize(
    ("duplex", "number"),
    [
        ("AD-5001088.1", 5001088),
        ("AD-77", 77),
        ("12-34", 12),
        ("siRNA_007b", 7),
        ("seven", np.nan),
        (None, np.nan),
    ],
)
def test_the_number_of_a_duplex_is_the_first_in_its_id(duplex, number):
    found = derived(duplex=[duplex], guide=["UUUGA"])["duplex_number"]
    assert found.to_numpy() == pytest.approx([number], nan_ok=True)


def test_a_role_is_derived_only_if_all_its_sources_are_present():
    assert "site" not in derived(guide=["UUUGA"])
    assert "species_match" not in derived(guide=["UUUGA"], species=["Homo sapiens"])
    assert "duplex_number" not in derived(guide=["UUUGA"])


def test_a_site_needs_a_transcript_in_its_row():
    guide = "UUACGUACGAUUCGAAUCGUA"
    target = "UACGAUUCGAAUCGUACGUAA"
    found = derived(guide=[guide, guide], transcript=["AAAA" + target + "GGG", None])["site"]
    assert np.isfinite(found[0])
    assert np.isnan(found[1])
