"""`tune.html`: search and confirmation of a study, each with its noise."""

import html
from typing import Any

import numpy as np
import optuna
import pandas as pd
import plotly.graph_objects as go
from optuna.trial import FrozenTrial

from sirna.report.charts import BLUE, GREY, ORANGE
from sirna.report.page import Chart, Page
from sirna.tuning.confirmation import INTERVAL, Confirmation
from sirna.tuning.importance import FIRST_STEP, Importances
from sirna.tuning.recommendation import Recommendation
from sirna.tuning.study import (
    DEFAULT,
    FIDELITY,
    completed_trials,
    default_trial,
    finished_trials,
    noise_of,
)

MOST_DRAWN = 48
"""Largest number of trials in slices and parallel coordinates: those with the best first step. It
keeps the page small."""
MOST_IN_HISTORY = 150
MOST_LISTED = 10
WIDTH, HEIGHT = 240, 150
"""Of a slice, in pixels."""


def study_page(
    study: optuna.Study,
    recommendation: Recommendation,
    confirmation: Confirmation | None,
    importances: Importances,
) -> str:
    """Return the page; it needs no other file and no internet connection."""
    page = Page(f"sirna tune: {study.study_name}")
    page.text(recommendation.reason, "verdict")
    default, noise = default_trial(study), noise_of(study)
    done, complete = finished_trials(study), completed_trials(study)
    best = max((trial.value or 0.0 for trial in complete), default=0.0)
    page.cards(
        {
            "trials": str(len(done)),
            "not pruned": str(len(complete)),
            "default": f"{default.value:.4f}" if default else "-",
            "best": f"{best:.4f}",
            "noise (sd)": "-" if noise is None else f"{noise:.4f}",
        }
    )
    _search(page, study, default, noise)
    _settings(page, done, importances)
    _confirmation(page, confirmation)
    return page.html()


def _search(
    page: Page, study: optuna.Study, default: FrozenTrial | None, noise: float | None
) -> None:
    page.section("Search")
    spread = "unknown" if noise is None else f"{noise:.4f}"
    page.text(
        "Scores of the mixture on held-out rows, the same folds and seeds for all trials. The "
        f"noise is the standard deviation of the default's score over training seeds: {spread}. "
        "The best of many such scores is too high; only the confirmation can be trusted."
    )
    page.figures(_history(finished_trials(study)[-MOST_IN_HISTORY:], default, noise))
    complete = completed_trials(study)
    complete.sort(key=lambda trial: -(trial.value or 0.0))
    rows = [
        {
            "trial": f"{trial.number}{' (default)' if trial.user_attrs.get(DEFAULT) else ''}",
            "score": trial.value,
            **{key: _plain(value) for key, value in trial.params.items()},
        }
        for trial in complete[:MOST_LISTED]
    ]
    page.table(pd.DataFrame(rows), {"score": 4})
    page.text(f"The best {len(rows)} trials that were not pruned.", "soft")


def _history(trials: list[FrozenTrial], default: FrozenTrial | None, noise: float | None) -> Chart:
    figure = go.Figure()
    for name, colour, state in (("completed", BLUE, "COMPLETE"), ("pruned", GREY, "PRUNED")):
        some = [
            trial for trial in trials if trial.state.name == state and _score(trial) is not None
        ]
        figure.add_scatter(
            x=[trial.number for trial in some],
            y=[round(_score(trial) or 0.0, 4) for trial in some],
            text=[f"{trial.user_attrs.get(FIDELITY):.2g}, {trial.last_step}" for trial in some],
            mode="markers",
            name=name,
            marker={"color": colour, "size": 7},
            hovertemplate="trial %{x}: %{y:.4f}, fidelity and step %{text}<extra></extra>",
        )
    if default is not None and default.value is not None:
        for offset in (0.0, *((-noise, noise) if noise else ())):
            at = default.value + offset
            line = {"width": 1, "dash": "dot" if offset else "solid", "color": ORANGE}
            ends = {"xref": "paper", "x0": 0, "x1": 1, "y0": at, "y1": at}
            figure.add_shape(type="line", line=line, **ends)
    figure.update_xaxes(title="trial")
    figure.update_yaxes(title="score")
    return Chart(
        figure,
        "Each trial's score at its last step. The line is the default, the dotted lines its noise. "
        "Pruned trials were scored on fewer folds, and their scores cannot be compared with "
        "completed ones.",
        f"Scores of {len(trials)} trials by number.",
    )


