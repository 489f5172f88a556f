"""The positional encoder: encodes rows position by position, for Gaussian process and trees.

Strands are aligned at their 5' ends. A channel is the base at one position, the dinucleotide of
this and the next base (the stacking energies of a duplex belong to dinucleotides), or the chemistry
at one position (see `notation.nucleotides`). The passenger's bases are left out, since the guide
determines them. A row also has conditions, and places in series. One series is the binding site in
the transcript: neighbouring sites have similar surroundings. The other is the number in the duplex
id: duplexes with similar numbers were made and measured side by side.
"""

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Self

import numpy as np
import pandas as pd
from pydantic import Field

from sirna.config.fields import one_of
from sirna.config.roles import SERIES
from sirna.config.schema import ConditionsConfig
from sirna.config.stored import Index, StoredForm, Text, read_stored
from sirna.features.covariates import UNSEEN_INDEX, Covariates
from sirna.notation.nucleotides import nucleotides
from sirna.protocols.protocol import Protocol

STRANDS = {"guide": "guide_modifications", "passenger": "passenger_modifications"}
UNSEEN = -1
"""The code of a category that no training row has; it matches no training category."""
LONGEST = 64
"""Largest number of nucleotides of a strand that are encoded; no siRNA is longer."""
CHANNEL_PATTERN = r"^(guide|passenger) (base|dinucleotide|chemistry) [0-9]{1,3}$"
COUNT_SCALE = 3.0
"""Divisor of the counts of nucleotides."""


@dataclass(frozen=True)
class PositionalRows:
    """n encoded rows; patterns and conditions that rows have in common are stored once.

    Attributes
    ----------
    pattern : array of int64, shape (n,)
        Which of p distinct patterns (encoded strands) each row has.
    channels : array of int64, shape (p, channels)
        Codes of the training categories, or `UNSEEN`.
    counts : array of float32, shape (p, counts)
        Nucleotides of each chemistry in each strand, and G or C in the guide.
    condition : array of int64, shape (n,)
        Which of c distinct conditions each row has.
    categories : array of int64, shape (c, roles)
    numbers : array of float32, shape (c, roles)
    places : array of float64, shape (n, series)
        Each row's place in each series; NaN if unknown.
    """

    pattern: np.ndarray
    channels: np.ndarray
    counts: np.ndarray
    condition: np.ndarray
    categories: np.ndarray
    numbers: np.ndarray
    places: np.ndarray

    def __len__(self) -> int:
        return len(self.pattern)

    def take(self, rows: np.ndarray) -> "PositionalRows":
        """Return some rows, with only the patterns and conditions that they have."""
        patterns, pattern = np.unique(self.pattern[rows], return_inverse=True)
        conditions, condition = np.unique(self.condition[rows], return_inverse=True)
        return PositionalRows(
            pattern,
            self.channels[patterns],
            self.counts[patterns],
            condition,
            self.categories[conditions],
            self.numbers[conditions],
            self.places[rows],
        )


class PositionalForm(StoredForm):
    """`PositionalEncoder` as plain data."""

    channels: dict[Annotated[str, Field(pattern=CHANNEL_PATTERN)], dict[Text, Index]]
    counted: tuple[tuple[Annotated[str, one_of(tuple(STRANDS))], Text], ...]
    conditions: dict[str, Any]
    series: tuple[Annotated[str, one_of(SERIES)], ...]


