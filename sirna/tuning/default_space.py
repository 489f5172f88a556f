"""The built-in search space; `configs/tune.toml` holds the same space."""

from types import MappingProxyType
from typing import Any


def _float(low: float, high: float, log: bool = False) -> dict[str, Any]:
    return {"kind": "float", "low": low, "high": high, "log": log}


def _int(low: int, high: int, log: bool = False) -> dict[str, Any]:
    return {"kind": "int", "low": low, "high": high, "log": log}


def _choice(*choices: object) -> dict[str, Any]:
    return {"kind": "choice", "choices": choices}


DEFAULT_SEARCH: MappingProxyType[str, Any] = MappingProxyType(
    {
        "space": {
            "model.hidden": _int(32, 160, log=True),
            "model.embedding": _int(16, 64, log=True),
            "model.head_hidden": _int(64, 512, log=True),
            "model.embedding_dropout": _float(0.0, 0.4),
            "model.summary_dropout": _float(0.0, 0.6),
            "model.head_dropout": _float(0.0, 0.6),
            "train.learning_rate": _float(1e-3, 2e-2, log=True),
            "train.weight_decay": _float(1e-3, 0.3, log=True),
            "train.smoothing": _float(0.0, 3.0),
            "train.epochs": _int(4, 40, log=True),
            "streams.passenger_modifications.enabled": _choice(True, False),
            # few choices: each combination is fitted once a study, whatever the network
            "gaussian_process.components": _choice(2, 4, 8),
            "gaussian_process.steps": _choice(75, 150, 300),
            "trees.rounds": _choice(75, 150, 300),
            "trees.leaves": _choice(15, 31, 63),
        }
    }
)
