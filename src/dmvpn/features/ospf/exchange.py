"""The exchange of databases with one neighbor: who leads, descriptions, requests. RFC 2328 §10.6 to §10.9."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from dmvpn.base.entropy import below
from dmvpn.base.reasons import Reason
from dmvpn.features.ospf import messages
from dmvpn.features.ospf.interface import Talk
from dmvpn.features.ospf.lsa import MAX_AGE
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
        neighbor.talk = Talk(sequence=below(self._context.ports.entropy, 1 << 31))
        self._describe(neighbor, self._description(neighbor, _BEGIN))
        self._context.start(neighbor.retransmit_timer, neighbor.interface.settings.retransmit_interval)

    def forget(self, neighbor: Neighbor) -> None:
        """Forget the talk, which is over; what the neighbor has not acknowledged concerns it no more."""
        self._context.stop(neighbor.retransmit_timer)
        neighbor.talk = Talk()
        neighbor.waiting.clear()

    # ------------------------------------------------------------------------------------------------ descriptions

    def receive(self, neighbor: Neighbor, description: Description) -> None:
        """Take a description that came."""
        interface = neighbor.interface
        if description.mtu > interface.state.ip_mtu and not interface.settings.ignore_mtu:
            sizes = (description.mtu, interface.state.ip_mtu)
            neighbor.refusal = Reason(OspfReason.MTU, sizes, self._context.now)
            self._process.sender.drop("description with a larger MTU")
            self._debug(neighbor, f"Nbr {neighbor.router} has larger interface MTU")
            return
        neighbor.refusal = None
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
        they_are_higher = neighbor.router > self._process.router_id
        if description.flags & _BEGIN == _BEGIN and not description.headers and they_are_higher:
            talk.leads, talk.sequence = False, description.sequence
        elif (
            not description.has(DescriptionFlag.INIT)
            and not description.has(DescriptionFlag.MASTER)
            and description.sequence == talk.sequence
            and not they_are_higher
        ):
            talk.leads = True
        else:
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
                entry = database.entries[key]
                if entry.age(now) >= MAX_AGE:
                    neighbor.waiting[key] = (entry.lsa, now)
                else:
                    neighbor.talk.summary.append(entry.header(now))

    def _continue(self, neighbor: Neighbor, description: Description) -> None:
        talk, heard = neighbor.talk, neighbor.talk.heard
        if heard is not None and _is_again(heard, description):
            if not talk.leads and talk.sent is not None:
                self._process.sender.to(neighbor, talk.sent)
            return
        expected = talk.sequence if talk.leads else talk.sequence + 1
        fits = (
            description.has(DescriptionFlag.MASTER) != talk.leads
            and not description.has(DescriptionFlag.INIT)
            and (heard is None or heard.options == description.options)
            and description.sequence == expected
        )
        if not fits:
            self._process.adjacencies.restart(neighbor, "SeqNumberMismatch")
            return
        self._take(neighbor, description)

    def _late(self, neighbor: Neighbor, description: Description) -> None:
        """Answer the last description, which may come again to us who follow when all is described."""
        talk = neighbor.talk
        if talk.heard is None or not _is_again(talk.heard, description):
            self._process.adjacencies.restart(neighbor, "SeqNumberMismatch")
        elif not talk.leads and talk.sent is not None:
            self._process.sender.to(neighbor, talk.sent)

    def _take(self, neighbor: Neighbor, description: Description) -> None:
        """Take the next description: note what is missing here, and answer."""
        talk = neighbor.talk
        talk.heard = description
        neighbor.unanswered = 0
        if not self._note_missing(neighbor, description):
            self._process.adjacencies.restart(neighbor, "SeqNumberMismatch")
            return
        last = talk.sent
        told_all = last is not None and not last.has(DescriptionFlag.MORE) and not last.has(DescriptionFlag.INIT)
        heard_all = not description.has(DescriptionFlag.MORE)
        if talk.leads:
            if told_all and heard_all:
                self._described(neighbor)
                return
            talk.sequence = (talk.sequence + 1) & 0xFFFFFFFF
            self._describe_next(neighbor)
        else:
            talk.sequence = description.sequence
            self._describe_next(neighbor)
            if heard_all and talk.sent is not None and not talk.sent.has(DescriptionFlag.MORE):
                self._described(neighbor)
                return
        self._ask(neighbor)

    def _note_missing(self, neighbor: Neighbor, description: Description) -> bool:
        """Note what is missing; return False if it tells of what may not be in this area, or of what nobody knows."""
        for header in description.headers:
            if not neighbor.interface.area.admits(header.type):
                return False
            database = self._process.database(neighbor.interface.area, header.type)
            if database.compare(header) > 0:
                neighbor.talk.requests[header.key] = header
        return True

    def _described(self, neighbor: Neighbor) -> None:
        if neighbor.talk.requests:
            self._process.adjacencies.move(neighbor, NeighborMove.DESCRIBED, "Exchange Done")
            self._ask(neighbor)
        else:
            self._process.adjacencies.move(neighbor, NeighborMove.COMPLETE, "Exchange Done")

    def _describe_next(self, neighbor: Neighbor) -> None:
        talk = neighbor.talk
        room = self._process.sender.headers(neighbor.interface, _DESCRIPTION)
        portion, talk.summary = talk.summary[:room], talk.summary[room:]
        flags = DescriptionFlag.MASTER if talk.leads else DescriptionFlag(0)
        if talk.summary:
            flags |= DescriptionFlag.MORE
        content = self._description(neighbor, int(flags), tuple(portion))
        self._describe(neighbor, content)

    def _describe(self, neighbor: Neighbor, description: Description) -> None:
        neighbor.talk.sent = description
        self._process.sender.to(neighbor, description)
        what = f"Send DBD to {neighbor.router} seq 0x{description.sequence:X} flag 0x{description.flags:X}"
        self._debug(neighbor, what)

    @staticmethod
    def _description(neighbor: Neighbor, flags: int, headers: tuple[LsaHeader, ...] = ()) -> Description:
        interface = neighbor.interface
        return Description(
            mtu=interface.state.ip_mtu if interface.far_end is None else 0,
            options=int(interface.area.options),
            flags=flags,
            sequence=neighbor.talk.sequence,
            headers=headers,
        )

    # ------------------------------------------------------------------------------------------------ requests

    def _ask(self, neighbor: Neighbor) -> None:
        """Request what is missing, as much as a packet holds, when nothing is on its way."""
        talk = neighbor.talk
        if talk.asked or not talk.requests:
            return
        room = max(1, self._process.sender.room(neighbor.interface) // _REQUEST)
        talk.asked = dict.fromkeys(list(talk.requests)[:room])
        self._process.sender.to(neighbor, Request(tuple(talk.asked)))
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
        self._process.sender.update(neighbor, found)

    def got(self, neighbor: Neighbor, header: LsaHeader) -> None:
        """Note that an instance has come that is as new as the one that was missing, or newer."""
        talk = neighbor.talk
        if talk.requests.pop(header.key, None) is None:
            return
        talk.asked.pop(header.key, None)
        neighbor.unanswered = 0
        if talk.requests:
            self._ask(neighbor)
        elif neighbor.state is NeighborState.LOADING:
            self._process.adjacencies.move(neighbor, NeighborMove.LOADED, "Loading Done")

    def _debug(self, neighbor: Neighbor, text: str) -> None:
        name = neighbor.interface.name
        if self._context.ports.debugging.on(messages.ADJACENCY, interface=name):
            self._context.debug(messages.line(self._process.number, name, text))


def _is_again(heard: Description, description: Description) -> bool:
    """Return whether it is the last description once more."""
    ours = (heard.flags, heard.options, heard.sequence)
    return ours == (description.flags, description.options, description.sequence)
