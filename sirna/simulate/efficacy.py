"""Published rules of siRNA efficacy, and models of chemistry, delivery and noise, as functions.

The embedded data set (`sirna.simulate.simulate`) is drawn from these rules; no model imports them.
*What* favours silencing is published and cited at each function. *How much* it counts, on the scale
of log10 EC50, is not published in one common unit: every weight without a citation is chosen for
this simulation (marked "chosen").

Positions count from 1, at the 5' end of the strand. Strands are arrays of single RNA letters of
shape (n, width), 5' to 3', padded with ``""``; a chemistry is an array of the same shape with
letters of `NUCLEOTIDE_KINDS`. The rules of the guide use its positions 1 to 19 and return shape
(n,).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Letters = NDArray[np.str_]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

RULE_LENGTH: Final = 19
"""Nucleotides of the guide, from its 5' end, that the rules of 2004 were written for."""

NUCLEOTIDE_KINDS: Final = {
    "r": "A C G U",
    "m": "a c g u",
    "f": "Af Cf Gf Uf",
    "d": "dA dC dG dT",
    "g": "(Agn) (Cgn) (Ggn) (Tgn)",
    "l": "(A2p) (C2p) (G2p) (U2p)",
    "h": "(Ahd) (Chd) (Ghd) (Uhd)",
}
"""The letter of each kind of nucleotide, and its tokens for A, C, G and U; their chemical names are
in `notation.known_tokens`."""
_TOKENS: Final = {
    kind + base: token
    for kind, tokens in NUCLEOTIDE_KINDS.items()
    for base, token in zip("ACGU", tokens.split(), strict=True)
}
SIMULATED_TOKENS: Final = (*_TOKENS.values(), "L96", "VP", "P", "s", "t")
"""Every modification token of the embedded data."""

STACKING_KCAL: Final = {
    **dict.fromkeys(("AA", "UU"), -0.93),
    **dict.fromkeys(("CU", "AG"), -2.08),
    **dict.fromkeys(("CA", "UG"), -2.11),
    **dict.fromkeys(("GU", "AC"), -2.24),
    **dict.fromkeys(("GA", "UC"), -2.35),
    **dict.fromkeys(("GG", "CC"), -3.26),
    "AU": -1.10,
    "UA": -1.33,
    "CG": -2.36,
    "GC": -3.42,
}
"""Free energy (kcal/mol, 37 °C) of a base pair stacked on the next, by 5'-3' dinucleotide:
Xia et al. 1998, Biochemistry 37:14719."""

TERMINAL_AU_KCAL: Final = 0.45
"""Free energy (kcal/mol) of an A-U pair at the end of a helix (Xia 1998)."""

CELL_LOG10_EC50: Final = {
    "Primary Human Hepatocytes": -0.45,
    "Primary Monkey Hepatocytes": -0.15,
    "Primary Mouse Hepatocytes": 0.65,
    "Hep3B Cells": 0.45,
    "HepG2 Cells": 0.95,
    "Hepa1-6 Cells": 0.8,
    "BE(2)-C Cells": 0.85,
    "Neuro2a Cells": 0.6,
    "COS-7 Cells": 0.95,
    "HeLa Cells": 0.8,
    "A549 Cells": 0.7,
    "Human Trabecular Meshwork Cells": 1.55,
}
"""log10 of the EC50 (nM) of an average duplex under lipofection, by cell line; chosen."""

HILL_SLOPE: Final = 0.65
"""Steepness of the dose response; chosen."""

LOWEST_PCT: Final = 0.1
"""The least percentage that is reported; chosen, as is the noise below."""
NOISE_WIDTH: Final = 0.1
"""Scale of the logistic error of a measurement, in asinh(percentage / `NOISE_TURN_PCT`)."""
NOISE_TURN_PCT: Final = 22.0
"""Percentage about which the error turns from additive to multiplicative."""


def letters(strands: Sequence[str]) -> Letters:
    """Write n strands, which may differ in length, as single letters, shape (n, longest)."""
    width = max(map(len, strands))
    return np.array(strands, dtype=f"U{width}").view("U1").reshape(len(strands), width)


