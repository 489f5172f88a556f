"""The charts of a report, each with a caption and a text alternative."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sirna.report.numbers import lost_points, reliability, share_interval
from sirna.report.page import Chart
from sirna.runs.record import RunRecord

BLUE, ORANGE, GREEN, GREY = "#3b82c4", "#e07b39", "#2f9e62", "#8a94a3"
"""Colours with enough contrast on white and on dark paper."""
FEWEST_DRAWN = 5
"""Least number of rows of a bin that is drawn."""
CELLS = 50
"""Cells along each side of the density of predictions."""


def lost_points_chart(scores: dict[str, Any]) -> Chart:
    """Show how many points each part of the score costs, for one run or several."""
    figure, said = go.Figure(), []
    parts = {name: lost_points(score) for name, score in scores.items()}
    for part, colour in zip(("MAE", "F1", "range-MAE"), (BLUE, ORANGE, GREEN), strict=True):
        values = [lost[part] for lost in parts.values()]
        figure.add_bar(
            y=list(parts),
            x=values,
            name=part,
            orientation="h",
            marker_color=colour,
            text=[f"{value:.3f}" for value in values],
            textposition="inside",
            textangle=0,
            textfont_color="#111111",
        )
        said.append(f"{part} {', '.join(f'{value:.3f}' for value in values)}")
    figure.update_layout(
        barmode="stack",
        legend_traceorder="normal",
        yaxis={"autorange": "reversed", "automargin": True},
    )
    figure.update_xaxes(title="points lost (1 minus the score)", rangemode="tozero")
    return Chart(
        figure,
        "The score is 0.5·(1 - MAE/100) + 0.5·F1·(1 - range-MAE/100). A perfect score is 1; the "
        "bars show what each part takes from it.",
        f"Points lost: {'; '.join(said)}.",
        height=130 + 34 * len(parts),
    )


def density_chart(record: RunRecord, column: str, caption: str) -> Chart:
    """Show measured against predicted values as a density with the threshold's lines."""
    held, threshold = record.held_out, record.threshold
    top = float(np.ceil(np.quantile(held[["measured", column]], 0.995) / 10) * 10)
    edges = np.linspace(0, top, CELLS + 1)
    inside = held[["measured", column]].clip(upper=top - 1e-9)
    counts, _, _ = np.histogram2d(inside["measured"], inside[column], bins=[edges, edges])
    middle = (edges[:-1] + edges[1:]) / 2
    shades = "59, 130, 196" if column == "predicted" else "224, 123, 57"  # readable on both papers
    shade = np.where(counts > 0, np.log10(np.maximum(counts, 1)), np.nan)
    figure = go.Figure(
        go.Heatmap(
            x=np.round(middle, 2),
            y=np.round(middle, 2),
            z=np.round(shade, 3),
            customdata=counts.astype(int),
            colorscale=[[0, f"rgba({shades}, 0.22)"], [1, f"rgba({shades}, 1)"]],
            hovertemplate=f"{column} %{{x:.0f}}, measured %{{y:.0f}}: %{{customdata}} rows"
            "<extra></extra>",
            showscale=False,
        )
    )
    figure.add_shape(type="line", x0=0, x1=top, y0=0, y1=top, line={"width": 1})
    for axis in ("x", "y"):
        line: dict[str, Any] = {f"{axis}0": threshold, f"{axis}1": threshold}
        other = "y" if axis == "x" else "x"
        line |= {f"{other}0": 0, f"{other}1": top}
        figure.add_shape(type="line", line={"width": 1, "dash": "dot"}, **line)
    figure.update_xaxes(title=f"{column} (%)", range=[0, top], constrain="domain")
    figure.update_yaxes(title="measured (%)", range=[0, top], scaleanchor="x", constrain="domain")
    correlation = held["measured"].corr(held[column])
    return Chart(
        figure,
        caption,
        f"Density of {len(held):,} rows, {column} against measured; the correlation is "
        f"{correlation:.2f}.",
        height=400,
    )


