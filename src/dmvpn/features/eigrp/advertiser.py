"""Sends neighbors the results of DUAL: what each may learn, which destinations fit into a packet, and when it leaves.

    note_changed, ask, reply ...   queue something
    settle                         send everything that can be sent now

Packets are encoded only when they are sent, so many changes of a destination while neighbors are busy become one
update. When no neighbor on the interface is behind, a group update is one multicast. Otherwise it waits for the flow
timer, and is then sent past the neighbors that are behind (conditional multicast); they get the same destinations by
unicast, as soon as they can.

    Backlog, MulticastGroup   destinations that wait
    Adverts                   the next packet about destinations, to a neighbor or to a group
    Policy                    what neighbors on an interface may learn, RFC 7868 §5.4: summaries, stub, split horizon,
                              lists, next hop

A packet carries the state at the time it is made: an update about a destination that is active by then waits until it
is passive, a query that has been answered is dropped, and what a group knows already is not sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from dmvpn.base.addresses import UNSPECIFIED, IPAddress, Prefix
from dmvpn.base.context import PAUSE, Context, Timer
from dmvpn.features.eigrp.backlog import UNCERTAIN
from dmvpn.features.eigrp.dual import Dual, candidate
from dmvpn.features.eigrp.interface import EigrpInterface, Neighbor
from dmvpn.features.eigrp.output import Sender, Transport
from dmvpn.features.eigrp.packet import SMALLEST, ExternalProtocol, Opcode, PacketFlag, RouteFlag
from dmvpn.features.eigrp.state import State
from dmvpn.features.eigrp.tlv import StubFlag
from dmvpn.features.eigrp.topology import NO_FLAGS, WITHDRAWN, Advert, Destination, Origin, Path, to_tlv

# --------------------------------------------------------------------------------------------- what neighbors may learn


class Policy:
    """The advertisement rules of one process."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._context = state.context

    def advert(self, interface: EigrpInterface, destination: Destination | None) -> Advert:
        """Return the advert of `destination` for all neighbors on `interface`, as of now."""
        if destination is None:
            return WITHDRAWN
        path = destination.current
        if path is None or self._is_withheld(interface, destination, path):
            return WITHDRAWN
        metric, distribution = path.metric, self._state.settings.distribution
        if distribution.says(inwards=False):
            policies = self._context.ports.policies.of_routes()
            route = candidate(destination.prefix, path.report, path.source.interface)
            if not distribution.permits(policies, route, interface.name, inwards=False):
                return WITHDRAWN
            offset = distribution.offset(policies, route, interface.name, inwards=False)
            metric = self._state.settings.scale.farther(metric, offset)
        originator = self._state.router_id if path.source.is_local else path.report.originator
        return Advert(metric, _next_hop(interface, destination, path), originator, path.report.external)

    def _is_withheld(self, interface: EigrpInterface, destination: Destination, path: Path) -> bool:
        settings, prefix = interface.settings, destination.prefix
        if path.source.origin is Origin.SUMMARY:
            if all(summary.prefix != prefix for summary in settings.summaries):
                return True
        elif self.summary_over(interface, path, prefix) is not None:
            return True
        if settings.split_horizon and leads_over(interface, destination, path):
            return True
        stub = self._state.settings.stub
        if stub is None or is_sent_by_stub(path, stub):
            return False
        return not self._leaks(self._state.settings.stub_leaks, interface, path, prefix)

    def summary_over(self, interface: EigrpInterface, path: Path, prefix: Prefix) -> Prefix | None:
        """Return the summary that replaces the prefix on this interface and does not leak it, None without one."""
        for one in interface.settings.summaries:
            if one.prefix != prefix and prefix in one.prefix and not self._leaks(one.leaks, interface, path, prefix):
                return one.prefix
        return None

    def _leaks(self, name: str, interface: EigrpInterface, path: Path, prefix: Prefix) -> bool:
        """Return whether a leak map permits the prefix. `match interface` means the interface of the advertisement."""
        if not name:
            return False
        policies = self._context.ports.policies.of_routes()
        return policies.mapped(name, candidate(prefix, path.report, interface.name)) is not None

    def leaks(self, interface: EigrpInterface) -> bool:
        """Return whether any leak map applies here."""
        return bool(self._state.settings.stub_leaks) or any(summary.leaks for summary in interface.settings.summaries)


