"""The bundle: all that inference needs, and the only thing that it reads."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sirna.config.load import Config
from sirna.features.dataset import Encoding, SiRNADataset
from sirna.members.gaussian_process.member import RowProcess
from sirna.members.network.fit import build_model
from sirna.members.network.predict import predict
from sirna.members.network.regressor import SiRNAModel
from sirna.members.network.weights import load_weights
from sirna.members.trees.member import RowTrees
from sirna.prediction.histogram import Histogram
from sirna.prediction.postprocess import Rule
from sirna.stages.evaluation import mixed
from sirna.table.ranges import Ranges, beyond

FOREIGN = 2.0
"""Duplex numbers above so many times training's largest are of another numbering, and so are those
below its least over it."""


@dataclass(frozen=True)
class Member:
    """One trained network with the encoding that its training rows gave.

    Attributes
    ----------
    encoding : Encoding
    weights : dict of Tensor
        The model's state.
    facts : dict
        Fold (the one after the last: all rows), training rows, seed, epoch: told, not used.
    """

    encoding: Encoding
    weights: dict[str, Tensor]
    facts: dict[str, Any]

    def model(self, config: Config) -> SiRNAModel:
        """Build the network and load the weights."""
        model = build_model(self.encoding, config, self.weights["edges"])
        load_weights(model, self.weights)
        return model


@dataclass(frozen=True)
class Bundle:
    """A finished training.

    Attributes
    ----------
    config : Config
    members : list of Member
        Their distributions are averaged.
    processes : list of RowProcess
        Theirs too; the averages are mixed by `gaussian_process.share`.
    trees : list of RowTrees
        For rows of new targets, which are all of them under `target`; mixed in by `trees.share`.
    rule : Rule
    new_target_rule : Rule, optional
        For rows of targets that training never showed; None where there is but one rule.
    ranges : dict of str to (float, float)
        How far the training rows reach in doses, hours, lengths and duplex numbers.
    about : dict
        Protocol, scores, seed, the training table's name, rows and SHA-256.
    """

    config: Config
    members: list[Member]
    processes: list[RowProcess]
    trees: list[RowTrees]
    rule: Rule
    new_target_rule: Rule | None
    ranges: Ranges
    about: dict[str, Any]

    @property
    def roles(self) -> set[str]:
        """The roles of columns that are read of a row that is predicted, and its id."""
        read = {"id"}
        for member in self.members:
            read |= {stream.role for stream in member.encoding.streams.values()}
            read |= member.encoding.covariates.read
        for process in self.processes:
            read |= process.read
        for trees in self.trees:
            read |= trees.read
        sources = {
            "site": ("transcript",),
            "duplex_number": ("duplex",),
            "species_match": ("species", "cell_line"),
            "dose": ("dose", "dose_unit"),
        }
        return {source for role in read for source in sources.get(role, (role,))}

    def encode(self, rows: pd.DataFrame) -> list[SiRNADataset]:
        """Encode n checked rows for every member, once for members that encode them alike."""
        rows = self._readable(rows)
        done: dict[str, SiRNADataset] = {}
        keys = [json.dumps(member.encoding.to_dict()) for member in self.members]
        for key, member in zip(keys, self.members, strict=True):
            if key not in done:
                done[key] = member.encoding.encode(rows)
        return [done[key] for key in keys]

    def foreign_numbers(self, rows: pd.DataFrame) -> np.ndarray:
        """Return which of n checked rows have a duplex number of another numbering, shape (n,).

        It would be taken for the oldest or the newest campaign, and so counts as missing.
        """
        nothing = np.zeros(len(rows), dtype=bool)
        return beyond(rows, self.ranges, FOREIGN).get("duplex_number", nothing)

    def _readable(self, rows: pd.DataFrame) -> pd.DataFrame:
        foreign = self.foreign_numbers(rows)
        if not foreign.any():
            return rows
        return rows.assign(duplex_number=rows["duplex_number"].mask(foreign))

    def new_targets(self, rows: pd.DataFrame) -> np.ndarray:
        """Return which of n checked rows the rule for new targets is for, shape (n,)."""
        if self.new_target_rule is None:
            return np.zeros(len(rows), dtype=bool)
        new: np.ndarray = np.all([one.new_targets(rows) for one in self.processes], axis=0)
        return new

    def predict(
        self, rows: pd.DataFrame, datasets: list[SiRNADataset], device: torch.device
    ) -> tuple[Histogram, np.ndarray]:
        """Predict n checked rows, which `encode` returned as `datasets`.

        Returns
        -------
        Histogram of n rows
            Calibrated mixtures.
        array, shape (n,)
            The points that are submitted.
        """
        rows = self._readable(rows)
        parts = [
            predict(
                member.model(self.config).to(device), data, self.config.predict.batch_rows, device
            )
            for member, data in zip(self.members, datasets, strict=True)
        ]
        process = _averaged(self.processes, rows)
        all_new = self.config.split.protocol == "target"
        trees = _averaged(self.trees, rows) if all_new else None
        whole = mixed(Histogram.mixture(parts), process, trees, self.config)
        calibrated, points = self.rule.apply(whole)
        new = np.flatnonzero(self.new_targets(rows))
        if self.new_target_rule is None or not len(new):
            return calibrated, points
        trees = _averaged(self.trees, rows.iloc[new])
        wider, points[new] = self.new_target_rule.apply(mixed(whole[new], None, trees, self.config))
        probs = calibrated.probs.copy()
        probs[new] = wider.probs
        return Histogram(whole.edges, probs), points


def _averaged(models: Sequence[RowProcess | RowTrees], rows: pd.DataFrame) -> Histogram | None:
    """Return what models of one kind predict on average; None without any."""
    return Histogram.mixture([one.predict(rows) for one in models]) if models else None
