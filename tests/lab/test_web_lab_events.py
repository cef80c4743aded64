"""`GET .../labs/LAB/events`: what happens at all routers of a lab, in one stream that goes on where it was."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dmvpn.face.calling import PROTOCOL
from dmvpn.face.messages import Hello
from dmvpn.face.protocol import encode
from lab.test_web_events import Stream, bring_up, stream, web
from support.served import dmvpn, problem

if TYPE_CHECKING:
    from lab.test_web import Web

__all__ = ["web"]

LAB = "/api/v1/labs/notes-phase3"
HERE = f"{LAB}/events"
ROUTERS = 4


def until_all_began(read: Stream) -> str:
    """Read until each router has said something; the last id."""
    seen: set[object] = set()
    while True:
        event = read.next()
        seen.add(event.data["router"])
        if len(seen) == ROUTERS:
            return event.number


def until_log(read: Stream, router: str, text: str) -> str:
    """Read until the log of a router has a text; the id of that event."""
    while True:
        event = read.next()
        if event.data.get("router") == router and text in str(event.data["log"]):
            return event.number


def test_each_event_has_its_router_and_what_all_routers_remember_comes_first(web: Web) -> None:
    with stream(web, HERE) as read:
        assert read.answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        until_all_began(read)
        bring_up(web, "Loopback91", "R41")
        until_log(read, "R41", "Loopback91")
        bring_up(web, "Loopback91", "R31")
        until_log(read, "R31", "Loopback91")


def test_a_reader_that_comes_back_gets_of_each_router_what_it_missed_and_nothing_twice(web: Web) -> None:
    with stream(web, f"{HERE}?topics=log") as read:
        until_all_began(read)
        bring_up(web, "Loopback92", "R41")
        last = until_log(read, "R41", "Loopback92")
    bring_up(web, "Loopback93", "R41")
    bring_up(web, "Loopback93", "R31")
    with stream(web, f"{HERE}?topics=log", {"Last-Event-ID": last}) as again:
        found = [event for event in (again.next() for _ in range(ROUTERS)) if event.data["log"]]
        assert not [event for event in found if event.data["begins"] or event.data["missed"]]
        assert "Loopback92" not in str(found)
        assert {event.data["router"] for event in found if "Loopback93" in str(event.data["log"])} == {"R31", "R41"}


def test_a_router_that_dies_is_an_event_and_the_stream_goes_on_with_all(web: Web) -> None:
    with stream(web, HERE) as read:
        until_all_began(read)
        web.dmvpn("lab", "kill", "R41")
        try:
            while (gone := read.next()).kind != "gone":
                pass
            assert gone.data == {"router": "R41"}
            bring_up(web, "Loopback94", "R31")
            until_log(read, "R31", "Loopback94")
        finally:
            web.dmvpn("lab", "start", "R41")
        while (event := read.next()).data["router"] != "R41":
            pass
        assert (event.kind, event.data["begins"]) == ("news", True)


def test_a_router_of_another_version_is_named_and_the_others_are_followed(web: Web) -> None:
    """Seen: the page said "loading 75 %" for as long as it was open."""
    web.dmvpn("lab", "kill", "R41")
    path = Path(web.environment["XDG_RUNTIME_DIR"]) / "dmvpn" / "labs" / "notes-phase3" / "R41.sock"
    path.unlink(missing_ok=True)
    with socket.create_server(str(path), family=socket.AF_UNIX) as server:

        def greet() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with server.accept()[0] as client:
                        client.sendall(encode(Hello("R41", PROTOCOL + 1)))

        threading.Thread(target=greet, daemon=True).start()
        with stream(web, HERE) as read:
            while (gone := read.next()).kind != "gone":
                pass
            assert gone.data == {"router": "R41", "why": "runs another version of this program"}
            bring_up(web, "Loopback95", "R31")
            until_log(read, "R31", "Loopback95")
        server.shutdown(socket.SHUT_RDWR)
    path.unlink()
    web.dmvpn("lab", "start", "R41")


@pytest.mark.parametrize(
    ("path", "headers", "status", "says"),
    [
        (f"{HERE}?topics=secrets", {}, 400, "topics"),
        (HERE, {"Last-Event-ID": "x' OR 1=1"}, 400, "Last-Event-ID"),
        (HERE, {"Last-Event-ID": "A" * 9000}, 200, ""),
        ("/api/v1/labs/none/events", {}, 404, "no lab"),
        (HERE, {"Authorization": "Bearer x"}, 401, "token"),
    ],
)
def test_what_cannot_be_followed_is_one_error(
    web: Web, path: str, headers: dict[str, str], status: int, says: str
) -> None:
    if status != 200:
        assert says in problem(web.ask(path, headers=headers), status)
        return
    with stream(web, path, headers) as read:  # an id of other routers counts as none
        assert read.next().data["begins"] is True


def test_the_stream_ends_with_the_lab(web: Web) -> None:
    dmvpn(web.environment, "lab", "up", "notes-phase1", "--simulated")
    with stream(web, "/api/v1/labs/notes-phase1/events") as read:
        read.next()
        web.dmvpn("lab", "down", "notes-phase1")
        while (event := read.next()).kind != "ended":
            pass
        assert event.data == {"lab": "notes-phase1"}
        assert read.answer.read() == b""


def test_a_reader_of_traffic_alone_gets_rates_the_death_of_a_router_and_the_end(web: Web) -> None:
    """It heard that all routers had died, again and again, since none takes an order for no topic at all."""
    dmvpn(web.environment, "lab", "up", "notes-phase1", "--simulated")
    with stream(web, "/api/v1/labs/notes-phase1/events?topics=traffic") as read:
        event = read.next()
        assert event.kind == "traffic"
        assert event.data["rates"]
        web.dmvpn("lab", "kill", "notes-phase1/R31")
        while (event := read.next()).kind == "traffic":
            pass
        assert (event.kind, event.data) == ("gone", {"router": "R31"})
        web.dmvpn("lab", "down", "notes-phase1")
        while (event := read.next()).kind == "traffic":
            pass
        assert (event.kind, event.data) == ("ended", {"lab": "notes-phase1"})