def complement(strand: Letters) -> Letters:
    """Return the Watson-Crick partner of each RNA letter, not reversed; ``""`` stays ``""``."""
    partner = np.zeros_like(strand)
    for base, mate in ("AU", "UA", "GC", "CG"):
        partner[strand == base] = mate
    return partner


def spell(strand: str, kinds: str, lead: str = "", tail: str = "") -> list[str]:
    """Return a strand as tokens: the lead, a token for each base and its kind, the tail.

    `kinds` may be longer than the strand; an empty lead or tail gives no token.
    """
    core = (_TOKENS[kind + base] for base, kind in zip(strand, kinds, strict=False))
    return [token for token in (lead, *core, tail) if token]


def core_passenger(guide: Letters) -> Letters:
    """Return the 19-mer, 5' to 3', shape (n, 19), that pairs with guide positions 19 to 1.

    The rules of 2004 number this strand; in a duplex of 21 and 23 nt it is sense 3 to 21.
    """
    return complement(guide[:, RULE_LENGTH - 1 :: -1])


def reynolds_2004(guide: Letters) -> Floats:
    """Score by Reynolds et al. 2004, Nat Biotechnol 22:326: -2 to 9 points.

    One point each for 30-52 % G/C, for every A/U at sense 15-19, for A at sense 19 and at 3 and for
    U at sense 10; one less for G/C at 19 and for G at 13. Their criterion III, no internal repeats,
    is left out.
    """
    sense = core_passenger(guide)
    weak = np.isin(sense, ("A", "U"))
    points = 1.0 * (gc_excess(guide) == 0) + weak[:, 14:].sum(axis=1)
    points += 1.0 * (sense[:, 18] == "A") + (sense[:, 2] == "A") + (sense[:, 9] == "U")
    points -= 1.0 * ~weak[:, 18] + (sense[:, 12] == "G")
    return np.asarray(points, dtype=np.float64)


def ui_tei_2004(guide: Letters) -> Floats:
    """Count the conditions met, 0 to 4, of Ui-Tei et al. 2004, Nucleic Acids Res 32:936.

    A/U at the 5' end of the guide; G/C at the 5' end of the passenger; five A/U or more in the 5'
    third of the guide (positions 1-7); no stretch of more than nine G/C.
    """
    weak = np.isin(guide[:, :RULE_LENGTH], ("A", "U"))
    weak_before = np.pad(weak.cumsum(axis=1), ((0, 0), (1, 0)))
    stretch = (weak_before[:, 10:] == weak_before[:, :-10]).any(axis=1)
    rich = weak[:, :7].sum(axis=1) >= 5
    return np.asarray(1.0 * weak[:, 0] + ~weak[:, 18] + rich + ~stretch, dtype=np.float64)


def amarzguioui_prydz_2004(guide: Letters) -> Floats:
    """Score by Amarzguioui & Prydz 2004, Biochem Biophys Res Commun 316:1050: -5 to 6.

    On the sense strand, G/C at 1, A at 6 and A/U at 19 each add one; U at 1 and G at 19 each
    subtract one. Each A/U at its last three positions adds one, each at its first three subtracts
    one.
    """
    sense = core_passenger(guide)
    weak = np.isin(sense, ("A", "U"))
    score = 1.0 * weak[:, 16:].sum(axis=1) - weak[:, :3].sum(axis=1)
    score += 1.0 * ~weak[:, 0] + (sense[:, 5] == "A") + weak[:, 18]
    score -= 1.0 * (sense[:, 0] == "U") + (sense[:, 18] == "G")
    return np.asarray(score, dtype=np.float64)


