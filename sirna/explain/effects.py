"""Substitute one base, chemistry or condition at a time and predict again.

The effect of what stands at a place is the prediction of the row minus the mean prediction with the
alternatives of the training rows, weighted by how often they stand there. It is exact for the whole
mixture of families, whatever they are. A negative effect means that less mRNA remains.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from sirna.bundle.bundle import Bundle
from sirna.explain.alternatives import STRANDS, Alternatives, same
from sirna.explain.strand import PARTNER, parsed, partner_place, replaced, spelled
from sirna.members.base import CPU
from sirna.table.species_match import species_matches

ENDS = (0.1, 0.9)
"""The share of the alternatives' differences that lie below the ends of an effect's interval."""
CHUNK = 2_000
"""Substituted rows that are predicted at once: few enough that progress is seen."""
EFFECT_COLUMNS = ("id", "part", "position", "stands", "effect", "effect_low", "effect_high")
PAIRS_WITH_SPECIES = ("species", "cell_line")


@dataclass(frozen=True)
class Substitution:
    """One change of a row.

    Attributes
    ----------
    row : int
        Position of the row in the table.
    part : str
        "guide base", "guide chemistry", "passenger chemistry", or the role of a condition.
    position : int
        From 1, at the strand's 5' end; 0 for a condition.
    stands, alternative : str
        What the row has there, and what it gets.
    weight : float
        Share of the training rows that have the alternative there; 0 if none has.
    changes : dict
        Role -> new value.
    """

    row: int
    part: str
    position: int
    stands: str
    alternative: str
    weight: float
    changes: dict[str, Any]


def effects(
    bundle: Bundle,
    rows: pd.DataFrame,
    device: torch.device = CPU,
    advance: Callable[[int], object] = int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Explain the predictions of n checked rows.

    Parameters
    ----------
    bundle : Bundle
    rows : DataFrame of n rows
    device : torch.device
    advance : callable
        Called with the number of further rows that are done.

    Returns
    -------
    effects : DataFrame
        `EFFECT_COLUMNS`: a line for each row and place. Effects are in percentage points of the
        predicted mean; low and high enclose the differences to the middle 80 % of the alternatives.
    differences : DataFrame
        A line for each substitution, with `difference`: the prediction of the row minus that of the
        substituted row.

    Raises
    ------
    SirnaError
        If the bundle holds no training rows.
    """
    alternatives = Alternatives.fit(bundle)
    found = [one for row in range(len(rows)) for one in _of_row(rows, row, alternatives)]
    table = _differences(bundle, rows, found, device, advance)
    keys = ["row", "part", "position"]
    lines = [
        (*key, part["stands"].iloc[0], *_weighted(part))
        for key, part in table[table["weight"] > 0].groupby(keys, sort=False)
    ]
    columns = [*keys, *EFFECT_COLUMNS[3:]]
    summary = pd.DataFrame(lines, columns=columns)
    ids = rows["id"].to_numpy()
    summary.insert(0, "id", ids[summary.pop("row").to_numpy(dtype=np.int64)])
    return summary[list(EFFECT_COLUMNS)], table


def suggestions(
    bundle: Bundle,
    rows: pd.DataFrame,
    most: int,
    device: torch.device = CPU,
    advance: Callable[[int], object] = int,
) -> pd.DataFrame:
    """Return the single substitutions of chemistry with the largest predicted gain, for each row.

    Parameters
    ----------
    bundle : Bundle
    rows : DataFrame of n checked rows
    most : int
        Number of suggestions for each row.
    device : torch.device
    advance : callable
        As for `effects`.

    Returns
    -------
    DataFrame
        id, part, position, stands, alternative, gain (percentage points less that remain), the
        predicted median and interval with the alternative, and `seen_there`: whether a training
        duplex has the alternative at this place.
    """
    alternatives = Alternatives.fit(bundle)
    found = [
        one
        for row in range(len(rows))
        for one in _chemistry_of_row(rows, row, alternatives, everywhere=True)
    ]
    table = _differences(bundle, rows, found, device, advance)
    best = (
        table[table["difference"] > 0]
        .sort_values(["row", "difference"], ascending=[True, False], kind="stable")
        .groupby("row", sort=False)
        .head(most)
    )
    best = best.assign(id=rows["id"].to_numpy()[best["row"]], seen_there=best["weight"] > 0)
    names = ["id", "part", "position", "stands", "alternative", "difference"]
    names += ["median", "interval_low", "interval_high", "seen_there"]
    return best[names].rename(columns={"difference": "gain"}).reset_index(drop=True)


def _of_row(rows: pd.DataFrame, row: int, alternatives: Alternatives) -> Iterator[Substitution]:
    yield from _bases_of_row(rows, row, alternatives)
    yield from _chemistry_of_row(rows, row, alternatives)
    for role, values in alternatives.conditions.items():
        here = rows[role].iloc[row] if role in rows else np.nan
        for value, weight in values.items():
            if not same(value, here):
                stands = "missing" if pd.isna(here) else f"{here}"
                yield Substitution(row, role, 0, stands, f"{value}", weight, {role: value})