def leads_over(interface: EigrpInterface, destination: Destination, path: Path) -> bool:
    """Return whether any successor is on this interface, for split horizon, RFC 7868 §5.4.2."""
    if path.source.interface == interface.name:
        return True
    if destination.is_active or len(destination.paths) < 2:
        return False
    return any(successor.source.interface == interface.name for successor in destination.successors)


def is_sent_by_stub(path: Path, stub: StubFlag) -> bool:
    """Return whether a stub with these flags sends a path."""
    external = path.report.external
    protocol = external.protocol if external else 0
    match path.source.origin:
        case Origin.CONNECTED:
            return StubFlag.CONNECTED in stub
        case Origin.SUMMARY:
            return StubFlag.SUMMARY in stub
        case Origin.REDISTRIBUTED if protocol == ExternalProtocol.STATIC and StubFlag.STATIC in stub:
            return True
        case Origin.REDISTRIBUTED if protocol == ExternalProtocol.CONNECTED and StubFlag.CONNECTED in stub:
            return True
        case Origin.REDISTRIBUTED:
            return StubFlag.REDISTRIBUTED in stub
        case _:
            return False


def _next_hop(interface: EigrpInterface, destination: Destination, path: Path) -> IPAddress:
    """Return unspecified for ourselves; with `no next-hop-self`, the neighbor on the same interface that packets can be
    sent to directly.

    `no-ecmp-mode` searches all successors for one on this interface, not only the first.
    """
    settings = interface.settings
    if settings.next_hop_self:
        return UNSPECIFIED
    paths = [path] if settings.ecmp_mode else [path, *destination.successors]
    return next((way.report.next_hop for way in paths if way.source.interface == interface.name), UNSPECIFIED)


# ------------------------------------------------------------------------------------------- packets about destinations


#: A destination, the advert that its recipients know after the packet, and its octets there; empty if it needs none.
Part = tuple[Prefix, Advert, bytes]
#: Returns the advert and octets for a destination; None: nothing to send, and the recipients' knowledge is unchanged.
_Make = Callable[[Prefix], tuple[Advert, bytes] | None]


