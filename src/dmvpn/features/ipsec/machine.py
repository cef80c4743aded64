"""All that IPsec is on a router, except negotiating: which tunnels are protected how, with whom, and by which SAs.

    tunnels   --TunnelChanged------------> decisions   --PoliciesChanged, ProtectionDecided, ServeIpsec-->
    tunnels,  --ProtectionWanted---------> sockets     --NegotiationWanted-->                         IKE
    NHRP      <--ProtectionChanged-------- what `between` answers
    IKE       --SaNegotiated, SaClosed --> associations --InstallSa, UseSa, RemoveSa-->               data plane
    data plane --SasCounted, SaWorn------> upkeep      --SaRenewalWanted, ConnectionUnwanted-->       IKE

Keys pass through here and are not kept. A plane that lost its SAs does not get them back, since sequence numbers that
begin again would repeat nonces (RFC 4303 §3.3.3): `Resync` has the SAs counted, and IKE replaces what is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.deadlines import earliest
from dmvpn.base.effects import Effect, InstallSa, ServeIpsec
from dmvpn.base.events import ClearReceived, EffectFailed, Event, Resync, SasCounted, SaWorn, Tick, UnknownSpi
from dmvpn.base.limits import Limiter
from dmvpn.base.negotiation import (
    ConnectionChanged,
    ConnectionUnwanted,
    NegotiationChanged,
    NegotiationWanted,
    PoliciesChanged,
    ProtectionChanged,
    ProtectionDecided,
    ProtectionWanted,
    SaClosed,
    SaNegotiated,
    SaRenewalWanted,
)
from dmvpn.base.notices import Configured, DebugOutput, Notice, TunnelChanged
from dmvpn.base.protection import (
    Connection,
    Protected,
    ProtectedPair,
    ProtectionPhase,
    ProtectionPolicy,
    SaView,
    policies_for,
)
from dmvpn.base.values import dataclass
from dmvpn.features.ipsec import messages
from dmvpn.features.ipsec.decisions import Decision, decide, policies_of
from dmvpn.features.ipsec.lifecycle import Lifecycle, Outcome
from dmvpn.features.ipsec.model import IpsecConfig
from dmvpn.features.ipsec.policies import Expansion, expansion
from dmvpn.features.ipsec.serving import Serving
from dmvpn.features.ipsec.sockets import CryptoSockets, Home, Negotiations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.notices import Log, TunnelState
    from dmvpn.base.ports import Ports
    from dmvpn.base.reasons import Reason

    Results = list[Effect | Notice]

_IN_CLEAR: Final = Protected(phase=ProtectionPhase.SECURED)
_NOTHING: Final = Protected(phase=ProtectionPhase.INTF)
_FOREIGN: Final = "no tunnel protects this pair by this profile any more"


@dataclass(frozen=True, slots=True)
class ClearCrypto(Event):
    """`clear crypto session|sa|ikev2 sa|isakmp`: delete SAs, and tell the peers; what is wanted is negotiated again.

    remote: those with this peer alone, by its address.
    sas_only: new SAs of ESP take the place of the old ones, without a packet lost; IKE SAs stay.
    """

    remote: IPAddress | None = None
    sas_only: bool = False


class IpsecMachine:
    """Owns SAs, connections and wanted pairs; answers `ports.Protection`."""

    subscriptions: tuple[type[Event] | type[Notice], ...] = (
        TunnelChanged,
        ProtectionWanted,
        NegotiationChanged,
        ConnectionChanged,
        SaNegotiated,
        SaClosed,
        SaWorn,
        SasCounted,
        UnknownSpi,
        ClearReceived,
        ClearCrypto,
        EffectFailed,
        Resync,
    )

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._config = IpsecConfig()
        self._decisions: dict[str, Decision] = {}  # by tunnel
        self._decided: dict[str, ProtectionDecided] = {}  # what tunnels were told
        self._told: dict[tuple[str, IPAddress], dict[int, Protected]] = {}  # by port, 0: the address
        self._policies: tuple[ProtectionPolicy, ...] = ()
        self._serving = Serving()
        self._sockets = CryptoSockets()
        self._negotiations = Negotiations()
        self._lifecycle = Lifecycle(ports, self._sockets, self._negotiations)
        self._associations, self._upkeep = self._lifecycle.associations, self._lifecycle.upkeep
        self._complaints: Limiter[tuple[str, IPAddress]] = Limiter(messages.INTERVAL, messages.LARGEST)

    # ------------------------------------------------------------------------------------------- ports.Protection

    def between(self, tunnel: str, nbma: IPAddress, port: int = 0) -> Protected:
        """Return how far the protection of this pair is. For a tunnel without protection: SECURED, connection 0.

        port: of the peer that has this UDP port there, 0: of any.
        """
        decision = self._decisions.get(tunnel)
        if decision is None:
            state = self._ports.tunnels.get(tunnel)
            if state is None or not state.protection:
                return _IN_CLEAR
            return Protected(phase=ProtectionPhase.INTF, reason=state.reason)
        reason = self._obstacle(decision) or decision.bar(nbma)
        if reason is not None:
            return Protected(phase=ProtectionPhase.INTF, reason=reason, since=reason.since)
        known = self._associations.connections(decision.source, nbma)
        newest = next((each for each in known if port in (0, each.remote_port)), None)
        if newest is not None:
            return Protected(phase=ProtectionPhase.SECURED, connection=newest.number, since=newest.since)
        return self._negotiations.state((decision.source, nbma, port))

    def connection(self, number: int) -> Connection | None:
        """Return a connection that has SAs, by its number."""
        return self._associations.connection(number)

    def connections(self, local: IPAddress | None = None, remote: IPAddress | None = None) -> tuple[Connection, ...]:
        """Return the connections that have SAs (between these addresses), the newest first."""
        return self._associations.connections(local, remote)

    def is_wanted(self, tunnel: str, nbma: IPAddress) -> bool:
        """Return whether anybody wants packets of the tunnel to this address protected."""
        return bool(self._sockets.ports(tunnel, nbma))

    def sas(self) -> tuple[SaView, ...]:
        """Return all pairs of SAs, the oldest first."""
        return tuple(self._associations.views())

    def pairs(self) -> tuple[ProtectedPair, ...]:
        """Return all tunnels and NBMA addresses that are wanted or protected, in order of tunnel and address."""
        told = ((*pair, port) for pair, states in self._told.items() for port in states)
        known = sorted(
            dict.fromkeys((*told, *self._sockets.wishes())), key=lambda pair: (pair[1].version, pair[1], pair[2])
        )
        return tuple(
            ProtectedPair(
                tunnel=name,
                local=decision.source,
                remote=nbma,
                remote_port=port,
                profile=decision.policy.name if decision.policy is not None else "",
                state=self.between(name, nbma, port),
            )
            for name, decision in self._decisions.items()
            for tunnel, nbma, port in known
            if tunnel == name and port in (self._sockets.ports(name, nbma) or (port,))
        )

    # ------------------------------------------------------------------------------------------- machine

    def handle(self, event: Event | Notice, now: float) -> Results:
        """Take one event."""
        match event:
            case Configured(model=model):
                self._config = model if isinstance(model, IpsecConfig) else IpsecConfig()
                return self._decide(now)
            case TunnelChanged():
                return self._tunnel_changed(event, now)
            case ProtectionWanted():
                return self._wanted(event, now)
            case NegotiationChanged(local=local, remote=remote, phase=phase, reason=reason, remote_port=port):
                self._negotiations.hear((local, remote, port), phase, reason, now)
                return self._tell(local, (remote,))
            case SaNegotiated():
                return self._followed(self._lifecycle.negotiated(event, now))
            case SaClosed():
                return self._followed(self._lifecycle.closed(event, now))
            case ConnectionChanged():
                return self._connection_changed(event, now)
            case SasCounted() | SaWorn() | UnknownSpi() | ClearReceived() | ClearCrypto() | EffectFailed() | Resync():
                return self._from_outside(event, now)
            case Tick():
                return self._tick(now)
            case _:
                return []

    def next_deadline(self) -> float | None:
        """Return when counters are due, or when what failed is tried again."""
        return earliest(self._serving.next_deadline(), self._upkeep.next_deadline())

    def _complain(self, sender: IPAddress, message: Log, now: float) -> Results:
        """Return the message, unless it was written lately."""
        return [message] if self._complaints.permits((message.name, sender), now) else []

    def _from_outside(self, event: Event, now: float) -> Results:
        match event:
            case SasCounted():
                return self._counted(event, now)
            case SaWorn(spi_in=spi) if self._associations.get(spi) is not None:
                return [SaRenewalWanted(spi)]
            case UnknownSpi(spi=spi) if self._associations.get(spi) is not None:
                return []  # it was faster than the end of its IKE exchange
            case UnknownSpi():
                owner = self._ports.interfaces.owner(event.local)
                return self._complain(event.remote, messages.InvalidSpi.of(event, owner.name if owner else ""), now)
            case ClearReceived():
                return self._complain(event.remote, messages.NotIpsec.of(event), now)
            case ClearCrypto():
                return self._clear(event)
            case EffectFailed(effect=ServeIpsec() as order, text=text):
                self._serving.refused(order, text, now)
                return self._decide(now)
            case EffectFailed(effect=InstallSa(sa=sa), text=text):
                return self._followed(self._lifecycle.refused(sa.spi_in, text, now))
            case Resync():
                return [*self._serving.again(now), *self._upkeep.poll(now)]
            case _:
                return []

    def _tick(self, now: float) -> Results:
        before = self._serving.reasons
        results: Results = [*self._serving.tick(now), *self._upkeep.tick(now)]
        return results if self._serving.reasons == before else results + self._decide(now)

    # ------------------------------------------------------------------------------------------- tunnels, policies

    def _tunnel_changed(self, event: TunnelChanged, now: float) -> Results:
        """Follow a change of a tunnel, if it matters here. Most do not."""
        if event.new is None:
            self._sockets.forget(event.name)
        if _concern(event.old) == _concern(event.new):
            return []
        return self._decide(now)

    def _decide(self, now: float) -> Results:
        """Bring all policies up to date and say what follows: to the host, to IKE, to tunnels, to NHRP."""
        self._decisions = decide(self._ports.tunnels.all(), self._config)
        policies = policies_of(self._decisions)
        before, self._policies = self._policies, policies
        results: Results = []
        results += self._serving.want(tuple(dict.fromkeys(policy.local for policy in policies)), now)
        if policies != before:
            results.append(PoliciesChanged(policies))
        results += self._announce()
        results += self._close_foreign(now)
        homes = {
            name: Home(each.policy, frozenset(each.barred))
            for name, each in self._decisions.items()
            if each.policy is not None and self._obstacle(each) is None
        }
        results += self._asked(self._sockets.settle(homes), now)
        return results + self._tell_all()

    def _obstacle(self, decision: Decision) -> Reason | None:
        """Return why a tunnel cannot be protected."""
        return decision.reason or self._serving.reasons.get(decision.source)

    def _announce(self) -> Results:
        """Tell each tunnel what was decided, if that is new."""
        results: Results = []
        for name in [name for name in self._decided if name not in self._decisions]:
            del self._decided[name]
        for name, decision in self._decisions.items():
            reason = self._obstacle(decision)
            told = self._decided_of(decision, reason)
            before = self._decided.get(name)
            if before == told:
                continue
            self._decided[name] = told
            results.append(told)
            if reason is not None and (before is None or before.reason != reason):
                results.append(messages.CannotProtect.of(name, reason))
        return results

    def _decided_of(self, decision: Decision, reason: Reason | None) -> ProtectionDecided:
        if decision.policy is None or reason is not None:
            return ProtectionDecided(decision.tunnel, reason)
        size = expansion(decision.policy) if self._config.fragment_first else Expansion(0, 1)
        df = self._config.df_bit
        barred = tuple(decision.barred)
        return ProtectionDecided(
            decision.tunnel, None, size.overhead, size.block, df, inside=size.inside, barred=barred
        )

    def _connection_changed(self, event: ConnectionChanged, now: float) -> Results:
        results = self._followed(self._lifecycle.changed(event, now))
        if event.old is not None and event.new is not None and self._is_foreign(event.new):  # it has moved
            results += self._followed(self._lifecycle.close(event.new, _FOREIGN, now))
        return results

    def _close_foreign(self, now: float) -> Results:
        """Close at once what was negotiated by another profile than its pair has now."""
        foreign = [connection for connection in self._associations.connections() if self._is_foreign(connection)]
        return [result for each in foreign for result in self._lifecycle.close(each, _FOREIGN, now).results]

    def _is_foreign(self, connection: Connection) -> bool:
        valid = policies_for(self._policies, connection.local, connection.remote)
        return connection.profile not in [policy.name for policy in valid]

    # ------------------------------------------------------------------------------------------- who is told what

    def _wanted(self, wish: ProtectionWanted, now: float) -> Results:
        """Take in which peers a tunnel or NHRP wants."""
        results: Results = []
        for change in self._sockets.changes(wish):
            results += self._asked(self._sockets.want(wish.tunnel, wish.by, change), now)
            results += self._news(wish.tunnel, change[0])
        return results

    def _asked(self, changes: Iterable[NegotiationWanted], now: float) -> Results:
        """Pass on what the sockets want from IKE, and tell the features that have to know."""
        results: Results = []
        for change in changes:
            self._negotiations.want((change.local, change.remote, change.remote_port), change.wanted, now)
            if any(self._ports.debugging.on(flag, change.remote) for flag in (messages.IPSEC, messages.SOCKET)):
                results.append(DebugOutput(messages.requested(change)))
            results.append(change)
            results += self._tell(change.local, (change.remote,))
        return results

    def _followed(self, outcome: Outcome) -> Results:
        """Return what happened to SAs, and what others hear of it."""
        return [*outcome.results, *(news for local, remote in outcome.pairs for news in self._tell(local, (remote,)))]

    def _tell(self, local: IPAddress, remotes: Iterable[IPAddress]) -> Results:
        """Tell every tunnel that may send to these peers what is different with them."""
        return [
            notice
            for name, decision in self._decisions.items()
            for remote in remotes
            if decision.is_about(local, remote)
            for notice in self._news(name, remote)
        ]

    def _tell_all(self) -> Results:
        """Tell the same of all pairs that somebody wants, has or was told of: decisions or sources are different."""
        secured = [
            (name, each.remote)
            for name, decision in self._decisions.items()
            for each in self._associations.connections()
            if decision.is_about(each.local, each.remote)
        ]
        wishes = ((tunnel, nbma) for tunnel, nbma, _ in self._sockets.wishes())
        pairs = dict.fromkeys((*self._told, *wishes, *secured))
        return [notice for name, nbma in pairs for notice in self._news(name, nbma)]

    def _news(self, tunnel: str, nbma: IPAddress) -> Results:
        """Return what is different about an address, and about single peers behind it."""
        told = self._told.setdefault((tunnel, nbma), {})
        results: Results = []
        for port in dict.fromkeys((0, *told, *self._sockets.ports(tunnel, nbma))):
            state = self.between(tunnel, nbma, port)
            if told.get(port, _NOTHING) == state:
                continue
            told[port] = state
            if state == _NOTHING or self._ports.tunnels.get(tunnel) is None:
                del told[port]
            results.append(ProtectionChanged(tunnel, nbma, state, port))
        if not told:
            del self._told[tunnel, nbma]
        return results

    # ------------------------------------------------------------------------------------------- upkeep

    def _counted(self, event: SasCounted, now: float) -> Results:
        results = self._followed(self._lifecycle.counted(event, now))
        limits = {(each.source, each.policy.name): each.idle_time for each in self._decisions.values() if each.policy}
        for connection in self._associations.connections():
            wanted = self._sockets.is_wanted(connection)
            limit = limits.get((connection.local, connection.profile), 0)
            alone = self._associations.are_alone(connection.local, connection.remote)
            results += self._upkeep.idle(connection.number, wanted, limit, now, alone=alone)
        return results

    def _clear(self, event: ClearCrypto) -> Results:
        """Delete what there is. What is wanted comes again, whether it had got anywhere or not."""
        connections = self._associations.connections(remote=event.remote)
        if event.sas_only:
            used = [a for each in connections for a in self._associations.of(each.number) if a.used]
            return [SaRenewalWanted(association.spi) for association in used]
        results: Results = [ConnectionUnwanted(each.number, "cleared by the administrator") for each in connections]
        return [*results, *self._sockets.again(event.remote)]


def _concern(tunnel: TunnelState | None) -> tuple[str, IPAddress, IPAddress | None] | None:
    """Return what matters here of a tunnel: by which profile to protect it, from where, and where to, if at all."""
    if tunnel is None or not tunnel.protection or not tunnel.enabled or tunnel.source is None:
        return None
    return tunnel.protection, tunnel.source, tunnel.destination
