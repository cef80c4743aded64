"""Access lists from a seed for a whole network, and packets of many kinds, none of which may arrive that a list denies.

    Rule          an entry: its text for a router, and whether it is about a packet
    SiteLists     the lists of a port with hosts
    NetworkLists  all lists of a network: of ports with hosts, of the tunnels, of ports to the provider
    FilterWatch   draws packets and sends them -> wires -> `seen` at a host: does a list deny it?
                                                        -> `review`: permitted, demanded, and lost?

The lists let through what the network itself needs, and the packets of the judge's flows (`traffic`, UDP from port 7 to
port 7). All else is drawn. The routers decide by `base.filters`; the judge decides by itself, in integers. A packet
that a list denies is a violation whenever it reaches its host, whatever else happens in the network. When all faults
are over, packets that may arrive must do so.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from ipaddress import IPv4Address
from typing import Final, NamedTuple

from dmvpn.base.effects import SendIp
from dmvpn.base.entropy import Entropy, SeededEntropy, below
from dmvpn.base.values import Mutable, Value
from dmvpn.dataplane.contract import EffectError
from dmvpn.judge.anatomy import Anatomy
from dmvpn.network.device import Device
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator.node import HOST_TTL
from dmvpn.shells.simulator.simulator import Simulator

# ------------------------------------------------------------------------------------------------ lists


LIST_IN, LIST_OUT, LIST_TUNNEL, LIST_WAN = "DRAWN-IN", "DRAWN-OUT", "DRAWN-TUNNEL", "DRAWN-WAN"
_NUMBERS: Final = {"icmp": 1, "tcp": 6, "udp": 17}
_SYN, _RST, _ACK = 2, 4, 16
_ALL_BITS: Final = 0xFFFFFFFF
#: Drawn entries of a list, at least and at most.
_FEWEST, _MOST = 3, 9
#: Services that entries and packets are about, so that they meet.
PORTS: Final = (7, 9, 23, 53, 80, 443, 5060, 33434)
_FLOWS: Final = "permit udp any eq echo any eq echo"
_TUNNEL: Final = (
    *("permit eigrp any any", "permit ospf any any", "permit udp any any eq rip", "permit tcp any any eq bgp"),
    *("permit tcp any eq bgp any", "permit udp any any eq 3784", "permit icmp any any unreachable"),
)
_WAN: Final = (
    *("permit gre any any", "permit esp any any", "permit udp any any eq isakmp"),
    *("permit udp any any eq non500-isakmp", "permit udp any eq non500-isakmp any", "permit icmp any any"),
)

#: Of an underlay that has its routes by RIP.
_RIP: Final = ("permit udp any any eq rip",)


class Header(NamedTuple):
    """A packet: what entries look at. ports, of ICMP: the type and 0."""

    protocol: int
    source: int
    destination: int
    ports: tuple[int, int]
    flags: int = 0


class Range(NamedTuple):
    """Addresses that agree with `address` where `wildcard` is 0."""

    address: int
    wildcard: int

    @property
    def text(self) -> str:
        """As an entry has it."""
        if self.wildcard == _ALL_BITS:
            return "any"
        return (
            f"host {_dotted(self.address)}"
            if not self.wildcard
            else f"{_dotted(self.address)} {_dotted(self.wildcard)}"
        )

    def holds(self, address: int) -> bool:
        """Return whether it is one of them."""
        return (address | self.wildcard) == (self.address | self.wildcard)


class Rule(Value, kw_only=True):
    """An entry. ports: first and last of each end, None: all; of ICMP: the type as the source port."""

    permit: bool
    protocol: str
    source: Range
    destination: Range
    ports: tuple[tuple[int, int] | None, tuple[int, int] | None] = (None, None)
    established: bool = False

    @property
    def text(self) -> str:
        """The entry."""
        source, destination = (_range(ports) for ports in self.ports) if self.protocol != "icmp" else ("", "")
        kind = f" {self.ports[0][0]}" if self.protocol == "icmp" and self.ports[0] is not None else ""
        ends = f"{self.source.text}{source} {self.destination.text}{destination}"
        verdict = "permit" if self.permit else "deny"
        return f"{verdict} {self.protocol} {ends}{kind}{' established' if self.established else ''}"

    def is_about(self, packet: Header) -> bool:
        """Return whether it decides on a packet."""
        if self.protocol != "ip" and _NUMBERS[self.protocol] != packet.protocol:
            return False
        if self.established and not packet.flags & (_ACK | _RST):
            return False
        in_ports = all(
            one is None or one[0] <= port <= one[1] for one, port in zip(self.ports, packet.ports, strict=True)
        )
        return in_ports and self.source.holds(packet.source) and self.destination.holds(packet.destination)


def passes(rules: tuple[Rule, ...], packet: Header) -> bool:
    """Return whether a list lets a packet pass: the first entry about it decides, and none lets nothing pass."""
    return next((rule.permit for rule in rules if rule.is_about(packet)), False)


class SiteLists(Value):
    """The drawn entries of a port with hosts."""

    inward: tuple[Rule, ...]
    outward: tuple[Rule, ...]


class NetworkLists(Value):
    """All lists. ports: those with hosts, each a router and an interface. tunnel: of all tunnels."""

    ports: Mapping[tuple[str, str], SiteLists]
    tunnel: tuple[Rule, ...]

    @classmethod
    def of(cls, scenario: Scenario) -> NetworkLists:
        """Draw the lists of a network: the same for its name, whatever else is configured."""
        entropy = SeededEntropy(f"{scenario.name}/lists")
        networks = [
            Range(int(host.interface.network.network_address), int(host.interface.network.hostmask))
            for host in scenario.lab.hosts.values()
        ]
        hosts = [Range(int(host.interface.ip), 0) for host in scenario.lab.hosts.values()]
        drawn = [*networks, *hosts, *(_with_gap(one, entropy) for one in networks)]
        ends = dict.fromkeys(scenario.end(host.link) for host in scenario.lab.hosts.values())
        ports = {end: SiteLists(_drawn(drawn, entropy), _drawn(drawn, entropy)) for end in ends}
        return cls(ports, _drawn(drawn, entropy))

    def lines(self, scenario: Scenario, device: Device) -> Iterator[str]:
        """Yield the lines of a router."""
        for (router, port), lists in self.ports.items():
            if router == device.name:
                yield from _list(f"{LIST_IN}-{port}", (_FLOWS,), lists.inward)
                yield from _list(f"{LIST_OUT}-{port}", (_FLOWS,), lists.outward)
                yield f"interface {port}"
                yield f"ip access-group {LIST_IN}-{port} in"
                yield f"ip access-group {LIST_OUT}-{port} out"
                yield "ip verify unicast source reachable-via rx"
        tunnels = device.tunnels.tunnels
        if tunnels and scenario.role(device.name) != "provider":
            yield from _list(LIST_TUNNEL, (*_TUNNEL, _FLOWS), self.tunnel)
            yield from _list(LIST_WAN, (*_WAN, *(_RIP if device.rip.enabled else ())), ())
        for tunnel in tunnels if scenario.role(device.name) != "provider" else ():
            yield f"interface {tunnel.name}"
            yield f"ip access-group {LIST_TUNNEL} in"
        for port in dict.fromkeys(tunnel.source_interface for tunnel in tunnels):
            if port in device.interface_names and not port.startswith("Loopback"):
                yield f"interface {port}"
                yield f"ip access-group {LIST_WAN} in"
                yield "ip verify unicast source reachable-via any allow-default"


def has_lists(scenario: Scenario) -> bool:
    """Return whether a network has lists of this kind."""
    return any(f"ip access-list extended {LIST_TUNNEL}" in text for text in scenario.configurations.values())


def _list(name: str, needed: tuple[str, ...], rules: tuple[Rule, ...]) -> Iterator[str]:
    yield f"ip access-list extended {name}"
    yield from (f"{10 * number} {text}" for number, text in enumerate((*needed, *(rule.text for rule in rules)), 1))


def _drawn(ranges: list[Range], entropy: Entropy) -> tuple[Rule, ...]:
    """Return the entries of a list; two lists of three end with a permission of all."""
    count = _FEWEST + below(entropy, _MOST - _FEWEST + 1)
    rules = [_rule(ranges, entropy) for _ in range(count)]
    every = Range(0, _ALL_BITS)
    if below(entropy, 3):
        rules.append(Rule(permit=True, protocol="ip", source=every, destination=every))
    return tuple(rules)


def _rule(ranges: list[Range], entropy: Entropy) -> Rule:
    protocol = ("tcp", "udp", "icmp", "tcp", "udp", "ip")[below(entropy, 6)]
    ports: list[tuple[int, int] | None] = [None, None]
    if protocol == "icmp" and below(entropy, 2):
        kind = (0, 8)[below(entropy, 2)]
        ports[0] = kind, kind
    elif protocol in ("tcp", "udp"):
        for place in range(2):
            if below(entropy, 1 + 2 * (2 - place)) == 0:
                first = PORTS[below(entropy, len(PORTS))]
                ports[place] = first, first if below(entropy, 2) else 65535
    return Rule(
        permit=below(entropy, 2) == 0,
        protocol=protocol,
        source=_some(ranges, entropy),
        destination=_some(ranges, entropy),
        ports=(ports[0], ports[1]),
        established=protocol == "tcp" and below(entropy, 4) == 0,
    )


def _some(ranges: list[Range], entropy: Entropy) -> Range:
    """Return some addresses: each third time all of them."""
    return ranges[below(entropy, len(ranges))] if below(entropy, 3) else Range(0, _ALL_BITS)


def _with_gap(network: Range, entropy: Entropy) -> Range:
    """Return a range whose wildcard has a gap: every second address, or every second network."""
    bit = 1 << below(entropy, 12)
    wildcard = (network.wildcard | 0xFFFF) & ~bit
    return Range(network.address & ~wildcard & _ALL_BITS, wildcard)


def _range(ports: tuple[int, int] | None) -> str:
    if ports is None:
        return ""
    return f" eq {ports[0]}" if ports[0] == ports[1] else f" range {ports[0]} {ports[1]}"


def _dotted(number: int) -> str:
    return ".".join(str(number >> shift & 0xFF) for shift in (24, 16, 8, 0))


# ------------------------------------------------------------------------------------------------ packets


#: Seconds between two packets, and packets that must arrive at the end.
PACE: Final = 1.5
DEMANDED: Final = 40
#: The rules that a network breaks.
DENIED, LOST = "denied packet arrived", "permitted packet lost"
_MARK: Final = struct.Struct("!4sI")
_MAGIC: Final = b"\x1ddFw"
_ICMP, _TCP, _UDP = 1, 6, 17
_EPHEMERAL: Final = 50_000


class _Sent(NamedTuple):
    """A packet. may: it may arrive; None: that depends on its way. forged: its sender is another station's address."""

    source: str
    destination: str
    packet: Header
    may: bool | None
    forged: bool = False

    @property
    def text(self) -> str:
        """For people."""
        names = {_ICMP: "ICMP", _TCP: "TCP", _UDP: "UDP"}
        ports = f"{self.packet.ports[0]} > {self.packet.ports[1]}"
        forged = ", with a forged sender" if self.forged else ""
        return f"{names[self.packet.protocol]} {ports} from {self.source} to {self.destination}{forged}"


