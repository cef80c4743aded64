"""Peers that have forgotten their SAs, or whose SAs we have forgotten, and silent peers: RFC 7296 §1.5, §2.4, §2.21.

A router that restarts gets ESP which it cannot open. It says so in clear, seldom, to the sender. The sender must not
believe it, since it might be forged. So it is taken as a hint if it names an SA that we do have with that very address,
once in a while. Then the peer is asked for a new IKE SA beside the old one, and only when the peer has proved itself is
the old one removed. A forged hint costs one handshake, a true one brings traffic back in a round trip or two.

Some peers ignore what comes in clear: strongSwan goes on sealing until its SA ends, perhaps an hour. With `crypto
isakmp invalid-spi-recovery` we begin with a peer that was notified and still sends a moment later: a new IKE SA with
INITIAL_CONTACT takes the place of what it had. Its address may be forged, and any station there gets our proof,
which with a pre-shared key can be attacked offline. So it is off by default, as on IOS, and is done with few peers,
each seldom.

Dead peer detection on demand (`dpd ... on-demand`): only a peer that we send to, and hear nothing from, is asked.
Without a line, too, the data plane reports a connection on which packets go out and none has come in for ten seconds
(`ConnectionUnheard`). Its peer is asked, seldom: traffic in one direction is legitimate. If the peer answers, and no
packet has ever come by the connection, the log says that something may drop ESP.

What comes in ESP proves that the peer lives as well as a message of IKE does (RFC 7296 §2.4). The data plane counts it.
The plane is asked while an IKE SA wants to know, and counts for other reasons are used, too. The plane is also asked
while a request goes unanswered: if ESP still comes, the way to the peer is dead and not the peer, and its SAs are kept.

The way of ESP with each peer, UDP port 4500 or protocol 50, where the router's own access lists deny one of them.

    a list of a port changes --> `lists_changed`: SAs that chose their way move to the other one; else the log says what
    a pair of SAs is made    --> `report_denial`: the log says which entry keeps the peer's ESP out

New IKE SAs ask `PeerSettings`, which prefers port 4500 only where a list lets it in. An end that does not prefer it
does not say so, and then the peer does not use it either. If both ends said so (`chooses_port`), a live IKE SA moves at
once, and a question makes the peer follow. An IKE SA whose ends never said so is replaced by a new one. With a NAT
between the ends only port 4500 is left, and without it the tunnel is cut, as by IOS.

What a peer's lists deny is not known here: requests without an answer take both ports in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.context import Context, Timer
from dmvpn.base.effects import PollSas
from dmvpn.base.entrances import Denial, Outer
from dmvpn.base.events import SasCounted, UnknownSpi
from dmvpn.base.limits import Limiter
from dmvpn.features.ike.connections import Connections
from dmvpn.features.ike.peer_settings import IKE_PORT, NAT_PORT, DatagramPath
from dmvpn.features.ike.reports import Reports
from dmvpn.features.ike.session import Output, Session
from dmvpn.features.ike.settings import ConfiguredSettings
from dmvpn.features.ike.versions import Versions

_Sender = tuple[IPAddress, str]  # by its front door

#: Seconds between two complaints to one address, and how many addresses get one in that time.
_COMPLAINT_INTERVAL: Final = 2.0
_COMPLAINT_BURST: Final = 256
#: Seconds for which we remember a notified address.
_NOTIFY_INTERVAL: Final = 60.0
#: Seconds between two IKE SAs that are begun with one address because it ignores us, and how many in that time.
_BEGIN_INTERVAL: Final = 15.0
_BEGIN_BURST: Final = 64
#: Seconds between two exchanges that hints about one IKE SA cause.
_DOUBT_INTERVAL: Final = 10.0
#: Seconds for which the peer of a new IKE SA may not have it yet.
_YOUNG: Final = 2.0
#: Seconds between two questions to the peer of a connection on which nothing comes in, and how many are asked in that
#: time; less than from the first alarm of a silence to the second, so that the second one always counts.
_QUESTION_INTERVAL: Final = 25.0
_QUESTION_BURST: Final = 1024


class Recovery:
    """Notifications about SAs that one end has forgotten, and new IKE SAs in their place.

    begins: with peers that ignore our notifications.
    """

    def __init__(self) -> None:
        self.begins = False
        self._complaints: Limiter[tuple[_Sender, int]] = Limiter(_COMPLAINT_INTERVAL, _COMPLAINT_BURST)
        self._notified: Limiter[_Sender] = Limiter(_NOTIFY_INTERVAL, _COMPLAINT_BURST)
        self._begun: Limiter[_Sender] = Limiter(_BEGIN_INTERVAL, _BEGIN_BURST)
        self._fresh: dict[bytes, None] = {}  # by own SPI
        self._doubted: dict[bytes, float] = {}  # by own SPI: when a hint was followed
        self._questions: Limiter[int] = Limiter(_QUESTION_INTERVAL, _QUESTION_BURST)  # by connection
        self._asked: dict[bytes, None] = {}  # by own SPI: because nothing comes in

    def turn(self, *, on: bool) -> None:
        """Begin with peers that ignore our notifications, or leave them alone."""
        self.begins = on

    def may_complain(self, event: UnknownSpi, now: float) -> DatagramPath | None:
        """Return the path of a notification that the SPI of a peer's ESP is unknown; None: it got one a moment ago."""
        if not self._complaints.permits((_sender_of(event), event.remote_port), now):
            return None
        port = NAT_PORT if event.remote_port else IKE_PORT
        return DatagramPath.between(event.ends, port, event.remote_port or IKE_PORT)

    def does_not_listen(self, event: UnknownSpi, now: float) -> bool:
        """Record another complaint to an address. Returns whether we begin with it; the first may still help."""
        sender = _sender_of(event)
        if not self.begins or self._notified.permits(sender, now):
            return False
        return sender in self._notified and self._begun.permits(sender, now)

    def may_replace(self, sa: Session, now: float) -> bool:
        """Return whether a hint about this IKE SA is followed: if it is young, ESP may have overtaken IKE_AUTH."""
        doubted = self._doubted.get(sa.own_spi)
        if (doubted is not None and now < doubted + _DOUBT_INTERVAL) or now < sa.since + _YOUNG:
            return False
        self._doubted[sa.own_spi] = now
        return True

    def may_ask(self, connection: int, now: float) -> bool:
        """Return whether the peer of a connection on which nothing comes in is asked whether it lives."""
        return self._questions.permits(connection, now)

    def asked(self, sa: Session) -> None:
        """Note that it was asked."""
        self._asked[sa.own_spi] = None

    def answered(self, sa: Session) -> bool:
        """Return, once, whether an answer of the peer is to that question."""
        was_asked = sa.own_spi in self._asked
        self._asked.pop(sa.own_spi, None)
        return was_asked

    def moved(self, sa: Session) -> None:
        """Note that its peer is reached by another way, where it may be asked again."""
        self._questions.permit_again(sa.connection)
        self._asked.pop(sa.own_spi, None)

    def began(self, new: Session) -> None:
        """Note that this IKE SA replaces the IKE SAs that its peer may have forgotten."""
        self._fresh[new.own_spi] = None
        new.doubt_older()

    def replaced_by(self, new: Session, all_of_peer: list[Session]) -> list[Session]:
        """Return, once, which IKE SAs go now that this one has a child, all of the same proved peer."""
        if new.own_spi not in self._fresh:
            return []
        del self._fresh[new.own_spi]
        return [sa for sa in all_of_peer if sa is not new and sa.is_usable and sa.since <= new.begun]

    def forget_session(self, sa: Session) -> None:
        """Forget an IKE SA that is gone."""
        self._fresh.pop(sa.own_spi, None)
        self._doubted.pop(sa.own_spi, None)
        self._asked.pop(sa.own_spi, None)


