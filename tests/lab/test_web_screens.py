"""Each screen of the pages is for everybody: axe-core finds nothing on it, light and dark; a narrow window (as at 400 %
zoom, WCAG 1.4.10) needs no way sideways; and what has the focus is marked, also in forced colors.
"""

from __future__ import annotations

import gzip
import hashlib
from typing import Final

import pytest

from support import screens
from support.browser import CHROMIUM, DRIVER, Browser
from support.conformance import ROOT

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no Chromium with its driver: scripts/debian-packages interop"
)
#: axe-core 4.14.1 (npm package axe-core, axe.min.js, compressed).
AXE: Final = ROOT / "tests" / "axe" / "axe.min.js.gz"
HASH: Final = "cda5e4385d9437c1fd009f2ff76f7e4049af354d2d6522da2a905c2a69ede4ec"
EXAMINE: Final = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ["violations"]}).then(({violations}) => done(violations.map(({id, nodes}) =>
  `${id}: ${nodes.slice(0, 4).map(({html, any, all, none}) =>
    html.slice(0, 160) + " " + [...any, ...all, ...none].map(({message}) => message).join("; ")).join(" | ")}`)),
  (error) => done([String(error)]));
"""
SIDEWAYS: Final = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
#: The elements that take the focus by Tab and do not show it: neither outline nor border nor shadow differ.
UNMARKED: Final = """
const looks = (one) =>
  ["outline", "border", "boxShadow", "background"].map((name) => getComputedStyle(one)[name]).join();
return [...document.querySelectorAll("a[href], button, input, select, [tabindex='0']")]
  .filter((one) => one.checkVisibility() && !one.disabled && !one.closest(".xterm"))
  .filter((one) => {
    document.activeElement.blur();
    const before = looks(one);
    one.focus({focusVisible: true, preventScroll: true});
    return document.activeElement === one && looks(one) === before;
  })
  .map((one) => one.outerHTML.slice(0, 120));
"""


def test_axe_is_the_file_that_its_project_gave_out() -> None:
    assert hashlib.sha256(AXE.read_bytes()).hexdigest() == HASH
    assert "axe-core" in (ROOT / "NOTICE").read_text()


@pytest.mark.timeout(600)
def test_each_screen_is_for_everybody() -> None:
    axe = gzip.decompress(AXE.read_bytes()).decode()
    found: list[str] = []

    def look(name: str, browser: Browser) -> None:
        browser.run(axe)
        for theme in ("light", "dark"):
            browser.prefer({"prefers-color-scheme": theme})
            found.extend(f"{name}, {theme}: {line}" for line in browser.run_later(EXAMINE))
        browser.prefer({"forced-colors": "active"})
        if name not in ("keys", "terminal"):  # a sheet closes, and a terminal has its own cursor
            found.extend(f"{name}: the focus is not seen on {line}" for line in browser.run(UNMARKED))
        browser.prefer({})
        browser.resize(320, 640)
        if over := browser.run(SIDEWAYS):
            found.append(f"{name}: {over} pixels too wide at 320")
        browser.resize(1366, 768)

    screens.visit(look, large=False)
    assert found == []
