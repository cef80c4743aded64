"""IKE machines of several routers, with a little configuration each, on wires in virtual time.

A `Node` is what a router's `ike` feature is to the others: it is told notices and events, and everything that it says
is kept. `MachineNet` carries the datagrams, translates addresses, loses what it is told to, and lets time jump.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Self, TypedDict, TypeVar, Unpack

from dmvpn.base.addresses import Prefix
from dmvpn.base.chronicle import LateLine
from dmvpn.base.effects import Effect, NextHop, SendIp
from dmvpn.base.events import Event, IpReceived, Tick
from dmvpn.base.negotiation import ConnectionChanged, NegotiationWanted, PoliciesChanged, SaClosed, SaNegotiated
from dmvpn.base.notices import Configured, InterfaceState, Log, Notice, Route, RouteSource
from dmvpn.base.protection import Encapsulation, EspCipher, EspHash, EspTransform, IkePhase, ProtectionPolicy
from dmvpn.features.ike.config import model
from dmvpn.features.ike.machine import IkeMachine
from dmvpn.features.ike.v1.sa import IsakmpSa
from dmvpn.net.ip import UdpDatagram
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from support.fakes import FakeInterfaces, FakeRib, fake_ports

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.protection import Connection, IkeView

E = TypeVar("E", bound=Effect | Notice)
DELAY = 0.01
HUB, SPOKE = "198.51.100.1", "203.0.113.10"
AES = EspTransform(EspCipher.AES_CBC, 256, EspHash.SHA256)
GCM = EspTransform(EspCipher.AES_GCM, 256)
PSK = """
crypto ikev2 keyring RING
 peer ALL
  address 0.0.0.0 0.0.0.0
  pre-shared-key secret
crypto ikev2 profile P
 match identity remote any
 authentication local pre-share
 authentication remote pre-share
 keyring local RING
"""
#: The same in the lines of IKEv1.
ISAKMP = """
crypto isakmp policy 10
 encryption aes 256
 hash sha256
 authentication pre-share
 group 14
 lifetime 3600
crypto isakmp key secret address 0.0.0.0 0.0.0.0
"""


class Changes(TypedDict, total=False):
    """What of a node's policy is not as usual."""

    transforms: tuple[EspTransform, ...]
    isakmp_profile: str
    responder_only: bool
    encapsulation: Encapsulation
    nat_traversal: bool
    esn: bool
    pfs_group: int
    seconds: float
    transport: bool
    may_tunnel: bool


#: The net delivers to every node.
_DEFAULT_ROUTE = Route(
    prefix=Prefix.parse("0.0.0.0/0"),
    source=RouteSource.STATIC,
    distance=1,
    next_hops=(NextHop("GigabitEthernet0/1", IPv4Address("192.0.2.254")),),
)


