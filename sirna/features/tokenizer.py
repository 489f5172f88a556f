"""Cuts a sequence into tokens: k-mers of plain bases, or the entries of a modification list."""

from dataclasses import dataclass
from typing import Literal

from sirna.table.sequence import rna


@dataclass(frozen=True)
class GenomicTokenizer:
    """Cut sequences into tokens.

    A sequence with white space in it is a list of modification tokens and is split there. Each
    entry stays as it is written, since case distinguishes a ribonucleotide from its 2'-O-methyl
    form. Any other sequence is plain bases: written in capital RNA letters and cut into k-mers.

    Parameters
    ----------
    ngram : int
        k, the bases in a token.
    stride : int
        Bases from the start of one k-mer to the start of the next.
    tail : {"keep", "drop"}
        What happens to bases at the 3' end that are too few for a k-mer: they become a shorter last
        token, or are dropped. (The published baseline uses k = 3 and stride 3 and drops them, so it
        loses 2 of 23 bases; see `count_uncovered`.)
    """

    ngram: int = 3
    stride: int = 1
    tail: Literal["keep", "drop"] = "keep"

    def __post_init__(self) -> None:
        """Check that k and stride are 1 or more."""
        if self.ngram < 1 or self.stride < 1:
            raise ValueError(
                f"ngram and stride must be 1 or more, not {self.ngram} and {self.stride}"
            )

    def tokens(self, sequence: str) -> list[str]:
        """Return the tokens from the 5' end to the 3' end; an empty sequence has none.

        A stride above k skips the bases between k-mers. All other bases are in a token, unless
        `tail` is "drop".
        """
        entries = sequence.split()
        if len(entries) != 1:
            return entries
        bases = rna(entries[0])
        starts = range(0, len(bases) - self.ngram + 1, self.stride)
        cut = [bases[start : start + self.ngram] for start in starts]
        rest = bases[len(starts) * self.stride :]
        uncovered = len(bases) > self._covered(len(bases))
        return [*cut, rest] if rest and uncovered and self.tail == "keep" else cut

    def count_uncovered(self, sequence: str) -> int:
        """Count the bases at the 3' end that are in no token."""
        entries = sequence.split()
        if len(entries) != 1 or self.tail == "keep":
            return 0
        return len(entries[0]) - self._covered(len(entries[0]))

    def _covered(self, length: int) -> int:
        count = len(range(0, length - self.ngram + 1, self.stride))
        return min(length, (count - 1) * self.stride + self.ngram) if count else 0