def reliability_chart(record: RunRecord) -> Chart | None:
    """Show observed shares below the threshold against predicted probabilities.

    Return None if no bin of probabilities has enough rows.
    """
    table = reliability(record.held_out, record.threshold)
    table = table[table["rows"] >= FEWEST_DRAWN]
    if table.empty:
        return None
    figure = go.Figure()
    figure.add_shape(type="line", x0=0, x1=1, y0=0, y1=1, line={"width": 1, "dash": "dot"})
    figure.add_scatter(
        x=table["predicted"].round(4).tolist(),
        y=table["observed"].round(4).tolist(),
        error_y={**_share_bars(table["observed"], table["rows"]), "thickness": 1},
        customdata=table["rows"].tolist(),
        mode="markers+lines",
        marker={"size": 9, "color": BLUE},
        hovertemplate="predicted %{x:.2f}, observed %{y:.2f}, %{customdata} rows<extra></extra>",
        showlegend=False,
    )
    limit = f"{record.threshold:g} %"
    figure.update_xaxes(title=f"predicted probability of less than {limit}", range=[-0.02, 1.02])
    figure.update_yaxes(title="observed share", range=[-0.05, 1.05])
    gap = (table["predicted"] - table["observed"]).abs()
    mean_gap = float((gap * table["rows"]).sum() / table["rows"].sum())
    return Chart(
        figure,
        f"Reliability of P(<{limit}). On the dotted line, probabilities are right; bars are 95 % "
        f"intervals. The mean gap is {mean_gap:.3f}.",
        f"Observed shares against predicted probabilities in {len(table)} bins; the mean gap is "
        f"{mean_gap:.3f}.",
    )


def coverage_chart(record: RunRecord, groups: pd.DataFrame, by: str) -> Chart:
    """Show which share of the measurements lies in the predicted interval, by group."""
    wanted = record.figures["interval"]
    bars = _share_bars(groups["covered"], groups["rows"])
    figure = go.Figure(
        go.Bar(
            x=groups["by"].astype(str).tolist(),
            y=groups["covered"].round(4).tolist(),
            error_y={**bars, "thickness": 1.5, "color": GREY},
            customdata=groups[["rows", "width"]].round(1).to_numpy().tolist(),
            marker_color=BLUE,
            hovertemplate="%{x}: covers %{y:.1%} of %{customdata[0]} rows, width "
            "%{customdata[1]}<extra></extra>",
        )
    )
    ends = {"xref": "paper", "x0": 0, "x1": 1, "y0": wanted, "y1": wanted}
    figure.add_shape(type="line", line={"width": 1, "dash": "dot"}, **ends)
    figure.update_xaxes(title=by, type="category", automargin=True)
    figure.update_yaxes(title="share covered", range=[0, 1.05], tickformat=".0%")
    said = ", ".join(
        f"{name} {share:.0%}" for name, share in zip(groups["by"], groups["covered"], strict=True)
    )
    return Chart(
        figure,
        f"Coverage of the {wanted:.0%} intervals by {by}; the dotted line is {wanted:.0%}. Thin "
        "bars are 95 % intervals.",
        f"Coverage by {by}: {said}.",
    )


