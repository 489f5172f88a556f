"""Build a self-contained HTML page: text, sortable tables, and charts by Plotly."""

import base64
import gzip
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
"""The browser refuses every request that the page might make."""
FEWEST_ROWS = 10
"""Groups with fewer rows are listed after the others, since their errors are mostly chance."""

MANY_COLUMNS = 10
"""Tables with more columns are printed in small letters, so that they fit on the paper."""
FEWEST_SORTED = 5
"""Tables with more rows can be sorted by a click on a heading."""


Digits = Mapping[str, int | None]


@dataclass
class Page:
    """Collects the parts of one page; `html` joins them.

    Attributes
    ----------
    title : str
    parts : list of str
        HTML.
    """

    title: str
    parts: list[str] = field(default_factory=list)
    _sections: list[tuple[str, str]] = field(default_factory=list)
    _charts: int = 0

    def section(self, title: str) -> None:
        """Begin a section; the page's list of contents links to it."""
        anchor = f"s{len(self._sections) + 1}"
        self._sections.append((anchor, title))
        self.parts.append(f'<h2 id="{anchor}">{html.escape(title)}</h2>')

    def heading(self, title: str) -> None:
        """Add a heading within a section."""
        self.parts.append(f"<h3>{html.escape(title)}</h3>")

    def text(self, text: str, kind: str = "") -> None:
        """Add a paragraph of plain text; `kind` is "verdict", "soft" or empty."""
        self.parts.append(f'<p class="{kind}">{html.escape(text)}</p>')

    def cards(self, values: dict[str, str]) -> None:
        """Add a row of large figures with their names."""
        cells = "".join(
            f"<li><b>{html.escape(value)}</b>{html.escape(name)}</li>"
            for name, value in values.items()
        )
        self.parts.append(f'<ul class="cards">{cells}</ul>')

    def code(self, text: str) -> None:
        """Add a block of code."""
        self.parts.append(f"<pre><code>{html.escape(text)}</code></pre>")

    def facts(self, values: dict[str, str]) -> None:
        """Add names with their values, one a line."""
        rows = "".join(
            f'<tr><th scope="row">{html.escape(name)}</th><td>{html.escape(value)}</td></tr>'
            for name, value in values.items()
        )
        self.parts.append(f'<div class="wide"><table>{rows}</table></div>')

    def table(self, frame: pd.DataFrame, digits: Digits, few: str = "") -> None:
        """Add a sortable table.

        Parameters
        ----------
        frame : DataFrame
            Column names are the headings.
        digits : mapping of str to int or None
            The number of decimals of each column of numbers, None for as many as each number
            needs; other columns are text.
        few : str
            A column of counts; rows with less than `FEWEST_ROWS` are shown paler.
        """
        self.parts.append(_table(frame, digits, few))

    def figures(self, *charts: "Chart") -> None:
        """Add one chart, or several side by side where there is room."""
        inner = "".join(self._figure(chart) for chart in charts)
        self.parts.append(f'<div class="pair">{inner}</div>' if len(charts) > 1 else inner)

    def _figure(self, chart: "Chart") -> str:
        self._charts += 1
        alt = html.escape(chart.alternative, quote=True)
        return (
            f'<figure><div class="chart" role="img" aria-label="{alt}" '
            f'style="height:{chart.height}px"></div>'
            f'<script type="application/json">{_json(chart.figure, chart.height)}</script>'
            f"<figcaption>{html.escape(chart.caption)}</figcaption></figure>"
        )

    def html(self) -> str:
        """Return the page; it needs no other file and makes no request."""
        links = "".join(f'<a href="#{a}">{html.escape(t)}</a>' for a, t in self._sections)
        library = f'<script type="text/plain" id="plotly">{_library()}</script>'
        return "\n".join(
            [
                '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
                f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
                '<meta name="viewport" content="width=device-width, initial-scale=1">',
                f'<title>{html.escape(self.title)}</title><link rel="icon" href="data:,">',
                f"<style>{_resource('page.css')}</style></head><body>",
                f"<header><h1>{html.escape(self.title)}</h1>",
                '<button id="theme" type="button">light / dark</button></header>',
                f'<nav aria-label="Contents">{links}</nav>',
                "<noscript><p>Charts and sorting need JavaScript; the text and the tables do not."
                "</p></noscript>",
                *self.parts,
                library if self._charts else "",
                f"<script>{_resource('page.js')}</script></body></html>",
            ]
        )


@dataclass(frozen=True)
class Chart:
    """A chart with the text that replaces it for people who cannot see it.

    Attributes
    ----------
    figure : plotly Figure
    caption : str
        Printed below the chart.
    alternative : str
        What the chart shows, in words and numbers.
    height : int
        Pixels.
    """

    figure: go.Figure
    caption: str
    alternative: str
    height: int = 360


def _json(figure: go.Figure, height: int) -> str:
    """Return data and layout as JSON that may stand in a script element."""
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 52, "r": 14, "t": 26, "b": 52},
        font={"size": 12, "family": "system-ui, sans-serif"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        dragmode=False,
        autosize=True,
    )
    figure.update_yaxes(automargin=True)
    raw: dict[str, Any] = json.loads(figure.to_json())
    text = json.dumps(
        {"data": raw["data"], "layout": raw["layout"]}, separators=(",", ":"), allow_nan=False
    )
    return text.replace("</", "<\\/")


def _table(frame: pd.DataFrame, digits: Digits, few: str) -> str:
    names = [str(name) for name in frame]
    sortable = len(frame) > FEWEST_SORTED
    heads = "".join(
        f'<th scope="col"{_kind(name, digits)}>'
        + (f'<button type="button">{html.escape(name)}</button>' if sortable else html.escape(name))
        + "</th>"
        for name in names
    )
    many = ' class="many"' if len(names) > MANY_COLUMNS else ""
    body = []
    for row in frame.to_dict("records"):
        small = ' class="few"' if few and row[few] < FEWEST_ROWS else ""
        cells = "".join(_cell(name, row[name], digits) for name in names)
        body.append(f"<tr{small}>{cells}</tr>")
    return (
        f'<div class="wide tall" tabindex="0"><table{many}><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _kind(name: str, digits: Digits) -> str:
    return ' class="number"' if name in digits else ""


def _cell(name: str, value: Any, digits: Digits) -> str:
    if name not in digits:
        return f"<td>{html.escape('' if pd.isna(value) else str(value))}</td>"
    if pd.isna(value):
        return '<td class="number" data-value=""></td>'
    places = digits[name]
    shown = (f"{value:g}" if places is None else f"{value:,.{places}f}").replace("-", "\u2212")
    return f'<td class="number" data-value="{float(value):.10g}">{shown}</td>'


@cache
def _library() -> str:
    """Return Plotly's library, compressed, as base64 text."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()


@cache
def _resource(name: str) -> str:
    return files("sirna.report").joinpath(name).read_text(encoding="utf-8")


def listed(words: Sequence[str]) -> str:
    """Join words to a list in a sentence."""
    return " and ".join(words) if len(words) < 3 else f"{', '.join(words[:-1])} and {words[-1]}"
