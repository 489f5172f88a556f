"""Held-out predictions of members, kept on disk: each is made once in a study.

Trials that differ only in settings that a family does not read share its predictions, and so do
workers. A trial that was interrupted finds what it had finished.
"""

import hashlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sirna import __version__
from sirna.features.encoded_fold import EncodedFold, encode_fold
from sirna.features.fold import FoldTask
from sirna.members.base import FitCallbacks
from sirna.members.network.member import NetworkMember
from sirna.members.registry import FAMILIES, families_for, settings_of
from sirna.prediction.histogram import Histogram
from sirna.prediction.mixture import HeldOut
from sirna.prediction.widening import Widening
from sirna.protocols.similar import KnownGuides
from sirna.system.files import UNREADABLE_ARRAYS, write_atomically
from sirna.system.locks import try_lock
from sirna.tuning.last_epochs import predict_last_epochs

WAIT_SECONDS = 0.2
CACHED_ENCODINGS = 12
"""Number of encoded folds in memory; each holds the table as tensors."""
ENCODING_SECTIONS = ("vocab", "covariates", "siblings")
"""Sections of the configuration that, in addition to the streams, decide how rows are encoded."""
STOOD_FOR = ("data", "split")
"""Sections that the rows of a rung stand for."""
ByFamily = dict[str, HeldOut]
"""Family -> predictions of the held-out rows of a fold, made without a choice on these rows."""


class Kept(NamedTuple):
    """What a member predicts for the held-out rows, and how it widens those of new guides."""

    predicted: Histogram
    widening: Widening | None


class EncodingCache:
    """Encodes folds; the latest stay in memory, for trials that encode them the same way."""

    def __init__(self) -> None:
        self._folds: dict[str, EncodedFold] = {}

    def encoded(self, task: FoldTask, rung: str) -> EncodedFold:
        """Return the encoded rows of a fold.

        Parameters
        ----------
        task : FoldTask
        rung : str
            The digest of its rows and folds.
        """
        config = task.config
        parts = [getattr(config, section).model_dump_json() for section in ENCODING_SECTIONS]
        streams = {name: stream.model_dump() for name, stream in config.streams.items()}
        key = f"{rung} {task.fold} {streams} {parts}"
        if key not in self._folds:
            while len(self._folds) >= CACHED_ENCODINGS:
                del self._folds[next(iter(self._folds))]  # the oldest
            self._folds[key] = encode_fold(task)
        return self._folds[key]


@dataclass(frozen=True)
class Fits:
    """The predictions of a study.

    Attributes
    ----------
    folder : Path
        Where they are kept; it may be deleted, and is then filled again.
    digest : str
        The SHA-256 of the training table.
    """

    folder: Path
    digest: str
    encodings: EncodingCache = field(default_factory=EncodingCache)

    def of_fold(
        self,
        task: FoldTask,
        rung: str,
        callbacks: FitCallbacks,
        network_task: FoldTask | None = None,
    ) -> ByFamily | None:
        """Return what every family predicts for the held-out rows of a fold.

        A family that another worker is fitting is left until the others are done.

        Parameters
        ----------
        task : FoldTask
        rung : str
            The digest of its rows and folds.
        callbacks : FitCallbacks
        network_task : FoldTask, optional
            The same task with another training seed, which the network has instead.

        Returns
        -------
        dict of str to HeldOut, or None
            None if `callbacks.stop()` returned True.

        Raises
        ------
        SirnaError
            If a training diverged.
        """
        found: dict[str, Kept] = {}
        # The network comes last: no trial waits for the network of another one.
        waiting = [one.family for one in reversed(families_for(task.config, unseen=False))]
        names = list(reversed(waiting))
        while waiting:
            before = len(waiting)
            for family in tuple(waiting):
                own = network_task if FAMILIES[family] is NetworkMember else None
                predicted = self.of_family(family, own or task, rung, callbacks)
                if predicted is not None:
                    found[family] = predicted
                    waiting.remove(family)
                elif callbacks.stop():
                    return None
            if len(waiting) == before:
                time.sleep(WAIT_SECONDS)
        widening = Widening.mean(kept.widening for kept in found.values())
        novelty = KnownGuides(task.training_rows).novelty(task.held_out_rows)
        return {
            name: HeldOut.same_for_all(
                task.held_out, widening.apply(found[name].predicted, novelty)
            )
            for name in names
        }

    def of_family(
        self, family: str, task: FoldTask, rung: str, callbacks: FitCallbacks
    ) -> Kept | None:
        """Return the predictions of a family; None if stopped, or if another worker makes them.

        Parameters
        ----------
        family : str
        task : FoldTask
        rung : str
            The digest of its rows and folds.
        callbacks : FitCallbacks

        Raises
        ------
        SirnaError
            If a training diverged.
        """
        path = self.path(family, task, rung)
        if (kept := _read(path)) is not None:
            return kept
        path.parent.mkdir(parents=True, exist_ok=True)
        with try_lock(path.with_suffix(".lock")) as mine:
            if not mine:
                return None
            if (kept := _read(path)) is not None or callbacks.stop():
                return kept
            fitted = self._fit(family, task, rung, callbacks)
            if fitted is not None and not callbacks.stop():
                _write(path, fitted)
        return _read(path)

    def _fit(self, family: str, task: FoldTask, rung: str, callbacks: FitCallbacks) -> Kept | None:
        if FAMILIES[family] is NetworkMember:
            encoded = self.encodings.encoded(task, rung)
            predicted = predict_last_epochs(task, encoded, callbacks)
            return Kept(predicted, None) if predicted is not None else None
        fitted = FAMILIES[family].fit(task, 0, callbacks)
        if fitted is None:
            return None
        return Kept(fitted.held_out.chosen_by_other_half, fitted.member.widening())

    def path(self, family: str, task: FoldTask, rung: str) -> Path:
        """Return the file with what a family predicts: a key of all that the predictions need."""
        config = task.config
        settings = settings_of(family, config)
        for name in ("refit", "networks", "patience"):
            settings.get("train", {}).pop(name, None)
        for section in STOOD_FOR:
            del settings[section]
        always = [config.split.protocol, config.model.bins, sorted(config.sequences), task.seed]
        parts = [__version__, self.digest, rung, task.fold, settings, always]
        key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
        return self.folder / family / f"{key}.npz"


def _write(path: Path, kept: Kept) -> None:
    probs = kept.predicted.probs.astype(np.float32)
    factors = [] if kept.widening is None else list(kept.widening.to_dict().values())

    def write(draft: Path) -> None:
        with draft.open("wb") as stream:
            np.savez_compressed(
                stream, edges=kept.predicted.edges, probs=probs, widening=np.array(factors)
            )

    write_atomically(path, write, lambda draft: _same(draft, probs))


def _same(draft: Path, probs: np.ndarray) -> None:
    with np.load(draft, allow_pickle=False) as file:
        if not np.array_equal(file["probs"], probs):
            raise ValueError("its probabilities differ")


def _read(path: Path) -> Kept | None:
    """Return stored predictions; None if there are none, or if they cannot be read."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            probs = file["probs"].astype(np.float64)
            predicted = Histogram(file["edges"], probs / probs.sum(axis=1, keepdims=True))
            factors = file["widening"].tolist()
            return Kept(predicted, Widening(*factors) if factors else None)
    except UNREADABLE_ARRAYS:
        return None
