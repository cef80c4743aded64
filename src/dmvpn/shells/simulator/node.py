"""Routers, hosts and translators (NAT) of the simulation.

A translator has two ports and one public address, and translates as Linux's conntrack does.

    inside  -> for itself?  echo: answered
            -> hops left?   -> outbound flow -> source = public address and port -> outside, to its gateway
    outside -> for its public address: an answer? -> inbound flow -> destination = inside address and port -> inside
            -> an ICMP error about a packet of a flow: translated with what it quotes
            -> all else is dropped silently: a stray packet must not block a flow that an inside station is to begin

Packets are reassembled before they are translated, as by conntrack: only the first fragment has ports.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local
from dmvpn.base.context import earliest
from dmvpn.base.effects import (
    ClearRoute,
    Effect,
    HistoryGrew,
    NextHop,
    Resolve,
    SendIp,
    SetInterface,
    SetRoute,
    SetSwitching,
    Store,
)
from dmvpn.base.entropy import Entropy
from dmvpn.base.errors import WireError
from dmvpn.base.events import EffectFailed, Event, IpReceived, Tick
from dmvpn.base.recording import Recorder
from dmvpn.base.switching import Box
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.fragmentation import Reassembler
from dmvpn.dataplane.packets import may_answer, time_exceeded
from dmvpn.dataplane.simulated import SimulatedPlane
from dmvpn.dataplane.simulated.chassis import Transmit
from dmvpn.dataplane.translator import Drop, FlowTable, NatKind, OneStation, Translator
from dmvpn.net import icmp
from dmvpn.net.discovery import ADVERTISEMENT, RouterAdvertisement
from dmvpn.net.ipv4 import TOS_INTERNETWORK_CONTROL, IpProtocol, Ipv4Packet, decrement_ttl
from dmvpn.router.router import Router
from dmvpn.shells.facts import GatewayFacts, GreFlow, public_of
from dmvpn.shells.lab_model import INSIDE, OUTSIDE, GatewaySpec, HostAddress, HostSpec

# ------------------------------------------------------------------------------------------------ routers and hosts


#: Events that one moment may cause in one router. More is an endless loop: our bug.
EVENT_LIMIT = 100_000
#: The TTL of a Linux host's packets.
HOST_TTL = 64


class RouterNode:
    """A router on the simulated plane. Effects that are not for the plane go to `outside` (consoles, jobs).

    sealing: entropy of its plane. watch: called with every event before the router. resolve: queries the name service
        of the simulation. switch: takes its VLANs. stored: files for its next life.
    """

    def __init__(
        self,
        name: str,
        entropy: Entropy,
        sealing: Entropy,
        transmit: Transmit,
        recorder: Recorder | None = None,
        *,
        remembers: bool = False,
    ) -> None:
        """recorder: records its events. remembers: it keeps its past."""
        self.name = name
        self.stored: dict[str, bytes] = {}
        self.router = Router(entropy if recorder is None else recorder.begin(entropy), remembers=remembers)
        self._inbox: list[Event] = []
        self.plane = SimulatedPlane(self._inbox.append, transmit, sealing.octets)
        self.router.counting = self.plane
        self.outside: Callable[[Effect], None] = _ignore
        self.recorder = recorder
        self.watch: Callable[[Event], None] = _ignore
        self.resolve: Callable[[str], None] = _ignore
        self.switch: Callable[[Box], None] = _ignore
        self.alive = True
        self._busy = False
        self._due: float | None = None

    def add_watch(self, watch: Callable[[Event], None]) -> None:
        """Call this with every event, too, before the router handles it."""
        earlier = self.watch

        def both(event: Event) -> None:
            watch(event)
            earlier(event)

        self.watch = both

    def post(self, event: Event, now: float) -> None:
        """Pass an event to the router now, and carry out its effects."""
        self._inbox.append(event)
        self._work(now)

    def arrive(self, interface: str, packet: bytes, now: float) -> None:
        """Process a packet from a wire."""
        if not self.alive:
            return
        self.plane.now = now
        self.plane.receive(interface, packet)
        self._work(now)

    def send(self, packet: SendIp, now: float) -> None:
        """Send a packet of its own. Raises EffectError if it has no route."""
        self.plane.now = now
        self.plane.execute(packet)
        self.wake(now)

    def wake(self, now: float) -> None:
        """Check whether a deadline has come."""
        if not self.alive:
            return
        self.plane.now = now
        due = self.plane.next_deadline()
        if due is not None and due <= now:
            self.plane.tick()
        if self._due is not None and self._due <= now:
            self._inbox.append(Tick())
        self._work(now)

    def next_deadline(self) -> float | None:
        """Return when `wake` is due."""
        if not self.alive:
            return None
        due = self.plane.next_deadline()
        return self._due if due is None else earliest(self._due, due)

    def addresses_of(self, interface: str) -> tuple[tuple[IPAddress, int], ...]:
        """Return the addresses of a port; a dead router has none."""
        return self.plane.addresses_of(interface) if self.alive else ()

    def _work(self, now: float) -> None:
        if self._busy:
            return  # the loop below, further up on the stack, handles it
        if not self._inbox:
            return  # transit: the plane reported no event
        self._busy = True
        self.plane.now = now
        try:
            for _ in range(EVENT_LIMIT):
                if not self._inbox:
                    self._due = self.router.next_deadline()
                    return
                event = self._inbox.pop(0)
                self.watch(event)
                for effect in self._handle(event, now):
                    self._carry_out(effect)
            raise AssertionError(f"{self.name} is busy with itself forever: {self._inbox[0]!r}")
        finally:
            self._busy = False

    def _handle(self, event: Event, now: float) -> list[Effect]:
        if self.recorder is None:
            return self.router.handle(event, now)
        self.recorder.event(event, now)
        effects = self.router.handle(event, now)
        self.recorder.outcome(effects)
        return effects

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Store(name, octets):
                self.stored[name] = octets
            case Resolve(name):
                self.resolve(name)
            case SetSwitching(box):
                self.switch(box)
        try:
            if not isinstance(effect, HistoryGrew):  # for subscribers; a hub emits many of these
                self.plane.execute(effect)
        except EffectError as error:
            self._inbox.append(EffectFailed(effect, error.errno, error.text))
        self.outside(effect)


class HostNode:
    """A computer behind a router: one interface and a default gateway.

    take: called with received packets; without it they are kept in `received`.
    """

    def __init__(
        self, name: str, addresses: Sequence[HostAddress], transmit: Transmit, *, makes_address: bool = False
    ) -> None:
        """makes_address: it has IPv6 by the advertisements of routers."""
        self.name = name
        self.alive = True
        self.received: list[IpReceived] = []
        self.take: Callable[[IpReceived], None] = self.received.append
        self.plane = SimulatedPlane(self._take, transmit)
        self.plane.echo_ttl = HOST_TTL
        self._slaac = Autoconfiguration(name) if makes_address else None
        self.address(addresses)

    def address(self, addresses: Sequence[HostAddress]) -> None:
        """Have these addresses and gateways."""
        own = tuple((address.ip, address.network.prefixlen) for address, _ in addresses)
        self._own = own if self._slaac is None else (*own, (self._slaac.link_local, 64))
        made = self._slaac.addresses if self._slaac is not None else ()
        self.plane.execute(SetInterface("eth0", True, (*self._own, *made)))
        for _, gateway in addresses:
            if gateway is not None:
                self.plane.execute(SetRoute(Prefix.of(gateway, 0), (NextHop("eth0", gateway),)))

    def send(self, packet: SendIp, now: float) -> None:
        """Send a packet of its own. Raises EffectError if it has no route."""
        self.plane.now = now
        self.plane.execute(packet)

    def arrive(self, interface: str, packet: bytes, now: float) -> None:
        """Process a packet from the wire."""
        self.plane.now = now
        self.plane.receive(interface, packet)

    def now(self, host: HostSpec) -> HostSpec:
        """Return what `lab.yaml` says of it, with its leases."""
        return host

    def wake(self, now: float) -> None:
        """Do nothing: a host has no timers."""

    def next_deadline(self) -> float | None:
        """Return None: a host has no timers."""
        return None

    def addresses_of(self, interface: str) -> tuple[tuple[IPAddress, int], ...]:
        """Return the addresses of the port."""
        return self.plane.addresses_of(interface)

    def _take(self, event: Event) -> None:
        if not isinstance(event, IpReceived):
            return
        if self._slaac is None or event.payload[:1] != bytes((ADVERTISEMENT,)):
            self.take(event)
            return
        if self._slaac.take(event):
            self.plane.execute(SetInterface("eth0", True, (*self._own, *self._slaac.addresses)))
        router, everywhere = self._slaac.router, Prefix(IPv6Address(0), 0)
        if router is not None:
            self.plane.execute(SetRoute(everywhere, (NextHop("eth0", router),)))
        else:
            self.plane.execute(ClearRoute(everywhere))


class Autoconfiguration:
    """The addresses that a host makes of advertised prefixes (RFC 4862), and its router. A lifetime of 0 ends
    an address or a router at once; no other lifetime ends here.
    """

    #: As many as Linux keeps.
    MOST = 16

    def __init__(self, name: str) -> None:
        """name: of the host, of which its interface identifier is made."""
        octets = hashlib.sha256(name.encode()).digest()[:3]
        self._identifier = int.from_bytes(b"\0\0" + octets[:1] + b"\xff\xfe" + octets, "big") | 2 << 56
        self.link_local = IPv6Address(0xFE80 << 112 | self._identifier)
        self._made: dict[Prefix, IPAddress] = {}
        self.router: IPAddress | None = None

    @property
    def addresses(self) -> tuple[tuple[IPAddress, int], ...]:
        """The addresses with their lengths."""
        return tuple((address, prefix.length) for prefix, address in self._made.items())

    def take(self, event: IpReceived) -> bool:
        """Take an advertisement; returns whether the addresses are others now."""
        try:
            said = RouterAdvertisement.parse(event.payload, event.source, event.destination, event.ttl)
        except WireError:
            return False
        if said.lifetime and self.router is None:
            self.router = event.source
        elif not said.lifetime and self.router == event.source:
            self.router = None
        before = dict(self._made)
        for one in said.prefixes:
            if not one.autonomous or one.prefix.length != 64 or is_link_local(one.prefix.address):
                continue
            if not one.valid:
                self._made.pop(one.prefix, None)
            elif len(self._made) < self.MOST:
                self._made[one.prefix] = IPv6Address(int(one.prefix.address) | self._identifier)
        return self._made != before


def _ignore(fact: Effect | Event | Box | str) -> None:
    """Ignore a fact without subscribers."""


# ------------------------------------------------------------------------------------------------ translators


_MTU = 1500


class NatNode:
    """A gateway of a scenario. sign: its displayed kind.

    drops: dropped packets, by reason.

    refused: inside addresses that another station's flow kept out, and the remote of both.
    """

    def __init__(self, name: str, spec: GatewaySpec, entropy: Entropy, transmit: Transmit) -> None:
        self.name = name
        self.alive = True
        self.spec = spec
        self.sign: NatKind = spec.kind
        whole = spec.inward.get(spec.public.ip)
        self.flows = FlowTable(spec.kind, spec.timeout, entropy, published=OneStation(whole) if whole else None)
        self._translator = Translator(spec.public.ip, self.flows)
        self._of_stations = {
            station: Translator(
                public, FlowTable("port-restricted", spec.timeout, entropy, published=OneStation(station))
            )
            for public, station in spec.inward.items()
            if public != spec.public.ip
        }
        self.drops: dict[Drop, int] = {}
        self.refused: dict[tuple[IPv4Address, IPv4Address], int] = {}
        self._transmit = transmit
        self._reassembler = Reassembler()
        self._now = 0.0

    @property
    def public(self) -> IPv4Address:
        """Its address outside."""
        return self._translator.public

    @property
    def inward(self) -> dict[IPv4Address, IPv4Address]:
        """The stations inside by their own public addresses."""
        return self.spec.inward_now(self.public)

    def public_of(self, station: object) -> IPv4Address:
        """Return the address outside of a station inside."""
        return public_of(self.inward, station, self.public)

    # -------------------------------------------------------------------------------------------- as a node

    def arrive(self, interface: str, packet: bytes, now: float) -> None:
        """Process a packet from a wire."""
        self._now = now
        try:
            parsed = Ipv4Packet.parse(packet)
            if parsed.destination.is_multicast or int(parsed.destination) == 0xFFFFFFFF:
                return
            whole = self._reassembler.add(parsed, now) if parsed.is_fragment else parsed
        except WireError:
            self._drop(Drop.MALFORMED)
            return
        if whole is None:
            return
        if interface == INSIDE:
            self._from_inside(whole)
        else:
            self._from_outside(whole)

    def wake(self, now: float) -> None:
        """Do nothing: a translator has no timers. Expired flows are removed when the next packet comes."""

    def next_deadline(self) -> float | None:
        """Return None: a translator has no timers."""
        return None

    def addresses_of(self, interface: str) -> tuple[tuple[IPAddress, int], ...]:
        """Return the addresses of a port."""
        if interface == INSIDE:
            return ((self.spec.private.ip, self.spec.private.network.prefixlen),)
        return tuple((one, self.spec.public.network.prefixlen) for one in dict.fromkeys((self.public, *self.inward)))

    def facts(self, now: float) -> GatewayFacts:
        """Return its settings and flows."""
        tables = [self.flows, *(one.flows for one in self._of_stations.values())]
        flows = [flow for table in tables for flow in table.living(now) if flow.protocol == IpProtocol.GRE]
        return GatewayFacts(
            private=self.spec.private.network,
            public=self.public,
            inside=self.spec.private.ip,
            gateway=self.spec.gateway,
            kind=self.sign,
            flows=tuple(
                GreFlow(inside=flow.inside.address, remote=remote.address) for flow in flows for remote in flow.remotes
            ),
            inward=self.inward,
        )

    # -------------------------------------------------------------------------------------------- faults

    def rebind(self, public: IPv4Address | None = None) -> None:
        """Remove all mappings, as after a restart; with an address, use it as public one from now on."""
        for one in (self._translator, *self._of_stations.values()):
            one.flows.clear()
        if public is not None:
            self._translator.public = public

    def change_kind(self, kind: NatKind, *, hidden: bool = False) -> None:
        """Change its kind; hidden: the displayed kind stays. Mappings of another kind are removed."""
        if not hidden:
            self.sign = kind
        if kind != self.flows.kind:
            self.flows.kind = kind
            self.flows.clear()

    # -------------------------------------------------------------------------------------------- outwards

    def _from_inside(self, packet: Ipv4Packet) -> None:
        station = self.inward.get(packet.destination)
        if station is None and packet.destination in (self.public, self.spec.private.ip):
            self._answer_echo(packet, INSIDE)
            return
        data = self._one_hop_less(packet, INSIDE)
        if data is None:
            return
        if station is not None:  # it answers to its public address, so that its answers come back here
            translator = self._of_stations.get(station, self._translator)
            flow = translator.inwards(data, self._now)
            if flow is not None and translator.outwards(data, self._now) is None:
                self._emit(INSIDE, flow.inside.address, data)
            return
        why = self._of_stations.get(packet.source, self._translator).outwards(data, self._now)
        if why is not None:
            if why is Drop.TAKEN:
                pair = (packet.source, packet.destination)
                self.refused[pair] = self.refused.get(pair, 0) + 1
            self._drop(why)
            return
        self._emit(OUTSIDE, self._next_hop(packet.destination), data)

    # -------------------------------------------------------------------------------------------- inwards

    def _from_outside(self, packet: Ipv4Packet) -> None:
        station = self.inward.get(packet.destination)
        if station is None and packet.destination != self.public:
            self._drop(Drop.NOT_ROUTED)
            return
        if station is None and self._answer_echo(packet, OUTSIDE):
            return
        data = bytearray(packet.serialize())
        translator = self._of_stations.get(station, self._translator) if station else self._translator
        flow = translator.inwards(data, self._now)
        if flow is None:
            self._drop(Drop.UNSOLICITED)
        elif self._one_hop_less(packet, OUTSIDE) is not None:
            decrement_ttl(data)
            self._emit(INSIDE, flow.inside.address, data)

    # -------------------------------------------------------------------------------------------- parts

    def _one_hop_less(self, packet: Ipv4Packet, arrived: str) -> bytearray | None:
        data = bytearray(packet.serialize())
        if decrement_ttl(data):
            return data
        self._drop(Drop.TOO_FAR)
        if may_answer(bytes(data)):
            self._say(packet, arrived, time_exceeded(icmp.quote(bytes(data))).serialize())
        return None

    def _answer_echo(self, packet: Ipv4Packet, arrived: str) -> bool:
        if packet.protocol != IpProtocol.ICMP:
            return False
        try:
            message = icmp.parse(packet.payload)
        except WireError:
            return False
        if not isinstance(message, icmp.EchoRequest):
            return False
        self._say(packet, arrived, message.reply().serialize(), source=packet.destination)
        return True

    def _say(self, packet: Ipv4Packet, arrived: str, message: bytes, source: IPv4Address | None = None) -> None:
        """Send the sender of a packet an ICMP message, out of the port by which the packet came."""
        own = self.spec.private.ip if arrived == INSIDE else self.public
        answer = Ipv4Packet(
            tos=TOS_INTERNETWORK_CONTROL,
            protocol=IpProtocol.ICMP,
            source=own if source is None else source,
            destination=packet.source,
            payload=message,
        )
        next_hop = packet.source if arrived == INSIDE else self._next_hop(packet.source)
        self._emit(arrived, next_hop, bytearray(answer.serialize()))

    def _next_hop(self, destination: IPv4Address) -> IPv4Address:
        return destination if destination in self.spec.public.network else self.spec.gateway

    def _emit(self, interface: str, next_hop: IPv4Address, data: bytearray) -> None:
        pieces = [bytes(data)]
        if len(data) > _MTU:
            pieces = [piece.serialize() for piece in Ipv4Packet.parse(data).fragments(_MTU)]
        # It has no route to what is behind its stations
        is_routed = interface != INSIDE or next_hop in self.spec.private.network
        for piece in pieces:
            if not (is_routed and self._transmit(interface, next_hop, piece)):
                self._drop(Drop.NOT_ROUTED)

    def _drop(self, why: Drop) -> None:
        self.drops[why] = self.drops.get(why, 0) + 1
