"""Any number of measurements, in any order, as one vector."""

import pytest
import torch

from sirna.features.siblings import PRESENT
from sirna.members.network.sibling_encoder import LEAST, KnownEncoder


@pytest.fixture
def encoder():
    torch.manual_seed(3)
    layer = KnownEncoder(features=6, size=5, hidden=0.15)
    torch.nn.init.normal_(layer.relevance.weight)  # zeros at the start: all would weigh the same
    return layer


def measurements(rows=40, places=7, seed=0):
    """Random measurements of which a random number is present, the rest zeros behind them."""
    rng = torch.Generator().manual_seed(seed)
    known = torch.randn(rows, places, 6, generator=rng)
    count = torch.randint(0, places + 1, (rows, 1), generator=rng)
    present = (torch.arange(places) < count).float()
    known[..., PRESENT] = 1.0
    return known * present[..., None]


def test_the_order_of_measurements_does_not_matter(encoder):
    known = measurements()
    order = torch.randperm(known.shape[1], generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(encoder.eval()(known[:, order]), encoder(known))


def test_an_absent_measurement_adds_exactly_nothing(encoder):
    known = measurements()
    absent = known[..., PRESENT] == 0
    noise = torch.randn(known.shape) * absent[..., None]
    noise[..., PRESENT] = 0.0
    assert noise.any()
    assert torch.equal(encoder.eval()(known + noise), encoder(known))


@pytest.mark.parametrize("places", [8, 16, 33])
def test_the_width_of_the_padding_does_not_matter(encoder, places):
    known = measurements()
    wider = torch.nn.functional.pad(known, (0, 0, 0, places - known.shape[1]))
    torch.testing.assert_close(encoder.eval()(wider), encoder(known))


def test_nothing_known_is_a_vector_of_zeros_and_anything_known_is_not(encoder):
    known = measurements()
    out = encoder.eval()(known)
    nothing = (known[..., PRESENT] == 0).all(dim=1)
    assert 0 < nothing.sum() < len(known)
    assert (out[nothing] == 0).all()
    assert (out[~nothing] != 0).any(dim=1).all()
    assert out.shape == (len(known), encoder.size)


def test_every_measurement_counts(encoder):
    known = measurements()[:, :3]
    known[..., PRESENT] = 1.0
    for place in range(3):
        other = known.clone()
        other[:, place, 1] += 0.5
        assert (encoder.eval()(other) != encoder(known)).any(dim=1).all()


def test_hidden_in_training_are_all_the_measurements_of_a_row():
    known = measurements(rows=200)
    known[..., PRESENT] = 1.0
    torch.manual_seed(0)
    blind = KnownEncoder(features=6, size=5, hidden=1.0).train()
    assert (blind(known) == 0).all()
    assert (blind.eval()(known) != 0).any(dim=1).all()


def test_a_training_row_is_shown_a_changing_part_of_its_measurements():
    places, rows = 50, 2000
    known = torch.zeros(rows, places, 6)
    known[..., PRESENT] = 1.0
    torch.manual_seed(0)
    encoder = KnownEncoder(features=6, size=5, hidden=0.25).train()
    # all weigh 1 at the start, so that the last entry tells how many were counted
    count = encoder(known)[:, -1].expm1().round()
    assert (count == 0).float().mean().item() == pytest.approx(0.25, abs=0.04)
    share = count[count > 0] / places
    assert share.mean().item() == pytest.approx((1 + LEAST) / 2, abs=0.02)
    assert share.min().item() < LEAST + 0.05
    assert share.max().item() > 0.95
    assert (encoder.eval()(known)[:, -1].expm1().round() == places).all()
