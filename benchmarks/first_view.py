"""The dashboard's first view in a cold browser, beside a static export of one of its charts: `python -m benchmarks.first_view`.

Each run starts Chromium anew with an empty profile; the two pages take turns. A moment counts when what it names has been painted, from
the start of the navigation on. The service is warm, as it is for everyone but the first who looks.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import plotly.graph_objects as go
from playwright.sync_api import BrowserType, sync_playwright

from benchmarks import load
from benchmarks.measure import Row, show
from benchmarks.servers import Asked, Server
from funnelcast.settings import Settings

LIBRARIES = ("playwright", "plotly", "starlette", "bentoml")
_RUNS, _PATIENCE = 9, 120_000
_SALES = Asked("/v1/forecast/sales", [json.dumps({"weeks": 13, "past": 26}).encode()])
_CHART = ".js-plotly-plot .scatterlayer path.js-line"
_OURS = {"figures": "[data-figure]", "chart": _CHART}
_THEIRS = {"chart": _CHART}
_OBSERVER = """(selectors) => {
  const moments = {}, wanted = new Map(Object.entries(selectors));
  globalThis.allPainted = new Promise((resolve) => {
    const painted = (name) => requestAnimationFrame(() => setTimeout(() => {
      moments[name] = performance.now();
      if (Object.keys(moments).length === Object.keys(selectors).length) resolve(moments);
    }));
    const look = () => wanted.forEach((selector, name) => { if (document.querySelector(selector) && wanted.delete(name)) painted(name); });
    new MutationObserver(look).observe(document, { childList: true, subtree: true });
  });
}"""
_FIRST_PAINT = """new Promise((resolve) => {
  const told = (list) => list.getEntriesByName("first-contentful-paint").forEach(({ startTime }) => resolve(startTime));
  new PerformanceObserver(told).observe({ type: "paint", buffered: true });
})"""

Moments = Mapping[str, float]


def main() -> None:
    """Print the table of the first view alone."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_view", description="The dashboard in a cold browser.")
    parser.add_argument("--runs", type=int, default=_RUNS)
    parser.add_argument(
        "--home", type=Path, help="a FUNNELCAST_HOME in which `funnelcast demo --no-serve` has run; by default it runs first"
    )
    given = parser.parse_args()
    show(rows(given.runs, given.home), LIBRARIES)


def rows(runs: int = _RUNS, home: Path | None = None) -> Iterator[Row]:
    """Serve the demo company and open both pages in turn; nothing where there is no Chromium."""
    chromium = shutil.which("chromium")
    if not chromium:
        return
    with tempfile.TemporaryDirectory() as made:
        settings = Settings.read({"FUNNELCAST_HOME": str(home or _demo(Path(made)))})
        with _service(settings) as server, sync_playwright() as driver:
            forecast = json.loads(load.once(server.port, server.requests(_SALES)[0]))
            export = _static_export(forecast, Path(made) / "export.html")
            pages = [(f"http://127.0.0.1:{server.port}/", _OURS), (export.as_uri(), _THEIRS)]
            turns = [[_first_view(driver.chromium, chromium, page, seen) for page, seen in pages] for _ in range(runs)]
    yield from _rows([turn[0] for turn in turns], [turn[1] for turn in turns])


def _rows(own: Sequence[Moments], theirs: Sequence[Moments]) -> Iterator[Row]:
    for name, said in (("paint", "first contentful paint"), ("chart", "first chart drawn")):
        pairs = [(mine[name], beside[name]) for mine, beside in zip(own, theirs, strict=True)]
        mine, beside = (median(side) for side in zip(*pairs, strict=True))
        ratio = median(other / one for one, other in pairs)
        note = f"median of {len(own)}, worst {max(one for one, _ in pairs):.2f} s"
        if name == "chart":
            note += f"; figures shown after {median(moments['figures'] for moments in own):.2f} s"
        yield Row(
            f"the dashboard in a cold browser: {said}", "a static Plotly export of the sales fan, from the disk", mine, beside, ratio, note
        )


def _first_view(chromium: BrowserType, executable: str, address: str, selectors: Mapping[str, str]) -> Moments:
    """Open a page in a new browser and give its moments in seconds."""
    browser = chromium.launch(executable_path=executable)
    try:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(_PATIENCE)
        page.add_init_script(f"({_OBSERVER})({json.dumps(selectors)})")
        page.goto(address)
        moments = {**page.evaluate("globalThis.allPainted"), "paint": page.evaluate(_FIRST_PAINT)}
    finally:
        browser.close()
    return {name: milliseconds / 1000 for name, milliseconds in moments.items()}


def _static_export(forecast: Mapping[str, Any], path: Path) -> Path:
    """Write what one would otherwise hand to a planner: history and fan of sales as one page with the library inside."""
    figure, ahead = go.Figure(), forecast["periods"]
    starts = [period["start"] for period in ahead]
    for level in ("p05", "p25", "p50", "p75", "p95"):
        figure.add_scatter(x=starts, y=[period[level] for period in ahead], name=level)
    figure.add_scatter(x=[period["start"] for period in forecast["past"]], y=[period["amount"] for period in forecast["past"]], name="past")
    figure.write_html(path)
    return path


def _service(settings: Settings) -> Server:
    command = [sys.executable, "-m", "funnelcast.cli", "serve", "--port", "{port}", "--source", str(settings.demo)]
    return Server("funnelcast", command, _SALES, {"FUNNELCAST_HOME": str(settings.home)}, settings.home / "first_view.log")


def _demo(home: Path) -> Path:
    command = [sys.executable, "-m", "funnelcast.cli", "demo", "--no-serve"]
    subprocess.run(command, env={**os.environ, "FUNNELCAST_HOME": str(home)}, check=True, capture_output=True)
    return home


if __name__ == "__main__":
    main()
