"""Rows as tensors."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.config.schema import StreamConfig
from sirna.errors import SirnaError
from sirna.features.dataset import DatasetEncoder
from sirna.features.vocab import PAD_INDEX, GenomicVocab

STREAMS = {
    "bases": {"role": "guide", "ngram": 2},
    "guide": {"role": "guide_modifications"},
    "passenger": {"role": "passenger_modifications"},
}
CONFIG = Config(streams={name: StreamConfig(**raw) for name, raw in STREAMS.items()})


def rows(**changed):
    columns = {
        "id": list("abcde"),
        "guide": ["ACGU", "ACGU", "CC", "ACGU", "GGGGG"],
        "guide_modifications": ["a Cf", "a Cf", "u u", "a Cf", "VP g Gf"],
        "passenger_modifications": ["g g", "g a", "g g", "g g", "L96 a"],
        "dose": [1.0, 10.0, 100.0, np.nan, 1.0],
        "cell_line": ["HeLa", "HeLa", None, "COS-7", "HeLa"],
        "label": [5.0, 15.0, 50.0, 99.0, 30.0],
    }
    return pd.DataFrame(columns | changed)


@pytest.fixture(scope="module")
def encoder():
    return DatasetEncoder.fit(rows(), CONFIG)


def decoded(encoder, dataset, stream, row):
    whole = dataset.all_rows
    strand = int(whole.strand[stream][row])
    indices = whole.tokens[stream][strand][: int(whole.lengths[stream][strand])]
    return encoder.vocab_of(stream).decode(indices.tolist())


def test_each_row_points_to_its_own_strand(encoder):
    dataset = encoder.encode(rows())
    assert len(dataset) == 5
    assert decoded(encoder, dataset, "bases", 0) == ["AC", "CG", "GU"]
    assert decoded(encoder, dataset, "bases", 2) == ["CC"]
    assert decoded(encoder, dataset, "guide", 4) == ["VP", "g", "Gf"]
    assert decoded(encoder, dataset, "passenger", 1) == ["g", "a"]


def test_a_list_of_one_token_is_that_token(encoder):
    dataset = encoder.encode(rows(guide_modifications=["u"] * 5))
    assert decoded(encoder, dataset, "guide", 2) == ["u"]


def test_every_distinct_strand_is_stored_once(encoder):
    whole = encoder.encode(rows()).all_rows
    assert len(whole.tokens["guide"]) == 3
    assert len(whole.tokens["passenger"]) == 3
    assert whole.strand["guide"].tolist() == [0, 0, 1, 0, 2]


def test_a_strand_is_padded_only_beyond_its_length(encoder):
    whole = encoder.encode(rows()).all_rows
    for name, tokens in whole.tokens.items():
        inside = torch.arange(tokens.shape[1]) < whole.lengths[name][:, None]
        assert torch.equal(tokens != PAD_INDEX, inside)


def test_streams_of_one_kind_share_a_vocabulary_counted_by_rows(encoder):
    assert set(encoder.vocabs) == {"bases", "modifications"}
    assert encoder.vocab_of("guide") is encoder.vocab_of("passenger")
    assert encoder.vocab_of("guide").tokens[2] == "g"


def test_a_token_that_training_lacks_and_a_missing_sequence_are_unknown(encoder):
    guide = ["a Zz", None, "a Cf", "Zz Zz", "Zz a"]
    dataset = encoder.encode(rows(guide_modifications=guide))
    assert decoded(encoder, dataset, "guide", 0) == ["a", "<unk>"]
    assert decoded(encoder, dataset, "guide", 1) == ["<unk>"]


def test_unknown_tokens_are_listed_with_their_rows(encoder):
    found = encoder.unknown_tokens(rows(guide_modifications=["a Zz", None, "a Cf", "Zz Y", "a"]))
    assert set(found) == {"guide"}
    affected, tokens = found["guide"]
    assert affected.tolist() == [True, False, False, True, False]
    assert tokens == ["Y", "Zz"]
    assert encoder.unknown_tokens(rows()) == {}


def test_a_test_file_is_read_with_the_indices_of_training(encoder):
    test = rows(guide_modifications=["Gf VP", "Gf VP", "Gf g", "Gf a", "Cf u"])
    refitted = DatasetEncoder.fit(test, CONFIG).vocab_of("guide")
    ours = encoder.vocab_of("guide")
    assert set(ours.tokens) == set(refitted.tokens)
    assert ours.tokens != refitted.tokens
    assert decoded(encoder, encoder.encode(test), "guide", 0) == ["Gf", "VP"]


def test_a_sequence_longer_than_any_of_training_is_encoded_completely(encoder):
    dataset = encoder.encode(rows(guide_modifications=["a " * 40] * 5))
    assert decoded(encoder, dataset, "guide", 0) == ["a"] * 40


def test_labels_are_nan_if_the_table_has_none(encoder):
    dataset = encoder.encode(rows().drop(columns="label"))
    assert torch.isnan(dataset.all_rows.label).all()
    assert encoder.encode(rows()).all_rows.label.tolist() == [5.0, 15.0, 50.0, 99.0, 30.0]


def test_a_stream_without_a_column_is_left_out():
    fit = DatasetEncoder.fit(rows().drop(columns="passenger_modifications"), CONFIG)
    assert set(fit.streams) == {"bases", "guide"}


def test_a_table_without_a_column_for_any_stream_is_refused():
    config = Config(streams={"only": StreamConfig(role="passenger")})
    with pytest.raises(SirnaError):
        DatasetEncoder.fit(rows(), config).encode(rows())


def test_the_limits_of_the_vocabulary_are_respected():
    config = with_changes(CONFIG, {"vocab.max_size": 2})
    fit = DatasetEncoder.fit(rows(), config)
    assert [len(vocab) for vocab in fit.vocabs.values()] == [4, 4]


def test_an_encoder_survives_a_round_trip_through_json(encoder):
    measured = encoder.siblings.measured
    loaded = DatasetEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())), measured)
    assert replace(loaded, siblings=None) == replace(encoder, siblings=None)
    pd.testing.assert_frame_equal(loaded.siblings.measured, measured)
    assert isinstance(loaded.vocabs["bases"], GenomicVocab)


def test_an_encoder_is_not_rebuilt_from_measurements_that_lack_a_column(encoder):
    measured = encoder.siblings.measured
    for column in measured:
        with pytest.raises(KeyError, match=column):
            DatasetEncoder.from_dict(encoder.to_dict(), measured.drop(columns=column))


@pytest.mark.parametrize("chosen", [[0], [4, 2], [3, 3, 0, 1]])
def test_taken_rows_equal_the_rows_themselves(encoder, chosen):
    dataset = encoder.encode(rows())
    batch = dataset.take(np.array(chosen))
    for name, whole in dataset.all_rows.tokens.items():
        width = batch.tokens[name].shape[1]
        assert width == int(batch.lengths[name].max())
        assert len(torch.unique(batch.strand[name])) == len(batch.tokens[name])
        for place, row in enumerate(chosen):
            own = whole[dataset.all_rows.strand[name][row]]
            taken = batch.tokens[name][batch.strand[name][place]]
            assert torch.equal(taken, own[:width])
            assert (own[width:] == PAD_INDEX).all()
    torch.testing.assert_close(batch.numeric, dataset.all_rows.numeric[chosen])
    assert torch.equal(batch.categorical, dataset.all_rows.categorical[chosen])
    assert torch.equal(batch.siblings, dataset.all_rows.siblings[chosen])
    assert torch.equal(batch.label, dataset.all_rows.label[chosen])


@pytest.mark.parametrize("by", ["duplex", "row"])
@pytest.mark.parametrize("size", [1, 7, 24, 10_000])
def test_the_batches_of_an_epoch_contain_every_row_once(tiny_table, by, size):
    numbered = tiny_table.rows.assign(label=np.arange(len(tiny_table), dtype=float))
    dataset = DatasetEncoder.fit(numbered, Config()).encode(numbered)
    batches = list(dataset.batches(size, np.random.default_rng(0), by))
    labels = torch.cat([batch.label for batch in batches])
    assert sorted(labels.tolist()) == list(range(len(dataset)))
    if by == "row":
        assert max(len(batch.label) for batch in batches) <= size
    if size > len(dataset):
        assert len(batches) == 1


def test_a_batch_never_splits_a_duplex(tiny_table):
    numbered = tiny_table.rows.assign(label=np.arange(len(tiny_table), dtype=float))
    dataset = DatasetEncoder.fit(numbered, Config()).encode(numbered)
    seen: dict[int, int] = {}
    batches = list(dataset.batches(9, np.random.default_rng(1), "duplex"))
    for number, batch in enumerate(batches):
        for row in batch.label.long().tolist():
            assert seen.setdefault(int(dataset.duplex[row]), number) == number
    assert len(batches) > 3


def test_rows_of_one_duplex_are_those_with_the_same_strands(encoder):
    duplex = encoder.encode(rows()).duplex
    assert duplex[0] == duplex[3]
    assert len(set(duplex.tolist())) == 4


def test_another_seed_gives_another_order_and_the_same_seed_the_same(tiny_fold):
    def order(seed):
        batches = tiny_fold.train.batches(16, np.random.default_rng(seed))
        return torch.cat([batch.label for batch in batches]).tolist()

    assert order(1) == order(1)
    assert order(1) != order(2)
