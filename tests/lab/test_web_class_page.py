"""The page of a class in Chromium: a teacher sees all labs, breaks one, and has it graded."""

from __future__ import annotations

import csv
import json
import os
import re
import tempfile
from typing import TYPE_CHECKING

import pytest

from support.browser import CHROMIUM, DRIVER, Browser
from support.served import Served, dmvpn, new_token, problem, refused, serving

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
        found["TEACHER"] = new_token(found, "teacher", "configure")
        yield found
        assert "ben-notes-phase3 is down" in dmvpn(found, "class", "end")


@pytest.fixture(scope="module")
def web(environment: dict[str, str]) -> Iterator[Served]:
    with serving(environment) as served:
        served.token = environment["TEACHER"]
        yield served


def cells(browser: Browser, lab: str) -> list[str]:
    """The texts of the row of a lab."""
    found: list[str] = browser.run(
        f"return [...document.querySelectorAll('tr[data-lab=\"{lab}\"] > *')].map((cell) => cell.textContent)"
    )
    return found


def enter(browser: Browser, web: Served, environment: dict[str, str]) -> None:
    """Come in as a teacher, and open the page of the class."""
    browser.open(f"http://127.0.0.1:{web.port}/login#{environment['TEACHER']}")
    browser.wait(lambda: browser.text("summary") == "2 labs run, as a table")
    browser.open(f"http://127.0.0.1:{web.port}/class")
    browser.wait(lambda: browser.text("state") == "live")


def click(browser: Browser, lab: str, action: str) -> None:
    browser.run(
        f"[...document.querySelectorAll('tr[data-lab=\"{lab}\"] button')]"
        f".find((button) => button.textContent === '{action}').click()"
    )


@pytest.mark.timeout(300)
def test_a_teacher_breaks_a_lab_and_lets_it_be_judged(web: Served, environment: dict[str, str]) -> None:
    with Browser() as browser:
        enter(browser, web, environment)
        assert browser.text("summary") == "2 labs, 0 with a fault"
        student, lab, routers, memory, *_ = cells(browser, "anna-notes-phase3")
        assert (student, lab, routers) == ("anna", "anna-notes-phase3", "4 of 4")
        assert int(memory.split()[0]) > 1
        click(browser, "anna-notes-phase3", "Break")
        browser.wait(lambda: browser.text("summary") == "2 labs, 1 with a fault", 60)
        assert cells(browser, "anna-notes-phase3")[8] != ""
        assert cells(browser, "ben-notes-phase3")[8] == ""
        browser.wait(lambda: cells(browser, "anna-notes-phase3")[10] == "a fault was added", 60)
        click(browser, "anna-notes-phase3", "Reset")
        browser.click("Reset", "sheet")
        browser.wait(lambda: browser.text("summary") == "2 labs, 0 with a fault", 60)
        browser.wait(lambda: cells(browser, "anna-notes-phase3")[10] == "reset", 60)  # its job has ended
        dmvpn(environment, "lab", "break", "redirect-missing", "--lab", "anna-notes-phase3")
        browser.wait(lambda: "Grade" in cells(browser, "anna-notes-phase3")[9], 60)
        click(browser, "anna-notes-phase3", "Grade")
        browser.wait(lambda: "checks failed" in cells(browser, "anna-notes-phase3")[10], 60)
        assert browser.complaints() == []
    shown = dmvpn(environment, "class", "show")
    assert [line.split()[0] for line in shown.splitlines()] == ["lab", "anna-notes-phase3", "ben-notes-phase3"]


def test_a_teacher_breaks_and_grades_all_labs_and_takes_the_results_home(
    environment: dict[str, str], web: Served
) -> None:
    with Browser() as teacher:
        enter(teacher, web, environment)
        teacher.run("document.getElementById('seed').value = 7")
        teacher.click("Reset all", "all")
        teacher.click("Reset all", "sheet")
        teacher.wait(lambda: teacher.text("working") == "Reset: 2 of 2 labs", 60)
        teacher.click("Break all", "all")
        teacher.wait(lambda: teacher.text("working") == "Break with seed 7: 2 of 2 labs", 60)
        faults = {cells(teacher, lab)[8] for lab in ("anna-notes-phase3", "ben-notes-phase3")}
        assert len(faults) == 1, "one seed is one fault for all"
        assert "" not in faults
        teacher.click("Grade all", "all")
        teacher.wait(lambda: teacher.text("working") == "Grade: 2 of 2 labs", 90)
        progress = cells(teacher, "ben-notes-phase3")[5]
        assert re.fullmatch(r"\d+ of 30 ", progress), progress
        results = [*csv.reader(dmvpn(environment, "class", "show", "--csv").splitlines())]
        assert [row[:3] for row in results[1:]] == [
            [one, f"{one}-notes-phase3", "notes-phase3"] for one in ("anna", "ben")
        ]
        assert results[2][4:6] == progress.split()[::2]
        assert teacher.complaints() == []
    desks = web.ask("/api/v1/class/results", token=environment["LINK_OF_BEN"].partition("#")[2])
    assert [line.partition(",")[0] for line in desks.text.splitlines()] == ["student", "ben"]


def test_a_message_of_the_teacher_comes_to_the_page_of_a_student(web: Served, environment: dict[str, str]) -> None:
    token = environment["LINK_OF_BEN"].partition("#")[2]
    said = problem(web.ask("/api/v1/class/message", method="POST", body='{"text": "x"}', token=token), 403)
    assert said == "the token is for ben-* alone"
    with Browser() as student:
        student.open(f"http://127.0.0.1:{web.port}/login#{token}")
        student.wait(lambda: student.run("return location.pathname") == "/labs/ben-notes-phase3")
        text = "Ten minutes <script>left</script>"
        assert web.ask("/api/v1/class/message", method="POST", body=json.dumps({"text": text})).status == 200
        student.wait(lambda: text in student.text("notice"))
        assert student.run("return document.getElementById('notice').checkVisibility()")
        student.click("Close", "notice")
        assert not student.run("return document.getElementById('notice').checkVisibility()")


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
        assert browser.text("summary").startswith("1 lab, ")
        browser.open(f"http://127.0.0.1:{web.port}/login#{environment['LOST']}")  # once it kept ben's session, silently
        browser.wait(lambda: "still logged in as ben" in browser.text("refusal"))
        assert browser.run("return document.getElementById('refusal').checkVisibility()")
        browser.wait(lambda: "ben-notes-phase3" in browser.text("labs"))
    desks = web.ask("/api/v1/class", token=token).value
    assert [(desk["student"], desk["pupil"]) for desk in desks] == [("ben", "ben")]  # type: ignore[attr-defined]
