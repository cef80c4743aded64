"""What happens with peers: outputs of sessions become effects and notices, and what follows from them.

Sessions --outputs--> `follow` --> SendIp, SaNegotiated, SaClosed, ConnectionChanged, Log, ...
                    |
                    +-------> attempts (it worked, it failed), duplicates, recovery, keepalives
"""

from __future__ import annotations

import enum
from typing import Final

from dmvpn.base.context import Context, Deadlines, Timer, earliest
from dmvpn.base.events import ConnectionHeard, SasCounted, UnknownSpi
from dmvpn.base.negotiation import ConnectionChanged
from dmvpn.base.protection import IkeVersion, ProtectionPolicy, policies_for
from dmvpn.base.reasons import Reason
from dmvpn.features.ike import connections, session, udp
from dmvpn.features.ike.attempts import Attempts, path_of
from dmvpn.features.ike.connections import number_of
from dmvpn.features.ike.model import IkeConfig
from dmvpn.features.ike.peer_settings import IKE_PORT, DatagramPath, Endpoint, Terms
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.recovery import EspEncapsulation, Recovery, SaTraffic, doubted
from dmvpn.features.ike.reports import Reports
from dmvpn.features.ike.session import Hinted, Output, Reply, TurnedAway
from dmvpn.features.ike.settings import ConfiguredSettings
from dmvpn.features.ike.versions import Versions

# --------------------------------------------------------------------------------------- what follows from what they do


#: Seconds that an IKE SA without children is kept.
_BARREN: Final = 30.0
#: What a slice of the IKE SAs whose time has come costs of the budget for one event.
_SLICE_COST: Final = 16


class Deadline(enum.Enum):
    """Why an IKE SA is due, besides its own timers."""

    NAT_KEEPALIVE = "keep its translation alive, RFC 3948 §4"
    DUPLICATE = "delete it, if another one with the same peer stays"
    SURPLUS = "delete it: its identity has too many connections behind one address"
    BARREN = "delete it, if it has no child SA"


