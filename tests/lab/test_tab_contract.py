"""One contract, two transports and two connectors: `dmvpn web` answers by HTTP, with its labs behind Unix sockets, and
a tab by messages, with its lab in memory.
"""

from __future__ import annotations

import io
import json
import re
import tempfile
import time
from typing import TYPE_CHECKING

import pytest

from dmvpn.face import calling
from dmvpn.shells.lab.memory import HostedLoop
from dmvpn.shells.lab.places import LabFolder
from support.doors import InATab, Server, printed
from support.services import short_folder
from support.tab import EPOCH, LAB, Page, in_a_tab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.doors import Door, Event, Stream
    from support.served import Served

#: What paths name; a link is a capture, which a tab does not write.
NAMES = {"lab": "notes-phase3", "router": "R31", "host": "H3", "link": "R31-Gi0-1"}


R31 = f"{LAB}/routers/R31"
SIZE = {"rows": 24, "columns": 80}


@pytest.fixture(scope="module", params=["server", "tab"])
def door(request: pytest.FixtureRequest) -> Iterator[Door]:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(dir="/tmp") as folder:
        if request.param == "server":
            patch.setenv("XDG_RUNTIME_DIR", request.getfixturevalue("environment")["XDG_RUNTIME_DIR"])
            yield Server(request.getfixturevalue("web"))
        else:
            patch.setenv("XDG_RUNTIME_DIR", folder)
            inside = InATab()
            yield inside
            inside.end()


