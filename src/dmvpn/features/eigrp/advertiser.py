"""Sends neighbors the results of DUAL: when each packet of `adverts.py` leaves, and to which neighbors.

    note_changed, ask, reply ...   queue something
    settle                         send everything that can be sent now

Packets are encoded only when they are sent, so many changes of a destination while neighbors are busy become one
update. When no neighbor on the interface is behind, a group update is one multicast. Otherwise it waits for the flow
timer, and is then sent past the neighbors that are behind (conditional multicast); they get the same destinations by
unicast, as soon as they can.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from dmvpn.base.chores import PAUSE
from dmvpn.base.context import Timer
from dmvpn.features.eigrp.backlog import UNCERTAIN
from dmvpn.features.eigrp.packet import Opcode, PacketFlag

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix
    from dmvpn.base.context import Context
    from dmvpn.features.eigrp.adverts import Adverts, Part
    from dmvpn.features.eigrp.dual import Dual
    from dmvpn.features.eigrp.interface import EigrpInterface, Neighbor
    from dmvpn.features.eigrp.output import Transport
    from dmvpn.features.eigrp.topology import Advert

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
        prefixes = (*group.told, *group.updates) if is_known else self._dual.table
        neighbor.backlog.tell_table(prefixes)
        self.wake(neighbor)

    def tell_again(self, interface: EigrpInterface) -> None:
        """Queue everything whose advert may have changed with the interface."""
        for prefix in dict.fromkeys((*self._dual.table, *interface.group.told)):
            self.note_changed(interface, prefix)

    def wake(self, neighbor: Neighbor) -> None:
        """Schedule a neighbor that may have something to receive."""
        self._neighbors[neighbor] = None
        self._mark(neighbor)

    def forget(self, neighbor: Neighbor) -> None:
        """Forget a neighbor that is gone."""
        self._neighbors.pop(neighbor, None)
        interface = neighbor.interface
        interface.forget(neighbor)
        if any(other.is_up for other in interface.neighbors.values()):
            self._interfaces[interface] = None
        else:
            interface.group.forget()
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
                work = self._send_backlog(neighbor)
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
            interface.group.forget()
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

    # Packets ---------------------------------------------------------------------------------------------------

    def _send_backlog(self, neighbor: Neighbor) -> int:
        """Send the next packet of the neighbor's backlog; the last one of its first table is marked. Returns the amount
        of work, in destinations.
        """
        opcode, parts, sorted_out = self._adverts.take(neighbor)
        for prefix, advert, _ in parts:
            self._note_told_alone(neighbor, prefix, advert)
        ends = opcode is Opcode.UPDATE and neighbor.backlog.end_table()
        octets = _joined(parts)
        if octets or ends:
            self._transport.send(neighbor, opcode, octets, PacketFlag.END_OF_TABLE if ends else PacketFlag(0))
        return len(parts) + sorted_out // _SORTED_OUT

    def _note_told_alone(self, neighbor: Neighbor, prefix: Prefix, advert: Advert) -> None:
        """Record that one neighbor has received this advert. If the other members know another, the group must receive
        it again.
        """
        interface = neighbor.interface
        if advert is UNCERTAIN or len(interface.neighbors) == 1:
            interface.group.note_told(prefix, advert)
        elif interface.group.advert_told(prefix) != advert:
            interface.group.note_told(prefix, UNCERTAIN)
            self.note_changed(interface, prefix)


def _joined(parts: list[Part]) -> bytes:
    return b"".join([octets for _, _, octets in parts])