def end_asymmetry(guide: Letters) -> Floats:
    """Return how much less stable the guide's 5' end is than its other end, in kcal/mol.

    The strand whose 5' end is less stably paired enters RISC (Schwarz et al. 2003, Cell 115:199;
    Khvorova et al. 2003, Cell 115:209). Each end counts its four outermost stacks and its terminal
    pair, with the energies of Xia et al. 1998.
    """
    weak = np.isin(guide, ("A", "U"))
    dinucleotides = np.strings.add(guide[:, : RULE_LENGTH - 1], guide[:, 1:RULE_LENGTH])
    stacks = np.zeros(dinucleotides.shape)
    for dinucleotide, kcal in STACKING_KCAL.items():
        stacks[dinucleotides == dinucleotide] = kcal
    ends = TERMINAL_AU_KCAL * (1.0 * weak[:, 0] - weak[:, RULE_LENGTH - 1])
    return np.asarray(stacks[:, :4].sum(axis=1) - stacks[:, -4:].sum(axis=1) + ends)


def gc_excess(guide: Letters) -> Floats:
    """Return how far the G/C fraction is outside 0.30-0.52; 0 inside (Reynolds et al. 2004)."""
    gc = np.isin(guide[:, :RULE_LENGTH], ("G", "C")).mean(axis=1)
    return np.asarray(np.maximum(0.0, np.maximum(0.30 - gc, gc - 0.52)), dtype=np.float64)


def site_accessibility(surroundings: Letters) -> Floats:
    """Estimate the accessibility of a site by the fraction of A/U around it, 0 to 1, shape (n,).

    Accessible sites are silenced better (Tafer et al. 2008, Nat Biotechnol 26:578). Local A/U
    content is used instead of a folded structure (after Grimson et al. 2007, Mol Cell 27:91).
    """
    weak = np.isin(surroundings, ("A", "U")).sum(axis=1)
    return np.asarray(weak / (surroundings != "").sum(axis=1), dtype=np.float64)


def sequence_potency(guide: Letters, surroundings: Letters) -> Floats:
    """Add up the rules of sequence and site: potency, log10 units of dose; weights chosen."""
    potency = 0.13 * (reynolds_2004(guide) - 4.3) + 0.2 * (ui_tei_2004(guide) - 2.8)
    potency += 0.08 * (amarzguioui_prydz_2004(guide) - 1.7) + 0.15 * end_asymmetry(guide)
    potency += 2.0 * (site_accessibility(surroundings) - 0.5)
    return potency - 2.5 * gc_excess(guide)


def guide_chemistry(kinds: Letters, lead: Letters) -> Floats:
    """Add up the effects of the guide's chemistry: potency, log10 units of dose; weights chosen.

    - 2'-fluoro at 2, 6, 14 and 16 favours silencing, 2'-O-methyl at 2 or 14 harms it (Foster et al.
      2018, Mol Ther 26:708).
    - Glycol nucleic acid at 7 costs little, elsewhere in the seed (2-8) more (Janas et al. 2018,
      Nat Commun 9:723; Schlegel et al. 2022, Nucleic Acids Res 50:6656).
    - DNA in the seed costs little (Ui-Tei et al. 2008, Nucleic Acids Res 36:2136).
    - 5'-vinylphosphonate (``lead`` "VP", shape (n,)) raises potency (Parmar et al. 2016,
      ChemBioChem 17:985); a plain 5'-phosphate ("P") adds a third of that (chosen).
    - A 2'-5' linkage in the seed, and unmodified ribose, which nucleases cut, lower it (chosen).
    """
    seed = kinds[:, 1:8]
    potency = 0.16 * (kinds[:, [1, 5, 13, 15]] == "f").sum(axis=1)
    potency -= 0.9 * (kinds[:, 1] == "m") + 0.7 * (kinds[:, 13] == "m")
    potency += 0.45 * (kinds[:, 6] == "g") - 0.6 * (seed == "g").sum(axis=1)
    potency -= 0.06 * (seed == "d").sum(axis=1) + 0.2 * (seed == "l").sum(axis=1)
    potency += 0.45 * (lead == "VP") + 0.15 * (lead == "P") - 0.25 * (kinds == "r").sum(axis=1)
    return np.asarray(potency, dtype=np.float64)


