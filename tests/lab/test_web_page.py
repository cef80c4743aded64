"""The page of a lab in Chromium: the printed address opens it, and a shortcut is seen to appear."""

from __future__ import annotations

import os
import subprocess
import tempfile
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("uvicorn")

from support.browser import CHROMIUM, DRIVER, Browser
from support.served import MAIN, Served, dmvpn, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no Chromium with its driver: scripts/debian-packages interop"
)


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory() as state:
        made = {**os.environ, "XDG_RUNTIME_DIR": state, "XDG_STATE_HOME": state}
        up = [*MAIN, "lab", "up", "notes-phase3", "--simulated"]
        subprocess.run(up, check=True, capture_output=True, env=made, timeout=120)
        yield made
        subprocess.run([*MAIN, "lab", "down", "notes-phase3"], check=True, capture_output=True, env=made)


@pytest.fixture
def web(environment: dict[str, str]) -> Iterator[Served]:
    with serving(environment) as served:
        yield served


def test_a_shortcut_appears_on_the_page_that_the_printed_address_opens(
    web: Served, environment: dict[str, str]
) -> None:
    with Browser() as browser:
        browser.open(web.address)
        browser.wait(lambda: browser.text("state") == "live")
        browser.wait(lambda: browser.text("summary") == "2 registered, 0 direct, 0 encrypted, 0 broken")
        assert "(5/5)" in dmvpn(environment, "-r", "R31", "ping", "10.4.4.1", "source", "10.3.3.1")
        browser.wait(lambda: browser.text("summary") == "2 registered, 1 direct, 0 encrypted, 0 broken")
        assert "R11 sends to R31: NHRP Traffic Indication" in browser.text("ladder")
        assert browser.complaints() == []


def test_the_page_says_who_died_and_sees_it_come_back(web: Served, environment: dict[str, str]) -> None:
    with Browser() as browser:
        browser.open(web.address)
        browser.wait(lambda: browser.text("state") == "live")
        dmvpn(environment, "lab", "kill", "R41")
        browser.wait(lambda: "1 broken" in browser.text("summary"))
        dmvpn(environment, "lab", "start", "R41")
        browser.wait(lambda: "2 registered" in browser.text("summary"), 60)


def test_a_stranger_gets_the_files_of_the_page_and_nothing_of_a_lab(web: Served) -> None:
    with Browser() as browser:
        browser.open(f"http://127.0.0.1:{web.port}/labs/notes-phase3")
        browser.wait(lambda: "a valid token is needed" in browser.text("state"))
        assert browser.run("return document.querySelectorAll('#routers li').length") == 0
