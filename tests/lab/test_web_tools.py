"""The tools of the page of a lab in Chromium: the doctor heals, a walk is drawn, a lesson is given, a map is saved."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from support.browser import CHROMIUM, DRIVER, Browser
from support.served import Served, dmvpn, new_token, problem, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

LAB = "/api/v1/labs/notes-phase3"
needs_browser = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no Chromium with its driver: scripts/debian-packages interop"
)


@pytest.fixture
def web(environment: dict[str, str]) -> Iterator[Served]:
    with serving(environment, "--lab", "notes-phase3", "--role", "configure") as served:
        yield served


def click(browser: Browser, text: str, place: str = "tool") -> None:
    """Press the button whose text begins so."""
    browser.run(
        f"[...document.getElementById('{place}').querySelectorAll('button')]"
        f".find((button) => button.textContent.startsWith({json.dumps(text)})).click()"
    )


@needs_browser
def test_a_lesson_is_broken_explained_healed_and_judged_on_the_page(web: Served, environment: dict[str, str]) -> None:
    with Browser() as browser:
        browser.open(web.address)
        browser.wait(lambda: "Lesson" in browser.text("tools"))
        dmvpn(environment, "lab", "break", "redirect-missing")
        click(browser, "Lesson", "tools")
        browser.wait(lambda: "take the long way by the head office" in browser.text("tool"))
        click(browser, "Hint 1")
        browser.wait(lambda: "Everything works, by the hub." in browser.text("tool"))
        click(browser, "Doctor", "tools")
        browser.wait(lambda: "Tunnel100 sends none" in browser.text("tool"), 60)
        click(browser, "Try these lines on R11")
        browser.wait(lambda: "+ip nhrp redirect" in browser.text("tool"))
        assert "ip nhrp redirect" not in dmvpn(environment, "-r", "R11", "show running-config")
        click(browser, "Apply")
        browser.wait(lambda: "Applied" in browser.text("tool"))
        click(browser, "Lesson", "tools")
        browser.wait(lambda: "Hint 2 of 3" in browser.text("tool"))
        click(browser, "Reset")
        browser.click("Reset", "sheet")
        browser.wait(lambda: "Undo the reset" in browser.text("tool"), 60)
        click(browser, "Undo the reset")
        browser.wait(lambda: "Hint 2 of 3" in browser.text("tool"), 60)
        click(browser, "Grade")
        browser.wait(lambda: "Done: all checks passed." in browser.text("tool"), 60)
        assert "Nothing is broken" in browser.text("tool")
        assert browser.complaints() == []


@needs_browser
def test_a_walk_is_told_hop_by_hop_and_the_map_is_saved_with_it(web: Served) -> None:
    with Browser() as browser:
        browser.open(web.address)
        browser.wait(lambda: "Walk" in browser.text("tools"))
        click(browser, "Walk", "tools")
        click(browser, "Walk")
        browser.wait(lambda: "Return" in browser.text("tool"))
        assert "GRE, key 100: 8 octets" in browser.text("tool")
        assert "RFC 2890 §2" in browser.text("tool")
        browser.run(
            "URL.createObjectURL = (blob) => { blob.text().then((text) => { window.saved = text; }); return '#'; }"
        )
        browser.run("document.getElementById('svg').click()")
        browser.wait(lambda: browser.run("return window.saved !== undefined"))
        drawn = ElementTree.fromstring(browser.run("return window.saved"))  # noqa: S314 - the page's own
        texts = {each.text for each in drawn.iter("{http://www.w3.org/2000/svg}text")}
        assert {"R11", "R31", "R41", "H3", "TRANSPORT"} <= texts
        assert browser.complaints() == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("walk", {"source": "H3"}, 400),
        ("walk", {"source": "H3", "destination": "--help"}, 400),
        ("walk", {"source": "H3", "destination": "H4", "size": 0}, 400),
        ("walk", {"source": "H3", "destination": "H4", "df": 1}, 400),
        ("walk", {"source": "H3", "destination": "H4", "tcp": 80}, 400),
        ("doctor", {"router": "--fix=/tmp/x"}, 400),
        ("doctor", {"address": "10.4.4.1"}, 400),
        ("doctor", {"router": 7}, 400),
    ],
)
def test_what_is_no_examination_is_one_error(web: Served, path: str, body: dict[str, object], status: int) -> None:
    web.come_in()
    assert problem(web.ask(f"{LAB}/{path}", method="POST", body=json.dumps(body)), status).startswith("the body is {")


def test_the_doctor_shows_lines_of_configurations_and_so_needs_the_role_configure(
    web: Served, environment: dict[str, str]
) -> None:
    token = new_token(environment, "olga", "operate")
    assert "configure" in problem(web.ask(f"{LAB}/doctor", method="POST", body="{}", token=token), 403)
    walked = web.ask(f"{LAB}/walk", method="POST", body='{"source": "H3", "destination": "H4"}', token=token)
    assert (walked.status, walked.fields["what"]) == (202, "walk")
    token = new_token(environment, "vera", "view")
    assert "operate" in problem(web.ask(f"{LAB}/walk", method="POST", body="{}", token=token), 403)


@needs_browser
def test_findings_of_the_linter_are_numbers_on_the_map_and_a_click_chooses_their_router(
    web: Served, environment: dict[str, str]
) -> None:
    token = new_token(environment, "lina", "configure")
    lines = json.dumps({"lines": ["interface Tunnel100", "no ip mtu", "no ip tcp adjust-mss"]})
    place = f"{LAB}/routers/R31/configuration"
    assert web.ask(place, method="POST", body=lines, token=token).status == 200
    running = dmvpn(environment, "-r", "R31", "show running-config")
    with Browser() as browser:
        browser.open(web.address)
        browser.wait(lambda: "Lint" in browser.text("tools"))
        click(browser, "Lint", "tools")
        browser.wait(lambda: "R31 line " in browser.text("tool"), 30)
        found = json.loads(web.ask(f"{LAB}/lint", token=token).text)
        finding = next(each for each in found["findings"] if each["file"] == "R31")
        assert found["counts"][finding["severity"]] >= 1
        assert 0 < finding["line"] <= len(running.splitlines()) + 5
        for part in ("what", "rule", "why"):
            assert " ".join(finding[part].split()) in " ".join(browser.text("tool").split())
        click(browser, f"R31 line {finding['line']}")
        browser.wait(lambda: "R31" in browser.text("router"))
        assert browser.complaints() == []


def test_the_linter_needs_the_role_that_may_read_configurations(web: Served, environment: dict[str, str]) -> None:
    token = new_token(environment, "otto", "operate")
    assert "configure" in problem(web.ask(f"{LAB}/lint", token=token), 403)
