"""A training's progress on disk, which `--resume` reads: tensors in safetensors, the rest JSON."""

import json
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from sirna.config.load import Config
from sirna.errors import SirnaError, reason
from sirna.members.gaussian_process.member import RowProcess
from sirna.members.network.state import Epoch, Pick, Progress
from sirna.members.network.weights import load_weights
from sirna.members.trees.member import RowTrees
from sirna.prediction.score import Score
from sirna.system.files import recovered, write_folder, write_whole

TENSORS, STATE = "progress.safetensors", "progress.json"
UNREADABLE = (OSError, LookupError, ValueError, TypeError, AttributeError, SafetensorError)


def save_progress(folder: Path, progress: Progress, finished: bool) -> None:
    """Write the progress, whole or absent."""
    tensors = {f"model.{key}": value for key, value in progress.model.state_dict().items()}
    tensors |= {f"best.{key}": value for key, value in progress.best_weights.items()}
    for index, moments in progress.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": value for key, value in moments.items()}
    picks = [progress.best, *progress.halves]
    for number, pick in enumerate(picks):
        tensors[f"pick.{number}.probs"] = torch.from_numpy(pick.probs)
    state = {
        "finished": finished,
        "epoch": progress.epoch,
        "picks": [
            {"score": pick.score, "epoch": pick.epoch, "recent": pick.recent} for pick in picks
        ],
        "log": [asdict(record) for record in progress.log],
    }

    def write(draft: Path) -> None:
        # one clone each: safetensors refuses tensors that share memory
        own = {key: _own(value) for key, value in tensors.items()}
        (draft / TENSORS).write_bytes(save(own))  # a full disk is then an OSError
        (draft / STATE).write_text(json.dumps(state), encoding="utf-8")

    write_folder(folder, write)


def load_progress(folder: Path, progress: Progress) -> bool:
    """Restore into a fresh `Progress`; return whether that training had finished.

    Raises
    ------
    SirnaError
        For a damaged folder.
    """
    recovered(folder)
    try:
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        tensors = load_file(folder / TENSORS)
        load_weights(progress.model, _part(tensors, "model."))
        optimizer = progress.optimizer.state_dict()
        optimizer["state"] = _moments(_part(tensors, "optimizer."))
        progress.optimizer.load_state_dict(optimizer)
        progress.best_weights = _part(tensors, "best.")
        picks = [
            Pick(raw["score"], raw["epoch"], tensors[f"pick.{number}.probs"].numpy(), raw["recent"])
            for number, raw in enumerate(state["picks"])
        ]
        progress.best, progress.halves = picks[0], (picks[1], picks[2])
        progress.epoch = state["epoch"]
        progress.log = [
            Epoch(**{**raw, "score": Score(**raw["score"]) if raw["score"] else None})
            for raw in state["log"]
        ]
        return bool(state["finished"])
    except (OSError, ValueError, LookupError, TypeError, RuntimeError, SafetensorError) as error:
        told = f"cannot be resumed ({reason(error)}); start a new run."
        raise SirnaError(f"{folder}: {told}") from error


def save_fitted(path: Path, fitted: RowProcess | RowTrees) -> None:
    """Write a fitted Gaussian process or trees, whole or absent."""
    write_whole(path, lambda draft: draft.write_bytes(save(fitted.tensors())))


def load_process(path: Path, rows: pd.DataFrame, config: Config, number: int) -> RowProcess:
    """Restore the process of a fold beside the table that it was fitted on.

    Raises
    ------
    SirnaError
        For a damaged file.
    """
    try:
        return RowProcess.from_tensors(load_file(path), rows, config, number)
    except UNREADABLE as error:
        raise _damaged(path, error) from error


def load_trees(path: Path, number: int) -> RowTrees:
    """Restore the trees of a fold.

    Raises
    ------
    SirnaError
        For a damaged file.
    """
    try:
        return RowTrees.from_tensors(load_file(path), number)
    except UNREADABLE as error:
        raise _damaged(path, error) from error


def exists(folder: Path) -> bool:
    """Return whether there is progress to restore."""
    return recovered(folder).is_dir()


def _damaged(path: Path, error: Exception) -> SirnaError:
    told = f"cannot be resumed ({reason(error)}); delete it, and it is fitted again."
    return SirnaError(f"{path}: {told}")


def _own(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous().clone()


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    chosen = {key: value for key, value in tensors.items() if key.startswith(prefix)}
    return {key.removeprefix(prefix): value for key, value in chosen.items()}


def _moments(tensors: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".")
        moments.setdefault(int(index), {})[name] = value
    return moments
