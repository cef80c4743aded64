"""Captures of other implementations, played to our own router in the role of one who took part.

`conversation` reads a capture into datagrams: everything in GRE, out of ESP too where its keys are known, with outer
addresses and times. `Role` is a whole router of ours without a data plane. It is told what the participant was told,
when it was told: NHRP packets, and on a hub the packets that it forwarded between spokes. What it makes of that is seen
in its show commands and in the packets that it sends.

Two things must be fitted, because the other end of the capture cannot hear us. An answer to a request of the captured
participant is taken as the answer to our latest request of the same kind for the same address, and gets its request
id; without such a request nobody asked, and it is left out. And an echo by which we try a direct path is answered if
the capture has packets that came by that path.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, TypeVar

from dmvpn.base.effects import GRE_IPV4, GRE_NHRP, ClearAdjacency, Effect, PollUsage, SendGre, SetAdjacency
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import (
    ClockSet,
    ConfigurationEntered,
    Event,
    Hairpin,
    IpReceived,
    LinkChanged,
    NhrpReceived,
    PeerUsage,
    Tick,
    UsageReported,
)
from dmvpn.features.nhrp import packet as nhrp
from dmvpn.ios import CliError
from dmvpn.net import icmp
from dmvpn.net.gre import GreHeader, ProtocolType
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from dmvpn.router.features import FEATURES
from dmvpn.router.prompt import exec_parser
from dmvpn.router.router import Router
from support.pcap import esp_keys, network_layer, open_esp, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dmvpn.base.addresses import IPAddress

P = TypeVar("P", bound=nhrp.NhrpPacket)

TUNNEL = "Tunnel0"
_PARSER = exec_parser(FEATURES)
_ESP_IN_UDP = 4500


@dataclass(frozen=True, slots=True)
class Datagram:
    """A GRE packet of a capture. time: seconds since its first frame."""

    time: float
    source: IPv4Address
    destination: IPv4Address
    kind: int
    payload: bytes

    @property
    def nhrp(self) -> nhrp.NhrpPacket:
        """What it carries, if that is NHRP."""
        return nhrp.parse(self.payload)

    @property
    def inner(self) -> Ipv4Packet:
        """What it carries, if that is IP."""
        return Ipv4Packet.parse(self.payload)


def conversation(path: Path) -> list[Datagram]:
    """Everything in GRE, in order."""
    keys, found = esp_keys(path), []
    first: float | None = None
    for time, link, data in _frames(path):
        first = time if first is None else first
        layer = network_layer(link, data)
        if layer is None or layer[0] != 0x0800:
            continue
        outer = Ipv4Packet.parse(layer[1])
        gre = _gre(outer, keys)
        if gre is None:
            continue
        header, start = GreHeader.parse(gre)
        found.append(Datagram(time - first, outer.source, outer.destination, header.protocol_type, gre[start:]))
    return found


def _gre(outer: Ipv4Packet, keys: dict[bytes, bytes]) -> bytes | None:
    match outer.protocol:
        case IpProtocol.GRE:
            return outer.payload
        case IpProtocol.ESP:
            return open_esp(outer.payload, keys)
        case IpProtocol.UDP if _ESP_IN_UDP in struct.unpack_from("!HH", outer.payload) and any(outer.payload[8:12]):
            return open_esp(outer.payload[8:], keys)
        case _:
            return None


def _frames(path: Path) -> Iterator[tuple[float, int, bytes]]:
    data = path.read_bytes()
    if path.suffix != ".pcapng":
        capture = read(data)
        for frame in capture.frames:
            yield frame.time_ns / 1e9, capture.link_type, frame.data
        return
    position, link = 0, -1
    while position < len(data):
        kind, length = struct.unpack_from("<II", data, position)
        if kind == 1:
            (link,) = struct.unpack_from("<H", data, position + 8)
        elif kind == 6:
            high, low, captured = struct.unpack_from("<III", data, position + 12)
            yield ((high << 32) + low) / 1e6, link, data[position + 28 : position + 28 + captured]
        position += length


@dataclass(slots=True)
class Said:
    """A packet that our router sent. to: the NBMA address."""

    time: float
    to: IPAddress
    packet: nhrp.NhrpPacket


@dataclass(slots=True)
class Role:
    """Our router in the place of one who took part.

    nbma: whose place.
    said: the NHRP packets that it sent.
    """

    nbma: IPv4Address
    configuration: str
    packets: list[Datagram]
    now: float = 0.0
    said: list[Said] = field(default_factory=list)
    router: Router = field(init=False)
    _counts: dict[IPv4Address, list[int]] = field(default_factory=dict)
    _adjacencies: dict[IPAddress, bool] = field(default_factory=dict)
    _inbox: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        """The router starts when the capture does."""
        self.router = Router(SeededEntropy("replayed"))
        self._tell(ClockSet(1.8e9))
        self._tell(ConfigurationEntered(self.configuration, by="startup", saved=True))
        for number in (1, 2):
            self._tell(LinkChanged(f"GigabitEthernet0/{number}", True))

    # ------------------------------------------------------------------------------------------------ time

    def play(self, until: float = float("inf"), after: float = 0.0) -> Role:
        """Tell it what happened later than now, up to `until`; then let `after` seconds pass."""
        begun = self.now
        for packet in self.packets:
            if begun <= packet.time <= until and packet.destination == self.nbma:
                self.wait(packet.time - self.now)
                self._arrive(packet)
        if until != float("inf"):
            self.wait(until - self.now)
        self.wait(after)
        return self

    def wait(self, seconds: float) -> None:
        """Time passes."""
        end = self.now + max(0.0, seconds)
        while (due := self.router.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self._tell(Tick())
        self.now = end

    # ------------------------------------------------------------------------------------------------ what is seen

    def show(self, command: str) -> list[str]:
        """Return what `show ...` prints now."""
        match = _PARSER.match(f"show {command}")
        assert not isinstance(match, CliError), command
        return list(match.lines(self.router.context(self.now)))

    def sent(self, kind: type[P]) -> list[tuple[IPAddress, P]]:
        """Return the packets of a type that it sent, and where to."""
        return [(said.to, said.packet) for said in self.said if isinstance(said.packet, kind)]

    # ------------------------------------------------------------------------------------------------ the other end

    def _arrive(self, packet: Datagram) -> None:
        counts = self._counts.setdefault(packet.source, [0, 0])
        counts[1] += 1
        if packet.kind == ProtocolType.NHRP:
            fitted = self._fitted(packet.nhrp)
            if fitted is not None:
                self._tell(NhrpReceived(TUNNEL, packet.source, fitted))
        elif packet.kind == ProtocolType.IPV4 and self._turns_round(packet.inner):
            inner = packet.inner
            self._tell(Hairpin(TUNNEL, TUNNEL, packet.source, replace(inner, ttl=inner.ttl - 1).serialize()))

    def _turns_round(self, inner: Ipv4Packet) -> bool:
        """Would our data plane forward the packet back into the tunnel?"""
        if self.router.ports.interfaces.owner(inner.destination) is not None or inner.destination.is_multicast:
            return False
        hops = self.router.ports.rib.forwarding(inner.destination)
        return any(h.interface == TUNNEL and (h.address or inner.destination) in self._adjacencies for h in hops)

    def _fitted(self, packet: nhrp.NhrpPacket) -> bytes | None:
        """The packet as an answer to a request of ours; None: we have not asked, so there would be no such answer."""
        asked: type[nhrp.NhrpPacket]
        match packet:
            case nhrp.RegistrationReply() if packet.source_nbma == self.nbma:
                asked = nhrp.RegistrationRequest
            case nhrp.ResolutionReply() if packet.source_nbma == self.nbma:
                asked = nhrp.ResolutionRequest
            case _:
                return packet.serialize()
        for said in reversed(self.said):
            ours = said.packet
            if isinstance(ours, asked) and ours.source_nbma == self.nbma:
                resolution = isinstance(ours, nhrp.ResolutionRequest)
                if not resolution or ours.destination_protocol == packet.destination_protocol:
                    assert isinstance(ours, nhrp.RegistrationRequest | nhrp.ResolutionRequest)
                    return replace(packet, request_id=ours.request_id).serialize()
        return None

    def _tell(self, event: Event) -> None:
        self._inbox.append(event)
        while self._inbox:
            for effect in self.router.handle(self._inbox.pop(0), self.now):
                self._carry_out(effect)

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case SendGre(nbma=IPv4Address() as nbma, protocol=protocol, payload=payload):
                self._counts.setdefault(nbma, [0, 0])[0] += 1
                if protocol == GRE_NHRP:
                    self.said.append(Said(self.now, nbma, nhrp.parse(payload)))
                elif protocol == GRE_IPV4 and self._came_by(nbma):
                    self._echo(payload)
            case SetAdjacency(next_hop=next_hop):
                self._adjacencies[next_hop] = True
            case ClearAdjacency(next_hop=next_hop):
                self._adjacencies.pop(next_hop, None)
            case PollUsage():
                peers = tuple(PeerUsage(nbma, sent, received) for nbma, (sent, received) in self._counts.items())
                self._inbox.append(UsageReported(TUNNEL, peers))

    def _came_by(self, nbma: IPv4Address) -> bool:
        """Did data come straight from there, at any time in the capture?"""
        ways = ((packet.kind, packet.source, packet.destination) for packet in self.packets)
        return (ProtocolType.IPV4, nbma, self.nbma) in ways

    def _echo(self, payload: bytes) -> None:
        inner = Ipv4Packet.parse(payload)
        request = icmp.parse(inner.payload)
        if isinstance(request, icmp.EchoRequest):
            answer = request.reply().serialize()
            self._inbox.append(IpReceived(TUNNEL, inner.destination, inner.source, IpProtocol.ICMP, answer))
