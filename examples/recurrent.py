"""The recurrent encoder on four textbook tasks, with pictures; see docs/recurrent.md.

    python examples/recurrent.py --out recurrent.html

The encoder is `sirna.members.network.encoder.RecurrentEncoder`, the one that reads strands in
`SiRNAModel`. All tasks together take less than a minute on one core.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from sirna.members.network.encoder import RecurrentEncoder
from sirna.report.page import Chart, Page
from sirna.system.files import write_text

STEPS = 10
"""Points of a sine in each window of half a period."""


@dataclass(frozen=True)
class Learned:
    """What a classifier learned: losses and accuracies by epoch, and its confusion matrix."""

    losses: list[float]
    accuracies: list[float]
    confusion: np.ndarray


class Classifier(nn.Module):
    """Reads a sequence; the last output decides the class."""

    def __init__(self, encoder: RecurrentEncoder, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.outputs, classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the score of each class, shape (batch, classes)."""
        outputs, _ = self.encoder(inputs)
        return self.head(outputs[:, -1])


def cosine_from_sine(windows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predict cos(t) from sin(t), window by window; the hidden state is carried on.

    Within one window a sine alone does not say whether it rises or falls at first: the state does.
    Returns the mean squared error of each window, and the last two periods of truth and prediction.
    """
    torch.manual_seed(0)
    encoder = RecurrentEncoder(1, 32, "rnn", bidirectional=False)
    head = nn.Linear(encoder.outputs, 1)
    parameters = [*encoder.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=5e-3)
    state, errors, truth, predicted = None, [], [], []
    for window in range(windows):
        time = torch.linspace(window * np.pi, (window + 1) * np.pi, STEPS + 1)[:-1]
        outputs, state = encoder(time.sin()[None, :, None], state=state)
        found = head(outputs)[0, :, 0]
        loss = nn.functional.mse_loss(found, time.cos())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        state = state.detach()  # gradients end at the window, the memory goes on
        errors.append(loss.item())
        truth.append(time.cos().numpy())
        predicted.append(found.detach().numpy())
    return np.array(errors), np.concatenate(truth[-4:]), np.concatenate(predicted[-4:])


def learn(model: Classifier, inputs: np.ndarray, classes: np.ndarray, epochs: int) -> Learned:
    """Train on three quarters of the examples and test on the rest after every epoch."""
    x, held_x, y, held_y = train_test_split(
        inputs.astype(np.float32), classes, test_size=0.25, random_state=0, stratify=classes
    )
    scaler = StandardScaler().fit(x.reshape(len(x), -1))  # fitted on training examples only
    x, held_x = (scaler.transform(a.reshape(len(a), -1)).reshape(a.shape) for a in (x, held_x))
    features, labels, held = torch.from_numpy(x), torch.from_numpy(y), torch.from_numpy(held_x)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    losses, accuracies = [], []
    predicted = held_y
    for _ in range(epochs):
        total = 0.0
        for batch in torch.randperm(len(x)).split(64):
            loss = nn.functional.cross_entropy(model(features[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item() * len(batch)
        with torch.inference_mode():
            predicted = model(held).argmax(dim=1).numpy()
        losses.append(total / len(x))
        accuracies.append(float((predicted == held_y).mean()))
    return Learned(losses, accuracies, confusion_matrix(held_y, predicted))


def digits(epochs: int) -> Learned:
    """Read handwritten digits of 8 x 8 pixels row by row with an LSTM."""
    torch.manual_seed(0)
    data = load_digits()
    model = Classifier(RecurrentEncoder(8, 48, "lstm", bidirectional=False), 10)
    return learn(model, data.images, data.target, epochs)


def patients(epochs: int) -> Learned:
    """Classify patients by 30 measurements, each a sequence of length one, with a plain RNN."""
    torch.manual_seed(0)
    data = load_breast_cancer()
    model = Classifier(RecurrentEncoder(30, 16, "rnn"), 2)
    return learn(model, data.data[:, None, :], data.target, epochs)


def gradient_norms(clip: float | None, steps: int) -> tuple[list[float], list[float]]:
    """Train a plain RNN to add up a sequence of 40 numbers, with a high learning rate.

    Backpropagation multiplies by the recurrent weights once for each step of the sequence. Once a
    large step has made these weights large, gradients grow from step to step.
    Returns the norm of each gradient before clipping, and the losses.
    """
    torch.manual_seed(0)
    encoder = RecurrentEncoder(1, 16, "rnn", bidirectional=False)
    head = nn.Linear(encoder.outputs, 1)
    parameters = [*encoder.parameters(), *head.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=0.2)
    norms, losses = [], []
    for _ in range(steps):
        inputs = torch.randn(32, 40, 1) * 0.1
        loss = nn.functional.mse_loss(head(encoder(inputs)[0][:, -1])[:, 0], inputs.sum(dim=(1, 2)))
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(parameters, clip if clip is not None else float("inf"))
        optimizer.step()
        norms.append(float(norm))
        losses.append(loss.item())
    return norms, losses


def lines(values: dict[str, list[float]], axis: str, caption: str, log: bool = False) -> Chart:
    """Draw one line for each entry."""
    figure = go.Figure()
    for name, each in values.items():
        figure.add_scatter(
            y=[float(v) if np.isfinite(v) else None for v in each], name=name, mode="lines"
        )
    figure.update_yaxes(title=axis, type="log" if log else "linear")
    ends = ", ".join(f"{name} ends at {each[-1]:.3g}" for name, each in values.items())
    return Chart(figure, caption, f"{axis}: {ends}.", height=300)


def add_classifier(page: Page, title: str, learned: Learned) -> None:
    """Add curves and confusion matrix of a classifier."""
    page.section(title)
    page.text(f"Accuracy on held-out examples: {learned.accuracies[-1]:.3f}.")
    page.figures(
        lines({"loss": learned.losses}, "cross-entropy", "Training loss by epoch."),
        lines({"accuracy": learned.accuracies}, "accuracy", "Held-out accuracy by epoch."),
    )
    names = [str(number) for number in range(len(learned.confusion))]
    frame = pd.DataFrame(learned.confusion, columns=[f"predicted {name}" for name in names])
    frame.insert(0, "true class", names)
    page.table(frame, dict.fromkeys(frame.columns[1:], 0))


def main() -> None:
    """Do all tasks, write the page, print what was reached."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", type=Path, default=Path("recurrent.html"))
    options.add_argument("--epochs", type=int, default=25, help="epochs of the classifiers")
    options.add_argument("--windows", type=int, default=400, help="windows of the sine")
    given = options.parse_args()
    page = Page("The recurrent encoder on textbook tasks")
    errors, truth, predicted = cosine_from_sine(given.windows)
    page.section("Cosine from sine, hidden state carried on (plain RNN)")
    page.figures(
        lines({"error": list(errors)}, "mean squared error", "Error by window.", log=True),
        lines({"cos t": list(truth), "predicted": list(predicted)}, "value", "The last windows."),
    )
    of_digits, of_patients = digits(given.epochs), patients(given.epochs)
    add_classifier(page, "Handwritten digits, row by row (LSTM)", of_digits)
    add_classifier(page, "Patients as sequences of length one (plain RNN)", of_patients)
    page.section("Exploding gradients, with and without clipping (plain RNN)")
    free, free_loss = gradient_norms(None, 80)
    clipped, clipped_loss = gradient_norms(0.1, 80)
    names = ("not clipped", "clipped at 0.1")
    page.text("Where a line ends, the value is no longer a finite number.")
    page.figures(
        lines(dict(zip(names, (free, clipped), strict=True)), "norm", "Gradients.", log=True),
        lines(dict(zip(names, (free_loss, clipped_loss), strict=True)), "loss", "Loss.", log=True),
    )
    write_text(given.out, page.html())
    print(f"cosine from sine: mean squared error {errors[-10:].mean():.4f}")
    print(f"digits: accuracy {of_digits.accuracies[-1]:.3f}")
    print(f"patients: accuracy {of_patients.accuracies[-1]:.3f}")
    print(f"loss after 80 steps: {free_loss[-1]:.3g} not clipped, {clipped_loss[-1]:.3g} clipped")
    print(f"pictures: {given.out}")


if __name__ == "__main__":
    main()
