"""The recurrent encoder alone, on the textbook tasks of recurrent networks."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.metrics import accuracy_score, confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from sirna.members.network.encoder import HiddenState, RecurrentEncoder


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


class Classifier(nn.Module):
    """Reads a sequence; the last output decides the class."""

    def __init__(self, encoder: RecurrentEncoder, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.outputs, classes)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs, _ = self.encoder(inputs)
        return self.head(outputs[:, -1])


def _minimise(
    model: nn.Module, loss: Callable[[Tensor], Tensor], rows: int, epochs: int, rate: float
) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    for _ in range(epochs):
        for batch in torch.randperm(rows).split(64):
            optimizer.zero_grad()
            loss(batch).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()


def _held_out_classes(
    model: Classifier, inputs: np.ndarray, classes: np.ndarray, epochs: int
) -> tuple[np.ndarray, np.ndarray]:
    """Train on three quarters; return the true and the predicted classes of the rest."""
    x, held_x, y, held_y = train_test_split(
        inputs.astype(np.float32), classes, test_size=0.25, random_state=0, stratify=classes
    )
    scaler = StandardScaler().fit(x.reshape(len(x), -1))
    x, held_x = (scaler.transform(a.reshape(len(a), -1)).reshape(a.shape) for a in (x, held_x))
    features, labels = torch.from_numpy(x), torch.from_numpy(y)
    cross_entropy = nn.functional.cross_entropy
    _minimise(
        model, lambda b: cross_entropy(model(features[b]), labels[b]), len(x), epochs, rate=5e-3
    )
    with torch.inference_mode():
        return held_y, model(torch.from_numpy(held_x)).argmax(dim=1).numpy()


def test_a_plain_rnn_maps_a_sine_to_its_cosine_with_the_state_carried_over() -> None:
    encoder = RecurrentEncoder(1, 32, "rnn", bidirectional=False)
    head = nn.Linear(encoder.outputs, 1)
    model = nn.ModuleList([encoder, head])
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    state: HiddenState | None = None
    errors = []
    for window in range(400):
        time = torch.linspace(window * np.pi, (window + 1) * np.pi, 11)[:-1]
        outputs, state = encoder(time.sin()[None, :, None], state=state)
        loss = nn.functional.mse_loss(head(outputs)[0, :, 0], time.cos())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        assert isinstance(state, Tensor)
        state = state.detach()
        errors.append(loss.item())

    assert np.mean(errors[-40:]) < 0.01
    # without the carried state the first steps of a window cannot know where the wave stands
    time = torch.linspace(0, np.pi, 11)[:-1]
    with torch.inference_mode():
        forgetful = head(encoder(time.sin()[None, :, None])[0])[0, :, 0]
    assert nn.functional.mse_loss(forgetful, time.cos()) > np.mean(errors[-40:])


def test_an_lstm_reads_handwritten_digits_row_by_row() -> None:
    digits = load_digits()
    model = Classifier(RecurrentEncoder(8, 48, "lstm", bidirectional=False), 10)

    truth, predicted = _held_out_classes(model, digits.images, digits.target, epochs=25)

    assert accuracy_score(truth, predicted) > 0.95


def test_an_rnn_classifies_patients_given_as_sequences_of_length_one() -> None:
    patients = load_breast_cancer()
    model = Classifier(RecurrentEncoder(30, 16, "rnn"), 2)

    truth, predicted = _held_out_classes(
        model, patients.data[:, None, :], patients.target, epochs=15
    )

    table = confusion_matrix(truth, predicted)
    assert accuracy_score(truth, predicted) > 0.94
    assert table.sum() == len(truth)
    assert (table.diagonal() > table.sum(axis=1) * 0.9).all()  # neither class is sacrificed
