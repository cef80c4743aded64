"""A router with interfaces, routing table and static routes only, and short words for addresses and routes."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import ClearRoute, NextHop, SetRoute
from dmvpn.base.events import LinkChanged
from dmvpn.base.notices import Route, RouteSource
from dmvpn.base.streams import StreamClose, StreamData, StreamSend, StreamUp
from dmvpn.features.bgp import FEATURE as BGP
from dmvpn.features.bgp import packet
from dmvpn.features.bgp.attributes import Attributes, Segment, SegmentKind, write
from dmvpn.features.interface import FEATURE as INTERFACE
from dmvpn.features.rib import FEATURE as RIB
from dmvpn.features.static import FEATURE as STATIC
from support.workbench import Workbench, of_type

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect

GI1, GI2 = "GigabitEthernet0/1", "GigabitEthernet0/2"


def a(text: str) -> IPv4Address:
    """Return an address."""
    return IPv4Address(text)


def p(text: str) -> Prefix:
    """Return a prefix."""
    return Prefix.parse(text)


def via(address: str, interface: str = GI1) -> NextHop:
    """Return a next hop behind an interface."""
    return NextHop(interface, a(address))


def route(prefix: str, *hops: NextHop, source: RouteSource = RouteSource.EIGRP, distance: int = 90) -> Route:
    """Return a route as a routing protocol offers it."""
    return Route(prefix=p(prefix), source=source, distance=distance, metric=1000, next_hops=hops, process="100")


def make(text: str = "") -> Workbench:
    """R31: 172.16.31.1/30 toward the provider, 10.3.3.1/24 toward its LAN."""
    bench = Workbench(INTERFACE, RIB, STATIC)
    bench.configure(
        f"interface {GI1}\n ip address 172.16.31.1 255.255.255.252\n"
        f"interface {GI2}\n ip address 10.3.3.1 255.255.255.0\n{text}"
    )
    bench.handle(LinkChanged(GI1, up=True))
    bench.handle(LinkChanged(GI2, up=True))
    return bench


def routes_in(effects: list[Effect]) -> list[SetRoute | ClearRoute]:
    """Return the orders about routes."""
    return [effect for effect in effects if isinstance(effect, SetRoute | ClearRoute)]


_EIGRP = re.compile(r"router eigrp .*?^!$", re.DOTALL | re.MULTILINE)
_RIP = "router rip\n version 2\n no auto-summary\n network 10.0.0.0\n network 192.168.100.0\n!"


def with_rip(name: str, text: str) -> str:
    """RIP in the place of EIGRP, and no split horizon at the hub."""
    text = _EIGRP.sub(_RIP, text)
    return (
        text.replace("interface Tunnel100\n", "interface Tunnel100\n no ip split-horizon\n") if name == "R11" else text
    )


# Guests of AS 65001 that call a router by BGP, message by message.

LOCAL = a("172.16.31.1")
BASE = "\n".join(
    (
        f"interface {GI1}",
        " ip address 172.16.31.1 255.255.255.0",
        "router bgp 65000",
        " bgp router-id 9.9.9.9",
        " bgp listen range 172.16.31.0/24 peer-group GUESTS",
        " neighbor GUESTS peer-group",
        " neighbor GUESTS remote-as 65001",
        " neighbor GUESTS advertisement-interval 0",
        "",
    )
)


class Caller:
    """A guest of AS 65001, or another `system`, at the address 172.16.31.`number`.

    heard: the messages that it was sent.
    call: another number for each connection of the same guest. more: what else it says that it can do.
    numbered: what it is sent has numbers of paths (RFC 7911).
    """

    def __init__(
        self,
        bench: Workbench,
        number: int,
        *,
        wide: bool = True,
        call: int = 0,
        more: tuple[packet.CapabilityValue, ...] = (),
        numbered: bool = False,
        system: int = 65001,
    ) -> None:
        self.bench = bench
        self.address = a(f"172.16.31.{number}")
        self.stream = 2 * number + 1 + 1000 * call
        self._more = more
        self.heard: list[packet.Message] = []
        self.closed = False
        self._wide = wide
        self._numbered = numbered
        self._system = system
        self._buffer = bytearray()

    def connects(self) -> Caller:
        self.hears(self.bench.handle(StreamUp(self.stream, LOCAL, 179, self.address, 50000, taken=True)))
        return self

    def opens(self, *, hold_time: int = 90) -> Caller:
        capabilities = [packet.CapabilityValue(packet.Capability.MULTIPROTOCOL, packet.IPV4_UNICAST)]
        if self._wide:
            capabilities.append(
                packet.CapabilityValue(packet.Capability.FOUR_OCTET_AS, self._system.to_bytes(4, "big"))
            )
        self.says(packet.Open.with_capabilities(self._system, hold_time, self.address, (*capabilities, *self._more)))
        return self

    def is_up(self) -> Caller:
        self.connects().opens().says(packet.Keepalive())
        return self

    def says(self, *messages: packet.Message) -> None:
        self.says_octets(b"".join(map(packet.serialize, messages)))

    def says_octets(self, octets: bytes) -> None:
        self.hears(self.bench.handle(StreamData(self.stream, octets)))

    def waits(self, seconds: float) -> None:
        self.hears(self.bench.advance(seconds))

    def hears(self, effects: list[Effect]) -> None:
        for order in of_type(effects, StreamSend):
            if order.stream == self.stream:
                self._buffer += order.octets
        self.heard += [packet.parse(message, numbered=self._numbered) for message in packet.split(self._buffer)]
        self.closed |= any(order.stream == self.stream for order in of_type(effects, StreamClose))

    def announces(self, *prefixes: str, path: tuple[Segment, ...] | None = None, hop: str = "") -> None:
        path = (Segment(SegmentKind.SEQUENCE, (self._system,)),) if path is None else path
        attributes = Attributes(path=path, next_hop=a(hop) if hop else self.address)
        self.says(packet.Update(attributes=write(attributes, wide=self._wide), announced=tuple(map(p, prefixes))))

    @property
    def updates(self) -> list[packet.Update]:
        return [message for message in self.heard if isinstance(message, packet.Update)]


def hub(more: str = "") -> Workbench:
    """Return a router of AS 65000 that takes guests; more: lines of `router bgp`."""
    bench = make()
    bench = Workbench(*bench.features, BGP)
    bench.configure(f"{BASE}{more}interface {GI2}\n ip address 10.3.3.1 255.255.255.0\n")
    for name in (GI1, GI2):
        bench.handle(LinkChanged(name, up=True))
    return bench