class Terminal:
    """A terminal of R31, as the page has it."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self.stream: Stream = door.open("POST", f"{R31}/terminals", SIZE)
        (_, _, opened), *_ = self.stream.until(bool)
        self.path = f"/api/v1/terminals/{opened['terminal']}"
        self._read = 0
        self.until("R31#")

    def type(self, keys: str) -> None:
        status, text = self._door.ask("POST", self.path, {"keys": keys})
        assert status == 200, text

    def until(self, text: str) -> str:
        """What it shows from the last such text to this one."""
        shown = printed(self.stream.until(lambda found: text in printed(found)[self._read :]))
        place = shown.index(text, self._read) + len(text)
        seen, self._read = shown[self._read : place], place
        return seen


def test_keys_complete_help_page_and_break_off(door: Door) -> None:
    terminal = Terminal(door)
    terminal.type("sh clo\t")
    terminal.until("sh clock ")
    terminal.type("?")
    assert "<cr>" in terminal.until("R31#sh clock")
    terminal.type("\x15show running-config\r")
    terminal.until(" --More-- ")
    terminal.type("q")
    terminal.until("R31#")
    assert door.ask("POST", f"{LAB}/wires", {"link": "R41:GigabitEthernet0/1", "cut": True})[0] == 200
    terminal.type("ping 172.16.41.1 repeat 100000\r")
    terminal.until("timeout is 2 seconds")
    terminal.type("\x1e")
    terminal.until("Success rate is 0 percent")
    terminal.until("R31#")
    assert door.ask("POST", f"{LAB}/wires", {"link": "R41:GigabitEthernet0/1"})[0] == 200
    terminal.type("exit\r")
    ended = terminal.stream.until(lambda found: any(kind == "ended" for kind, _, _ in found))[-1]
    assert ended[2]["reason"] == ""
    terminal.stream.close()


def test_a_terminal_that_its_page_leaves_takes_no_more_keys(door: Door) -> None:
    terminal = Terminal(door)
    terminal.stream.close()
    end = time.monotonic() + 30
    while (answer := door.ask("POST", terminal.path, {"keys": "x"}))[0] == 200:
        assert time.monotonic() < end
    assert (answer[0], json.loads(answer[1])["detail"]) == (404, "there is no such terminal: it has ended")


@pytest.mark.parametrize("body", [{}, {"keys": 1}, {"keys": "x" * 100_000}, {"rows": 0, "columns": 80}])
def test_bad_keys_are_one_error_and_the_terminal_stays(door: Door, body: dict[str, object]) -> None:
    terminal = Terminal(door)
    status, text = door.ask("POST", terminal.path, body)
    assert status in (400, 413, 422)
    assert json.loads(text)["detail"]
    terminal.type("show clock\r")
    terminal.until("UTC")
    terminal.stream.close()


def logs(name: str) -> Callable[[list[Event]], bool]:
    return lambda found: any(name in str(data.get("log")) for _, _, data in found)


def bring_up(door: Door, port: str) -> None:
    assert door.ask("POST", f"{R31}/configuration", {"lines": [f"interface {port}"]})[0] == 200


def test_events_begin_with_what_has_happened_and_go_on_where_a_reader_was(door: Door) -> None:
    stream = door.open("GET", f"{R31}/events?topics=log")
    first = stream.until(bool)[0]
    assert first[2]["begins"] is True
    bring_up(door, "Loopback72")
    last = stream.until(logs("Loopback72"))[-1][1]
    stream.close()
    bring_up(door, "Loopback73")
    again = door.open("GET", f"{R31}/events?topics=log", headers={"Last-Event-ID": last})
    found = again.until(logs("Loopback73"))
    assert (found[0][2]["begins"], found[0][2]["missed"]) == (False, 0)
    assert not logs("Loopback72")(found)
    again.close()


def test_a_job_says_what_it_found_and_is_in_the_list(door: Door) -> None:
    found = door.job("doctor", {})
    assert (found["state"], found["healthy"], found["result"]["findings"]) == ("done", True, [])
    status, listed = door.ask("GET", "/api/v1/jobs")
    assert status == 200
    assert found["id"] in listed
    assert door.ask("GET", "/api/v1/jobs/0123456789abcdef")[0] == 404
    refused = door.job("doctor", {"router": "R99"})
    assert (refused["state"], refused["result"]) == ("failed", None)
    assert "R99" in refused["notes"][0]


def test_a_job_is_broken_off_and_the_next_one_runs(door: Door) -> None:
    found = door.job("doctor", {}, meanwhile=lambda number: door.send("DELETE", f"/api/v1/jobs/{number}"))
    assert (found["state"], found["notes"], found["result"]) == ("failed", ["broken off"], None)
    assert door.job("walk", {"source": "H3", "destination": "H4"})["state"] == "done"


def test_keys_are_answered_while_a_job_runs(door: Door) -> None:
    terminal = Terminal(door)
    found = door.job("doctor", {}, meanwhile=lambda _: door.send("POST", terminal.path, {"keys": "show clock\r"}))
    terminal.until("UTC")
    assert found["state"] == "done"
    terminal.stream.close()


def test_a_client_that_waits_gets_its_lines_and_errors_over_either_connector(door: Door) -> None:
    management, shown = LabFolder.of("notes-phase3").management("R31"), io.BytesIO()
    assert calling.execute(management, ["show clock", "ping 10.4.4.1"], shown) == 0
    assert re.search(r"UTC.*Success rate is \d+ percent", shown.getvalue().decode(), re.DOTALL)
    assert calling.execute(management, ["show nonsense"], shown) != 0
    assert b"Invalid input" in shown.getvalue()
    long = io.BytesIO()
    assert calling.execute(management, ["show running-config"] * 100, long) == 0
    assert len(long.getvalue()) > 1 << 16, "no more than fits the room of a connection"


def by_the_wall(loop: HostedLoop, done: Callable[[], object], patience: float | None = None) -> None:
    """Wait as `HostedLoop.wait` does, but for as long as it takes by the clock of the wall."""
    ends = loop.time() + (600.0 if patience is None else patience)
    while not done():
        if loop.time() >= ends:
            raise TimeoutError
        time.sleep(0.0 if loop.is_due else 0.005)
        loop.pump()
        loop.between()


@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", [1, 2, 4])
def test_the_doctor_says_the_same_whether_time_jumps_or_passes(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where time jumps, a second is enough; by the wall it takes two seconds to a minute."""

    def said() -> str:
        answers = []

        async def use(page: Page) -> None:
            answers.append((await page.job("break", {"seed": seed}))["result"]["complaint"])
            found = await page.job("doctor", {})
            assert (found["state"], found["healthy"]) == ("done", False)
            answers.append(found["result"])

        with short_folder() as folder:
            monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
            in_a_tab({"lab": "notes-phase3", "seed": 7, "epoch": EPOCH}, use)
        return json.dumps(answers, indent=1)

    jumping = said()
    monkeypatch.setattr(HostedLoop, "wait", by_the_wall)
    assert said() == jumping


def shape(text: str) -> object:
    """The members of an object, or the kind of any other text."""
    try:
        found = json.loads(text)
    except ValueError:
        return "no JSON"
    return sorted(found) if isinstance(found, dict) else type(found).__name__


@pytest.mark.slow
def test_all_gets_of_the_document_answer_in_a_tab_as_from_a_server(
    web: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = web.ask("/api/v1/openapi.json").fields["paths"]
    assert isinstance(document, dict)
    gets = {path: str(methods["get"]) for path, methods in document.items() if "get" in methods}
    finite = [path for path, operation in gets.items() if "event-stream" not in operation]
    paths = [path.format(**NAMES) for path in finite if set(re.findall(r"{(\w+)}", path)) <= NAMES.keys()]
    assert len(paths) > 150
    here: dict[str, tuple[int, object]] = {}

    async def use(page: Page) -> None:
        for path in paths:
            status, text = await page.text("GET", path)
            here[path] = status, shape(text)

    with short_folder() as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
        in_a_tab({"lab": "notes-phase3"}, use)
    absent = {path for path, (status, _) in here.items() if status == 501}
    assert all(path.endswith(("/metrics", "/openapi.json", "/capture")) for path in absent)
    there = {path: (answer.status, shape(answer.text)) for path in paths if (answer := web.ask(path))}
    assert {path: here[path] for path in paths if path not in absent} == {
        path: there[path] for path in paths if path not in absent
    }
