"""Attempts to negotiate the SAs that IPsec profiles want, and the times of new attempts.

A demand:

    wanted --> trying --> there
      ^          |          |
      +-- rests -+----------+   after a failure 1, 2, 4 ... 64 s, and some more by chance

A peer that has just begun saves us our own attempt: both ends of a shortcut want their SAs at almost the same moment.
We wait for its proof, once, and no longer than a round trip and what computing takes: an attacker can forge the first
message of a peer.

A demand is for a pair of addresses, or for one of several peers behind one address, known by its port at the NAT.
A connection with this port meets the second kind, any connection between the addresses the first kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace
from typing import Final

from dmvpn.base.addresses import Ends
from dmvpn.base.context import Context, Timer
from dmvpn.base.entrances import Outer
from dmvpn.base.entropy import Entropy, fraction
from dmvpn.base.errors import surely
from dmvpn.base.negotiation import NegotiationChanged
from dmvpn.base.notices import Notice
from dmvpn.base.protection import IkeVersion, ProtectionPhase, ProtectionPolicy
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Mutable
from dmvpn.features.ike.connections import Connections
from dmvpn.features.ike.peer_settings import IKE_PORT, NAT_PORT, DatagramPath, Terms
from dmvpn.features.ike.reasons import IkeReason, refusal
from dmvpn.features.ike.reports import Reports
from dmvpn.features.ike.session import Output, Session
from dmvpn.features.ike.settings import ConfiguredSettings
from dmvpn.features.ike.versions import Versions

#: Seconds between two attempts at most, and the share of chance in each such pause.
LONGEST_REST: Final = 64.0
_SPREAD: Final = 0.25
#: A peer that was there for so many seconds and is gone is tried again at once; one that goes at once, after a rest.
STEADY: Final = 10.0
#: Seconds until what is gone is tried again: the other end often does the same.
_SOON: Final = 0.2
#: Seconds that a peer which has begun may take for its proof: so many beside a round trip, and the longest round trip.
_PROOF: Final = 0.05
_LONGEST_TRIP: Final = 0.25


class Demand(Mutable):
    """SAs that IPsec profiles want.

    policies: the names of these IPsec profiles.
    attempt: own SPI of our IKE SA for it.
    again: tries again after a rest.
    port: by which a NAT leads to the peer's port 4500; several peers may be behind one address. 0: none is known, and
        any peer at the address will do.
    has_waited: for the proof of a peer that had begun, since there were SAs.
    missed: failed attempts, one after the other.
    failures: these, and SAs that did not last.
    refused: why the peer's own attempt failed; it may show the reason that the peer does not send us.
    """

    ends: Ends
    again: Timer
    port: int = 0
    policies: dict[str, None] = field(default_factory=dict)
    attempt: bytes | None = None
    has_waited: bool = False
    failures: int = 0
    missed: int = 0
    there_since: float | None = None
    refused: Reason | None = None
    reason: Reason | None = None
    _said: tuple[ProtectionPhase, str] | None = None

    def say(self, phase: ProtectionPhase) -> list[Notice]:
        """Report its progress to IPsec, if that changed. SAs speak for themselves."""
        news = (phase, str(self.reason or ""))
        if news == self._said:
            return []
        self._said = news
        outer, remote = self.ends
        return [NegotiationChanged(outer.address, remote, phase, self.reason, self.port, outer.front)]

    def succeeded(self, now: float) -> None:
        """Note that there are SAs, whichever end began."""
        if self.there_since is None:
            self.there_since = now
        self.attempt = self.reason = self._said = None
        self.missed, self.refused, self.has_waited = 0, None, False

    def lost(self, now: float, entropy: Entropy) -> float:
        """Note that the SAs are gone, and return in how many seconds to try again."""
        since, self.there_since = self.there_since, None
        if since is None:  # an attempt was given up in favor of another one
            return _SOON * fraction(entropy)
        if now - since >= STEADY:
            self.failures = 0
        if self.failures == 0:
            self.failures = 1
            return _SOON * fraction(entropy)
        return self._rest(entropy)

    def failed(self, why: Reason, now: float, entropy: Entropy) -> float:
        """Note that an attempt came to nothing, and return in how many seconds to try again."""
        self.attempt = self.there_since = None
        self.missed += 1
        refused = self.refused
        failure = why if refused is None else Reason(IkeReason.FAILED_AS_RESPONDER, (why, refused))
        self.reason = replace(failure, since=now)
        return self._rest(entropy)

    def _rest(self, entropy: Entropy) -> float:
        rest: float = min(2.0**self.failures, LONGEST_REST)
        self.failures = min(self.failures + 1, 10)
        return rest * (1 + _SPREAD * fraction(entropy))


class Attempts:
    """All demands. An IKE SA of ours for one of them is its attempt."""

    def __init__(
        self,
        context: Context,
        settings: ConfiguredSettings,
        *,
        table: Versions,
        connections: Connections,
        reports: Reports,
        follow: Callable[[list[Output]], None],
        close: Callable[[list[Session], Reason], None],
    ) -> None:
        """Follow, close: methods of `Peers` that carry out the outputs of IKE SAs, and that close IKE SAs."""
        self._context, self._settings, self._entropy = context, settings, context.ports.entropy
        self._table, self._connections, self._reports = table, connections, reports
        self._follow, self._close = follow, close
        self._demands: dict[Ends, dict[int, Demand]] = {}  # by addresses, then by port
        self._round_trip = 0.0

    # ------------------------------------------------------------------------------------------------ from IPsec

    def want(self, ends: Ends, policy: str, *, port: int = 0) -> None:
        """Get SAs between these addresses, for this IPsec profile.

        port: as in `NegotiationWanted`.
        """
        demands = self._demands.setdefault(ends, {})
        demand = demands.get(port)
        if demand is None:
            demand = demands[port] = self._demand(ends, port)
        is_new = not demand.policies
        demand.policies[policy] = None
        if is_new and self._is_met(demand):
            demand.succeeded(self._context.now)
        if is_new:
            self._begin(demand)

    def _demand(self, ends: Ends, port: int) -> Demand:
        demand = Demand(ends, Timer("try again to get SAs that are wanted", lambda: self._begin(demand), ends[1]), port)
        return demand

    def release(self, ends: Ends, policy: str, *, port: int = 0) -> None:
        """Withdraw this IPsec profile's demand; after the last one, close the IKE SAs that no other demand needs."""
        demand = self._demands.get(ends, {}).get(port)
        if demand is None:
            return
        demand.policies.pop(policy, None)
        if demand.policies:
            return
        del self._demands[ends][port]
        if not self._demands[ends]:
            del self._demands[ends]
        self._context.retire(demand.again)
        attempt = self._table.get(demand.attempt) if demand.attempt else None
        unneeded = [sa for sa in self._connections.ike_sas(ends) if _is_for(demand, sa) and not self._for(sa)]
        if attempt is not None and attempt not in unneeded and not attempt.is_usable:
            unneeded.append(attempt)
        self._close(unneeded, Reason(IkeReason.UNNEEDED))

    def reconsider(self) -> None:
        """Try at once what rests, because the configuration has changed."""
        for demands in tuple(self._demands.values()):
            for demand in tuple(demands.values()):
                self._begin(demand)

    def filters_changed(self) -> None:
        """Try resting demands at once, and report denied peers: inbound lists have changed."""
        for demands in tuple(self._demands.values()):
            for demand in tuple(demands.values()):
                if demand.attempt is not None and not self._is_met(demand) and self._report_denial(demand):
                    self._say(demand, ProtectionPhase.IKE)
        self.reconsider()

    def _report_denial(self, demand: Demand) -> bool:
        """Report which entry of a list keeps IKE of the peer out; return whether one does."""
        denied = self._settings.denial(Outer.IKE, demand.ends)
        if denied is not None:
            demand.reason = demand.reason or refusal(denied)
            self._reports.denied(denied)
        return denied is not None

    # ------------------------------------------------------------------------------------------------ which ones

    def _between(self, ends: Ends) -> tuple[Demand, ...]:
        """Return the demands for these addresses, in the order in which they came."""
        return tuple(self._demands.get(ends, {}).values())

    def _of(self, sa: Session) -> Demand | None:
        """Return the demand whose attempt an IKE SA is."""
        return next((demand for demand in self._between(sa.path.ends) if demand.attempt == sa.own_spi), None)

    def _for(self, sa: Session) -> list[Demand]:
        """Return the demands that an IKE SA can meet."""
        return [demand for demand in self._between(sa.path.ends) if _is_for(demand, sa)]

    def _is_met(self, demand: Demand) -> bool:
        return self._connections.has_pairs(demand.ends, demand.port)

    # ------------------------------------------------------------------------------------------------ ours

    def _begin(self, demand: Demand) -> None:
        """Ask for a pair of SAs, if there is none and nothing is on its way."""
        ends, now = demand.ends, self._context.now
        if demand.attempt is not None or self._is_met(demand):
            return
        self._context.stop(demand.again)
        policy = self._settings.policy(next(iter(demand.policies)), ends[0])
        if policy is None:
            return  # `PoliciesChanged` comes when it is there
        if policy.responder_only:
            why = Reason(IkeReason.RESPONDER_ONLY, (policy.name,))
            demand.failed(why, now, self._entropy)
            self._say(demand, ProtectionPhase.INTF)
            return
        terms = self._settings.to(policy, ends[1])
        if isinstance(terms, Reason):
            self._context.start(demand.again, demand.failed(terms, now, self._entropy))
            self._say(demand, ProtectionPhase.INTF)
            self._reports.failed(path_of(ends, 0), terms, _meant(terms, policy))
            return
        usable = self._connections.usable(ends, demand.port)
        rest = self._rest_for(self._table.half_open(ends) or usable, demand)
        if rest > 0:
            demand.has_waited = True
            self._context.start(demand.again, rest)
            self._say(demand, ProtectionPhase.IKE)
            return
        if usable is not None:
            demand.attempt = usable.own_spi
            outputs = self._table.extend(usable, terms.child, self._context.now)
            self._say(demand, ProtectionPhase.IPSEC)
            self._follow(outputs)
            return
        self._report_denial(demand)
        self._say(demand, ProtectionPhase.IKE)
        sa = self.initiate(_path(demand), terms)
        demand.attempt = sa.own_spi if self._table.get(sa.own_spi) is not None else None

    def _rest_for(self, theirs: Session | None, demand: Demand) -> float:
        """Return for how many seconds we leave it to the peer, which has just begun; 0: it has not, or we waited."""
        if theirs is None or theirs.is_initiator or demand.has_waited or not _is_for(demand, theirs):
            return 0.0
        return theirs.begun + theirs.round_trips * self._round_trip + _PROOF - self._context.now

    def _say(self, demand: Demand, phase: ProtectionPhase) -> None:
        self._context.emit(*demand.say(phase))

    def initiate(self, path: DatagramPath, terms: Terms) -> Session:
        """Begin a new IKE SA. It says INITIAL_CONTACT if it is the only one with this address (RFC 7296 §2.4)."""
        alone = not self._connections.knows(path.remote.address, path.front)
        sa, outputs = self._table.initiate(path, replace(terms, initial_contact=alone), self._context.now)
        self._follow(outputs)
        return sa

    # ------------------------------------------------------------------------------------------------ what came of it

    def is_trying(self, ends: Ends) -> bool:
        """Return whether an attempt is on its way."""
        return any(demand.attempt is not None for demand in self._between(ends))

    def is_attempt(self, sa: Session) -> bool:
        """Return whether this IKE SA is for a demand that is not met yet."""
        return self._of(sa) is not None

    def succeeded(self, ends: Ends) -> None:
        """End the attempts that the peer has not answered: there are SAs."""
        for demand in self._between(ends):
            if self._is_met(demand):
                self._give_up(demand, Reason(IkeReason.ANOTHER))
                self._context.stop(demand.again)
                demand.succeeded(self._context.now)

    def replaced(self, old: Session, new: Session) -> None:
        """Let a rekeyed IKE SA go on for what the old one was for."""
        demand = self._of(old)
        if demand is not None:
            demand.attempt = new.own_spi

    def refused(self, ends: Ends, why: Reason) -> None:
        """Note that a peer began and was refused: our own attempts may fail for the same reason, not sent to us."""
        for demand in self._between(ends):
            demand.refused = why

    def established(self, sa: Session) -> None:
        """Give up an attempt of ours that the peer has not answered yet: the peer was faster (`duplicates`).

        An SA that we began shows how long a round trip takes: IKEv2 needs two, main mode three.
        """
        if sa.is_initiator:
            self._round_trip = min((sa.since - sa.begun) / 2, _LONGEST_TRIP)
        for demand in self._for(sa):
            if demand.attempt != sa.own_spi:
                self._give_up(demand, Reason(IkeReason.PEER_BEGAN))

    def _give_up(self, demand: Demand, why: Reason) -> None:
        """End an attempt that the peer has not answered."""
        own = self._table.get(demand.attempt) if demand.attempt else None
        if own is None or not own.is_unanswered:
            return
        demand.attempt = None
        self._close([own], why)

    def failed(self, sa: Session, why: Reason) -> None:
        """Note that an attempt came to nothing."""
        demand = surely(self._of(sa))
        if self._is_met(demand):
            demand.attempt = None
            return
        self._context.start(demand.again, demand.failed(why, self._context.now, self._entropy))
        self._say(demand, ProtectionPhase.IPSEC if sa.evidence.by else ProtectionPhase.INTF)

    def lost(self, ends: Ends) -> None:
        """Note that the last pair of a demand may be gone."""
        for demand in self._between(ends):
            is_resting = self._context.is_running(demand.again)
            if demand.attempt is None and not is_resting and not self._is_met(demand):
                self._context.start(demand.again, demand.lost(self._context.now, self._entropy))


