"""A program at the management socket of a router: values of shows, counters, and the history from where it was."""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import UserError
from dmvpn.face import client
from dmvpn.face.calling import PROTOCOL
from dmvpn.face.messages import Answer, Ask, Count, Done, Execute, Hello, Message, News, Watch
from dmvpn.face.protocol import Decoder, encode
from support.fake_router import PATIENCE, Served
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SPOKE = "SPOKE10"
BOTH = ("history", "log")


class Caller:
    """A connection, message by message."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))
        self._decoder = Decoder()
        self._inbox: list[Message] = []
        assert self.receive() == Hello(SPOKE)

    def receive(self) -> Message | None:
        """The next message; None when the server has hung up."""
        while not self._inbox:
            data = self.socket.recv(1 << 16)
            if not data:
                return None
            self._inbox += self._decoder.feed(data)
        return self._inbox.pop(0)

    def news(self) -> News:
        message = self.receive()
        assert isinstance(message, News), message
        return message


@pytest.fixture(scope="module")
def world() -> World:
    return World("intro-phase3").converge()


@pytest.fixture
def router(world: World, tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path / "s", world.handle(SPOKE))
    yield served
    served.close()


@pytest.fixture
def caller(router: Served) -> Iterator[Caller]:
    caller = Caller(router.path)
    with caller.socket:
        yield caller


# ------------------------------------------------------------------------------------------------ values


@pytest.mark.parametrize("show", ["show dmvpn detail", "show ip route", "show running-config", "show privilege"])
def test_the_value_of_a_show_is_that_of_its_json(world: World, router: Served, show: str) -> None:
    assert client.ask(router.path, show) == json.loads(world.do(SPOKE, f"{show} | json"))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("show nonsense", r"show n\^onsense: % Invalid input detected at '\^' marker."),
        ("show", "% Incomplete command"),
        ("", "% Incomplete command"),
        ("clear ip nhrp", "only a show has a value"),
        ("configure terminal", "only a show has a value"),
        ("show dmvpn | include UP", "filters are for its lines"),
        ("show dmvpn | redirect flash:x", r"redirect"),
    ],
)
def test_any_other_line_is_refused_and_changes_nothing(router: Served, line: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        client.ask(router.path, line)


def test_a_level_that_may_not_see_a_show_has_no_value_of_it(router: Served) -> None:
    with pytest.raises(UserError, match="Invalid input"):
        client.ask(router.path, "show running-config", privilege=1)


def test_keys_are_hidden_below_level_15(world: World, router: Served) -> None:
    world.configure(SPOKE, "privilege exec level 5 show running-config")
    secret = next(line.split()[-1] for line in world.do(SPOKE, "show running-config").splitlines() if "pre-sh" in line)
    assert secret in json.dumps(client.ask(router.path, "show running-config"))
    hidden = json.dumps(client.ask(router.path, "show running-config", privilege=5))
    assert secret not in hidden
    assert "pre-shared-key" in hidden


def test_one_connection_takes_many_questions(caller: Caller) -> None:
    caller.socket.sendall(encode(Ask("show privilege")) * 3 + encode(Ask("show nothing")) + encode(Count(("drops",))))
    for _ in range(3):
        assert caller.receive() == Answer('{"level":15}')
        assert caller.receive() == Done()
    refused = caller.receive()
    assert isinstance(refused, Done)
    assert refused.status == 1
    assert type(caller.receive()).__name__ == "Counts"
    assert caller.receive() == Done()


def test_another_message_among_questions_ends_the_connection(caller: Caller) -> None:
    caller.socket.sendall(encode(Ask("show privilege")))
    assert isinstance(caller.receive(), Answer)
    assert caller.receive() == Done()
    caller.socket.sendall(encode(Execute(("show clock",))))
    assert caller.receive() == Done(2, "Execute is no question")
    assert caller.receive() is None


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b'{"type":"ask","show":7}\n', "show is no text"),
        (b'{"type":"fire"}\n', "a message of the unknown type 'fire'"),
        (b"\xff\n", "a line that is no JSON"),
        (b"x" * (1 << 20), "a line of more than 1048576 octets"),
    ],
)
def test_what_is_no_question_ends_the_connection_and_not_the_router(
    router: Served, caller: Caller, octets: bytes, why: str
) -> None:
    caller.socket.sendall(octets)
    assert caller.receive() == Done(2, why)
    assert caller.receive() is None
    assert client.ask(router.path, "show privilege") == {"level": 15}


@pytest.mark.parametrize("version", [PROTOCOL - 1, PROTOCOL + 1])
def test_a_router_of_another_version_is_reported(tmp_path: Path, version: int) -> None:
    path = tmp_path / "old"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen()

        def greet() -> None:
            connected, _ = listening.accept()
            with connected:
                connected.sendall(encode(Hello("R1", version)))

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(UserError, match="another version of this program"):
            client.ask(path, "show dmvpn")
        thread.join()


# ------------------------------------------------------------------------------------------------ counters


def test_counters_are_rows_of_numbers(world: World, router: Served) -> None:
    world.do(SPOKE, "ping 192.168.1.1")
    (counts,) = client.count(router.path, "interfaces")
    rows = {row[0]: dict(zip(counts.columns[1:], row[1:], strict=True)) for row in counts.rows}
    assert counts.columns[: counts.labels] == ("interface",)
    sent = rows["Tunnel0"]["sent"]
    assert isinstance(sent, int)
    assert sent > 0
    (sas,) = client.count(router.path, "sas")
    assert sas.columns[: sas.labels] == ("peer", "spi_in")
    assert {row[0] for row in sas.rows} <= set(world.do(SPOKE, "show crypto ipsec sa").split())
    (peers,) = client.count(router.path, "peers")
    assert peers.columns == ("interface", "nbma", "packets_out", "packets_in", "octets_out", "octets_in")
    interfaces, addresses, sent_there, _, octets_there, _ = zip(*peers.rows, strict=True)
    assert set(interfaces) == {"Tunnel0"}
    assert len(set(addresses)) == len(addresses)
    assert any(sent_there)
    assert any(octets_there)
    assert {counted.topic for counted in client.count(router.path)} == {"interfaces", "drops", "sas"}


# ------------------------------------------------------------------------------------------------ history


def test_the_history_goes_on_where_the_client_was(world: World, router: Served) -> None:
    first = Caller(router.path)
    with first.socket:
        first.socket.sendall(encode(Watch(topics=BOTH)))
        news = first.news()
        assert news.begins
        assert news.lines
        assert news.log
    router.call(lambda: world.do(SPOKE, "configure terminal", "interface Loopback9", "shutdown", "no shutdown", "end"))
    second = Caller(router.path)
    with second.socket:
        second.socket.sendall(encode(Watch(news.id, BOTH)))
        later = second.news()
    assert not later.begins
    assert later.missed == 0
    assert [line["number"] for line in later.lines][:1] == [news.lines[-1]["number"] + 1]  # type: ignore[operator]
    assert later.log[0]["number"] == news.log[-1]["number"] + 1  # type: ignore[operator]
    assert any("Loopback9" in str(line["text"]) for line in later.log)
    assert news.id.split(".")[0] == later.id.split(".")[0]


def test_changes_of_routes_from_before_can_be_left_out_and_later_ones_come(world: World, router: Served) -> None:
    def change(address: str) -> None:
        lines = ("interface Loopback9", f"ip address {address} 255.255.255.255", "end")
        router.call(lambda: world.do(SPOKE, "configure terminal", *lines))

    def told(order: Watch) -> set[object]:
        caller = Caller(router.path)
        with caller.socket:
            caller.socket.sendall(encode(order))
            before = caller.news().lines
            change("10.9.9.10")
            after = caller.news().lines
        assert {"mapping", "interface"} <= {line.get("topic") for line in before}
        assert "10.9.9.10/32" in {line.get("subject") for line in after if line.get("topic") == "route"}
        return {line.get("subject") for line in before if line.get("topic") == "route"}

    change("10.9.9.9")
    assert "10.9.9.9/32" in told(Watch())
    change("10.9.9.9")
    assert told(Watch(past_routes=False)) == set()


@pytest.mark.parametrize("since", ["01234567.1.1", "{life}.999999.0", "{life}.0.999999"])
def test_a_place_of_another_life_or_in_the_future_begins_again(router: Served, since: str) -> None:
    caller = Caller(router.path)
    with caller.socket:
        caller.socket.sendall(encode(Watch()))
        life = caller.news().id.split(".")[0]
    again = Caller(router.path)
    with again.socket:
        again.socket.sendall(encode(Watch(since.format(life=life))))
        assert again.news().begins


def test_lines_that_the_log_has_lost_meanwhile_are_counted(world: World, router: Served) -> None:
    caller = Caller(router.path)
    with caller.socket:
        caller.socket.sendall(encode(Watch(topics=("log",))))
        news = caller.news()
        while news.log and len(news.log) == 64:
            news = caller.news()
    flap = ("interface Loopback9", "shutdown", "no shutdown")
    router.call(lambda: world.do(SPOKE, "configure terminal", *flap * 30, "end"))
    again = Caller(router.path)
    with again.socket:
        again.socket.sendall(encode(Watch(news.id, ("log",))))
        later = again.news()
    assert not later.lines
    assert later.missed > 0
    assert later.missed + int(news.id.split(".")[2]) + 1 == later.log[0]["number"]


def test_a_log_line_comes_to_a_client_that_watches(world: World, router: Served, caller: Caller) -> None:
    caller.socket.sendall(encode(Watch(topics=("log",))))
    place = caller.news()
    while len(place.log) == 64:
        place = caller.news()
    router.call(lambda: world.do(SPOKE, "configure terminal", "interface Loopback7", "shutdown", "no shutdown", "end"))
    texts: list[str] = []
    while not any("Loopback7" in text for text in texts):
        texts += [str(line["text"]) for line in caller.news().log]
