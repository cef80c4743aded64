"""The life of neighbors: which are found, become adjacent, restart or are lost, and what follows from each change.

Every change of a neighbor's state goes through `Adjacencies.move`, which logs it and notifies the parts that depend on
it. RFC 2328 §10.3, §10.4.

Hellos find and keep neighbors, RFC 2328 §9.4, §9.5, §10.5. An extra Hello goes to a router that has not heard us, as on
IOS: neither waits for the regular one.

Graceful restart, the helper's side, RFC 3623 §3: a restarting neighbor that keeps forwarding announces this by a
Grace-LSA. Until the restart or its grace period ends, we advertise the neighbor as full in any state, so other routers
do not notice the restart.

    Grace-LSA ──> helped ──┬── it takes the Grace-LSA back: it is full again
                           ├── the grace period is over
                           └── something else changed, and `strict-lsa-checking` is configured
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from ipaddress import IPv4Address
from typing import Final, NamedTuple

from dmvpn.base.addresses import UNSPECIFIED, IPAddress
from dmvpn.base.chronicle import Sign
from dmvpn.base.context import Timer
from dmvpn.base.errors import WireError
from dmvpn.base.notices import Client, WatchWanted, Witness
from dmvpn.base.reasons import Reason
from dmvpn.features.ospf import messages
from dmvpn.features.ospf.interface import Candidate, Neighbor, OspfInterface, elect
from dmvpn.features.ospf.lsa import MAX_AGE, REFRESH_AGE, Lsa, LsaType, Options, UnknownBody, opaque_of
from dmvpn.features.ospf.messages import adjacency_changed, adjacency_changed3, helped
from dmvpn.features.ospf.model import NetworkType
from dmvpn.features.ospf.neighbor import InterfaceState, NeighborMove, NeighborState
from dmvpn.features.ospf.output import Complaints, Descriptions, Retransmission, Sender
from dmvpn.features.ospf.own_lsas import Topology
from dmvpn.features.ospf.packet import Hello, OspfPacket
from dmvpn.features.ospf.reasons import ONE_WAY, RESET, SILENT, OspfReason
from dmvpn.features.ospf.spf import RunningArea, paced
from dmvpn.features.ospf.state import State
from dmvpn.net.ipv4 import ipv4_address

# ------------------------------------------------------------------------------------------------ adjacencies


#: BFD or NHRP reports that the neighbor cannot be reached.
LOST: Final = {
    Witness.BFD: "Neighbor Down: BFD node down",
    Witness.NHRP: "Neighbor Down: Next hop server does not answer",
}

GIVEN_UP = "Neighbor Down: Too many retransmissions"

#: Neighbors of one process: as many as a router LSA has links for, and the Hello of an interface fits into a packet.
MOST_NEIGHBORS: Final = 5000
_LOGGED = (NeighborState.FULL, NeighborState.DOWN)


class Adjacencies:
    """Makes neighbors of one process and moves them, and holds elections."""

    def __init__(
        self,
        state: State,
        sender: Sender,
        complaints: Complaints,
        retransmission: Retransmission,
        descriptions: Descriptions,
        topology: Topology,
    ) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender
        self._complaints = complaints
        self._retransmission = retransmission
        self._descriptions = descriptions
        self._topology = topology

    def create(self, interface: OspfInterface, address: IPAddress, priority: int = 0) -> Neighbor:
        """Return a new neighbor, from which no Hello has arrived yet."""
        neighbor = Neighbor(
            interface=interface,
            address=address,
            identity=address if isinstance(address, IPv4Address) else UNSPECIFIED,
            priority=priority,
            since=self._context.now,
            inactivity_timer=Timer("lose a silent neighbor", lambda: self.lose_silent(neighbor), address),
            retransmit_timer=Timer("repeat packets to a neighbor", lambda: self._repeat(neighbor), address),
        )
        interface.enter(neighbor)
        return neighbor

    def make_room(self) -> bool:
        """Return whether there may be one more neighbor.

        A neighbor that has not heard us (INIT) is dropped to make room: its Hello may be forged.
        """
        if sum(len(interface.neighbors) for interface in self._state.interfaces.values()) < MOST_NEIGHBORS:
            return True
        oldest = next((one for one in self._state.neighbors() if one.state is NeighborState.INIT), None)
        if oldest is None:
            return False
        self.lose(oldest, RESET)
        return True

    def call(self, interface: OspfInterface) -> None:
        """Begin with those neighbors of this network that are configured and were not called yet."""
        for configured in interface.settings.neighbors:
            address = configured.address
            reached = interface.link is not None or address in interface.prefix
            if reached and address != interface.address and address not in interface.neighbors:
                neighbor = self.create(interface, address, configured.priority)
                self.move(neighbor, NeighborMove.START, "Start")

    def move(self, neighbor: Neighbor, move: NeighborMove, why: str) -> None:
        """Make the move, and what follows from it. why: for the log."""
        old = neighbor.move(move, self._context.now)
        new = neighbor.state
        if old is new:
            return
        self._tell(neighbor, old, why)
        if old.rank >= NeighborState.EX_START.rank and new.rank <= NeighborState.EX_START.rank:
            self._descriptions.forget_neighbor(neighbor)
        if new is NeighborState.EX_START:
            self._descriptions.begin(neighbor)
        if NeighborState.FULL in (old, new):
            self._topology.adjacency_changed(neighbor)
        if (old.rank >= NeighborState.TWO_WAY.rank) != (new.rank >= NeighborState.TWO_WAY.rank):
            self.neighbors_changed(neighbor.interface)
            if neighbor.interface.settings.bfd:
                self.watch(neighbor, wanted=neighbor.is_two_way)

    def watch(self, neighbor: Neighbor, *, wanted: bool) -> None:
        """Let BFD watch a neighbor, or no longer."""
        number, name = self._state.number, neighbor.interface.name
        self._context.emit(WatchWanted(Client.OSPF, number, name, neighbor.address, wanted))

    def heard_both_ways(self, neighbor: Neighbor) -> None:
        """Begin an adjacency with a neighbor that has heard us, if one is wanted.

        RFC 2328 §10.3, event 2-WayReceived.
        """
        if neighbor.state is NeighborState.INIT:
            wanted = neighbor.wants_adjacency
            self.move(neighbor, NeighborMove.ADJACENT if wanted else NeighborMove.TWO_WAY, "2-Way Received")

    # ------------------------------------------------------------------------------------------------ elections

    def neighbors_changed(self, interface: OspfInterface) -> None:
        """Note that a neighbor became, or stopped being, bidirectional."""
        waits = interface.phase in (InterfaceState.WAITING, InterfaceState.DOWN)
        if interface.settings.elects and not waits:
            self.hold_election(interface)

    def hold_election(self, interface: OspfInterface) -> None:
        """Count, and act upon the result. RFC 2328 §9.4."""
        self._context.stop(interface.wait_timer)
        own = Candidate(
            interface.settings.priority,
            self._state.router_id,
            interface.identity,
            interface.designated,
            interface.backup,
        )
        others = [
            Candidate(other.priority, other.router, other.identity, other.designated, other.backup)
            for other in interface.neighbors.values()
            if other.is_two_way
        ]
        moved, is_new = interface.elect(*elect(own, others))
        if moved:
            self._sender.listen(interface)
        if is_new:
            # RFC 2328 §10.3, event AdjOK?: other adjacencies may be wanted now.
            for neighbor in list(interface.neighbors.values()):
                wanted = neighbor.wants_adjacency
                if neighbor.state is NeighborState.TWO_WAY and wanted:
                    self.move(neighbor, NeighborMove.ADJACENT, "AdjOK?")
                elif neighbor.state.rank >= NeighborState.EX_START.rank and not wanted:
                    self.move(neighbor, NeighborMove.UNWANTED, "AdjOK?")
            self._topology.network_changed(interface)

    def described_link(self, interface: OspfInterface) -> None:
        """Note that a router says another thing to those on a link: if we speak for all, we say its prefixes."""
        self._topology.network_changed(interface)

    # ------------------------------------------------------------------------------------------------ lost

    def _repeat(self, neighbor: Neighbor) -> None:
        if not self._retransmission.repeat(neighbor):
            self.lose(neighbor, GIVEN_UP)

    def await_hello(self, neighbor: Neighbor) -> None:
        """Await the next Hello for the dead interval, counted from the last one."""
        if self._context.is_running(neighbor.inactivity_timer):
            due = neighbor.last_heard + neighbor.interface.settings.dead_interval
            self._context.start(neighbor.inactivity_timer, max(due - self._context.now, 0.0))

    def lose_silent(self, neighbor: Neighbor) -> None:
        """Lose a neighbor that is silent, unless it restarts gracefully: RFC 3623 §3."""
        if not neighbor.is_helped:
            self.lose(neighbor, SILENT)

    def lose(self, neighbor: Neighbor, why: str) -> None:
        """Remove a lost neighbor. A configured neighbor is called again."""
        if why == GIVEN_UP and neighbor.is_helped:
            return
        neighbor.help_no_longer()
        neighbor.interface.leave(neighbor)
        self.move(neighbor, NeighborMove.LOST, why)
        self._context.retire(neighbor.inactivity_timer, neighbor.retransmit_timer)
        if neighbor.grace_timer is not None:
            self._context.retire(neighbor.grace_timer)

    def lose_all(self, interface: OspfInterface, why: str) -> None:
        """Lose all neighbors of an interface."""
        for neighbor in list(interface.neighbors.values()):
            self.lose(neighbor, why)

    def restart(self, neighbor: Neighbor, why: str) -> None:
        """Restart the exchange of databases, because a packet of the neighbor does not fit.

        RFC 2328 §10.3, SeqNumberMismatch and BadLSReq.
        """
        if neighbor.exchanges:
            self.move(neighbor, NeighborMove.RESTART, why)

    def _tell(self, neighbor: Neighbor, old: NeighborState, why: str) -> None:
        new, settings, number = neighbor.state, self._state.settings, self._state.number
        detail = settings.log_changes_in_detail
        matters = new in _LOGGED or old is NeighborState.FULL
        known = old not in (NeighborState.DOWN, NeighborState.ATTEMPT)
        if (settings.log_changes and known and matters) or detail:
            way = (old.value, new.value)
            kind = adjacency_changed if settings.family.version == 4 else adjacency_changed3
            log = kind(number, neighbor.router, neighbor.interface.name, way, why)
            if old is NeighborState.INIT and not detail:
                self._complaints.complain(neighbor.interface, log)  # strangers that come and go are many
            else:
                self._context.emit(log)
        if NeighborState.FULL in (old, new):
            sign, said = (Sign.CAME, "full") if new is NeighborState.FULL else (Sign.WENT, why)
            text = f"OSPF {number}: {said}"
            self._context.tell_of_neighbor(sign, neighbor.address, neighbor.interface.name, text)
        if self._context.ports.debugging.on(messages.ADJACENCY, interface=neighbor.interface.name):
            said = f"Nbr {neighbor.router}: {old.value} -> {new.value}: {why}"
            self._context.debug(messages.line(number, neighbor.interface.name, said))


# ------------------------------------------------------------------------------------------------ Hellos


#: Seconds between extra multicast Hellos on an interface: the members of a cloud often start together.
_GREETING_PAUSE: Final = 1.0


class Hellos:
    """Sends and takes Hellos of one process."""

    def __init__(self, state: State, sender: Sender, complaints: Complaints, adjacencies: Adjacencies) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender
        self._complaints = complaints
        self._adjacencies = adjacencies

    # ------------------------------------------------------------------------------------------------ out

    def say(self, interface: OspfInterface) -> None:
        """Greet, and again after the interval."""
        self._context.start(interface.hello_timer, interface.settings.hello_interval)
        if not interface.speaks:
            return
        if not interface.settings.by_unicast:
            self._sender.send(
                interface, interface.area.family.routers, self._hello(interface, interface.neighbors.values())
            )
            return
        self._adjacencies.call(interface)
        interface.calls.begin(self._call_all(interface))

    def _call_all(self, interface: OspfInterface) -> Generator[None, None, None]:
        """Greet each neighbor alone, in slices."""
        known = interface.neighbors
        polls = {each.address: each.poll_interval for each in interface.settings.neighbors}
        hello = self._hello(interface, known.values())
        for neighbor, ends in paced(list(known.values())):
            if ends:
                yield
                hello = self._hello(interface, known.values())
            if known.get(neighbor.address) is neighbor and self._is_called(neighbor, polls.get(neighbor.address, 0)):
                self._sender.send(interface, neighbor.address, hello)

    def _is_called(self, neighbor: Neighbor, poll_interval: float) -> bool:
        """Return whether it is time to call this configured neighbor.

        A neighbor that does not answer is called at the poll interval, RFC 2328 §9.5.1.
        """
        now, settings = self._context.now, neighbor.interface.settings
        silent = neighbor.state is NeighborState.ATTEMPT and now - neighbor.since >= settings.dead_interval
        if silent and now - neighbor.called < poll_interval:
            return False
        neighbor.call(now)
        return True

    def hasten(self, interface: OspfInterface) -> None:
        """Send the next multicast Hello early for a new neighbor, but limit how often that happens."""
        if not interface.speaks:
            return
        now = self._context.now
        due = max(now, interface.greeted + _GREETING_PAUSE)
        when = self._context.timers.when(interface.hello_timer)
        if when is None or due < when:
            interface.greet(due)
            self._context.start(interface.hello_timer, due - now)

    def _hello(self, interface: OspfInterface, heard: Iterable[Neighbor]) -> Hello:
        settings = interface.settings
        bare = not settings.elects
        return Hello(
            mask=interface.mask,
            number=interface.number,
            interval=settings.sent_interval,
            options=interface.area.options,
            priority=0 if bare else settings.priority,
            dead_interval=settings.dead_interval,
            designated=UNSPECIFIED if bare else interface.designated,
            backup=UNSPECIFIED if bare else interface.backup,
            neighbors=tuple(neighbor.router for neighbor in heard if neighbor.state.rank >= NeighborState.INIT.rank),
        )

    # ------------------------------------------------------------------------------------------------ in

    def receive(self, interface: OspfInterface, source: IPAddress, packet: OspfPacket, hello: Hello) -> None:
        """Take a Hello that is authentic and of the right area."""
        refusal = self._refusal(interface, hello)
        if refusal is not None:
            interface.refuse(source, refusal)
            self._sender.drop("Hello that does not fit")
            self._debug(interface, f"Rcv hello from {packet.router} {source}: {refusal}")
            return
        interface.accept(source)
        neighbor = self._neighbor(interface, source, packet)
        if neighbor is None:
            self._complaints.refuse(interface, source, "too many neighbors", "no place for another neighbor")
            return
        if self._sender.is_replay(neighbor, packet):
            self._sender.drop("old packet with a digest")
            return
        self._debug(interface, f"Rcv hello from {packet.router} {source}")
        self._context.start(neighbor.inactivity_timer, interface.settings.dead_interval)
        before = (neighbor.priority, neighbor.designated, neighbor.backup)
        neighbor.hear(hello, packet.router, self._context.now)
        is_new = neighbor.state in (NeighborState.DOWN, NeighborState.ATTEMPT)
        if is_new:
            self._adjacencies.move(neighbor, NeighborMove.HEARD, "Received Hello")
        hears_us = self._state.router_id in hello.neighbors
        if is_new or not hears_us:
            if interface.settings.network is NetworkType.POINT_TO_POINT:  # each Hello is a multicast there
                self.hasten(interface)
            else:
                # The neighbor looks for itself only: a list of all neighbors would make each answer long.
                self._sender.send(interface, neighbor.address, self._hello(interface, [neighbor]))
        if hears_us:
            self._adjacencies.heard_both_ways(neighbor)
        elif neighbor.is_two_way and not neighbor.is_helped:
            self._adjacencies.move(neighbor, NeighborMove.ONE_WAY, ONE_WAY)
        if not neighbor.is_helped:
            self._judge_claims(interface, neighbor, before)

    def _neighbor(self, interface: OspfInterface, source: IPAddress, packet: OspfPacket) -> Neighbor | None:
        """Return the sender, as a neighbor that was known or is new; None: there are too many.

        Where there is only one, another one takes its place.
        """
        adjacencies = self._adjacencies
        if interface.settings.network is NetworkType.POINT_TO_POINT:
            for other in list(interface.neighbors.values()):
                if other.address != source:
                    adjacencies.lose(other, RESET)
        known = interface.neighbors.get(source)
        if known is not None and known.router not in (UNSPECIFIED, packet.router):
            adjacencies.lose(known, RESET)
            known = None
        if known is None and not adjacencies.make_room():
            return None
        return known or adjacencies.create(interface, source)

    def _refusal(self, interface: OspfInterface, hello: Hello) -> Reason | None:
        """Return why the sender of this Hello cannot be our neighbor, RFC 2328 §10.5."""
        settings, since = interface.settings, self._context.now
        mask = interface.mask
        theirs, ours = hello.options & _KINDS, int(interface.area.options) & _KINDS
        if settings.network is not NetworkType.POINT_TO_POINT and hello.mask != mask:
            return Reason(OspfReason.MASK, (hello.mask, mask), since)
        if hello.dead_interval != settings.dead_interval:
            return Reason(OspfReason.DEAD_INTERVAL, (hello.dead_interval, settings.dead_interval), since)
        if hello.interval != settings.sent_interval:
            return Reason(OspfReason.HELLO_INTERVAL, (hello.interval, settings.sent_interval), since)
        if theirs != ours:
            return Reason(OspfReason.KIND, (f"0x{theirs:02X}", f"0x{ours:02X}"), since)
        return None

    def _debug(self, interface: OspfInterface, text: str) -> None:
        if self._context.ports.debugging.on(messages.HELLO, interface=interface.name):
            self._context.debug(messages.line(self._state.number, interface.name, text))

    # ------------------------------------------------------------------------------------------------ election

    def _judge_claims(
        self, interface: OspfInterface, neighbor: Neighbor, before: tuple[int, IPv4Address, IPv4Address]
    ) -> None:
        """Compare the election claims of the Hello with those of the last one, RFC 2328 §10.5, the end."""
        if not interface.settings.elects or not neighbor.is_two_way:
            return
        address = neighbor.identity
        priority, designated, backup = before
        if interface.phase is InterfaceState.WAITING:
            alone = neighbor.designated == address and neighbor.backup == UNSPECIFIED
            if alone or neighbor.backup == address:
                self._adjacencies.hold_election(interface)
            return
        claims = (neighbor.priority, neighbor.designated == address, neighbor.backup == address)
        if claims != (priority, designated == address, backup == address):
            self._adjacencies.hold_election(interface)


_KINDS: Final = int(Options.EXTERNAL | Options.NSSA)


# ------------------------------------------------------------------------------------------------ graceful restart


#: The opaque type of a Grace-LSA, which is the first octet of its identifier.
_OPAQUE_TYPE: Final = 3
_PERIOD, _REASON, _ADDRESS = 1, 2, 3
_CLAUSE: Final = "RFC 3623 §A"
#: Types that describe the network: a change of one of these is a change of the network.
_TOPOLOGY: Final = frozenset(int(kind) for kind in LsaType if kind < LsaType.LINK)


class Grace(NamedTuple):
    """The content of a Grace-LSA, RFC 3623 §A. seconds: the grace period. address: of the interface, if included."""

    seconds: int
    reason: int = 0
    address: IPv4Address | None = None

    @classmethod
    def parse(cls, octets: bytes) -> Grace:
        """Decode the TLVs. Raises WireError."""
        values: dict[int, bytes] = {}
        at = 0
        while at < len(octets):
            kind, length = int.from_bytes(octets[at : at + 2], "big"), int.from_bytes(octets[at + 2 : at + 4], "big")
            value = octets[at + 4 : at + 4 + length]
            if len(octets) < at + 4 or len(value) < length:
                raise WireError("TLV of a Grace-LSA cut short", offset=at, clause=_CLAUSE)
            values.setdefault(kind, value)
            at += 4 + length + -length % 4
        if len(values.get(_PERIOD, b"")) != 4:
            raise WireError("Grace-LSA without a period", offset=0, clause=_CLAUSE)
        address = values.get(_ADDRESS, b"")
        return cls(
            int.from_bytes(values[_PERIOD], "big"),
            int.from_bytes(values.get(_REASON, b"")[:1], "big"),
            ipv4_address(address) if len(address) == 4 else None,
        )


class Helper:
    """Helps the neighbors of one process that restart."""

    def __init__(self, state: State, sender: Sender, adjacencies: Adjacencies, topology: Topology) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender
        self._adjacencies = adjacencies
        self._topology = topology

    def take(self, interface: OspfInterface, lsa: Lsa) -> None:
        """Take an advertisement of the link's scope; only Grace-LSAs are looked at."""
        is_grace = interface.link is not None or opaque_of(lsa.header.id)[0] == _OPAQUE_TYPE
        if lsa.header.type != LsaType.OPAQUE_LINK or not is_grace or not isinstance(lsa.body, UnknownBody):
            return
        try:
            grace = Grace.parse(lsa.body.octets)
        except WireError:
            self._sender.drop("malformed Grace-LSA")
            return
        neighbor = _restarting(interface, lsa.header.router, grace)
        if neighbor is None:
            return
        if lsa.header.age >= MAX_AGE:
            self._end(neighbor, "it is back")
            return
        left = min(grace.seconds, REFRESH_AGE) - lsa.header.age
        if not self._state.settings.helps or left <= 0 or not (neighbor.is_full or neighbor.is_helped):
            return
        if not neighbor.is_helped:
            self._tell(neighbor, f"restarts gracefully, and is helped for {left} seconds")
        timer = neighbor.grace_timer or Timer(
            "grace period, RFC 3623", lambda: self._end(neighbor, "its time is over"), neighbor.address
        )
        neighbor.help(self._context.now + left, timer)
        self._context.start(timer, left)

    def changed(self, changes: Iterable[tuple[RunningArea, Lsa]]) -> None:
        """Note that LSAs changed: a restarting neighbor that does not learn of the change might cause a forwarding
        loop.
        """
        if self._state.settings.helps_strictly:
            for area, lsa in changes:
                self._changed(area, lsa)

    def _changed(self, area: RunningArea, lsa: Lsa) -> None:
        if lsa.header.type not in _TOPOLOGY:
            return
        for neighbor in list(self._state.neighbors()):
            concerned = lsa.header.type == LsaType.EXTERNAL or neighbor.interface.area is area
            if neighbor.is_helped and concerned and lsa.header.router != neighbor.router:
                self._end(neighbor, "the network changed")

    def _end(self, neighbor: Neighbor, why: str) -> None:
        if not neighbor.is_helped:
            return
        if neighbor.grace_timer is not None:
            self._context.stop(neighbor.grace_timer)
        neighbor.help_no_longer()
        self._tell(neighbor, f"is helped no longer: {why}")
        interface = neighbor.interface
        if not self._context.is_running(neighbor.inactivity_timer):
            self._adjacencies.lose_silent(neighbor)
        if interface.settings.elects:
            self._adjacencies.neighbors_changed(interface)
        self._topology.network_changed(interface)

    def _tell(self, neighbor: Neighbor, what: str) -> None:
        name = neighbor.interface.name
        self._context.emit(helped(self._state.number, neighbor.router, name, what))


def _restarting(interface: OspfInterface, router: IPv4Address, grace: Grace) -> Neighbor | None:
    """Return the neighbor that a Grace-LSA is of."""
    if grace.address is not None:
        neighbor = interface.neighbors.get(grace.address)
        return neighbor if neighbor is not None and neighbor.router == router else None
    return next((one for one in interface.neighbors.values() if one.router == router), None)
