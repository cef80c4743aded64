"""Updates of neighbors: each advertisement is judged, taken and acknowledged, or answered. RFC 2328 §13, §13.7."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.ospf.lsa import MAX_AGE, Lsa, LsaHeader, LsaType, size_of
from dmvpn.features.ospf.neighbor import InterfaceState
from dmvpn.features.ospf.packet import Acknowledgment

if TYPE_CHECKING:
    from dmvpn.features.ospf.adjacency import Adjacencies, Helper
    from dmvpn.features.ospf.events import Exchange
    from dmvpn.features.ospf.flooding import Flooding, Origination
    from dmvpn.features.ospf.interface import Neighbor
    from dmvpn.features.ospf.lsa import DatabaseEntry
    from dmvpn.features.ospf.output import Complaints, Retransmission, Sender
    from dmvpn.features.ospf.packet import LinkStateUpdate
    from dmvpn.features.ospf.spf import RunningArea
    from dmvpn.features.ospf.state import State

#: Octets of all databases of a process, with something for each advertisement: some 90,000 external routes.
LARGEST_DATABASES: Final = 1 << 23
#: Octets of an advertisement that fits into an IP packet with all that may be around it.
_LONGEST: Final = 0xFFFF - 200


class Updates:
    """Takes updates and acknowledgments, for one process."""

    def __init__(
        self,
        state: State,
        sender: Sender,
        complaints: Complaints,
        retransmission: Retransmission,
        flooding: Flooding,
        origination: Origination,
        adjacencies: Adjacencies,
        exchange: Exchange,
        helper: Helper,
    ) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender
        self._complaints = complaints
        self._retransmission = retransmission
        self._flooding = flooding
        self._origination = origination
        self._adjacencies = adjacencies
        self._exchange = exchange
        self._helper = helper

    def receive(self, neighbor: Neighbor, update: LinkStateUpdate) -> None:
        """Take an update that came from a neighbor."""
        if not neighbor.exchanges:
            return
        at_once: list[LsaHeader] = []
        for lsa in update.lsas:
            if not self._receive(neighbor, lsa, at_once):
                break
        for headers in self._sender.batches(neighbor.interface, at_once):
            self._sender.to(neighbor, Acknowledgment(headers))

    def _receive(self, neighbor: Neighbor, lsa: Lsa, at_once: list[LsaHeader]) -> bool:
        """Take one advertisement. at_once: headers to acknowledge without delay. False: the rest is void."""
        area, header, now = neighbor.interface.area, lsa.header, self._context.now
        if not lsa.is_sound or not area.admits(header.type) or header.length > _LONGEST:
            self._sender.drop("LSA that may not be")
            return True
        if header.type == LsaType.OPAQUE_LINK:
            # All interested neighbors have received them, too: they are neither stored nor flooded.
            self._exchange.got(neighbor, header)
            at_once.append(header)
            self._helper.take(neighbor.interface, lsa)
            return True
        database = self._state.database(area, header.type)
        entry = database.get(lsa.key)
        if header.age >= MAX_AGE and entry is None and not self._state.is_exchanging:
            self._exchange.got(neighbor, header)
            at_once.append(header)
            return True
        verdict = database.compare(header)
        if verdict > 0 and self._is_too_much(lsa, entry):
            # Acknowledged all the same, or it comes again forever; the neighbor stays, and so does what is known.
            self._exchange.got(neighbor, header)
            at_once.append(header)
            self._complaints.refuse(
                neighbor.interface, neighbor.address, "LSA too many", "more link states than there is room for"
            )
            return True
        if verdict > 0:
            if entry is not None and not entry.may_be_replaced(now, self._state.arrival) and not self._is_own(lsa):
                return True
            self._accept(neighbor, area, lsa)
            return True
        if lsa.key in neighbor.talk.requests:
            self._adjacencies.restart(neighbor, "BadLSReq")
            return False
        if verdict == 0:
            self._same_again(neighbor, header, at_once)
        elif entry is not None:
            self._tell_newer(neighbor, entry)
        return True

    def go_on(self) -> None:
        """Go on with exchanges in which something was missing that was flooded meanwhile."""
        for neighbor in self._flooding.take_supplied():
            self._exchange.go_on(neighbor)

    def _is_too_much(self, lsa: Lsa, entry: DatabaseEntry | None) -> bool:
        """Return whether advertisements of other routers would make the databases larger than they may be."""
        more = size_of(lsa) - (size_of(entry.lsa) if entry is not None else 0)
        if more <= 0 or (entry is not None and self._is_own(lsa)):
            return False
        return more + sum(database.size for _, database in self._state.scopes()) > LARGEST_DATABASES

    def _accept(self, neighbor: Neighbor, area: RunningArea, lsa: Lsa) -> None:
        interface = neighbor.interface
        sent_back, changed = self._flooding.spread(area, lsa, neighbor)
        self.go_on()
        if changed:
            self._flooding.note_change(area, lsa)
            self._helper.changed(self._flooding.take_changed())
        is_backup = interface.phase is InterfaceState.BACKUP
        if not sent_back and (not is_backup or neighbor.is_designated):
            self._flooding.acknowledge_soon(interface, lsa.header)
        if self._is_own(lsa):
            self._origination.contested(area, lsa)

    def _same_again(self, neighbor: Neighbor, header: LsaHeader, at_once: list[LsaHeader]) -> None:
        """Take the instance that we have as an acknowledgment, if the neighbor owes us one.

        RFC 2328 §13 (7), table 19.
        """
        if self._retransmission.settle(neighbor, header):
            if neighbor.interface.phase is InterfaceState.BACKUP and neighbor.is_designated:
                self._flooding.acknowledge_soon(neighbor.interface, header)
        else:
            at_once.append(header)

    def _tell_newer(self, neighbor: Neighbor, entry: DatabaseEntry) -> None:
        """Send ours to a neighbor that has an old instance. RFC 2328 §13 (8)."""
        if self._context.now - entry.arrived >= self._state.arrival:
            self._sender.tell(neighbor, [entry.outgoing(self._context.now, neighbor.interface.settings.transmit_delay)])

    def _is_own(self, lsa: Lsa) -> bool:
        """Return whether we seem to have made it. RFC 2328 §13.4."""
        if lsa.header.router == self._state.router_id:
            return True
        return lsa.header.type == LsaType.NETWORK and self._state.has_address(lsa.header.id)

    def acknowledged(self, neighbor: Neighbor, acknowledgment: Acknowledgment) -> None:
        """Take an acknowledgment that came. RFC 2328 §13.7."""
        if neighbor.exchanges:
            for header in acknowledgment.headers:
                self._retransmission.settle(neighbor, header)
