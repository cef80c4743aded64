"""The way of ESP with each peer, UDP port 4500 or protocol 50, where the router's own access lists deny one of them.

    a list of a port changes --> `again` --> SAs that chose their way move to the other one; else the log says what
    a pair of SAs is made    --> `look`  --> the log says which entry keeps the peer's ESP out

New IKE SAs ask the `Book`, which prefers port 4500 only where a list lets it in. An end that does not prefer it does
not say so, and then the peer does not use it either. If both ends said so (`chooses_port`), a live IKE SA moves at
once, and a question makes the peer follow. An IKE SA whose ends never said so is replaced by a new one. With a NAT
between the ends only port 4500 is left, and without it the tunnel is cut, as by IOS.

What a peer's lists deny is not known here: requests without an answer take both ports in turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.entrances import Outer
from dmvpn.features.ike.peer_settings import IKE_PORT, NAT_PORT, DatagramPath

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.base.context import Context
    from dmvpn.base.entrances import Denial
    from dmvpn.features.ike.connections import Connections
    from dmvpn.features.ike.reports import Reports
    from dmvpn.features.ike.session import Act, Session, Sessions
    from dmvpn.features.ike.settings import ConfigurationBook

#: IKE SAs in one piece of work.
_AT_ONCE: Final = 64


class EspWays:
    """Follows the inbound lists with the IKE SAs that are up."""

    def __init__(
        self,
        context: Context,
        book: ConfigurationBook,
        *,
        sessions: Sessions,
        connections: Connections,
        reports: Reports,
        follow: Callable[[list[Act]], None],
        begin_beside: Callable[[Session], None],
    ) -> None:
        """Follow, begin_beside: what `Peers` does with acts, and with an IKE SA that another one is to replace."""
        self._context, self._book = context, book
        self._sessions, self._connections, self._reports = sessions, connections, reports
        self._follow, self._begin_beside = follow, begin_beside

    def again(self) -> None:
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

    def look(self, sa: Session) -> None:
        """Report which entry keeps ESP of the peer out, if one does."""
        denied = self._cuts(sa)
        if denied is not None:
            self._reports.denied(denied)

    def denies(self, sa: Session) -> bool:
        """Return whether a list of ours keeps ESP of the peer out."""
        return self._cuts(sa) is not None

    def _follow_lists(self, sa: Session) -> None:
        in_udp = self._is_in_udp(sa)
        if in_udp and self._may_leave_udp(sa):
            self._move(sa, IKE_PORT)
        elif not in_udp and self._denies_esp(sa) and self._may_take_udp(sa):
            if sa.chooses_port:
                self._move(sa, NAT_PORT)
            else:
                self._begin_beside(sa)
        else:
            self.look(sa)

    def _may_leave_udp(self, sa: Session) -> bool:
        """Return whether only ESP without UDP comes in, and the peer takes it, too."""
        in_udp = self._book.denial(Outer.IN_UDP, sa.path.ends)
        return in_udp is not None and sa.chooses_port and not self._denies_esp(sa)

    def _may_take_udp(self, sa: Session) -> bool:
        """Return whether ESP may come in UDP instead. A new IKE SA finds out whether the peer prefers that, too."""
        return not sa.nat.found and self._book.opening(sa.path).udp.prefers

    def _denies_esp(self, sa: Session) -> bool:
        return self._book.denial(Outer.ESP, sa.path.ends) is not None

    def _cuts(self, sa: Session) -> Denial | None:
        """Return which list keeps ESP of the peer out."""
        if self._is_in_udp(sa):
            return self._book.esp_denial(sa.path, sa.nat)
        return self._book.denial(Outer.ESP, sa.path.ends)

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