class Peers:
    """All that there is with all peers.

    log_sessions: `crypto logging ikev2`.
    """

    def __init__(self, context: Context, settings: ConfiguredSettings, table: Versions) -> None:
        self.settings = settings
        self.log_sessions = False
        self.table = table
        self.connections = connections.Connections()
        self.reports = Reports(context, table)
        self.recovery = Recovery()
        self.attempts = Attempts(
            context,
            settings,
            table=self.table,
            connections=self.connections,
            reports=self.reports,
            follow=self.follow,
            close=self.close,
        )
        self.encapsulation = EspEncapsulation(
            context,
            settings,
            sessions=self.table,
            connections=self.connections,
            reports=self.reports,
            follow=self.follow,
            begin_beside=self.doubt,
        )
        self._context = context
        self._traffic = SaTraffic(context, self.table)
        self._due = Timer("act on IKE SAs", self._tick, cost=_SLICE_COST)
        self._deadlines: Deadlines[tuple[Deadline, bytes]] = Deadlines()  # by the own SPI of an IKE SA
        self._numbered = 0

    def renew(self, config: IkeConfig) -> None:
        """Take over the switches and limits of a configuration."""
        self.log_sessions = config.log_sessions
        self.recovery.turn(on=config.begins_with_the_forgotten)
        self.table.limit(config.cookie_challenge, config.maximum_sas, config.maximum_half_open)

    # ------------------------------------------------------------------------------------------------ time

    def settle(self) -> None:
        """Act on IKE SAs in time, as the event at hand left them."""
        self._context.arm(self._due, earliest(self.table.next_deadline(), self._deadlines.next()))

    def _tick(self) -> None:
        """Run the timers of the IKE SAs themselves, and then the deadlines that we set for IKE SAs."""
        try:
            self.follow(self.table.tick(self._context.now))
            for deadline, spi in self._deadlines.take_due(self._context.now, session.AT_ONCE):
                if (sa := self.table.get(spi)) is not None:
                    self._reached(deadline, sa)
        finally:  # an error with one IKE SA must not end the time of all others
            self.settle()

    def _reached(self, deadline: Deadline, sa: session.Session) -> None:
        match deadline:
            case Deadline.NAT_KEEPALIVE if not sa.is_dead:
                self._keep_alive(sa)
                self._context.emit(udp.keep_alive(sa.path))
            case Deadline.DUPLICATE if connections.may_go(sa, self.connections):
                self.close([sa], connections.BOTH_BEGAN)
            case Deadline.SURPLUS if sa.is_usable:
                why = Reason(IkeReason.TOO_MANY_ALIKE, (connections.LARGEST_NUMBER_ALIKE,))
                self.reports.failed(sa.path, why, sa.version, proved=True)
                self.close([sa], why)
            case Deadline.BARREN if sa.is_usable and not sa.children and not self._waits_for_children(sa):
                self.close([sa], Reason(IkeReason.BARREN))

    # ------------------------------------------------------------------------------------------------ from outside

    def close(self, sas: list[session.Session], reason: Reason) -> None:
        """End these IKE SAs, and notify their peers."""
        for sa in sas:
            if not sa.is_dead:
                sa.excuse(reason)
                children = tuple(sa.children)
                self.follow(self.table.close(sa, reason, self._context.now))
                carried = [each for each in children if self.connections.owner(number_of(each.spi_in)) is sa]
                for child in carried:  # it carries nothing any more, whether the peer has heard of it or not
                    self._announce(self.connections.ended(sa, child, reason, lingers=True), sa)
                self.attempts.lost(sa.path.ends)

    def heard(self, event: ConnectionHeard) -> None:
        """Follow a peer, or the NAT before it, to where packets of its connection come from now."""
        for sa in reversed(self.connections.connection_sas(event.connection)):
            fell_back = event.remote == sa.path.remote.address and not event.remote_port
            if not sa.is_dead and (sa.nat.remote or fell_back):
                path = _heard_from(sa, event)
                if path is not None and path != sa.path:
                    self.follow(self.table.move(sa, path, self._context.now))
                return

    def counted(self, event: SasCounted) -> None:
        """Take in what the pairs carried, and ask a peer that sent nothing although we did whether it lives."""
        for sa in self._traffic.counted(event, self.connections):
            self.follow(self.table.probe(sa, self._context.now))

    def ask(self, number: int) -> None:
        """Ask the peer of a connection whether it lives, unless a request is on its way, which shows it as well."""
        newest = next((sa for sa in reversed(self.connections.connection_sas(number)) if sa.is_usable), None)
        if newest is not None and not newest.is_asking:
            self.follow(self.table.probe(newest, self._context.now))

    def unheard(self, number: int) -> None:
        """Ask the peer of a connection on which packets go out and none comes in, unless it was asked a moment ago."""
        if self.recovery.may_ask(number, self._context.now):
            self._traffic.ask()
            for sa in self.connections.connection_sas(number):
                self.recovery.asked(sa)
            self.ask(number)

    def unknown(self, event: UnknownSpi) -> None:
        """Notify a peer that the SA it sends ESP for does not exist, and begin with the peer if it does not listen."""
        path = self.recovery.may_complain(event, self._context.now)
        if path is None:
            return
        ends = event.ends
        policies = policies_for(self.settings.policies, ends)
        policy = next((policy for policy in policies if not policy.responder_only), None)
        terms = self.settings.to(policy, event.remote) if policy is not None else None
        version = terms.version if isinstance(terms, Terms) else IkeVersion.V2
        self._send(path, self.table.complaint(event.spi, version))
        if self.connections.usable(ends, event.remote_port) or self.attempts.is_trying(ends):
            return
        if isinstance(terms, Terms) and self.recovery.does_not_listen(event, self._context.now):
            self.attempts.initiate(path_of(ends, event.remote_port), terms)

    def doubt(self, sa: session.Session) -> None:
        """Begin a new IKE SA beside this one, which the peer, as an unproved message says, has forgotten."""
        ends, policy = sa.path.ends, self.policy_of(sa)
        if policy is None or policy.responder_only or self.attempts.is_trying(ends):
            return
        terms = self.settings.to(policy, ends[1])
        if isinstance(terms, Reason) or not self.recovery.may_replace(sa, self._context.now):
            return
        path = sa.path if sa.nat.remote else DatagramPath.between(ends, IKE_PORT, IKE_PORT)
        self.recovery.began(self.attempts.initiate(path, terms))

    def policy_of(self, sa: session.Session) -> ProtectionPolicy | None:
        """Return the IPsec profile that an IKE SA is for, if it still exists."""
        return self.settings.policy(sa.terms.child.profile, sa.path.outer) if sa.terms else None

    # ------------------------------------------------------------------------------------------------ outputs

    def follow(self, outputs: list[Output]) -> None:
        """Do what IKE SAs want done, in their order: SAs before packets that rely on them."""
        for output in outputs:
            match output:
                case session.Transmit(path=path, datagrams=datagrams):
                    for datagram in datagrams:
                        self._send(path, datagram)
                case Reply(path, datagram):
                    self._send(path, datagram)
                case Hinted(path, spi):
                    sa = doubted(spi, path, self.connections)
                    if sa is not None:
                        self.doubt(sa)
                case TurnedAway(path, why, logged, version):
                    self.reports.report(output)
                    if logged:
                        self.reports.failed(path, why, version)
                case session.Trouble(sa=sa, what=what):
                    if not sa.is_initiator:
                        self.attempts.refused(sa.path.ends, what)
                    self.reports.report(output)
                    self.reports.failed(sa.path, what, sa.version, proved=bool(sa.evidence.by))
                case session.SaOutput():
                    self._introduce(output)
                    self.reports.report(output)
                    self._change(output)
                case _:
                    self.reports.report(output)
        for sa in {output.sa.own_spi: output.sa for output in outputs if isinstance(output, session.SaOutput)}.values():
            self._complete(sa)

    def _send(self, path: DatagramPath, datagram: bytes) -> None:
        self.reports.packet(datagram, path, sent=True)
        self._context.emit(udp.send(path, datagram))

    def _introduce(self, output: session.SaOutput) -> None:
        """Give a new IKE SA its number and its connection, by which reports name it."""
        match output:
            case session.Established(sa=sa):
                self._number(sa)
                self.connections.join(sa)
            case session.Replaced(sa=sa, successor=successor):
                if successor.number == sa.number:
                    self._number(successor)
                self.connections.succeed(sa, successor)
            case session.Begun(sa=sa):
                self.connections.join(sa)

    def _number(self, sa: session.Session) -> None:
        self._numbered += 1
        sa.called(self._numbered)

    def _change(self, output: session.SaOutput) -> None:
        """Follow a change of an IKE SA."""
        sa = output.sa
        match output:
            case session.Established():
                self._established(sa)
            case session.Replaced(successor=successor):
                self.attempts.replaced(sa, successor)
                self._keep_alive(successor)
            case session.ChildMade(child=child, replaces=replaces):
                self._announce(self.connections.made(sa, child, replaces), sa)
                sa.children.forget_keys(child.spi_in)
                self.attempts.succeeded(sa.path.ends)
                self.encapsulation.report_denial(sa)
            case session.ChildEnded(child=child, reason=reason):
                self._announce(self.connections.ended(sa, child, reason, lingers=True), sa)
                self.attempts.lost(sa.path.ends)
            case session.ChildForgotten(spi_in=spi):
                self._context.emit(self.connections.forgotten(number_of(spi)))
            case session.Unanswered():
                self._traffic.ask()
            case session.Answered():
                if (
                    self.recovery.answered(sa)
                    and not self.encapsulation.denies(sa)
                    and not self._traffic.has_brought(sa.connection)
                ):
                    self.reports.nothing_comes(sa)
            case session.Moved(old=old):
                self._moved(sa, old)
            case session.Ended(reason=reason):
                self._ended(sa, reason)
            case session.Doubted():
                self.doubt(sa)

    def _announce(self, results: connections.Results, sa: session.Session) -> None:
        """Emit these, with a line in the log where a connection came or went."""
        for result in results:
            self._context.emit(result)
            if self.log_sessions and isinstance(result, ConnectionChanged) and None in (result.old, result.new):
                value = result.new or result.old
                if value is not None:
                    up = result.new is not None
                    self.reports.session(sa, value.identity, up=up)

    def _established(self, sa: session.Session) -> None:
        self._keep_alive(sa)
        self._traffic.watch(sa)
        for other, seconds in connections.to_end(sa, self.connections.connection_sas(sa.connection)):
            self._deadlines.set((Deadline.DUPLICATE, other.own_spi), self._context.now + seconds)
        if self.connections.is_one_too_many(sa):
            self._deadlines.set((Deadline.SURPLUS, sa.own_spi), self._context.now)
        self.attempts.established(sa)

    def _keep_alive(self, sa: session.Session) -> None:
        if sa.nat.local and sa.terms is not None and sa.terms.nat_keepalive:
            self._deadlines.set((Deadline.NAT_KEEPALIVE, sa.own_spi), self._context.now + sa.terms.nat_keepalive)

    def _moved(self, sa: session.Session, old: DatagramPath) -> None:
        self.recovery.moved(sa)
        before, after = (sa.path.outer, old.remote.address), sa.path.ends
        self._context.emit(*self.connections.moved(sa))
        for other in self.connections.displaced(sa):
            self._deadlines.set((Deadline.DUPLICATE, other.own_spi), self._context.now + connections.DISPLACED)
        self.attempts.lost(before)
        self.attempts.succeeded(after)

    def _ended(self, sa: session.Session, reason: Reason) -> None:
        for deadline in Deadline:
            self._deadlines.cancel((deadline, sa.own_spi))
        self.recovery.forget_session(sa)
        self._announce(self.connections.leave(sa, reason), sa)
        if sa.is_initiator and not sa.evidence.by and not sa.hint:
            self.reports.failed(sa.path, reason, sa.version)
        if self.attempts.is_attempt(sa):
            self.attempts.failed(sa, sa.hint or reason)
        else:
            self.attempts.lost(sa.path.ends)

    def _complete(self, sa: session.Session) -> None:
        """End an IKE SA that should have brought a child SA, and did not, when its outputs are done."""
        if not sa.is_usable:
            return
        now = self._context.now
        if sa.children:
            forgotten = self.recovery.replaced_by(sa, self.connections.connection_sas(sa.connection))
            for old in forgotten:  # it may still carry packets, if the hint was none
                self._deadlines.set((Deadline.DUPLICATE, old.own_spi), now + connections.BY_INITIATOR)
            if forgotten:
                self._context.emit(*self.connections.returned(sa))
        elif sa.is_asking:
            return
        elif self.attempts.is_attempt(sa):
            why = sa.hint or Reason(IkeReason.NO_CHILD_MADE)
            self.attempts.failed(sa, why)
            self.close([sa], why)
        elif self._deadlines.when((Deadline.BARREN, sa.own_spi)) is None:
            self._deadlines.set((Deadline.BARREN, sa.own_spi), now + _BARREN)

    def _waits_for_children(self, sa: session.Session) -> bool:
        """Return whether it is the second main mode with a peer, and will adopt the children of the first."""
        others = self.connections.connection_sas(sa.connection)
        return sa.version is IkeVersion.V1 and any(other.children for other in others)


def _heard_from(sa: session.Session, event: ConnectionHeard) -> DatagramPath | None:
    """Return where IKE goes to reach the sender of ESP; None: there is nothing to follow."""
    if event.remote_port:
        return sa.path._replace(remote=Endpoint(event.remote, event.remote_port)) if sa.uses_udp else None
    if not sa.by_choice_on_nat_port:
        return None  # without UDP: a NAT that IKE crosses would have given it a port
    return DatagramPath.between((sa.path.outer, event.remote), IKE_PORT, IKE_PORT)
