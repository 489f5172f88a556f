"""The network as a family: fit, predict, store and restore a member."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar, Self

import pandas as pd
import torch
from torch import Tensor

from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.features.dataset import DatasetEncoder, SiRNADataset
from sirna.features.encoded_fold import encode_fold
from sirna.features.fold import FoldTask
from sirna.features.nearest import DUPLEX_ROLES
from sirna.members.base import CPU, FitCallbacks, Fitted, Member, Stored, Unseen
from sirna.members.network.checks import check_weights
from sirna.members.network.predict import predict
from sirna.members.network.regressor import InputSizes, SiRNAModel, load_weights
from sirna.members.network.size import check_prediction_memory
from sirna.prediction.histogram import Histogram

SEED_STEP = 1000
"""Difference between the seeds of two networks of a fold; from fold to fold seeds differ by 1."""
ROWS_PER_SECOND = 1500.0
"""Rows of an epoch that one core trains in a second, for a rough estimate."""
TIMED_BATCHES = 5
"""Number of batches that are trained to estimate the time of a training."""


@dataclass(frozen=True)
class NetworkMember(Member):
    """One trained network, with the encoder that was fitted on its training rows.

    Attributes
    ----------
    dataset_encoder : DatasetEncoder
        It looks up siblings among all rows of the training table, held-out rows included.
    weights : dict of Tensor
        The network's `state_dict`.
    config : Config
    trained : dict
        `rows` (number of training rows), `seed`, and `epoch` (the best epoch, which decides how
        long the training on all rows is).
    """

    family: ClassVar[str] = "network"
    title: ClassVar[str] = "network"
    learns_from_folds: ClassVar[bool] = True
    runs_ahead: ClassVar[bool] = True
    sections: ClassVar[frozenset[str]] = frozenset(
        {"covariates", "model", "siblings", "small_network", "streams", "train", "vocab"}
    )

    dataset_encoder: DatasetEncoder
    weights: dict[str, Tensor]
    config: Config
    trained: dict[str, Any]

    @classmethod
    def count(cls, config: Config) -> int:
        """Return `train.networks`."""
        return config.train.networks

    @classmethod
    def suits(cls, rows: pd.DataFrame, config: Config) -> bool:
        """Return whether the table has enough distinct duplexes."""
        return _distinct_duplexes(rows) >= config.train.fewest_duplexes

    @classmethod
    def config_for(cls, rows: pd.DataFrame, config: Config) -> Config:
        """Bound the network as `[small_network]` says, if the table has few distinct duplexes."""
        bounds, model, train = config.small_network, config.model, config.train
        if _distinct_duplexes(rows) > bounds.duplexes:
            return config
        changes = {
            "model.hidden": min(model.hidden, bounds.hidden),
            "model.head_hidden": min(model.head_hidden, bounds.head_hidden),
            "model.summary_dropout": max(model.summary_dropout, bounds.dropout),
            "model.head_dropout": max(model.head_dropout, bounds.dropout),
            "train.epochs": min(train.epochs, bounds.epochs),
            "train.token_dropout": max(train.token_dropout, bounds.token_dropout),
        }
        return with_changes(config, changes)

    @classmethod
    def fit(cls, task: FoldTask, index: int, callbacks: FitCallbacks) -> "Fitted[Self] | None":
        """Train a network; see `Member.fit`.

        On all rows, train for the median of the folds' best epochs. If the training is stopped
        after its first epoch, the member has the weights of the best epoch so far.

        Raises
        ------
        SirnaError
            When the training diverges.
        """
        from sirna.members.network.all_rows import fit_all_rows  # noqa: PLC0415 - only for training
        from sirna.members.network.fit import fit, start  # noqa: PLC0415

        encoded, config = encode_fold(task), task.config
        seed = task.seed + SEED_STEP * index
        begin = partial(start, encoded, task.edges, config, seed, callbacks.device)
        if len(task.held_out):
            state = begin()
            callbacks.resume(state.restore)
            for record in state.log:
                callbacks.log(record.row())
            fit(state, encoded, config, seed, callbacks)
        else:
            state = fit_all_rows(begin, encoded, config, seed, callbacks)
        if not state.best_weights:
            return None
        trained = {"rows": len(encoded.train), "seed": seed, "epoch": state.best.epoch}
        encoder = encoded.encoder.with_sibling_rows(task.rows)
        member = cls(task.fold, encoder, state.best_weights, config, trained)
        return Fitted(member, state.held_out(task.held_out, task.half))

    @classmethod
    def seconds(cls, task: FoldTask, device: torch.device) -> float:
        """Estimate the seconds of all epochs by timing a few batches."""
        from sirna.members.network.fit import fit, start  # noqa: PLC0415

        config, encoded = task.config, encode_fold(task)
        state = start(encoded, task.edges, config, task.seed, device)
        callbacks = _StopAfterBatches(device)
        began = time.perf_counter()
        fit(state, encoded, config, task.seed, callbacks)
        share = min(1.0, callbacks.batches * config.train.batch_rows / len(encoded.train))
        return (time.perf_counter() - began) / share * config.train.epochs

    @classmethod
    def rough_seconds(cls, task: FoldTask) -> float:
        """Return about how many seconds all epochs take; see `Member.rough_seconds`."""
        return task.config.train.epochs * len(task.training) / ROWS_PER_SECOND

    def predict(self, rows: pd.DataFrame, device: torch.device = CPU) -> Histogram:
        """Predict the distributions of n checked rows, each independent of the other rows."""
        return self._predict_encoded(self.dataset_encoder.encode(rows), device)

    @classmethod
    def predict_together(
        cls, members: Sequence[Self], rows: pd.DataFrame, device: torch.device = CPU
    ) -> Histogram:
        """Average several networks, encoding the rows once for networks with the same encoder."""
        if len(members) == 1:
            return members[0].predict(rows, device)
        encoded: dict[str, SiRNADataset] = {}
        parts = []
        for member in members:
            key = json.dumps(member.encoder())
            if key not in encoded:
                encoded[key] = member.dataset_encoder.encode(rows)
            parts.append(member._predict_encoded(encoded[key], device))
        return Histogram.mixture(parts)

    def _predict_encoded(self, dataset: SiRNADataset, device: torch.device) -> Histogram:
        rows = min(len(dataset), self.config.predict.batch_rows)
        longest = max(tokens.shape[1] for tokens in dataset.all_rows.tokens.values())
        check_prediction_memory(InputSizes.of(self.dataset_encoder), self.config, rows, longest)
        return predict(self._built.to(device), dataset, self.config.predict.batch_rows, device)

    @cached_property
    def _built(self) -> SiRNAModel:
        return self.model()

    def model(self) -> SiRNAModel:
        """Build the network and load the weights.

        Raises
        ------
        ValueError
            If the weights are those of another network.
        """
        sizes = InputSizes.of(self.dataset_encoder)
        check_weights(self.weights, sizes, self.config)
        model = SiRNAModel(sizes, self.config, self.weights["edges"])
        load_weights(model, self.weights)
        return model

    def unseen(self, rows: pd.DataFrame) -> list[Unseen]:
        """Return the tokens and conditions of n checked rows that no training row has."""
        encoder = self.dataset_encoder
        tokens = [
            Unseen(f"stream {name}", affected, values, [])
            for name, (affected, values) in encoder.unknown_tokens(rows).items()
        ]
        conditions = [
            Unseen(
                role,
                rows[role].isin(values).to_numpy(),
                values,
                encoder.covariates.similar(role, values),
            )
            for role, values in encoder.covariates.unseen(rows).items()
        ]
        return tokens + conditions

    @property
    def reads(self) -> set[str]:
        """The roles that a row needs to be predicted."""
        return self.dataset_encoder.reads

    @property
    def reads_of_training(self) -> set[str]:
        """The roles that the sibling look-up needs; empty if siblings are not looked up."""
        siblings = self.dataset_encoder.siblings
        return {str(name) for name in siblings.measured} if siblings else set()

    def tensors(self) -> dict[str, Tensor]:
        """Return the weights."""
        return self.weights

    def encoder(self) -> dict[str, Any]:
        """Return the fitted encoder as plain data."""
        return self.dataset_encoder.to_dict()

    @property
    def facts(self) -> dict[str, Any]:
        """Training rows, seed and epoch."""
        return self.trained

    @classmethod
    def restore(cls, stored: Stored, training: pd.DataFrame, config: Config) -> Self:
        """Rebuild a network, checking that its weights fit; see `Member.restore`."""
        encoder = DatasetEncoder.from_dict(stored.encoder, training)
        member = cls(stored.fold, encoder, stored.tensors, config, stored.facts)
        _ = member._built  # checks the weights, and is kept for predictions
        return member


def _distinct_duplexes(rows: pd.DataFrame) -> int:
    return len(rows[[role for role in DUPLEX_ROLES if role in rows]].drop_duplicates())


class _StopAfterBatches(FitCallbacks):
    """Stops a training after a few batches."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.batches = 0

    def advance(self, steps: int) -> None:
        self.batches += 1

    def stop(self) -> bool:
        return self.batches >= TIMED_BATCHES
