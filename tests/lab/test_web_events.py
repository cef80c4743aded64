"""`GET .../events`: what happens at a router, as server-sent events, to readers of every kind."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import tempfile
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest

from lab.test_web import R31, Web
from support.served import Served, dmvpn, problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dmvpn.ios.filters import Plain


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with tempfile.TemporaryDirectory() as state:
        environment = {**os.environ, "XDG_RUNTIME_DIR": state, "XDG_STATE_HOME": state}
        dmvpn(environment, "lab", "up", "notes-phase3", "--simulated")
        served = Web(environment)
        yield served
        served.close()
        dmvpn(environment, "lab", "down", "notes-phase3")


class Event(NamedTuple):
    """An event of a stream. number: its id."""

    kind: str
    number: str
    data: dict[str, Plain]


class Stream:
    """A reader of events."""

    def __init__(self, web: Served, path: str = f"{R31}/events", headers: Mapping[str, str] | None = None) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=30)
        self._connection.request("GET", path, headers={"Authorization": f"Bearer {web.token}", **(headers or {})})
        self.answer = self._connection.getresponse()

    def next(self) -> Event:
        """Return the next event."""
        fields: dict[str, str] = {}
        while True:
            line = self.answer.readline().decode().rstrip("\n")
            name, _, value = line.partition(": ")
            if line.startswith(":"):
                continue
            if line:
                fields[name] = value
            elif fields:
                return Event(fields["event"], fields.get("id", ""), json.loads(fields["data"]))

    def until(self, text: str) -> Event:
        """Return the first event with this text in it."""
        while text not in str((event := self.next()).data):
            pass
        return event

    def close(self) -> None:
        self._connection.close()


@contextlib.contextmanager
def stream(web: Served, path: str = f"{R31}/events", headers: Mapping[str, str] | None = None) -> Iterator[Stream]:
    opened = Stream(web, path, headers)
    try:
        yield opened
    finally:
        opened.close()


def bring_up(web: Web, port: str, router: str = "R31") -> None:
    """Bring a port up, which the router logs."""
    lines = f"configure terminal\ninterface {port}\nend\n"
    dmvpn(web.environment, "-r", router, typed=lines)


def test_what_has_happened_comes_first_and_then_what_happens(web: Web) -> None:
    with stream(web) as read:
        assert read.answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        first = read.next()
        assert first.data["begins"] is True
        assert first.data["lines"]
        assert first.data["log"]
        bring_up(web, "Loopback71")
        assert "Loopback71" in str(read.until("Loopback71").data["log"])


def test_a_reader_that_comes_back_gets_what_it_missed_and_nothing_twice(web: Web) -> None:
    with stream(web, f"{R31}/events?topics=log") as read:
        bring_up(web, "Loopback72")
        last = read.until("Loopback72").number
    bring_up(web, "Loopback73")
    with stream(web, f"{R31}/events?topics=log", {"Last-Event-ID": last}) as again:
        event = again.next()
        assert (event.data["begins"], event.data["missed"], event.data["lines"]) == (False, 0, [])
        assert "Loopback73" in str(event.data["log"])
        assert "Loopback72" not in str(event.data["log"])


def test_a_router_that_dies_is_an_event_and_the_stream_goes_on_with_its_next_life(web: Web) -> None:
    with stream(web) as read:
        read.next()
        web.dmvpn("lab", "kill", "R31")
        try:
            gone = read.next()
            while gone.kind != "gone":
                gone = read.next()
            assert gone.data == {"router": "R31"}
            assert problem(web.ask(f"{R31}/events"), 503)
        finally:
            web.dmvpn("lab", "start", "R31")
        back = read.next()
        assert (back.kind, back.data["begins"]) == ("news", True)


@pytest.mark.parametrize(
    ("path", "headers", "status", "says"),
    [
        (f"{R31}/events?topics=log,secrets", {}, 400, "topics"),
        (f"{R31}/events?topics=", {}, 400, "topics"),
        (f"{R31}/events", {"Last-Event-ID": "x' OR 1=1"}, 400, "Last-Event-ID"),
        (f"{R31}/events", {"Last-Event-ID": "9" * 5000}, 400, "Last-Event-ID"),
        ("/api/v1/labs/notes-phase3/routers/R99/events", {}, 404, "no such router"),
        (f"{R31}/events", {"Authorization": "Bearer x"}, 401, "token"),
    ],
)
def test_what_cannot_be_followed_is_one_error(
    web: Web, path: str, headers: dict[str, str], status: int, says: str
) -> None:
    assert says in problem(web.ask(path, headers=headers), status)


@pytest.mark.parametrize("path", [f"{R31}/events", "/api/v1/labs/notes-phase3/events"])
def test_the_head_of_a_stream_is_all_of_its_answer(web: Web, path: str) -> None:
    """The connection of a monitor that asked for the head was never answered again."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", web.port, timeout=30)) as connection:
        for target in (path, "/healthz"):
            connection.request("HEAD", target, headers={"Authorization": f"Bearer {web.token}"})
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"")


def test_readers_that_leave_leave_nothing_behind(web: Web) -> None:
    def open_files() -> int:
        return len(os.listdir(f"/proc/{web.pid}/fd"))

    with stream(web) as read:
        read.next()
        before = open_files()
        for _ in range(20):
            with stream(web) as other:
                other.next()
        bring_up(web, "Loopback74")
        read.until("Loopback74")
        for _ in range(50):
            if open_files() <= before + 2:
                break
            time.sleep(0.1)
        assert open_files() <= before + 2
