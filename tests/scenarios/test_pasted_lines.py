"""What is pasted into a configuration mode does what it does line by line, and in the time of one look at it all."""

from __future__ import annotations

from functools import partial

import pytest

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered, Event, LinesEntered
from dmvpn.face.session import ConsoleSession
from dmvpn.ios import Section, Statement
from dmvpn.router.router import Router
from dmvpn.shells.handle import Handle
from support.work import calls

SITE = """hostname R1
interface GigabitEthernet0/1
 ip address 192.0.2.2 255.255.255.0
interface Tunnel0
 ip address 10.0.0.1 255.255.255.0
 tunnel source GigabitEthernet0/1
 tunnel mode gre multipoint
 ip nhrp network-id 1
"""


class Desk:
    """A router with terminals, and what it was given."""

    def __init__(self, text: str = SITE) -> None:
        self.router = Router(SeededEntropy(1))
        self.given: list[Event] = []
        self.handle = Handle(lambda: self.router, lambda: 0.0, self.post, lambda _name, _octets: None)
        self.post(ConfigurationEntered(text))
        self.given.clear()

    def post(self, event: Event) -> None:
        self.given.append(event)
        self.router.handle(event, 0.0)

    def terminal(self) -> ConsoleSession:
        session = ConsoleSession(self.handle, 1)
        session.start()
        session.feed(b"configure terminal\r")
        return session

    def pasted(self) -> list[int]:
        """How many lines the router was given at a time."""
        return [len(event.lines) for event in self.given if isinstance(event, LinesEntered)]


def routes(first: int, count: int) -> str:
    return "".join(f"ip route 10.{n >> 8}.{n & 255}.0 255.255.255.0 192.0.2.1\r" for n in range(first, first + count))


def test_a_paste_is_given_to_the_router_at_once() -> None:
    desk = Desk()
    desk.terminal().feed(routes(0, 50).encode())
    assert desk.pasted() == [50]
    assert sum(line.startswith("ip route") for line in desk.router.running.render()) == 50


def test_an_interface_that_is_shut_down_and_opened_in_one_paste_was_down() -> None:
    desk = Desk()
    desk.terminal().feed(b"interface Tunnel0\rshutdown\rip mtu 1400\rno shutdown\r")
    assert desk.pasted() == [2, 1]


def test_a_tunnel_that_goes_and_comes_in_one_paste_begins_with_nothing() -> None:
    desk = Desk()
    desk.terminal().feed(b"no interface Tunnel0\rinterface Tunnel0\rip mtu 1400\r")
    lines = desk.router.running.render()
    assert lines[lines.index("interface Tunnel0") :][:2] == ["interface Tunnel0", " ip mtu 1400"]
    assert desk.pasted() == [1, 2]


def test_a_show_amid_a_paste_sees_the_lines_before_it() -> None:
    desk = Desk()
    terminal = desk.terminal()
    terminal.take_output()
    terminal.feed(b"interface Tunnel0\rip mtu 1340\rdo show running-config interface Tunnel0 | include mtu\r")
    assert " ip mtu 1340" in terminal.take_output().decode().replace("\r\n", "\n").split("\n")


def test_a_new_name_is_in_the_next_prompt_of_a_paste() -> None:
    desk = Desk()
    terminal = desk.terminal()
    terminal.take_output()
    terminal.feed(b"hostname R2\rip route 10.9.9.0 255.255.255.0 192.0.2.1\r")
    assert b"R2(config)#ip route" in terminal.take_output()


def test_a_line_over_which_we_stumble_is_not_half_there(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    terminal = desk.terminal()
    terminal.feed(b"interface Tunnel0\r")

    def stumble(section: Section, statement: Statement) -> bool:
        put(section, statement)
        raise ZeroDivisionError

    put = Section.put
    with monkeypatch.context() as broken:
        broken.setattr(Section, "put", stumble)
        with pytest.raises(ZeroDivisionError):
            terminal.feed(b"ip mtu 1340\r")
    terminal.recover("% Internal error")
    assert " ip mtu 1340" not in desk.router.running.render()
    terminal.feed(b"ip mtu 1340\r")
    assert " ip mtu 1340" in desk.router.running.render()


def paste(count: int) -> None:
    Desk().terminal().feed(routes(0, count).encode())


def test_ten_times_the_lines_take_about_ten_times_the_work() -> None:
    """Seen: 1,200 pasted lines took 24 s; the whole configuration was read again at each."""
    small, large = (calls(partial(paste, count)) for count in (200, 2000))
    assert large < 12 * small


def test_a_line_about_one_thing_costs_the_same_beside_many_others() -> None:
    def typed(count: int) -> int:
        terminal = Desk(SITE + routes(0, count).replace("\r", "\n")).terminal()
        terminal.feed(b"interface Tunnel0\r")
        return calls(lambda: terminal.feed(b"ip mtu 1400\r"))

    typed(20)  # what a process reads once is not counted below
    assert typed(2000) < typed(20) + 100