class FilterWatch(Mutable):
    """See the module's docstring. accuse: called with a rule and a text. Sent packets are kept by number."""

    world: Simulator
    scenario: Scenario
    lists: NetworkLists
    pairs: tuple[tuple[str, str], ...]
    entropy: Entropy
    accuse: Callable[[str, str], None]
    _sent: dict[int, _Sent]
    _awaited: dict[int, None]
    _count: int = 0
    _is_over: bool = False

    @classmethod
    def of(
        cls,
        world: Simulator,
        scenario: Scenario,
        anatomy: Anatomy,
        entropy: Entropy,
        accuse: Callable[[str, str], None],
    ) -> FilterWatch:
        """Return the watch over a network."""
        pairs = [pair for one in anatomy.conversations for pair in (one.hosts, one.hosts[::-1])]
        return cls(world, scenario, NetworkLists.of(scenario), tuple(pairs), entropy, accuse, {}, {})

    def begin(self) -> None:
        """Send packets from now on."""

        def act() -> None:
            if not self._is_over:
                self._send(self._draw())
                self.world.after(PACE, act)

        self.world.after(PACE, act)

    def end(self) -> None:
        """Send nothing more."""
        self._is_over = True

    def demand(self) -> None:
        """Send packets that must arrive, as many as are drawn."""
        for _ in range(DEMANDED):
            sent = self._draw()
            number = self._send(sent)
            if sent.may:
                self._awaited[number] = None

    def review(self) -> None:
        """Judge the packets that should have arrived by now."""
        for number in self._awaited:
            self.accuse(LOST, f"{self._sent[number].text}: the lists permit it")
        self._awaited.clear()

    def seen(self, receiver: str, data: bytes) -> None:
        """Look at a packet on a host's wire."""
        place = data.find(_MAGIC)
        if place < 0 or receiver not in self.world.hosts or len(data) < place + _MARK.size:
            return
        number = _MARK.unpack_from(data, place)[1]
        sent = self._sent.get(number)
        if sent is None or sent.destination != receiver or not _is_same(data, sent.packet):
            return  # an answer, or an error that quotes it
        self._awaited.pop(number, None)
        if sent.may is False:
            self.accuse(DENIED, sent.text)

    # ------------------------------------------------------------------------------------------------ drawing

    def _draw(self) -> _Sent:
        here, there = self.pairs[below(self.entropy, len(self.pairs))]
        hosts = self.scenario.lab.hosts
        protocol = (_ICMP, _TCP, _UDP)[below(self.entropy, 3)]
        source, destination = int(hosts[here].interface.ip), int(hosts[there].interface.ip)
        packet = Header(protocol, source, destination, *self._ports(protocol))
        if below(self.entropy, 8) == 0:
            other = self.pairs[below(self.entropy, len(self.pairs))][0]
            forged = int(hosts[other].interface.ip)
            if hosts[other].interface.network != hosts[here].interface.network:
                return _Sent(here, there, packet._replace(source=forged), may=False, forged=True)
        return _Sent(here, there, packet, self._may_pass(here, there, packet))

    def _ports(self, protocol: int) -> tuple[tuple[int, int], int]:
        """Return ports and flags."""
        if protocol == _ICMP:
            return ((8, 0)[below(self.entropy, 2)], 0), 0
        ports = _EPHEMERAL, PORTS[below(self.entropy, len(PORTS))]
        is_answer = below(self.entropy, 2) == 1
        flags = (_SYN | (_ACK if is_answer else 0)) if protocol == _TCP else 0
        return (ports[::-1] if is_answer else ports), flags

    def _may_pass(self, here: str, there: str, packet: Header) -> bool | None:
        """Return whether it may arrive. Between two sites that a cable joins it may pass no tunnel."""
        ends = [self.scenario.end(self.scenario.lab.hosts[name].link) for name in (here, there)]
        first, last = (self.lists.ports[end] for end in ends)
        if not passes(first.inward, packet) or not passes(last.outward, packet):
            return False
        if passes(self.lists.tunnel, packet):
            return True
        return False if any(self.scenario.role(router) == "spoke" for router, _ in ends) else None

    def _send(self, sent: _Sent) -> int:
        self._count += 1
        self._sent[self._count] = sent
        packet = sent.packet
        order = SendIp(
            None,
            IPv4Address(packet.source),
            IPv4Address(packet.destination),
            packet.protocol,
            _payload(packet, _MARK.pack(_MAGIC, self._count)),
            ttl=HOST_TTL,
        )
        with suppress(EffectError):  # its wire is dead
            self.world.hosts[sent.source].send(order, self.world.now)
        return self._count


def _payload(packet: Header, mark: bytes) -> bytes:
    """Return the octets behind the IP header."""
    match packet.protocol:
        case 1:
            return struct.pack("!BBHHH", packet.ports[0], 0, 0, 0, 0) + mark
        case 6:
            return struct.pack("!HHIIBBHHH", *packet.ports, 0, 0, 0x50, packet.flags, 0, 0, 0) + mark
        case _:
            return struct.pack("!HHHH", *packet.ports, 8 + len(mark), 0) + mark


def _is_same(data: bytes, packet: Header) -> bool:
    """Return whether it is this packet, and no other that has its octets in it."""
    ends = (int.from_bytes(data[12:16], "big"), int.from_bytes(data[16:20], "big"))
    begins = data[20:24] if packet.protocol != _ICMP else data[20:21]
    wanted = struct.pack("!HH", *packet.ports) if packet.protocol != _ICMP else bytes(packet.ports[:1])
    return (data[9], *ends) == (packet.protocol, packet.source, packet.destination) and begins == wanted
