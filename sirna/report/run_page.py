"""The page of one run: `report.html`."""

import math
import shlex
from typing import Any

import numpy as np
import pandas as pd

from sirna.config.leaves import changed_settings
from sirna.config.roles import CATEGORIES
from sirna.report import charts, numbers
from sirna.report.page import FEWEST_ROWS, Page
from sirna.runs.record import RunRecord

QUESTIONS = {
    "rows": "more conditions of duplexes that the training table has",
    "duplex": "new duplexes for known targets",
    "target": "new targets",
}
BREAKDOWN_DIGITS = {
    "rows": 0,
    "mean error": 2,
    "bias": 2,
    "score": 3,
    "measured below the threshold": 3,
    "covered": 3,
    "interval width": 1,
}
BREAKDOWN_NAMES = {
    "mae": "mean error",
    "below": "measured below the threshold",
    "width": "interval width",
}
CATEGORY_TITLES = {"target": "Target", "publication": "Publication", "cell_line": "Cell line"}


def run_page(record: RunRecord) -> str:
    """Return the page as HTML; it needs no other file and makes no request."""
    page = Page(f"sirna run: {record.name}")
    _verdict(page, record)
    _parts(page, record)
    _predictions(page, record)
    _uncertainty(page, record)
    _learning(page, record)
    _breakdowns(page, record)
    _doses(page, record)
    _worst(page, record)
    _origin(page, record)
    return page.html()


def _verdict(page: Page, record: RunRecord) -> None:
    held, threshold, protocol = record.held_out, record.threshold, record.config.split.protocol
    score = numbers.score_of(held, threshold)
    low, high = numbers.score_interval(held, threshold)
    bases = numbers.baselines(record)
    best = max(bases, key=lambda name: bases[name].score)
    page.text(
        f"On {len(held):,} held-out rows, this run scores {score.score:.4f} under protocol "
        f"{protocol} ({QUESTIONS.get(protocol, 'as the protocol defines')}); the best prediction "
        f"without a model ({best}) scores {bases[best].score:.4f}, and a new file of this kind may "
        f"expect {low:.3f} to {high:.3f}.",
        "verdict",
    )
    if record.figures["interrupted"]:
        page.text("The training of this run is not finished: these are results so far.", "bad")
    page.cards(
        {
            "score": f"{score.score:.4f}",
            "mean error (MAE)": f"{score.mae:.2f}",
            "range-MAE": f"{score.range_mae:.2f}",
            f"F1 below {threshold:g} %": f"{score.f1:.3f}",
            f"{record.figures['interval']:.0%} intervals cover": (
                f"{record.figures['interval_coverage']:.1%}"
            ),
            "held-out rows": f"{len(held):,}",
        }
    )
    _baseline_table(page, {"this run": score} | bases)
    text = (
        f"The range {low:.3f} to {high:.3f} is a 95 % interval: whole groups of held-out rows are "
        f"drawn again {numbers.RESAMPLES} times. "
    )
    groups = held["group"].nunique()
    text += f"There are {groups:,} groups. "
    if record.figures.get("sd") is not None:
        text += (
            f"Single folds score {record.figures['mean']:.3f} ± {record.figures['sd']:.3f}, so a "
            "file as small as one fold can differ by that much. "
        )
    if not record.config.protocol.every_target_is_unseen:
        text += "It holds for files whose rows are drawn like these. New targets score lower: "
        text += "judge them by a run under protocol target."
    page.text(text, "soft")


def _baseline_table(page: Page, scores: dict[str, Any]) -> None:
    names = {"score": 4, "MAE": 2, "range-MAE": 2, "F1": 3, "precision": 3, "recall": 3}
    rows = [
        (name, s.score, s.mae, s.range_mae, s.f1, s.precision, s.recall)
        for name, s in scores.items()
    ]
    page.table(pd.DataFrame(rows, columns=["prediction", *names]), names)


def _parts(page: Page, record: RunRecord) -> None:
    page.section("The three parts of the score")
    score = numbers.score_of(record.held_out, record.threshold)
    lost = numbers.lost_points(score)
    most = max(lost, key=lambda part: lost[part])
    page.text(
        f"Of the {1 - score.score:.4f} that are missing to 1, {most} costs most: {lost[most]:.4f}."
    )
    page.figures(charts.lost_points_chart({record.name: score}))


