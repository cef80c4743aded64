"""What happens to SAs and connections, and what follows: orders to the data plane, and pairs that differ now.

`InstallSa` is ordered before anybody hears that its pair is secured, so what others do because of that finds the SA in
the plane. A plane that refuses says so later (`EffectFailed`): then the SA does not count, and IKE has to replace it.
Nothing may be sent on an SA that was closed: the plane changes to the successor first, or loses it at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.effects import InstallSa, RemoveSa, UseSa
from dmvpn.base.negotiation import ConnectionUnwanted
from dmvpn.base.notices import DebugOutput
from dmvpn.base.protection import ProtectionPhase
from dmvpn.base.reasons import Reason
from dmvpn.base.values import dataclass
from dmvpn.features.ipsec import messages
from dmvpn.features.ipsec.associations import Associations, Standing
from dmvpn.features.ipsec.reasons import IpsecReason
from dmvpn.features.ipsec.upkeep import Upkeep

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import Effect
    from dmvpn.base.events import SasCounted
    from dmvpn.base.negotiation import ConnectionChanged, SaClosed, SaNegotiated
    from dmvpn.base.notices import Notice
    from dmvpn.base.ports import Ports
    from dmvpn.base.protection import Connection
    from dmvpn.features.ipsec.sockets import CryptoSockets, Negotiations

    Pair = tuple[IPAddress, IPAddress]
    Results = list[Effect | Notice]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What follows.

    pairs: those between which the protection may be different now; then their watchers are told.
    """

    results: Results
    pairs: tuple[Pair, ...] = ()


