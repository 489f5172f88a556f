"""The frame of a page: text, tables and charts."""

import json
import re

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sirna.report.page import Chart, Page


def page(*, charts=0, frame=None):
    made = Page("a & b")
    made.section("First <section>")
    made.text("1 < 2")
    if frame is not None:
        made.table(frame, {"n": 1}, few="n")
    for _ in range(charts):
        made.figures(
            Chart(go.Figure(go.Scatter(y=np.array([1.0, np.nan]))), "caption", 'said "so"')
        )
    return made.html()


def test_text_is_escaped():
    text = page()
    assert "a &amp; b" in text
    assert "1 &lt; 2" in text
    assert "First &lt;section&gt;" in text


def test_the_library_is_in_the_page_once_and_only_if_a_chart_needs_it():
    assert 'id="plotly"' not in page()
    assert page(charts=3).count('id="plotly"') == 1


def test_the_page_may_request_nothing():
    text = page(charts=1)
    assert "default-src 'none'" in text
    assert not re.findall(r'(?:src|href)="(?!#|data:)', text)


def test_a_chart_has_a_text_alternative_and_valid_json():
    text = page(charts=1)
    assert 'aria-label="said &quot;so&quot;"' in text
    (data,) = re.findall(r'<script type="application/json">(.*?)</script>', text)
    assert json.loads(data)["data"][0]["type"] == "scatter"


def test_a_table_has_a_row_for_each_row_and_marks_small_groups():
    frame = pd.DataFrame({"name": ["<x>", None], "n": [12.0, 3.0]})
    text = page(frame=frame)
    assert "<td>&lt;x&gt;</td>" in text
    assert text.count('<tr class="few">') == 1
    assert "12.0" in text


def test_a_missing_number_is_an_empty_cell():
    text = page(frame=pd.DataFrame({"n": [np.nan]}))
    assert '<td class="number" data-value=""></td>' in text