def _predictions(page: Page, record: RunRecord) -> None:
    threshold = record.threshold
    page.section("Predicted against measured")
    page.figures(
        charts.density_chart(record, "predicted", "Submitted points. Stronger colour: more rows."),
        charts.density_chart(record, "median", "Medians of the predicted distributions."),
    )
    if record.config.decision.kind == "score":
        held = record.held_out
        moved = (held["predicted"] - held["median"]).abs() > 0.02
        page.text(
            f"The gap in the submitted points beside {threshold:g} % is made by the decision: the "
            f"score rewards a point on the right side of {threshold:g} %, so {moved.sum():,} of "
            f"{len(held):,} points were moved from their median to just below or just above it. "
            "Use medians to rank duplexes."
        )
    page.heading(f"Confusion matrix at {threshold:g} %")
    counts = numbers.confusion(record.held_out, threshold)
    below, above = f"below {threshold:g} %", f"{threshold:g} % or more"
    frame = pd.DataFrame(
        [
            (f"measured {name}", counts[one, True], counts[one, False])
            for one, name in ((True, below), (False, above))
        ],
        columns=["", f"predicted {below}", f"predicted {above}"],
    )
    page.table(frame, dict.fromkeys(frame.columns[1:], 0))


def _uncertainty(page: Page, record: RunRecord) -> None:
    page.section("Can its probabilities and intervals be trusted?")
    held = record.held_out
    edges = np.unique(np.quantile(held["median"], np.linspace(0, 1, 9)))
    last = max(len(edges) - 2, 0)
    part = np.clip(np.searchsorted(edges, held["median"], side="right") - 1, 0, last)
    found = numbers.breakdown(held, pd.Series(part), record.threshold).sort_values("by")
    found["by"] = [f"{edges[i]:.0f} to {edges[i + 1 - (len(edges) < 2)]:.0f}" for i in found["by"]]
    shares = charts.reliability_chart(record)
    coverage = charts.coverage_chart(record, found, "predicted median (%)")
    page.figures(*([] if shares is None else [shares]), coverage)


def _learning(page: Page, record: RunRecord) -> None:
    found = [charts.learning_chart(record), charts.loss_chart(record)]
    drawn = [chart for chart in found if chart is not None]
    if drawn:
        page.section("Learning curves")
        page.figures(*drawn)


def _breakdowns(page: Page, record: RunRecord) -> None:
    page.section("Where it fails")
    held, threshold = record.held_out, record.threshold
    if record.rows is None:
        page.text(
            "The training table was not available when this page was made, so errors by target, "
            "cell line, dose, chemistry and distance are left out; sirna report RUN --table FILE "
            "adds them."
        )
        return
    page.text(
        "Largest mean error first; click a heading to sort. Errors are in percentage points, and a "
        f"positive bias means that too much remaining mRNA is predicted. Groups of fewer than "
        f"{FEWEST_ROWS} rows come last: their errors are mostly chance."
    )
    for role in ("target", "publication", "cell_line", "dose"):
        if role in held and held[role].notna().any():
            title = CATEGORY_TITLES.get(role, "Dose (nM)")
            found = numbers.breakdown(held, _named(held[role], role), threshold)
            _breakdown_table(page, title, found)
    chemistry = numbers.by_chemistry(held, threshold)
    if len(chemistry):
        _breakdown_table(page, "Modification", chemistry)
        page.text(
            "A row counts for every chemistry that its strands hold. The sign @ stands for the "
            "base, # for a base in lower case.",
            "soft",
        )
    _by_distance(page, record)


def _named(values: pd.Series, role: str) -> pd.Series:
    if role in CATEGORIES:
        return values
    return values.map(lambda value: f"{value:g}", na_action="ignore").astype(object)