class Node:
    """One router's IKE. pairs: the SAs that a data plane would have now, by inbound SPI; lingering ones, too."""

    def __init__(self, net: MachineNet, address: str, text: str, seed: str, **policy: Unpack[Changes]) -> None:
        self.net, self.address = net, IPv4Address(address)
        self.ports = fake_ports(seed=sum(seed.encode()))
        self.interfaces: list[InterfaceState] = []
        self.ports.interfaces = FakeInterfaces(self.interfaces)
        self.ports.rib = FakeRib([_DEFAULT_ROUTE])
        self.machine = IkeMachine(self.ports)
        self.policy = ProtectionPolicy(name="IPSEC", local=self.address, ikev2_profile="", transforms=(AES,))
        self.policy = replace(self.policy, **policy)
        self.said: list[Effect | Notice] = []
        self.pairs: dict[int, SaNegotiated] = {}
        self.lingering: dict[int, SaNegotiated] = {}
        self.configure(text)
        self.tell(PoliciesChanged((self.policy,)))

    def configure(self, text: str) -> None:
        """Run this configuration from now on."""
        self.tell(Configured("ike", model(configurator(FEATURES).parse_text(text).tree)))

    def tell(self, event: Event | Notice) -> None:
        """Hand something to the machine, and do what it wants."""
        for result in self.machine.handle(event, self.net.now):
            self.take(result)

    def take(self, result: Effect | Notice) -> None:
        """Do what the machine wants."""
        self.said.append(result)
        match result:
            case SendIp():
                self.net.send(self, result)
            case SaNegotiated(sa=sa):
                self.pairs[sa.spi_in] = result
            case SaClosed(spi_in=spi, lingers=True) if spi in self.pairs:
                self.lingering[spi] = self.pairs.pop(spi)
            case SaClosed(spi_in=spi):
                self.pairs.pop(spi, None)
                self.lingering.pop(spi, None)
            case _:
                pass

    def want(self, other: Node | str, *, wanted: bool = True) -> None:
        """IPsec wants SAs with the other one, or no more."""
        remote = other.address if isinstance(other, Node) else IPv4Address(other)
        self.tell(NegotiationWanted("IPSEC", self.address, remote, wanted))

    def heard(self, kind: type[E]) -> list[E]:
        """Return all that it said of one kind; late lines are read."""
        read = [result.spell() if isinstance(result, LateLine) else result for result in self.said]
        return [result for result in read if isinstance(result, kind)]

    @property
    def logs(self) -> list[str]:
        """Lines in the log."""
        return [f"%{log.kind.name}: {log.text}" for log in self.heard(Log)]

    @property
    def connections(self) -> dict[int, Connection]:
        """Connections that have SAs, as the notices say."""
        known: dict[int, Connection] = {}
        for change in self.heard(ConnectionChanged):
            if change.new is not None:
                known[change.new.number] = change.new
            elif change.old is not None:
                known.pop(change.old.number, None)
        return known

    def forget_what_was_said(self) -> None:
        """Only what comes from now on counts."""
        self.said.clear()


@dataclass(slots=True)
class MachineFlight:
    """A datagram on its way, as the network shows it. to_port: UDP."""

    at: float
    order: int
    sender: IPv4Address
    source: IPv4Address
    target: IPv4Address
    datagram: UdpDatagram


@dataclass(slots=True)
class MachineNet:
    """The wires.

    nats: inside to outside address.
    shift: what the NAT adds to a port.
    drops: decides over each.
    delays: for each of its copies, seconds on its way.
    """

    now: float = 0.0
    drops: Callable[[MachineFlight], bool] = lambda _: False
    delay: float = DELAY
    delays: Callable[[MachineFlight], tuple[float, ...]] | None = None
    nats: dict[IPv4Address, IPv4Address] = field(default_factory=dict)
    shift: dict[IPv4Address, int] = field(default_factory=dict)
    nodes: dict[IPv4Address, Node] = field(default_factory=dict)
    flights: list[MachineFlight] = field(default_factory=list)
    log: list[MachineFlight] = field(default_factory=list)
    _serial: int = 0

    def node(self, address: str, text: str = PSK, seed: str = "", **policy: Unpack[Changes]) -> Node:
        """Return a router. The same address again: it has restarted and knows nothing."""
        node = Node(self, address, text, f"{seed}{address}", **policy)
        self.nodes[node.address] = node
        return node

    def send(self, node: Node, sent: SendIp) -> None:
        """A packet leaves its router."""
        assert isinstance(sent.source, IPv4Address)
        assert isinstance(sent.destination, IPv4Address)
        datagram = UdpDatagram.parse(sent.payload, sent.source, sent.destination)
        source = sent.source
        if outside := self.nats.get(source):
            datagram = replace(datagram, source_port=datagram.source_port + self.shift.get(source, 1000))
            source = outside
        self._serial += 1
        flight = MachineFlight(self.now + self.delay, self._serial, node.address, source, sent.destination, datagram)
        self.log.append(flight)
        if self.drops(flight):
            return
        for delay in self.delays(flight) if self.delays else (self.delay,):
            self._serial += 1
            self.flights.append(replace(flight, at=self.now + delay, order=self._serial))

    def deliver(self, flight: MachineFlight) -> None:
        """Let a datagram arrive, whether it was sent or made up."""
        target, datagram = flight.target, flight.datagram
        for inside, outside in self.nats.items():
            shift = self.shift.get(inside, 1000)
            if target == outside and datagram.destination_port - shift in (500, 4500):
                target = inside
                datagram = replace(datagram, destination_port=datagram.destination_port - shift)
                break
        node = self.nodes.get(target)
        if node is not None:
            payload = datagram.serialize(flight.source, target)
            node.tell(IpReceived("GigabitEthernet1", flight.source, target, 17, payload))

    def run(self, seconds: float) -> Self:
        """Let time pass."""
        end = self.now + seconds
        while True:
            times = [flight.at for flight in self.flights]
            times += [when for node in self.nodes.values() if (when := node.machine.next_deadline()) is not None]
            if not times or min(times) > end:
                self.now = end
                return self
            self.now = max(self.now, min(times))
            due = sorted((f for f in self.flights if f.at <= self.now), key=lambda f: (f.at, f.order))
            self.flights = [f for f in self.flights if f.at > self.now]
            for flight in due:
                self.deliver(flight)
            for node in tuple(self.nodes.values()):
                deadline = node.machine.next_deadline()
                if deadline is not None and deadline <= self.now:
                    node.tell(Tick())


