"""Find out whether the cells are of the target's species.

An siRNA for a human gene silences the mouse gene only if the binding sites are similar. Names such
as "Primary Mouse Hepatocytes" contain the species of the cells; for names such as "Hep3B" it is
looked up in the list of cell lines below.
"""

import re
from collections.abc import Callable

import numpy as np
import pandas as pd

SAME, NEAR, FAR = "0 same", "1 near", "2 far"
"""Cells of the target's species, of another species of its order (as monkey for human), others."""
SPECIES = {
    "human": ("human", "sapiens"),
    "monkey": ("monkey", "cynomolgus", "macaque", "rhesus", "macaca", "chlorocebus"),
    "mouse": ("mouse", "murine", "mus"),
    "rat": ("rat", "rattus"),
    "hamster": ("hamster", "cricetulus", "mesocricetus"),
    "dog": ("dog", "canine", "canis"),
    "pig": ("pig", "porcine", "sus"),
    "rabbit": ("rabbit", "oryctolagus"),
}
"""Words that name a species."""
ORDERS = {"human": "primates", "monkey": "primates", "mouse": "rodents", "rat": "rodents"}
ORDERS |= {"hamster": "rodents"}
CELL_LINES = {
    "human": "293 293a 293ft 293t 5637 a172 a375 a431 a498 a549 ags arpe19 aspc1 be2c bewo "
    "bjab bxpc3 caco2 calu3 capan1 colo205 daudi du145 hacat hap1 hct116 hek hek293 "
    "hek293a hek293t hela hep3b hepg2 heparg hl60 ht1080 ht29 hucct1 huh7 huvec imr32 "
    "imr90 jurkat k562 kelly ln229 lncap lovo mcf10a mcf7 mdamb231 mdamb468 miapaca2 "
    "mkn45 molm13 mrc5 nb4 ovcar3 panc1 pc3 plcprf5 raji ramos saos2 shep shsy5y "
    "skbr3 skhep1 skmel28 sknas sknmc sknsh skov3 snu387 snu449 sw480 sw620 t24 t47d "
    "t84 t98g thp1 u118mg u251 u266 u2os u87 u87mg u937 wi38",
    "monkey": "bsc1 cos cos1 cos7 cv1 llcmk2 marc145 vero verob4 veroe6",
    "mouse": "3t3 3t3l1 4t1 aml12 b16 b16f10 bv2 c2c12 ct26 e0771 hepa16 hepa1c1c7 hl1 j774 j774a1 "
    "l929 ll2 llc1 mc38 mef min6 mle12 n2a neuro2a nih3t3 nsc34 raw2647 renca yac1",
    "rat": "a7r5 brl3a c6 gh3 h4iie h9c2 ins1 ins1e l6 nrk nrk52e pc12 rbl2h3 rin5f",
    "hamster": "bhk bhk21 cho chok1 chos v79",
    "dog": "d17 dh82 mdck",
    "pig": "llcpk1 pk15",
}
"""Cell lines by species, spelled with letters and digits only (source: Cellosaurus)."""
SPECIES_OF_WORD = {word: species for species, words in SPECIES.items() for word in words}
SPECIES_OF_CELL_LINE = {
    line: species for species, lines in CELL_LINES.items() for line in lines.split()
}


def species_matches(species: pd.Series, cells: pd.Series) -> pd.Series:
    """Return `SAME`, `NEAR` or `FAR` for n rows; NaN if one of the two species is unknown.

    Parameters
    ----------
    species : Series of n texts
        The target's species, by its Latin or English name.
    cells : Series of n texts
        The cell line, or what the cells were taken from.
    """
    named = pd.DataFrame(
        {
            "target": _each_distinct(species, _species_in_text),
            "cells": _each_distinct(cells, _species_of_cells),
        }
    )
    order = named.apply(lambda column: column.replace(ORDERS))
    both_known = named.notna().all(axis=1)
    match = np.where(
        named["target"] == named["cells"],
        SAME,
        np.where(order["target"] == order["cells"], NEAR, FAR),
    )
    return pd.Series(match, index=species.index, dtype=object).where(both_known, np.nan)


def _each_distinct(texts: pd.Series, named: Callable[[object], str | None]) -> pd.Series:
    """Apply a function to every distinct text once."""
    return texts.map({text: named(text) for text in texts.unique()}).astype(object)


def _species_in_text(text: object) -> str | None:
    """Return the species that the words of a text name; None if there is not exactly one."""
    if not isinstance(text, str):
        return None
    found = {
        SPECIES_OF_WORD[word]
        for word in re.findall("[a-z]+", text.casefold())
        if word in SPECIES_OF_WORD
    }
    return found.pop() if len(found) == 1 else None


def _species_of_cells(text: object) -> str | None:
    """Return the species of the cells, from a word in their name or from the list of cell lines."""
    if not isinstance(text, str):
        return None
    name = re.sub(r"\bcell lines?\b|\bcells?\b", "", text.casefold())
    return _species_in_text(text) or SPECIES_OF_CELL_LINE.get(re.sub("[^a-z0-9]", "", name))
