"""Bundles for tests, with members that were trained briefly or not at all."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sirna.bundle.bundle import Bundle
from sirna.members.base import FitCallbacks
from sirna.members.gaussian_process.member import GaussianProcessMember
from sirna.members.network.fit import start
from sirna.members.network.member import NetworkMember
from sirna.members.trees.member import TreesMember
from sirna.prediction.calibration import Calibration
from sirna.prediction.decision import Decision
from sirna.prediction.postprocess import Postprocess

CPU = torch.device("cpu")
ABOUT = {
    "protocol": "rows",
    "scores": {"score": 0.5},
    "seed": 7,
    "training": {"name": "tiny", "rows": 70, "sha256": "0" * 64},
}
POSTPROCESS = Postprocess(Calibration(1.25), Decision("score", 30.0, 0.3, 0.01, 0.005))
WIDER = Postprocess(Calibration(2.5), Decision("score", 30.0, 0.1))


def network(fold, task, seed=0):
    """An untrained network of the fold."""
    model = start(fold, task.edges, task.config, seed, CPU).model
    torch.nn.init.normal_(model.head[-1].weight)  # zeros at the start of a training
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    encoder = fold.encoder.with_sibling_rows(task.rows)
    facts = {"rows": len(fold.train), "seed": seed, "epoch": 1}
    return NetworkMember(0, encoder, weights, task.config, facts)


def bundle_of(task, members, **changes):
    rows = task.rows
    nothing = np.zeros(len(rows), dtype=bool)
    ranges = {"dose": (1.0, 10.0)}
    bundle = Bundle(task.config, members, POSTPROCESS, None, rows, nothing, ranges, ABOUT)
    return replace(bundle, **changes)


@pytest.fixture(scope="module")
def networks(tiny_fold, tiny_task):
    return bundle_of(tiny_task, [network(tiny_fold, tiny_task, seed) for seed in (0, 1)])


@pytest.fixture(scope="module")
def mixed(networks, tiny_task):
    """Networks, a Gaussian process and trees, and rows of unseen targets that are recognised."""
    families = GaussianProcessMember, TreesMember
    others = [family.fit(tiny_task, 0, FitCallbacks()).member for family in families]
    fitted = np.isin(np.arange(len(tiny_task.rows)), tiny_task.training)
    return replace(
        networks,
        members=[*networks.members, *others],
        unseen_postprocess=WIDER,
        has_known_target=fitted,
    )


@pytest.fixture(scope="module")
def make_network():
    """The function that builds an untrained network."""
    return network
