"""Rows position by position: what is compared, and what may not be."""

import numpy as np
import pandas as pd
import pytest

from sirna.config.schema import GaussianProcessConfig
from sirna.features.positional import LONGEST, UNSEEN, Aligner, nucleotide, nucleotides

SETTINGS = GaussianProcessConfig()


def table(**changed):
    columns = {
        "guide": ["ACGU", "acgt", "CCGU", "ACG"],
        "guide_modifications": ["a Cf g dT", "VP a Cf g dT", "c Cf g u", "a Cf g L96"],
        "passenger_modifications": ["A a", "A a L96", "A a", "A"],
        "dose": [1.0, 10.0, 10.0, 10.0],
        "hours": [24.0] * 4,
        "cell_line": ["HeLa", "HeLa", None, "COS-7"],
        "target": ["one", "one", "two", "two"],
        "publication": ["p", "p", "p", "q"],
        "duplex_number": [7.0, 7.0, 120.0, np.nan],
        "site": [40.0, 40.0, np.nan, 900.0],
    }
    return pd.DataFrame(columns | changed)


def fitted(rows, protocol="rows"):
    return Aligner.fit(rows, SETTINGS.under(protocol), protocol)


def channel(aligner, compared, name):
    """Return a channel of every row, as text."""
    names = {code: category for category, code in aligner.channels[name].items()}
    codes = compared.channels[compared.duplex, list(aligner.channels).index(name)]
    return [names.get(code) for code in codes]


def written_out(compared):
    """Return all of every row, whatever is stored once."""
    per_duplex = np.hstack([compared.channels, compared.counts])[compared.duplex]
    per_setting = np.hstack([compared.categories, compared.numbers])[compared.setting]
    return np.hstack([per_duplex, per_setting, compared.places])


@pytest.mark.parametrize(
    ("token", "base", "chemistry"),
    [
        ("A", "A", "@"),
        ("u", "U", "#"),
        ("Gf", "G", "@f"),
        ("dT", "U", "d@"),
        ("(Cgn)", "C", "(@gn)"),
        ("L96", "", "L96"),
        ("VP", "", "VP"),
        ("s", "", "s"),
    ],
)
def test_a_token_is_a_base_and_a_chemistry(token, base, chemistry):
    assert nucleotide(token) == (base, chemistry)


def test_tokens_without_a_base_belong_to_a_neighbour():
    found = nucleotides(["VP", "a", "s", "Cf", "L96", "(Uhd)"])
    assert found == [("A", "VP#s"), ("C", "@fL96"), ("U", "(@hd)")]
    assert nucleotides(["L96"]) == []


def test_a_lead_shifts_no_position():
    rows = table()
    aligner = fitted(rows)
    compared = aligner.encode(rows)
    assert channel(aligner, compared, "guide base 2") == ["C", "C", "C", "C"]
    assert channel(aligner, compared, "guide chemistry 1") == ["#", "VP#", "#", "#"]
    assert channel(aligner, compared, "guide chemistry 2") == ["@f"] * 4
    assert channel(aligner, compared, "guide chemistry 4") == ["d@", "d@", "#", ""]
    assert channel(aligner, compared, "guide base 4") == ["U", "U", "U", ""]


def test_a_category_that_training_never_showed_equals_nothing():
    aligner = fitted(table())
    new = table(guide=["GGGG"] * 4, cell_line=["Hep3B"] * 4)
    compared = aligner.encode(new)
    first = list(aligner.channels).index("guide base 1")
    assert (compared.channels[:, first] == UNSEEN).all()
    assert (compared.categories[:, 0] == UNSEEN).all()


def test_rows_of_one_duplex_or_setting_are_stored_once():
    rows = pd.concat([table(), table(dose=[5.0] * 4)], ignore_index=True)
    compared = fitted(rows).encode(rows)
    assert len(compared) == 8
    assert len(compared.channels) == 4
    assert compared.duplex[:4].tolist() == compared.duplex[4:].tolist()


def test_taking_rows_keeps_them_as_they_are():
    rows = table()
    compared = fitted(rows).encode(rows)
    some = np.array([3, 0, 3])
    part = compared.take(some)
    np.testing.assert_array_equal(written_out(part), written_out(compared)[some])
    assert len(part.channels) == 2


def test_a_row_is_encoded_without_a_look_at_the_others():
    rows = table()
    aligner = fitted(rows)
    whole = written_out(aligner.encode(rows))
    for row in range(len(rows)):
        alone = aligner.encode(rows.iloc[[row]].reset_index(drop=True))
        np.testing.assert_array_equal(written_out(alone), whole[[row]])


def test_chemistries_and_gc_are_counted():
    rows = table()
    aligner = fitted(rows)
    counts = aligner.encode(rows).counts[aligner.encode(rows).duplex] * 3
    names = [*aligner.counted, "GC"]
    row = dict(zip(names, counts[0].round(3).tolist(), strict=True))
    assert row["guide", "#"] == 2
    assert row["guide", "@f"] == 1
    assert row["passenger", "@"] == 1
    assert row["GC"] == 2


