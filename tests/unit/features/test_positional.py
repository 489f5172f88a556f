"""Rows position by position, as Gaussian process and trees read them."""

import numpy as np
import pandas as pd

from sirna.config.family_sections import GaussianProcessConfig
from sirna.config.load import load_config
from sirna.features.positional import LONGEST, PositionalEncoder
from sirna.features.positional_rows import UNSEEN
from sirna.protocols.protocol import PROTOCOLS

READS = GaussianProcessConfig()


def table(**changed):
    columns = {
        "guide": ["ACGU", "ACGU", "CCGU", "ACG"],
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
    return PositionalEncoder.fit(rows, READS, PROTOCOLS[protocol])


def channel(encoder, encoded, name):
    """Return a channel of every row, as text."""
    names = {code: category for category, code in encoder.channels[name].items()}
    codes = encoded.channels[encoded.pattern, list(encoder.channels).index(name)]
    return [names.get(code) for code in codes]


def written_out(encoded):
    """Return all of every row, whatever is stored once."""
    of_pattern = np.hstack([encoded.channels, encoded.counts])[encoded.pattern]
    of_condition = np.hstack([encoded.categories, encoded.numbers])[encoded.condition]
    return np.hstack([of_pattern, of_condition, encoded.places])


def test_tokens_before_the_first_base_do_not_shift_positions():
    rows = table()
    encoder = fitted(rows)
    encoded = encoder.encode(rows)
    assert channel(encoder, encoded, "guide base 2") == ["C", "C", "C", "C"]
    assert channel(encoder, encoded, "guide chemistry 1") == ["#", "VP#", "#", "#"]
    assert channel(encoder, encoded, "guide chemistry 2") == ["@f"] * 4
    assert channel(encoder, encoded, "guide chemistry 4") == ["d@", "d@", "#", ""]
    assert channel(encoder, encoded, "guide base 4") == ["U", "U", "U", ""]


def test_a_category_that_training_lacks_matches_no_training_row():
    encoder = fitted(table())
    new = table(guide=["GGGG"] * 4, cell_line=["Hep3B"] * 4)
    encoded = encoder.encode(new)
    first = list(encoder.channels).index("guide base 1")
    assert (encoded.channels[:, first] == UNSEEN).all()
    assert (encoded.categories[:, 0] == UNSEEN).all()


def test_rows_with_equal_strands_or_conditions_are_stored_once():
    rows = pd.concat([table(), table(dose=[5.0] * 4)], ignore_index=True)
    encoded = fitted(rows).encode(rows)
    assert len(encoded) == 8
    assert len(encoded.channels) == 4
    assert encoded.pattern[:4].tolist() == encoded.pattern[4:].tolist()


def test_taking_rows_does_not_change_them():
    rows = table()
    encoded = fitted(rows).encode(rows)
    some = np.array([3, 0, 3])
    part = encoded.take(some)
    np.testing.assert_array_equal(written_out(part), written_out(encoded)[some])
    assert len(part.channels) == 2


def test_the_encoding_of_a_row_does_not_depend_on_other_rows():
    rows = table()
    encoder = fitted(rows)
    whole = written_out(encoder.encode(rows))
    for row in range(len(rows)):
        alone = encoder.encode(rows.iloc[[row]].reset_index(drop=True))
        np.testing.assert_array_equal(written_out(alone), whole[[row]])


def test_chemistries_and_gc_are_counted():
    rows = table()
    encoder = fitted(rows)
    counts = encoder.encode(rows).counts[encoder.encode(rows).pattern] * 3
    names = [*encoder.counted, "GC"]
    row = dict(zip(names, counts[0].round(3).tolist(), strict=True))
    assert row["guide", "#"] == 2
    assert row["guide", "@f"] == 1
    assert row["passenger", "@"] == 1
    assert row["GC"] == 2


def test_under_target_the_names_are_read_only_from_training_rows():
    rows = table()
    encoder = fitted(rows, "target")
    assert list(encoder.conditions.categorical) == ["cell_line", "target", "publication"]
    assert encoder.conditions.training_only == ("target", "publication")
    training = encoder.encode(rows, training=True)
    assert (training.categories[training.condition, -2:] != UNSEEN).all()
    asked = encoder.encode(rows)
    assert (asked.categories[:, -2:] == UNSEEN).all()
    renamed = encoder.encode(rows.assign(target="two", publication="q"))
    np.testing.assert_array_equal(written_out(asked), written_out(renamed))


def test_under_the_other_protocols_the_target_is_a_condition():
    encoder = fitted(table(), "duplex")
    assert "target" in encoder.conditions.categorical
    assert not encoder.conditions.training_only


def test_guides_without_modifications_can_be_encoded():
    rows = table()[["guide", "dose"]]
    encoder = fitted(rows)
    encoded = encoder.encode(rows)
    assert list(encoder.channels) == [
        *(f"guide base {place}" for place in range(1, 5)),
        *(f"guide dinucleotide {place}" for place in range(1, 4)),
    ]
    assert encoded.places.shape == (4, 0)
    assert encoded.counts.shape == (3, 1)  # two guides are the same
    assert encoded.categories.shape == (2, 0)


def test_missing_strands_are_encoded_too():
    encoder = fitted(table())
    encoded = encoder.encode(table(guide=[None] * 4, guide_modifications=[None] * 4))
    assert len(encoded) == 4
    assert np.isfinite(written_out(encoded)[:, :-2]).all()


def test_only_columns_of_the_table_are_listed():
    rows = table()
    both = ("guide_modifications", "passenger_modifications")
    assert set(PositionalEncoder.columns(rows, READS, both)) == set(rows.columns)
    assert PositionalEncoder.columns(rows[["guide", "dose"]], READS, both) == ["guide", "dose"]
    read = PositionalEncoder.columns(rows, GaussianProcessConfig(series=()), both)
    assert set(rows.columns) - set(read) == {"duplex_number", "site"}
    read = PositionalEncoder.columns(rows, READS, both[:1])
    assert set(rows.columns) - set(read) == {"passenger_modifications"}


def test_every_row_has_a_place_in_each_series():
    rows = table()
    for protocol in ("rows", "duplex"):
        encoder = fitted(rows, protocol)
        assert encoder.series == ("site", "duplex_number")
        places = encoder.encode(rows).places
        np.testing.assert_array_equal(places[:, 0], [40, 40, np.nan, 900])
        np.testing.assert_array_equal(places[:, 1], [7, 7, 120, np.nan])
        lacking = encoder.encode(rows.drop(columns=["site", "duplex_number"]))
        assert np.isnan(lacking.places).all()
        assert lacking.places.shape == (4, 2)


def test_a_series_without_a_place_is_left_out():
    assert fitted(table(site=[np.nan] * 4)).series == ("duplex_number",)
    assert fitted(table(duplex_number=[np.nan] * 4)).series == ("site",)
    none = PositionalEncoder.fit(table(), GaussianProcessConfig(series=()), PROTOCOLS["rows"])
    assert none.encode(table()).places.shape == (4, 0)


def test_under_target_no_place_is_read_by_default():
    config = load_config(changes=["split.protocol=target"])
    encoder = PositionalEncoder.fit(table(), config.gaussian_process, config.protocol)
    assert encoder.series == ()
    assert encoder.encode(table()).places.shape == (4, 0)


def test_dinucleotides_are_channels():
    rows = table()
    encoder = fitted(rows)
    encoded = encoder.encode(rows)
    first, last = (f"guide dinucleotide {place}" for place in (1, 3))
    assert channel(encoder, encoded, first) == ["AC", "AC", "CC", "AC"]
    assert channel(encoder, encoded, last) == ["GU", "GU", "GU", ""]


def test_strands_that_differ_only_in_unseen_positions_keep_their_own_counts():
    encoder = fitted(table())
    for tails in (("GG", "AA"), ("AA", "GG")):
        rows = table(guide=["ACGU" + tails[0], "ACGU" + tails[1], "ACGU", "ACGU"])
        rows["guide_modifications"] = "a Cf g dT"
        rows["passenger_modifications"] = "A a"
        whole = written_out(encoder.encode(rows))
        for row in range(4):
            alone = encoder.encode(rows.iloc[[row]].reset_index(drop=True))
            np.testing.assert_array_equal(written_out(alone), whole[[row]])


def test_rows_without_any_sequence_are_encoded_too():
    nothing = {"guide_modifications": [None] * 4, "passenger_modifications": [None] * 4}
    encoded = fitted(table()).encode(table(guide=[None] * 4, **nothing))
    assert (encoded.counts == 0).all()


def test_only_the_first_nucleotides_of_a_very_long_strand_are_read():
    found = fitted(table(guide=["A" * 5000] * 4))
    assert sum(name.startswith("guide base") for name in found.channels) == LONGEST
