"""Captures of wires by HTTP: a pcap file that grows, for whom it is, and what is left of it."""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.browser import CHROMIUM, DRIVER, Browser
from support.labs import Labs, eventually
from support.pcap import dissected, read
from support.served import Served, dmvpn, new_token, problem, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

LABS = "/api/v1/labs"
LAB = f"{LABS}/notes-phase3"
WIRE = f"{LAB}/links/R31:Gi0-1/capture"
#: Octets of a capture without a packet, and of the header of a packet.
FILE_HEADER, RECORD = 24, 16


@contextlib.contextmanager
def begun(web: Served, path: str, token: str = "") -> Iterator[http.client.HTTPResponse]:
    """A capture, as long as this takes."""
    connection = http.client.HTTPConnection(web.host, web.port, timeout=30)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token or web.token}"})
    answer = connection.getresponse()
    try:
        yield answer
    finally:
        connection.close()
        answer.close()


def folders() -> set[str]:
    return {path.name for path in Path(tempfile.gettempdir()).glob("dmvpn-capture-*")}


def test_packets_come_while_they_pass_and_a_reader_who_leaves_leaves_nothing(
    web: Served, environment: dict[str, str]
) -> None:
    olga, otto = (new_token(environment, name, "operate") for name in ("olga", "otto"))
    before = folders()
    with begun(web, f"{WIRE}?seconds=300", olga) as first, begun(web, f"{LAB}/links/H3:eth0/capture", otto) as second:
        assert (first.status, first.headers["content-type"]) == (200, "application/vnd.tcpdump.pcap")
        assert first.headers["content-disposition"] == 'attachment; filename="R31-Gi0-1.pcap"'
        assert len(first.read(FILE_HEADER)) == FILE_HEADER
        web.ask(f"{LAB}/routers/R31/run", method="POST", body='{"command": "ping 172.16.41.1"}')
        assert len(first.read(RECORD + 100)) == RECORD + 100, "an echo request has 100 octets"
        assert second.status == 200, "another capture runs beside it"
        assert len(folders() - before) == 2
    assert eventually(lambda: folders() == before)
    with begun(web, f"{WIRE}?seconds=1", olga) as answer:
        read(answer.read())
    named = [(line["user"], line["link"], line["keys"]) for line in web.audit("captured")]
    assert named == [("olga", "R31:Gi0-1", "false"), ("otto", "H3:eth0", "false"), ("olga", "R31:Gi0-1", "false")]


def test_a_capture_is_for_who_may_have_it_and_of_a_wire_that_there_is(web: Served, environment: dict[str, str]) -> None:
    view, operate = new_token(environment, "vera"), new_token(environment, "oskar", "operate")
    assert "operate" in problem(web.ask(WIRE, token=view), 403)
    assert "keys need the role configure" in problem(web.ask(f"{WIRE}?keys=true", token=operate), 403)
    for query in ("seconds=301", "seconds=0", "seconds=x", "keys=1"):
        problem(web.ask(f"{WIRE}?{query}", token=operate), 400)
    for link in ("R31:Gi0-9", "R99:Gi0-1", "R31", "..:passwd", "R31:%0A", "R31:" + "9" * 200):
        assert "link" in problem(web.ask(f"{LAB}/links/{link}/capture", token=operate), 409)
    with contextlib.ExitStack() as held:
        for _ in range(3):
            assert held.enter_context(begun(web, WIRE, operate)).status == 200
        assert "one user has at most 3" in problem(web.ask(WIRE, token=operate), 503)
        assert held.enter_context(begun(web, WIRE)).status == 200
        assert problem(web.ask(WIRE), 503) == "too many captures of wires"


@pytest.mark.parametrize("kind", [["--simulated"], pytest.param([], marks=pytest.mark.lab)], ids=["simulated", "real"])
def test_the_keys_of_a_capture_open_it_and_the_lab_ends_it(kind: list[str], request: pytest.FixtureRequest) -> None:
    if not kind:
        request.getfixturevalue("runs_labs")
    with Labs() as labs, serving({**os.environ, **labs.environment}, "--role", "configure") as web:
        labs.up("intro-phase3", *kind)
        web.come_in()
        wire = f"{LABS}/intro-phase3/links/HUB:GigabitEthernet1/capture"
        with begun(web, f"{wire}?seconds=6&keys=true") as answer, begun(web, f"{wire}?seconds=300") as other:
            assert (answer.status, answer.headers["content-type"]) == (200, "application/zip")
            assert "a capture with keys is running" in problem(web.ask(f"{wire}?keys=true"), 409)
            packed = zipfile.ZipFile(io.BytesIO(answer.read()))
            folder = labs.folder / "unpacked"
            packed.extractall(folder)
            assert {*packed.namelist()} == {
                "HUB-Gi1/HUB-Gi1.pcap",
                "HUB-Gi1/keys/esp_sa",
                "HUB-Gi1/keys/preferences",
            }
            labs.say("lab", "down")
            assert len(read(other.read()).frames) > 3
        if shutil.which("tshark") is not None:
            wire_file = folder / "HUB-Gi1" / "HUB-Gi1.pcap"
            assert "EIGRP" not in dissected(wire_file, labs.folder)
            assert "EIGRP" in dissected(wire_file, folder / "HUB-Gi1" / "keys")


@pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason="there is no Chromium")
def test_a_click_saves_what_passes_a_wire_until_the_next_click(environment: dict[str, str]) -> None:
    with serving(environment, "--role", "operate") as served, Browser() as browser:
        browser.open(served.address)
        browser.wait(lambda: browser.text("state") == "live")
        browser.run(
            "window.saved = []; const make = URL.createObjectURL;"
            "URL.createObjectURL = (blob) => { window.saved.push(blob); return make.call(URL, blob); }"
        )
        browser.click("R41", "routers")
        browser.click("R41 Gi0/1 to TRANSPORT Gi0/3", "actions")
        browser.click("Capture", "actions")
        browser.wait(lambda: "Capturing: " in browser.text("actions"))
        browser.click("R41", "routers")
        dmvpn(environment, "-r", "R41", "ping", "172.16.31.1")
        browser.click("R41 Gi0/1 to TRANSPORT Gi0/3", "actions")
        browser.wait(lambda: "Capturing: 2 KiB" in browser.text("actions"))
        browser.click("Stop", "actions")
        browser.wait(lambda: "Saved R41-Gi0-1.pcap: " in browser.text("actions"))
        first = "return window.saved[0].arrayBuffer().then((all) => [...new Uint8Array(all)])"
        assert len(read(bytes(browser.run(first))).frames) >= 10
        assert browser.complaints() == []
