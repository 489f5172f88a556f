"""Checkpoints: what a run stores about each member, so that `--resume` can continue.

A member's folder holds either the state of an unfinished fit, or the finished member with its
predictions of the held-out rows: tensors as safetensors, everything else as JSON.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from sirna.errors import SirnaError, reason
from sirna.features.fold import FoldTask
from sirna.members.base import Fitted, Member, State, Stored, same_bits
from sirna.prediction.histogram import Histogram
from sirna.prediction.mixture import HeldOut
from sirna.system.files import write_folder

TENSORS, PLAIN_DATA = "tensors.safetensors", "facts.json"
LEARNED, HELD_OUT, EDGES = "learned.", "held_out.", "held_out.edges"
PREDICTIONS = 3
"""Number of predictions in a `HeldOut`; if all are the same, only one is stored."""
UNREADABLE = (
    *(OSError, LookupError, ValueError, TypeError, AttributeError, RuntimeError),
    SafetensorError,
)
Result = TypeVar("Result")


@dataclass(frozen=True)
class Checkpoint:
    """The folder in which a run keeps one member."""

    folder: Path

    @property
    def exists(self) -> bool:
        """Whether it holds anything: a finished member, or the state of an unfinished fit."""
        return self.folder.is_dir()

    @property
    def finished(self) -> bool:
        """Whether it holds a finished member.

        Raises
        ------
        SirnaError
            For a damaged folder.
        """
        return self.exists and self.restore_or_fail(lambda: "member" in self._plain_data())

    def load(self) -> State | None:
        """Return the state of an unfinished fit; None if there is none.

        Raises
        ------
        SirnaError
            For a damaged folder.
        """
        state = self._read()
        return None if state is None or "member" in state.data else state

    def save(self, state: State) -> None:
        """Store the state of an unfinished fit, completely or not at all."""
        self._write(state)

    def save_fitted(self, fitted: Fitted[Member], log: list[dict[str, float]]) -> None:
        """Store a finished member, its predictions and its rows of `log.csv`."""
        stored, held_out = fitted.member.stored(), fitted.held_out
        edges = held_out.chosen_by_all.edges
        tensors = {f"{LEARNED}{name}": tensor for name, tensor in stored.tensors.items()}
        tensors[EDGES] = torch.from_numpy(edges)
        for index, part in enumerate(_distinct(held_out)):
            tensors[f"{HELD_OUT}{index}"] = torch.from_numpy(part.probs)
        member = {"fold": stored.fold, "encoder": stored.encoder, "facts": stored.facts}
        self._write(State(tensors, {"member": member, "log": log}))

    def load_fitted(
        self, family: type[Member], task: FoldTask
    ) -> tuple[Fitted[Member], list[dict[str, float]]] | None:
        """Return a finished member and its rows of `log.csv`; None if it is not finished.

        Raises
        ------
        SirnaError
            For a damaged folder.
        """
        state = self._read()
        if state is None or "member" not in state.data:
            return None
        return self.restore_or_fail(lambda: (_fitted(family, task, state), state.data["log"]))

    def restore_or_fail(self, restore: Callable[[], Result]) -> Result:
        """Call `restore`; if it fails, raise a SirnaError that names the folder."""
        try:
            return restore()
        except UNREADABLE as error:
            raise SirnaError(
                f"{self.folder}: cannot be resumed ({reason(error)}); delete this folder, and "
                "--resume fits it again."
            ) from error

    def _read(self) -> State | None:
        if not self.exists:
            return None
        return self.restore_or_fail(
            lambda: State(load_file(self.folder / TENSORS), self._plain_data())
        )

    def _plain_data(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / PLAIN_DATA).read_text(encoding="utf-8")))

    def _write(self, state: State) -> None:
        def write(draft: Path) -> None:
            # copy each tensor, since safetensors refuses tensors that share memory
            copies = {name: _copy(tensor) for name, tensor in state.tensors.items()}
            (draft / TENSORS).write_bytes(save(copies))  # write_bytes: a full disk is an OSError
            (draft / PLAIN_DATA).write_text(json.dumps(state.data), encoding="utf-8")

        write_folder(self.folder, write, lambda draft: _check(draft, state))


def _check(draft: Path, state: State) -> None:
    """Raise a ValueError if a draft holds another state."""
    tensors = load_file(draft / TENSORS)
    if tensors.keys() != state.tensors.keys() or not all(
        same_bits(tensor, tensors[name]) for name, tensor in state.tensors.items()
    ):
        raise ValueError("its tensors differ")
    text = (draft / PLAIN_DATA).read_text(encoding="utf-8")
    if text != json.dumps(state.data):
        raise ValueError("its plain data differ")


def _fitted(family: type[Member], task: FoldTask, state: State) -> Fitted[Member]:
    tensors, raw = state.tensors, state.data["member"]
    learned = {
        name.removeprefix(LEARNED): tensor
        for name, tensor in tensors.items()
        if name.startswith(LEARNED)
    }
    stored = Stored(int(raw["fold"]), learned, _plain(raw["encoder"]), _plain(raw["facts"]))
    member = family.restore(stored, task.rows, task.config)
    edges = tensors[EDGES].numpy()
    parts = [
        Histogram(edges, tensors[name].numpy())
        for index in range(PREDICTIONS)
        if (name := f"{HELD_OUT}{index}") in tensors
    ]
    if not parts or any(part.probs.shape != (len(task.held_out), len(edges) - 1) for part in parts):
        raise ValueError("its predictions are not those of the held-out rows")
    if len(parts) == PREDICTIONS:
        return Fitted(member, HeldOut(task.held_out, *parts))
    return Fitted(member, HeldOut.same_for_all(task.held_out, parts[0]))


def _distinct(held_out: HeldOut) -> list[Histogram]:
    """Return the three predictions, or only one if all are the same."""
    first, *others = held_out.parts
    return [first] if all(part is first for part in others) else [first, *others]


def _plain(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise TypeError("a table of plain data is needed")
    return raw


def _copy(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous().clone()
