"""Guests of AS 65001 that call a router by BGP, message by message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.events import LinkChanged
from dmvpn.base.streams import StreamClose, StreamData, StreamSend, StreamUp
from dmvpn.features.bgp import FEATURE as BGP
from dmvpn.features.bgp.attributes import Attributes, Segment, SegmentKind, write
from dmvpn.features.bgp.packet import (
    IPV4_UNICAST,
    Capability,
    CapabilityValue,
    Keepalive,
    Message,
    Open,
    Update,
    parse,
    serialize,
    split,
)
from support.routing import GI1, GI2, a, make, p
from support.workbench import Workbench, of_type

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect

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
        more: tuple[CapabilityValue, ...] = (),
        numbered: bool = False,
        system: int = 65001,
    ) -> None:
        self.bench = bench
        self.address = a(f"172.16.31.{number}")
        self.stream = 2 * number + 1 + 1000 * call
        self._more = more
        self.heard: list[Message] = []
        self.closed = False
        self._wide = wide
        self._numbered = numbered
        self._system = system
        self._buffer = bytearray()

    def connects(self) -> Caller:
        self.hears(self.bench.handle(StreamUp(self.stream, LOCAL, 179, self.address, 50000, taken=True)))
        return self

    def opens(self, *, hold_time: int = 90) -> Caller:
        capabilities = [CapabilityValue(Capability.MULTIPROTOCOL, IPV4_UNICAST)]
        if self._wide:
            capabilities.append(CapabilityValue(Capability.FOUR_OCTET_AS, self._system.to_bytes(4, "big")))
        self.says(Open.with_capabilities(self._system, hold_time, self.address, (*capabilities, *self._more)))
        return self

    def is_up(self) -> Caller:
        self.connects().opens().says(Keepalive())
        return self

    def says(self, *messages: Message) -> None:
        self.says_octets(b"".join(map(serialize, messages)))

    def says_octets(self, octets: bytes) -> None:
        self.hears(self.bench.handle(StreamData(self.stream, octets)))

    def waits(self, seconds: float) -> None:
        self.hears(self.bench.advance(seconds))

    def hears(self, effects: list[Effect]) -> None:
        for order in of_type(effects, StreamSend):
            if order.stream == self.stream:
                self._buffer += order.octets
        self.heard += [parse(message, numbered=self._numbered) for message in split(self._buffer)]
        self.closed |= any(order.stream == self.stream for order in of_type(effects, StreamClose))

    def announces(self, *prefixes: str, path: tuple[Segment, ...] | None = None, hop: str = "") -> None:
        path = (Segment(SegmentKind.SEQUENCE, (self._system,)),) if path is None else path
        attributes = Attributes(path=path, next_hop=a(hop) if hop else self.address)
        self.says(Update(attributes=write(attributes, wide=self._wide), announced=tuple(map(p, prefixes))))

    @property
    def updates(self) -> list[Update]:
        return [message for message in self.heard if isinstance(message, Update)]


def hub(more: str = "") -> Workbench:
    """Return a router of AS 65000 that takes guests; more: lines of `router bgp`."""
    bench = make()
    bench = Workbench(*bench.features, BGP)
    bench.configure(f"{BASE}{more}interface {GI2}\n ip address 10.3.3.1 255.255.255.0\n")
    for name in (GI1, GI2):
        bench.handle(LinkChanged(name, up=True))
    return bench