def crosswise(one: Node, other: Node) -> bool:
    """Has every pair of each its counterpart at the other, with the same keys, and is there one at all?"""
    ours = {(p.sa.spi_in, p.sa.spi_out, p.sa.key_in, p.sa.key_out) for p in one.pairs.values()}
    theirs = {(p.sa.spi_out, p.sa.spi_in, p.sa.key_out, p.sa.key_in) for p in other.pairs.values()}
    return bool(ours) and ours == theirs


def pair(text: str = PSK, **policy: Unpack[Changes]) -> tuple[MachineNet, Node, Node]:
    """Return a hub and a spoke that want nothing yet."""
    net = MachineNet()
    return net, net.node(HUB, text, **policy), net.node(SPOKE, text, **policy)


def up(text: str = PSK, **policy: Unpack[Changes]) -> tuple[MachineNet, Node, Node]:
    """Return a hub and a spoke that have SAs."""
    net, hub, spoke = pair(text, **policy)
    spoke.want(hub)
    net.run(1)
    assert crosswise(hub, spoke), (hub.logs, spoke.logs)
    return net, hub, spoke


def ready(node: Node) -> list[IkeView]:
    """Return the IKE SAs that are established."""
    return [view for view in node.machine.sas() if view.phase in (IkePhase.READY, IkePhase.QM_IDLE)]


def isakmp_sas(node: Node) -> list[IsakmpSa]:
    """Return the ISAKMP SAs of a router, whatever their phase."""
    return [sa for sa in node.machine.sessions if isinstance(sa, IsakmpSa)]


def arrives(node: Node, octets: bytes, source: str = SPOKE, port: int = 500) -> list[bytes]:
    """A datagram comes to a router's port 500. Returns what leaves because of it."""
    before, at = len(node.net.log), IPv4Address(source)
    datagram = UdpDatagram(source_port=port, destination_port=500, payload=octets)
    node.tell(IpReceived("GigabitEthernet1", at, node.address, 17, datagram.serialize(at, node.address)))
    return [flight.datagram.payload for flight in node.net.log[before:] if flight.sender == node.address]


def is_beginning(flight: MachineFlight) -> bool:
    """Return whether it is an IKE_SA_INIT request, or message 1 of main mode."""
    octets = flight.datagram.payload.removeprefix(bytes(4))
    return octets[18:19] in (b"\x02", b"\x22") and octets[8:16] == bytes(8)