class Lifecycle:
    """The only writer of the table of SAs."""

    def __init__(self, ports: Ports, sockets: CryptoSockets, negotiations: Negotiations) -> None:
        self._ports = ports
        self._sockets = sockets
        self._negotiations = negotiations
        self.associations = Associations()
        self.upkeep = Upkeep(self.associations)

    # ------------------------------------------------------------------------------------------------ SAs

    def negotiated(self, notice: SaNegotiated, now: float) -> Outcome:
        """Take in a pair of SAs from IKE."""
        before = self.associations.known(notice.connection.number)
        association = self.associations.install(notice, now)
        self.upkeep.installed(association, now)
        self._secured(notice.connection, now)
        results: Results = [InstallSa(notice.sa, notice.eager)]
        if self._debugs(notice.connection):
            results.append(DebugOutput(messages.created(notice.view)))
        return Outcome(results, _pairs(before, notice.connection))

    def closed(self, notice: SaClosed, now: float) -> Outcome:
        """Close a pair of SAs: nothing may be sent on it any more."""
        association = self.associations.get(notice.spi_in)
        if association is None:
            return Outcome([])
        was_there = association.standing is not Standing.REFUSED
        was_used = association.ends(Standing.LINGERING)
        successor = self.associations.successor(association.connection)
        results: Results = []
        if successor is not None and was_used:
            self.associations.use(successor)
            results.append(UseSa(successor.spi))
            if self._debugs(successor.view.connection):
                results.append(DebugOutput(messages.switched(successor.view)))
        if successor is None:  # packets must not go by a lingering SA instead
            lingering = [each for each in self.associations.of(association.connection) if each.is_lingering]
            for each in lingering:
                results += self._forget(each.spi, notice.reason)
        elif not notice.lingers or not was_there:
            results += self._forget(notice.spi_in, notice.reason)
        connection = self.associations.known(association.connection)
        return Outcome(results, self._lost(connection, notice.reason, now))

    def refused(self, spi: int, why: str, now: float) -> Outcome:
        """Note that the plane does not have an SA that IKE believes in."""
        association = self.associations.get(spi)
        if association is None or association.standing is not Standing.ACTIVE:
            return Outcome([])
        association.ends(Standing.REFUSED)
        self.upkeep.refused(association, why, now)
        before = self.associations.successor(association.connection)
        if before is not None:
            self.associations.use(before)  # the plane has changed nothing
        connection = self.associations.known(association.connection)
        if connection is None:
            return Outcome([])
        for key in self._bare(connection):
            self._negotiations.hear(key, ProtectionPhase.IPSEC, Reason(IpsecReason.SA_REFUSED, (why,)), now)
        return Outcome([messages.SaRefused.of(connection.remote, why)], (_pair(connection),))

    def counted(self, event: SasCounted, now: float) -> Outcome:
        """Take in the plane's counters: what the plane lost counts as refused."""
        lost: list[Outcome] = []
        for association in self.upkeep.missing(event, now):
            if association.standing is Standing.LINGERING:
                self.associations.remove(association.spi)
            lost.append(self.refused(association.spi, "the host lost it", now))
        results = [result for outcome in lost for result in outcome.results]
        pairs = tuple(pair for outcome in lost for pair in outcome.pairs)
        return Outcome(results + self.upkeep.count(event, now), pairs)

    def _forget(self, spi: int, why: Reason | str) -> Results:
        association = self.associations.get(spi)
        self.associations.remove(spi)
        if association is None:
            return []
        results: Results = [RemoveSa(spi)]
        if self._debugs(association.view.connection):
            results.append(DebugOutput(messages.deleted(association.view, str(why))))
        return results

    # ------------------------------------------------------------------------------------------------ connections

    def changed(self, notice: ConnectionChanged, now: float) -> Outcome:
        """Follow a connection that came, moved or went."""
        old, new = notice.old, notice.new
        if new is not None:
            before = self.associations.place(new) or old
            if self.associations.connection(new.number) is None:
                return Outcome([])
            self._secured(new, now)
            return Outcome([], _pairs(before, new))
        if old is None:
            return Outcome([])
        results: Results = [RemoveSa(spi) for spi in self.associations.drop(old.number)]
        self.upkeep.gone(old.number)
        return Outcome(results, self._lost(old, notice.reason, now) if results else ())

    def close(self, connection: Connection, why: str, now: float) -> Outcome:
        """Close what we have with this peer: the plane loses it now, and IKE tells the peer."""
        results: Results = []
        for association in self.associations.of(connection.number):
            results += self._forget(association.spi, why)
        results.append(ConnectionUnwanted(connection.number, why))
        return Outcome(results, self._lost(connection, why, now))

    def _lost(self, connection: Connection | None, why: Reason | str, now: float) -> tuple[Pair, ...]:
        """Note that a connection has one SA less. If its pair has none now, a wanted pair knows why."""
        if connection is None:
            return ()
        for key in self._bare(connection):
            reason = Reason(IpsecReason.SA_GONE, (why,)) if self._sockets.is_asked(key) else None
            self._negotiations.hear(key, ProtectionPhase.INTF, reason, now)
        return (_pair(connection),)

    def _secured(self, connection: Connection, now: float) -> None:
        for port in dict.fromkeys((0, connection.remote_port)):
            self._negotiations.secured((*_pair(connection), port), now)

    def _bare(self, connection: Connection) -> list[tuple[IPAddress, IPAddress, int]]:
        """Return under what a connection may be wanted, and nothing secures it: its pair, and its peer alone."""
        pair, port = _pair(connection), connection.remote_port
        left = self.associations.connections(*pair)
        bare = [(*pair, 0)] if not left else []
        if port and self._sockets.is_asked((*pair, port)) and all(each.remote_port != port for each in left):
            bare.append((*pair, port))
        return bare

    def _debugs(self, connection: Connection) -> bool:
        return self._ports.debugging.on(messages.IPSEC, connection.remote)


def _pair(connection: Connection) -> Pair:
    return connection.local, connection.remote


def _pairs(before: Connection | None, after: Connection) -> tuple[Pair, ...]:
    """Return where a connection is, and where it was."""
    return tuple(dict.fromkeys((_pair(before or after), _pair(after))))
