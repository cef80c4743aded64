"""The exchange of databases with one neighbor: who leads, descriptions, requests. RFC 2328 §10.6 to §10.9."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from dmvpn.base.entropy import below
from dmvpn.base.reasons import Reason
from dmvpn.features.ospf import messages
from dmvpn.features.ospf.lsa import MAX_AGE, OPAQUE, LsaType, Options
from dmvpn.features.ospf.packet import Description, DescriptionFlag, Request
from dmvpn.features.ospf.reasons import OspfReason
from dmvpn.features.ospf.states import NeighborMove, NeighborState
from dmvpn.features.ospf.surroundings import Surroundings

if TYPE_CHECKING:
    from dmvpn.features.ospf.adjacency import Adjacencies
    from dmvpn.features.ospf.interface import Neighbor
    from dmvpn.features.ospf.lsa import Lsa, LsaHeader

_BEGIN: Final = int(DescriptionFlag.INIT | DescriptionFlag.MORE | DescriptionFlag.MASTER)
_DESCRIPTION: Final = 8
_REQUEST: Final = 12


class Talking(Surroundings, Protocol):
    """A process, as far as it exchanges databases."""

    @property
    def adjacencies(self) -> Adjacencies:
        """Moves neighbors."""
        ...


class Exchange:
    """Holds the talks of one process with its neighbors."""

    def __init__(self, process: Talking) -> None:
        self._process = process
        self._context = process.context

    def begin(self, neighbor: Neighbor) -> None:
        """Begin in EXSTART: claim to lead. The first number is a new one each time, so that nothing old fits."""
        neighbor.begin_talk(below(self._context.ports.entropy, 1 << 31))
        self._describe(neighbor, self._description(neighbor, _BEGIN))
        self._context.start(neighbor.retransmit_timer, neighbor.interface.settings.retransmit_interval)

    def forget(self, neighbor: Neighbor) -> None:
        """Forget the talk, which is over; what the neighbor has not acknowledged concerns it no more."""
        self._context.stop(neighbor.retransmit_timer)
        neighbor.end_talk()

    # ------------------------------------------------------------------------------------------------ descriptions

    def receive(self, neighbor: Neighbor, description: Description) -> None:
        """Take a description that came."""
        interface = neighbor.interface
        if description.mtu > interface.state.ip_mtu and not interface.settings.ignore_mtu:
            sizes = (description.mtu, interface.state.ip_mtu)
            neighbor.refuse(Reason(OspfReason.MTU, sizes, self._context.now))
            self._process.sender.drop("description with a larger MTU")
            self._debug(neighbor, f"Nbr {neighbor.router} has larger interface MTU")
            return
        neighbor.refuse(None)
        neighbor.describe(description)
        self._process.adjacencies.heard_both_ways(neighbor)
        match neighbor.state:
            case NeighborState.EX_START:
                self._negotiate(neighbor, description)
            case NeighborState.EXCHANGE:
                self._continue(neighbor, description)
            case NeighborState.LOADING | NeighborState.FULL:
                self._late(neighbor, description)

    def _negotiate(self, neighbor: Neighbor, description: Description) -> None:
        """Negotiate who leads: the one with the higher identifier."""
        talk = neighbor.talk
        if not talk.negotiate(description, they_are_higher=neighbor.router > self._process.router_id):
            return
        self._debug(neighbor, f"NBR Negotiation Done. We are the {'MASTER' if talk.leads else 'SLAVE'}")
        self._summarize(neighbor)
        self._process.adjacencies.move(neighbor, NeighborMove.NEGOTIATED, "Negotiation Done")
        self._take(neighbor, description)

    def _summarize(self, neighbor: Neighbor) -> None:
        """Summarize what our database holds; of what is about to go the neighbor hears by an update. RFC 2328 §10.3."""
        now = self._context.now
        if neighbor.interface.settings.filter_database:
            return
        for database in self._process.databases(neighbor.interface):
            for key in sorted(database.entries):
                if key.type in OPAQUE and not neighbor.takes_opaque:
                    continue
                entry = database.entries[key]
                if entry.age(now) >= MAX_AGE:
                    neighbor.owe(entry.lsa, now)
                else:
                    neighbor.talk.summarize(entry.header(now))

    def _continue(self, neighbor: Neighbor, description: Description) -> None:
        if neighbor.talk.is_again(description):
            self._say_again(neighbor)
        elif neighbor.talk.fits(description):
            self._take(neighbor, description)
        else:
            self._process.adjacencies.restart(neighbor, "SeqNumberMismatch")

    def _late(self, neighbor: Neighbor, description: Description) -> None:
        """Answer the last description, which may come again to us who follow when all is described."""
        if neighbor.talk.is_again(description):
            self._say_again(neighbor)
        else:
            self._process.adjacencies.restart(neighbor, "SeqNumberMismatch")

    def _say_again(self, neighbor: Neighbor) -> None:
        """Say the last description again to a neighbor that leads: it has not heard us."""
        talk = neighbor.talk
        if not talk.leads and talk.sent is not None:
            self._process.sender.to(neighbor, talk.sent)

    def _take(self, neighbor: Neighbor, description: Description) -> None:
        """Take the next description: note what is missing here, and answer."""
        talk = neighbor.talk
        talk.hear(description)
        neighbor.answer()
        if not self._note_missing(neighbor, description):
            self._process.adjacencies.restart(neighbor, "SeqNumberMismatch")
            return
        is_over = talk.leads and talk.is_told and talk.is_heard
        if not is_over:
            talk.turn()
            self._describe_next(neighbor)
            is_over = not talk.leads and talk.is_told and talk.is_heard
        if is_over:
            self._described(neighbor)
        else:
            self._ask(neighbor)

    def _note_missing(self, neighbor: Neighbor, description: Description) -> bool:
        """Note what is missing; return False if it tells of what may not be in this area, or of what nobody knows."""
        for header in description.headers:
            if not neighbor.interface.area.admits(header.type):
                return False
            database = self._process.database(neighbor.interface.area, header.type)
            if header.type == LsaType.OPAQUE_LINK or database.compare(header) > 0:
                neighbor.talk.miss(header)
        return True

    def _described(self, neighbor: Neighbor) -> None:
        if neighbor.talk.requests:
            self._process.adjacencies.move(neighbor, NeighborMove.DESCRIBED, "Exchange Done")
            self._ask(neighbor)
        else:
            self._process.adjacencies.move(neighbor, NeighborMove.COMPLETE, "Exchange Done")

    def _describe_next(self, neighbor: Neighbor) -> None:
        portion, flags = neighbor.talk.portion(self._process.sender.headers(neighbor.interface, _DESCRIPTION))
        self._describe(neighbor, self._description(neighbor, int(flags), portion))

    def _describe(self, neighbor: Neighbor, description: Description) -> None:
        neighbor.talk.say(description)
        self._process.sender.to(neighbor, description)
        what = f"Send DBD to {neighbor.router} seq 0x{description.sequence:X} flag 0x{description.flags:X}"
        self._debug(neighbor, what)

    @staticmethod
    def _description(neighbor: Neighbor, flags: int, headers: tuple[LsaHeader, ...] = ()) -> Description:
        interface = neighbor.interface
        return Description(
            mtu=interface.state.ip_mtu if interface.far_end is None else 0,
            options=int(interface.area.options | Options.OPAQUE),
            flags=flags,
            sequence=neighbor.talk.sequence,
            headers=headers,
        )

    # ------------------------------------------------------------------------------------------------ requests

    def _ask(self, neighbor: Neighbor) -> None:
        """Request what is missing, as much as a packet holds, when nothing is on its way."""
        keys = neighbor.talk.ask(max(1, self._process.sender.room(neighbor.interface) // _REQUEST))
        if keys:
            self._process.sender.to(neighbor, Request(keys))
            self._process.retransmission.await_answer(neighbor)

    def answer(self, neighbor: Neighbor, request: Request) -> None:
        """Answer a request. RFC 2328 §10.7."""
        if not neighbor.exchanges:
            return
        found: list[Lsa] = []
        for key in dict.fromkeys(request.keys):
            entry = self._process.database(neighbor.interface.area, key.type).get(key)
            if entry is None:
                self._process.adjacencies.restart(neighbor, "BadLSReq")
                return
            found.append(entry.outgoing(self._context.now, neighbor.interface.settings.transmit_delay))
        self._process.sender.tell(neighbor, found)

    def got(self, neighbor: Neighbor, header: LsaHeader) -> None:
        """Note that an instance has come that is as new as the one that was missing, or newer."""
        if not neighbor.talk.got(header.key):
            return
        neighbor.answer()
        if neighbor.talk.requests:
            self._ask(neighbor)
        elif neighbor.state is NeighborState.LOADING:
            self._process.adjacencies.move(neighbor, NeighborMove.LOADED, "Loading Done")

    def _debug(self, neighbor: Neighbor, text: str) -> None:
        name = neighbor.interface.name
        if self._context.ports.debugging.on(messages.ADJACENCY, interface=name):
            self._context.debug(messages.line(self._process.number, name, text))
