"""The configuration: read, written, changed, refused."""

import pytest
from pydantic import ValidationError

from sirna.config.config import Config
from sirna.config.load import load_config, with_changes
from sirna.config.schema import StreamConfig
from sirna.errors import UsageError
from sirna.protocols.protocol import PROTOCOLS

OTHER = {
    "train.epochs": 3,
    "train.learning_rate": 0.125,
    "train.loss": "huber",
    "columns.guide": "antisense",
    "covariates.numeric": ["hours"],
    "covariates.categorical": [],
    "model.bidirectional": False,
    "streams.extra": {"role": "passenger", "ngram": 2, "stride": 2, "tail": "drop"},
}


def written(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("changes", [{}, OTHER], ids=["defaults", "changed"])
def test_a_configuration_survives_a_round_trip_through_toml(tmp_path, changes):
    config = with_changes(Config(), changes)
    assert load_config(written(tmp_path, config.to_toml())) == config


def test_changes_affect_only_the_settings_they_name():
    config = with_changes(Config(), OTHER)
    assert config.train.epochs == 3
    assert config.covariates.numeric == ("hours",)
    assert config.streams["extra"] == StreamConfig(role="passenger", ngram=2, stride=2, tail="drop")
    assert set(config.streams) == {*Config().streams, "extra"}
    assert config.train.batch_rows == Config().train.batch_rows
    assert config.predict == Config().predict


def test_settings_that_a_file_leaves_out_keep_their_defaults(tmp_path):
    config = load_config(written(tmp_path, "[train]\nepochs = 3\n"))
    assert config == with_changes(Config(), {"train.epochs": 3})


def test_an_empty_file_gives_the_defaults(tmp_path):
    assert load_config(written(tmp_path, "")) == load_config() == Config()


def test_streams_in_a_file_replace_the_default_ones(tmp_path):
    config = load_config(written(tmp_path, '[streams.only]\nrole = "guide"\n'))
    assert set(config.streams) == {"only"}


@pytest.mark.parametrize(
    ("change", "section", "key", "value"),
    [
        ("train.epochs=3", "train", "epochs", 3),
        ("train.epochs = 3", "train", "epochs", 3),
        ("train.clip=2", "train", "clip", 2.0),
        ("train.learning_rate=1e-4", "train", "learning_rate", 1e-4),
        ("model.encoder=lstm", "model", "encoder", "lstm"),
        ('model.encoder="lstm"', "model", "encoder", "lstm"),
        ("model.bidirectional=false", "model", "bidirectional", False),
        ('covariates.numeric=["hours"]', "covariates", "numeric", ("hours",)),
        ("covariates.categorical=[]", "covariates", "categorical", ()),
        ("data.train=some/where=else.csv", "data", "train", "some/where=else.csv"),
    ],
)
def test_set_reads_values_as_toml_and_bare_words_as_text(change, section, key, value):
    assert getattr(getattr(load_config(changes=[change]), section), key) == value


def test_set_overrides_the_file_and_the_last_set_wins(tmp_path):
    path = written(tmp_path, "[train]\nepochs = 3\nbatch_rows = 5\n")
    config = load_config(path, ["train.epochs=4", "train.epochs=6"])
    assert (config.train.epochs, config.train.batch_rows) == (6, 5)


def test_set_changes_one_stream_and_keeps_the_others():
    name = next(iter(Config().streams))
    config = load_config(changes=[f"streams.{name}.ngram=2", f"streams.{name}.stride=2"])
    assert (config.streams[name].ngram, config.streams[name].stride) == (2, 2)
    assert config.streams[name].role == Config().streams[name].role
    assert set(config.streams) == set(Config().streams)


def test_set_adds_a_stream():
    config = load_config(changes=["streams.more.role=passenger", "streams.more.ngram=4"])
    assert config.streams["more"] == StreamConfig(role="passenger", ngram=4)
    inline = load_config(changes=['streams.more={role = "passenger", ngram = 4}'])
    assert inline == config


def test_set_changes_a_stream_of_the_file(tmp_path):
    path = written(tmp_path, '[streams.only]\nrole = "guide"\n')
    config = load_config(path, ["streams.only.ngram=2"])
    assert config.streams == {"only": StreamConfig(role="guide", ngram=2)}


@pytest.mark.parametrize("change", ["train.epochs", "=3", "epochs 3", ""])
def test_a_set_without_key_or_value_is_refused_with_an_example(change):
    with pytest.raises(UsageError, match=r"section\.key=value"):
        load_config(changes=[change])


@pytest.mark.parametrize(
    ("change", "near"),
    [
        ("train.epoch=3", "'epochs'"),
        ("trian.epochs=3", "'train'"),
        ("model.Hidden=3", "'hidden'"),
        ("streams.more.rolle=guide", "'role'"),
        ("model.encoder=lstmm", "'lstm'"),
        ("model.encoder=gruu", "'gru'"),
        ("split.protocol=targt", "'target'"),
        ("split.protocol=row", "'rows'"),
        ("epochs=3", "'train.epochs'"),
        ("seed=3", "'train.seed' or 'split.seed'"),
    ],
)
def test_a_misspelt_key_gets_a_suggestion(change, near):
    with pytest.raises(UsageError, match=rf"did you mean {near}"):
        load_config(changes=[change])


def test_the_message_for_an_unknown_key_lists_the_valid_keys():
    with pytest.raises(UsageError, match=r"'score\.zzz'.*allowed here: threshold"):
        load_config(changes=["score.zzz=3"])


@pytest.mark.parametrize("name", ["role", "ngram", "guide"])
def test_a_stream_can_have_any_name(name):
    with pytest.raises(UsageError, match=r"unknown key.*allowed here: role"):
        load_config(changes=[f"streams.{name}.role=guide", f"streams.{name}.zzz=1"])


@pytest.mark.parametrize(
    "change",
    [
        "train.epochs=0",
        "train.epochs=2.5",
        "train.epochs=many",
        "train.epochs=true",
        "train.learning_rate=0",
        "train.learning_rate=nan",
        "train.warmup=1",
        "train.smoothing=nan",
        "model.head_dropout=1.0",
        "model.head_dropout=-0.1",
        "model.hidden=0",
        "model.bins=3",
        "score.threshold=0",
        "score.threshold=100",
        "split.valid=0",
        "split.valid=0.6",
        "predict.interval=1",
        "columns.guide=''",
        "columns.id='siRNA_sense_seq'",
        "streams.more.ngram=3",
        "label.kind=inhibition_pct",
        "train=5",
        "train.epochs.more=5",
    ],
)
def test_a_value_out_of_range_is_refused_with_its_key(change):
    with pytest.raises(UsageError, match=change.split(".", maxsplit=1)[0].split("=")[0]):
        load_config(changes=[change])


def test_one_message_lists_all_faults(tmp_path):
    path = written(tmp_path, "[train]\nepochs = 0\nclipp = 1\n[model]\nhidden = 'x'\n")
    with pytest.raises(UsageError) as error:
        load_config(path)
    for part in ("mine.toml", "train.epochs", "train.clipp", "model.hidden"):
        assert part in str(error.value)


def test_the_message_says_whether_the_file_or_the_options_are_wrong(tmp_path):
    sound = written(tmp_path, "[train]\nepochs = 3\n")
    with pytest.raises(UsageError, match=r"mine\.toml with the options given: train\.epochs"):
        load_config(sound, ["train.epochs=0"])
    faulty = written(tmp_path, "[train]\nepochs = 0\n")
    with pytest.raises(UsageError, match=r"mine\.toml: train\.epochs"):
        load_config(faulty, ["train.batch_rows=5"])


def test_an_option_can_override_a_wrong_value_of_the_file(tmp_path):
    faulty = written(tmp_path, "[train]\nepochs = 0\n")
    assert load_config(faulty, ["train.epochs=3"]).train.epochs == 3


def test_labels_of_inhibition_need_better_higher():
    config = load_config(changes=["label.kind=inhibition_pct", "label.better=higher"])
    assert config.label.better == "higher"


def test_a_file_that_is_not_toml_is_refused_by_its_name(tmp_path):
    with pytest.raises(UsageError, match=r"mine\.toml: not valid TOML"):
        load_config(written(tmp_path, "[train\n"))
    with pytest.raises(UsageError, match=r"min\.toml: no such .* \(did you mean 'mine\.toml'"):
        load_config(tmp_path / "min.toml")
    with pytest.raises(UsageError, match=r"absent\.toml: no such configuration file$"):
        load_config(tmp_path / "absent.toml")
    path = tmp_path / "latin.toml"
    path.write_bytes(b"# caf\xe9\n")
    with pytest.raises(UsageError, match=r"latin\.toml: cannot be read"):
        load_config(path)


def test_a_configuration_cannot_be_changed_in_place():
    config = Config()
    with pytest.raises(ValidationError):
        config.train.epochs = 3
    with pytest.raises(ValidationError):
        config.train = Config().train
    with pytest.raises(TypeError):
        config.streams["more"] = StreamConfig(role="guide")
    with pytest.raises(TypeError):
        with_changes(config, {"train.epochs": 3}).streams["more"] = StreamConfig(role="guide")


def test_the_defaults_are_not_shared_between_configurations():
    name = next(iter(Config().streams))
    with_changes(Config(), {f"streams.{name}.ngram": 7})
    assert Config().streams[name].ngram != 7


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_protocol_sets_its_defaults_however_the_configuration_is_made(protocol, tmp_path):
    loaded = load_config(flags={"split.protocol": protocol})
    for section, values in PROTOCOLS[protocol].defaults.items():
        for key, value in values.items():
            assert getattr(getattr(loaded, section), key) == value
            assert getattr(getattr(Config(), section), key) != value
    assert loaded == with_changes(Config(), {"split.protocol": protocol})
    assert loaded == Config.model_validate({"split": {"protocol": protocol}})
    assert loaded == load_config(written(tmp_path, f"[split]\nprotocol = {protocol!r}\n"))
    assert loaded == with_changes(loaded, {"train.seed": loaded.train.seed})


def test_a_change_of_protocol_keeps_given_values_and_resolves_the_others():
    config = with_changes(Config(), {"train.epochs": 7})
    target = with_changes(config, {"split.protocol": "target"})
    assert target == load_config(changes=["split.protocol=target", "train.epochs=7"])
    assert with_changes(target, {"split.protocol": "rows"}) == config


def test_configurations_with_the_same_values_are_equal_whichever_were_given():
    assert with_changes(Config(), {"train.epochs": Config().train.epochs}) == Config()
    assert hash(with_changes(Config(), {"train.epochs": Config().train.epochs})) == hash(Config())


def test_file_and_options_override_the_defaults_of_a_protocol(tmp_path):
    own = load_config(flags={"split.protocol": "target"})
    path = written(tmp_path, "[split]\nprotocol = 'target'\n[train]\nepochs = 7\n")
    given = load_config(path, ["train.batch_rows=5"])
    assert (given.train.epochs, given.train.batch_rows) == (7, 5)
    assert given.train.learning_rate == own.train.learning_rate
    assert given.covariates == own.covariates


@pytest.mark.parametrize(
    ("split", "folds"), [("valid = 0.3", 1), ("valid = 0.3\nfolds = 3", 3), ("seed = 1", 5)]
)
def test_a_given_share_of_held_out_rows_means_one_split(tmp_path, split, folds):
    path = written(tmp_path, f"[split]\nprotocol = 'target'\n{split}\n")
    assert load_config(path).split.folds == folds


def test_the_configuration_file_of_a_run_under_target_repeats_the_run(tmp_path):
    config = load_config(changes=["split.protocol=target", "train.epochs=7"])
    assert load_config(written(tmp_path, config.to_toml())) == config


def test_the_trees_read_no_target_names():
    with pytest.raises(UsageError, match=r"trees\.categorical: 'target' is new in every row"):
        load_config(changes=["trees.categorical=['cell_line', 'target']"])
    with pytest.raises(UsageError, match=r"trees\.categorical: input should be a list"):
        load_config(changes=["trees.categorical='cell_line'"])


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("given", ["true", "false", None])
def test_siblings_are_looked_up_only_if_the_protocol_allows_it(protocol, given):
    changes = [f"split.protocol={protocol}", *([f"siblings.lookup={given}"] if given else [])]
    expected = PROTOCOLS[protocol].looks_up_siblings and given != "false"
    assert load_config(changes=changes).siblings.lookup is expected


@pytest.mark.parametrize(
    ("changes", "weights"),
    [
        ([], {"network": 0.4, "gaussian_process": 0.6, "trees": 0.0}),
        (["trees=0.5"], {"network": 0.4 / 1.5, "gaussian_process": 0.4, "trees": 0.5 / 1.5}),
        (["gaussian_process=0"], {"network": 1.0, "gaussian_process": 0.0, "trees": 0.0}),
        (["network=2", "gaussian_process=6"], {"network": 0.25, "gaussian_process": 0.75}),
        (["mine=1"], {"network": 0.2, "gaussian_process": 0.3, "mine": 0.5}),
    ],
)
def test_weights_of_a_mixture_are_scaled_to_one(changes, weights):
    given = [f"mixture.known_target.{change}" for change in changes]
    found = load_config(changes=given).mixture.known_target
    assert sum(found.values()) == pytest.approx(1.0)
    assert {name: found[name] for name in weights} == pytest.approx(weights)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["network=-1"], "the weight of 'network' must be from 0 to 1,000,000, not -1"),
        (["network=0", "gaussian_process=0"], "at least one family"),
        (["network=heavy"], "valid number"),
    ],
)
def test_invalid_weights_are_refused(changes, message):
    with pytest.raises(UsageError, match=rf"mixture\.known_target.*{message}"):
        load_config(changes=[f"mixture.known_target.{change}" for change in changes])


def test_an_unknown_role_among_the_columns_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match=r"columns: unknown key 'gide' \(did you mean 'guide'"):
        load_config(changes=["columns.gide=x"])
