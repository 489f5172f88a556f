"""Find binding sites: the positions in target transcripts that guides pair with."""

import numpy as np
import pandas as pd

from sirna.table.sequence import reverse_complement

SEARCHED_PARTS = ((0, 19), (1, 19), (1, 17), (1, 14))
"""Parts of the guide (start and stop of a slice) that are searched for, the longest first. The ends
of a guide need not pair with its target."""


def binding_sites(guides: pd.Series, transcripts: pd.Series) -> np.ndarray:
    """Return the transcript position that pairs with each guide's first nucleotide, shape (n,).

    Positions count from 0 at the transcript's 5' end. If there are several sites, the first one is
    returned; if a transcript is missing or has no site, NaN.

    Parameters
    ----------
    guides, transcripts : Series of n texts
        Capital RNA letters; NaN where missing.
    """
    of_transcript, texts = pd.factorize(transcripts)
    of_guide, strands = pd.factorize(guides)
    both = (of_transcript >= 0) & (of_guide >= 0)
    pairs, of_row = np.unique(
        of_guide[both] * len(texts) + of_transcript[both], return_inverse=True
    )
    one, other = strands.tolist(), texts.tolist()
    found = [_site(one[pair // len(other)], other[pair % len(other)]) for pair in pairs.tolist()]
    sites = np.full(len(guides), np.nan)
    sites[both] = np.array(found, dtype=np.float64)[of_row]
    return sites


def _site(guide: str, transcript: str) -> float:
    for first, last in SEARCHED_PARTS:
        paired = reverse_complement(guide[first:last])
        place = transcript.find(paired) if len(paired) == last - first else -1
        if place >= 0:
            return float(place + last - 1)
    return np.nan
