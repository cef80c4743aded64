"""All IKE SAs of a router: which one a datagram is for, who may begin one, and which of two stays.

Datagrams come without the non-ESP marker. A message that belongs to no SA is a stranger's first one, or it is nothing:
RFC 7296 §2.21.4 lets us say INVALID_IKE_SPI in clear, which no peer must believe; we say it seldom.

Half-open: a peer has begun and not proved itself. A repetition is the same octets by the same path; with other octets
or another path it is another beginning, and counts as one.

Time repeats requests, looks for dead peers, replaces and ends SAs: RFC 7296 §2.1, §2.4 and §2.8.
"""

from __future__ import annotations

from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.context import earliest
from dmvpn.base.entropy import Entropy
from dmvpn.base.errors import WireError, surely
from dmvpn.base.limits import Budgets
from dmvpn.base.notices import Notice
from dmvpn.base.protection import IkeVersion
from dmvpn.base.reasons import Reason
from dmvpn.features.ike.chain import NO_SPI
from dmvpn.features.ike.counters import IkeCounts
from dmvpn.features.ike.peer_settings import IKE_PORT, ChildTerms, DatagramPath, PeerSettings, Terms
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.session import (
    AT_ONCE,
    Begun,
    Doubted,
    Ended,
    Established,
    Hinted,
    Output,
    Replaced,
    Reply,
    SaOutput,
    Session,
    Transmit,
    TurnedAway,
    Unanswered,
)
from dmvpn.features.ike.table import HalfOpen, Table
from dmvpn.features.ike.udp import HALF_OPEN, SHORT_INTERVALS, TRIES_BY_NAT_PORT
from dmvpn.features.ike.v2 import packet
from dmvpn.features.ike.v2.debug import packet_lines, passed
from dmvpn.features.ike.v2.events import handle
from dmvpn.features.ike.v2.exchanges import DeleteChild, DeleteIke, NewChild, Probe, RekeyChild, RekeyIke
from dmvpn.features.ike.v2.initial_exchanges import Cookies, Init, InitRequest, invalid_spi, plain_answer
from dmvpn.features.ike.v2.numbers import ExchangeType, NotifyType
from dmvpn.features.ike.v2.sa import Exchange, IkeSa, SaState

#: Half-open SAs from which on strangers are asked for a cookie, if nothing is configured.
COOKIES_FROM: Final = 100
#: Key exchanges with strangers from one address, in a second and at once: some are behind one translator. Anybody can
#: write that address, so whoever would be one more needs a cookie; of those with a cookie there may be as many.
BEGINNINGS: Final = (50, 200)
#: Seconds between two INVALID_IKE_SPI, whoever they are for.
_COMPLAINT_INTERVAL: Final = 1.0


