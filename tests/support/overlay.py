"""A tiny overlay for tests of NHRP: machines back to back, no data plane, no routing protocol, a clock that jumps.

`Member` is one router's NHRP machine with fake ports; `Overlay` carries what the members send to the owner of the NBMA
address, answers echoes as a data plane would, and lets time pass. Packets can be lost between any two (`cut`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING, Self, TypeVar

from dmvpn.base import notices
from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.effects import (
    GRE_IPV4,
    GRE_NHRP,
    ClearAdjacency,
    Effect,
    NextHop,
    PollUsage,
    SendGre,
    SetAdjacency,
    SetMulticast,
)
from dmvpn.base.events import Event, Hairpin, IpReceived, NhrpReceived, PeerUsage, Tick, UsageReported
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.features.nhrp.model import NhrpConfig, NhsConfig, TunnelConfig
from dmvpn.features.nhrp.packet import NhrpPacket, parse
from dmvpn.net import icmp
from dmvpn.net.ipv4 import Ipv4Packet
from support.fakes import FakeDebugging, FakeInterfaces, FakeRib, FakeTunnels, fake_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dmvpn.base.ports import Ports
    from dmvpn.features.nhrp.client import NhsClient

TUNNEL = "Tunnel100"
HUB = NhsConfig(address=IPv4Address("192.168.100.11"), nbma=IPv4Address("172.16.11.1"), multicast=True)
P = TypeVar("P", bound=NhrpPacket)


def address(text: str) -> IPAddress:
    """Short for `ip_address`."""
    return ip_address(text)


@dataclass(frozen=True)
class Sent:
    """A packet on the wire: its sender and its destination."""

    when: float
    source: IPAddress
    destination: IPAddress
    packet: NhrpPacket


@dataclass
class Member:
    """A router.

    lans: prefixes behind it.
    routes: what a routing protocol would tell it, next hop by prefix.
    """

    name: str
    nbma: IPAddress
    tunnel: IPAddress
    config: TunnelConfig
    lans: dict[str, str] = field(default_factory=dict)
    routes: dict[str, str] = field(default_factory=dict)
    multipoint: bool = True
    destination: IPAddress | None = None
    translated: IPAddress | None = None
    key: int | None = 100
    adjacencies: dict[IPAddress, IPAddress] = field(default_factory=dict)
    multicast: tuple[IPAddress, ...] = ()
    effects: list[Effect | notices.Notice] = field(default_factory=list)
    counters: dict[IPAddress, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.interfaces, self.tunnels, self.rib, self.debugging = (
            FakeInterfaces(),
            FakeTunnels(),
            FakeRib(),
            FakeDebugging(),
        )
        ports = fake_ports(seed=int(self.nbma))
        self.ports: Ports = replace(
            ports, interfaces=self.interfaces, tunnels=self.tunnels, rib=self.rib, debugging=self.debugging
        )
        self.machine = NhrpMachine(self.ports)
        self.tunnel_state = notices.TunnelState(
            name=TUNNEL,
            multipoint=self.multipoint,
            source=self.nbma,
            source_interface="GigabitEthernet0/1",
            destination=self.destination,
            key=self.key,
            transport_mtu=1472,
            up=False,
        )

    @property
    def outside(self) -> IPAddress:
        """The NBMA address as the others see it."""
        return self.translated or self.nbma

    def interface_states(self) -> Iterable[notices.InterfaceState]:
        """Yield the tunnel and the LANs."""
        yield notices.InterfaceState(name=TUNNEL, enabled=True, line=True, address=self.tunnel, prefix_length=24)
        for number, (prefix, own) in enumerate(self.lans.items()):
            lan = Prefix.parse(prefix)
            yield notices.InterfaceState(
                name=f"GigabitEthernet0/{number + 2}",
                enabled=True,
                line=True,
                address=ip_address(own),
                prefix_length=lan.length,
            )

    def fill_rib(self) -> None:
        """Connected routes, and those of `routes`."""
        self.rib.known = [
            notices.Route(
                prefix=state.prefix or Prefix.host(self.tunnel),
                source=notices.RouteSource.CONNECTED,
                distance=0,
                next_hops=(NextHop(state.name),),
            )
            for state in self.interfaces.states
        ]
        self.rib.known += [self.learned_route(prefix, hop) for prefix, hop in self.routes.items()]

    def learned_route(self, prefix: str, hop: str) -> notices.Route:
        """Return a route of a routing protocol."""
        return notices.Route(
            prefix=Prefix.parse(prefix),
            source=notices.RouteSource.EIGRP,
            distance=90,
            metric=52992000,
            next_hops=(NextHop(TUNNEL, ip_address(hop)),),
        )

    def count(self, nbma: IPAddress, *, sent: int = 0, received: int = 0) -> None:
        """Packets that went to a peer, or came from it."""
        before = self.counters.get(nbma, (0, 0))
        self.counters[nbma] = (before[0] + sent, before[1] + received)

    def forwards(self, destination: str) -> tuple[str, IPAddress | None]:
        """Interface and NBMA address by which a packet leaves."""
        target = ip_address(destination)
        hops = self.rib.forwarding(target)
        hop = hops[0]
        next_hop = hop.address or target
        return hop.interface, self.adjacencies.get(next_hop) if hop.interface == TUNNEL else None


class Overlay:
    """All members, the wire, and the clock."""

    def __init__(self, *members: Member, delay: float = 0.01) -> None:
        self.now = 0.0
        self.members = {member.name: member for member in members}
        self.packets: list[Sent] = []
        self.logs: list[tuple[str, str]] = []
        self.delay = delay
        self._cuts: set[tuple[IPAddress, IPAddress]] = set()
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0
        self.filter: Callable[[Member, IPAddress, NhrpPacket], bool] = lambda *_: True

    # -------------------------------------------------------------------------------------------- what tests do

    def start(self, *names: str) -> Self:
        """Configure members and bring their tunnels up."""
        for name in names or tuple(self.members):
            member = self.members[name]
            member.interfaces.states = list(member.interface_states())
            member.tunnels.states = [member.tunnel_state]
            member.fill_rib()
            self.handle(member, notices.Configured("nhrp", NhrpConfig(tunnels=(member.config,), logging=True)))
            self.line(name, up=True)
        return self

    def settled(self) -> Self:
        """Start all; when everybody is registered, what was sent for that is forgotten."""
        self.start().run(5)
        self.packets.clear()
        return self

    def line(self, name: str, *, up: bool) -> Self:
        """The tunnel of a member can send, or cannot any more."""
        self._change_tunnel(name, up=up)
        return self

    def move(self, name: str, nbma: str) -> None:
        """A member gets another NBMA address."""
        member = self.members[name]
        member.nbma = ip_address(nbma)
        self._change_tunnel(name, source=member.nbma)

    def lose_source(self, name: str) -> None:
        """The tunnel of a member has no NBMA address any more: the data plane removes it."""
        self.members[name].adjacencies.clear()
        self._change_tunnel(name, up=False, source=None)

    def configure(self, name: str, **changes: object) -> Self:
        """Change settings of a member."""
        member = self.members[name]
        member.config = replace(member.config, **changes)  # type: ignore[arg-type]
        self.handle(member, notices.Configured("nhrp", NhrpConfig(tunnels=(member.config,), logging=True)))
        return self

    def route(self, name: str, prefix: str, hop: str | None) -> None:
        """A routing protocol of a member learns a route, or loses it."""
        member, target = self.members[name], Prefix.parse(prefix)
        old = member.rib.exact(target)
        if old is not None:
            member.rib.known.remove(old)
        new = member.learned_route(prefix, hop) if hop else None
        if new is not None:
            member.rib.known.append(new)
        self.handle(member, notices.RouteChanged(target, old, new))

    def cut(self, one: str, other: str, *, both: bool = True) -> Self:
        """No packet passes from one member to the other (and back) on the underlay."""
        first, second = self.members[one].outside, self.members[other].outside
        self._cuts.add((first, second))
        if both:
            self._cuts.add((second, first))
        return self

    def fix(self) -> None:
        """Every packet passes again."""
        self._cuts.clear()

    def handle(self, member: Member | str, event: Event | notices.Notice) -> list[Effect | notices.Notice]:
        """Give an event to a member and carry out what it orders."""
        who = self.members[member] if isinstance(member, str) else member
        results = who.machine.handle(event, self.now)
        who.effects += results
        for result in results:
            self._carry_out(who, result)
        return results

    def run(self, seconds: float) -> Self:
        """Let time pass."""
        end = self.now + seconds
        for _ in range(100_000):
            times = [member.machine.next_deadline() for member in self.members.values()]
            due = min([when for when in times if when is not None] + [entry[0] for entry in self._queue], default=None)
            if due is None or due > end:
                self.now = end
                return self
            self.now = max(self.now, due)
            self._step()
        raise AssertionError("time does not go on")

    def sent(self, kind: type[P], source: str | None = None) -> list[P]:
        """Return the packets of a type that were sent (by a member), in order."""
        nbma = self.members[source].outside if source else None
        return [s.packet for s in self.packets if isinstance(s.packet, kind) and nbma in (None, s.source)]

    def log_texts(self, name: str) -> list[str]:
        """Return the log messages of a member."""
        return [text for who, text in self.logs if who == name]

    # -------------------------------------------------------------------------------------------- the wire

    def _step(self) -> None:
        ready = sorted(entry for entry in self._queue if entry[0] <= self.now)
        self._queue = [entry for entry in self._queue if entry[0] > self.now]
        for _, _, action in ready:
            action()
        for member in self.members.values():
            deadline = member.machine.next_deadline()
            if deadline is not None and deadline <= self.now:
                self.handle(member, Tick())

    def _later(self, action: Callable[[], None]) -> None:
        self._serial += 1
        self._queue.append((self.now + self.delay, self._serial, action))

    def _carry_out(self, member: Member, result: Effect | notices.Notice) -> None:
        match result:
            case SendGre(nbma=nbma, protocol=protocol, payload=payload):
                member.count(nbma, sent=1)
                self._transmit(member, nbma, protocol, payload)
            case SetAdjacency(next_hop=next_hop, nbma=nbma):
                member.adjacencies[next_hop] = nbma
            case ClearAdjacency(next_hop=next_hop):
                del member.adjacencies[next_hop]
            case SetMulticast(nbmas=nbmas):
                member.multicast = nbmas
            case PollUsage():
                peers = tuple(PeerUsage(nbma, *counts) for nbma, counts in member.counters.items())
                self._later(lambda: self._report(member, peers))
            case notices.RouteOffered(route=route):
                self._withdraw(member, route.prefix)
                member.rib.known.append(route)
                self.handle(member, notices.RouteChanged(route.prefix, None, route))
            case notices.RouteRetracted(prefix=prefix):
                self._withdraw(member, prefix)
            case notices.OverrideOffered(prefix=prefix, next_hop=hop):
                if hop is None:
                    member.rib.overrides.pop(prefix, None)
                else:
                    member.rib.overrides[prefix] = hop
            case notices.Log():
                self.logs.append((member.name, f"%{result.kind.name}: {result.text}"))
            case _:
                pass

    @staticmethod
    def _withdraw(member: Member, prefix: Prefix) -> None:
        known = member.rib.known
        member.rib.known = [r for r in known if not (r.prefix == prefix and r.source is notices.RouteSource.NHRP)]

    def _report(self, member: Member, peers: tuple[PeerUsage, ...]) -> None:
        self.handle(member, UsageReported(TUNNEL, peers))

    def _transmit(self, sender: Member, nbma: IPAddress, protocol: int, payload: bytes) -> None:
        source = sender.outside
        if protocol == GRE_NHRP:
            packet = parse(payload)
            self.packets.append(Sent(self.now, source, nbma, packet))
            if not self.filter(sender, nbma, packet):
                return
        receiver = next((m for m in self.members.values() if m.outside == nbma), None)
        if receiver is None or (source, nbma) in self._cuts:
            return
        if protocol == GRE_NHRP:
            self._later(lambda: self._arrive(receiver, source, payload))
        elif protocol == GRE_IPV4:
            self._later(lambda: self._echo(receiver, source, payload))

    def _arrive(self, receiver: Member, source: IPAddress, payload: bytes) -> None:
        receiver.count(source, received=1)
        self.handle(receiver, NhrpReceived(TUNNEL, source, payload))

    def _echo(self, receiver: Member, source: IPAddress, payload: bytes) -> None:
        """An echo arrives: it is answered the way the receiver's adjacencies lead, perhaps by a hub."""
        receiver.count(source, received=1)
        packet = Ipv4Packet.parse(payload)
        request = icmp.parse(packet.payload)
        if packet.destination != receiver.tunnel or not isinstance(request, icmp.EchoRequest):
            return
        event = IpReceived(TUNNEL, packet.source, packet.destination, packet.protocol, packet.payload, tos=packet.tos)
        self.handle(receiver, event)
        reply = replace(
            packet, source=packet.destination, destination=packet.source, payload=request.reply().serialize()
        )
        self._walk(receiver, reply)

    def _walk(self, member: Member, packet: Ipv4Packet) -> None:
        nbma = member.adjacencies.get(packet.destination)
        if nbma is None:
            server = next((n.nbma for n in member.config.nhs if n.nbma), None)
            nbma = server
        if nbma is None:
            return
        member.count(nbma, sent=1)
        receiver = next((m for m in self.members.values() if m.outside == nbma), None)
        if receiver is None or (member.outside, nbma) in self._cuts:
            return
        self._later(lambda: self._take(receiver, member.outside, packet))

    def _take(self, receiver: Member, source: IPAddress, packet: Ipv4Packet) -> None:
        receiver.count(source, received=1)
        if packet.destination == receiver.tunnel:
            event = IpReceived(TUNNEL, packet.source, packet.destination, packet.protocol, packet.payload)
            self.handle(receiver, event)
        else:
            self._walk(receiver, packet)

    def _change_tunnel(self, name: str, **changes: object) -> None:
        member = self.members[name]
        old, new = member.tunnel_state, replace(member.tunnel_state, **changes)  # type: ignore[arg-type]
        member.tunnel_state = new
        member.tunnels.states = [new]
        state = next(s for s in member.interfaces.states if s.name == TUNNEL)
        changed = replace(state, line=new.up)
        member.interfaces.states = [changed if s.name == TUNNEL else s for s in member.interfaces.states]
        self.handle(member, notices.TunnelChanged(TUNNEL, old, new))
        self.handle(member, notices.InterfaceChanged(TUNNEL, state, changed))


