"""The page of `sirna explain`: each row's duplex coloured by effect, and a summary."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sirna.explain.strand import parsed
from sirna.report.duplex import duplex_html
from sirna.report.page import Chart, Page

MOST_DRAWN = 40
"""Largest number of rows that are drawn; the table holds all."""
FEWEST_EXPLAINED = 3
"""Least number of rows in a cell of the summary."""
STRANDS = ("guide", "passenger")
UNITS = {"dose": " nM", "hours": " h"}


def explain_page(
    rows: pd.DataFrame,
    medians: np.ndarray,
    effects: pd.DataFrame,
    suggested: pd.DataFrame | None,
    title: str,
) -> str:
    """Return the page as HTML; it needs no other file and makes no request.

    Parameters
    ----------
    rows : DataFrame of n checked rows
    medians : array, shape (n,)
        Predicted percentages that remain.
    effects : DataFrame
        As `explain.effects.effects` returns them.
    suggested : DataFrame, optional
        As `explain.effects.suggestions` returns them.
    title : str
    """
    page = Page(title)
    page.text(
        "The effect of what stands at a place is the prediction of the row minus the mean "
        "prediction with what training rows have there instead, in percentage points of remaining "
        "mRNA. Green lowers what remains, red raises it; full colour is 10 points or more.",
    )
    page.text(
        "An effect describes the model, not the molecule: where training duplexes of one design "
        "always carry two chemistries together, the model cannot tell them apart.",
        "soft",
    )
    page.section("Summary")
    page.figures(*(chart for strand in STRANDS if (chart := _heat_map(effects, strand))))
    _conditions(page, effects)
    page.section("Rows")
    if len(rows) > MOST_DRAWN:
        page.text(f"The first {MOST_DRAWN} of {len(rows):,} rows; explain.csv holds all.")
    by_id = dict(list(effects.groupby("id", sort=False)))
    for number in range(min(len(rows), MOST_DRAWN)):
        row = rows.iloc[number]
        _row(page, row, float(medians[number]), by_id.get(row["id"]), suggested)
    return page.html()


def _row(
    page: Page,
    row: pd.Series,
    median: float,
    effects: pd.DataFrame | None,
    suggested: pd.DataFrame | None,
) -> None:
    about = [str(row[role]) for role in ("target", "cell_line") if _is_text(row.get(role))]
    dose = row.get("dose")
    about += [f"{dose:g} nM"] if dose is not None and not pd.isna(dose) else []
    page.heading(f"Row {row['id']}: predicted median {median:.1f} % ({', '.join(about)})")
    if effects is None:
        page.text("Nothing can be substituted in this row.")
        return
    page.parts.append(duplex_html(row, effects))
    conditions = effects[effects["position"] == 0]
    said = "; ".join(
        f"{_name(part)} {_value(part, stands)} {_signed(effect)}"
        for part, stands, effect in zip(
            conditions["part"], conditions["stands"], conditions["effect"], strict=True
        )
    )
    page.text(f"Effects of conditions: {said or 'none'}.", "soft")
    if suggested is not None:
        found = suggested[suggested["id"] == row["id"]].drop(columns="id")
        found = found.assign(seen_there=np.where(found["seen_there"], "yes", "no"))
        shown = found.rename(columns=_name)
        digits = {"position": 0, "gain": 1, "median": 1, "interval low": 1, "interval high": 1}
        if len(found):
            page.text(
                "Single substitutions with the largest predicted gain, in points; seen there: "
                "whether a training duplex has the alternative at this place.",
                "soft",
            )
            page.table(shown, digits)
        else:
            page.text("No single substitution of chemistry is predicted to help.")


def _heat_map(effects: pd.DataFrame, strand: str) -> Chart | None:
    """Show the mean effect of each chemistry at each position over all rows."""
    some = effects[effects["part"] == f"{strand} chemistry"]
    if not len(some):
        return None
    kinds = [parsed(text)[0].chemistry for text in some["stands"]]
    grouped = some.assign(kind=kinds).groupby(["kind", "position"])["effect"].agg(["mean", "size"])
    grouped.loc[grouped["size"] < FEWEST_EXPLAINED, "mean"] = np.nan
    table = grouped["mean"].unstack("position").dropna(how="all")
    counts = grouped["size"].unstack("position").reindex(table.index)
    if not len(table):
        return None
    strong = float(np.nanmax(np.abs(table.to_numpy())))
    figure = go.Figure(
        go.Heatmap(
            x=table.columns.tolist(),
            y=[str(kind) for kind in table.index],
            z=table.round(2).to_numpy(),
            customdata=counts.fillna(0).to_numpy(),
            colorscale=[[0, "#2f9e62"], [0.5, "rgba(138,148,163,0.15)"], [1, "#d6543e"]],
            zmin=-strong,
            zmax=strong,
            colorbar={"title": "points", "thickness": 10},
            hovertemplate=f"{strand} %{{x}}, %{{y}}: %{{z:+.1f}} points, %{{customdata}} rows"
            "<extra></extra>",
        )
    )
    figure.update_xaxes(title=f"position in the {strand}, from its 5' end")
    figure.update_yaxes(automargin=True, type="category")
    flat = grouped["mean"].dropna().sort_values()
    ends = [
        f"{kind} at {place} ({value:+.1f})"
        for (kind, place), value in zip(flat.index.tolist(), flat, strict=True)
    ]
    return Chart(
        figure,
        f"Mean effect of each chemistry of the {strand}; @ stands for the base, # for a base in "
        "lower case.",
        f"Mean effects in the {strand}: from {ends[0]} to {ends[-1]} percentage points.",
        height=120 + 26 * len(table),
    )


def _conditions(page: Page, effects: pd.DataFrame) -> None:
    some = effects[effects["position"] == 0]
    if not len(some):
        return
    grouped = some.groupby(["part", "stands"])["effect"].agg(["mean", "size"]).reset_index()
    grouped["order"] = pd.to_numeric(grouped["stands"], errors="coerce")
    grouped = grouped.sort_values(["part", "order", "stands"]).drop(columns="order")
    grouped["stands"] = list(map(_value, grouped["part"], grouped["stands"]))
    grouped["part"] = grouped["part"].map(_name)
    shown = grouped.rename(
        columns={"part": "condition", "stands": "value", "mean": "mean effect", "size": "rows"}
    )
    page.heading("Conditions")
    page.table(shown, {"mean effect": 1, "rows": 0})


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _name(role: object) -> str:
    """Write the name of a role or a column in words."""
    return str(role).replace("_", " ")


def _value(role: str, text: str) -> str:
    """Write the value of a condition without needless decimals, and with its unit."""
    try:
        return f"{float(text):g}{UNITS.get(role, '')}"
    except ValueError:
        return text


def _signed(effect: float) -> str:
    return f"{effect:+.1f}".replace("-", "\u2212")