def _is_for(demand: Demand, sa: Session) -> bool:
    """Return whether this IKE SA is with the peer of the demand."""
    return demand.port in (0, sa.path.remote.port)


def _path(demand: Demand) -> DatagramPath:
    """Return where to begin: at the peer's port at its NAT; it may be old, so every other time at the peer's own port.

    Our own port is 4500 then: our NAT, if there is one, translates it to the port that other routers sent to the peer.
    """
    return path_of(demand.ends, demand.port if demand.missed % 2 == 0 else 0)


def path_of(ends: Ends, port: int) -> DatagramPath:
    """Return the path from our port 4500 to this port of the peer, as a NAT shows it; 0: from port 500 to port 500."""
    return DatagramPath.between(ends, NAT_PORT, port) if port else DatagramPath.between(ends, IKE_PORT, IKE_PORT)


def _meant(why: Reason, policy: ProtectionPolicy) -> IkeVersion:
    """Return with which version we would begin if it were not for this."""
    is_v1 = policy.isakmp_profile or why.code in (
        IkeReason.NO_KEY_LINE,
        IkeReason.UNNAMED_PROFILE,
        IkeReason.NO_KEY_IN_VRF,
        IkeReason.NO_ISAKMP_POLICY,
    )
    return IkeVersion.V1 if is_v1 else IkeVersion.V2
