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
from dmvpn.features.eigrp.backlog import UNCERTAIN
from dmvpn.features.eigrp.packet import Opcode, PacketFlag
from dmvpn.features.eigrp.route import SMALLEST, RouteFlag
from dmvpn.features.eigrp.translate import NO_FLAGS, WITHDRAWN, Advert, to_tlv

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix
    from dmvpn.base.context import Context
    from dmvpn.features.eigrp.backlog import Part
    from dmvpn.features.eigrp.dual import Dual
    from dmvpn.features.eigrp.interface import EigrpInterface, Neighbor
    from dmvpn.features.eigrp.policy import Policy
    from dmvpn.features.eigrp.rtp import Transport
    from dmvpn.features.eigrp.sender import Sender

#: Neighbors that are sent something in one event: other events, and other protocols, must not wait for thousands.
_AT_ONCE: Final = 64
#: Destinations that take as long to tell as a neighbor that is told of one: a full packet counts as several neighbors.
_ALIKE: Final = 8
#: Questions that are sorted out while a destination is told.
_SORTED_OUT: Final = 16
#: Destinations times neighbors of one event, when each neighbor is told alone what all are told; and the fewest
#: destinations.
_ENTRIES: Final = 1 << 16
_FEWEST: Final = 16
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
        group = interface.group
        if prefix in group.updates or self._group_advert(interface, prefix, Opcode.UPDATE) is not None:
            group.tell(prefix)
            self._interfaces[interface] = None

    def ask(self, interface: EigrpInterface, prefix: Prefix, neighbors: list[Neighbor]) -> None:
        """Query these neighbors, all on `interface`. It may be a multicast if that reaches no stub.

        One too many does no harm: the neighbor that waits for our reply need not be asked, and answers all the same.
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
        """Answer a query of this neighbor."""
        neighbor.backlog.reply(prefix)
        self.wake(neighbor)

    def ask_if_stuck(self, neighbor: Neighbor, prefix: Prefix) -> None:
        """Send the neighbor an SIA query, RFC 7868 §4.4.1."""
        neighbor.backlog.ask_if_stuck(prefix)
        self.wake(neighbor)

    def answer_if_stuck(self, neighbor: Neighbor, prefix: Prefix) -> None:
        """Answer an SIA query: still active, or, if that is over, with what we know."""
        if prefix in self._dual.active:
            neighbor.backlog.answer_if_stuck(prefix)
        else:
            neighbor.backlog.reply(prefix)
        self.wake(neighbor)

    def tell_table(self, neighbor: Neighbor) -> None:
        """Tell a new neighbor all that there is; if somebody knows his whole table, that and what waits is less to do.

        Active destinations come when they are passive: it was not asked.
        """
        interface, group = neighbor.interface, neighbor.interface.group
        others = (other for other in interface.neighbors.values() if other.is_up and other is not neighbor)
        is_known = any(not other.backlog.table for other in others)
        prefixes = (*group.told, *group.updates) if is_known else self._dual.table
        neighbor.backlog.tell_table(prefixes)
        self.wake(neighbor)

    def tell_again(self, interface: EigrpInterface) -> None:
        """Tell again what neighbors may hear now, because something about the interface changed."""
        for prefix in dict.fromkeys((*self._dual.table, *interface.group.told)):
            self.note_changed(interface, prefix)

    def wake(self, neighbor: Neighbor) -> None:
        """See whether something can be sent to this neighbor now."""
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
        """Send whatever may be sent now, or the first part of much; the rest follows in a moment."""
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
            self._context.start(self._rest, BREATH)

    def resume(self, interface: EigrpInterface) -> None:
        """Resume: there is some of EIGRP's share of the bandwidth again."""
        self._neighbors.update(interface.release())
        self._interfaces[interface] = None

    def flow_timeout(self, interface: EigrpInterface) -> None:
        """Stop waiting for those of the group that are behind."""
        self._tell_group(interface, patient=False)

    def _tell(self, neighbor: Neighbor) -> int:
        """Send one neighbor the next packet of its backlog, if it is ready for one. Returns how much work that was, in
        destinations that were told.
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
        if not (interface.group.updates or interface.group.queries) or self._must_pause(interface):
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
        parts = self._take_group(interface, opcode, wide=wide.pop())
        self._interfaces[interface] = None  # there may be more than one packet holds
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

    def _has_news(self, interface: EigrpInterface) -> bool:
        """Return whether there is anything to say to the group.

        Forget the changes at the front that are none for it.
        """
        group = interface.group
        for prefix in list(group.updates):
            if group.queries or self._group_advert(interface, prefix, Opcode.UPDATE) is not None:
                return True
            group.forget_change(prefix)
        return bool(group.queries)

    def _tell_each(self, interface: EigrpInterface, members: list[Neighbor]) -> None:
        """Tell each alone, because no multicast is possible. Of much, a part: the rest follows in a moment."""
        group, left = interface.group, max(_ENTRIES // len(members), _FEWEST)
        for opcode in (Opcode.QUERY, Opcode.UPDATE):
            parts = self._take_group(interface, opcode, wide=None, most=left)
            left -= len(parts)
            self._add_to_backlogs(members, opcode, parts)
        if group.updates or group.queries:
            self._context.start(interface.flow_timer, BREATH)

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
        """Keep the interface's list of those who are behind."""
        if neighbor.interface.mark(neighbor):
            self._interfaces[neighbor.interface] = None

    # Packets ---------------------------------------------------------------------------------------------------

    def _take_group(
        self, interface: EigrpInterface, opcode: Opcode, *, wide: bool | None, most: int | None = None
    ) -> list[Part]:
        """Take the next packet to the group. wide: how metrics are written; None: all that waits, without octets.

        most: destinations that are looked at.
        """
        flags = RouteFlag.ACTIVE if opcode is Opcode.QUERY else NO_FLAGS

        def make(prefix: Prefix) -> tuple[Advert, bytes] | None:
            advert = self._group_advert(interface, prefix, opcode)
            if advert is None:
                return None
            return advert, b"" if wide is None else to_tlv(prefix, advert, wide=wide, flags=flags).serialize()

        return interface.group.take(opcode, self._sender.room(interface), make, most)

    def _group_advert(self, interface: EigrpInterface, prefix: Prefix, opcode: Opcode) -> Advert | None:
        """Return what the group is to be told, None if nothing.

        While a destination is active only two things are ever said of it: the query, and that it is unreachable by us.
        """
        destination = self._dual.table.get(prefix)
        advert = self._policy.advert(interface, destination)
        is_active = destination is not None and destination.is_active
        if opcode is Opcode.QUERY:
            if is_active:
                interface.group.forget_change(prefix)
                return advert
            interface.group.tell(prefix)  # nobody is left whom the question was for
            return None
        if is_active and advert.metric is not None:
            return None
        return None if advert == interface.group.advert_told(prefix) else advert

    def _send_backlog(self, neighbor: Neighbor) -> int:
        """Send the next packet of what the neighbor has to know; the end of its first table is marked. Returns how
        much work that was, in destinations that were told.
        """
        backlog, interface = neighbor.backlog, neighbor.interface
        room = self._sender.room(interface)
        sorted_out = backlog.sort_out(self._dual.active, neighbor.source, room // SMALLEST + 2)
        opcode = backlog.next()
        make = self._update if opcode is Opcode.UPDATE else self._answer
        flags = NO_FLAGS if opcode in (Opcode.UPDATE, Opcode.REPLY) else RouteFlag.ACTIVE
        parts = backlog.take(room, lambda prefix: make(neighbor, prefix, flags))
        for prefix, advert, _ in parts:
            self._note_told_alone(neighbor, prefix, advert)
        ends = opcode is Opcode.UPDATE and backlog.end_table()
        octets = _joined(parts)
        if octets or ends:
            self._transport.send(neighbor, opcode, octets, PacketFlag.END_OF_TABLE if ends else PacketFlag(0))
        return len(parts) + sorted_out // _SORTED_OUT

    def _answer(self, neighbor: Neighbor, prefix: Prefix, flags: RouteFlag) -> tuple[Advert, bytes]:
        advert = self._policy.advert(neighbor.interface, self._dual.table.get(prefix))
        return advert, to_tlv(prefix, advert, wide=neighbor.reads_wide, flags=flags).serialize()

    def _update(self, neighbor: Neighbor, prefix: Prefix, flags: RouteFlag) -> tuple[Advert, bytes]:
        advert = self._policy.advert(neighbor.interface, self._dual.table.get(prefix))
        if prefix in self._dual.active and advert.metric is not None:
            return UNCERTAIN, b""  # it is told when the destination is passive
        if advert == WITHDRAWN and not neighbor.backlog.updates[prefix]:
            return advert, b""
        return advert, to_tlv(prefix, advert, wide=neighbor.reads_wide).serialize()

    def _note_told_alone(self, neighbor: Neighbor, prefix: Prefix, advert: Advert) -> None:
        """Note that one neighbor was told this. If the others know something else, the group has to be told again."""
        interface = neighbor.interface
        if advert is UNCERTAIN or len(interface.neighbors) == 1:
            interface.group.note_told(prefix, advert)
        elif interface.group.advert_told(prefix) != advert:
            interface.group.note_told(prefix, UNCERTAIN)
            self.note_changed(interface, prefix)


def _joined(parts: list[Part]) -> bytes:
    return b"".join([octets for _, _, octets in parts])
