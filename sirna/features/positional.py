"""The positional encoder: encodes rows position by position, for Gaussian process and trees.

Strands are aligned at their 5' ends. A channel is the base at one position, the dinucleotide of
this and the next base (the stacking energies of a duplex belong to dinucleotides), or the chemistry
at one position (see `notation.nucleotides`). The passenger's bases are left out, since the guide
determines them. A row also has conditions, and places in series. One series is the binding site in
the transcript: neighbouring sites have similar surroundings. The other is the number in the duplex
id: duplexes with similar numbers were made and measured side by side.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, Self

import numpy as np
import pandas as pd
from pydantic import Field

from sirna.config.family_sections import ConditionsConfig
from sirna.config.fields import one_of
from sirna.config.roles import SERIES
from sirna.config.stored import Index, StoredForm, Text, read_stored
from sirna.features.covariates import UNSEEN_INDEX, Covariates
from sirna.features.cut_strands import NO_PART, CutStrands, cut_bases, cut_chemistry
from sirna.features.positional_rows import UNSEEN, PositionalRows
from sirna.features.strands import distinct_rows
from sirna.protocols.protocol import Protocol

STRANDS = {"guide": "guide_modifications", "passenger": "passenger_modifications"}
LONGEST = 64
"""Largest number of nucleotides of a strand that are encoded; no siRNA is longer."""
CHANNEL_PATTERN = r"^(guide|passenger) (base|dinucleotide|chemistry) [0-9]{1,3}$"
COUNT_SCALE = 3.0
"""Divisor of the counts of nucleotides."""


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
        for name, cut in _strands(rows).items():
            strand, kind = name.split()
            for place in range(cut.longest):
                categories = sorted(cut.at(place))
                codes = {category: code for code, category in enumerate(categories)}
                channels[f"{name} {place + 1}"] = codes
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

    def in_units_of(self, other: Self) -> Self:
        """Return an encoder that scales numbers as another one with the same features does."""
        numeric = dict(other.conditions.numeric)
        return replace(self, conditions=replace(self.conditions, numeric=numeric))

    @property
    def features(self) -> tuple[tuple[str, ...], ...]:
        """The names of channels, counts, conditions and series, in order."""
        counted = tuple(f"{strand} {chemistry}" for strand, chemistry in self.counted)
        conditions = (*self.conditions.categorical, *self.conditions.numeric)
        return tuple(self.channels), counted, conditions, self.series

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
        """Encode n checked rows; every distinct sequence is cut once.

        Parameters
        ----------
        rows : DataFrame of n rows
        training : bool
            Whether these are training rows; only in these may the names of targets be read.
        """
        strands = _strands(rows)
        first, duplex = distinct_rows(*(strand.code for strand in strands.values()))
        channels = np.zeros((len(first), len(self.channels)), dtype=np.int64)
        for column, (name, categories) in enumerate(self.channels.items()):
            strand, place = name.rsplit(" ", 1)
            if strand in strands:
                codes = strands[strand].codes(int(place) - 1, categories, UNSEEN)
                channels[:, column] = codes[strands[strand].code[first]]
            else:
                channels[:, column] = categories.get("", UNSEEN)
        counts = self._counts(strands, first)
        kept, pattern = distinct_rows(channels, counts)
        conditions = self.conditions.categories(rows, training)
        conditions = np.where(conditions == UNSEEN_INDEX, UNSEEN, conditions)
        numbers = self.conditions.numbers(rows)[:, 0::2]
        where, condition = distinct_rows(conditions, numbers)
        places = np.array([_places(rows, role) for role in self.series])
        return PositionalRows(
            pattern[duplex],
            channels[kept],
            counts[kept],
            condition,
            conditions[where],
            numbers[where],
            places.reshape(len(self.series), len(rows)).T,
            self.bases,
        )

    @property
    def bases(self) -> int:
        """The number of channels that describe bases; they stand before those of chemistry."""
        return sum(name.split()[1] != "chemistry" for name in self.channels)

    def _counts(self, strands: dict[str, CutStrands], rows: np.ndarray) -> np.ndarray:
        """Count chemistries in each strand, and G and C in the guide; (rows, counts)."""
        nothing = np.zeros(len(rows))
        counts = [nothing] * len(self.counted)
        for index, (name, chemistry) in enumerate(self.counted):
            strand = strands.get(f"{name} chemistry")
            if strand is not None:
                counts[index] = strand.count({chemistry})[strand.code[rows]]
        guide = strands["guide base"]
        counts.append(guide.count({"G", "C"})[guide.code[rows]])
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
        encoder = cls(dict(form.channels), form.counted, conditions, form.series)
        chemistry = [name.split()[1] == "chemistry" for name in encoder.channels]
        if chemistry != sorted(chemistry):
            raise ValueError("the channels of bases do not stand before those of chemistry")
        return encoder


def _places(rows: pd.DataFrame, series: str) -> np.ndarray:
    """Return the rows' places in a series, shape (n,), float64; NaN if unknown."""
    if series not in rows:
        return np.full(len(rows), np.nan)
    return rows[series].to_numpy(dtype=np.float64, na_value=np.nan)


def _strands(rows: pd.DataFrame) -> dict[str, CutStrands]:
    """Cut the strands of n rows, by the name of their channels."""
    # one base more, for the dinucleotide at the last place
    bases = cut_bases(rows["guide"], LONGEST + 1)
    letters, table = bases.parts, bases.table
    pairs = table[:, :-1] * len(letters) + table[:, 1:]
    pairs[table[:, 1:] == NO_PART] = NO_PART
    both = [first + second for first in letters for second in letters]
    strands = {
        "guide base": CutStrands(bases.code, table[:, :LONGEST], letters),
        "guide dinucleotide": CutStrands(bases.code, pairs[:, :LONGEST], both),
    }
    for strand, role in STRANDS.items():
        if role in rows:
            strands[f"{strand} chemistry"] = cut_chemistry(rows[role], LONGEST)
    return strands