def passenger_chemistry(kinds: Letters) -> Floats:
    """Add up the effects of the passenger's chemistry: potency, log10 units; weights chosen.

    2'-fluoro at 7 and 9-11, opposite the cleavage site, is kept in the optimised designs (Foster et
    al. 2018, Mol Ther 26:708); DNA there lowers potency. 2'-O-hexadecyl at 6 is tolerated (Brown et
    al. 2022, Nat Biotechnol 40:1500); at 13 and later it lowers potency (chosen).
    """
    middle = kinds[:, [6, 8, 9, 10]]
    potency = 0.08 * ((middle == "f").sum(axis=1) - 3) - 0.15 * (middle == "d").sum(axis=1)
    return np.asarray(potency - 0.4 * (kinds[:, 12:] == "h").any(axis=1), dtype=np.float64)


def delivery_log10_ec50(
    cell: Sequence[str], free_uptake: Flags, galnac: Flags, hexadecyl: Flags
) -> Floats:
    """Return log10 of the EC50 (nM) by cell line and route of delivery, shape (n,); chosen.

    Without a reagent, hepatocytes take up duplexes with GalNAc (L96) through the asialoglycoprotein
    receptor, at higher doses, and hardly any others (Nair et al. 2014, J Am Chem Soc 136:16958).
    2'-O-hexadecyl helps a duplex into cells beyond the liver (Brown et al. 2022, Nat Biotechnol
    40:1500). `free_uptake`, `galnac` and `hexadecyl` have shape (n,).
    """
    base = np.array([CELL_LOG10_EC50[name] for name in cell])
    hepatic = np.array(["Hep" in name for name in cell])
    log10_ec50 = base + free_uptake * np.where(galnac & hepatic, 1.7, 3.7)
    return np.asarray(log10_ec50 - 0.25 * (hexadecyl & ~hepatic), dtype=np.float64)


def remaining_pct(dose: Floats, log10_ec50: Floats, floor: Floats, ceiling: Floats) -> Floats:
    """Return the percentage of target mRNA that remains, by the Hill equation; all shapes (n,).

    `dose` is in nM, above 0. `floor` and `ceiling` are the percentages that remain at a saturating
    dose and without effect. The result never rises with the dose.
    """
    taken = 1.0 / (1.0 + 10.0 ** (HILL_SLOPE * (log10_ec50 - np.log10(dose))))
    return np.asarray(ceiling - (ceiling - floor) * taken, dtype=np.float64)


def measure(rng: np.random.Generator, noise_free: Floats) -> Floats:
    """Draw a measurement of each noise-free percentage, by the model of `measurement_cdf`."""
    error = rng.logistic(0.0, NOISE_WIDTH, noise_free.size)
    measured = NOISE_TURN_PCT * np.sinh(np.arcsinh(noise_free / NOISE_TURN_PCT) + error)
    return np.maximum(measured.round(2), LOWEST_PCT)


def measurement_cdf(noise_free: Floats, at: Floats) -> Floats:
    """Return the exact probability, under the noise model, that a measurement is at most a value.

    The error is additive near zero and multiplicative far from it (two-component model of Rocke &
    Durbin 2001, J Comput Biol 8:557). Here it is a logistic error on the scale of a generalised
    logarithm, asinh (Huber et al. 2002, Bioinformatics 18 Suppl 1:S96). The logistic shape and its
    width are chosen; the heavy tails represent occasional failed wells. Results are rounded to
    0.01, and none is below 0.1.

    Parameters
    ----------
    noise_free : ndarray of float, shape (n,)
        Noise-free percentages: the medians of what is measured.
    at : ndarray of float, shape (m,)
        Percentages.

    Returns
    -------
    ndarray of float, shape (n, m)
        P(measured <= at), 0 to 1; a row for each noise-free percentage.
    """
    rounds_to_it = np.floor(at * 100 + 1e-6) / 100 + 0.005
    scaled = np.arcsinh(rounds_to_it / NOISE_TURN_PCT)
    error = scaled - np.arcsinh(noise_free / NOISE_TURN_PCT)[:, None]
    probability = 0.5 + 0.5 * np.tanh(error / (2.0 * NOISE_WIDTH))
    return np.where(at < LOWEST_PCT - 1e-8, 0.0, probability)