class IkeSas(Table[IkeSa]):
    """All IKE SAs. cookies_from: half-open SAs from which on strangers need a cookie."""

    _kind = IkeSa

    def __init__(
        self,
        settings: PeerSettings,
        entropy: Entropy,
        room: HalfOpen | None = None,
        *,
        cookies_from: int = COOKIES_FROM,
    ) -> None:
        """room: of the half-open peers of all versions."""
        super().__init__(settings, entropy, room)
        self.cookies_from = cookies_from
        self._half_open: dict[tuple[bytes, DatagramPath], IkeSa] = {}  # by the request and its path, the oldest first
        self._beginnings: dict[bytes, tuple[bytes, DatagramPath]] = {}  # own SPI -> key of the line above
        self._by_identity: dict[tuple[int, bytes, str], dict[bytes, IkeSa]] = {}
        self._cookies = Cookies(entropy)
        self._complained = float("-inf")
        self._beginners: Budgets[tuple[str, IPAddress, bool]] = Budgets(*BEGINNINGS)
        self.counts = IkeCounts()

    def limit(self, cookies_from: int, largest_number: int, largest_half_open: int) -> None:
        """Take over the configured limits; 0: the default."""
        self.cookies_from = cookies_from or COOKIES_FROM
        self.largest_number, self.largest_half_open = largest_number, largest_half_open

    def clear_counts(self) -> None:
        """Begin to count again."""
        self.counts = IkeCounts()

    @property
    def half_open(self) -> int:
        """How many peers have begun and not proved themselves."""
        return len(self._half_open)

    # ------------------------------------------------------------------------------------------------ our own

    def initiate(self, path: DatagramPath, terms: Terms, now: float) -> tuple[IkeSa, list[Output]]:
        """Begin an IKE SA with its first child."""
        sa = IkeSa(settings=self.settings, entropy=self.entropy, path=path, is_initiator=True, now=now, terms=terms)
        self._by_spi[sa.own_spi] = sa
        self.counts.begun()
        sa.queue(Init(sa))
        return sa, self._followed(sa)

    def extend(self, session: Session, terms: ChildTerms, now: float) -> list[Output]:
        """Ask for another child SA."""
        return self.ask(NewChild(self._mine(session), terms), now)

    def probe(self, session: Session, now: float) -> list[Output]:
        """Ask the peer whether it lives."""
        return self.ask(Probe(self._mine(session)), now)

    def ask(self, exchange: Exchange, now: float) -> list[Output]:
        """Begin an exchange on an IKE SA that is there."""
        exchange.sa.at(now)
        exchange.sa.queue(exchange)
        return self._followed(exchange.sa)

    def renew(self, session: Session, spi_in: bytes, now: float) -> list[Output]:
        """Replace a child SA."""
        sa = self._begin_event(session, now)
        _renew(sa, spi_in)
        return self._followed(sa)

    def close(self, session: Session, reason: Reason, now: float) -> list[Output]:
        """End an IKE SA, with a message to the peer if the peer believes in it."""
        sa = self._begin_event(session, now)
        if sa.state is SaState.CLOSING:
            return []
        if sa.state is not SaState.ESTABLISHED:
            return self.drop(sa, reason, now)
        sa.queue(DeleteIke(sa, reason), urgent=True)
        return self._followed(sa)

    # ------------------------------------------------------------------------------------------------ what arrives

    def complaint(self, spi: int, version: IkeVersion = IkeVersion.V2) -> bytes:
        """Return a message, outside of any IKE SA, that there is no child SA with this inbound SPI (§1.5)."""
        return invalid_spi(spi)

    def handle(self, octets: bytes, path: DatagramPath, now: float) -> list[Output]:
        """Take in a datagram. Never raises, whatever the octets are."""
        if (known := self._half_open.get((octets, path))) is not None:  # it was read, and need not be once more
            return [Reply(path, again) for again in known.incoming.again(now)]
        try:
            message = packet.Message.parse(octets)
        except packet.UnsupportedVersion as error:
            notify = packet.Notify(NotifyType.INVALID_MAJOR_VERSION)
            return self._complain(octets, notify, self._unreadable(error, octets, path, now), now)
        except packet.UnsupportedCritical as error:
            notify = packet.Notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, bytes((error.kind,)))
            return self._complain(octets, notify, self._unreadable(error, octets, path, now), now)
        except WireError as error:
            self.counts.drop()
            return [self._unreadable(error, octets, path, now)]
        header = message.header
        if header.exchange == ExchangeType.IKE_SA_INIT and not header.is_response:
            return self._init_request(message, octets, path, now)
        if (spi := packet.unknown_spi(message)) is not None:
            return [Hinted(path, spi)]
        sa = self._at(path, header.spi_r if header.from_initiator else header.spi_i)
        if sa is None or (NO_SPI not in (sa.spi_r, header.spi_r) and sa.spis != header.spi_i + header.spi_r):
            if header.is_response:
                self.counts.drop()
                return []
            away = TurnedAway(path, Reason(IkeReason.UNKNOWN_SA))
            return self._complain(octets, packet.Notify(NotifyType.INVALID_IKE_SPI), away, now)
        if header.is_response and sa.is_usable and message.notify(NotifyType.INVALID_IKE_SPI) is not None:
            return [Doubted(sa)] if path.remote.address == sa.path.remote.address else []
        if not self._talk.may(sa.own_spi, now):
            self.counts.drop()
            return []
        before = sa.proofs
        handle(sa, message, octets, path, now)
        self._talk.charge(sa.own_spi, max(sa.proofs - before, 0), now)
        return self._followed(sa) + self._kept(sa, now)

    def _kept(self, sa: IkeSa, now: float) -> list[Output]:
        """Note how many octets we keep of a half-open peer. Returns what follows from making room for it."""
        if not sa.is_half_open:
            return []
        pieces = sum(each.octets for each in sa.channel.fragments.values()) if sa.channel is not None else 0
        return self._room.note(self.drop, sa, len(sa.init_request) + len(sa.init_response) + pieces, now)

    def _init_request(self, message: packet.Message, octets: bytes, path: DatagramPath, now: float) -> list[Output]:
        request = InitRequest(message, octets, path)
        if not request.is_complete:
            self.counts.drop()
            return [TurnedAway(path, Reason(IkeReason.INIT_LACKS))]
        sender = path.front, path.remote.address
        busy = self.half_open >= self.cookies_from or not self._beginners.may((*sender, False), now)
        if busy and not self._cookies.is_good(message, request.nonce_octets, path):
            self.counts.challenge(had_cookie=message.notify(NotifyType.COOKIE) is not None)
            return [Reply(path, request.ask_for_cookie(self._cookies, now))]
        self.counts.came(by_cookie=busy)
        if self.largest_number and len(self) >= self.largest_number:
            self.counts.limited()
            return [TurnedAway(path, Reason(IkeReason.FULL, (len(self),)), logged=True)]
        if self.largest_half_open and self.half_open >= self.largest_half_open:
            self.counts.limited()
            return [TurnedAway(path, Reason(IkeReason.TOO_MANY_BEGIN))]
        if not self._beginners.may((*sender, busy), now):
            self.counts.limited()
            return [TurnedAway(path, Reason(IkeReason.TOO_MANY_BEGIN))]
        self._beginners.charge((*sender, busy), 1, now)
        sa, answer, why = request.answer(self.settings, self.entropy, now)
        outputs: list[Output] = [Reply(path, answer)]
        if why:
            outputs.append(TurnedAway(path, why, logged=True))
        if sa is None:
            self.counts.rejected()
        else:
            self._by_spi[sa.own_spi] = sa
            self._half_open[octets, path] = sa
            self._beginnings[sa.own_spi] = octets, path
            self._arm((sa,), _deadline_of)
            outputs += self._kept(sa, now)
        return outputs

    def _unreadable(self, error: WireError, octets: bytes, path: DatagramPath, now: float) -> TurnedAway:
        """Turn a message away that cannot be read; the log has it if it may be of a peer of ours, and no stranger's."""
        sender = path.front, path.remote.address, False
        may_be_peer = self.knows(octets, path)
        if not may_be_peer and self._beginners.may(sender, now):
            self._beginners.charge(sender, 1, now)
            may_be_peer = self.settings.has_key(path)
        return TurnedAway(path, Reason(IkeReason.OF_WIRE, (error,)), logged=may_be_peer)

    def _complain(self, octets: bytes, notify: packet.Notify, away: TurnedAway, now: float) -> list[Output]:
        """Answer a request in clear, which the peer must not believe; seldom, since we must not amplify an attack."""
        self.counts.drop()
        if packet.is_response(octets) or now < self._complained + _COMPLAINT_INTERVAL:
            return [away]
        self._complained = now
        return [Reply(away.path, plain_answer(octets, (notify,))), away]

    # ------------------------------------------------------------------------------------------------ for people

    def passed(self, octets: bytes, path: DatagramPath, *, sent: bool) -> list[Notice]:
        """Return the line of the chronicle about a datagram; none if it cannot be read."""
        return passed(octets, path, sent=sent)

    def lines(self, octets: bytes, path: DatagramPath, *, sent: bool) -> list[str]:
        """Return what debugs say of a datagram, as far as it is not sealed."""
        return packet_lines(octets, path, sent=sent)

    # ------------------------------------------------------------------------------------------------ time

    def tick(self, now: float) -> list[Output]:
        """Act on the time that has passed. Only SAs that are due are looked at, and so many at once."""
        outputs: list[Output] = []
        for spi in self._timers.take_due(now, AT_ONCE):
            sa = self._by_spi.get(spi)
            if sa is not None:
                _tick(sa, now)
                outputs += self._followed(sa)
        return outputs

    # ------------------------------------------------------------------------------------------------ who stays

    def _followed(self, subject: IkeSa) -> list[Output]:
        followed: list[Output] = []
        touched = {subject.own_spi: subject}
        late: list[Output] = []
        for output in subject.take_outputs():
            followed.append(output)
            if isinstance(output, SaOutput):
                touched[output.sa.own_spi] = self._mine(output.sa)
            match output:
                case Begun(sa=IkeSa() as successor) | Replaced(successor=IkeSa() as successor):
                    self._succeeds(successor)
                    touched[successor.own_spi] = successor
                case Established(sa=IkeSa() as sa):
                    self.counts.established(sa)
                    self._no_longer_half_open(sa)
                    self._succeeds(sa)
                    if sa.is_alone:
                        late += self.forget_older(sa)
                case Ended(sa=IkeSa() as sa):
                    self.counts.ended(sa)
                    self._no_longer_half_open(sa)
                    self._by_spi.pop(sa.own_spi, None)
                    if sa.theirs is not None:
                        same = self._by_identity.get(sa.who, {})
                        same.pop(sa.own_spi, None)
                        if not same:
                            self._by_identity.pop(sa.who, None)
                    self._timers.cancel(sa.own_spi)
        sessions = touched.values()
        for sa in sessions:
            if sa.outgoing.current is None and sa.outgoing.waiting:  # it inherited what its predecessor wanted to ask
                sa.pump()
                followed += sa.take_outputs()
        self._arm(sessions, _deadline_of)
        return followed + late

    def _succeeds(self, sa: IkeSa) -> None:
        """Add one of those over which packets can be exchanged."""
        self._by_spi[sa.own_spi] = sa
        if sa.theirs is not None:
            self._by_identity.setdefault(sa.who, {})[sa.own_spi] = sa
        sa.forget_beginnings()

    def _no_longer_half_open(self, sa: IkeSa) -> None:
        self._room.remove(sa)
        key = self._beginnings.pop(sa.own_spi, None)
        if key is not None:
            self._half_open.pop(key, None)

    def forget_older(self, new: Session) -> list[Output]:
        """Drop what we had with a peer that has forgotten us."""
        return self._forget([sa for sa in self._by_identity.get(new.who, {}).values() if sa.is_usable], new)

    def _examine(self, sa: IkeSa) -> list[Output]:
        if sa.outgoing.current is None:
            sa.queue(Probe(sa, briefly=True))
        else:  # any request on its way is a question, too
            sa.outgoing.hurry(SHORT_INTERVALS, sa.now)
        return self._followed(sa)