def _bases_of_row(
    rows: pd.DataFrame, row: int, alternatives: Alternatives
) -> Iterator[Substitution]:
    """Substitute the guide's bases, and with each the base that pairs with it in the passenger."""
    guide = rows["guide"].iloc[row]
    if pd.isna(guide):
        return
    strands = {
        strand: parsed(rows[role].iloc[row])
        for strand, role in STRANDS.items()
        if role in rows and not pd.isna(rows[role].iloc[row])
    }
    for place, base in enumerate(guide):
        for other, weight in alternatives.bases.get(place, {}).items():
            if other == base:
                continue
            changes = {"guide": guide[:place] + other + guide[place + 1 :]}
            places = {"guide": place}
            opposite = partner_place(guide, strands.get("passenger", []), place)
            if opposite is not None:
                places["passenger"] = opposite
            for strand, nucleotides in strands.items():
                at = places.get(strand)
                if at is None or at >= len(nucleotides):
                    continue
                new = other if strand == "guide" else PARTNER[other]
                key = strand, new, nucleotides[at].chemistry
                if key in alternatives.spelling:
                    changed = replaced(nucleotides, at, alternatives.spelling[key])
                    changes[STRANDS[strand]] = spelled(changed)
            yield Substitution(row, "guide base", place + 1, base, other, weight, changes)


def _chemistry_of_row(
    rows: pd.DataFrame, row: int, alternatives: Alternatives, everywhere: bool = False
) -> Iterator[Substitution]:
    """Substitute the chemistry of each nucleotide; `everywhere`: also by those of other places."""
    for strand, role in STRANDS.items():
        if role not in rows or pd.isna(rows[role].iloc[row]):
            continue
        nucleotides = parsed(rows[role].iloc[row])
        for place, here in enumerate(nucleotides):
            shares = alternatives.chemistry.get((strand, place), {})
            for kind in alternatives.chemistries(strand) if everywhere else shares:
                other = alternatives.spelling.get((strand, here.base, kind))
                if kind == here.chemistry or other is None:
                    continue
                if kind not in shares and len(other.tokens) > 1:
                    continue  # end groups, conjugates and linkages belong where training has them
                stands, alternative = " ".join(here.tokens), " ".join(other.tokens)
                changes = {role: spelled(replaced(nucleotides, place, other))}
                part, weight = f"{strand} chemistry", shares.get(kind, 0.0)
                yield Substitution(row, part, place + 1, stands, alternative, weight, changes)


def _differences(
    bundle: Bundle,
    rows: pd.DataFrame,
    found: list[Substitution],
    device: torch.device,
    advance: Callable[[int], object],
) -> pd.DataFrame:
    """Predict every substituted row; return a line for each substitution."""
    whole = bundle.predict(rows, device).distribution.mean()
    tail = (1 - bundle.config.predict.interval) / 2
    parts, done = [], 0
    for start in range(0, len(found), CHUNK):
        some = found[start : start + CHUNK]
        predicted = bundle.predict(_substituted(rows, some), device).distribution
        parts.append(
            pd.DataFrame(
                {
                    "mean": predicted.mean(),
                    "median": predicted.median(),
                    "interval_low": predicted.quantile(tail),
                    "interval_high": predicted.quantile(1 - tail),
                }
            )
        )
        next_row = found[start + CHUNK].row if start + CHUNK < len(found) else len(rows)
        advance(next_row - done)
        done = next_row
    names = ("row", "part", "position", "stands", "alternative", "weight", "changes")
    table = pd.DataFrame([[getattr(one, name) for name in names] for one in found], columns=names)
    table = table.join(pd.concat(parts, ignore_index=True) if parts else pd.DataFrame())
    if not len(table):
        return table.assign(difference=[])
    return table.assign(difference=whole[table["row"]] - table["mean"])


def _substituted(rows: pd.DataFrame, found: list[Substitution]) -> pd.DataFrame:
    """Return a copy of its row for each substitution, with the changes."""
    made = rows.iloc[[one.row for one in found]].reset_index(drop=True)
    made["id"] = [str(number) for number in range(len(made))]
    for role in dict.fromkeys(role for one in found for role in one.changes):
        values = made[role].tolist() if role in made else [np.nan] * len(made)
        for number, one in enumerate(found):
            if role in one.changes:
                values[number] = one.changes[role]
        numeric = role in made and pd.api.types.is_float_dtype(made[role])
        made[role] = np.array(values, dtype=np.float64 if numeric else object)
    if "species_match" in made:
        made["species_match"] = species_matches(*(made[role] for role in PAIRS_WITH_SPECIES))
    return made


def _weighted(part: pd.DataFrame) -> tuple[float, float, float]:
    """Return the weighted mean of the differences, and the ends of their middle share."""
    order = np.argsort(part["difference"].to_numpy())
    values, weights = part["difference"].to_numpy()[order], part["weight"].to_numpy()[order]
    middle = (np.cumsum(weights) - weights / 2) / weights.sum()
    low, high = (float(np.interp(end, middle, values)) for end in ENDS)
    return float(np.average(values, weights=weights)), low, high
