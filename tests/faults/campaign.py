"""A campaign: many seeded cases of one kind, a share of which is tried; counts and faults."""

import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

SHARE = float(os.environ.get("SIRNA_FAULTS_SHARE", "0.02"))
"""The share of the cases that is tried; `make test-faults` sets 1."""
SECONDS = float(os.environ.get("SIRNA_FAULTS_SECONDS", "inf"))
"""The time after which a campaign begins no further case; the counts say how many it left out."""
FEWEST = 6
SEED = int(os.environ.get("SIRNA_FAULTS_SEED", "1"))
RESULTS = os.environ.get("SIRNA_FAULTS_RESULTS")
"""A file to which the counts of every campaign are appended."""
Case = TypeVar("Case")


class Campaign:
    """Collects what happened to the cases."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self.rng = random.Random(SEED)  # noqa: S311 - no secret

    def some(self, cases: Sequence[Case], most: int = 1000) -> Iterator[Case]:
        """Yield the share of the cases that is tried, in an order that is drawn with the seed."""
        count = min(len(cases), max(FEWEST, round(SHARE * min(len(cases), most))))
        chosen = self.rng.sample(range(len(cases)), count)
        self.counts["cases"] += len(cases)
        end = time.monotonic() + SECONDS
        for begun, index in enumerate(chosen):
            if begun and time.monotonic() > end:
                self.counts["left out for time"] += count - begun
                return
            self.counts["tried"] += 1
            yield cases[index]

    def fault(self, case: object, what: object) -> None:
        self.faults.append(f"{case}: {what}"[:600])

    def finish(self) -> None:
        """Write the counts, and fail if there was a fault."""
        line = {"campaign": self.name, "faults": len(self.faults), **self.counts}
        print(json.dumps(line))
        if RESULTS:
            with Path(RESULTS).open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line | {"listed": self.faults}) + "\n")
        assert not self.faults, "\n".join([f"{len(self.faults)} faults", *self.faults[:20]])
