"""Cuts a sequence into tokens: k-mers of plain bases, or the entries of a modification list."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class GenomicTokenizer:
    """Cut sequences into tokens.

    A sequence with white space in it is a list of modification tokens and is split there, each
    entry a token as it stands (case tells a ribonucleotide from its 2'-O-methyl form). Any other
    sequence is plain bases: upper-cased, T read as U, cut into k-mers.

    Parameters
    ----------
    ngram : int
        k, the bases in a token.
    stride : int
        Bases from the start of one k-mer to the start of the next.
    tail : {"keep", "drop"}
        What becomes of bases at the 3' end that fill no k-mer: a shorter last token, or nothing
        (the published baseline: k 3, stride 3, dropped; it loses 2 of 23 bases; see `lost`).
    """

    ngram: int = 3
    stride: int = 1
    tail: Literal["keep", "drop"] = "keep"

    def __post_init__(self) -> None:
        """Refuse a k or a stride below 1."""
        if self.ngram < 1 or self.stride < 1:
            raise ValueError(f"ngram and stride are 1 or more, not {self.ngram}, {self.stride}")

    def tokens(self, sequence: str) -> list[str]:
        """Return the tokens from the 5' end to the 3' end; an empty sequence has none.

        Between k-mers of a stride above k bases are skipped; that is the caller's choice. Nothing
        else is lost unless `tail` is "drop".
        """
        entries = sequence.split()
        if len(entries) != 1:
            return entries
        bases = entries[0].upper().replace("T", "U")
        starts = range(0, len(bases) - self.ngram + 1, self.stride)
        cut = [bases[start : start + self.ngram] for start in starts]
        rest = bases[len(starts) * self.stride :]
        uncovered = len(bases) > self._covered(len(bases))
        return [*cut, rest] if rest and uncovered and self.tail == "keep" else cut

    def lost(self, sequence: str) -> int:
        """Count the bases at the 3' end that no token holds."""
        entries = sequence.split()
        if len(entries) != 1 or self.tail == "keep":
            return 0
        return len(entries[0]) - self._covered(len(entries[0]))

    def _covered(self, length: int) -> int:
        count = len(range(0, length - self.ngram + 1, self.stride))
        return min(length, (count - 1) * self.stride + self.ngram) if count else 0
