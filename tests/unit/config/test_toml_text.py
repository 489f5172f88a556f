"""TOML within limits, and bounds of every number in the schema."""

import annotated_types
import pytest

from sirna.config.config import Config
from sirna.config.fields import Section
from sirna.config.load import load_config
from sirna.config.toml_text import parse_toml, read_toml
from sirna.errors import UsageError
from sirna.tuning.space import SearchConfig

TEXTS = {
    "deep lists": "x = " + "[" * 100_000 + "]" * 100_000,
    "lists a little too deep": "x = " + "[" * 60 + "]" * 60,
    "deep tables": "[" + ".".join(["a"] * 20_000) + "]",
    "a deep key": ".".join(["a"] * 20_000) + " = 1",
    "inline tables": "x = " + "{a=" * 500 + "1" + "}" * 500,
    "many digits": "x = " + "9" * 5000,
    "not TOML": "x",
}


@pytest.mark.parametrize("name", TEXTS)
def test_text_beyond_the_limits_is_refused_in_a_short_message(name):
    with pytest.raises(UsageError, match=r"^here: ") as error:
        parse_toml(TEXTS[name], "here")
    assert len(str(error.value)) < 400


def test_nesting_up_to_the_limit_is_read():
    assert parse_toml("x = " + "[" * 49 + "]" * 49, "here")


def test_a_large_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "large.toml"
    with path.open("wb") as stream:
        stream.truncate(11_000_000)
    with pytest.raises(UsageError, match=r"large\.toml: has 11 MB; a TOML file has at most 10 MB"):
        read_toml(path)


@pytest.mark.parametrize("name", ["/dev/zero", "x" * 5000, "nope.toml"])
def test_what_is_no_file_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as error:
        load_config(tmp_path / name)
    assert len(str(error.value)) < 500


CHANGES = [
    "train.epochs=" + "1" * 5000,
    "train.epochs=" + "[" * 3000 + "]" * 3000,
    "a." * 9000 + "b=1",
]


@pytest.mark.parametrize("change", [*CHANGES, "x" * 10_000 + "=1", "train." + "x" * 10_000 + "=1"])
def test_a_message_quotes_at_most_a_part_of_a_setting(change):
    with pytest.raises(UsageError) as error:
        load_config(None, [change])
    assert len(str(error.value)) < 1500


def numbers(section, before=""):
    """Yield every number of a section and its sections, with the bounds that its type has."""
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from numbers(kind, f"{before}{name}.")
        elif kind in {int, float, int | None, float | None}:
            yield f"{before}{name}", field.metadata


NUMBERS = dict([*numbers(Config), *numbers(SearchConfig)])


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_has_a_lower_and_an_upper_bound(name):
    for kinds in (annotated_types.Ge | annotated_types.Gt, annotated_types.Le | annotated_types.Lt):
        assert any(isinstance(bound, kinds) for bound in NUMBERS[name]), name
