"""Settings, files of settings, options and devices that are refused."""

from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("train.epoch=3", ["train.epoch", "did you mean 'epochs'"]),
        ("train.epochs=0", ["train.epochs", "not 0"]),
        ("train.epochs=2.5", ["train.epochs", "integer", "2.5"]),
        ("train.learning_rate=nan", ["train.learning_rate", "nan"]),
        ("train.learning_rate=inf", ["train.learning_rate", "inf"]),
        ("model.encoder=gur", ["model.encoder", "'gru'", "'gur'"]),
        ("split.protocol=targets", ["split.protocol", "did you mean 'target'"]),
        ("columns.label=siRNA_antisense_seq", ["siRNA_antisense_seq", "two roles"]),
        ("columns.guide=", ["columns: guide needs the name of a column"]),
        ("streams={}", ["streams", "at least 1"]),
        ("streams.x.role=guid", ["streams.x.role", "did you mean 'guide'"]),
        ("streams.role={role='guide', ngrm=2}", ["ngrm", "did you mean 'ngram'"]),
        ("label.kind=inhibition_pct", ["label", "better", "higher"]),
        ("train", ["section.key=value"]),
        ("train.epochs", ["section.key=value"]),
    ],
)
def test_a_bad_setting_is_refused_with_exit_status_2(
    change: str, expected: list[str], data: Path, refused, tiny: list[str]
) -> None:
    command = ("train", data / "train_data.csv", *tiny, "--check", "--set", change)
    message = refused(*command, code=2)
    for part in expected:
        assert part in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, ["no such configuration file"]),
        ("[train\n", ["not valid TOML", "line 1"]),
        ("[trian]\nepochs = 1\n", ["'trian'", "did you mean 'train'"]),
        ("[train]\nepochs = '3'\nlos = 'mse'\n", ["train.epochs", "'train.los'", "'loss'"]),
    ],
)
def test_a_bad_configuration_file_is_refused_with_exit_status_2(
    content: str | None, expected: list[str], data: Path, refused, tmp_path: Path
) -> None:
    path = tmp_path / "bad.toml"
    if content is not None:
        path.write_text(content)
    message = refused("train", data / "train_data.csv", "--config", path, code=2)
    for part in ["bad.toml", *expected]:
        assert part in message


def test_a_bad_option_is_not_blamed_on_the_configuration_file(data, refused, tmp_path) -> None:
    path = tmp_path / "good.toml"
    path.write_text("[train]\nepochs = 3\n")
    command = ("train", data / "train_data.csv", "--config", path)
    message = refused(*command, "--set", "train.epochs=0", code=2)
    assert "good.toml: train.epochs" not in message
    assert "good.toml with the options given: train.epochs" in message


@pytest.mark.parametrize(
    "arguments",
    [
        ["trian"],
        ["train", "--epochs", "3"],
        ["train", "--folds", "1"],
        ["train", "--protocol", "targets"],
        ["train", "--valid", "0.9"],
        ["train", "--valid", "0.2", "--folds", "3"],
        ["train", "--valid", "0.2", "--splits", "splits.csv"],
        ["train", "--folds", "3", "--splits", "splits.csv"],
        ["train", "one.csv", "two.csv"],
        ["submit"],
        ["submit", "test.csv", "--columns", "some"],
        ["score", "truth.csv"],
        ["sample"],
        ["sample", "folder", "--duplexes", "5"],
        ["sample", "folder", "--seed", "-1"],
    ],
    ids=" ".join,
)
def test_bad_usage_ends_with_exit_status_2(arguments: list[str], cli, tmp_path: Path) -> None:
    outcome = cli(*arguments)
    assert outcome.code == 2
    assert "rror: " in outcome.err
    assert "Traceback" not in outcome.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("device", ["gpu", "CPU", "mps", "cpu:0", "cuda:-1", "cuda:99"])
def test_an_absent_device_is_refused_and_leaves_no_run(
    device: str, data: Path, refused, tmp_path: Path, tiny: list[str]
) -> None:
    options = ("--run", tmp_path / "run", "--device", device)
    message = refused("train", data / "train_data.csv", *tiny, *options, code=2)
    assert device in message
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "arguments",
    [["--debug", "train", "absent.csv"], ["train", "--debug", "absent.csv"]],
    ids=" ".join,
)
def test_debug_shows_the_traceback_at_any_position_of_the_option(arguments: list[str], cli) -> None:
    outcome = cli(*arguments)
    assert outcome.code != 0
    assert "Traceback" in outcome.err
    assert "no such file" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["train", "absent.csv"], 1), (["train", "--set", "train.epochs=0"], 2), (["trian"], 2)],
    ids=["bad data", "bad setting", "bad command"],
)
def test_a_process_ends_with_the_status_and_an_empty_stdout(arguments, code, spawn) -> None:
    process = spawn(*arguments)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert out == ""
    assert "rror: " in err
    assert "Traceback" not in err
