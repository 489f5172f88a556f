"""Any number of siblings, in any order, as one vector."""

import pytest
import torch

from sirna.features.siblings import PRESENT
from sirna.members.network.sibling_encoder import LEAST_SHOWN, SiblingEncoder


@pytest.fixture
def encoder():
    torch.manual_seed(3)
    layer = SiblingEncoder(features=6, size=5, dropout=0.15)
    torch.nn.init.normal_(layer.relevance.weight)  # initially 0: all siblings would count equally
    return layer


def measurements(rows=40, places=7, seed=0):
    """Random siblings, a random number of them for each row; empty places follow them."""
    rng = torch.Generator().manual_seed(seed)
    siblings = torch.randn(rows, places, 6, generator=rng)
    count = torch.randint(0, places + 1, (rows, 1), generator=rng)
    present = (torch.arange(places) < count).float()
    siblings[..., PRESENT] = 1.0
    return siblings * present[..., None]


def test_the_order_of_siblings_does_not_matter(encoder):
    siblings = measurements()
    order = torch.randperm(siblings.shape[1], generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(encoder.eval()(siblings[:, order]), encoder(siblings))


def test_an_empty_place_has_no_effect(encoder):
    siblings = measurements()
    absent = siblings[..., PRESENT] == 0
    noise = torch.randn(siblings.shape) * absent[..., None]
    noise[..., PRESENT] = 0.0
    assert noise.any()
    assert torch.equal(encoder.eval()(siblings + noise), encoder(siblings))


@pytest.mark.parametrize("places", [8, 16, 33])
def test_the_width_of_the_padding_does_not_matter(encoder, places):
    siblings = measurements()
    wider = torch.nn.functional.pad(siblings, (0, 0, 0, places - siblings.shape[1]))
    torch.testing.assert_close(encoder.eval()(wider), encoder(siblings))


def test_a_row_without_siblings_is_a_vector_of_zeros_and_others_are_not(encoder):
    siblings = measurements()
    out = encoder.eval()(siblings)
    nothing = (siblings[..., PRESENT] == 0).all(dim=1)
    assert 0 < nothing.sum() < len(siblings)
    assert (out[nothing] == 0).all()
    assert (out[~nothing] != 0).any(dim=1).all()
    assert out.shape == (len(siblings), encoder.size)


def test_every_sibling_counts(encoder):
    siblings = measurements()[:, :3]
    siblings[..., PRESENT] = 1.0
    for place in range(3):
        other = siblings.clone()
        other[:, place, 1] += 0.5
        assert (encoder.eval()(other) != encoder(siblings)).any(dim=1).all()


def test_dropout_hides_all_siblings_of_a_training_row():
    siblings = measurements(rows=200)
    siblings[..., PRESENT] = 1.0
    torch.manual_seed(0)
    blind = SiblingEncoder(features=6, size=5, dropout=1.0).train()
    assert (blind(siblings) == 0).all()
    assert (blind.eval()(siblings) != 0).any(dim=1).all()


def test_a_training_row_is_shown_a_changing_part_of_its_siblings():
    places, rows = 50, 2000
    siblings = torch.zeros(rows, places, 6)
    siblings[..., PRESENT] = 1.0
    torch.manual_seed(0)
    encoder = SiblingEncoder(features=6, size=5, dropout=0.25).train()
    # all weigh 1 at the start, and so the last entry is a function of how many were shown
    count = encoder(siblings)[:, -1].expm1().round()
    assert (count == 0).float().mean().item() == pytest.approx(0.25, abs=0.04)
    share = count[count > 0] / places
    assert share.mean().item() == pytest.approx((1 + LEAST_SHOWN) / 2, abs=0.02)
    assert share.min().item() < LEAST_SHOWN + 0.05
    assert share.max().item() > 0.95
    assert (encoder.eval()(siblings)[:, -1].expm1().round() == places).all()