def _settings(page: Page, trials: list[FrozenTrial], found: Importances) -> None:
    page.section("Settings")
    if found.shares:
        page.figures(_importance_chart(found))
    else:
        page.text(found.why_none)
    drawn = sorted(
        (trial for trial in trials if FIRST_STEP in trial.intermediate_values),
        key=lambda trial: -trial.intermediate_values[FIRST_STEP],
    )[:MOST_DRAWN]
    keys = sorted(set().union(*(trial.params for trial in drawn)))
    if len(drawn) > 1 and keys:
        page.heading("Slices: the first step's score by the value of each setting")
        slices = "".join(_slice(drawn, key) for key in keys)
        scores = [trial.intermediate_values[FIRST_STEP] for trial in drawn]
        page.text(
            f"Scores rise from {min(scores):.4f} to {max(scores):.4f} in every slice.", "soft"
        )
        columns = f"repeat(auto-fill, minmax({WIDTH}px, 1fr))"
        style = f"display:grid;grid-template-columns:{columns};gap:1rem"
        page.parts.append(f'<div style="{style}">{slices}</div>')
        page.heading("Parallel coordinates")
        page.figures(_parallel(drawn, keys))


def _importance_chart(found: Importances) -> Chart:
    ranked = sorted(found.shares.items(), key=lambda item: item[1])
    bar = go.Bar(
        x=[round(share, 4) for _, share in ranked],
        y=[key for key, _ in ranked],
        orientation="h",
        marker_color=BLUE,
    )
    figure = go.Figure(bar)
    figure.update_xaxes(title="share of the variance", tickformat=".0%")
    figure.update_yaxes(automargin=True)
    said = ", ".join(f"{key} {share:.0%}" for key, share in reversed(ranked))
    return Chart(
        figure,
        f"Importances from the first step of {found.trials} trials, pruned ones included. "
        f"The settings explain {found.explained:.0%} of the variance of trials that the forest was "
        "not fitted on.",
        f"Importances: {said}.",
        height=120 + 24 * len(ranked),
    )


def _slice(trials: list[FrozenTrial], key: str) -> str:
    """Draw the first step's score by the value of one setting, as SVG: a dot for each trial."""
    some = [trial for trial in trials if key in trial.params]
    scores = np.array([trial.intermediate_values[FIRST_STEP] for trial in some])
    values = _internal(some, key)
    x, y = _scaled(values) * (WIDTH - 20) + 10, HEIGHT - 10 - _scaled(scores) * (HEIGHT - 20)
    dots = "".join(f"M{a:.0f} {b:.0f}h0" for a, b in zip(x, y, strict=True))
    ends = [_plain(some[int(at)].params[key]) for at in (values.argmin(), values.argmax())]
    span = f"{ends[0]} to {ends[1]}"
    alternative = f"{key} from {span}; scores {scores.min():.4f} to {scores.max():.4f}"
    axes = f"M1 0v{HEIGHT - 1}h{WIDTH}"
    return (
        f'<figure style="margin:0"><svg width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{html.escape(alternative)}"><path d="{dots}" stroke="{BLUE}" '
        f'stroke-width="6" stroke-linecap="round" opacity=".7"/><path d="{axes}" fill="none" '
        f'stroke="{GREY}"/></svg><figcaption>{html.escape(f"{key}: {span}")}</figcaption></figure>'
    )


