"""Draw a duplex as HTML: the guide 5'->3' above the passenger 3'->5', coloured by effect."""

import html

import pandas as pd

from sirna.explain.strand import parsed

STRONG = 10.0
"""Percentage points that are drawn in full colour."""
HELPS, HARMS = "47, 158, 98", "214, 84, 62"
"""Colours of effects that lower and that raise what remains, as red, green, blue."""


def duplex_html(row: pd.Series, effects: pd.DataFrame) -> str:
    """Return the drawing of one row; each cell's title says its effect.

    Parameters
    ----------
    row : Series
        A checked row.
    effects : DataFrame
        The lines of this row, as `explain.effects.effects` returns them.
    """
    by_place = {
        (part, position): effect
        for part, position, effect in zip(
            effects["part"], effects["position"], effects["effect"], strict=True
        )
    }
    guide = _tokens(row, "guide_modifications") or list(_text(row, "guide"))
    passenger = _tokens(row, "passenger_modifications") or list(_text(row, "passenger"))
    width = max(len(guide), len(passenger))
    bases = [
        _cell(base, by_place.get(("guide base", place)), f"guide base {place}: {base}")
        for place, base in enumerate(_text(row, "guide"), start=1)
    ]
    strand = [
        _cell(token, by_place.get(("guide chemistry", place)), f"guide {place}: {token}")
        for place, token in enumerate(guide, start=1)
    ]
    # the passenger's last nucleotide stands below the guide's first
    below = [
        _cell(token, by_place.get(("passenger chemistry", place)), f"passenger {place}: {token}")
        for place, token in reversed(list(enumerate(passenger, start=1)))
    ]
    numbers = [f'<div class="end">{place}</div>' for place in range(1, width + 1)]
    lines = [
        _line("", numbers, "", width),
        _line("guide bases 5'", bases, "3'", width),
        _line("guide 5'", strand, "3'", width),
        _line("passenger 3'", below, "5'", width),
    ]
    return f'<div class="wide duplex" tabindex="0">{"".join(lines)}</div>'


def _line(start: str, cells: list[str], end: str, width: int) -> str:
    style = f"grid-template-columns: var(--label) repeat({width + 1}, var(--nucleotide))"
    ends = [f'<div class="end">{html.escape(text)}</div>' for text in (start, end)]
    return f'<div class="strand" style="{style}">{ends[0]}{"".join(cells)}{ends[1]}</div>'


def _cell(text: str, effect: float | None, title: str) -> str:
    shown = html.escape(text).replace(" ", "<br>")
    if effect is None:
        return f'<div title="{html.escape(title)}; no alternative in training">{shown}</div>'
    colour = HELPS if effect < 0 else HARMS
    alpha = min(abs(effect) / STRONG, 1.0) * 0.85
    said = html.escape(f"{title}; {effect:+.1f} percentage points")
    return f'<div style="background:rgba({colour},{alpha:.2f})" title="{said}">{shown}</div>'


def _tokens(row: pd.Series, role: str) -> list[str]:
    return [" ".join(one.tokens) for one in parsed(_text(row, role))]


def _text(row: pd.Series, role: str) -> str:
    value = row.get(role)
    return value if isinstance(value, str) else ""
