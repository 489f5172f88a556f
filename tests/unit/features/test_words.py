"""Counts of short words."""

import numpy as np
import pandas as pd
import pytest

from sirna.config.config import Config
from sirna.features.words import BLOCKS, OF_BASES, WordEncoder
from sirna.protocols.protocol import PROTOCOLS

CONDITIONS = Config().word_process.conditions
LISTS = ("guide_modifications", "passenger_modifications")


def fitted(rows, protocol="rows", sequences=LISTS):
    return WordEncoder.fit(rows, CONDITIONS, sequences, PROTOCOLS[protocol])


def plain(*guides):
    return pd.DataFrame({"guide": guides})


def counted(encoder, rows, block):
    encoded = encoder.encode(rows)
    table = encoded.counts[block][encoded.duplex]
    return [
        {word: int(n) for word, n in zip(encoder.words[block], line, strict=True) if n}
        for line in table
    ]


def test_words_of_bases_are_counted_wherever_they_stand():
    rows = plain("AACGU", "GAACG", "CAACGG")
    encoder = fitted(rows)
    assert tuple(encoder.words) == OF_BASES
    first = counted(encoder, rows, "short words")[0]
    assert first == {"A": 2, "C": 1, "G": 1, "AA": 1, "AC": 1, "CG": 1}  # U occurs once
    assert counted(encoder, rows, "long words")[0] == {"AAC": 1, "ACG": 1, "AACG": 1}


def test_words_of_a_single_duplex_are_left_out():
    encoder = fitted(plain("AAAAAAA", "AAAAAAG", "AAAACCC"))
    assert "CCC" not in encoder.words["long words"]
    assert "AAAA" in encoder.words["long words"]


def test_tokens_and_chemistry_are_counted_by_strand():
    rows = pd.DataFrame(
        {
            "guide": ["ACG", "ACG", "ACU"],
            "guide_modifications": ["Af Cs G", "Af Cs G", "Af Cs U"],
            "passenger_modifications": ["Cf G U", "Cf G Uf", "A G Uf"],
        }
    )
    encoder = fitted(rows)
    assert set(encoder.words) <= set(BLOCKS)
    tokens = counted(encoder, rows, "tokens")
    assert tokens[0]["guide Af"] == 1
    assert "passenger Af" not in encoder.words["tokens"]
    assert "guide @f" in encoder.words["chemistry"]
    assert "passenger G Uf" in encoder.words["pairs of tokens"]
    assert set(fitted(rows, sequences=()).words) <= set(OF_BASES)


def test_rows_with_new_words_and_without_lists_can_be_encoded(tiny_table):
    rows = tiny_table.rows
    encoder = fitted(rows)
    other = pd.DataFrame({"guide": ["NNNN", None, "ACGUACGUACGUACGUACGUA"]})
    encoded = encoder.encode(other)
    assert len(encoded) == 3
    assert not encoded.counts["tokens"].any()


def test_each_row_is_encoded_for_itself(tiny_table):
    rows = tiny_table.rows
    encoder = fitted(rows)
    whole = encoder.encode(rows)
    some = np.array([7, 3, 40])
    for part in (whole.take(some), encoder.encode(rows.iloc[some])):
        for block, counts in part.counts.items():
            np.testing.assert_array_equal(
                counts[part.duplex], whole.counts[block][whole.duplex[some]]
            )
        np.testing.assert_array_equal(
            part.categories[part.condition], whole.categories[whole.condition[some]]
        )
        np.testing.assert_array_equal(
            part.numbers[part.condition], whole.numbers[whole.condition[some]]
        )


def test_a_table_without_conditions_has_one(tiny_table):
    encoder = fitted(tiny_table.rows[["guide"]])
    encoded = encoder.encode(tiny_table.rows[["guide"]])
    assert encoded.categories.shape[0] == encoded.numbers.shape[0] == 1
    assert not encoded.condition.any()


def test_names_of_targets_are_hidden_where_the_protocol_hides_them(tiny_table):
    rows = tiny_table.rows
    encoder = fitted(rows, "target")
    renamed = rows.assign(target="another", publication="other")
    one, other = encoder.encode(rows), encoder.encode(renamed)
    np.testing.assert_array_equal(one.categories[one.condition], other.categories[other.condition])
    assert not {"target", "publication"} & encoder.reads


def test_the_encoder_is_restored(tiny_table):
    encoder = fitted(tiny_table.rows)
    assert WordEncoder.from_dict(encoder.to_dict()) == encoder


@pytest.mark.parametrize(
    "broken",
    [
        {"words": {"verbs": ["A"]}},
        {"words": {"tokens": "A"}},
        {"words": {"tokens": [1]}},
        {"lists": ["transcript"]},
        {"conditions": {}},
    ],
)
def test_data_of_another_form_is_refused(tiny_table, broken):
    with pytest.raises(ValueError):  # noqa: PT011 - any wording
        WordEncoder.from_dict(fitted(tiny_table.rows).to_dict() | broken)