def ipv4(text: str) -> IPv4Address:
    """Short for `IPv4Address`."""
    return IPv4Address(text)


def cloud(*spokes: int, phase: int = 3, **settings: object) -> Overlay:
    """Return the cloud of the study notes: hub R11, spokes R31, R41 ... (by their digits), a LAN behind each.

    Every member routes the LANs of the others by the hub, or in phase 2 by the spoke itself. settings: of all members.
    """
    digits = spokes or (3, 4)
    hub_routes = {f"10.{n}.{n}.0/24": f"192.168.100.{n}1" for n in digits}
    members = [
        Member(
            "R11",
            address("172.16.11.1"),
            address("192.168.100.11"),
            tunnel_config(redirect=phase == 3, multicast_dynamic=True, **settings),
            lans={"10.1.1.0/24": "10.1.1.1"},
            routes=hub_routes,
        )
    ]
    for n in digits:
        others = {f"10.{m}.{m}.0/24": "192.168.100.11" if phase == 3 else f"192.168.100.{m}1" for m in digits if m != n}
        members.append(
            Member(
                f"R{n}1",
                address(f"172.16.{n}1.1"),
                address(f"192.168.100.{n}1"),
                tunnel_config(shortcut=phase == 3, nhs=(HUB,), **settings),
                lans={f"10.{n}.{n}.0/24": f"10.{n}.{n}.1"},
                routes={"10.1.1.0/24": "192.168.100.11", **others},
            )
        )
    return Overlay(*members)


def tunnel_config(**settings: object) -> TunnelConfig:
    """Settings of Tunnel100, network 100."""
    return replace(TunnelConfig(name=TUNNEL, network_id=100), **settings)  # type: ignore[arg-type]


def data_packet(source: str, destination: str) -> bytes:
    """Return an IP packet as a hub forwards it."""
    packet = Ipv4Packet(source=ipv4(source), destination=ipv4(destination), protocol=17, ttl=62, payload=bytes(40))
    return packet.serialize()


def hairpin(overlay: Overlay, source: str, destination: str, by: str) -> None:
    """The hub forwards a packet that came from the spoke `by` back into the tunnel."""
    nbma = overlay.members[by].outside
    overlay.handle("R11", Hairpin(TUNNEL, TUNNEL, nbma, data_packet(source, destination)))


def make_shortcut(overlay: Overlay) -> None:
    """Traffic between the LANs of R31 and R41, until both have a direct way."""
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    hairpin(overlay, "10.4.4.1", "10.3.3.1", by="R41")
    overlay.run(1)


def client_of(overlay: Overlay, name: str = "R31") -> NhsClient:
    """Return what a spoke knows of its first server."""
    return next(iter(overlay.members[name].machine.tunnels[0].clients.values()))
