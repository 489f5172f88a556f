"""Rows position by position: what a kernel compares two measurements by.

Strands are aligned at the guide's and the passenger's 5' ends. A channel is one position's base,
the pair of it and the next (the stacking energies of a duplex are those of pairs), or one
position's chemistry (a token without its base, as in `@f` for Af, Cf, Gf and Uf). Tokens that
hold no base (VP, P, L96, s) belong to the chemistry of the nucleotide before them, those that lead
a strand to the first. The passenger's bases are left out: the guide's give them. Beside this, rows
have places in series: the site in the transcript, whose surroundings neighbours share, and the
number in the duplex id, since duplexes of near numbers were made and measured side by side.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Self, get_args

import numpy as np
import pandas as pd

from sirna.config.schema import ComparedConfig, Protocol, SeriesRole
from sirna.features.covariates import UNSEEN_INDEX, Covariates

BASE = re.compile("[ACGUTacgut]")
STRANDS = {"guide": "guide_modifications", "passenger": "passenger_modifications"}
UNSEEN = -1
"""The code of a category that training never showed: it equals nothing."""
LONGEST = 64
"""Nucleotides of a strand that are looked at: no siRNA is as long."""
COUNT_SCALE = 3.0
"""Nucleotides: the unit of counts."""


@dataclass(frozen=True)
class Compared:
    """n rows as codes and numbers; what rows share is stored once.

    Attributes
    ----------
    duplex : array of int64, shape (n,)
        Which of d distinct duplexes each row measures.
    channels : array of int64, shape (d, channels)
        Codes of the training categories, or `UNSEEN`.
    counts : array of float32, shape (d, counts)
        Nucleotides of each chemistry in each strand, and G or C in the guide.
    setting : array of int64, shape (n,)
        Which of s distinct conditions each row has.
    categories : array of int64, shape (s, roles)
    numbers : array of float32, shape (s, roles)
    places : array of float64, shape (n, series)
        Of each row in each series; NaN where unknown.
    """

    duplex: np.ndarray
    channels: np.ndarray
    counts: np.ndarray
    setting: np.ndarray
    categories: np.ndarray
    numbers: np.ndarray
    places: np.ndarray

    def __len__(self) -> int:
        return len(self.duplex)

    def take(self, rows: np.ndarray) -> "Compared":
        """Return some rows with no more duplexes and settings than they have."""
        duplexes, duplex = np.unique(self.duplex[rows], return_inverse=True)
        settings, setting = np.unique(self.setting[rows], return_inverse=True)
        return Compared(
            duplex,
            self.channels[duplexes],
            self.counts[duplexes],
            setting,
            self.categories[settings],
            self.numbers[settings],
            self.places[rows],
        )


@dataclass(frozen=True)
class Aligner:
    """Turns rows into what is compared; fitted on training rows only.

    Attributes
    ----------
    channels : dict of str to dict of str to int
        Category -> code, by channel.
    counted : tuple of (strand, chemistry)
    conditions : Covariates
    series : tuple of str
    """

    channels: dict[str, dict[str, int]]
    counted: tuple[tuple[str, str], ...]
    conditions: Covariates
    series: tuple[str, ...]

    @classmethod
    def fit(cls, rows: pd.DataFrame, config: ComparedConfig, protocol: Protocol) -> Self:
        """Fit on training rows; a series in which none of them has a place is left out."""
        channels: dict[str, dict[str, int]] = {}
        chemistries: set[tuple[str, str]] = set()
        for name, values in _channels(rows).items():
            categories = sorted(set(values))
            channels[name] = {category: code for code, category in enumerate(categories)}
            strand, kind, _ = name.split()
            if kind == "chemistry":
                chemistries |= {(strand, category) for category in categories if category}
        return cls(
            channels,
            tuple(sorted(chemistries)),
            Covariates.fit(rows, config.conditions, protocol),
            tuple(role for role in config.series if np.isfinite(_places(rows, role)).any()),
        )

    @staticmethod
    def columns(
        rows: pd.DataFrame, config: ComparedConfig, sequences: Collection[str]
    ) -> list[str]:
        """Return the table's columns that may be read; of the chemistries those in `sequences`."""
        chemistries = [role for role in STRANDS.values() if role in sequences]
        wanted = ["guide", *chemistries, *config.numeric, *config.categorical, *config.series]
        return [name for name in dict.fromkeys(wanted) if name in rows]

    @property
    def width(self) -> int:
        """Number of codes and numbers that a row becomes."""
        conditions = len(self.conditions.categorical) + len(self.conditions.numeric)
        return len(self.channels) + len(self.counted) + 1 + conditions + len(self.series)

    @property
    def read(self) -> set[str]:
        """The table's columns that are read of a row that is predicted."""
        strands = {name.split()[0] for name in self.channels if name.split()[1] == "chemistry"}
        sequences = {"guide", *(STRANDS[strand] for strand in strands)}
        return sequences | self.conditions.read | set(self.series)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Self:
        """Rebuild from `to_dict`.

        Raises
        ------
        KeyError, TypeError, ValueError
            For anything else.
        """
        counted = tuple((str(strand), str(chemistry)) for strand, chemistry in raw["counted"])
        conditions = Covariates.from_dict(raw["conditions"])
        series = tuple(str(role) for role in raw["series"])
        if not set(series) <= set(get_args(SeriesRole)):
            raise ValueError(f"no series: {series}")
        return cls(dict(raw["channels"]), counted, conditions, series)

    def encode(self, rows: pd.DataFrame, own: bool = False) -> Compared:
        """Encode n checked rows.

        own : bool
            These are training rows: the conditions' groups are read.
        """
        found = _channels(rows)
        nothing = np.full(len(rows), "", dtype=object)
        codes = [
            pd.Series(found.get(name, nothing)).map(categories).fillna(UNSEEN).to_numpy(np.int64)
            for name, categories in self.channels.items()
        ]
        channels = np.stack(codes, axis=1)
        counts = self._counts(found, len(rows))
        sequences = np.concatenate([channels, counts], axis=1)
        _, first, duplex = np.unique(sequences, axis=0, return_index=True, return_inverse=True)
        categories = self.conditions.categories(rows, own)
        categories = np.where(categories == UNSEEN_INDEX, UNSEEN, categories)
        numbers = self.conditions.numbers(rows)[:, 0::2]
        places = np.array([_places(rows, role) for role in self.series])
        both = np.concatenate([categories, numbers], axis=1)
        _, where, setting = np.unique(both, axis=0, return_index=True, return_inverse=True)
        return Compared(
            duplex.reshape(-1),
            channels[first],
            counts[first],
            setting.reshape(-1),
            categories[where],
            numbers[where],
            places.reshape(len(self.series), len(rows)).T,
        )

    def _counts(self, found: dict[str, np.ndarray], rows: int) -> np.ndarray:
        """Count chemistries in each strand, and G and C in the guide; (rows, counts)."""
        nothing = np.zeros(rows)
        strands = {
            name: [values for channel, values in found.items() if channel.startswith(name)]
            for name in ("guide base", "guide chemistry", "passenger chemistry")
        }
        counts = [
            sum((values == chemistry for values in strands[f"{strand} chemistry"]), start=nothing)
            for strand, chemistry in self.counted
        ]
        guide = strands["guide base"]
        counts.append(sum(((values == "G") | (values == "C") for values in guide), start=nothing))
        return (np.stack(counts, axis=1) / COUNT_SCALE).astype(np.float32)


