"""The page of a class in Chromium: a teacher sees all labs, breaks one, and has it graded."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import pytest

from support.browser import CHROMIUM, DRIVER, Browser
from support.served import Served, dmvpn, problem, refused, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no Chromium with its driver: scripts/debian-packages interop"
)


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        found = {**os.environ, "XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder}
        said = dmvpn(found, "class", "begin", "notes-phase3", "anna", "ben", "--simulated", "--memory", "512")
        assert said.startswith("anna-notes-phase3 is up\nben-notes-phase3 is up\n")
        lost = next(line.split()[1] for line in said.splitlines() if line.startswith("ben "))
        assert lost.startswith("http://127.0.0.1:8080/login#dmvpn_")
        found["LINK_OF_BEN"] = dmvpn(found, "class", "token", "ben", "--at", "http://lab.example:80/").strip()
        assert "no student carla has a link" in refused(found, "class", "token", "carla")
        found["LOST"] = lost.partition("#")[2]
        again = ("begin", "notes-phase3", "ben", "--simulated", "--without", "doctor,reset", "--minutes", "600")
        told = dmvpn(found, "class", *again)
        assert "ben              has a link already; a new one: dmvpn class token ben" in told
        assert "Students change nothing from " in told
        yield found
        assert "ben-notes-phase3 is down" in dmvpn(found, "class", "end")


@pytest.fixture(scope="module")
def web(environment: dict[str, str]) -> Iterator[Served]:
    with serving(environment, "--role", "configure") as served:
        yield served


def cells(browser: Browser, lab: str) -> list[str]:
    """The texts of the row of a lab."""
    found: list[str] = browser.run(
        f"return [...document.querySelectorAll('tr[data-lab=\"{lab}\"] > *')].map((cell) => cell.textContent)"
    )
    return found


def click(browser: Browser, lab: str, action: str) -> None:
    browser.run(
        f"[...document.querySelectorAll('tr[data-lab=\"{lab}\"] button')]"
        f".find((button) => button.textContent === '{action}').click()"
    )


def test_a_teacher_breaks_a_lab_and_lets_it_be_judged(web: Served, environment: dict[str, str]) -> None:
    with Browser() as browser:
        browser.open(web.address)
        browser.wait(lambda: browser.text("summary") == "2 labs run, as a table")
        browser.open(f"http://127.0.0.1:{web.port}/class")
        browser.wait(lambda: browser.text("state") == "live")
        assert browser.text("summary") == "2 labs, 0 with a fault"
        student, lab, routers, memory, *_ = cells(browser, "anna-notes-phase3")
        assert (student, lab, routers) == ("anna", "anna-notes-phase3", "4 of 4")
        assert int(memory.split()[0]) > 1
        click(browser, "anna-notes-phase3", "Break")
        browser.wait(lambda: browser.text("summary") == "2 labs, 1 with a fault", 60)
        assert cells(browser, "anna-notes-phase3")[7] != ""
        assert cells(browser, "ben-notes-phase3")[7] == ""
        browser.wait(lambda: cells(browser, "anna-notes-phase3")[9] == "a fault was added", 60)
        click(browser, "anna-notes-phase3", "Reset")
        browser.click("Reset", "sheet")
        browser.wait(lambda: browser.text("summary") == "2 labs, 0 with a fault", 60)
        browser.wait(lambda: cells(browser, "anna-notes-phase3")[9] == "reset", 60)  # its job has ended
        dmvpn(environment, "lab", "break", "redirect-missing", "--lab", "anna-notes-phase3")
        browser.wait(lambda: "Grade" in cells(browser, "anna-notes-phase3")[8], 60)
        click(browser, "anna-notes-phase3", "Grade")
        browser.wait(lambda: "checks failed" in cells(browser, "anna-notes-phase3")[9], 60)
        assert browser.complaints() == []
    shown = dmvpn(environment, "class", "show")
    assert [line.split()[0] for line in shown.splitlines()] == ["lab", "anna-notes-phase3", "ben-notes-phase3"]


def test_the_page_of_a_class_shows_a_student_the_own_lab_alone(web: Served, environment: dict[str, str]) -> None:
    place, _, token = environment["LINK_OF_BEN"].partition("#")
    assert place == "http://lab.example:80/login"
    assert problem(web.ask("/api/v1/class", token=environment["LOST"]), 401)
    with Browser() as browser:
        browser.open(f"http://127.0.0.1:{web.port}/login#{token}")
        browser.wait(lambda: browser.run("return location.pathname") == "/labs/ben-notes-phase3")
        assert browser.run("return history.length") == 3, "about:blank, the front door, the lab: no link with a token"
        browser.wait(lambda: browser.run("return document.getElementById('tab-of-Lint') !== null"))
        assert browser.run("return document.getElementById('tab-of-Doctor')") is None
        assert ", until " in browser.text("who")
        browser.open(f"http://127.0.0.1:{web.port}/class")
        browser.wait(lambda: browser.text("state") == "live")
        assert "ben-notes-phase3" in browser.text("labs")
        assert "anna" not in browser.text("labs")
    desks = web.ask("/api/v1/class", token=token).value
    assert [(desk["student"], desk["pupil"]) for desk in desks] == [("ben", "ben")]  # type: ignore[attr-defined]
