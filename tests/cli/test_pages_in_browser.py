"""The pages in a headless browser: Debian's chromium, driven by playwright."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass
class Opened:
    """A page that was opened, with its messages and requests."""

    page: object
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if BROWSER is None:
        pytest.skip("no chromium: apt-get install chromium")
    with api.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def look(browser):
    """Open a page in a window of some width and theme, and wait until its charts are drawn."""
    pages = []

    def open_page(path: Path, width: int = 1200, theme: str = "light") -> Opened:
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=theme)
        pages.append(page)
        found = Opened(page)
        page.on("console", lambda message: found.messages.append(message.text))
        page.on("pageerror", lambda error: found.messages.append(str(error)))
        page.on("request", lambda request: found.requests.append(request.url))
        page.goto(path.resolve().as_uri())
        page.wait_for_selector("html[data-drawn]", timeout=60_000)
        return found

    yield open_page
    for page in pages:
        page.close()


@pytest.fixture(scope="module")
def pages(run, cli, tmp_path_factory):
    """The page of a run and a comparison."""
    comparison = tmp_path_factory.mktemp("pages") / "comparison.html"
    assert cli("report", run, run, "--out", comparison).code == 0
    return {"run": run / "report.html", "comparison": comparison}


@pytest.mark.parametrize("name", ["run", "comparison"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_page_draws_all_charts_without_an_error_or_a_request(pages, look, name, theme):
    found = look(pages[name], theme=theme)
    assert found.messages == []
    assert found.requests == [pages[name].resolve().as_uri()]
    drawn = "[...document.querySelectorAll('.chart')].map(c => !!c.querySelector('.main-svg'))"
    charts = found.page.evaluate(drawn)
    assert charts
    assert all(charts)


@pytest.mark.parametrize("name", ["run", "comparison"])
def test_a_page_fits_a_phone(pages, look, name):
    found = look(pages[name], width=360)
    assert found.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_text_and_charts_follow_the_theme(pages, look):
    colours = {}
    shown = "[getComputedStyle(document.body).backgroundColor, "
    shown += "document.querySelector('.chart').layout.paper_bgcolor]"
    for theme in ("light", "dark"):
        found = look(pages["run"], theme=theme)
        colours[theme] = found.page.evaluate(shown)
        found.page.click("#theme")
        found.page.wait_for_function(f"({shown})[0] !== '{colours[theme][0]}'")
        colours[f"switched from {theme}"] = found.page.evaluate(shown)
    assert colours["light"] != colours["dark"]
    assert colours["switched from light"] == colours["dark"]
    assert colours["switched from dark"] == colours["light"]


def test_a_click_on_a_heading_sorts_numbers_and_a_second_click_turns_the_order(pages, look):
    page = look(pages["run"]).page
    table = page.locator("table", has=page.locator("th", has_text="Modification")).first
    values = "t => [...t.tBodies[0].rows].map(r => parseFloat(r.cells[1].dataset.value))"
    for reverse in (True, False):
        table.locator("th button", has_text="rows").click()
        found = table.evaluate(values)
        assert len(found) > 2
        assert found == sorted(found, reverse=reverse)


PRINTED_WIDTH = 703
"""CSS pixels between the margins of A4, which is narrower than Letter."""
ON_PAPER = """() => ({
  paper: getComputedStyle(document.body).backgroundColor,
  charts: [...document.querySelectorAll(".chart")].map((chart) => ({
    colour: chart.layout.paper_bgcolor,
    cut: chart.querySelector(".main-svg").getBoundingClientRect().right
      - chart.getBoundingClientRect().right,
  })),
  widest: document.documentElement.scrollWidth,
  hidden: [...document.querySelectorAll(".wide, .tall")].filter((box) =>
    getComputedStyle(box).overflowY !== "visible").length,
  navigation: getComputedStyle(document.querySelector("nav")).display,
})"""


@pytest.mark.parametrize("name", ["run", "comparison"])
def test_a_dark_page_is_printed_light_and_whole_and_is_dark_again_afterwards(pages, look, name):
    page = look(pages[name], width=PRINTED_WIDTH, theme="dark").page
    dark = page.evaluate(ON_PAPER)["paper"]
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    found = page.evaluate(ON_PAPER)
    assert found["paper"] == "rgb(255, 255, 255)"
    assert {chart["colour"] for chart in found["charts"]} == {"#fff"}
    assert max(chart["cut"] for chart in found["charts"]) <= 1
    assert found["widest"] <= PRINTED_WIDTH
    assert (found["hidden"], found["navigation"]) == (0, "none")
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.wait_for_function("document.querySelector('.chart').layout.paper_bgcolor !== '#fff'")
    assert page.evaluate(ON_PAPER)["paper"] == dark