def _internal(trials: list[FrozenTrial], key: str) -> np.ndarray:
    """Return a setting's values as numbers, logarithms if it varies on a log scale."""
    of = [trial.distributions[key] for trial in trials]
    values = [
        one.to_internal_repr(trial.params[key]) for one, trial in zip(of, trials, strict=True)
    ]
    return np.log10(values) if getattr(of[0], "log", False) else np.array(values, dtype=np.float64)


def _scaled(values: np.ndarray) -> np.ndarray:
    """Scale values to 0 to 1."""
    scaled: np.ndarray = (values - values.min()) / max(float(np.ptp(values)), 1e-12)
    return scaled


def _parallel(trials: list[FrozenTrial], keys: list[str]) -> Chart:
    scores = [round(trial.intermediate_values[FIRST_STEP], 4) for trial in trials]
    dimensions: list[dict[str, Any]] = [{"label": "score", "values": scores}]
    for key in keys:
        if not all(key in trial.params for trial in trials):
            continue
        log = bool(getattr(trials[0].distributions[key], "log", False))
        dimensions.append(
            {
                "label": f"{'log ' if log else ''}{key.split('.', 1)[1]}",
                "values": [float(f"{value:.4g}") for value in _internal(trials, key)],
            }
        )
    line = {"color": scores, "colorscale": [[0, GREY], [1, ORANGE]]}
    figure = go.Figure(go.Parcoords(dimensions=dimensions, line=line, labelangle=-20))
    return Chart(
        figure,
        f"The {len(trials)} trials with the best first step; the colour is its score.",
        f"Parallel coordinates of {len(trials)} trials.",
        height=460,
    )


def _confirmation(page: Page, confirmation: Confirmation | None) -> None:
    page.section("Confirmation")
    if confirmation is None:
        page.text("There is no finished confirmation.")
        return
    share = f"{INTERVAL:.0%}"
    rows = [
        {
            "trial": str(one.number),
            "search": one.found,
            "confirmation": one.score,
            "gain": one.gain,
            "low": one.low,
            "high": one.high,
            "confidence": f"{one.confidence:.1%}",
        }
        for one in confirmation.compared
    ]
    digits = dict.fromkeys(("search", "confirmation", "gain", "low", "high"), 4)
    page.table(pd.DataFrame(rows), digits)
    page.text(
        f"Trained again on other folds with other seeds; the default scored "
        f"{confirmation.default:.4f} there. Low and high: the {share} interval of the gain over "
        "the default, drawn over whole groups of rows, with the noise of training added. A trial "
        f"is recommended if it is better in {confirmation.needed:.1%} of the draws.",
        "soft",
    )
    page.figures(_gains(confirmation))


def _gains(confirmation: Confirmation) -> Chart:
    compared = confirmation.compared
    figure = go.Figure(
        go.Scatter(
            x=[round(one.gain, 4) for one in compared],
            y=[f"trial {one.number}" for one in compared],
            error_x={
                "array": [round(one.high - one.gain, 4) for one in compared],
                "arrayminus": [round(one.gain - one.low, 4) for one in compared],
                "thickness": 1.5,
            },
            mode="markers",
            marker={"color": BLUE, "size": 10},
        )
    )
    ends = {"yref": "paper", "x0": 0, "x1": 0, "y0": 0, "y1": 1}
    figure.add_shape(type="line", line={"width": 1, "color": ORANGE}, **ends)
    figure.update_xaxes(title="gain over the default")
    figure.update_yaxes(type="category", automargin=True)
    said = "; ".join(
        f"trial {one.number} {one.gain:+.4f} ({one.low:+.4f} to {one.high:+.4f})"
        for one in compared
    )
    return Chart(
        figure,
        f"Gains in the confirmation with {INTERVAL:.0%} intervals; the line is the default.",
        f"Gains over the default: {said}.",
        height=130 + 34 * len(compared),
    )


def _score(trial: FrozenTrial) -> float | None:
    if trial.value is not None and trial.state.name == "COMPLETE":
        return trial.value
    return trial.intermediate_values.get(trial.last_step) if trial.last_step else None


def _plain(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
