"""Strands that look mixed up are reported, and sound ones are not."""

import pandas as pd
import pytest

from sirna.config.config import Config
from sirna.table.check_table import check_table
from sirna.table.report import Purpose
from sirna.table.sequence import reverse_complement as paired

NAMES = Config().columns
TRANSCRIPT = "GATTACAGCCTTAGGCATCGTACCGATTGCATGGCTAACGTTCAGATCCG"
SITES = [3, 9, 15, 21]


def tokens(bases: str) -> str:
    return " ".join(f"{base}f" if place % 2 else base.lower() for place, base in enumerate(bases))


@pytest.fixture
def sound() -> pd.DataFrame:
    guides = [paired(TRANSCRIPT[site : site + 23]) for site in SITES]
    senses = [paired(guide)[2:] for guide in guides]
    columns = {
        "id": [f"r{site}" for site in SITES],
        "label": ["50"] * len(SITES),
        "guide": [guide.replace("T", "U") for guide in guides],
        "passenger": senses,
        "guide_modifications": [tokens(guide) for guide in guides],
        "passenger_modifications": [tokens(sense) + " L96" for sense in senses],
        "transcript": [TRANSCRIPT] * len(SITES),
    }
    return pd.DataFrame({NAMES[role]: values for role, values in columns.items()})


def notes(table: pd.DataFrame) -> str:
    return "\n".join(check_table(table, "mine.csv", Config(), Purpose.TEST).notes)


def test_correct_strands_get_no_notice(sound) -> None:
    for part in ("swapped", "from 3' to 5'", "does not pair", "other bases"):
        assert part not in notes(sound)


def test_swapped_strands_are_reported_row_by_row(sound) -> None:
    guide, sense = NAMES["guide"], NAMES["passenger"]
    sound.loc[2, [guide, sense]] = sound.loc[2, [sense, guide]].to_numpy()
    reported = notes(sound)
    assert f"mine.csv: column {guide!r}, 1 row: is a part of its transcript" in reported
    assert "swapped?\n  row id r15 (" in reported


def test_strands_written_backwards_are_reported(sound) -> None:
    sound[NAMES["guide"]] = sound[NAMES["guide"]].str[::-1]
    reported = notes(sound)
    assert f"{NAMES['guide']!r}, 4 rows: pairs with its transcript from 3' to 5'" in reported
    assert f"{NAMES['passenger']!r}, 4 rows: does not pair" in reported
    assert "swapped" not in reported


@pytest.mark.parametrize("role", ["guide_modifications", "passenger_modifications"])
def test_tokens_of_another_strand_are_reported(sound, role) -> None:
    column = NAMES[role]
    sound[column] = sound[column].shift(fill_value=sound[column].iloc[-1])
    reported = notes(sound)
    assert f"column {column!r}, 4 rows: has other bases" in reported


@pytest.mark.parametrize(
    "written",
    [
        lambda tokens: tokens.str.rsplit(n=2).str[0] + " dT dT",
        lambda tokens: "invAb " + tokens,
        lambda tokens: tokens.str.replace(" ", " LNA-", n=1),
    ],
    ids=["other ends", "a cap that holds a letter", "a token of another spelling"],
)
def test_another_way_to_write_a_strand_gets_no_notice(sound, written) -> None:
    column = NAMES["guide_modifications"]
    sound[column] = written(sound[column])
    assert "other bases" not in notes(sound)


def test_a_mismatch_in_the_middle_gets_no_notice(sound) -> None:
    sense = sound[NAMES["passenger"]]
    sound[NAMES["passenger"]] = sense.str[:10] + sense.str[10].map(paired) + sense.str[11:]
    assert "does not pair" not in notes(sound)


def test_marks_between_bases_and_tokens_are_ignored(sound) -> None:
    plain = check_table(sound, "mine.csv", Config(), Purpose.TEST)
    guides, column = sound[NAMES["guide"]], NAMES["guide_modifications"]
    written = sound.assign(
        **{
            NAMES["guide"]: "5'-"
            + guides.str[:7]
            + " "
            + guides.str[7:9]
            + "."
            + guides.str[9:]
            + "-3'",
            column: sound[column].str.replace(" ", ","),
        }
    )
    table = check_table(written, "mine.csv", Config(), Purpose.TEST)
    pd.testing.assert_frame_equal(table.rows, plain.rows)
    assert table.notes == plain.notes
    assert table.raw[NAMES["guide"]].tolist() == written[NAMES["guide"]].tolist()
