"""One interface that speaks RIP: how packets leave it, and which received packets are accepted."""

from __future__ import annotations

from dataclasses import field
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.context import Timer
from dmvpn.base.effects import SendIp
from dmvpn.base.errors import WireError
from dmvpn.base.events import IpReceived
from dmvpn.base.notices import InterfaceState
from dmvpn.base.values import Mutable
from dmvpn.features.rip.model import RipConfig
from dmvpn.features.rip.packet import INFINITY, AddressFamily, Command, RipEntry, RipPacket
from dmvpn.net.ip import UdpDatagram

GROUP: Final = IPv4Address("224.0.0.9")
PORT: Final = 520
UDP: Final = 17
#: As IOS sends; RFC 2453 has no requirement.
TTL: Final = 2
TOS: Final = 0xC0

#: Networks that must not be announced: this host, loopback, multicast and reserved (RFC 2453 §3.9.2).
_IMPOSSIBLE: Final = tuple(Prefix.parse(text) for text in ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3"))


class RipInterface(Mutable):
    """An interface in use.

    address: its primary address, the source of our packets.
    passive: nothing is multicast.
    first_timer: announces the whole table after the circuit came up.
    request_timer: repeats the request while no gateway has answered.
    triggered: updates are sent only on changes (RFC 2091).
    heard: a gateway has answered since the circuit came up.
    attempts: how often the whole table has been requested.
    ignored: packets that were not accepted, and the error of the last one.
    is_over: nothing more may be sent here.
    greeted: when the whole table was last sent, or will be, because of a new receiver.
    summaries: the metrics with which the summaries were last announced.
    """

    state: InterfaceState
    address: IPAddress
    passive: bool
    first_timer: Timer
    request_timer: Timer
    triggered: bool = False
    heard: bool = False
    attempts: int = 0
    ignored: int = 0
    last_ignored: str = ""
    is_over: bool = False
    greeted: float = float("-inf")
    summaries: dict[Prefix, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the interface."""
        return self.state.name

    def goes_on(self, state: InterfaceState, config: RipConfig) -> bool:
        """Return whether the circuit can stay open with this interface state and configuration."""
        return self.state.addresses == state.addresses and self.triggered == config.interface(self.name).triggered

    def begin(self) -> None:
        """Restart the count of requests."""
        self.attempts = 0

    def ask(self) -> int:
        """Count a request for the whole table; returns the number of requests so far."""
        self.attempts += 1
        return self.attempts

    def hear(self) -> None:
        """Note that a gateway answered."""
        self.heard = True

    def ignore(self, what: str) -> None:
        """Count a packet that is not accepted."""
        self.ignored += 1
        self.last_ignored = what

    def greet(self, soon: float, pause: float) -> float:
        """Return when to send the whole table to a new receiver: at `soon`, but at least `pause` seconds after the last
        time.
        """
        self.greeted = max(soon, self.greeted + pause)
        return self.greeted

    def adjust(self, state: InterfaceState, *, passive: bool) -> bool:
        """Apply a changed interface state or configuration; returns whether the circuit stopped being passive."""
        was_passive, self.passive, self.state = self.passive, passive, state
        return was_passive and not passive

    def begin_table(self) -> None:
        """Begin an update with the whole table, in which every summary is announced."""
        self.summaries.clear()

    def is_news(self, summary: Prefix, metric: int | None) -> bool:
        """Record the metric with which a summary is announced now, None: it is not; returns whether the
        metric changed.
        """
        if metric is None:
            self.summaries.pop(summary, None)
            return False
        before, self.summaries[summary] = self.summaries.get(summary), metric
        return before != metric

    def close(self) -> None:
        """Allow no further packets here."""
        self.is_over = True

    def holds(self, address: IPAddress) -> bool:
        """Return whether this address is in a subnet of the interface and not our own."""
        mine = self.state.addresses
        return any(address in Prefix.of(own, length) for own, length in mine) and all(address != own for own, _ in mine)

    def send(self, octets: bytes, destination: IPAddress = GROUP, port: int = PORT) -> SendIp:
        """Return the effect that sends a packet out of this interface."""
        datagram = UdpDatagram(source_port=PORT, destination_port=port, payload=octets)
        return SendIp(
            interface=self.name,
            source=self.address,
            destination=destination,
            protocol=UDP,
            payload=datagram.serialize(self.address, destination),
            ttl=TTL,
            tos=TOS,
        )

    def open(self, event: IpReceived, versions: tuple[int, ...]) -> tuple[RipPacket, int]:
        """Return the RIP packet in an IP packet, and its source port. versions: accepted versions.

        Raises WireError for a packet that must not be accepted.
        """
        datagram = UdpDatagram.parse(event.payload, event.source, event.destination)
        if datagram.destination_port != PORT:
            raise WireError(f"UDP port {datagram.destination_port}", offset=2, clause="RFC 2453 §3.6")
        if not self.holds(event.source):
            raise WireError("a sender outside the interface's subnet", offset=0, clause="RFC 2453 §3.9.2")
        packet = RipPacket.parse(datagram.payload)
        if packet.version != 2 or packet.version not in versions:
            raise WireError(f"RIP version {packet.version}", offset=1, clause="RFC 2453 §5.1")
        if (packet.update is not None) != self.triggered:
            which = "without" if self.triggered else "with"
            raise WireError(f"a sender {which} triggered RIP", offset=0, clause="RFC 2091 §4")
        if packet.command in (Command.RESPONSE, Command.UPDATE_RESPONSE) and datagram.source_port != PORT:
            raise WireError(f"a response from port {datagram.source_port}", offset=0, clause="RFC 2453 §3.9.2")
        return packet, datagram.source_port

    def next_hop(self, entry: RipEntry, gateway: IPAddress) -> IPAddress:
        """Return the next hop of the entry if it is on this subnet, otherwise the sender (RFC 2453 §4.4)."""
        return entry.next_hop if int(entry.next_hop) and self.holds(entry.next_hop) else gateway


def ends(circuit: RipInterface, config: RipConfig) -> bool:
    """Return whether we stop announcing on the circuit with this configuration."""
    if not config.enabled or 2 not in config.sends(circuit.name) or not config.covers(circuit.address):
        return True
    return config.is_passive(circuit.name) and not circuit.passive


def believable(entry: RipEntry) -> Prefix | None:
    """Return the prefix of an acceptable entry, or None, RFC 2453 §3.9.2: a bad entry does not invalidate the other
    entries.
    """
    prefix = entry.prefix
    if prefix is None or entry.family != AddressFamily.IPV4 or not 1 <= entry.metric <= INFINITY:
        return None
    if not prefix.is_default and any(prefix in network for network in _IMPOSSIBLE):
        return None
    return prefix