def _sender_of(event: UnknownSpi) -> _Sender:
    """Return the address of a sender, and its front door: in another VRF another peer has the address."""
    return event.remote, event.vrf


def doubted(spi_out: int, path: DatagramPath, connections: Connections) -> Session | None:
    """Return the IKE SA of a child with this SPI, if it is with the very address that the hint came from."""
    sa = connections.sender(spi_out)
    return sa if sa is not None and sa.is_usable and _sender(sa.path) == _sender(path) else None


def _sender(path: DatagramPath) -> _Sender:
    return path.remote.address, path.front


# -------------------------------------------------------------------------------------------------------------- silence


#: Seconds between two counts for requests that go unanswered.
_PAUSE: Final = 1.0


class SaTraffic:
    """What went and came, by inbound SPI, when it was last counted."""

    def __init__(self, context: Context, sas: Iterable[Session]) -> None:
        """sas: all IKE SAs, whenever they are iterated."""
        self._context = context
        self._sas = sas
        self._counted: dict[int, tuple[int, int]] = {}
        self._heard: dict[int, None] = {}  # connections by which a packet has come
        self._answers = Timer("have the plane count: a peer does not answer", self._poll)
        self._silence = Timer("have the plane count: peers are silent", self._look)
        self._last = float("-inf")

    def ask(self) -> None:
        """Count, because a peer does not answer: now, or soon if that was done a moment ago.

        If all peers of a hub fall silent at once, one count serves all.
        """
        passed = self._context.now - self._last
        if passed >= _PAUSE:
            self._poll()
        elif passed > 0:
            self._context.start(self._answers, _PAUSE - passed)

    def watch(self, sa: Session) -> None:
        """Watch the peer of an IKE SA that was established, if necessary."""
        if sa.terms is None or not sa.terms.dpd or not sa.terms.on_demand:
            return
        if self._context.is_running(self._silence):
            self._context.hasten(self._silence, sa.terms.dpd)
        else:
            self._context.start(self._silence, sa.terms.dpd)

    def _look(self) -> None:
        """Count, if any peer is still watched."""
        for sa in self._sas:
            self.watch(sa)
        if self._context.is_running(self._silence):
            self._poll()

    def _poll(self) -> None:
        """Have the data plane count, once for all that want to know."""
        self._context.stop(self._answers)
        if self._last != self._context.now:
            self._last = self._context.now
            self._context.emit(PollSas())

    def counted(self, event: SasCounted, connections: Connections) -> list[Session]:
        """Take in the plane's counts. Returns the sessions whose peers must be asked."""
        now = self._context.now
        silent: dict[bytes, Session] = {}
        before, self._counted = self._counted, {}
        self._heard = {number: None for number in self._heard if connections.connection_sas(number)}
        for count in event.counts:
            sa = connections.owner(count.spi_in)
            sent, received = before.get(count.spi_in, (0, 0))
            self._counted[count.spi_in] = count.sent, count.received
            if sa is None:
                continue
            if count.received:
                self._heard[sa.connection] = None
            if count.received > received:
                sa.lives(now)
            elif count.sent > sent:
                silent[sa.own_spi] = sa
        return [sa for sa in silent.values() if self._is_suspicious(sa, now)]

    def has_brought(self, connection: int) -> bool:
        """Return whether a packet has come by a connection, as of the last count."""
        return connection in self._heard

    @staticmethod
    def _is_suspicious(sa: Session, now: float) -> bool:
        terms = sa.terms
        wants_to_know = terms is not None and terms.on_demand and 0 < terms.dpd <= now - sa.heard
        return wants_to_know and sa.is_usable and not sa.is_asking