def learning_chart(record: RunRecord) -> Chart | None:
    """Show the scores of each network's epochs on held-out rows, with the chosen epochs."""
    log = record.log
    if not {"epoch", "score", "fold", "member"} <= set(log) or log["score"].isna().all():
        return None
    figure = go.Figure()
    kept = iter(record.figures.get("best_epochs", []))
    chosen = []
    networks = log.dropna(subset="score").groupby(["fold", "member"], sort=True)
    for number, ((fold, member), part) in enumerate(networks):
        name = f"fold {fold}, {member}"
        line = {"width": 1.5}
        scores = part["score"].round(4)
        figure.add_scatter(
            x=part["epoch"].tolist(), y=scores.tolist(), name=name, line=line, mode="lines"
        )
        best = next(kept, None)
        at = part[part["epoch"] == best]
        if len(at):
            chosen.append(int(at["epoch"].iloc[0]))
            marker = {"size": 10, "color": ORANGE, "symbol": "diamond"}
            figure.add_scatter(
                x=at["epoch"].tolist(),
                y=at["score"].round(4).tolist(),
                mode="markers",
                marker=marker,
                name="chosen epoch",
                showlegend=number == 0,
                hovertemplate=f"{name}: epoch %{{x}} was chosen, score %{{y:.4f}}<extra></extra>",
            )
    figure.update_xaxes(title="epoch")
    figure.update_yaxes(title="score of the network")
    epochs = ", ".join(map(str, chosen)) or "unknown"
    return Chart(
        figure,
        "The network alone, scored on all held-out rows of its fold after each epoch; a diamond "
        "marks the chosen epoch.",
        f"Learning curves of {len(networks)} networks; chosen epochs: {epochs}.",
    )


def loss_chart(record: RunRecord) -> Chart | None:
    """Show training loss and held-out log loss by epoch, for each network."""
    log = record.log
    if not {"epoch", "train_loss", "valid_log_loss"} <= set(log):
        return None
    figure = go.Figure()
    networks = log.dropna(subset="valid_log_loss").groupby(["fold", "member"], sort=True)
    for number, (_, part) in enumerate(networks):
        pairs = (("train_loss", "training", BLUE), ("valid_log_loss", "held out", ORANGE))
        for column, name, colour in pairs:
            figure.add_scatter(
                x=part["epoch"].tolist(),
                y=part[column].round(4).tolist(),
                name=name,
                showlegend=number == 0,
                line={"width": 1.5, "color": colour},
                mode="lines",
            )
    figure.update_xaxes(title="epoch")
    figure.update_yaxes(title="loss")
    return Chart(
        figure,
        "Loss of the network on training rows (with dropout) and on held-out rows. Held-out loss "
        "that rises while training loss falls is overfitting.",
        f"Losses of {len(networks)} networks by epoch.",
    )


def dose_chart(series: dict[str, Any]) -> Chart:
    """Show one duplex: measurements and held-out predictions against the dose."""
    measured, predicted = series["measured"], series["predicted"]
    low = (predicted["median"] - predicted["interval_low"]).clip(lower=0)
    high = (predicted["interval_high"] - predicted["median"]).clip(lower=0)
    figure = go.Figure()
    figure.add_scatter(
        x=measured["dose"].tolist(),
        y=measured["label"].round(2).tolist(),
        mode="lines+markers",
        name="measured",
        line={"color": GREY, "width": 1.5},
    )
    figure.add_scatter(
        x=predicted["dose"].tolist(),
        y=predicted["median"].round(2).tolist(),
        error_y={"array": high.tolist(), "arrayminus": low.tolist(), "thickness": 1},
        mode="markers",
        name="predicted median, held out",
        marker={"size": 9, "color": ORANGE},
    )
    figure.update_xaxes(type="log", title="dose (nM)", exponentformat="none")
    figure.update_yaxes(title="remaining (%)", rangemode="tozero")
    errors = (predicted["median"] - predicted["measured"]).abs()
    return Chart(
        figure,
        f"{series['name']} ({series['place']})" if series["place"] else str(series["name"]),
        f"Dose response of {series['name']}: {len(measured)} measurements, {len(predicted)} "
        f"held-out predictions with a mean error of {errors.mean():.1f} percentage points.",
        height=300,
    )


def _share_bars(share: pd.Series, rows: pd.Series) -> dict[str, list[float]]:
    """Return the lengths of the error bars of shares."""
    low, high = share_interval(share, rows)
    return {
        "array": (high - share).round(4).tolist(),
        "arrayminus": (share - low).round(4).tolist(),
    }
