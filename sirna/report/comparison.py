"""The page that compares runs side by side."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sirna.config.leaves import leaves_of
from sirna.report import charts, numbers
from sirna.report.page import Page, listed
from sirna.runs.record import RunRecord

DIGITS = {"score": 4, "low": 4, "high": 4, "MAE": 2, "range-MAE": 2, "F1": 3, "covered": 3}


def comparison_page(records: Sequence[RunRecord]) -> str:
    """Return the page of two runs or more as HTML; all are compared with the first one."""
    names = unique_names(records)
    page = Page(f"sirna runs: {listed(names)}")
    first = records[0]
    protocols = {record.config.split.protocol for record in records}
    _verdict(page, records, names)
    page.section("Scores")
    page.table(_scores(records, names), DIGITS | {"rows": 0, "seconds": 0})
    page.text("Low and high: the 95 % interval of a score, drawn over whole groups.", "soft")
    if len(protocols) > 1:
        page.text(
            f"These runs have different protocols ({', '.join(sorted(protocols))}): their scores "
            "answer different questions and cannot be compared.",
            "bad",
        )
    scores = {
        name: numbers.score_of(record.held_out, record.threshold)
        for name, record in zip(names, records, strict=True)
    }
    page.figures(charts.lost_points_chart(scores))
    pairs = [
        (name, paired(first, other)) for name, other in zip(names[1:], records[1:], strict=True)
    ]
    page.section(f"Difference to {names[0]} on the same rows")
    rows = [(name, *pair) for name, pair in pairs if pair is not None]
    columns = ["run", "rows in common", "difference", "low", "high"]
    digits = {"rows in common": 0, "difference": 4, "low": 4, "high": 4}
    if rows:
        page.table(pd.DataFrame(rows, columns=columns), digits)
        page.text(
            "A positive difference means that the run scores higher. Low and high: its 95 % "
            "interval. Both runs are scored on the same draws of whole groups.",
            "soft",
        )
    lacking = [name for name, pair in pairs if pair is None]
    if lacking:
        page.text(f"No held-out rows in common with {names[0]}: {listed(lacking)}.")
    page.section("Settings that differ between the runs")
    _settings(page, records, names)
    page.section("Learning curves")
    for name, record in zip(names, records, strict=True):
        drawn = [charts.learning_chart(record), charts.loss_chart(record)]
        page.heading(name)
        page.figures(*[chart for chart in drawn if chart is not None])
    return page.html()


def unique_names(records: Sequence[RunRecord]) -> list[str]:
    """Return the names of the runs; equal names get the path of their folder."""
    names = [record.name for record in records]
    return [
        str(record.run.folder) if names.count(record.name) > 1 else record.name
        for record in records
    ]


def paired(one: RunRecord, other: RunRecord) -> tuple[int, float, float, float] | None:
    """Compare two runs on the rows that both held out.

    Returns
    -------
    tuple, or None
        Number of rows, score of `other` minus score of `one`, and its 95 % interval; None if the
        runs share no held-out row, or measured the shared rows differently (other tables).
    """
    joined = one.held_out.merge(other.held_out, on="id", suffixes=("", "_other"))
    joined = joined[np.isclose(joined["measured"], joined["measured_other"])]
    if not len(joined):
        return None
    points = [joined["predicted"].to_numpy(), joined["predicted_other"].to_numpy()]
    truth, threshold = joined["measured"].to_numpy(), one.threshold
    found = [numbers.score_of(joined, threshold, name) for name in ("predicted", "predicted_other")]
    scores = numbers.resampled_scores(truth, points, joined["group"].to_numpy(), threshold)
    low, high = np.quantile(scores[:, 1] - scores[:, 0], [0.025, 0.975])
    return len(joined), found[1].score - found[0].score, float(low), float(high)


def _verdict(page: Page, records: Sequence[RunRecord], names: list[str]) -> None:
    parts = []
    for name, other in zip(names[1:], records[1:], strict=True):
        pair = paired(records[0], other)
        if pair is None:
            parts.append(f"{name} shares no held-out row with {names[0]}")
            continue
        _, gain, low, high = pair
        clear = low > 0 or high < 0
        word = "better" if gain > 0 else "worse"
        judged = f"{word} than" if clear else "not clearly better or worse than"
        parts.append(
            f"{name} is {judged} {names[0]} (difference {gain:+.4f}, 95 % interval {low:+.4f} to "
            f"{high:+.4f})"
        )
    protocols = {record.config.split.protocol for record in records}
    if len(protocols) > 1:
        parts[0] = f"Under different protocols, {parts[0]}"
    page.text("; ".join(parts) + ".", "verdict")


def _scores(records: Sequence[RunRecord], names: list[str]) -> pd.DataFrame:
    rows = []
    for name, record in zip(names, records, strict=True):
        score = numbers.score_of(record.held_out, record.threshold)
        low, high = numbers.score_interval(record.held_out, record.threshold)
        rows.append(
            {
                "run": name,
                "protocol": record.config.split.protocol,
                "score": score.score,
                "low": low,
                "high": high,
                "MAE": score.mae,
                "range-MAE": score.range_mae,
                "F1": score.f1,
                "covered": record.figures["interval_coverage"],
                "rows": score.rows,
                "seconds": record.figures.get("seconds"),
                "data": str(record.about.get("training", {}).get("sha256", "unknown"))[:12],
            }
        )
    return pd.DataFrame(rows)


def _settings(page: Page, records: Sequence[RunRecord], names: list[str]) -> None:
    leaves = [leaves_of(record.config) for record in records]
    keys = sorted({key for each in leaves for key in each})
    rows = [
        (key, *(repr(each.get(key)) for each in leaves))
        for key in keys
        if len({repr(each.get(key)) for each in leaves}) > 1
    ]
    if rows:
        page.table(pd.DataFrame(rows, columns=["setting", *names]), {})
    else:
        page.text("None.")
