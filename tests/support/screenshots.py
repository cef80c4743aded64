"""The screenshots in docs/screenshots of the page of a lab, taken in Chromium from a simulated network.

python -m support.screenshots      take them (in the folder `tests`)
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from support.browser import Browser
from support.served import MAIN, Served, dmvpn, serving
from support.small_png import with_palette

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER: Final = Path(__file__).parents[2] / "docs" / "screenshots"
#: A larger one makes a page of the documentation slow.
MOST_OCTETS: Final = 150_000
_LAB: Final = "notes-phase3"
_OPTIONS: Final = ("--force-device-scale-factor=1", "--disable-lcd-text")
_SPOKES: Final = 700
#: Opens the row of the ladder with a text.
_OPEN: Final = "[...document.querySelectorAll('.step')].find((row) => row.textContent.includes({}))?.click()"


def main() -> None:
    """Take all."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder}
        dmvpn(environment, "lab", "up", _LAB, "--simulated")
        try:
            with serving(environment, "--role", "configure") as web, Browser(*_OPTIONS) as browser:
                _live(web, browser, environment)
        finally:
            dmvpn(environment, "lab", "down", _LAB)
        _many(Path(folder), environment)


def _live(web: Served, browser: Browser, environment: Mapping[str, str]) -> None:
    browser.resize(1280, 720)
    browser.open(web.address)
    browser.wait(lambda: "2 registered" in browser.text("summary"))
    dmvpn(environment, "-r", "R31", "ping", "10.4.4.1", "source", "10.3.3.1")
    browser.wait(lambda: "1 direct" in browser.text("summary"))
    browser.run(_OPEN.format(json.dumps("NHRP Resolution Reply")))
    browser.wait(lambda: "Hop Count" in browser.text("message"))
    _take(browser, "page.png")
    browser.click("Close", "message")
    browser.click("R41", "routers")
    browser.click("R41 Gi0/1 to TRANSPORT Gi0/3", "actions")
    browser.click("Cut", "actions")
    browser.wait(lambda: "The wire was cut." in browser.text("said"))
    _take(browser, "wire.png")
    browser.click("Restore", "actions")
    browser.resize(400, 900)
    browser.open(f"http://127.0.0.1:{web.port}/labs/{_LAB}")
    browser.wait(lambda: "2 registered" in browser.text("summary"))
    _take(browser, "phone.png")


def _many(folder: Path, environment: Mapping[str, str]) -> None:
    recording, film = folder / "many.rec", folder / "many.html"
    for words in (
        ("simulate", "phase3", "--spokes", str(_SPOKES), "--record", str(recording)),
        ("lab", "film", str(recording), "--output", str(film)),
    ):
        subprocess.run([*MAIN, *words], check=True, capture_output=True, env=environment)
    with Browser(*_OPTIONS) as browser:
        browser.resize(1280, 720)
        browser.open(f"{film.as_uri()}#1.2")
        browser.wait(lambda: "registered" in browser.text("summary"), 120)
        _take(browser, "many.png")


def _take(browser: Browser, name: str) -> None:
    """Write a file. The dots of messages, which are never the same, are gone by then."""
    time.sleep(2.0)
    octets = with_palette(browser.screenshot())
    assert len(octets) <= MOST_OCTETS, f"{name} has {len(octets)} octets"
    (FOLDER / name).write_bytes(octets)


if __name__ == "__main__":
    main()
