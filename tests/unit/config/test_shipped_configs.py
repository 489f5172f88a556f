import tomllib
from pathlib import Path

import pytest

from sirna.config.config import Config
from sirna.config.load import load_config

CONFIGS = Path(__file__).parents[3] / "configs"


def test_default_toml_spells_out_the_built_in_defaults():
    assert tomllib.loads((CONFIGS / "default.toml").read_text()) == tomllib.loads(
        Config().to_toml()
    )


@pytest.mark.parametrize("name", ["default", "best", "article", "quick", "plain"])
@pytest.mark.parametrize("protocol", ["rows", "duplex", "target"])
def test_every_shipped_configuration_loads_under_every_protocol(name, protocol):
    config = load_config(CONFIGS / f"{name}.toml", flags={"split.protocol": protocol})
    assert config.split.protocol == protocol


@pytest.mark.parametrize("protocol", ["rows", "duplex", "target"])
def test_the_article_configuration_is_the_published_network(protocol):
    article = load_config(CONFIGS / "article.toml", flags={"split.protocol": protocol})
    assert not article.siblings.lookup
    for weights in (article.mixture.known_target, article.mixture.unseen_target):
        assert weights == {"network": 1.0, "gaussian_process": 0.0, "trees": 0.0}
    assert not article.decision.calibrate
    model, train = article.model, article.train
    assert len(article.streams) == 2
    assert (model.embedding, model.hidden, model.layers) == (200, 256, 3)
    assert (model.layer_dropout, model.summary_dropout, model.head_layers) == (0.5, 0.5, 0)
    assert (train.optimizer, train.learning_rate, train.batch_rows) == ("adam", 1e-3, 64)
    assert (train.loss, train.epochs) == ("mse", 50)
    bases = article.streams["guide_bases"]
    assert (bases.ngram, bases.stride, bases.tail) == (3, 3, "drop")
