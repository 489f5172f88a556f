"""Find the texts that occur more than once among any number of texts, in bounded memory."""

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pandas as pd

MOST_HELD = 1 << 17
"""Numbers that are held in memory before they are moved to the disk."""
BUCKET_BITS = 8
"""Numbers are kept in 2 ** 8 files, by their highest bits; each file is examined alone."""


class Repeats:
    """Collects texts as 64-bit numbers: in memory as long as they are few, then on the disk.

    Use it in a ``with`` statement, which removes the files.
    """

    def __init__(self) -> None:
        self._held: list[np.ndarray] = []
        self._count = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, texts: pd.Series) -> None:
        """Add texts."""
        self._held.append(numbers_of(texts))
        self._count += len(texts)
        if self._count >= MOST_HELD:
            self._move_to_disk()

    def suspects(self) -> np.ndarray:
        """Return the numbers of the texts that occur more than once, ascending, uint64.

        Different texts have the same number with a probability of about 1e-19 a pair.
        """
        if self._folder is None:
            return _repeated(np.concatenate([np.zeros(0, np.uint64), *self._held]))
        self._move_to_disk()
        files = sorted(Path(self._folder.name).iterdir())
        return np.concatenate([_repeated(np.fromfile(file, np.uint64)) for file in files])

    def _move_to_disk(self) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="sirna-ids-")
        numbers = np.sort(np.concatenate([np.zeros(0, np.uint64), *self._held]))
        self._held, self._count = [], 0
        buckets, starts = np.unique(numbers >> np.uint64(64 - BUCKET_BITS), return_index=True)
        for bucket, part in zip(buckets, np.split(numbers, starts[1:]), strict=True):
            with (Path(self._folder.name) / f"{bucket:03d}").open("ab") as stream:
                stream.write(part.tobytes())


def numbers_of(texts: pd.Series) -> np.ndarray:
    """Return a 64-bit number for each text, shape (n,), uint64; equal texts have equal ones."""
    numbers: np.ndarray = pd.util.hash_array(texts.to_numpy(dtype=object), categorize=False)
    return numbers


def _repeated(numbers: np.ndarray) -> np.ndarray:
    values, counts = np.unique(numbers, return_counts=True)
    repeated: np.ndarray = values[counts > 1]
    return repeated
