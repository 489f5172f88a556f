"""Configurations of version 0.2.0 keep their meaning."""

import pytest

from sirna.config.config import Config
from sirna.config.load import load_config, with_changes
from sirna.errors import UsageError

WHOLE_0_2 = """
[known]
measurements = true
most = 7
hidden = 0.25
size = 64

[gaussian_process]
share = 0.6
series = ["site", "duplex_number"]

[trees]
share = {trees}
members = 2
categorical = ["cell_line", "target", "species"]

[train]
members = 3

[split]
protocol = "{protocol}"
folds = 4

[decision]
new_targets = 0.25
"""


def written(tmp_path, text):
    path = tmp_path / "old.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_renamed_keys_are_read_under_their_new_names(tmp_path):
    config = load_config(written(tmp_path, WHOLE_0_2.format(protocol="rows", trees=0.6)))
    assert (config.siblings.most, config.siblings.dropout) == (7, 0.25)
    assert (config.train.networks, config.trees.ensembles) == (3, 2)
    assert config.decision.unseen_targets == 0.25
    usual = Config().mixture
    assert not config.mixture.learn  # the weights were given
    for kind in ("known_target", "unseen_target"):
        assert getattr(config.mixture, kind) == getattr(usual, kind)
    assert config.trees.categorical == ("cell_line", "species")


def test_values_without_effect_under_a_protocol_are_removed(tmp_path):
    config = load_config(written(tmp_path, WHOLE_0_2.format(protocol="target", trees=0.4)))
    assert not config.siblings.lookup
    assert config.gaussian_process.series == ()
    usual = with_changes(Config(), {"split.protocol": "target"})
    assert config.mixture.unseen_target == usual.mixture.unseen_target


@pytest.mark.parametrize(
    ("changes", "known", "unseen"),
    [
        (["gaussian_process.share=0"], (1.0, 0.0, 0.0), (0.4, 0.0, 0.6)),
        (["gaussian_process.share=0.5"], (0.5, 0.5, 0.0), (0.2, 0.2, 0.6)),
        (["trees.share=0.25"], (0.4, 0.6, 0.0), (0.3, 0.45, 0.25)),
        (["trees.share=0", "split.protocol=target"], (0.4, 0.6, 0.0), (0.4, 0.6, 0.0)),
        (["gaussian_process.share=0.5", "split.protocol=target"], (0.5, 0.5, 0), (0.3, 0.3, 0.4)),
    ],
)
def test_nested_shares_become_equivalent_weights(changes, known, unseen):
    mixture = load_config(changes=changes).mixture
    names = ("network", "gaussian_process", "trees")
    assert tuple(mixture.known_target[name] for name in names) == pytest.approx(known)
    assert tuple(mixture.unseen_target[name] for name in names) == pytest.approx(unseen)


@pytest.mark.parametrize("share", ["1", "-0.1", "half", "true"])
def test_a_share_that_was_never_valid_is_refused_with_the_new_section(share):
    with pytest.raises(UsageError, match=r"trees\.share: .*\[mixture\]"):
        load_config(changes=[f"trees.share={share}"])


def test_a_single_old_key_is_converted():
    assert load_config(changes=["train.members=2"]).train.networks == 2
    assert load_config(changes=["known.measurements=false"]).siblings.lookup is False


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[known]\nmost = 7\n[trees]\ncategorical = 5\n", r"trees\.categorical"),
        ("[known]\nmost = 7\n[trees]\ncategorical = [5, [6]]\n", r"trees\.categorical"),
        ("data = 5\n[train]\nmembers = 3\n", r"data: [^;]*not 5$"),
    ],
)
def test_a_faulty_value_among_old_keys_is_the_one_that_is_named(tmp_path, text, message):
    path = tmp_path / "old.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=message) as error:
        load_config(path)
    assert "unknown key" not in str(error.value)
