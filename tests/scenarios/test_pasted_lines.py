"""What is pasted into a configuration mode does what it does line by line, and in the time of one look at it all."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered, Event, LinesEntered
from dmvpn.face.session import ConsoleSession
from dmvpn.ios import INTERFACE, Args, Section, Statement
from dmvpn.router.router import Router
from dmvpn.shells.handle import Handle
from support.cases import one_in
from support.work import calls

if TYPE_CHECKING:
    from collections.abc import Callable

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


def test_a_paste_is_given_to_the_router_some_lines_at_a_time() -> None:
    desk = Desk()
    desk.terminal().feed(routes(0, 50).encode())
    assert desk.pasted() == [8, 8, 8, 8, 8, 8, 2]
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


#: Lists: the line that opens one, and the lines of its n-th entry.
LISTS: dict[str, tuple[str, Callable[[int], str]]] = {
    "static routes": ("", lambda n: f"ip route {address(n << 8)} 255.255.255.0 192.0.2.1"),
    "static routes of IPv6": ("", lambda n: f"ipv6 route 2001:db8:{n:x}::/64 2001:db8:ffff::1"),
    "loopbacks": ("", lambda n: f"interface Loopback{n}\n ip address 11{address(n)[2:]} 255.255.255.255"),
    "loopbacks of IPv6": ("", lambda n: f"interface Loopback{n}\n ipv6 address 2001:db8::{n:x}/128"),
    "prefix list": ("", lambda n: f"ip prefix-list P permit {address(n << 8)}/24"),
    "access list": ("ip access-list extended A", lambda n: f" permit ip host {address(n)} any"),
    "numbered list": ("", lambda n: f"access-list 10 permit host {address(n)}"),
    "AS paths": ("", lambda n: f"ip as-path access-list 10 permit ^{n}_"),
    "route map": ("", lambda n: f"route-map M permit {n + 1}\n set metric {n + 1}"),
    "key chain": ("key chain K", lambda n: f" key {n}\n  key-string k{n}"),
    "keyring": ("crypto ikev2 keyring K", lambda n: f" peer P{n}\n  address {address(n)}\n  pre-shared-key k{n}"),
    "networks of EIGRP": ("router eigrp 1", lambda n: f" network {address(n << 8)} 0.0.0.255"),
    "networks of OSPF": ("router ospf 1", lambda n: f" network {address(n << 8)} 0.0.0.255 area 0"),
}


def address(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def beside_and_into(kind: str, count: int) -> tuple[int, int]:
    """The work of a line beside a list, and that of an entry more."""
    head, entry = LISTS[kind]
    terminal = Desk("\n".join((SITE, head, *map(entry, range(count)), ""))).terminal()
    terminal.feed(b"interface Tunnel0\rip mtu 1300\r")
    beside = calls(lambda: terminal.feed(b"ip mtu 1400\r"))
    terminal.feed("\r".join((head, entry(count), head, "")).encode())
    more = "\r".join((entry(count + 1), "")).replace("\n", "\r").encode()
    return beside, calls(lambda: terminal.feed(more))


@pytest.mark.parametrize("kind", one_in(3, LISTS))
def test_a_line_costs_the_same_beside_and_in_many_others(kind: str) -> None:
    beside_and_into(kind, 20)  # what a process reads once is not counted below
    small, large = beside_and_into(kind, 100), beside_and_into(kind, 1500)
    assert large[0] < 1.3 * small[0] + 100
    assert large[1] < 1.3 * small[1] + 400


def test_a_model_that_looks_outside_of_its_section_is_found_at_once() -> None:
    router = Desk(SITE).router

    def make(args: Args, section: Section) -> str:
        return router.running.hostname

    with pytest.raises(AssertionError, match="outside"):
        router.running.made(INTERFACE, make)