@cache
def nucleotide(token: str) -> tuple[str, str]:
    """Split a token into its base (A, C, G, U or, without one, nothing) and its chemistry."""
    match = BASE.search(token)
    if match is None:
        return "", token
    letter = match.group()
    mark = "#" if letter.islower() else "@"
    base = letter.upper().replace("T", "U")
    return base, token[: match.start()] + mark + token[match.end() :]


def nucleotides(tokens: list[str]) -> list[tuple[str, str]]:
    """Return base and chemistry of every nucleotide; tokens without a base join a neighbour."""
    found: list[tuple[str, str]] = []
    leading = ""
    for base, chemistry in map(nucleotide, tokens):
        if base:
            found.append((base, leading + chemistry))
            leading = ""
        elif found:
            found[-1] = (found[-1][0], found[-1][1] + chemistry)
        else:
            leading += chemistry
    return found


def _places(rows: pd.DataFrame, series: str) -> np.ndarray:
    """Return the rows' places in a series, (n,) of float64; NaN where unknown."""
    if series not in rows:
        return np.full(len(rows), np.nan)
    return rows[series].to_numpy(dtype=np.float64, na_value=np.nan)


def _channels(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return each channel's categories, (n,) of str; empty beyond the end of a strand."""
    bases = rows["guide"].str.upper().str.replace("T", "U")
    channels = _spread("guide base", bases, list)
    channels |= _spread("guide pair", bases, _pairs)
    for strand, role in STRANDS.items():
        if role in rows:
            channels |= _spread(f"{strand} chemistry", rows[role], _chemistry)
    return channels


def _spread(
    name: str, sequences: pd.Series, cut: Callable[[str], list[str]]
) -> dict[str, np.ndarray]:
    """Cut every distinct sequence; return its parts by position."""
    codes, distinct = pd.factorize(sequences.fillna("").astype(str))
    parts = [cut(sequence)[:LONGEST] for sequence in distinct]
    longest = max(map(len, parts), default=0)
    padded = np.array([part + [""] * (longest - len(part)) for part in parts], dtype=object)
    return {f"{name} {place + 1}": padded[codes, place] for place in range(longest)}


def _pairs(bases: str) -> list[str]:
    return [bases[place : place + 2] for place in range(len(bases) - 1)]


def _chemistry(text: str) -> list[str]:
    return [chemistry for _, chemistry in nucleotides(text.split())]
