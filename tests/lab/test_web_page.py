"""The page of a lab in Chromium: the printed address opens it, and a shortcut is seen to appear."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from typing import TYPE_CHECKING

import pytest

from support.browser import CHROMIUM, DRIVER, Browser
from support.screens import press
from support.served import MAIN, Served, dmvpn, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no Chromium with its driver: scripts/debian-packages interop"
)


@pytest.fixture
def web(environment: dict[str, str]) -> Iterator[Served]:
    with serving(environment, "--role", "view") as served:
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
        browser.wait(lambda: "R11 sends to R31: NHRP Traffic Indication" in browser.text("ladder"))
        assert browser.complaints() == []


def test_traffic_of_a_direct_tunnel_is_on_the_page_while_it_passes_and_not_afterwards(
    web: Served, environment: dict[str, str]
) -> None:
    with Browser() as browser:
        browser.open(web.address)
        browser.wait(lambda: browser.text("state") == "live")
        browser.run(
            "[...document.querySelectorAll('#routers button')].find((each) => /R31/.test(each.textContent)).click()"
        )
        ping = ["-r", "R31", "ping", "10.4.4.1", "source", "10.3.3.1", "repeat", "2000"]
        with subprocess.Popen([*MAIN, *ping], env=environment, stdout=subprocess.DEVNULL) as pinging:
            browser.wait(lambda: passes(browser, "out") and passes(browser, "in"))
            assert any("packets/s\tkbit/s" in row for row in rows(browser))
            pinging.terminate()
        browser.wait(lambda: not passes(browser, "out") and not passes(browser, "in"))
        assert browser.complaints() == []


def passes(browser: Browser, way: str) -> bool:
    """Is there a row with packets and kbit each second to or from R41?"""
    return any(re.search(rf"\tR41\t{way}\t[\d.]+\t[\d.]+\tTu", row) for row in rows(browser))


def rows(browser: Browser) -> list[str]:
    """The rows of the tables of the chosen router."""
    found: list[str] = browser.run("return [...document.querySelectorAll('#detail tr')].map((row) => row.innerText)")
    return found


def test_the_ladder_is_filtered_and_a_moment_of_a_lab_that_runs_has_a_link(
    web: Served, environment: dict[str, str]
) -> None:
    def typed(text: str) -> None:
        browser.run(f"const box = document.getElementById('filter'); box.value = {json.dumps(text)};")
        browser.run("document.getElementById('filter').dispatchEvent(new Event('input'))")

    def seen() -> list[str]:
        found: list[str] = browser.run("return [...document.querySelectorAll('.sentence')].map((row) => row.innerText)")
        return found

    with Browser() as browser:
        browser.open(web.address)
        browser.wait(lambda: "2 registered" in browser.text("summary"))
        dmvpn(environment, "-r", "R31", "ping", "10.4.4.1", "source", "10.3.3.1")
        browser.wait(lambda: "1 direct" in browser.text("summary"))
        typed('nhrp && router == r31 && !(to == R11 || text contains "traffic ind")')
        browser.wait(lambda: any("Resolution Reply" in row for row in seen()))
        assert all("R31: NHRP" in row or "R31 sends to R41: NHRP" in row for row in seen() if " sends to " in row)
        rows_before = seen()
        typed("nhrp && router ==")
        browser.wait(lambda: browser.text("unread") == "A word is missing at the end")
        assert seen() == rows_before, "a filter that is not finished changes nothing"
        typed("")
        press(browser, ".step", 'textContent.includes("R11 sends to R31: NHRP Traffic Indication")')
        moment = "document.getElementById('moment')"
        browser.run(f"{moment}.value = 500; {moment}.dispatchEvent(new Event('input'))")
        browser.wait(lambda: browser.text("play") == "Play")
        browser.click("+", "line")
        browser.wait(lambda: browser.run(f"return {moment}.value") == "500")
        clock, address = browser.text("clock"), browser.run("return location.href")
        assert re.search(r"#2\d{3}-[\d-]+T[\d:.]+Z$", address)
        browser.open("about:blank")
        browser.open(address)
        browser.wait(lambda: browser.text("clock") == clock)
        assert browser.text("play") == "Play"
        browser.click("Now", "controls")
        browser.wait(lambda: browser.run("return location.hash") == "")
        assert browser.complaints() == []


def test_the_page_says_who_died_and_sees_it_come_back(web: Served, environment: dict[str, str]) -> None:
    with Browser() as browser:
        browser.open(web.address)
        browser.wait(lambda: browser.text("state") == "live")
        dmvpn(environment, "lab", "kill", "R41")
        browser.wait(lambda: "1 broken" in browser.text("summary"))
        dmvpn(environment, "lab", "start", "R41")
        browser.wait(lambda: "2 registered" in browser.text("summary"), 60)


#: Keys as W3C WebDriver names them.
TAB, CONTROL, SHIFT, RELEASE = "\ue004", "\ue009", "\ue008", "\ue000"
SCREEN = "return [...document.querySelectorAll('.xterm-rows > div')].map((row) => row.textContent).join('\\n')"


@pytest.fixture
def operator(environment: dict[str, str]) -> Iterator[Served]:
    with serving(environment, "--role", "operate") as served:
        yield served


def test_a_router_answers_in_a_terminal_of_the_page(operator: Served) -> None:
    with Browser() as browser:
        browser.open(operator.address)
        browser.click("R31", "routers")
        browser.click("Terminal", "actions")
        browser.wait(lambda: "R31#" in browser.run(SCREEN))
        browser.type(".xterm-helper-textarea", f"sh dmv{TAB}")
        browser.wait(lambda: "R31#sh dmvpn" in browser.run(SCREEN))
        browser.type(".xterm-helper-textarea", "\n")
        browser.wait(lambda: "Interface: Tunnel100" in browser.run(SCREEN))
        browser.type(".xterm-helper-textarea", "ping 192.168.100.77 repeat 100000 timeout 3600\n")
        browser.wait(lambda: "timeout is 3600 seconds" in browser.run(SCREEN))
        browser.type(".xterm-helper-textarea", f"{CONTROL}{SHIFT}6{RELEASE}")
        browser.wait(lambda: "Success rate is 0 percent" in browser.run(SCREEN))
        browser.click("\N{MULTIPLICATION SIGN}", "tabs")
        browser.wait(lambda: browser.run("return document.querySelector('.desk') === null"))
        assert browser.run("return document.getElementById('ladder').hidden") is False
        assert browser.complaints() == []


def test_a_wire_is_pulled_and_plugged_in_again_by_clicks(operator: Served) -> None:
    with Browser() as browser:
        browser.open(operator.address)
        browser.wait(lambda: browser.text("state") == "live")
        browser.click("R41", "routers")
        browser.click("R41 Gi0/1 to TRANSPORT Gi0/3", "actions")
        browser.wait(lambda: "No impairment." in browser.text("actions"))
        browser.click("Cut", "actions")
        browser.wait(lambda: "The wire was cut." in browser.text("said"))
        browser.click("R31", "routers")
        box, go = (f"document.querySelector('.probe {tag}')" for tag in ("input", "button"))
        ask = f"{box}.value = '172.16.41.1'; {go}.click()"
        browser.wait(lambda: browser.run("return document.querySelector('.probe') !== null"))
        browser.run(ask)
        browser.wait(lambda: "Success rate is 0 percent" in browser.text("said"))
        browser.click("R41", "routers")
        browser.click("R41 Gi0/1 to TRANSPORT Gi0/3", "actions")
        browser.click("Restore", "actions")
        browser.wait(lambda: "No impairment." in browser.text("actions"))
        browser.click("R31", "routers")
        browser.wait(lambda: browser.run("return document.querySelector('.probe') !== null"))
        browser.run(ask)
        browser.wait(lambda: "Success rate is 100 percent" in browser.text("said"))
        browser.run(ask.replace("172.16.41.1", "nowhere at all"))
        browser.wait(lambda: browser.run("return document.getElementById('said').className") == "bad")
        assert browser.complaints() == []


def test_a_host_pings_a_target_that_is_picked_by_a_click_and_traces_one_that_is_typed(operator: Served) -> None:
    with Browser() as browser:
        browser.open(operator.address)
        browser.wait(lambda: "2 registered" in browser.text("summary"), 60)
        browser.click("H3", "routers")
        browser.click("Pick a target", "actions")
        browser.click("H4", "routers")
        browser.wait(lambda: "H4 is the target." in browser.text("actions"))
        assert "H3" in browser.text("router"), "the host that sends is still the chosen one"
        browser.click("ping", "actions")
        browser.wait(lambda: "5 packets transmitted, 5 received, 0% packet loss" in browser.text("said"))
        assert browser.text("said").startswith("H3$ ping 10.4.4.100\nPING 10.4.4.100 (10.4.4.100)")
        browser.run("document.querySelector('.probe input').value = '10.1.1.100'")
        browser.click("traceroute", "actions")
        browser.wait(lambda: " 1  10.3.3.1  " in browser.text("said"))
        browser.run("document.querySelector('.probe input').value = 'nowhere at all'")
        browser.click("ping", "actions")
        browser.wait(lambda: browser.run("return document.getElementById('said').className") == "bad")
        assert all("400" in line for line in browser.complaints()), "the refusal alone"


def test_a_wire_drops_kinds_of_packets_in_one_direction_by_clicks(operator: Served) -> None:
    with Browser() as browser:
        browser.open(operator.address)
        browser.click("R41", "routers")
        browser.click("R41 Gi0/1 to TRANSPORT Gi0/3", "actions")
        browser.wait(lambda: browser.run("return document.querySelector('.impair') !== null"))
        browser.run("document.querySelector('.impair [name=icmp]').click()")
        browser.run("document.querySelector('.impair [name=one_way]').selectedIndex = 1")
        browser.click("Apply", "actions")
        browser.wait(lambda: "drops icmp, from R41" in browser.text("actions"))
        browser.click("Restore", "actions")
        browser.wait(lambda: "No impairment." in browser.text("actions"))
        assert browser.complaints() == []


def test_a_router_is_killed_and_started_by_clicks(operator: Served) -> None:
    with Browser() as browser:
        browser.open(operator.address)
        browser.wait(lambda: "2 registered" in browser.text("summary"), 60)
        browser.click("R41", "routers")
        browser.click("Kill", "actions")
        browser.click("Cancel", "sheet")
        browser.click("Kill", "actions")
        browser.click("Kill", "sheet")
        browser.wait(lambda: "This router is not running." in browser.text("detail"))
        browser.click("Start", "actions")
        browser.wait(lambda: "2 registered" in browser.text("summary"), 60)


def test_each_tool_that_a_role_may_use_is_a_tab_beside_the_map(operator: Served) -> None:
    with Browser() as browser:
        browser.open(operator.address)
        browser.click("Walk", "tools")
        browser.wait(lambda: "hop by hop" in browser.text("tool"))
        browser.click("Lesson", "tools")
        browser.wait(lambda: "Nothing is broken" in browser.text("tool"))
        browser.click("R31", "routers")
        browser.wait(lambda: browser.run("return document.getElementById('tool').hidden"))
        assert browser.text("tools") == "RouterMessageWalkLesson"
        browser.click("Walk", "tools")
        assert "hop by hop" in browser.text("tool")
        browser.type("[role=tab][aria-selected=true]", "\ue014")
        assert "Nothing is broken" in browser.text("tool"), "an arrow leads to the next tab"
        browser.type("#handle", "\ue012")
        assert browser.run("return document.getElementById('handle').getAttribute('aria-valuenow')") == "27"
        assert browser.complaints() == []


def test_who_may_only_look_gets_no_buttons(web: Served) -> None:
    with Browser() as browser:
        browser.open(web.address)
        browser.click("R31", "routers")
        browser.wait(lambda: "NHRP cache" in browser.text("detail"))
        assert browser.run("return document.querySelectorAll('#actions button').length") == 0
        assert browser.run("return document.getElementById('tabs').hidden") is True
        assert browser.text("tools") == "RouterMessageLesson"


def test_a_stranger_gets_the_files_of_the_page_and_nothing_of_a_lab(web: Served) -> None:
    with Browser() as browser:
        browser.open(f"http://127.0.0.1:{web.port}/labs/notes-phase3")
        browser.wait(lambda: "a valid token is needed" in browser.text("state"))
        assert browser.run("return document.querySelectorAll('#routers li').length") == 0


def test_a_lab_of_both_versions_is_used_in_both_over_the_page() -> None:
    """A ping from an address of IPv6 was offered a target of IPv4, and no address of IPv6 was offered to a walk."""
    with tempfile.TemporaryDirectory() as name, Browser() as browser:
        own = {**os.environ, "XDG_RUNTIME_DIR": name, "XDG_STATE_HOME": name}
        dmvpn(own, "lab", "up", "dual-stack", "--simulated")
        try:
            with serving(own, "--role", "configure") as web:
                browser.open(web.address)
                browser.wait(lambda: "2 registered" in browser.text("summary"))
                browser.click("R31", "routers")
                browser.wait(lambda: "2001:db8:3::1" in browser.text("actions"))
                browser.run("document.querySelector('#actions select').value = '2001:db8:3::1'")
                browser.click("Pick a target", "actions")
                browser.click("R41", "routers")
                assert browser.run("return document.querySelector('#actions input').value") == "2001:db8:100::41"
                browser.click("ping", "actions")
                browser.wait(lambda: "(5/5)" in browser.text("said"))
                browser.wait(lambda: "1 direct" in browser.text("summary"))
                browser.click("Walk", "tools")
                script = "return [...document.querySelectorAll('#nodes option')].map((one) => one.value)"
                browser.wait(lambda: "2001:db8:4::100" in browser.run(script))
                browser.run("document.querySelector('#tool input[aria-label=to]').value = '2001:db8:4::100'")
                press(browser, "#tool button", "textContent === 'Walk'")
                browser.wait(lambda: "has 2001:db8:3::100: it has arrived" in browser.text("tool"), 60)
                lines = ["interface Tunnel100", "ipv6 nhrp authentication other", "shutdown", "no shutdown"]
                typed = "\n".join(["configure terminal", *lines, "end", ""])
                order = [*MAIN, "-r", "R31", "-"]
                subprocess.run(order, input=typed, env=own, text=True, check=True, capture_output=True)
                browser.wait(lambda: browser.text("summary") == "1 registered, 0 direct, 0 encrypted, 1 broken", 60)
                browser.click("Doctor", "tools")
                browser.wait(lambda: "R31 is registered with R11 (IPv4)" in browser.text("tool"), 120)
                assert "ipv6 nhrp authentication" in browser.text("tool")
                assert browser.complaints() == []
        finally:
            dmvpn(own, "lab", "down", "dual-stack")