# ---------------------------------------------------------------------------------------- what time does to one of them


def _deadline_of(sa: IkeSa) -> float | None:
    """Return when `_tick` must be called."""
    if sa.state is SaState.DEAD:
        return None
    children = sa.children
    whens = [sa.gives_up_at, sa.outgoing.deadline, *children.lingering.values()]
    if sa.state is SaState.ESTABLISHED:
        whens += sa.rekey_at, sa.since + _lifetime(sa), _probe_at(sa)
        for child in children:
            whens.append(child.expires if child.spi_in in children.rekeying else min(child.rekey_at, child.expires))
    elif sa.is_half_open:
        whens.append(sa.since + HALF_OPEN)
    return earliest(*whens)


def _lifetime(sa: IkeSa) -> float:
    return sa.terms.lifetime if sa.terms else HALF_OPEN


def _probe_at(sa: IkeSa) -> float | None:
    """Return when silence becomes suspicious; a request on its way is a probe by itself."""
    terms = sa.terms
    if not terms or not terms.dpd or terms.on_demand or sa.outgoing.current is not None:
        return None
    return sa.heard + terms.dpd


def _tick(sa: IkeSa, now: float) -> None:
    """Act on the time that has passed."""
    sa.at(now)
    if sa.state is SaState.DEAD:
        return
    again = sa.outgoing.repeat(now)
    if again is None and sa.state is SaState.ESTABLISHED and sa.gives_up_at is None:
        again = sa.outgoing.insist(sa.heard, now)
    if again is None:
        surely(sa.outgoing.current).unanswered()
    elif again:
        # Use port 500, as IKE without NAT does: nothing comes back from port 4500, and no peer needs it.
        if sa.state is SaState.PROVING and sa.by_choice_on_nat_port and sa.outgoing.tries >= TRIES_BY_NAT_PORT:
            sa.use_port(IKE_PORT)
        is_established = sa.state is SaState.ESTABLISHED
        path = sa.path_of_try(sa.outgoing.tries) if is_established else sa.path
        sa.emit(Transmit(sa, path, again))
        if is_established:
            sa.emit(Unanswered(sa))
    sa.forget_children()
    for exchange in sa.outgoing.take_due(now):
        sa.queue(exchange)
    if sa.gives_up_at is not None and now >= sa.gives_up_at:
        sa.end(Reason(IkeReason.SUPERSEDED))
    elif sa.state is SaState.ESTABLISHED:
        _maintain(sa, now)
    elif sa.is_half_open and now >= sa.since + HALF_OPEN:
        if sa.abilities.mixes_secret:
            sa.trouble(Reason(IkeReason.PPK))
        sa.end(sa.hint or Reason(IkeReason.NO_PROOF_IN_TIME))
    sa.pump()


def _maintain(sa: IkeSa, now: float) -> None:
    for child in sa.children:
        if now >= child.expires:
            sa.queue(DeleteChild.of(sa, child, Reason(IkeReason.LIFETIME)))
        elif now >= child.rekey_at:
            _renew(sa, child.spi_in)
    if now >= sa.since + _lifetime(sa):
        sa.queue(DeleteIke(sa, Reason(IkeReason.LIFETIME)), urgent=True)
    elif sa.rekey_at is not None and now >= sa.rekey_at:
        sa.rekeys()
        sa.queue(RekeyIke(sa))
    probe_at = _probe_at(sa)
    if probe_at is not None and now >= probe_at:
        sa.queue(Probe(sa))


def _renew(sa: IkeSa, spi_in: bytes) -> None:
    """Replace a child SA, unless that has begun."""
    child = sa.children.active.get(spi_in)
    if child is not None and sa.children.begin_rekey(spi_in):
        sa.queue(RekeyChild(sa, child))
