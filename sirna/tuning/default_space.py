"""The built-in search space; `configs/tune.toml` holds the same space."""

from types import MappingProxyType
from typing import Any

RECURRENT = ("rnn", "lstm", "gru")

DEFAULT_SEARCH: MappingProxyType[str, Any] = MappingProxyType(
    {
        "space": {
            "model.encoder": {"kind": "choice", "choices": RECURRENT},
            "model.hidden": {"kind": "int", "low": 32, "high": 160, "log": True},
            "model.embedding": {"kind": "int", "low": 8, "high": 96, "log": True},
            "model.layers": {"kind": "int", "low": 1, "high": 2},
            "model.layer_dropout": {
                "kind": "float",
                "low": 0.0,
                "high": 0.5,
                "when": {"model.layers": [2]},
            },
            "model.pooling": {"kind": "choice", "choices": ("last", "mean", "max", "last_mean")},
            "model.embedding_dropout": {"kind": "float", "low": 0.0, "high": 0.4},
            "model.summary_dropout": {"kind": "float", "low": 0.0, "high": 0.6},
            "model.head_dropout": {"kind": "float", "low": 0.0, "high": 0.6},
            "train.learning_rate": {"kind": "float", "low": 1e-3, "high": 2e-2, "log": True},
            "train.weight_decay": {"kind": "float", "low": 1e-4, "high": 0.3, "log": True},
            "train.batch_rows": {"kind": "choice", "choices": (128, 192, 256, 384)},
            "train.loss": {"kind": "choice", "choices": ("cross_entropy", "crps")},
            "train.smoothing": {
                "kind": "float",
                "low": 0.0,
                "high": 3.0,
                "when": {"train.loss": ["cross_entropy"]},
            },
            "streams.passenger_modifications.enabled": {
                "kind": "choice",
                "choices": (True, False),
            },
            "streams.guide_bases.ngram": {"kind": "int", "low": 1, "high": 4},
            "streams.guide_bases.stride": {"kind": "int", "low": 1, "high": 2},
        }
    }
)
