"""All screens of the pages in Chromium, one after another: for tests that look at each, and for pictures of each."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from support.browser import Browser
from support.served import MAIN, Served, dmvpn, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    #: Is given the name of a screen, and the browser that shows it.
    Seen = Callable[[str, Browser], None]

_LAB: Final = "notes-phase3"
#: Large networks in films, and their spokes.
_FILMS: Final = {"thirty": 28, "two-hundred": 198}
#: Tabs beside the map, each with a button that begins its work and what the panel says then.
_TABS: Final = {
    "walk": ("Walk", "Walk", "Forward"),
    "lint": ("Lint", "", "Run again"),
    "lesson": ("Lesson", "", "Nothing is broken"),
    "doctor": ("Doctor", "", "Run again"),
}


def visit(seen: Seen, *options: str, large: bool = True) -> None:
    """Open each screen. options: of the browser. large: films of large networks, too."""
    with tempfile.TemporaryDirectory() as name, Browser(*options) as browser:
        folder = Path(name)
        environment = {**os.environ, "XDG_RUNTIME_DIR": name, "XDG_STATE_HOME": name}
        dmvpn(environment, "lab", "up", _LAB, "--simulated")
        try:
            with serving(environment, "--role", "configure") as web:
                _served(seen, browser, web, environment)
        finally:
            dmvpn(environment, "lab", "down", _LAB)
        _files(seen, browser, folder, environment, _FILMS if large else {})


def _served(seen: Seen, browser: Browser, web: Served, environment: Mapping[str, str]) -> None:
    root = f"http://127.0.0.1:{web.port}"
    browser.open(f"{root}/")
    browser.wait(lambda: not browser.run("return document.getElementById('login').hidden"))
    seen("login", browser)
    browser.open(web.address)
    browser.wait(lambda: "2 registered" in browser.text("summary"))
    seen("first-visit", browser)
    browser.click("Not now", "welcome")
    dmvpn(environment, "-r", "R31", "ping", "10.4.4.1", "source", "10.3.3.1")
    browser.wait(lambda: "1 direct" in browser.text("summary"))
    browser.click("R31", "routers")
    browser.wait(lambda: "NHRP cache" in browser.text("detail"))
    seen("router", browser)
    press(browser, ".step", 'textContent.includes("NHRP Resolution Reply")')
    browser.wait(lambda: "Hop Count" in browser.text("message"))
    seen("message", browser)
    browser.click("Close", "message")
    browser.run("document.dispatchEvent(new KeyboardEvent('keydown', { key: '?' }))")
    seen("keys", browser)
    browser.click("Close", "sheet")
    browser.click("R41", "routers")
    browser.click("R41 Gi0/1 to TRANSPORT Gi0/3", "actions")
    browser.click("Cut", "actions")
    browser.wait(lambda: "The wire was cut." in browser.text("said"))
    browser.wait(lambda: "1 broken" in browser.text("summary"), 60)
    seen("wire", browser)
    for name, (tab, button, said) in _TABS.items():
        browser.click(tab, "tools")
        if button:
            press(browser, "#tool button", f"textContent === {json.dumps(button)}")
        browser.wait(lambda said=said: said in browser.text("tool"), 180)  # type: ignore[misc]
        seen(name, browser)
    browser.click("R31", "routers")
    browser.click("Terminal", "actions")
    browser.wait(lambda: "R31#" in browser.run("return document.querySelector('.xterm-rows')?.textContent ?? ''"))
    seen("terminal", browser)
    browser.open(f"{root}/labs/no-such-lab")
    browser.wait(lambda: _LAB in browser.text("state"))
    seen("unknown", browser)
    browser.open(f"{root}/")
    browser.wait(lambda: browser.text("about") != "")
    browser.wait(lambda: browser.run("return document.querySelectorAll('.picture svg').length") == 1)
    seen("front-door", browser)
    browser.open(f"{root}/class")
    browser.wait(lambda: _LAB in browser.text("labs"))
    seen("class", browser)


def _files(
    seen: Seen, browser: Browser, folder: Path, environment: Mapping[str, str], films: Mapping[str, int]
) -> None:
    """Pages that need no server."""
    compared = folder / "compared.html"
    words = ("--before", "notes-phase1", "--after", _LAB, "--order", "none", "--html", str(compared))
    dmvpn(environment, "diff", *words)
    browser.open(compared.as_uri())
    press(browser, "#changes button", "textContent.includes('R31 to R41')")
    seen("compare", browser)
    for name, spokes in films.items():
        recording, film = folder / f"{name}.rec", folder / f"{name}.html"
        for order in (
            ("simulate", "phase3", "--spokes", str(spokes), "--record", str(recording)),
            ("lab", "film", str(recording), "--output", str(film)),
        ):
            subprocess.run([*MAIN, *order], check=True, capture_output=True, env=environment)
        browser.open(f"{film.as_uri()}#end")
        browser.wait(lambda: "registered" in browser.text("summary"), 120)
        seen(name, browser)


def press(browser: Browser, selector: str, condition: str) -> None:
    """Click the first element of which a condition holds, as soon as there is one."""
    script = f"const found = [...document.querySelectorAll('{selector}')].find((one) => one.{condition});"
    browser.wait(lambda: bool(browser.run(f"{script} found?.click(); return found !== undefined")))
