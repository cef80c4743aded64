"""The next packet about destinations, to a neighbor or to a group: which destinations fit, and their encoding.

    Backlog, Group   waiting destinations        Policy   what to advertise of each        translate   its octets

A packet carries the state at the time it is made: an update about a destination that is active by then waits until it
is passive, a query that has been answered is dropped, and what a group knows already is not sent again.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.features.eigrp.backlog import UNCERTAIN
from dmvpn.features.eigrp.packet import SMALLEST, Opcode, RouteFlag
from dmvpn.features.eigrp.topology import NO_FLAGS, WITHDRAWN, Advert, to_tlv

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.features.eigrp.dual import Dual
    from dmvpn.features.eigrp.interface import EigrpInterface, Neighbor
    from dmvpn.features.eigrp.output import Sender
    from dmvpn.features.eigrp.policy import Policy

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
            group.note_told(prefix, advert)
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
        return None if advert == interface.group.advert_told(prefix) else advert

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
