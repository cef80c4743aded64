"""What happens with peers: acts of IKE SAs become effects and notices, and what follows from them.

IkeSas --acts--> `follow` --> SendIp, SaNegotiated, SaClosed, ConnectionChanged, Log, ...
                    |
                    +-------> attempts (it worked, it failed), duplicates, recovery, keepalives
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.deadlines import Deadlines, earliest
from dmvpn.base.negotiation import ConnectionChanged
from dmvpn.base.protection import policies_for
from dmvpn.base.reasons import Reason
from dmvpn.features.ikev2 import messages, udp
from dmvpn.features.ikev2.agreement import SaState
from dmvpn.features.ikev2.attempts import Attempts, path_of
from dmvpn.features.ikev2.connections import BOTH_BEGAN, BY_INITIATOR, Connections, ends_of, may_go, to_end
from dmvpn.features.ikev2.exchanges import Probe
from dmvpn.features.ikev2.reasons import IkeReason
from dmvpn.features.ikev2.recovery import Recovery, Traffic, doubted
from dmvpn.features.ikev2.reports import Reports
from dmvpn.features.ikev2.sa import (
    Begun,
    ChildEnded,
    ChildForgotten,
    ChildMade,
    Doubted,
    Ended,
    Established,
    Moved,
    Replaced,
    SaAct,
    Transmit,
    Trouble,
    Unanswered,
)
from dmvpn.features.ikev2.sas import COOKIES_FROM, IkeSas
from dmvpn.features.ikev2.terms import IKE_PORT, Endpoint, Path
from dmvpn.features.ikev2.udp import Act, Hinted, Reply, TurnedAway
from dmvpn.features.ikev2.views import number_of

if TYPE_CHECKING:
    from dmvpn.base.events import ConnectionHeard, SasCounted, UnknownSpi
    from dmvpn.base.ports import Ports
    from dmvpn.base.protection import ProtectionPolicy
    from dmvpn.features.ikev2.book import ConfigurationBook
    from dmvpn.features.ikev2.connections import Results
    from dmvpn.features.ikev2.model import Ikev2Config
    from dmvpn.features.ikev2.sa import IkeSa

#: Seconds that an IKE SA without children is kept.
_BARREN: Final = 30.0
_TIMERS: Final = ("keepalive", "duplicate", "barren")


class Peers:
    """All that there is with all peers.

    log_sessions: `crypto logging ikev2`.
    """

    def __init__(self, ports: Ports, book: ConfigurationBook) -> None:
        self.book = book
        self.log_sessions = False
        self.table = IkeSas(book, ports.entropy)
        self.connections = Connections()
        self.reports = Reports(ports)
        self.recovery = Recovery()
        self.attempts = Attempts(
            book,
            ports.entropy,
            table=self.table,
            connections=self.connections,
            reports=self.reports,
            follow=self.follow,
            close=self.close,
        )
        self._traffic = Traffic()
        self._timers: Deadlines[tuple[str, bytes]] = Deadlines()
        self._numbered = 0

    def renew(self, config: Ikev2Config) -> None:
        """Take over the switches and limits of a configuration."""
        self.log_sessions = config.log_sessions
        self.recovery.turn(on=config.begins_with_the_forgotten)
        self.table.limit(config.cookie_challenge or COOKIES_FROM, config.maximum_sas, config.maximum_half_open)

    def next_deadline(self) -> float | None:
        """Return when the next timer is due."""
        return earliest(
            self.table.next_deadline(),
            self.attempts.next_deadline(),
            self._traffic.next_deadline(),
            self._timers.next(),
        )

    def tick(self, now: float) -> Results:
        """Do whatever is due."""
        results = self.follow(self.table.tick(now), now)
        results += self.attempts.tick(now)
        results += self._traffic.tick(self.table, now)
        for kind, spi in self._timers.pop_due(now):
            if (sa := self.table.get(spi)) is not None:
                results += self._due(kind, sa, now)
        return results

    def _due(self, kind: str, sa: IkeSa, now: float) -> Results:
        """Act on a timer of an IKE SA."""
        match kind:
            case "keepalive" if sa.is_usable:
                self._keep_alive(sa, now)
                return [udp.keep_alive(sa.path)]
            case "duplicate" if may_go(sa, self.connections):
                return self.close([sa], BOTH_BEGAN, now)
            case "barren" if sa.is_usable and not sa.children:
                return self.close([sa], Reason(IkeReason.BARREN), now)
            case _:
                return []

    # ------------------------------------------------------------------------------------------------ from outside

    def close(self, sas: list[IkeSa], reason: Reason, now: float) -> Results:
        """End these IKE SAs, and tell their peers."""
        results: Results = []
        for sa in sas:
            if sa.state is not SaState.DEAD:
                sa.excuse(reason)
                children = tuple(sa.children)
                results += self.follow(self.table.close(sa, reason, now), now)
                for child in children:  # it carries nothing any more, whether the peer has heard of it or not
                    results += self._status(self.connections.ended(sa, child, reason, lingers=True), sa)
                self.attempts.lost(ends_of(sa), now)
        return results

    def heard(self, event: ConnectionHeard, now: float) -> Results:
        """Follow a peer, or the NAT before it, to where packets of its connection come from now."""
        for sa in reversed(self.connections.of(event.connection)):
            fell_back = event.remote == sa.path.remote.address and not event.remote_port
            if sa.is_usable and (sa.nat.remote or fell_back):
                path = _heard_from(sa, event)
                return [] if path in (None, sa.path) else self.follow(self.table.move(sa, path, now), now)
        return []

    def counted(self, event: SasCounted, now: float) -> Results:
        """Take in what the pairs carried, and ask a peer that sent nothing although we did whether it lives."""
        results: Results = []
        for probe in self._traffic.counted(event, self.connections, now):
            results += self.follow(self.table.ask(probe, now), now)
        return results

    def ask(self, number: int, now: float) -> Results:
        """Ask the peer of a connection whether it lives, unless a request is on its way, which shows it as well."""
        newest = next((sa for sa in reversed(self.connections.of(number)) if sa.is_usable), None)
        if newest is None or newest.outgoing.current is not None:
            return []
        return self.follow(self.table.ask(Probe(newest), now), now)

    def unknown(self, event: UnknownSpi, now: float) -> Results:
        """Tell a peer that the SA it sends ESP for does not exist, and begin with the peer if it does not listen."""
        complaint = self.recovery.complaint(event, now)
        if complaint is None:
            return []
        told = self._send(*complaint)
        ends = event.local, event.remote
        if self.connections.usable(ends) or self.attempts.is_trying(ends):
            return told
        policies = policies_for(self.book.policies, *ends)
        policy = next((policy for policy in policies if not policy.responder_only), None)
        if policy is None or not self.recovery.does_not_listen(event.remote, now):
            return told
        terms = self.book.to(policy, event.remote)
        if isinstance(terms, Reason):
            return told
        return told + self.attempts.initiate(path_of(ends, event.remote_port), terms, now)[1]

    def doubt(self, sa: IkeSa, now: float) -> Results:
        """Ask the peer for a new SA beside one that, as somebody says, it does not know any more."""
        ends, policy = ends_of(sa), self.policy_of(sa)
        if policy is None or policy.responder_only or self.attempts.is_trying(ends):
            return []
        terms = self.book.to(policy, ends[1])
        if isinstance(terms, Reason) or not self.recovery.may_replace(sa, now):
            return []
        path = sa.path if sa.nat.remote else Path(Endpoint(ends[0], IKE_PORT), Endpoint(ends[1], IKE_PORT))
        fresh, results = self.attempts.initiate(path, terms, now)
        self.recovery.began(fresh)
        return results

    def policy_of(self, sa: IkeSa) -> ProtectionPolicy | None:
        """Return the IPsec profile that an IKE SA is for, if it still exists."""
        return self.book.policy(sa.terms.child.profile, sa.path.local.address) if sa.terms else None

    # ------------------------------------------------------------------------------------------------ acts

    def follow(self, acts: list[Act], now: float) -> Results:
        """Do what IKE SAs want done."""
        results: Results = []
        for act in acts:
            match act:
                case Transmit(path=path, datagrams=datagrams):
                    for datagram in datagrams:
                        results += self._send(path, datagram)
                case Reply(path, datagram):
                    results += self._send(path, datagram)
                case Hinted(path, spi):
                    sa = doubted(spi, path, self.connections)
                    results += self.doubt(sa, now) if sa is not None else []
                case TurnedAway(path, why, logged):
                    results += self.reports.act(act)
                    results += self.reports.failed(path.remote, why, now) if logged else []
                case Trouble(sa=sa, what=what):
                    if not sa.is_initiator:
                        self.attempts.refused(ends_of(sa), what)
                    results += self.reports.act(act)
                    results += self.reports.failed(sa.path.remote, what, now)
                case SaAct():
                    changes = self._change(act, now)  # first, since it numbers what is reported
                    results += [*self.reports.act(act), *changes]
                case _:
                    results += self.reports.act(act)
        for sa in {act.sa.own_spi: act.sa for act in acts if isinstance(act, SaAct)}.values():
            results += self._settle(sa, now)
        return results

    def _send(self, path: Path, datagram: bytes) -> Results:
        return [*self.reports.packet(datagram, path, sent=True), udp.send(path, datagram)]

    def _change(self, act: SaAct, now: float) -> Results:
        """Follow a change of an IKE SA."""
        sa = act.sa
        match act:
            case Established():
                return self._established(sa, now)
            case Replaced(successor=successor):
                self._replaced(sa, successor, now)
                return []
            case Begun():
                self.connections.join(sa)
                return []
            case ChildMade(child=child, replaces=replaces):
                results = self._status(self.connections.made(sa, child, replaces), sa)
                sa.children.forget_keys(child.spi_in)
                return [*results, *self.attempts.succeeded(ends_of(sa), now)]
            case ChildEnded(child=child, reason=reason):
                results = self._status(self.connections.ended(sa, child, reason, lingers=True), sa)
                self.attempts.lost(ends_of(sa), now)
                return results
            case ChildForgotten(spi_in=spi):
                return [self.connections.forgotten(number_of(spi))]
            case Unanswered():
                self._traffic.ask(now)
                return []
            case Moved(old=old):
                return self._moved(sa, old, now)
            case Ended(reason=reason):
                return self._ended(sa, reason, now)
            case Doubted():
                return self.doubt(sa, now)
            case _:
                return []

    def _status(self, results: Results, sa: IkeSa) -> Results:
        """Return the same, with a line in the log where a connection came or went."""
        lines: Results = []
        for result in results:
            lines.append(result)
            if self.log_sessions and isinstance(result, ConnectionChanged) and None in (result.old, result.new):
                value = result.new or result.old
                if value is not None:
                    up = result.new is not None
                    lines.append(messages.SessionStatus.of(sa.path.remote, value.identity, up=up))
        return lines

    def _established(self, sa: IkeSa, now: float) -> Results:
        self._number(sa)
        self.connections.join(sa)
        self._keep_alive(sa, now)
        self._traffic.watch(sa, now)
        for other, when in to_end(sa, self.connections.of(sa.connection)):
            self._timers.set(("duplicate", other.own_spi), now + when)
        return self.attempts.yield_to(sa, now)

    def _replaced(self, old: IkeSa, new: IkeSa, now: float) -> None:
        self._number(new)
        self.connections.succeed(old, new)
        self.attempts.replaced(old, new)
        self._keep_alive(new, now)

    def _number(self, sa: IkeSa) -> None:
        self._numbered += 1
        sa.called(self._numbered)

    def _keep_alive(self, sa: IkeSa, now: float) -> None:
        if sa.nat.local and sa.terms is not None and sa.terms.nat_keepalive:
            self._timers.set(("keepalive", sa.own_spi), now + sa.terms.nat_keepalive)

    def _moved(self, sa: IkeSa, old: Path, now: float) -> Results:
        before, after = (sa.path.local.address, old.remote.address), ends_of(sa)
        results = self.connections.moved(sa)
        self.attempts.lost(before, now)
        return [*results, *self.attempts.succeeded(after, now)]

    def _ended(self, sa: IkeSa, reason: Reason, now: float) -> Results:
        for kind in _TIMERS:
            self._timers.cancel((kind, sa.own_spi))
        self.recovery.forget(sa)
        results = self._status(self.connections.leave(sa, reason), sa)
        if sa.is_initiator and not sa.evidence.by and not sa.hint:
            results += self.reports.failed(sa.path.remote, reason, now)
        if self.attempts.is_attempt(sa):
            return [*results, *self.attempts.failed(sa, sa.hint or reason, now)]
        self.attempts.lost(ends_of(sa), now)
        return results

    def _settle(self, sa: IkeSa, now: float) -> Results:
        """End an IKE SA that should have brought a child SA, and did not. An event is over."""
        if not sa.is_usable:
            return []
        if sa.children:
            forgotten = self.recovery.replaced_by(sa, self.connections.of(sa.connection))
            for old in forgotten:  # it may still carry packets, if the hint was none
                self._timers.set(("duplicate", old.own_spi), now + BY_INITIATOR)
            return self.connections.returned(sa) if forgotten else []
        if sa.outgoing.current is not None:
            return []
        if self.attempts.is_attempt(sa):
            why = sa.hint or Reason(IkeReason.NO_CHILD_MADE)
            return [*self.attempts.failed(sa, why, now), *self.close([sa], why, now)]
        if self._timers.when(("barren", sa.own_spi)) is None:
            self._timers.set(("barren", sa.own_spi), now + _BARREN)
        return []


def _heard_from(sa: IkeSa, event: ConnectionHeard) -> Path | None:
    """Return where IKE goes to reach the sender of ESP; None: there is nothing to follow."""
    if event.remote_port:
        return Path(sa.path.local, Endpoint(event.remote, event.remote_port)) if sa.uses_udp else None
    if not sa.by_choice_on_nat_port:
        return None  # without UDP: a NAT that IKE crosses would have given it a port
    return Path(Endpoint(sa.path.local.address, IKE_PORT), Endpoint(event.remote, IKE_PORT))
