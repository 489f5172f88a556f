"""The size of a network, computed before it is built."""

import pytest
import torch

from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.errors import SirnaError
from sirna.members.network.regressor import InputSizes, SiRNAModel
from sirna.members.network.size import (
    check_prediction_memory,
    check_training_memory,
    count_weights,
)

SIZES = InputSizes({"a": 40, "b": 7}, [5, 9], 6, 9)
CHANGES = [
    {},
    {"model.encoder": "rnn", "model.layers": 3},
    {"model.encoder": "lstm", "model.bidirectional": False},
    {"model.share_encoder": True, "model.pooling": "last_mean"},
    {"model.head_layers": 0},
    {"model.head_layers": 3, "model.head_hidden": 17, "siblings.size": 5},
    {"train.loss": "mse"},
]


@pytest.mark.parametrize("changes", CHANGES, ids=str)
@pytest.mark.parametrize("siblings", [0, 9])
def test_the_count_is_that_of_the_network(changes, siblings):
    config = with_changes(Config(), changes)
    sizes = InputSizes(SIZES.vocabs, SIZES.categories, SIZES.numbers, siblings)
    model = SiRNAModel(sizes, config, torch.linspace(0.0, 100.0, 13))
    outputs = 12 if config.train.distributional else 1
    weights = {name: value for name, value in model.state_dict().items() if name != "edges"}
    assert count_weights(sizes, config, outputs) == sum(v.numel() for v in weights.values())


HUGE = ["model.hidden", "model.embedding", "siblings.size", "train.batch_rows"]
MANY_NETWORKS = {"model.hidden": 3000, "train.networks": 1000, "split.folds": 5}


@pytest.mark.parametrize("key", HUGE)
def test_a_network_beyond_the_memory_is_refused_with_the_settings_to_lower(key):
    config = with_changes(Config(), {key: 100_000, "model.layers": 8})
    with pytest.raises(SirnaError, match=rf"GB are free; lower .*{key}"):
        check_training_memory(InputSizes({"a": 100_000}, [5], 6, 9), config, 40)


def test_more_networks_than_the_memory_holds_are_refused():
    config = with_changes(Config(), MANY_NETWORKS)
    with pytest.raises(SirnaError, match=r"6,000 networks in all .*lower .*train\.networks"):
        check_training_memory(SIZES, config, 40)


@pytest.mark.parametrize(("rows", "tokens"), [(10_000_000, 200), (4096, 1_000_000)])
def test_a_prediction_of_too_many_rows_at_once_is_refused(rows, tokens):
    check_prediction_memory(SIZES, Config(), 4096, 30)
    with pytest.raises(SirnaError, match=r"GB are free; .*lower predict\.batch_rows"):
        check_prediction_memory(SIZES, Config(), rows, tokens)


def test_the_default_network_fits():
    check_training_memory(SIZES, Config(), 40)
