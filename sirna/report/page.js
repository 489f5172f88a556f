"use strict";
// Tables: a click on a heading sorts by that column, numbers as numbers, empty cells last.
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th"), table = head.closest("table"), body = table.tBodies[0];
    const column = head.cellIndex, down = head.getAttribute("aria-sort") === "descending";
    const numeric = head.classList.contains("number");
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "ascending" : "descending");
    const value = (row) => {
      const cell = row.cells[column];
      return numeric ? parseFloat(cell.dataset.value) : cell.textContent;
    };
    const order = down ? 1 : -1;
    const rows = [...body.rows].map((row) => [value(row), row]);
    rows.sort(([a], [b]) => {
      const lacksA = a === "" || Number.isNaN(a), lacksB = b === "" || Number.isNaN(b);
      if (lacksA || lacksB) return lacksA - lacksB;
      return order * (numeric ? a - b : a.localeCompare(b, "en", { numeric: true }));
    });
    body.append(...rows.map(([, row]) => row));
  });
}

const root = document.documentElement;
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme || (systemIsDark.matches ? "dark" : "light")) === "dark";
const charts = [...document.querySelectorAll(".chart")];

function colours() {
  const style = getComputedStyle(root), of = (name) => style.getPropertyValue(name).trim();
  const axis = { color: of("--ink"), gridcolor: of("--line"), zerolinecolor: of("--line") };
  const paper = { paper_bgcolor: of("--paper"), plot_bgcolor: of("--paper") };
  const layout = { ...paper, "font.color": of("--ink"), "hoverlabel.font.color": "#111",
    "hoverlabel.bgcolor": "#fff" };
  return { axis, layout };
}

function recolour(chart) {
  const { axis, layout } = colours(), update = { ...layout };
  for (const name of Object.keys(chart.layout))
    if (/^[xy]axis\d*$/.test(name))
      for (const [key, value] of Object.entries(axis)) update[`${name}.${key}`] = value;
  const shapes = (chart.layout.shapes || []).map((s) => ({ ...s, line: { ...s.line,
    color: getComputedStyle(root).getPropertyValue("--soft").trim() } }));
  return Plotly.relayout(chart, { ...update, shapes });
}

document.querySelector("#theme").addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  if (window.Plotly) charts.filter((chart) => chart.layout).forEach(recolour);
});
systemIsDark.addEventListener("change", () => {
  if (window.Plotly) charts.filter((chart) => chart.layout).forEach(recolour);
});

// Plotly's library is stored compressed in this page; nothing is loaded from elsewhere.
async function drawAll() {
  const packed = Uint8Array.from(atob(document.querySelector("#plotly").textContent.trim()),
    (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
  for (const chart of charts) {
    const { data, layout } = JSON.parse(chart.nextElementSibling.textContent);
    const options = { responsive: true, displaylogo: false, displayModeBar: false };
    await Plotly.newPlot(chart, data, layout, options);
    await recolour(chart);
  }
  root.dataset.drawn = charts.length;
}
if (charts.length) drawAll().catch((error) => {
  for (const chart of charts)
    chart.textContent = `This browser could not draw the chart (${error.message}).`;
});
// On paper: the light theme, and charts as wide as their place in the printed page.
const PRINTED_WIDTH = { whole: 640, half: 330 };
let themeOnScreen;
addEventListener("beforeprint", () => {
  themeOnScreen = root.dataset.theme;
  root.dataset.theme = "light";
  for (const chart of charts.filter((one) => one.layout)) {
    const width = PRINTED_WIDTH[chart.closest(".pair") ? "half" : "whole"];
    Plotly.relayout(chart, { width, autosize: false });
    recolour(chart);
  }
});
addEventListener("afterprint", () => {
  if (themeOnScreen === undefined) delete root.dataset.theme;
  else root.dataset.theme = themeOnScreen;
  for (const chart of charts.filter((one) => one.layout)) {
    recolour(chart);
    Plotly.relayout(chart, { width: null, autosize: true });
  }
});
