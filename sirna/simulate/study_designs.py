"""The study designs of the simulated publications: cell lines, chemistries and conditions.

A publication is an index from 0. Those below `NAMED` name their targets; the last three do not.
Each has a study design (`StudyDesign`): the cell lines and chemistries for one tissue. The names of
the cell lines are real; which publication uses what, and how often, is chosen for this simulation.
Doses are in nM.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from sirna.simulate.efficacy import Floats

__all__ = [
    "CELL",
    "DOSE",
    "FIXED_SHARES",
    "HOURS",
    "LONGEST",
    "METHOD",
    "NAMED",
    "STUDY_DESIGNS",
    "StudyDesign",
    "conditions",
    "draw_chemistry",
]

CELL: Final = "cell_line_donor"
METHOD: Final = "Transfection_method"
DOSE: Final = "siRNA_concentration"
HOURS: Final = "Duration_after_transfection_h"

NAMED: Final = 26
"""Publications that name their targets."""
FIXED_SHARES: Final = {3: 0.07, NAMED: 0.045, NAMED + 1: 0.032, NAMED + 2: 0.024}
"""Shares of the duplexes of publications that leave out values; other shares are drawn."""
_SILENT: Final = (3, NAMED)  # publications that leave out the conditions of their second cell line

LONGEST: Final = 24
"""Nucleotides of the longest guide; a chemistry is written out to as many."""
_THIOATE_SHARE: Final = 0.008  # of the guides: a phosphorothioate before the last two bases

# Doses in nM and their frequencies: in all publications, additional ones that alternate between
# publications, doses for free uptake, and those of the one publication with a dose curve.
_SCREEN: Final = {10.0: 1.0, 0.1: 0.75, 1.0: 0.62}
_EXTRA: Final[Sequence[dict[float, float]]] = ({50.0: 0.2}, {0.01: 0.1}, {}, {100.0: 0.12})
_FREE: Final = {100.0: 0.35, 10.0: 0.35, 1.0: 0.35, 250.0: 0.1}
_CURVE: Final = dict.fromkeys((0.0002, 0.001, 0.007, 0.046, 0.27, 1.67), 0.12)
_CURVE_PUBLICATION: Final = 7


@dataclass(frozen=True)
class StudyDesign:
    """A study design: what the publications on one tissue have in common.

    Chemistries are texts of `efficacy.NUCLEOTIDE_KINDS` letters, 5' to 3'; nucleotides beyond
    the last letter are 2'-O-methyl.

    Attributes
    ----------
    human : tuple of str
        Cell lines for human and monkey targets.
    mouse : tuple of str
        Cell lines for mouse targets.
    guides : tuple of str
        Chemistries of the guide, the commonest first.
    passengers : tuple of str
        Chemistries of the passenger, the commonest first.
    vinyl : float
        Share of the guides with 5'-vinylphosphonate, 0 to 1.
    galnac : float
        Share of the passengers that end in L96, 0 to 1.
    """

    human: tuple[str, ...]
    mouse: tuple[str, ...]
    guides: tuple[str, ...]
    passengers: tuple[str, ...]
    vinyl: float
    galnac: float


_CLASSIC: Final = ("mfmmmfmffmmmmfmf", "mfmmmfmmmmmmmfmf", "mfmfmfmfmfmfmfmfmfmf")
_CAREFUL: Final = ("mfmmmmgmmmmmmfmf", "mfmmdmgmmmmmmfmf", "mfmmdmlmmmmmmfmf")
_DNA: Final = ("mdmmdmdmmmmmdmf", "mdmmdmdmmmmdmmd")
_TRIALS: Final = ("mfmmmfmffmmmmmmf", "mmmmmfmmmmmmmfmf", "mfmmgmmmmmmmmfmf")
_RIBOSE: Final = ("mfmmmfmfrrmmmfmf",)
_PLAIN: Final = ("mmmmmmfmfff", "mmmmmmmmfff", "fmfmfmfmfffmfmfmfmfmf")
_LIPID: Final = ("mmmmmhfmfff", "mmmmmhmmdmd", "mmmmmmfmfffmmmmh")
_MONKEY: Final = "Primary Monkey Hepatocytes"
_LIVER: Final = StudyDesign(
    human=("Primary Human Hepatocytes", "Hep3B Cells", _MONKEY, "HepG2 Cells"),
    mouse=("Primary Mouse Hepatocytes", "Hepa1-6 Cells"),
    guides=_CLASSIC + _CAREFUL + _DNA + _TRIALS,
    passengers=_PLAIN,
    vinyl=0.15,
    galnac=0.97,
)
_NEURAL: Final = StudyDesign(
    human=("BE(2)-C Cells", "COS-7 Cells"),
    mouse=("Neuro2a Cells", "COS-7 Cells"),
    guides=_CLASSIC + _CAREFUL + _DNA + _RIBOSE,
    passengers=_LIPID,
    vinyl=0.7,
    galnac=0.7,
)
_EYE: Final = replace(
    _NEURAL,
    human=("Human Trabecular Meshwork Cells", "HeLa Cells"),
    mouse=("Hepa1-6 Cells", "COS-7 Cells"),
)
_REPORTER: Final = replace(
    _LIVER,
    human=("COS-7 Cells", "HeLa Cells", "A549 Cells"),
    mouse=("COS-7 Cells", "Hepa1-6 Cells"),
)
_TURNS: Final = (_LIVER, _NEURAL, _LIVER, _LIVER, _EYE, _REPORTER, _LIVER, _NEURAL)
STUDY_DESIGNS: Final = tuple(_TURNS[p % len(_TURNS)] for p in range(NAMED + 3))
"""The study design of each publication."""


def draw_chemistry(rng: Generator, publication: NDArray[np.int_]) -> pd.DataFrame:
    """Draw the chemistry of each duplex from the study design of its publication.

    Parameters
    ----------
    rng : numpy.random.Generator
        Five random values are drawn from it for each duplex.
    publication : ndarray of int, shape (n,)
        The publication of each duplex.

    Returns
    -------
    pandas.DataFrame
        A row for each duplex: `guide_kinds` and `passenger_kinds`, `LONGEST` letters of
        `sirna.simulate.efficacy.NUCLEOTIDE_KINDS`; `lead`, the token before the guide: "VP", "P"
        or ""; flags `phosphate` (the one duplex with "P", the first whose publication leaves
        nothing out), `thioate` (a phosphorothioate in the guide), `galnac` (L96 ends the passenger)
        and `hexadecyl` (2'-O-hexadecyl in the passenger).
    """
    designs = [STUDY_DESIGNS[p] for p in publication]
    chance = rng.random((5, len(designs)))
    ordinary = ~np.isin(publication, list(FIXED_SHARES))
    phosphate = np.arange(len(designs)) == ordinary.argmax()  # the first without missing values
    vinyl = np.where(chance[0] < [p.vinyl for p in designs], "VP", "")

    def choose(menus: list[tuple[str, ...]], chance: Floats) -> list[str]:
        places = [int(c * len(menu)) for menu, c in zip(menus, chance, strict=True)]
        chosen = (menu[place] for menu, place in zip(menus, places, strict=True))
        return [kinds.ljust(LONGEST, "m") for kinds in chosen]

    table = pd.DataFrame(
        {
            "guide_kinds": choose([p.guides for p in designs], chance[1] ** 2),
            "passenger_kinds": choose([p.passengers for p in designs], chance[2] ** 2),
            "lead": np.where(phosphate, "P", vinyl),
            "phosphate": phosphate,
            "thioate": chance[3] < _THIOATE_SHARE,
            "galnac": chance[4] < [p.galnac for p in designs],
        }
    )
    return table.assign(hexadecyl=table["passenger_kinds"].str.contains("h"))


def conditions(publication: int, species: str) -> pd.DataFrame:
    """List the conditions that a publication may use, with their frequencies.

    Parameters
    ----------
    publication : int
        0 or more, below the length of `STUDY_DESIGNS`.
    species : str
        Of the target: "Homo sapiens", "Mus musculus" or "Macaca fascicularis".

    Returns
    -------
    pandas.DataFrame
        A row for each condition: the competition's `CELL`, `METHOD`, `DOSE` (nM), `HOURS` and
        `concentration_unit`; `often`, its relative frequency, above 0; `silent`, true if the
        publication does not report the condition.
    """
    design, turn = STUDY_DESIGNS[publication], publication // 3
    menu = design.mouse if species == "Mus musculus" else design.human
    cells = [menu[turn % len(menu)], menu[(turn + 1) % len(menu)]]
    if species == "Macaca fascicularis":
        cells = [_MONKEY]
    curve = publication == _CURVE_PUBLICATION
    doses = _SCREEN | _EXTRA[publication % len(_EXTRA)] | (_CURVE if curve else {})
    lines = [
        (cell, "Lipofectamine", dose, often * 0.7**i, i == 1 and publication in _SILENT)
        for i, cell in enumerate(cells)
        for dose, often in doses.items()
    ]
    if "Hepatocytes" in cells[0] and publication % 2 == 0:
        lines += [(cells[0], "Free uptake", dose, often, False) for dose, often in _FREE.items()]
    table = pd.DataFrame(lines, columns=[CELL, METHOD, DOSE, "often", "silent"])
    table[HOURS] = np.where(curve | (table[METHOD] == "Free uptake"), 48.0, 24.0)
    return table.assign(concentration_unit="nM")