class Adverts:
    """Makes the packets of one process about destinations."""

    def __init__(self, dual: Dual, policy: Policy, sender: Sender) -> None:
        self._dual = dual
        self._policy = policy
        self._sender = sender

    # To a group ------------------------------------------------------------------------------------------------

    def is_news(self, interface: EigrpInterface, prefix: Prefix) -> bool:
        """Return whether the group on an interface must receive a different advert of a destination."""
        return self._for_group(interface, prefix, Opcode.UPDATE) is not None

    def has_news(self, interface: EigrpInterface) -> bool:
        """Return whether there is anything to send to the group.

        Changes at the front of the queue that do not concern the group are dropped.
        """
        group = interface.group
        for prefix in list(group.updates):
            if group.queries or self.is_news(interface, prefix):
                return True
            group.forget_change(prefix)
        return bool(group.queries)

    def take_for_group(
        self, interface: EigrpInterface, opcode: Opcode, *, wide: bool | None, most: int | None = None
    ) -> list[Part]:
        """Take the next packet to the group. wide: the metric format; None: take everything that waits, without octets.

        most: number of destinations to process.
        """
        flags, group = RouteFlag.ACTIVE if opcode is Opcode.QUERY else NO_FLAGS, interface.group

        def make(prefix: Prefix) -> tuple[Advert, bytes] | None:
            advert = self._for_group(interface, prefix, opcode)
            if advert is None:
                return None
            return advert, b"" if wide is None else to_tlv(prefix, advert, wide=wide, flags=flags).serialize()

        parts, taken = _packed(islice(group.waiting(opcode), most), self._sender.room(interface), make)
        group.took(opcode, taken)
        for prefix, advert, _ in parts:
            group.note_advert(prefix, advert)
        return parts

    def _for_group(self, interface: EigrpInterface, prefix: Prefix, opcode: Opcode) -> Advert | None:
        """Return the advert to send to the group; None: nothing.

        While a destination is active, only its query and its being unreachable through us are sent.
        """
        destination = self._dual.table.get(prefix)
        advert = self._policy.advert(interface, destination)
        is_active = destination is not None and destination.is_active
        if opcode is Opcode.QUERY:
            if is_active:
                interface.group.forget_change(prefix)
                return advert
            interface.group.tell(prefix)  # no neighbor is left to be queried
            return None
        if is_active and advert.metric is not None:
            return None
        return None if advert == interface.group.last_advert(prefix) else advert

    # To one neighbor -------------------------------------------------------------------------------------------

    def take(self, neighbor: Neighbor) -> tuple[Opcode, list[Part], int]:
        """Take the next packet of a backlog. Returns its opcode, its parts, and how many answered queries
        were dropped.
        """
        backlog, room = neighbor.backlog, self._sender.room(neighbor.interface)
        sorted_out = backlog.sort_out(self._dual.active, neighbor.source, room // SMALLEST + 2)
        opcode = backlog.next()
        make = self._update if opcode is Opcode.UPDATE else self._answer
        flags = NO_FLAGS if opcode in (Opcode.UPDATE, Opcode.REPLY) else RouteFlag.ACTIVE
        parts, taken = _packed(backlog.waiting(), room, lambda prefix: make(neighbor, prefix, flags))
        backlog.took(taken)
        return opcode, parts, sorted_out

    def _answer(self, neighbor: Neighbor, prefix: Prefix, flags: RouteFlag) -> tuple[Advert, bytes]:
        advert = self._policy.advert(neighbor.interface, self._dual.table.get(prefix))
        return advert, to_tlv(prefix, advert, wide=neighbor.reads_wide, flags=flags).serialize()

    def _update(self, neighbor: Neighbor, prefix: Prefix, flags: RouteFlag) -> tuple[Advert, bytes]:
        advert = self._policy.advert(neighbor.interface, self._dual.table.get(prefix))
        if prefix in self._dual.active and advert.metric is not None:
            return UNCERTAIN, b""  # sent when the destination is passive
        if advert == WITHDRAWN and not neighbor.backlog.updates[prefix]:
            return advert, b""
        return advert, to_tlv(prefix, advert, wide=neighbor.reads_wide).serialize()


def _packed(waiting: Iterable[Prefix], room: int, make: _Make) -> tuple[list[Part], list[Prefix]]:
    """Return the parts for the first of these destinations, as many as fit in `room` octets but at least one, and all
    destinations that are settled by that.
    """
    parts: list[Part] = []
    taken, is_empty = [], True
    for prefix in waiting:
        made = make(prefix)
        if made is not None:
            advert, octets = made
            room -= len(octets)
            if octets and room < 0 and not is_empty:
                break
            is_empty = is_empty and not octets
            parts.append((prefix, advert, octets))
        taken.append(prefix)
    return parts, taken


# ------------------------------------------------------------------------------------------------ when they leave


#: Neighbors that are sent a packet in one event: other events, and other protocols, must not wait for thousands.
_AT_ONCE: Final = 64
#: Destinations that take as long to process as one more neighbor: a full packet counts as several neighbors.
_ALIKE: Final = 8
#: Answered queries that take as long to drop as one destination takes to send.
_SORTED_OUT: Final = 16
#: Destinations times neighbors in one event when a group packet is sent to each neighbor by unicast; and the minimum of
#: destinations.
_ENTRIES: Final = 1 << 16
_FEWEST: Final = 16
#: A Hello lists at most so many neighbors that are behind; with more, the packet is sent to each neighbor by unicast.
_LAGGARD_LIMIT: Final = 64


class Advertiser:
    """Queues and sends the packets about destinations."""

    def __init__(self, context: Context, dual: Dual, adverts: Adverts, transport: Transport) -> None:
        self._context = context
        self._dual = dual
        self._adverts = adverts
        self._transport = transport
        self._neighbors: dict[Neighbor, None] = {}
        self._rest = Timer("A crowd of neighbors", lambda: None)
        self._interfaces: dict[EigrpInterface, None] = {}

    # Advertisements to send ------------------------------------------------------------------------------------

    def note_changed(self, interface: EigrpInterface, prefix: Prefix) -> None:
        """Queue `prefix` for the group on `interface` if its advert changed."""
        group = interface.group
        if prefix in group.updates or self._adverts.is_news(interface, prefix):
            group.tell(prefix)
            self._interfaces[interface] = None

    def ask(self, interface: EigrpInterface, prefix: Prefix, neighbors: list[Neighbor]) -> None:
        """Query these neighbors, all on `interface`, by multicast if that reaches no stub.

        One recipient too many does no harm: the neighbor that waits for our reply need not be queried, but replies
        anyway.
        """
        present = interface.up_neighbors()
        spared = len(present) - len(neighbors)
        if spared == 0 or (spared == 1 < len(neighbors) and not any(neighbor.is_stub for neighbor in present)):
            interface.group.ask(prefix)
            self._interfaces[interface] = None
            return
        for neighbor in neighbors:
            neighbor.backlog.ask({prefix: None})
            self.wake(neighbor)

    def reply(self, neighbor: Neighbor, prefix: Prefix) -> None:
        """Queue the reply to a query of this neighbor."""
        neighbor.backlog.reply(prefix)
        self.wake(neighbor)

    def ask_if_stuck(self, neighbor: Neighbor, prefix: Prefix) -> None:
        """Queue an SIA query to the neighbor, RFC 7868 §4.4.1."""
        neighbor.backlog.ask_if_stuck(prefix)
        self.wake(neighbor)

    def answer_if_stuck(self, neighbor: Neighbor, prefix: Prefix) -> None:
        """Queue the answer to an SIA query: an SIA reply while active, otherwise a reply."""
        if prefix in self._dual.active:
            neighbor.backlog.answer_if_stuck(prefix)
        else:
            neighbor.backlog.reply(prefix)
        self.wake(neighbor)

    def tell_table(self, neighbor: Neighbor) -> None:
        """Queue the whole table for a new neighbor; if another neighbor has received it completely, the group's adverts
        and pending updates suffice, which are fewer.

        Active destinations follow when they are passive: the neighbor was not queried about them.
        """
        interface, group = neighbor.interface, neighbor.interface.group
        others = (other for other in interface.neighbors.values() if other.is_up and other is not neighbor)
        is_known = any(not other.backlog.table for other in others)
        prefixes = (*group.advertised, *group.updates) if is_known else self._dual.table
        neighbor.backlog.tell_table(prefixes)
        self.wake(neighbor)

    def tell_again(self, interface: EigrpInterface) -> None:
        """Queue everything whose advert may have changed with the interface."""
        for prefix in dict.fromkeys((*self._dual.table, *interface.group.advertised)):
            self.note_changed(interface, prefix)

    def wake(self, neighbor: Neighbor) -> None:
        """Schedule a neighbor that may have something to receive."""
        self._neighbors[neighbor] = None
        self._mark(neighbor)

    def forget_neighbor(self, neighbor: Neighbor) -> None:
        """Forget a neighbor that is gone."""
        self._neighbors.pop(neighbor, None)
        interface = neighbor.interface
        interface.forget_neighbor(neighbor)
        if any(other.is_up for other in interface.neighbors.values()):
            self._interfaces[interface] = None
        else:
            interface.group.clear_group()
            self._context.stop(interface.flow_timer)

    # Sending ---------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Send everything that may be sent now, or a first slice of it; the rest follows in a moment."""
        left = _AT_ONCE
        while (self._neighbors or self._interfaces) and left > 0:
            for neighbor in list(islice(self._neighbors, left)):
                if left <= 0:
                    break
                del self._neighbors[neighbor]
                left -= 1 + self._tell(neighbor) // _ALIKE
            interfaces, self._interfaces = self._interfaces, {}
            for interface in interfaces:
                self._tell_group(interface)
        if self._neighbors or self._interfaces:
            self._context.start(self._rest, PAUSE)

    def resume(self, interface: EigrpInterface) -> None:
        """Resume sending after a pause for EIGRP's share of the bandwidth."""
        self._neighbors.update(interface.release())
        self._interfaces[interface] = None

    def flow_timeout(self, interface: EigrpInterface) -> None:
        """Stop waiting for the neighbors of the group that are behind."""
        self._tell_group(interface, patient=False)

    def _tell(self, neighbor: Neighbor) -> int:
        """Send one neighbor the next packet of its backlog, if it is ready for one. Returns the amount of work, in
        destinations.
        """
        work = 0
        if neighbor.is_up and neighbor.outstanding is None and neighbor.backlog:
            if self._must_pause(neighbor.interface):
                neighbor.interface.hold(neighbor)
            else:
                opcode, parts, sorted_out = self._adverts.take(neighbor)
                for prefix, advert, _ in parts:
                    interface = neighbor.interface
                    if advert is UNCERTAIN or len(interface.neighbors) == 1:
                        interface.group.note_advert(prefix, advert)
                    elif interface.group.last_advert(prefix) != advert:  # the other members must get it again
                        interface.group.note_advert(prefix, UNCERTAIN)
                        self.note_changed(interface, prefix)
                ends = opcode is Opcode.UPDATE and neighbor.backlog.end_table()
                octets = _joined(parts)
                if octets or ends:
                    self._transport.send(neighbor, opcode, octets, PacketFlag.END_OF_TABLE if ends else PacketFlag(0))
                work = len(parts) + sorted_out // _SORTED_OUT
        self._mark(neighbor)
        return work

    def _must_pause(self, interface: EigrpInterface) -> bool:
        """Return whether EIGRP's share of the bandwidth is used up (`ip bandwidth-percent eigrp`).

        If so, the pacing timer runs.
        """
        pause = interface.pause(self._context.now)
        if pause <= 0:
            return False
        if not self._context.is_running(interface.pacing_timer):
            self._context.start(interface.pacing_timer, pause)
        return True

    def _tell_group(self, interface: EigrpInterface, *, patient: bool = True) -> None:
        """Send the group the next packet, or wait for the neighbors that are behind."""
        if not (interface.group.updates or interface.group.queries) or self._must_pause(interface):
            return
        if interface.busy and patient:
            if not self._context.is_running(interface.flow_timer):
                self._context.start(interface.flow_timer, interface.flow_time)
            return
        self._context.stop(interface.flow_timer)
        if not self._adverts.has_news(interface):
            return
        members = interface.up_neighbors()
        if not members:
            interface.group.clear_group()
            return
        laggards = [neighbor for neighbor in members if neighbor in interface.busy]
        ready = [neighbor for neighbor in members if neighbor not in interface.busy]
        wide = {neighbor.reads_wide for neighbor in members}
        by_unicast = bool(interface.settings.neighbors)
        if by_unicast or len(wide) > 1 or len(laggards) > _LAGGARD_LIMIT or (laggards and len(ready) < 2):
            interface.count_exception()
            self._tell_each(interface, members)
            return
        opcode = Opcode.QUERY if interface.group.queries else Opcode.UPDATE
        parts = self._adverts.take_for_group(interface, opcode, wide=wide.pop())
        self._interfaces[interface] = None  # there may be more than fits in one packet
        if not parts:
            return
        octets = _joined(parts)
        self._add_to_backlogs(laggards, opcode, parts)
        if len(members) == 1:
            self._transport.send(members[0], opcode, octets)
        else:
            self._transport.multicast(interface, ready, laggards, opcode, octets)
        for neighbor in ready:
            self._mark(neighbor)

    def _tell_each(self, interface: EigrpInterface, members: list[Neighbor]) -> None:
        """Send to each neighbor by unicast because no multicast is possible. Large amounts are sent in slices."""
        group, left = interface.group, max(_ENTRIES // len(members), _FEWEST)
        for opcode in (Opcode.QUERY, Opcode.UPDATE):
            parts = self._adverts.take_for_group(interface, opcode, wide=None, most=left)
            left -= len(parts)
            self._add_to_backlogs(members, opcode, parts)
        if group.updates or group.queries:
            self._context.start(interface.flow_timer, PAUSE)

    def _add_to_backlogs(self, neighbors: list[Neighbor], opcode: Opcode, parts: list[Part]) -> None:
        questions = dict.fromkeys(prefix for prefix, _, _ in parts)
        news = dict.fromkeys(questions, True)
        for neighbor in neighbors:
            if opcode is Opcode.QUERY:
                neighbor.backlog.ask(questions)
            else:
                neighbor.backlog.tell(news)
            self.wake(neighbor)

    def _mark(self, neighbor: Neighbor) -> None:
        """Update the interface's set of neighbors that are behind."""
        if neighbor.interface.mark(neighbor):
            self._interfaces[neighbor.interface] = None


def _joined(parts: list[Part]) -> bytes:
    return b"".join([octets for _, _, octets in parts])