# ----------------------------------------------------------------------------------------------- how ESP goes to a peer


#: IKE SAs in one piece of work.
_AT_ONCE: Final = 64


class EspEncapsulation:
    """Chooses ESP alone or ESP in UDP for each IKE SA that is up, as the inbound lists let it in."""

    def __init__(
        self,
        context: Context,
        settings: ConfiguredSettings,
        *,
        sessions: Versions,
        connections: Connections,
        reports: Reports,
        follow: Callable[[list[Output]], None],
        begin_beside: Callable[[Session], None],
    ) -> None:
        """Follow, begin_beside: what `Peers` does with outputs, and with an IKE SA that another one is to replace."""
        self._context, self._settings = context, settings
        self._sessions, self._connections, self._reports = sessions, connections, reports
        self._follow, self._begin_beside = follow, begin_beside

    def lists_changed(self) -> None:
        """Look at all IKE SAs, because lists have changed."""
        if any(sa.is_usable for sa in self._sessions):
            self._context.drop_work(self)
            self._context.work(self._all(), self)

    def _all(self) -> Iterator[None]:
        for number, sa in enumerate(tuple(self._sessions)):
            if number and not number % _AT_ONCE:
                yield
            if sa.is_usable:
                self._follow_lists(sa)

    def report_denial(self, sa: Session) -> None:
        """Report which entry keeps ESP of the peer out, if one does."""
        denied = self._cuts(sa)
        if denied is not None:
            self._reports.denied(denied)

    def denies(self, sa: Session) -> bool:
        """Return whether a list of ours keeps ESP of the peer out."""
        return self._cuts(sa) is not None

    def _follow_lists(self, sa: Session) -> None:
        settings, ends = self._settings, sa.path.ends
        denies_esp = settings.denial(Outer.ESP, ends) is not None
        if self._is_in_udp(sa):  # ESP alone must come in, and the peer take it, too
            leaves_udp = settings.denial(Outer.IN_UDP, ends) is not None and sa.chooses_port and not denies_esp
            if leaves_udp:
                self._move(sa, IKE_PORT)
                return
        elif denies_esp and not sa.nat.found and settings.opening(sa.path).udp.prefers:
            if sa.chooses_port:
                self._move(sa, NAT_PORT)
            else:
                self._begin_beside(sa)  # the new IKE SA finds out whether the peer prefers UDP, too
            return
        self.report_denial(sa)

    def _cuts(self, sa: Session) -> Denial | None:
        """Return which list keeps ESP of the peer out."""
        if self._is_in_udp(sa):
            return self._settings.esp_denial(sa.path, sa.nat)
        return self._settings.denial(Outer.ESP, sa.path.ends)

    def _move(self, sa: Session, port: int) -> None:
        """Use this port and its way of ESP from now on. A question makes the peer follow."""
        path = DatagramPath.between(sa.path.ends, port, port)
        if path != sa.path:
            self._follow(self._sessions.move(sa, path, self._context.now))
        self._follow(self._sessions.probe(sa, self._context.now))
        for child in sa.children if port == NAT_PORT else ():
            if not child.udp:  # its successor takes the other way
                self._follow(self._sessions.renew(sa, child.spi_in, self._context.now))

    def _is_in_udp(self, sa: Session) -> bool:
        """Return whether ESP of the peer comes in UDP."""
        value = self._connections.value(sa.connection)
        return sa.uses_udp if value is None else bool(value.local_port)
