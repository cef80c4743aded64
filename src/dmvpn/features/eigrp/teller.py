"""Tells neighbors what DUAL wants them to know: makes packets of what `policy.py` says about destinations.

    note_changed, ask, reply ...   something is to be told
    settle                         send what can be sent now

Nothing is put into octets before it is sent, so many changes of a destination while neighbors are busy become one
update. When nobody on the interface is behind, a group update is one multicast. Else it waits for the flow timer, and
then goes past those who are behind (conditional multicast); they get the same destinations alone, as soon as they can.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from dmvpn.base.context import Timer
from dmvpn.features.eigrp.interface import UNCERTAIN
from dmvpn.features.eigrp.packet import Opcode, PacketFlag
from dmvpn.features.eigrp.route import RouteFlag
from dmvpn.features.eigrp.translate import NO_FLAGS, WITHDRAWN, Advert, to_tlv

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix
    from dmvpn.base.context import Context
    from dmvpn.features.eigrp.dual import Dual
    from dmvpn.features.eigrp.interface import EigrpInterface, Neighbor
    from dmvpn.features.eigrp.policy import Policy
    from dmvpn.features.eigrp.rtp import Transport
    from dmvpn.features.eigrp.sender import Sender

#: Neighbors that are sent something in one event: other events, and other protocols, must not wait for thousands.
_AT_ONCE: Final = 64
#: Seconds between two parts of what is too much for one event: others come in between.
BREATH: Final = 0.001
#: More laggards than this are not named one by one in a Hello; everybody gets the packet alone then.
_LAGGARD_LIMIT: Final = 64


class Teller:
    """What waits to be told, and the packets that tell it."""

    def __init__(self, context: Context, dual: Dual, policy: Policy, sender: Sender, transport: Transport) -> None:
        self._context = context
        self._dual = dual
        self._policy = policy
        self._sender = sender
        self._transport = transport
        self._neighbors: dict[Neighbor, None] = {}
        self._rest = Timer(lambda: None)
        self._interfaces: dict[EigrpInterface, None] = {}

    # What is to be told ----------------------------------------------------------------------------------------

    def note_changed(self, interface: EigrpInterface, prefix: Prefix) -> None:
        """Note that the group on `interface` may have to hear of `prefix`."""
        if prefix in interface.updates or self._group_advert(interface, prefix, Opcode.UPDATE) is not None:
            interface.updates[prefix] = None
            self._interfaces[interface] = None

    def ask(self, interface: EigrpInterface, prefix: Prefix, neighbors: list[Neighbor]) -> None:
        """Query these neighbors, all on `interface`. It may be a multicast if that reaches no stub.

        One too many does no harm: the neighbor that waits for our reply need not be asked, and answers all the same.
        """
        present = interface.up_neighbors()
        spared = len(present) - len(neighbors)
        if spared == 0 or (spared == 1 < len(neighbors) and not any(neighbor.is_stub for neighbor in present)):
            interface.queries[prefix] = None
            self._interfaces[interface] = None
            return
        for neighbor in neighbors:
            neighbor.backlog.queries[prefix] = None
            self.wake(neighbor)

    def reply(self, neighbor: Neighbor, prefix: Prefix) -> None:
        """Answer a query of this neighbor."""
        neighbor.backlog.replies[prefix] = None
        self.wake(neighbor)

    def ask_if_stuck(self, neighbor: Neighbor, prefix: Prefix) -> None:
        """Send the neighbor an SIA query, RFC 7868 §4.4.1."""
        neighbor.backlog.sia_queries[prefix] = None
        self.wake(neighbor)

    def answer_if_stuck(self, neighbor: Neighbor, prefix: Prefix) -> None:
        """Answer an SIA query: still active, or, if that is over, with what we know."""
        if prefix in self._dual.active:
            neighbor.backlog.sia_replies[prefix] = None
        else:
            neighbor.backlog.replies[prefix] = None
        self.wake(neighbor)

    def tell_table(self, neighbor: Neighbor) -> None:
        """Tell a new neighbor all that there is; if somebody knows his whole table, that and what waits is less to do.

        Active destinations come when they are passive: it was not asked.
        """
        interface = neighbor.interface
        others = (other for other in interface.neighbors.values() if other.is_up and other is not neighbor)
        is_known = any(not other.backlog.table for other in others)
        prefixes = (*interface.told, *interface.updates) if is_known else self._dual.table
        neighbor.backlog.updates = dict.fromkeys(prefixes, False)
        neighbor.backlog.table = True
        self.wake(neighbor)

    def tell_again(self, interface: EigrpInterface) -> None:
        """Tell again what neighbors may hear now, because something about the interface changed."""
        for prefix in dict.fromkeys((*self._dual.table, *interface.told)):
            self.note_changed(interface, prefix)

    def wake(self, neighbor: Neighbor) -> None:
        """See whether something can be sent to this neighbor now."""
        self._neighbors[neighbor] = None
        self._mark(neighbor)

    def forget(self, neighbor: Neighbor) -> None:
        """Forget a neighbor that is gone."""
        self._neighbors.pop(neighbor, None)
        interface = neighbor.interface
        interface.held.pop(neighbor, None)
        interface.busy.pop(neighbor, None)
        if any(other.is_up for other in interface.neighbors.values()):
            self._interfaces[interface] = None
        else:
            interface.forget_group()
            self._context.stop(interface.flow_timer)

    # Sending ---------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Send whatever may be sent now, or the first part of much; the rest follows in a moment."""
        left = _AT_ONCE
        while (self._neighbors or self._interfaces) and left:
            turn = list(islice(self._neighbors, left))
            left -= len(turn)
            for neighbor in turn:
                del self._neighbors[neighbor]
                self._tell(neighbor)
            interfaces, self._interfaces = self._interfaces, {}
            for interface in interfaces:
                self._tell_group(interface)
        if self._neighbors or self._interfaces:
            self._context.start(self._rest, BREATH)

    def resume(self, interface: EigrpInterface) -> None:
        """Resume: there is some of EIGRP's share of the bandwidth again."""
        self._neighbors.update(interface.held)
        interface.held.clear()
        self._interfaces[interface] = None

    def flow_timeout(self, interface: EigrpInterface) -> None:
        """Stop waiting for those of the group that are behind."""
        self._tell_group(interface, patient=False)

    def _tell(self, neighbor: Neighbor) -> None:
        """Send one neighbor the next packet of its backlog, if it is ready for one."""
        if neighbor.is_up and neighbor.outstanding is None and neighbor.backlog:
            if self._must_pause(neighbor.interface):
                neighbor.interface.held[neighbor] = None
            else:
                self._send_backlog(neighbor)
        self._mark(neighbor)

    def _must_pause(self, interface: EigrpInterface) -> bool:
        """Return whether EIGRP's share of the bandwidth is spent (`ip bandwidth-percent eigrp`).

        Then the timer is set.
        """
        pause = interface.pause(self._context.now)
        if pause <= 0:
            return False
        if not self._context.is_running(interface.pacing_timer):
            self._context.start(interface.pacing_timer, pause)
        return True

    def _tell_group(self, interface: EigrpInterface, *, patient: bool = True) -> None:
        """Send the group the next packet, or wait for those who are behind."""
        if not (interface.updates or interface.queries) or self._must_pause(interface):
            return
        if interface.busy and patient:
            if not self._context.is_running(interface.flow_timer):
                self._context.start(interface.flow_timer, interface.flow_time)
            return
        self._context.stop(interface.flow_timer)
        if not self._has_news(interface):
            return
        members = interface.up_neighbors()
        if not members:
            interface.forget_group()
            return
        laggards = [neighbor for neighbor in members if neighbor in interface.busy]
        ready = [neighbor for neighbor in members if neighbor not in interface.busy]
        wide = {neighbor.reads_wide for neighbor in members}
        by_unicast = bool(interface.settings.neighbors)
        if by_unicast or len(wide) > 1 or len(laggards) > _LAGGARD_LIMIT or (laggards and len(ready) < 2):
            interface.statistics.exceptions += 1
            self._tell_each(interface, members)
            return
        opcode = Opcode.QUERY if interface.queries else Opcode.UPDATE
        prefixes, octets = self._pack_group(interface, opcode, wide=wide.pop())
        self._interfaces[interface] = None  # there may be more than one packet holds
        if not prefixes:
            return
        for neighbor in laggards:
            self._add_to_backlog(neighbor, opcode, prefixes)
        if len(members) == 1:
            self._transport.send(members[0], opcode, octets)
        else:
            self._transport.multicast(interface, ready, laggards, opcode, octets)
        for neighbor in ready:
            self._mark(neighbor)

    def _has_news(self, interface: EigrpInterface) -> bool:
        """Return whether there is anything to say to the group.

        Forget the changes at the front that are none for it.
        """
        for prefix in list(interface.updates):
            if interface.queries or self._group_advert(interface, prefix, Opcode.UPDATE) is not None:
                return True
            del interface.updates[prefix]
        return bool(interface.queries)

    def _tell_each(self, interface: EigrpInterface, members: list[Neighbor]) -> None:
        """Tell each alone, because no multicast is possible."""
        for opcode in (Opcode.QUERY, Opcode.UPDATE):
            waiting = interface.queries if opcode is Opcode.QUERY else interface.updates
            prefixes = []
            for prefix in list(waiting):
                del waiting[prefix]
                advert = self._group_advert(interface, prefix, opcode)
                if advert is not None:
                    interface.note_told(prefix, advert)
                    prefixes.append(prefix)
            for neighbor in members:
                self._add_to_backlog(neighbor, opcode, prefixes)

    def _add_to_backlog(self, neighbor: Neighbor, opcode: Opcode, prefixes: list[Prefix]) -> None:
        if opcode is Opcode.QUERY:
            neighbor.backlog.queries.update(dict.fromkeys(prefixes))
        else:
            neighbor.backlog.updates.update(dict.fromkeys(prefixes, True))
        self.wake(neighbor)

    def _mark(self, neighbor: Neighbor) -> None:
        """Keep the interface's list of those who are behind."""
        interface = neighbor.interface
        if neighbor.is_up and not neighbor.is_idle:
            interface.busy[neighbor] = None
        elif neighbor in interface.busy:
            del interface.busy[neighbor]
            if not interface.busy:
                self._interfaces[interface] = None

    # Packets ---------------------------------------------------------------------------------------------------

    def _pack_group(self, interface: EigrpInterface, opcode: Opcode, *, wide: bool) -> tuple[list[Prefix], bytes]:
        """Return the destinations of the next packet to the group, and their TLVs."""
        waiting = interface.queries if opcode is Opcode.QUERY else interface.updates
        flags = RouteFlag.ACTIVE if opcode is Opcode.QUERY else NO_FLAGS
        room = self._sender.room(interface)
        prefixes: list[Prefix] = []
        parts: list[bytes] = []
        while waiting:
            prefix = next(iter(waiting))
            advert = self._group_advert(interface, prefix, opcode)
            if advert is not None:
                octets = to_tlv(prefix, advert, wide=wide, flags=flags).serialize()
                room -= len(octets)
                if room < 0 and parts:
                    break
                interface.note_told(prefix, advert)
                prefixes.append(prefix)
                parts.append(octets)
            waiting.pop(prefix, None)
        return prefixes, b"".join(parts)

    def _group_advert(self, interface: EigrpInterface, prefix: Prefix, opcode: Opcode) -> Advert | None:
        """Return what the group is to be told, None if nothing.

        While a destination is active only two things are ever said of it: the query, and that it is unreachable by us.
        """
        destination = self._dual.table.get(prefix)
        advert = self._policy.advert(interface, destination)
        is_active = destination is not None and destination.is_active
        if opcode is Opcode.QUERY:
            if is_active:
                interface.updates.pop(prefix, None)
                return advert
            interface.updates[prefix] = None  # nobody is left whom the question was for
            return None
        if is_active and advert.metric is not None:
            return None
        return None if advert == interface.advert_told(prefix) else advert

    def _send_backlog(self, neighbor: Neighbor) -> None:
        """Send the next packet: replies first, for others wait for them."""
        backlog = neighbor.backlog
        self._sort_out(neighbor)
        if backlog.replies:
            self._send(neighbor, Opcode.REPLY, backlog.replies)
        elif backlog.queries:
            self._send(neighbor, Opcode.QUERY, backlog.queries, RouteFlag.ACTIVE)
        elif backlog.sia_replies:
            self._send(neighbor, Opcode.SIA_REPLY, backlog.sia_replies, RouteFlag.ACTIVE)
        elif backlog.sia_queries:
            self._send(neighbor, Opcode.SIA_QUERY, backlog.sia_queries, RouteFlag.ACTIVE)
        else:
            self._send_updates(neighbor)

    def _sort_out(self, neighbor: Neighbor) -> None:
        """Drop questions that have been answered meanwhile, and turn answers that are out of date."""
        backlog, active = neighbor.backlog, self._dual.active
        for prefix in list(backlog.queries):
            if prefix not in active or neighbor.source not in active[prefix].awaiting:
                del backlog.queries[prefix]
                backlog.updates[prefix] = True
        for prefix in list(backlog.sia_queries):
            if prefix not in active or neighbor.source not in active[prefix].awaiting:
                del backlog.sia_queries[prefix]
        for prefix in list(backlog.sia_replies):
            if prefix not in active:
                del backlog.sia_replies[prefix]
                backlog.replies[prefix] = None

    def _send(
        self, neighbor: Neighbor, opcode: Opcode, waiting: dict[Prefix, None], flags: RouteFlag = NO_FLAGS
    ) -> None:
        interface = neighbor.interface
        room = self._sender.room(interface)
        parts: list[bytes] = []
        while waiting:
            prefix = next(iter(waiting))
            advert = self._policy.advert(interface, self._dual.table.get(prefix))
            octets = to_tlv(prefix, advert, wide=neighbor.reads_wide, flags=flags).serialize()
            room -= len(octets)
            if room < 0 and parts:
                break
            del waiting[prefix]
            neighbor.backlog.updates.pop(prefix, None)
            self._note_told_alone(neighbor, prefix, advert)
            parts.append(octets)
        self._transport.send(neighbor, opcode, b"".join(parts))

    def _send_updates(self, neighbor: Neighbor) -> None:
        """Send the next part of what the neighbor has to know; the end of its first table is marked."""
        interface, waiting, active = neighbor.interface, neighbor.backlog.updates, self._dual.active
        room = self._sender.room(interface)
        parts: list[bytes] = []
        while waiting:
            prefix, is_due = next(iter(waiting.items()))
            advert = self._policy.advert(interface, self._dual.table.get(prefix))
            if prefix in active and advert.metric is not None:
                interface.told[prefix] = UNCERTAIN  # it is told when the destination is passive
            elif advert == WITHDRAWN and not is_due:
                self._note_told_alone(neighbor, prefix, advert)
            else:
                octets = to_tlv(prefix, advert, wide=neighbor.reads_wide).serialize()
                room -= len(octets)
                if room < 0 and parts:
                    break
                self._note_told_alone(neighbor, prefix, advert)
                parts.append(octets)
            del waiting[prefix]
        flags = PacketFlag(0)
        if neighbor.backlog.table and not waiting:
            flags, neighbor.backlog.table = PacketFlag.END_OF_TABLE, False
        if parts or flags:
            self._transport.send(neighbor, Opcode.UPDATE, b"".join(parts), flags)

    def _note_told_alone(self, neighbor: Neighbor, prefix: Prefix, advert: Advert) -> None:
        """Note that one neighbor was told this. If the others know something else, the group has to be told again."""
        interface = neighbor.interface
        if len(interface.neighbors) == 1:
            interface.note_told(prefix, advert)
        elif interface.advert_told(prefix) != advert:
            interface.told[prefix] = UNCERTAIN
            self.note_changed(interface, prefix)
