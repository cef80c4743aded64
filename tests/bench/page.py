"""The page of a lab in Chromium: script a frame, the first picture, from a router's event to the page, size of a film.

A recorded phase 3 network of 198 or 1,998 spokes is written as one file and opened in Chromium without a window and
without a graphics card. While it plays, the time of each frame's script is taken by `performance.now()`, and the median
counts. The first picture and the way of an event are those of a simulated lab at `dmvpn web`: from the request of the
page to its state "live", by the page's clock; and from an order to a router, a loopback interface that comes up, to its
row in the ladder.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.figures import Figure, Skipped
from bench.labs import DMVPN
from bench.web import SCENARIO
from support.browser import CHROMIUM, DRIVER, Browser
from support.served import Served, new_token, serving

if TYPE_CHECKING:
    from collections.abc import Mapping

_MILLI, _MEGA = 1000.0, float(1 << 20)
#: Times the script of each frame from now on.
_TIMED: Final = """
const request = window.requestAnimationFrame.bind(window);
window.frames_ = [];
window.requestAnimationFrame = (draw) => request((now) => {
  const begun = performance.now();
  draw(now);
  window.frames_.push(performance.now() - begun);
});
"""
#: Notes when rows come into the ladder.
_WATCHED: Final = """
window.rows_ = {};
new MutationObserver(() => {
  for (const row of document.querySelectorAll("#ladder .sentence")) window.rows_[row.textContent] ??= Date.now();
}).observe(document.getElementById("ladder"), {childList: true, subtree: true});
"""


def measure(*, quick: bool) -> list[Figure]:
    """Open the page. Raises Skipped where Chromium is missing."""
    if not (CHROMIUM and DRIVER):
        raise Skipped("Chromium with its driver is missing: scripts/debian-packages interop")
    goals = {198: 8.0} if quick else {198: 8.0, 1998: 16.0}
    with tempfile.TemporaryDirectory(prefix="dmvpn-page-") as folder:
        environment = {**os.environ, "XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder}
        films = [figure for spokes, goal in goals.items() for figure in _film(Path(folder), spokes, goal, quick=quick)]
        return [*films, *_live(environment, quick=quick)]


def _film(folder: Path, spokes: int, goal: float, *, quick: bool) -> list[Figure]:
    recording, film = folder / f"{spokes}.rec", folder / f"{spokes}.html"
    _run("simulate", "phase3", "--spokes", str(spokes), "--record", str(recording))
    _run("lab", "film", str(recording), "--output", str(film))
    recording.unlink()
    frames = []
    with Browser() as browser:
        for _ in range(2 if quick else 5):
            browser.open(film.as_uri())
            browser.wait(lambda: browser.text("state") != "loading", 120)
            browser.run(_TIMED)
            time.sleep(3.0)
            frames.append(statistics.median(browser.run("return window.frames_")))
    size = film.stat().st_size / _MEGA
    return [
        Figure(name=f"script a frame, {spokes + 2} routers", unit="ms", values=tuple(frames), goal=goal),
        Figure(name="a film of them as one file", unit="MB", values=(size,), goal=5.0 if spokes < 1000 else None),
    ]


def _live(environment: Mapping[str, str], *, quick: bool) -> list[Figure]:
    _run("lab", "up", SCENARIO, "--simulated", environment=environment)
    try:
        with serving(environment, "--role", "configure") as web:
            web.token = new_token(environment, "bench", "configure")
            with Browser() as browser:
                return _seen(web, browser, 3 if quick else 20)
    finally:
        _run("lab", "down", SCENARIO, environment=environment)


def _seen(web: Served, browser: Browser, runs: int) -> list[Figure]:
    browser.open(web.address)
    browser.wait(lambda: browser.text("state") == "live")
    first, ways = [], []
    for _ in range(min(runs, 5)):
        browser.open(f"http://127.0.0.1:{web.port}/labs/{SCENARIO}")
        while browser.text("state") != "live":
            pass
        first.append(browser.run("return performance.now()") / _MILLI)
    browser.run(_WATCHED)
    for number in range(runs):
        mark, begun = f"Loopback{700 + number}", time.time()
        lines = json.dumps({"lines": [f"interface {mark}", f"ip address 10.77.{number}.1 255.255.255.255"]})
        web.ask(f"/api/v1/labs/{SCENARIO}/routers/R31/configuration", method="POST", body=lines)
        found = f"return Object.entries(window.rows_).find(([text]) => text.includes('{mark}'))?.[1] ?? 0"
        browser.wait(lambda found=found: bool(browser.run(found)))  # type: ignore[misc]
        ways.append(browser.run(found) - begun * _MILLI)
    return [
        Figure(name="the first picture of a lab of four", unit="s", values=tuple(first), goal=1.0),
        Figure(name="an order at a router, until its event is on the page", unit="ms", values=tuple(ways), goal=100.0),
    ]


def _run(*words: str, environment: Mapping[str, str] | None = None) -> None:
    subprocess.run([*DMVPN, *words], check=True, capture_output=True, env=environment)