def test_under_target_the_names_are_read_of_training_rows_alone():
    rows = table()
    aligner = fitted(rows, "target")
    assert list(aligner.conditions.categorical) == ["cell_line", "target", "publication"]
    assert aligner.conditions.groups == ("target", "publication")
    own = aligner.encode(rows, own=True)
    assert (own.categories[own.setting, -2:] != UNSEEN).all()
    asked = aligner.encode(rows)
    assert (asked.categories[:, -2:] == UNSEEN).all()
    renamed = aligner.encode(rows.assign(target="two", publication="q"))
    np.testing.assert_array_equal(written_out(asked), written_out(renamed))


def test_under_the_other_protocols_the_target_is_a_condition():
    aligner = fitted(table(), "duplex")
    assert "target" in aligner.conditions.categorical
    assert not aligner.conditions.groups


def test_plain_guides_are_enough():
    rows = table()[["guide", "dose"]]
    aligner = fitted(rows)
    compared = aligner.encode(rows)
    assert list(aligner.channels) == [
        *(f"guide base {place}" for place in range(1, 5)),
        *(f"guide pair {place}" for place in range(1, 4)),
    ]
    assert compared.places.shape == (4, 0)
    assert compared.counts.shape == (3, 1)  # one guide is written as DNA
    assert compared.categories.shape == (2, 0)


def test_missing_strands_are_encoded_all_the_same():
    aligner = fitted(table())
    compared = aligner.encode(table(guide=[None] * 4, guide_modifications=[None] * 4))
    assert len(compared) == 4
    assert np.isfinite(written_out(compared)[:, :-2]).all()


def test_only_columns_that_are_there_are_named():
    rows = table()
    both = ("guide_modifications", "passenger_modifications")
    assert set(Aligner.columns(rows, SETTINGS.under("rows"), both)) == set(rows.columns)
    assert Aligner.columns(rows[["guide", "dose"]], SETTINGS, both) == ["guide", "dose"]
    read = Aligner.columns(rows, SETTINGS.under("target"), both)
    assert set(rows.columns) - set(read) == {"duplex_number", "site"}
    read = Aligner.columns(rows, SETTINGS, both[:1])
    assert set(rows.columns) - set(read) == {"passenger_modifications"}


def test_rows_have_places_in_series():
    rows = table()
    for protocol in ("rows", "duplex"):
        aligner = fitted(rows, protocol)
        assert aligner.series == ("site", "duplex_number")
        places = aligner.encode(rows).places
        np.testing.assert_array_equal(places[:, 0], [40, 40, np.nan, 900])
        np.testing.assert_array_equal(places[:, 1], [7, 7, 120, np.nan])
        lacking = aligner.encode(rows.drop(columns=["site", "duplex_number"]))
        assert np.isnan(lacking.places).all()
        assert lacking.places.shape == (4, 2)


def test_a_series_without_a_place_is_left_out():
    assert fitted(table(site=[np.nan] * 4)).series == ("duplex_number",)
    assert fitted(table(duplex_number=[np.nan] * 4)).series == ("site",)
    none = Aligner.fit(table(), GaussianProcessConfig(series=()), "rows")
    assert none.encode(table()).places.shape == (4, 0)


def test_under_target_no_place_is_read():
    aligner = fitted(table(), "target")
    assert aligner.series == ()
    assert aligner.encode(table()).places.shape == (4, 0)


def test_pairs_are_channels():
    rows = table()
    aligner = fitted(rows)
    assert channel(aligner, aligner.encode(rows), "guide pair 1") == ["AC", "AC", "CC", "AC"]
    assert channel(aligner, aligner.encode(rows), "guide pair 3") == ["GU", "GU", "GU", ""]


def test_strands_that_differ_only_beyond_what_training_showed_keep_their_own_counts():
    aligner = fitted(table())
    for tails in (("GG", "AA"), ("AA", "GG")):
        rows = table(guide=["ACGU" + tails[0], "ACGU" + tails[1], "ACGU", "ACGU"])
        rows["guide_modifications"] = "a Cf g dT"
        rows["passenger_modifications"] = "A a"
        whole = written_out(aligner.encode(rows))
        for row in range(4):
            alone = aligner.encode(rows.iloc[[row]].reset_index(drop=True))
            np.testing.assert_array_equal(written_out(alone), whole[[row]])


def test_rows_without_any_sequence_are_encoded_all_the_same():
    nothing = {"guide_modifications": [None] * 4, "passenger_modifications": [None] * 4}
    compared = fitted(table()).encode(table(guide=[None] * 4, **nothing))
    assert (compared.counts == 0).all()


def test_a_strand_of_absurd_length_is_looked_at_in_part():
    found = fitted(table(guide=["A" * 5000] * 4))
    assert sum(name.startswith("guide base") for name in found.channels) == LONGEST