def _breakdown_table(page: Page, title: str, found: pd.DataFrame) -> None:
    few = found["rows"] < FEWEST_ROWS
    ordered = found.assign(few=few).sort_values(["few", "mae"], ascending=[True, False])
    shown = ordered.rename(columns={"by": title, **BREAKDOWN_NAMES})
    page.heading(f"{title}: {len(found)} groups")
    page.table(shown[[title, *BREAKDOWN_DIGITS]], BREAKDOWN_DIGITS, few="rows")


def _by_distance(page: Page, record: RunRecord) -> None:
    """Show errors, coverage and widths by the distance to the nearest training duplex."""
    held = record.held_out
    groups = numbers.distance_groups(held["distance_bases"])
    found = numbers.breakdown(held, groups, record.threshold)
    if not len(found):
        return
    title = "Differing bases"
    _breakdown_table(page, title, found)
    page.text(
        "The number of bases of the guide that differ from the nearest training duplex: the domain "
        "in which this run was tested. sirna submit --with-uncertainty adds the same distance to "
        "every predicted row.",
        "soft",
    )
    ordered = found.sort_values("by", key=lambda by: by.map(numbers.DISTANCE_NAMES.index))
    page.figures(charts.coverage_chart(record, ordered, "differing bases"))


def _doses(page: Page, record: RunRecord) -> None:
    series = numbers.dose_series(record)
    if series:
        page.section("Dose response of a few duplexes")
        page.text("The duplexes with held-out rows at most doses. Bars are predicted intervals.")
        page.figures(*map(charts.dose_chart, series))


def _worst(page: Page, record: RunRecord) -> None:
    page.section(f"The {numbers.WORST} worst rows")
    digits: dict[str, int | None] = {"measured": 2, "predicted": 2, "median": 2, "error": 2}
    digits |= {"interval_low": 1, "interval_high": 1, "prob_below_threshold": 3}
    digits |= {"dose": None, "distance_bases": 0}
    found = numbers.worst_rows(record.held_out)
    names = ["id", "error", "measured", "predicted", "median", "interval_low", "interval_high"]
    names += ["prob_below_threshold", "target", "cell_line", "dose", "distance_bases"]
    names += ["duplex", "guide_modifications", "passenger_modifications"]
    shown = found[[name for name in names if name in found]]
    spoken = {str(name): str(name).replace("_", " ") for name in shown}
    limit = f"P(<{record.threshold:g})"
    spoken |= {"prob_below_threshold": limit, "distance_bases": "differing bases"}
    renamed = {spoken[name]: count for name, count in digits.items() if name in spoken}
    page.table(shown.rename(columns=spoken), renamed)


def _origin(page: Page, record: RunRecord) -> None:
    page.section("How it was made")
    about, training = record.about, record.about.get("training", {})
    facts = {
        "command": about.get("command", "unknown"),
        "started": about.get("started", "unknown"),
        "finished": about.get("created", "unknown"),
        "sirna": about.get("sirna", "unknown"),
        "PyTorch": about.get("torch", "unknown"),
        "mixture": _mixture(record.figures.get("weights", {})),
        "seed": f"{record.config.train.seed} (training), {record.config.split.seed} (split)",
        "training table": f"{training.get('name', 'unknown')}, {training.get('rows', '?')} rows",
        "its SHA-256": training.get("sha256", "unknown"),
        "time": f"{record.figures.get('seconds', math.nan):,.0f} s",
        "peak memory": f"{record.figures.get('peak_memory_mb', 0):,} MB",
    }
    page.facts(facts)
    page.heading("Settings that differ from the defaults of the protocol")
    changed = changed_settings(record.config)
    if changed:
        rows = [(key, repr(value), repr(usual)) for key, (value, usual) in changed.items()]
        page.table(pd.DataFrame(rows, columns=["setting", "value", "default"]), {})
    else:
        page.text("None.")
    folder = shlex.quote(str(record.run.folder))
    page.heading("What to do next")
    page.code(f"sirna submit TEST --run {folder}\nsirna explain TABLE --run {folder}")


def _mixture(weights: dict[str, float]) -> str:
    """List the weights of the families for rows like the held-out ones."""
    listed = [f"{name.replace('_', ' ')} {weight:.2f}" for name, weight in weights.items()]
    return ", ".join(listed) or "unknown"
