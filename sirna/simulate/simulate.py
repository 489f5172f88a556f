"""The embedded data set: a competition drawn from the rules of `sirna.simulate.efficacy`.

Symbols, transcripts, duplexes and measurements are invented; the names of cell lines and
modification tokens are real. The columns, the missing values and the spread of the labels resemble
the competition's files. A row is drawn in this order: publication and target, site, chemistry and
conditions (both by `study_designs`), noise-free percentage by the rules, measurement. Counts,
shares and spreads without a citation are chosen for this simulation.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from sirna.notation.known_tokens import TOKENS
from sirna.simulate import efficacy
from sirna.simulate.efficacy import Flags, Floats, Letters, measurement_cdf
from sirna.simulate.study_designs import (
    CELL,
    DOSE,
    FIXED_SHARES,
    HOURS,
    LONGEST,
    METHOD,
    NAMED,
    STUDY_DESIGNS,
    conditions,
    draw_chemistry,
)

__all__ = ["DEFAULT_DUPLEXES", "MIN_DUPLEXES", "Simulation", "measurement_cdf", "simulate"]

DEFAULT_DUPLEXES: Final = 1085
"""Duplexes that make about 2,500 training and 500 test rows."""
MIN_DUPLEXES: Final = 20
"""With fewer duplexes there is no sensible test set."""

_COLUMNS: Final = [  # the competition's, in its order
    *("id", "publication_id"),
    *("gene_target_symbol_name", "gene_target_ncbi_id", "gene_target_species"),
    *("siRNA_duplex_id", "siRNA_sense_seq", "siRNA_antisense_seq"),
    *(CELL, DOSE, "concentration_unit", METHOD, HOURS),
    *("modified_siRNA_sense_seq", "modified_siRNA_antisense_seq"),
    *("modified_siRNA_sense_seq_list", "modified_siRNA_antisense_seq_list"),
    *("gene_target_seq", "mRNA_remaining_pct"),
]
_TARGET_COLUMNS: Final = [*_COLUMNS[2:5], _COLUMNS[17]]
_SPECIES: Final = _COLUMNS[4]
_LABEL: Final = _COLUMNS[18]

_TEST_SHARE: Final = 1 / 6
_HUMAN, _MOUSE, _UNNAMED = 30, 10, 4  # targets; the last are those that no publication names
_REPEATS: Final = 3  # number of publications (the last named ones) with targets of earlier ones
_SAME_SITE: Final = 0.2  # share of duplexes at the previous duplex's site, with another chemistry
_FLANK: Final = 30  # nucleotides on either side of a site that influence its accessibility
_GUIDE_LENGTHS: Final = {23: 0.987, 21: 0.009, 22: 0.002, 24: 0.001, 19: 0.001}
_SENSE_LENGTHS: Final = {19: 19, 21: 19, 22: 21, 23: 21, 24: 21}  # by the length of the guide
_ROWS_PER_DUPLEX: Final = (0.26, 0.25, 0.24, 0.11, 0.06, 0.04, 0.02, 0.01, 0.01)  # 1, 2, ... rows


@dataclass(frozen=True)
class Simulation:
    """A simulated competition: the files of the competitors, and the truth.

    Attributes
    ----------
    train : pandas.DataFrame
        The competition's 19 columns, in its order; rows by ascending id.
    test : pandas.DataFrame
        The same columns, rows by ascending id, `mRNA_remaining_pct` missing throughout.
    truth : pandas.DataFrame
        `id`, `mRNA_remaining_pct` (measured) and `noise_free_pct`, in the order of `test`.
    vocab : pandas.DataFrame
        `Abbreviation` and `Chemical Name` of every modification token.
    """

    train: pd.DataFrame
    test: pd.DataFrame
    truth: pd.DataFrame
    vocab: pd.DataFrame


def simulate(duplexes: int = DEFAULT_DUPLEXES, seed: int = 0) -> Simulation:
    """Draw a competition: training rows, test rows, their truth and the modification tokens.

    As in the preliminary round, the test rows are a sixth of all rows, drawn at random among the
    rows without missing values. Exactly one row has the token ``P``, and it is a test row.

    Parameters
    ----------
    duplexes : int
        Number of duplexes, `MIN_DUPLEXES` or more; each has 2.8 rows on average.
    seed : int
        0 or more. The same arguments give the same tables.

    Returns
    -------
    Simulation

    Raises
    ------
    ValueError
        With fewer than `MIN_DUPLEXES` duplexes.
    """
    if duplexes < MIN_DUPLEXES:
        message = f"duplexes={duplexes}: a simulated competition needs {MIN_DUPLEXES} or more"
        raise ValueError(message)
    rng = np.random.default_rng(seed)
    drawn = _draw_duplexes(rng, duplexes, _draw_targets(rng), _draw_publications(rng))
    rows = _draw_rows(rng, drawn)
    rows["noise_free_pct"] = _noise_free(rows)
    rows[_LABEL] = efficacy.measure(rng, rows["noise_free_pct"].to_numpy())
    rows["id"] = rng.integers(1, 5, len(rows)).cumsum()
    unnamed = rows["publication"] >= NAMED
    rows.loc[unnamed, _TARGET_COLUMNS] = None
    rows.loc[rows["silent"], [CELL, METHOD, HOURS]] = None
    in_test = _draw_test(rng, (~unnamed & ~rows["silent"]).to_numpy(), rows["phosphate"].to_numpy())
    test = rows[in_test].reset_index(drop=True)
    tokens = sorted(sorted(efficacy.SIMULATED_TOKENS), key=len)
    names = [TOKENS[token] for token in tokens]
    return Simulation(
        train=rows.loc[~in_test, _COLUMNS].reset_index(drop=True),
        test=test[_COLUMNS].assign(**{_LABEL: np.nan}).astype({HOURS: int}),
        truth=test[["id", _LABEL, "noise_free_pct"]],
        vocab=pd.DataFrame({"Abbreviation": tokens, "Chemical Name": names}),
    )


def _draw_targets(rng: Generator) -> pd.DataFrame:
    """Draw the human targets, the mouse orthologues of the first ones and the unnamed targets."""
    number = np.r_[:_HUMAN, :_MOUSE, _HUMAN : _HUMAN + _UNNAMED]
    count = number.size
    symbols = np.array([f"SIM{chr(65 + n % 26)}{1 + n // 26}" for n in number])
    species = np.full(count, "Homo sapiens", dtype=object)
    mouse = slice(_HUMAN, _HUMAN + _MOUSE)
    symbols[mouse], species[mouse] = np.strings.title(symbols[mouse]), "Mus musculus"
    species[_HUMAN - 1] = "Macaca fascicularis"
    accessions = [f"{'NM' if n % 8 else 'XM'}_990{n:03d}.{1 + n % 4}" for n in range(count)]
    length = np.exp(rng.uniform(np.log(600), np.log(3000), count)).astype(int)
    transcripts = _draw_transcripts(rng, rng.uniform(0.34, 0.64, count), length)
    values = zip(_TARGET_COLUMNS, (symbols, accessions, species, transcripts), strict=True)
    return pd.DataFrame(dict(values)).assign(
        resistance=rng.normal(0.0, 0.45, count).clip(-1.1, 1.1),  # log10 of dose
        floor=rng.uniform(2.0, 20.0, count),  # percentage that remains at a saturating dose
    )


def _draw_transcripts(rng: Generator, gc: Floats, length: NDArray[np.int_]) -> list[str]:
    """Draw transcripts base by base; CpG is rare, as in vertebrates."""
    following = np.stack([1 - gc, gc, gc, 1 - gc], axis=1)[:, None, :].repeat(4, axis=1)
    following[:, 1, 2] *= 0.25
    following = following.cumsum(axis=2) / following.sum(axis=2, keepdims=True)
    bases = np.zeros((int(length.max()), len(gc)), dtype=int)
    chance = rng.random(bases.shape)
    for i in range(len(bases)):
        before = following[np.arange(gc.size), bases[i - 1]]
        bases[i] = (chance[i, :, None] > before[:, :3]).sum(axis=1)
    return ["".join(np.array(list("ACGT"))[bases[:n, t]]) for t, n in enumerate(length)]


def _draw_publications(rng: Generator) -> pd.DataFrame:
    """Draw a row for each publication and target: its share of the duplexes and its properties."""
    new, count = NAMED - _REPEATS, len(STUDY_DESIGNS)
    publication_targets = [(t % new, t) for t in range(_HUMAN)] + [
        (t, _HUMAN + t) for t in range(_MOUSE)
    ]
    publication_targets += [(new + t, t) for t in range(_REPEATS)]
    publication_targets += [(NAMED + t % 3, _HUMAN + _MOUSE + t) for t in range(_UNNAMED)]
    table = pd.DataFrame(sorted(publication_targets), columns=["publication", "target"])
    size, fixed = np.exp(rng.normal(0.0, 0.6, count)), list(FIXED_SHARES)
    size *= (1.0 - sum(FIXED_SHARES.values())) / np.delete(size, fixed).sum()
    size[fixed] = list(FIXED_SHARES.values())
    of, part = table["publication"].to_numpy(), rng.uniform(0.5, 1.0, len(table))
    names = np.array([f"WO{n:010x}" for n in rng.integers(16**9, 16**10, count)])
    return table.assign(
        share=size[of] * part / np.bincount(of, part)[of],
        publication_id=names[of],
        first_base=rng.choice(["", "U", "A"], count, p=[0.26, 0.3, 0.44])[of],  # "": the site's
        ceiling=rng.normal(104.0, 6.0, count)[of],  # percentage left without effect
        strictness=rng.normal(0.0, 0.2, count)[of],  # log10 of dose
    )


def _draw_duplexes(
    rng: Generator, count: int, targets: pd.DataFrame, publications: pd.DataFrame
) -> pd.DataFrame:
    """Draw duplexes: publication and target, site, chemistry, strands and potency."""
    last = (publications["share"].cumsum() * count).round().to_numpy()
    line = np.searchsorted(last[:-1], np.arange(count), side="right")
    drawn = publications.iloc[line].reset_index(drop=True).join(targets, on="target")
    repeats = (np.diff(line, prepend=-1) == 0) & (rng.random(count) < _SAME_SITE)
    guide, surroundings, unexplained = _draw_sites(rng, drawn, targets, repeats)
    drawn = drawn.join(draw_chemistry(rng, drawn["publication"].to_numpy()))
    guide_kinds = efficacy.letters(drawn["guide_kinds"].to_list())
    potency = efficacy.sequence_potency(guide, surroundings) + unexplained
    potency += efficacy.guide_chemistry(guide_kinds, drawn["lead"].to_numpy(dtype="U2"))
    potency += efficacy.passenger_chemistry(efficacy.letters(drawn["passenger_kinds"].to_list()))
    numbers = 5_000_000 + rng.integers(1, 400, count).cumsum()
    suffix = rng.choice([".1", ".2", ""], count, p=[0.9, 0.06, 0.04])
    names = [f"AD-{n}{s}" for n, s in zip(numbers, suffix, strict=True)]
    return drawn.join(_write_strands(guide, drawn)).assign(siRNA_duplex_id=names, potency=potency)


def _draw_sites(
    rng: Generator, drawn: pd.DataFrame, targets: pd.DataFrame, repeats: Flags
) -> tuple[Letters, Letters, Floats]:
    """Draw a site for each duplex, or repeat the site of the previous duplex.

    Returns the guides, shape (n, 24), which pair with their sites from position 2 on; the
    transcript around the sites; and a random part of each site's potency, in log10 of dose.
    """
    count = len(drawn)
    length = rng.choice(list(_GUIDE_LENGTHS), count, p=list(_GUIDE_LENGTHS.values()))
    site = rng.random(count) * (drawn["gene_target_seq"].str.len() - LONGEST).to_numpy()
    unexplained = rng.normal(0.0, 0.3, count)
    for i in np.flatnonzero(repeats):
        for values in (length, site, unexplained):
            values[i] = values[i - 1]
    rna = efficacy.letters(targets["gene_target_seq"].str.replace("T", "U").to_list())
    padded = np.pad(rna, ((0, 0), (_FLANK, _FLANK)))
    columns = site.astype(int)[:, None] + np.arange(LONGEST + 2 * _FLANK)
    surroundings = padded[drawn["target"].to_numpy()[:, None], columns]
    backwards = _FLANK + length[:, None] - 1 - np.arange(LONGEST)
    guide = efficacy.complement(np.take_along_axis(surroundings, backwards, axis=1))
    guide[np.arange(LONGEST) >= length[:, None]] = ""
    first = drawn["first_base"].to_numpy(dtype="U1")
    guide[:, 0] = np.where(first == "", guide[:, 0], first)
    return guide, surroundings, unexplained


def _write_strands(guide: Letters, chemistry: pd.DataFrame) -> pd.DataFrame:
    """Write both strands of each duplex: as bases, as a list of tokens, and as joined tokens."""
    antisense = ["".join(strand) for strand in guide]
    partner = ["".join(strand) for strand in efficacy.complement(guide)]
    sense = [p[: _SENSE_LENGTHS[len(p)]][::-1] for p in partner]
    tails = np.where(chemistry["galnac"], "L96", "").tolist()
    guide_tokens = list(map(efficacy.spell, antisense, chemistry["guide_kinds"], chemistry["lead"]))
    for i in np.flatnonzero(chemistry["thioate"]):
        guide_tokens[i].insert(-2, "s")
    none = [""] * len(sense)
    sense_tokens = list(map(efficacy.spell, sense, chemistry["passenger_kinds"], none, tails))
    return pd.DataFrame(
        {
            "siRNA_sense_seq": sense,
            "siRNA_antisense_seq": antisense,
            "modified_siRNA_sense_seq": ["".join(tokens) for tokens in sense_tokens],
            "modified_siRNA_antisense_seq": ["".join(tokens) for tokens in guide_tokens],
            "modified_siRNA_sense_seq_list": [" ".join(tokens) for tokens in sense_tokens],
            "modified_siRNA_antisense_seq_list": [" ".join(tokens) for tokens in guide_tokens],
        }
    )


def _draw_rows(rng: Generator, drawn: pd.DataFrame) -> pd.DataFrame:
    """Draw the conditions under which each duplex is measured, one row for each condition."""
    wanted = rng.choice(len(_ROWS_PER_DUPLEX), len(drawn), p=_ROWS_PER_DUPLEX) + 1
    wanted[drawn["phosphate"]] = 1
    parts = []
    for _, group in drawn.groupby(["publication", _SPECIES]):
        listed = conditions(group["publication"].iloc[0], group[_SPECIES].iloc[0])
        wait = rng.exponential(size=(len(group), len(listed))) / listed["often"].to_numpy()
        soonest = wait.argsort(axis=1).argsort(axis=1) < wanted[group.index][:, None]
        duplex, condition = np.nonzero(soonest)
        parts.append(listed.iloc[condition].assign(duplex=group.index[duplex]))
    return pd.concat(parts, ignore_index=True).join(drawn, on="duplex")


def _noise_free(rows: pd.DataFrame) -> Floats:
    """Return the percentage that remains in every row, before measurement noise."""
    free_uptake = (rows[METHOD] == "Free uptake").to_numpy()
    galnac, hexadecyl = rows["galnac"].to_numpy(), rows["hexadecyl"].to_numpy()
    log10_ec50 = efficacy.delivery_log10_ec50(rows[CELL].to_list(), free_uptake, galnac, hexadecyl)
    log10_ec50 += (rows["resistance"] + rows["strictness"] - rows["potency"]).to_numpy()
    dose, floor, ceiling = (rows[name].to_numpy() for name in (DOSE, "floor", "ceiling"))
    return efficacy.remaining_pct(dose, log10_ec50, floor, ceiling)


def _draw_test(rng: Generator, complete: Flags, phosphate: Flags) -> Flags:
    """Draw the test rows among the complete ones; the row with the 5'-phosphate is one of them."""
    order = rng.random(complete.size) + ~complete - phosphate
    return np.asarray(
        order.argsort().argsort() < round(_TEST_SHARE * complete.size), dtype=np.bool_
    )
