"""The network: what its predictions depend on, and what they do not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from sirna.config.load import with_changes
from sirna.features.dataset import DatasetEncoder
from sirna.features.encoded_fold import EncodedFold
from sirna.features.siblings import PRESENT
from sirna.members.network.fit import start
from sirna.members.network.loss import training_loss
from sirna.members.network.predict import predict
from sirna.members.network.regressor import InputSizes, SiRNAModel
from sirna.prediction.histogram import fit_bins

CPU = torch.device("cpu")
ENCODERS = ["rnn", "lstm", "gru"]
POOLINGS = ["last", "mean", "max", "last_mean"]
DROPOUTS = [
    "model.covariate_dropout",
    "model.embedding_dropout",
    "model.head_dropout",
    "model.summary_dropout",
    "train.token_dropout",
]


def begun(fold, config):
    """Return the state of a training before its first step."""
    labels = fold.train.all_rows.label.numpy().astype(float)
    return start(fold, fit_bins(labels, config.model.bins, 30.0), config, 0, CPU)


def untrained(fold, config, **changes):
    config = with_changes(config, {f"model.{key}": value for key, value in changes.items()})
    model = begun(fold, config).model
    torch.nn.init.normal_(model.head[-1].weight)  # zeros at the start: no input would count
    return model, config


def probabilities(model, batch):
    model.eval()
    with torch.inference_mode():
        return model.probabilities(model(batch)).numpy()


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_without_dropouts_a_training_reads_what_a_prediction_reads(
    tiny_fold, tiny_config, encoder, pooling, shared
):
    """A training may run all encoders as one recurrence; a prediction runs them one by one."""
    off = with_changes(tiny_config, dict.fromkeys(DROPOUTS, 0.0))
    changes = {"encoder": encoder, "pooling": pooling, "share_encoder": shared}
    model, _ = untrained(tiny_fold, off, **changes)
    batch = tiny_fold.train.all_rows
    with torch.no_grad():
        model.train().siblings.eval()  # a training is shown a random part of them
        torch.testing.assert_close(model(batch), model.eval()(batch))


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_prediction_does_not_depend_on_its_batch(tiny_fold, tiny_config, encoder, pooling):
    model, _ = untrained(tiny_fold, tiny_config, encoder=encoder, pooling=pooling)
    together = probabilities(model, tiny_fold.held_out.all_rows)
    for row in range(0, len(tiny_fold.held_out), 3):
        alone = probabilities(model, tiny_fold.held_out.take(np.array([row])))
        np.testing.assert_allclose(alone[0], together[row], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("batch_rows", [1, 5, 10_000])
def test_prediction_in_batches_gives_what_the_network_gives(tiny_fold, tiny_config, batch_rows):
    model, _ = untrained(tiny_fold, tiny_config)
    model.train()
    predicted = predict(model, tiny_fold.held_out, batch_rows, CPU)
    assert model.training
    expected = probabilities(model, tiny_fold.held_out.all_rows)
    np.testing.assert_allclose(predicted.probs, expected, rtol=1e-4, atol=1e-7)
    np.testing.assert_array_equal(predicted.edges, model.edges.numpy())


def test_more_padding_does_not_change_predictions(tiny_fold, tiny_config, tiny_table):
    model, _ = untrained(tiny_fold, tiny_config)
    rows = tiny_table.rows.iloc[:6].reset_index(drop=True)
    long = rows.assign(guide_modifications=rows["guide_modifications"] + " a" * 30)
    both = tiny_fold.encoder.encode(
        pd.concat([long.iloc[:1].assign(id="long"), rows], ignore_index=True)
    )
    alone = probabilities(model, tiny_fold.encoder.encode(rows).all_rows)
    np.testing.assert_allclose(probabilities(model, both.all_rows)[1:], alone, rtol=1e-4, atol=1e-7)


def test_a_prediction_depends_on_every_stream_and_covariate(tiny_fold, tiny_config, tiny_table):
    model, _ = untrained(tiny_fold, tiny_config)
    row = tiny_table.rows.iloc[[0]]
    changed = [row.assign(dose=1e-3), row.assign(hours=1.0), row.assign(cell_line="other")]
    changed += [row.assign(**{s.role: "A C"}) for s in tiny_fold.encoder.streams.values()]
    base = probabilities(model, tiny_fold.encoder.encode(row).all_rows)
    for other in changed:
        moved = probabilities(model, tiny_fold.encoder.encode(other).all_rows)
        assert np.abs(moved - base).max() > 1e-6


def test_a_prediction_depends_on_the_siblings_of_its_row(tiny_fold, tiny_config, tiny_task):
    model, _ = untrained(tiny_fold, tiny_config)
    measured = tiny_fold.encoder.siblings.measured
    changed = measured.assign(label=130.0 - measured["label"].clip(upper=130.0))
    rows = tiny_task.held_out_rows
    before, after = (
        probabilities(model, tiny_fold.encoder.with_sibling_rows(table).encode(rows).all_rows)
        for table in (measured, changed)
    )
    shown = tiny_fold.held_out.all_rows.siblings[..., PRESENT].any(dim=1).numpy()
    assert 0 < shown.sum() < len(shown)
    assert (np.abs(after - before).max(axis=1) > 1e-6).tolist() == shown.tolist()


def test_siblings_are_hidden_in_training_only(tiny_fold, tiny_config):
    config = with_changes(tiny_config, dict.fromkeys(DROPOUTS, 0.0))
    model, _ = untrained(tiny_fold, config)
    batch = tiny_fold.held_out.all_rows
    model.train()
    assert not torch.equal(model(batch), model(batch))
    model.eval()
    assert torch.equal(model(batch), model(batch))


def whole_fold(rows, config):
    """Return rows that all train, encoded."""
    encoder = DatasetEncoder.fit(rows, config)
    dataset = encoder.encode(rows, training=True)
    return EncodedFold(encoder, dataset, encoder.encode(rows.iloc[:0]), np.zeros(0))


@pytest.mark.parametrize(
    ("protocol", "expected"), [("rows", True), ("duplex", False), ("target", False)]
)
def test_a_network_without_siblings_has_no_weights_for_them(
    tiny_table, tiny_config, protocol, expected
):
    config = with_changes(tiny_config, {"split.protocol": protocol})
    fold = whole_fold(tiny_table.rows, config)
    model = begun(fold, config).model
    named = [name for name, _ in model.named_parameters() if name.startswith("siblings.")]
    assert bool(named) is expected
    assert torch.isfinite(model(fold.train.all_rows)).all()


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_a_training_starts_from_the_same_prediction_for_every_row(tiny_fold, tiny_config, loss):
    config = with_changes(tiny_config, {"train.loss": loss})
    model = begun(tiny_fold, config).model
    probs = probabilities(model, tiny_fold.held_out.all_rows)
    np.testing.assert_array_equal(probs, np.repeat(probs[:1], len(probs), axis=0))
    if loss == "cross_entropy":
        np.testing.assert_allclose(probs, 1 / probs.shape[1])


def test_weight_decay_applies_only_to_matrices_that_are_not_embeddings(tiny_fold, tiny_config):
    config = with_changes(tiny_config, {"train.weight_decay": 0.5})
    state = begun(tiny_fold, config)
    decay = {
        id(parameter): group["weight_decay"]
        for group in state.optimizer.param_groups
        for parameter in group["params"]
    }
    named = dict(state.model.named_parameters())
    assert {id(parameter) for parameter in named.values()} == set(decay)
    for name, parameter in named.items():
        free = "embedding" in name or "categories" in name or parameter.ndim == 1
        assert decay[id(parameter)] == (0.0 if free else 0.5), name


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_the_head_has_the_hidden_layers_asked_for(tiny_fold, tiny_config, layers):
    model, _ = untrained(tiny_fold, tiny_config, head_layers=layers, head_hidden=5)
    linear = [layer for layer in model.head if isinstance(layer, torch.nn.Linear)]
    assert [layer.out_features for layer in linear] == [5] * layers + [len(model.edges) - 1]


@pytest.mark.parametrize("share", [False, True])
def test_a_shared_encoder_is_one_object(tiny_fold, tiny_config, share):
    model, _ = untrained(tiny_fold, tiny_config, share_encoder=share)
    names = list(model.encoders)
    assert (model.encoders[names[0]] is model.encoders[names[1]]) is share


def test_probabilities_add_up_to_one(tiny_fold, tiny_config):
    for loss in ("cross_entropy", "crps", "mse", "huber"):
        config = with_changes(tiny_config, {"train.loss": loss})
        model, _ = untrained(tiny_fold, config)
        probs = probabilities(model, tiny_fold.held_out.all_rows)
        assert probs.shape == (len(tiny_fold.held_out), len(model.edges) - 1)
        assert probs.dtype == np.float64
        assert probs.min() >= 0
        np.testing.assert_allclose(probs.sum(axis=1), 1.0)


def test_a_point_head_gives_a_normal_distribution_around_its_point(tiny_fold, tiny_config):
    config = with_changes(tiny_config, {"train.loss": "mse"})
    edges = torch.linspace(0.0, 200.0, 2001, dtype=torch.float64)
    model = SiRNAModel(InputSizes.of(tiny_fold.encoder), config, edges)
    model.label_mean.fill_(60.0)
    model.label_sd.fill_(20.0)
    model.residual_sd.fill_(8.0)
    probs = model.probabilities(torch.tensor([[0.0], [2.0]])).numpy()
    middle = (edges[:-1] + edges[1:]).numpy() / 2
    mean = probs @ middle
    assert mean == pytest.approx([60.0, 100.0], abs=0.01)
    sd = np.sqrt(((middle - mean[:, None]) ** 2 * probs).sum(axis=1))
    assert sd == pytest.approx([8.0, 8.0], abs=0.01)


def test_a_point_far_outside_the_range_still_gives_a_distribution(tiny_fold, tiny_config):
    model, _ = untrained(tiny_fold, with_changes(tiny_config, {"train.loss": "mse"}))
    probs = model.probabilities(torch.tensor([[-50.0], [50.0]])).numpy()
    np.testing.assert_allclose(probs.sum(axis=1), 1.0)
    assert probs[0, 0] == pytest.approx(1.0)
    assert probs[1, -1] == pytest.approx(1.0)


@pytest.mark.parametrize("option", DROPOUTS)
def test_dropout_acts_in_training_only(tiny_fold, tiny_config, option):
    off = dict.fromkeys(DROPOUTS, 0.0)
    batch = tiny_fold.held_out.all_rows
    # without siblings, of which each training row is shown another part every time
    fold = replace(tiny_fold, encoder=replace(tiny_fold.encoder, siblings=None))
    model, _ = untrained(fold, with_changes(tiny_config, off))
    model.train()
    assert torch.equal(model(batch), model(batch))
    model, _ = untrained(fold, with_changes(tiny_config, off | {option: 0.5}))
    model.train()
    assert not torch.equal(model(batch), model(batch))
    model.eval()
    assert torch.equal(model(batch), model(batch))


def test_covariate_dropout_hides_values_as_missing_or_unseen(tiny_fold, tiny_config):
    model, _ = untrained(tiny_fold, tiny_config, covariate_dropout=0.9)
    numeric = torch.tensor([[1.5, 0.0, -0.5, 0.0]]).repeat(400, 1)
    categorical = torch.full((400, 3), 7)
    hidden_numbers, hidden = model.hide_covariates(numeric, categorical)
    assert set(hidden.unique().tolist()) == {0, 1, 7}
    pairs = {tuple(pair) for pair in hidden_numbers.view(-1, 2).tolist()}
    assert pairs == {(1.5, 0.0), (-0.5, 0.0), (0.0, 1.0)}
    assert numeric[0].tolist() == [1.5, 0.0, -0.5, 0.0]


@pytest.mark.parametrize("dropped", [["dose", "hours"], ["cell_line", "transfection", "species"]])
def test_a_table_without_conditions_of_one_kind_can_be_trained_on(tiny_table, tiny_config, dropped):
    config = with_changes(tiny_config, {"model.covariate_dropout": 0.5})
    rows = tiny_table.rows.drop(columns=[*dropped, "target", "publication"])
    fold = whole_fold(rows, config)
    model = begun(fold, config).model.train()
    assert torch.isfinite(model(fold.train.all_rows)).all()


@pytest.mark.parametrize(
    ("loss", "encoder"), [("cross_entropy", "gru"), ("crps", "lstm"), ("mse", "gru")]
)
def test_a_network_can_overfit_sixteen_rows(tiny_fold, tiny_config, loss, encoder):
    off = dict.fromkeys([*DROPOUTS, "train.smoothing"], 0.0)
    config = with_changes(
        tiny_config, off | {"train.loss": loss, "model.encoder": encoder, "model.head_hidden": 32}
    )
    state = begun(tiny_fold, config)
    batch = tiny_fold.train.take(np.linspace(0, len(tiny_fold.train) - 1, 16).astype(int))
    model = state.model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.04)
    for _ in range(60):
        optimizer.zero_grad()
        training_loss(model, model(batch), batch.label, config.train).backward()
        optimizer.step()
    model.residual_sd.fill_(1.0)
    edges = model.edges.numpy()
    probs = probabilities(model, batch)
    own = np.clip(np.searchsorted(edges, batch.label.numpy(), side="right") - 1, 0, len(edges) - 2)
    if config.train.distributional:
        assert (probs.argmax(axis=1) == own).mean() > 0.9
    else:
        predicted = probs @ (edges[:-1] + edges[1:]) / 2
        assert np.abs(predicted - batch.label.numpy()).mean() < 4.0


def test_unseen_tokens_and_missing_values_still_give_finite_numbers(tiny_fold, tiny_config):
    rows = {"guide": [None], "guide_modifications": ["Zz Zz"], "passenger_modifications": [None]}
    model, _ = untrained(tiny_fold, tiny_config)
    dataset = tiny_fold.encoder.encode(pd.DataFrame({"id": ["x"]} | rows))
    assert np.isfinite(probabilities(model, dataset.all_rows)).all()
