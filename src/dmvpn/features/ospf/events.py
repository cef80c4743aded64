"""The exchange of databases with one neighbor: master or slave, its descriptions, requests. RFC 2328 §10.6 to §10.9."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.reasons import Reason
from dmvpn.features.ospf.lsa import MAX_AGE, OPAQUE, LsaType
from dmvpn.features.ospf.messages import MtusDiffer
from dmvpn.features.ospf.neighbor import NeighborMove, NeighborState
from dmvpn.features.ospf.packet import LinkStateRequest
from dmvpn.features.ospf.reasons import OspfReason

if TYPE_CHECKING:
    from dmvpn.features.ospf.adjacency import Adjacencies
    from dmvpn.features.ospf.interface import Neighbor
    from dmvpn.features.ospf.lsa import Lsa, LsaHeader
    from dmvpn.features.ospf.output import Complaints, Descriptions, Retransmission, Sender
    from dmvpn.features.ospf.packet import Description
    from dmvpn.features.ospf.state import State

_UNDER_WAY: Final = (NeighborState.EX_START, NeighborState.EXCHANGE)
_REQUEST: Final = 12


class Exchange:
    """Holds the talks of one process with its neighbors."""

    def __init__(
        self,
        state: State,
        sender: Sender,
        complaints: Complaints,
        retransmission: Retransmission,
        descriptions: Descriptions,
        adjacencies: Adjacencies,
    ) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender
        self._complaints = complaints
        self._retransmission = retransmission
        self._descriptions = descriptions
        self._adjacencies = adjacencies

    def receive(self, neighbor: Neighbor, description: Description) -> None:
        """Take a description that came."""
        if not self._fits(neighbor, description.mtu):
            return
        neighbor.refuse(None)
        neighbor.describe(description)
        self._adjacencies.heard_both_ways(neighbor)
        match neighbor.state:
            case NeighborState.EX_START:
                self._negotiate(neighbor, description)
            case NeighborState.EXCHANGE:
                self._continue(neighbor, description)
            case NeighborState.LOADING | NeighborState.FULL:
                self._late(neighbor, description)

    def _fits(self, neighbor: Neighbor, theirs: int) -> bool:
        """Return whether descriptions of a neighbor with this MTU may be taken, RFC 2328 §10.6.

        If the MTUs differ, both ends complain: one does not take descriptions, the other finds that its own are not
        taken. theirs: octets, 0 on a virtual link.
        """
        interface = neighbor.interface
        ours, is_under_way = interface.state.ip_mtu, neighbor.state in _UNDER_WAY
        is_smaller = interface.described_mtu > theirs > 0 and is_under_way
        if interface.settings.ignore_mtu or not (theirs > ours or is_smaller):
            return True
        log = MtusDiffer.of(self._state.number, neighbor.router, interface.name, theirs, ours)
        self._complaints.complain(interface, log)
        self._descriptions.debug(
            neighbor, f"Nbr {neighbor.router} has {'smaller' if is_smaller else 'larger'} interface MTU"
        )
        if is_smaller:
            return True
        neighbor.refuse(Reason(OspfReason.MTU, (theirs, ours), self._context.now))
        self._sender.drop("description with a larger MTU")
        return False

    def _negotiate(self, neighbor: Neighbor, description: Description) -> None:
        """Negotiate which router is the master: the one with the higher identifier."""
        talk = neighbor.talk
        if not talk.negotiate(description, they_are_higher=neighbor.router > self._state.router_id):
            return
        self._descriptions.debug(neighbor, f"NBR Negotiation Done. We are the {'MASTER' if talk.leads else 'SLAVE'}")
        self._summarize(neighbor)
        self._adjacencies.move(neighbor, NeighborMove.NEGOTIATED, "Negotiation Done")
        self._take(neighbor, description)

    def _summarize(self, neighbor: Neighbor) -> None:
        """Summarize our database for the neighbor. LSAs at MaxAge are sent in an update instead. RFC 2328 §10.3."""
        now = self._context.now
        if neighbor.interface.settings.filter_database:
            return
        for database in self._state.databases(neighbor.interface):
            for key in sorted(database.entries):
                if key.type in OPAQUE and not neighbor.takes_opaque:
                    continue
                entry = database.entries[key]
                if entry.age(now) >= MAX_AGE:
                    neighbor.waiting.owe(entry.lsa, now)
                else:
                    neighbor.talk.summarize(entry.header(now))

    def _continue(self, neighbor: Neighbor, description: Description) -> None:
        if neighbor.talk.is_again(description):
            self._descriptions.say_again(neighbor)
        elif neighbor.talk.fits(description):
            self._take(neighbor, description)
        else:
            self._adjacencies.restart(neighbor, "SeqNumberMismatch")

    def _late(self, neighbor: Neighbor, description: Description) -> None:
        """Answer a repeated last description: it may arrive again at the slave after the exchange."""
        if neighbor.talk.is_again(description):
            self._descriptions.say_again(neighbor)
        else:
            self._adjacencies.restart(neighbor, "SeqNumberMismatch")

    def _take(self, neighbor: Neighbor, description: Description) -> None:
        """Process the next description: note which LSAs we lack, and answer."""
        talk = neighbor.talk
        talk.hear(description)
        neighbor.answer()
        if not self._note_missing(neighbor, description):
            self._adjacencies.restart(neighbor, "SeqNumberMismatch")
            return
        is_over = talk.leads and talk.is_told and talk.is_heard
        if not is_over:
            talk.turn()
            self._descriptions.describe_next(neighbor)
            is_over = not talk.leads and talk.is_told and talk.is_heard
        if is_over:
            self._described(neighbor)
        else:
            self._ask(neighbor)

    def _note_missing(self, neighbor: Neighbor, description: Description) -> bool:
        """Note the LSAs that we lack. Return False if a header's type is unknown or not allowed in this area."""
        for header in description.headers:
            if not neighbor.interface.area.admits(header.type):
                return False
            database = self._state.database(neighbor.interface.area, header.type)
            if header.type == LsaType.OPAQUE_LINK or database.compare(header) > 0:
                neighbor.talk.miss(header)
        return True

    def _described(self, neighbor: Neighbor) -> None:
        if neighbor.talk.requests:
            self._adjacencies.move(neighbor, NeighborMove.DESCRIBED, "Exchange Done")
            self._ask(neighbor)
        else:
            self._adjacencies.move(neighbor, NeighborMove.COMPLETE, "Exchange Done")

    # ------------------------------------------------------------------------------------------------ requests

    def _ask(self, neighbor: Neighbor) -> None:
        """Request missing LSAs, as many as fit into a packet, unless a request is already outstanding."""
        keys = neighbor.talk.ask(max(1, self._sender.room(neighbor.interface) // _REQUEST))
        if keys:
            self._sender.to(neighbor, LinkStateRequest(keys))
            self._retransmission.await_answer(neighbor)

    def answer(self, neighbor: Neighbor, request: LinkStateRequest) -> None:
        """Answer a request. RFC 2328 §10.7."""
        if not neighbor.exchanges:
            return
        found: list[Lsa] = []
        for key in dict.fromkeys(request.keys):
            entry = self._state.database(neighbor.interface.area, key.type).get(key)
            if entry is None:
                self._adjacencies.restart(neighbor, "BadLSReq")
                return
            found.append(entry.outgoing(self._context.now, neighbor.interface.settings.transmit_delay))
        self._sender.tell(neighbor, found)

    def got(self, neighbor: Neighbor, header: LsaHeader) -> None:
        """Note that an instance has arrived that is at least as new as the missing one."""
        if neighbor.got(header.key):
            self.go_on(neighbor)

    def go_on(self, neighbor: Neighbor) -> None:
        """Request the next missing instances; if there are none, end the exchange."""
        if neighbor.talk.requests:
            self._ask(neighbor)
        elif neighbor.state is NeighborState.LOADING:
            self._adjacencies.move(neighbor, NeighborMove.LOADED, "Loading Done")
