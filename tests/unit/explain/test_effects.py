"""Effects by substitution, with a bundle whose predictions follow a known rule."""

from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from sirna.config.config import Config
from sirna.errors import SirnaError
from sirna.explain.effects import EFFECT_COLUMNS, effects, suggestions
from sirna.prediction.histogram import Histogram

EDGES = np.arange(0.0, 101.0)
ROLES = ["guide", "guide_modifications", "passenger_modifications", "dose", "cell_line"]


def predicted_by_rule(rows):
    """50, 10 less with Af at guide 2, 5 less if the guide begins with U, 20 more at 1 nM."""
    second = rows["guide_modifications"].str.split().str[1]
    mean = 50.5 - 10 * second.isin({"Af", "Cf", "Gf", "Uf"}) - 5 * rows["guide"].str.startswith("U")
    return (mean + 20 * (rows["dose"] == 1.0)).to_numpy(dtype=float)


@dataclass
class RuleBundle:
    """A bundle whose predictions follow `predicted_by_rule`."""

    training: pd.DataFrame
    config: Config = field(default_factory=Config)

    @cached_property
    def reads(self):
        return set(ROLES)

    def predict(self, rows, device=None):
        bins = np.floor(predicted_by_rule(rows)).astype(int)
        return SimpleNamespace(distribution=Histogram(EDGES, np.eye(100)[bins]))


def table(*rows):
    frame = pd.DataFrame(rows, columns=ROLES, dtype=object).astype({"dose": float})
    return frame.assign(id=[f"r{i}" for i in range(len(frame))])


TRAINING = table(
    ("UACG", "u Af c g", "c g u a", 10.0, "A"),
    ("UACG", "u a c g", "c g u a", 1.0, "A"),
    ("AACG", "a a c g", "c g u u", 10.0, "B"),
    ("ACCG", "a Cf c g", "c g g u", 10.0, "B"),
)


@pytest.fixture
def bundle():
    return RuleBundle(TRAINING)


def test_effects_are_those_of_the_rule_and_zero_elsewhere(bundle):
    found, _ = effects(bundle, TRAINING.iloc[[1]])
    assert tuple(found) == EFFECT_COLUMNS
    by_place = found.set_index(["part", "position"])["effect"].to_dict()
    assert by_place.pop(("guide base", 1)) == pytest.approx(-5)
    assert by_place.pop(("guide chemistry", 2)) == pytest.approx(10)
    assert by_place.pop(("dose", 0)) == pytest.approx(20)
    assert all(value == pytest.approx(0) for value in by_place.values())


def test_a_prediction_with_the_alternative_is_that_of_the_row_with_it(bundle):
    _, table_of = effects(bundle, TRAINING.iloc[[1]])
    place = table_of[(table_of["part"] == "guide chemistry") & (table_of["position"] == 2)]
    assert place["alternative"].tolist() == ["Af"]
    changed = TRAINING.iloc[[1]].assign(guide_modifications="u Af c g")
    assert place["mean"].tolist() == pytest.approx(predicted_by_rule(changed).tolist())


def test_a_base_takes_its_partner_and_its_tokens_along(bundle):
    _, found = effects(bundle, TRAINING.iloc[[0]])
    first = found[(found["part"] == "guide base") & (found["position"] == 1)]
    assert first["changes"].tolist() == [
        {
            "guide": "AACG",
            "guide_modifications": "a Af c g",
            "passenger_modifications": "c g u u",
        }
    ]


def test_suggestions_lower_what_remains_and_change_chemistry_alone(bundle):
    found = suggestions(bundle, TRAINING.iloc[[1]], most=3)
    assert found["alternative"].tolist() == ["Af"]
    assert found["gain"].tolist() == pytest.approx([10])
    assert found["seen_there"].tolist() == [True]
    assert found["interval_low"].le(found["median"]).all()
    assert not len(suggestions(bundle, TRAINING.iloc[[0]], most=3))


def test_a_chemistry_that_training_has_elsewhere_is_suggested_as_never_seen_there():
    training = table(
        ("UACG", "Uf a Cf g", "c g u a", 10.0, "A"), ("UACG", "Uf Af c g", "c g u a", 1.0, "A")
    )
    training.loc[1, "guide_modifications"] = "Af a c g"
    found = suggestions(RuleBundle(training), training.iloc[[0]], most=3)
    assert found[["position", "alternative", "seen_there"]].to_numpy().tolist() == [
        [2, "Af", False]
    ]


def test_rows_do_not_influence_each_other(bundle):
    together, _ = effects(bundle, TRAINING)
    alone = pd.concat([effects(bundle, TRAINING.iloc[[i]])[0] for i in range(len(TRAINING))])
    pd.testing.assert_frame_equal(together, alone.reset_index(drop=True))


def test_a_row_without_lists_is_explained_by_its_bases_and_conditions(bundle):
    rows = TRAINING.iloc[[0]].assign(passenger_modifications=np.nan)
    found, _ = effects(bundle, rows)
    assert set(found["part"]) == {"guide base", "guide chemistry", "dose", "cell_line"}


def test_a_bundle_without_training_rows_is_refused():
    with pytest.raises(SirnaError, match="no training rows"):
        effects(RuleBundle(pd.DataFrame()), TRAINING)


@pytest.mark.parametrize("chunk", [1, 7, 10_000])
def test_every_row_is_reported_once_whatever_the_chunk(bundle, monkeypatch, chunk):
    monkeypatch.setattr("sirna.explain.effects.CHUNK", chunk)
    reported: list[int] = []
    found, _ = effects(bundle, TRAINING, advance=reported.append)
    assert sum(reported) == len(TRAINING)
    pd.testing.assert_frame_equal(found, effects(bundle, TRAINING)[0])
    reported.clear()
    suggestions(bundle, TRAINING, most=3, advance=reported.append)
    assert sum(reported) == len(TRAINING)
