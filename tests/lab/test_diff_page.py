"""`dmvpn diff --html`: two networks as one picture, in Chromium."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import dmvpn
from dmvpn.app.main import main
from dmvpn.web.exported import as_comparison
from support.browser import CHROMIUM, DRIVER, Browser
from support.films import film_in

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no Chromium with its driver: scripts/debian-packages interop"
)
SCENARIOS = Path(dmvpn.__file__).parent / "scenarios"
#: What a map shows.
PICTURE = "return document.getElementById('map').toDataURL()"
#: The changes.
BUTTONS = "[...document.querySelectorAll('#changes button')]"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """notes-phase1 beside notes-phase3."""
    folder = tmp_path_factory.mktemp("compared")
    file = folder / "compared.html"
    words = ["--before", "notes-phase1", "--after", "notes-phase3", "--order", "none", "--html", str(file)]
    assert main(["diff", *words]) == 0
    return file


@pytest.fixture
def browser() -> Iterator[Browser]:
    with Browser() as opened:
        yield opened


def test_a_change_that_is_chosen_shows_its_ways_on_the_map(page: Path, browser: Browser) -> None:
    browser.open(page.as_uri())
    browser.wait(lambda: "way R31 to R41: by R11 → direct" in browser.text("changes"))
    assert browser.text("verdict") == "Nothing gets worse."
    before = browser.run(PICTURE)
    browser.run(f"{BUTTONS}.find((button) => button.textContent.includes('R31 to R41')).click()")
    assert browser.text("chosen").endswith("Before: R31 → R11 → R41. After: R31 → R41.")
    assert browser.run(f"return {BUTTONS}.filter((button) => button.ariaPressed === 'true').length") == 1
    assert browser.run(PICTURE) != before
    browser.run("document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }))")
    assert browser.text("chosen") == ""
    assert browser.run(PICTURE) == before
    assert browser.complaints() == []


def test_the_list_and_the_map_light_each_other_up(page: Path, browser: Browser) -> None:
    browser.open(page.as_uri())
    browser.wait(lambda: "R31 to R41" in browser.text("changes"))
    before = browser.run(PICTURE)
    row = f"{BUTTONS}.find((button) => button.textContent.includes('R31 to R41'))"
    browser.run(f"{row}.dispatchEvent(new PointerEvent('pointerenter'))")
    assert browser.run(PICTURE) != before
    browser.run(f"{row}.dispatchEvent(new PointerEvent('pointerleave'))")
    assert browser.run(PICTURE) == before
    # Somewhere on the map is the line of a pair: a pointer that passes all of it finds that.
    browser.run(
        "const map = document.getElementById('map'); const { left, top, width, height } = map.getBoundingClientRect();"
        "const lit = () => document.querySelector('#changes .lit') !== null;"
        "for (let y = 0; y < height && !lit(); y += 4) for (let x = 0; x < width && !lit(); x += 4)"
        " map.dispatchEvent(new PointerEvent('pointermove', { clientX: left + x, clientY: top + y }));"
    )
    assert "R31 to R41" in browser.run("return document.querySelector('#changes .lit')?.textContent ?? ''")
    assert browser.complaints() == []


def test_on_a_narrow_page_the_changes_are_below_the_map(page: Path) -> None:
    with Browser("--window-size=500,900") as browser:
        browser.open(page.as_uri())
        browser.wait(lambda: "Better" in browser.text("changes"))
        tops = browser.run(
            "return ['map', 'changes'].map((id) => document.getElementById(id).getBoundingClientRect().top)"
        )
        assert tops[0] < tops[1]
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth")


def test_what_is_new_and_what_is_gone_is_marked_and_the_rest_stays_at_its_place(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (
        "import { layout } from 'layout.js'; import { onlyHere, union } from 'compare.js';"
        "const { before, after } = JSON.parse(document.getElementById('film').textContent);"
        "const less = { ...after, nodes: after.nodes.filter((node) => node.name !== 'R41'),"
        " tunnels: after.tunnels.filter((tunnel) => tunnel.here !== 'R41') };"
        "const places = layout(union(before, less));"
        "window.found = { gone: onlyHere(before, less, '-', 'broken'), fresh: onlyHere(less, before, '+', 'direct'),"
        " places: Object.fromEntries(places) };"
    )
    monkeypatch.setattr("dmvpn.web.exported.entry_of", lambda _: script)
    (tmp_path / "page.html").write_text(as_comparison(film_in(page.read_text())))
    with Browser() as browser:
        browser.open((tmp_path / "page.html").as_uri())
        browser.wait(lambda: bool(browser.run("return window.found !== undefined")))
        found: dict[str, Any] = browser.run("return window.found")
    assert [mark["node"] for mark in found["gone"]["marks"]] == ["R41"]
    assert [(leg["from"], leg["to"]) for leg in found["gone"]["legs"]] == [("R41", "R11")]
    assert found["fresh"] == {"legs": [], "marks": []}
    assert {"R11", "R31", "R41"} <= found["places"].keys()


def test_hostile_names_are_text_beside_the_map(page: Path, tmp_path: Path, browser: Browser) -> None:
    hostile = "</script><img src=x onerror=document.title='taken'>"
    compared = film_in(page.read_text())
    compared["before"]["title"] = compared["changes"][0]["subject"] = compared["verdict"] = hostile
    (tmp_path / "page.html").write_text(as_comparison(compared))
    browser.open((tmp_path / "page.html").as_uri())
    browser.wait(lambda: hostile in browser.text("changes"))
    assert browser.run("return document.images.length") == 0
    assert browser.run("return document.title") != "taken"


def test_names_that_turn_the_text_around_them_do_not_do_so_on_the_page(
    page: Path, tmp_path: Path, browser: Browser
) -> None:
    compared = film_in(page.read_text())
    turning = "R\u202e13"
    compared["before"]["title"] = compared["changes"][0]["subject"] = compared["verdict"] = turning
    (tmp_path / "page.html").write_text(as_comparison(compared))
    browser.open((tmp_path / "page.html").as_uri())
    browser.wait(lambda: "R\ufffd13" in browser.text("changes"))
    browser.run(f"{BUTTONS}.find((button) => button.textContent.includes('\ufffd')).click()")
    said = [browser.text(name) for name in ("title", "verdict", "caption", "chosen")]
    assert ["R\ufffd13" in text for text in said] == [True] * 4
    assert "\u202e" not in browser.run("return document.title + document.body.innerText")


def test_the_page_of_a_comparison_is_not_of_many_candidates(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shutil.copytree(SCENARIOS / "notes-phase3", tmp_path / "one")
    page = str(tmp_path / "x.html")
    assert main(["diff", "--before", "notes-phase1", "--each", str(tmp_path), "--html", page]) == 2
    assert "--html needs --after" in capsys.readouterr().err


def test_a_page_that_cannot_be_written_is_refused_before_the_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole comparison was made, and then not printed."""
    monkeypatch.setattr("dmvpn.app.diff.comparison_of", lambda *_: pytest.fail("it compared"))
    recording = tmp_path / "life.rec"
    recording.write_text('{"event": 1}\n')
    for page, problem in ((tmp_path, "Is a directory"), (recording, "which this would overwrite")):
        assert main(["diff", "--before", "notes-phase1", "--after", "notes-phase3", "--html", str(page)]) == 2
        assert problem in capsys.readouterr().err
    assert recording.read_text() == '{"event": 1}\n'
