"""All ISAKMP SAs of a router: for which of them a datagram is, who may begin one, and when each acts again.

Datagrams come without the non-ESP marker. A message that belongs to no ISAKMP SA is a stranger's message 1, or nothing.
Which ISAKMP SA takes the place of another one is in `events.py`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from dmvpn.base.entropy import Entropy
from dmvpn.base.errors import WireError
from dmvpn.base.notices import Notice
from dmvpn.base.protection import IkeVersion
from dmvpn.base.reasons import Reason
from dmvpn.features.ike.chain import NO_SPI, fresh_spi
from dmvpn.features.ike.numbers import ProtocolId
from dmvpn.features.ike.peer_settings import ChildTerms, DatagramPath, PeerSettings, Terms
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.session import (
    AT_ONCE,
    Ended,
    Established,
    Hinted,
    Moved,
    Output,
    Replaced,
    SaOutput,
    Session,
    StartedAgain,
    TurnedAway,
    Unanswered,
)
from dmvpn.features.ike.table import HalfOpen, Table
from dmvpn.features.ike.v1 import events
from dmvpn.features.ike.v1.debug import packet_lines, passed
from dmvpn.features.ike.v1.events import begin_quick, deadline_of, examine, handle, probe, renew, tick
from dmvpn.features.ike.v1.keys import PHASE_1
from dmvpn.features.ike.v1.main_mode import Initiation, Response
from dmvpn.features.ike.v1.numbers import ExchangeType, NotifyType
from dmvpn.features.ike.v1.packet import Delete, Fragment, Header, Message, Notify
from dmvpn.features.ike.v1.peers import Initiators, ParallelSas
from dmvpn.features.ike.v1.quick_mode import QuickAsk
from dmvpn.features.ike.v1.sa import Admission, IsakmpSa, RekeyWanted, SaState, Unconfirmed, Withdrawn
from dmvpn.features.ike.v1.transmission import parse_whole


class IsakmpSas(Table[IsakmpSa]):
    """All ISAKMP SAs."""

    _kind = IsakmpSa

    def __init__(self, settings: PeerSettings, entropy: Entropy, room: HalfOpen | None = None) -> None:
        """room: of the half-open peers of all versions."""
        super().__init__(settings, entropy, room)
        self.initiators = Initiators()
        self._parallel = ParallelSas()

    def limit(self, cookies_from: int, largest_number: int, largest_half_open: int) -> None:
        """Take over the configured limits. Main mode has a cookie in any case."""
        self.largest_number, self.largest_half_open = largest_number, largest_half_open

    # ------------------------------------------------------------------------------------------------ our own

    def initiate(self, path: DatagramPath, terms: Terms, now: float) -> tuple[IsakmpSa, list[Output]]:
        """Begin an ISAKMP SA with its first child."""
        sa = self._begin(path, terms, now)
        sa.want(terms.child)
        return sa, self._followed(sa)

    def _begin(self, path: DatagramPath, terms: Terms, now: float) -> IsakmpSa:
        sa = IsakmpSa(self.settings, self.entropy, path, is_initiator=True, now=now, terms=terms)
        self._by_spi[sa.own_spi] = sa
        main = Initiation(sa)
        sa.begins(main)
        main.begin()
        return sa

    def extend(self, session: Session, terms: ChildTerms, now: float) -> list[Output]:
        """Ask for another child."""
        sa = self._begin_event(session, now)
        if sa.is_usable:
            begin_quick(sa, QuickAsk(sa, terms))
        return self._followed(sa)

    def probe(self, session: Session, now: float) -> list[Output]:
        """Ask the peer whether it lives."""
        sa = self._begin_event(session, now)
        probe(sa)
        return self._followed(sa)

    def renew(self, session: Session, spi_in: bytes, now: float) -> list[Output]:
        """Replace a child."""
        sa = self._begin_event(session, now)
        renew(sa, spi_in)
        return self._followed(sa)

    def close(self, session: Session, reason: Reason, now: float) -> list[Output]:
        """End an ISAKMP SA, and inform the peer if it believes in it. Of two that began at once one keeps all pairs."""
        sa = self._begin_event(session, now)
        if reason.code is IkeReason.BOTH_BEGAN:
            events.hand_to_heir(sa, self._parallel)
        if sa.is_established:
            asked = [each.spi for each in sa.exchanges.values() if isinstance(each, QuickAsk) and each.is_open]
            if spis := (*sa.children.active, *asked):  # the peer may have the pair already
                sa.inform(Delete(ProtocolId.ESP, spis))
            sa.inform(Delete(ProtocolId.IKE, (sa.spis,)))
        if sa.is_established and sa.children:  # packets are on their way until the peer has heard of it
            for child in sa.children:
                sa.remove_child(child, reason)
            sa.part(None)
        else:
            sa.end(reason)
        return self._followed(sa)

    # ------------------------------------------------------------------------------------------------ what arrives

    def complaint(self, spi: int, version: IkeVersion = IkeVersion.V1) -> bytes:
        """Return a message, outside of any ISAKMP SA, that there is no child with this inbound SPI."""
        header = Header(cookie_i=fresh_spi(self.entropy), cookie_r=NO_SPI, exchange=ExchangeType.INFORMATIONAL)
        notify = Notify(NotifyType.INVALID_SPI, b"", ProtocolId.ESP, spi.to_bytes(4, "big"))
        return Message((notify,), header=header).serialize()

    def handle(self, octets: bytes, path: DatagramPath, now: float) -> list[Output]:
        """Take in a datagram. Never raises, whatever the octets are."""
        try:
            message = Message.parse(octets)
        except WireError as error:
            return [self._unreadable(error, octets, path, now)]
        header = message.header
        begun = self._at(path, header.cookie_i)
        if header.cookie_r == NO_SPI and not header.is_encrypted and begun is None:
            return self._first_message(message, octets, path, now)
        sa = self._at(path, header.cookie_r) or begun
        if sa is None or not _is_for(sa, header) or not self._talk.may(sa.own_spi, now):
            return []
        if sa.is_half_open and sa.state is SaState.SA_SETUP:
            whole = self._whole(message, octets, path, now)
            if isinstance(whole, list):
                return whole
            message, octets = whole
        if sa.is_half_open and sa.state is SaState.SA_SETUP and self._may_cost(sa, message, octets):
            if not self.initiators.may_key(sa.path, now):
                return []
            if (full := self._outnumbered()) is not None and not self._admits(sa, full):
                return [_turned_away(path, full, logged=True), *self.drop(sa, full, now)]
        before = sa.taken
        handle(sa, message, octets, path, now)
        self._talk.charge(sa.own_spi, max(sa.taken - before, 0), now)
        return self._followed(sa) + self._kept(sa, now)

    def _kept(self, sa: IsakmpSa, now: float) -> list[Output]:
        """Note how many octets we keep of a half-open peer. Returns what follows from making room for it."""
        if not sa.is_half_open:
            return []
        is_shown, main = sa.state is SaState.KEY_EXCH, sa.exchanges[PHASE_1]
        if is_shown:
            self.initiators.keyed(sa)
        offers = len(main.offers) if isinstance(main, Response) else 0
        return self._room.note(self.drop, sa, offers + sa.in_fragments, now, is_shown=is_shown)

    def _whole(
        self, message: Message, octets: bytes, path: DatagramPath, now: float
    ) -> tuple[Message, bytes] | list[Output]:
        """Return a message of a peer that has not returned our cookie; else what follows from the lack of one: a part
        of it is missing, or it cannot be read.
        """
        fragment = message.find(Fragment)
        if fragment is None:
            return message, octets
        try:
            joined = self.initiators.join(fragment, path, now)
            return (parse_whole(message, joined), joined) if joined is not None else []
        except WireError as error:
            return [self._unreadable(error, octets, path, now)]

    def _unreadable(self, error: WireError, octets: bytes, path: DatagramPath, now: float) -> TurnedAway:
        """Turn a message away that cannot be read; the log has it if it may be of a peer of ours, and no stranger's."""
        may_be_peer = self.knows(octets, path) or (
            self.initiators.may_begin(path, now) and bool(self.settings.main_mode(path).secrets)
        )
        return _turned_away(path, Reason(IkeReason.OF_WIRE, (error,)), logged=may_be_peer)

    @staticmethod
    def _may_cost(sa: IsakmpSa, message: Message, octets: bytes) -> bool:
        """Return whether it may be message 3, which causes a Diffie-Hellman; other messages cause none."""
        is_main = message.header.exchange == ExchangeType.MAIN
        return is_main and not sa.exchanges[PHASE_1].retransmission.is_repetition(octets)

    def _admits(self, sa: IsakmpSa, full: Reason) -> bool:
        """Return whether a peer may go on that began before the router was full: only to replace an ISAKMP SA."""
        if sa.admission is None and (peers := self._parallel.at(sa.path)):
            sa.admits(Admission(peers, full))
        return sa.admission is not None

    def _first_message(self, message: Message, octets: bytes, path: DatagramPath, now: float) -> list[Output]:
        header = message.header
        if header.exchange == ExchangeType.INFORMATIONAL:
            notify = message.notify(NotifyType.INVALID_SPI)
            is_hint = notify is not None and notify.protocol == ProtocolId.ESP and len(notify.spi) == 4
            return [Hinted(path, int.from_bytes(notify.spi, "big"))] if notify is not None and is_hint else []
        if header.exchange == ExchangeType.AGGRESSIVE:
            return [_turned_away(path, Reason(IkeReason.AGGRESSIVE), logged=True)]
        if header.exchange != ExchangeType.MAIN or header.message_id:
            return [_turned_away(path, Reason(IkeReason.INIT_LACKS))]
        whole = self._whole(message, octets, path, now)
        if isinstance(whole, list):
            return whole
        message, octets = whole
        known = self.initiators.known(octets, path)
        if known is not None:
            handle(known, message, octets, path, now)
            return self._followed(known)
        crowded = self.largest_half_open and len(self.initiators) >= self.largest_half_open
        full = self._outnumbered() or (Reason(IkeReason.TOO_MANY_BEGIN) if crowded else None)
        peers = self._parallel.at(path) if full is not None else ()
        if full is not None and not peers:
            return [_turned_away(path, full, logged=full.code is IkeReason.FULL)]
        if not self.initiators.may_begin(path, now):
            return [_turned_away(path, Reason(IkeReason.TOO_MANY_BEGIN))]
        return self._welcome(message, octets, path, now, Admission(peers, full) if full is not None else None)

    def _outnumbered(self) -> Reason | None:
        """Return that there are as many ISAKMP SAs as permitted. Forged beginnings, which cost little, do not count."""
        number = len(self) - self.initiators.beginners
        return Reason(IkeReason.FULL, (number,)) if self.largest_number and number >= self.largest_number else None

    def _welcome(
        self, message: Message, octets: bytes, path: DatagramPath, now: float, admission: Admission | None
    ) -> list[Output]:
        cookie = message.header.cookie_i
        sa = IsakmpSa(self.settings, self.entropy, path, is_initiator=False, now=now, peer_spi=cookie)
        main = Response(sa)
        why = main.welcome(message, octets)
        if why is not None:
            return [_turned_away(path, why, logged=True), *main.refusal(message)]
        sa.begins(main)
        self._by_spi[sa.own_spi] = sa
        self.initiators.add(sa, octets)
        oldest = None
        if admission is not None:
            sa.admits(admission)
            oldest = self.initiators.renews(sa)
        outputs = self._followed(sa)
        if oldest is not None:
            outputs += self.drop(oldest, Reason(IkeReason.TOO_MANY_BEGIN), now)
        return outputs + self._kept(sa, now)

    # ------------------------------------------------------------------------------------------------ for people

    def passed(self, octets: bytes, path: DatagramPath, *, sent: bool) -> list[Notice]:
        """Return the line of the chronicle about a datagram; none if it cannot be read."""
        return passed(octets, path, sent=sent)

    def lines(self, octets: bytes, path: DatagramPath, *, sent: bool) -> list[str]:
        """Return what debugs say of a datagram, which goes now or is not taken in yet."""
        cookies = octets[len(NO_SPI) : 2 * len(NO_SPI)], octets[: len(NO_SPI)]
        sa = next((sa for cookie in cookies if (sa := self._at(path, cookie)) is not None), None)
        return packet_lines(octets, path, sa or self.initiators.known(octets, path), self.settings, sent=sent)

    # ------------------------------------------------------------------------------------------------ time

    def tick(self, now: float) -> list[Output]:
        """Act on the time that has passed. Only SAs that are due are looked at, and so many at once."""
        outputs: list[Output] = []
        for cookie in self._timers.take_due(now, AT_ONCE):
            sa = self._by_spi.get(cookie)
            if sa is not None:
                tick(sa, now)
                if sa.given_up is not None:
                    events.give_up(sa, self._parallel, sa.given_up)
                elif sa.retires_at is not None and now >= sa.retires_at:
                    events.part(sa, self._parallel, Reason(IkeReason.REPLACED))
                elif sa.is_established and now >= sa.expires:
                    events.part(sa, self._parallel, Reason(IkeReason.LIFETIME))
                outputs += self._followed(sa)
        return outputs

    # ------------------------------------------------------------------------------------------------ who follows whom

    def _followed(self, subject: IsakmpSa) -> list[Output]:
        followed: list[Output] = []
        late: list[Output] = []
        touched = {subject.own_spi: subject}
        outputs = deque(subject.take_outputs())
        while outputs:
            output = outputs.popleft()
            sa = self._mine(output.sa) if isinstance(output, SaOutput) else subject
            more: list[IsakmpSa] = []
            match output:
                case Withdrawn(protocol=protocol, spis=spis):
                    more = events.withdraw(sa, self._parallel, protocol, spis)
                case Unconfirmed(spi_in=spi):
                    more = events.drop_unconfirmed(sa, self._parallel, spi)
                case RekeyWanted():
                    more = self._rekey(sa)
                case Established():
                    followed.append(output)
                    self._proved_or_gone(sa)
                    more = events.establish(sa, self._parallel)
                    if (held := self.get(sa.awaited_by)) is not None:
                        more += events.end_supplanted(held, sa)
                    late += self.forget_older(sa) if sa.is_alone else []
                case StartedAgain():
                    followed.append(output)
                    late += self.forget_older(sa)
                case Moved():
                    self._parallel.moved(sa)
                    sa.stays()
                    followed.append(output)
                case Ended():
                    self._gone(sa)
                    followed.append(output)
                    more = events.end_held(held, sa) if (held := self.get(sa.awaited_by)) is not None else []
                case Replaced(successor=successor):
                    followed.append(output)
                    more = [self._mine(successor)]
                case _:
                    followed.append(output)
            for other in more:
                touched[other.own_spi] = other
                outputs.extend(other.take_outputs())
        self._arm(touched.values(), deadline_of)
        return followed + late

    def forget_older(self, new: Session) -> list[Output]:
        """Drop what we had with a peer that has forgotten us."""
        return self._forget(self._parallel.with_peer(new), new)

    def _examine(self, sa: IsakmpSa) -> list[Output]:
        examine(sa)
        return self._followed(sa)

    def _rekey(self, sa: IsakmpSa) -> list[IsakmpSa]:
        """Begin a second main mode with the same peer, with the keys and identities of the configuration as it is."""
        heir = self._parallel.heir(sa)
        if sa.state is SaState.HELD and any(each.is_usable for each in self._parallel.parallel_to(sa)):
            if heir is not None:
                sa.hand_over(heir)
            sa.end(Reason(IkeReason.REPLACED))
            return [sa]
        if sa.theirs is None or heir is not None:
            return []
        terms = self.settings.terms(sa.path, sa.theirs, None, sa.evidence.chain, sa.version)
        if isinstance(terms, Reason):
            sa.trouble(terms)
            return [sa]
        new = self._begin(sa.path, replace(terms, initial_contact=False), sa.now)
        if sa.state is SaState.HELD:
            new.will_adopt(sa.own_spi)
            sa.emit(Unanswered(sa))  # whether its children still carry packets matters now
            return [sa, new]
        return [new]

    def _proved_or_gone(self, sa: IsakmpSa) -> None:
        self.initiators.remove(sa)
        self._room.remove(sa)

    def _gone(self, sa: IsakmpSa) -> None:
        self._proved_or_gone(sa)
        self._by_spi.pop(sa.own_spi, None)
        self._parallel.remove(sa)
        self._timers.cancel(sa.own_spi)


def _turned_away(path: DatagramPath, why: Reason, *, logged: bool = False) -> TurnedAway:
    return TurnedAway(path, why, logged, IkeVersion.V1)


def _is_for(sa: IsakmpSa, header: Header) -> bool:
    """Return whether both cookies are those of this ISAKMP SA; the initiator learns the responder's by message 2."""
    if sa.is_unanswered:
        return header.cookie_i == sa.spi_i
    return header.cookie_i + header.cookie_r == sa.spis
