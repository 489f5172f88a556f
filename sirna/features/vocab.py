"""The vocabulary maps tokens to indices; it is fitted once, on training rows, and stored."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

import numpy as np

from sirna.errors import SirnaError
from sirna.notation.known_tokens import RESERVED
from sirna.system.files import write_text

PAD, UNK = RESERVED
PAD_INDEX, UNK_INDEX = 0, 1


class GenomicVocab:
    """An ordered vocabulary: `<pad>` is 0, `<unk>` is 1, then the tokens.

    Parameters
    ----------
    tokens : iterable of str
        In the order of their indices, from 2 on; without the two special tokens.

    Raises
    ------
    ValueError
        For a token given twice, or a special token among them.
    """

    def __init__(self, tokens: Iterable[str]) -> None:
        self.tokens = (PAD, UNK, *tokens)
        if len(set(self.tokens)) != len(self.tokens):
            raise ValueError("a vocabulary holds each token once, and neither <pad> nor <unk>")
        # without the special tokens: a text that looks like one is an unknown token
        self._index = {token: index for index, token in enumerate(self.tokens) if index > UNK_INDEX}

    @classmethod
    def fit(
        cls, counts: Mapping[str, int] | Iterable[str], max_size: int = 9999, min_freq: int = 1
    ) -> Self:
        """Keep the `max_size` most frequent tokens seen at least `min_freq` times.

        Tokens of equal frequency are sorted as text, so that the order of the rows does not matter.
        """
        frequency = Counter(counts)
        ranked = sorted(frequency.items(), key=lambda item: (-item[1], item[0]))
        kept = [token for token, count in ranked if count >= min_freq and token not in (PAD, UNK)]
        return cls(kept[:max_size])

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: str) -> bool:
        return token in self._index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GenomicVocab) and self.tokens == other.tokens

    def __hash__(self) -> int:
        return hash(self.tokens)

    def encode(self, tokens: Iterable[str]) -> np.ndarray:
        """Return the indices, shape (length,), int64; an unknown token is `<unk>`."""
        return np.array([self._index.get(token, UNK_INDEX) for token in tokens], dtype=np.int64)

    def decode(self, indices: Iterable[int]) -> list[str]:
        """Return the tokens with these indices."""
        return [self.tokens[index] for index in indices]

    def to_list(self) -> list[str]:
        """Return the tokens from index 2 on, for JSON."""
        return list(self.tokens[2:])

    def save(self, path: Path) -> None:
        """Write the vocabulary as a JSON list, completely or not at all."""
        write_text(path, json.dumps(self.to_list(), ensure_ascii=False))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a vocabulary that `save` wrote.

        Raises
        ------
        SirnaError
            For a file that is absent, or is not a list of distinct tokens.
        """
        try:
            tokens = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(tokens, list) or not all(isinstance(item, str) for item in tokens):
                raise ValueError("expected a JSON list of texts")
            return cls(tokens)
        except (OSError, ValueError) as error:
            raise SirnaError(f"{path}: not a vocabulary: {error}") from error
