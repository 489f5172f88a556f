"""Where on its target an siRNA binds: the place in the transcript that its guide pairs with."""

import numpy as np
import pandas as pd

PAIRS = str.maketrans("ACGT", "TGCA")
PAIRED = ((0, 19), (1, 19), (1, 17), (1, 14))
"""Stretches of the guide to look for, first to last nucleotide: its ends may pair with nothing."""


def sites(guides: pd.Series, transcripts: pd.Series) -> np.ndarray:
    """Return where the nucleotide opposite each guide's first one stands, (n,) of float.

    Counted from 0 at the transcript's 5' end; of several sites the first. NaN where a transcript is
    missing or holds no site.
    """
    codes, distinct_transcripts = pd.factorize(transcripts)
    texts = [dna(text) for text in distinct_transcripts]
    both = pd.DataFrame({"guide": guides.to_numpy(), "transcript": codes})
    distinct = both[both["transcript"] >= 0].dropna().drop_duplicates()
    found = [
        _site(dna(guide), texts[code])
        for guide, code in zip(distinct["guide"], distinct["transcript"], strict=True)
    ]
    return both.merge(distinct.assign(site=found), how="left")["site"].to_numpy(dtype=np.float64)


def _site(guide: str, transcript: str) -> float:
    for first, last in PAIRED:
        paired = guide[first:last].translate(PAIRS)[::-1]
        place = transcript.find(paired) if len(paired) == last - first else -1
        if place >= 0:
            return float(place + last - 1)
    return np.nan


def dna(sequence: str) -> str:
    """Write bases in capitals, with T."""
    return sequence.upper().replace("U", "T")