@dataclass(frozen=True)
class PositionalEncoder:
    """Turns rows into `PositionalRows`; fitted on training rows only.

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
    def fit(cls, rows: pd.DataFrame, config: ConditionsConfig, protocol: Protocol) -> Self:
        """Fit on training rows; a series without a place in any training row is left out."""
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
        rows: pd.DataFrame, config: ConditionsConfig, sequences: Collection[str]
    ) -> list[str]:
        """Return the columns that the encoder reads; modification lists only if in `sequences`."""
        lists = [role for role in STRANDS.values() if role in sequences]
        wanted = ["guide", *lists, *config.numeric, *config.categorical, *config.series]
        return [name for name in dict.fromkeys(wanted) if name in rows]

    @property
    def width(self) -> int:
        """The number of features of a row."""
        conditions = len(self.conditions.categorical) + len(self.conditions.numeric)
        return len(self.channels) + len(self.counted) + 1 + conditions + len(self.series)

    @property
    def reads(self) -> set[str]:
        """The roles that a row needs to be predicted."""
        return self._sequences | self.conditions.reads | set(self.series)

    @property
    def reads_of_training(self) -> set[str]:
        """The roles that are read in training rows."""
        return self._sequences | set(self.conditions.roles) | set(self.series)

    @property
    def _sequences(self) -> set[str]:
        strands = {name.split()[0] for name in self.channels if name.split()[1] == "chemistry"}
        return {"guide", *(STRANDS[strand] for strand in strands)}

    def encode(self, rows: pd.DataFrame, training: bool = False) -> PositionalRows:
        """Encode n checked rows.

        Parameters
        ----------
        rows : DataFrame of n rows
        training : bool
            Whether these are training rows; only in these may the names of targets be read.
        """
        found = _channels(rows)
        nothing = np.full(len(rows), "", dtype=object)
        codes = [
            np.array(
                [categories.get(value, UNSEEN) for value in found.get(name, nothing)], np.int64
            )
            for name, categories in self.channels.items()
        ]
        channels = np.stack(codes, axis=1)
        counts = self._counts(found, len(rows))
        strands = np.concatenate([channels, counts], axis=1)
        _, first, pattern = np.unique(strands, axis=0, return_index=True, return_inverse=True)
        categories = self.conditions.categories(rows, training)
        categories = np.where(categories == UNSEEN_INDEX, UNSEEN, categories)
        numbers = self.conditions.numbers(rows)[:, 0::2]
        places = np.array([_places(rows, role) for role in self.series])
        both = np.concatenate([categories, numbers], axis=1)
        _, where, condition = np.unique(both, axis=0, return_index=True, return_inverse=True)
        return PositionalRows(
            pattern.reshape(-1),
            channels[first],
            counts[first],
            condition.reshape(-1),
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

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Self:
        """Rebuild from `to_dict`.

        Raises
        ------
        ValueError
            For data of another form.
        """
        form = read_stored(PositionalForm, raw)
        conditions = Covariates.from_dict(form.conditions)
        return cls(dict(form.channels), form.counted, conditions, form.series)


def _places(rows: pd.DataFrame, series: str) -> np.ndarray:
    """Return the rows' places in a series, shape (n,), float64; NaN if unknown."""
    if series not in rows:
        return np.full(len(rows), np.nan)
    return rows[series].to_numpy(dtype=np.float64, na_value=np.nan)


def _channels(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return each channel's categories, shape (n,); empty text beyond the end of a strand."""
    channels = _by_position("guide base", rows["guide"], list)
    channels |= _by_position("guide dinucleotide", rows["guide"], _dinucleotides)
    for strand, role in STRANDS.items():
        if role in rows:
            channels |= _by_position(f"{strand} chemistry", rows[role], _chemistry)
    return channels


def _by_position(
    name: str, sequences: pd.Series, cut: Callable[[str], list[str]]
) -> dict[str, np.ndarray]:
    """Cut every distinct sequence once; return the parts of all rows by position."""
    codes, distinct = pd.factorize(sequences.fillna("").astype(str))
    parts = [cut(sequence)[:LONGEST] for sequence in distinct]
    longest = max(map(len, parts), default=0)
    padded = np.array([part + [""] * (longest - len(part)) for part in parts], dtype=object)
    return {f"{name} {place + 1}": padded[codes, place] for place in range(longest)}


def _dinucleotides(bases: str) -> list[str]:
    return [bases[place : place + 2] for place in range(len(bases) - 1)]


def _chemistry(text: str) -> list[str]:
    return [chemistry for _, chemistry in nucleotides(text.split())]
