"""IPsec on a router without the negotiation: which tunnels are protected how, with which peers, and by which SAs.

    tunnels   --TunnelChanged------------> policies    --PoliciesChanged, ProtectionDecided, ServeIpsec-->
    tunnels,  --ProtectionWanted---------> sockets     --NegotiationWanted-->                         IKE
    NHRP      <--ProtectionChanged-------- what `between` answers
    IKE       --SaNegotiated, SaClosed --> associations --InstallSa, UseSa, RemoveSa-->               data plane
    data plane --SasCounted, SaWorn------> counters    --SaRenewalWanted, ConnectionUnwanted-->       IKE

Keys pass through here and are not kept. A plane that lost its SAs does not get them back, since sequence numbers that
begin again would repeat nonces (RFC 4303 §3.3.3): `Resync` has the SAs counted, and IKE replaces the missing ones.

The host is ordered to take ESP and IKE at our addresses, in each VRF by an order of its own. A failure names the
addresses where the host did not do it; their tunnels stay down, and no other tunnel is affected. A success is not
reported: an order that has not failed after a moment was carried out. A first order counts as good at once. After a
failure an address has to pass that moment, so that its tunnels do not flap. An address that no tunnel has any more is
served a moment longer: peers there hear that their SAs are deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar, Final

from dmvpn.base import negotiation, protection
from dmvpn.base.addresses import Ends, IPAddress, OuterAddress
from dmvpn.base.breath import breathing
from dmvpn.base.context import Context, Deadlines, Machine, Retries, Timer
from dmvpn.base.effects import InstallSa, ServeIpsec, in_table
from dmvpn.base.events import ClearReceived, EffectFailed, Event, Packets, Resync, SasCounted, SaWorn, UnknownSpi
from dmvpn.base.limits import Limiter
from dmvpn.base.notices import Configured, Log, Notice, TunnelChanged, TunnelState, VrfsChanged
from dmvpn.base.ports import Ports
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Value
from dmvpn.features.ipsec import messages
from dmvpn.features.ipsec.associations import Associations
from dmvpn.features.ipsec.model import IpsecConfig
from dmvpn.features.ipsec.policies import Decision, Expansion, decide, expansion, policies_of
from dmvpn.features.ipsec.reasons import IpsecReason
from dmvpn.features.ipsec.sockets import CryptoSockets, Home, Lifecycle, Negotiations

# ------------------------------------------------------------------------------------------------ the order to the host


_ORDER: Final = "serve"
#: Seconds after which silence means success.
SETTLE: Final = 0.5
#: Seconds for which an address is served that nobody needs any more.
LEAVE: Final = 5.0


class Serving:
    """The addresses that tunnels need, and the latest order to the host.

    reasons: why the host does not serve an address, by address and VRF.
    """

    def __init__(self, context: Context) -> None:
        self.reasons: dict[OuterAddress, Reason] = {}
        self._context = context
        self._wanted: tuple[OuterAddress, ...] = ()
        self._ordered: tuple[OuterAddress, ...] = ()
        #: The VRFs that got an order; where the last orders have failed.
        self._reported: dict[str, None] = {}
        self._failed: dict[OuterAddress, None] = {}
        self._leaving: Deadlines[OuterAddress] = Deadlines()
        self._leave = Timer("stop serving an address that no tunnel has any more", self._stop_serving)
        self._retries: Retries[str] = Retries(context, "order our addresses again", lambda _: self.again(), most=1)
        self._settle = Timer("believe that the host did what it was ordered", self._succeeded)

    @property
    def served(self) -> tuple[OuterAddress, ...]:
        """The addresses at which the host does it."""
        return tuple(address for address in self._ordered if address not in self.reasons)

    def want(self, wanted: tuple[OuterAddress, ...]) -> None:
        """Serve these addresses, each in its VRF, and no others in the end."""
        if wanted == self._wanted:
            return
        for address in self._wanted:
            if address not in wanted:
                self._leaving.set(address, self._context.now + LEAVE)
        self._context.arm(self._leave, self._leaving.next())
        self._wanted = wanted
        self._order()

    def follow_vrfs(self) -> None:
        """Forget the orders in removed VRFs: their sockets went with them."""
        self._ordered = tuple(address for address in self._ordered if self._exists(address.front))
        self._reported = {vrf: None for vrf in self._reported if self._exists(vrf)}
        self._order()

    def _exists(self, vrf: str) -> bool:
        return self._context.ports.rib_of(vrf) is not None

    def _order(self) -> None:
        """Order the host to serve the current addresses, if they differ from the latest order."""
        left = [address for address in self._ordered if self._leaving.when(address) is not None]
        order = tuple(one for one in dict.fromkeys((*self._wanted, *left)) if self._exists(one.front))
        if order == self._ordered:
            return
        self._ordered = order
        self.reasons = {address: reason for address, reason in self.reasons.items() if address in order}
        self._retries.forget_order(_ORDER)
        self._give()

    def _stop_serving(self) -> None:
        """Leave all addresses whose time is over, with one order."""
        if self._leaving.pop_due(self._context.now):
            self._order()
        self._context.arm(self._leave, self._leaving.next())

    def refused(self, addresses: Iterable[IPAddress], front: str, text: str) -> None:
        """Note the addresses of a VRF that the host could not serve; it serves the rest of the order."""
        failed = [one for address in addresses if (one := OuterAddress(address, front)) in self._ordered]
        if not failed:
            return
        self._failed.update(dict.fromkeys(failed))
        before, now = self.reasons, self._context.now
        self.reasons = {one: reason for one, reason in before.items() if one.front != front}
        for one in failed:
            known, reason = before.get(one), Reason(IpsecReason.NOT_SERVED, (text,), now)
            self.reasons[one] = known if known is not None and known.says_the_same(reason) else reason
        self._retries.failed(_ORDER, self.reasons[failed[0]])

    def _succeeded(self) -> None:
        """Believe that the host carried out the last orders wherever it has not said anything else."""
        self.reasons = {one: reason for one, reason in self.reasons.items() if one in self._failed}
        if not self.reasons:
            self._retries.forget_order(_ORDER)

    def again(self) -> None:
        """Give the same order again."""
        if self._ordered:
            self._give()

    def _give(self) -> None:
        self._context.stop(self._settle)
        self._failed = {}
        if self.reasons:
            self._context.start(self._settle, SETTLE)
        by_front: dict[str, list[IPAddress]] = {vrf: [] for vrf in self._reported}
        for one in self._ordered:
            by_front.setdefault(one.front, []).append(one.address)
        for vrf, locals_ in by_front.items():
            self._context.emit(in_table(vrf, ServeIpsec(tuple(locals_))))
        self._reported = {vrf: None for vrf, locals_ in by_front.items() if locals_}


# ------------------------------------------------------------------------------------------------ the machine


_IN_CLEAR: Final = protection.Protected(phase=protection.ProtectionPhase.SECURED)
_NOTHING: Final = protection.Protected(phase=protection.ProtectionPhase.INTF)
_FOREIGN: Final = "no tunnel protects this pair by this profile any more"


class ClearCrypto(Event, Value):
    """`clear crypto session|sa|ikev2 sa|isakmp`: delete SAs, and notify the peers; wanted SAs are negotiated again.

    remote: only the SAs with this peer, by its address.
    sas_only: new SAs of ESP take the place of the old ones, without a packet lost; IKE SAs stay.
    spared: connections that stay.
    front: only the SAs in this VRF, "": in any table.
    """

    remote: IPAddress | None = None
    sas_only: bool = False
    spared: tuple[int, ...] = ()
    front: str = ""


class ClearSaCounters(Event, Value):
    """`clear crypto sa counters`: SAs stay, and shows count their packets from here on.

    remote: those with this peer alone, by its address.
    """

    remote: IPAddress | None = None


class IpsecMachine(Machine):
    """Owns SAs, connections and wanted pairs; answers `ports.Protection`."""

    subscriptions: ClassVar[tuple[type[Event] | type[Notice] | Packets, ...]] = (
        TunnelChanged,
        VrfsChanged,
        negotiation.ProtectionWanted,
        negotiation.NegotiationChanged,
        negotiation.ConnectionChanged,
        negotiation.SaNegotiated,
        negotiation.SaClosed,
        SaWorn,
        SasCounted,
        UnknownSpi,
        ClearReceived,
        ClearCrypto,
        ClearSaCounters,
        EffectFailed,
        Resync,
    )

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports))
        self._config = IpsecConfig()
        self._decisions: dict[str, Decision] = {}  # by tunnel
        self._decided: dict[str, negotiation.ProtectionDecided] = {}  # reported to each tunnel
        self._reported: dict[tuple[str, IPAddress], dict[int, protection.Protected]] = {}  # by port, 0: the address
        self._policies: tuple[protection.ProtectionPolicy, ...] = ()
        self._serving = Serving(self._context)
        self._unserved = self._serving.reasons  # as of the last decisions
        #: Peers whose counters are cleared once more with the next answer of the plane: packets passed since the last.
        self._clearing: list[IPAddress | None] = []
        self._sockets = CryptoSockets()
        self._negotiations = Negotiations()
        self._lifecycle = Lifecycle(self._context, self._sockets, self._negotiations)
        self._associations, self._upkeep = self._lifecycle.associations, self._lifecycle.upkeep
        #: By message, sender and the front door that it came by.
        self._complaints: Limiter[tuple[str, IPAddress, str]] = Limiter(messages.INTERVAL, messages.LARGEST)

    # ------------------------------------------------------------------------------------------- ports.Protection

    def between(self, tunnel: str, nbma: IPAddress, port: int = 0) -> protection.Protected:
        """Return how far the protection of this pair is. For a tunnel without protection: SECURED, connection 0.

        port: of the peer that has this UDP port there, 0: of any.
        """
        decision = self._decisions.get(tunnel)
        if decision is None:
            state = self._context.ports.tunnels.get(tunnel)
            if state is None or not state.protection:
                return _IN_CLEAR
            return protection.Protected(phase=protection.ProtectionPhase.INTF, reason=state.reason)
        reason = self._obstacle(decision) or decision.bar(nbma)
        if reason is not None:
            return protection.Protected(phase=protection.ProtectionPhase.INTF, reason=reason, since=reason.since)
        known = self._associations.connections(decision.source, nbma)
        newest = next((each for each in known if port in (0, each.remote_port)), None)
        if newest is not None:
            return protection.Protected(
                phase=protection.ProtectionPhase.SECURED, connection=newest.number, since=newest.since
            )
        return self._negotiations.state((decision.source, nbma, port))

    def connection(self, number: int) -> protection.Connection | None:
        """Return a connection that has SAs, by its number."""
        return self._associations.connection(number)

    def connections(
        self, outer: OuterAddress | None = None, remote: IPAddress | None = None
    ) -> tuple[protection.Connection, ...]:
        """Return the connections that have SAs (between these addresses), the newest first."""
        return self._associations.connections(outer, remote)

    def is_wanted(self, tunnel: str, nbma: IPAddress) -> bool:
        """Return whether packets of the tunnel to this address are to be protected."""
        return bool(self._sockets.ports(tunnel, nbma))

    @property
    def served(self) -> tuple[OuterAddress, ...]:
        """Our addresses at which the host takes ESP and IKE."""
        return self._serving.served

    def sas(self) -> tuple[protection.SaView, ...]:
        """Return all pairs of SAs, the oldest first."""
        return tuple(breathing(self._associations.views()))

    @property
    def associations(self) -> Associations:
        """All pairs of SAs, for readers."""
        return self._associations

    def phases(self) -> Iterator[tuple[str, str]]:
        """Yield the tunnel and the phase of each address that is wanted or protected; for metrics."""
        for (tunnel, nbma), states in breathing(tuple(self._reported.items())):
            state = states.get(0) or self.between(tunnel, nbma)
            yield tunnel, state.phase.name.lower()

    def pairs(self) -> tuple[protection.ProtectedPair, ...]:
        """Return all tunnels and NBMA addresses that are wanted or protected, in order of tunnel and address."""
        reported = ((*pair, port) for pair, states in self._reported.items() for port in states)
        known = sorted(
            dict.fromkeys((*reported, *self._sockets.wishes())), key=lambda pair: (pair[1].version, pair[1], pair[2])
        )
        return tuple(
            protection.ProtectedPair(
                tunnel=name,
                local=decision.source.address,
                front=decision.source.front,
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

    def dispatch(self, event: Event | Notice) -> None:
        """Hand an event to the parts that it concerns."""
        match event:
            case Configured(model=model):
                self._config = model if isinstance(model, IpsecConfig) else IpsecConfig()
                self._decide()
            case TunnelChanged():
                self._tunnel_changed(event)
            case VrfsChanged():
                self._serving.follow_vrfs()
            case negotiation.ProtectionWanted():
                self._wanted(event)
            case negotiation.NegotiationChanged(phase=phase, reason=reason, remote_port=port):
                self._negotiations.hear((*event.ends, port), phase, reason, self._context.now)
                self._tell(event.ends)
            case negotiation.SaNegotiated():
                self._tell_pairs(self._lifecycle.negotiated(event))
            case negotiation.SaClosed():
                self._tell_pairs(self._lifecycle.closed(event))
            case negotiation.ConnectionChanged():
                self._tell_pairs(self._lifecycle.changed(event))
                if event.old is not None and event.new is not None and self._is_foreign(event.new):  # it has moved
                    self._tell_pairs(self._lifecycle.close(event.new, _FOREIGN))
            case ClearCrypto():
                self._clear(event)
            case ClearSaCounters(remote=remote):
                self._clear_counters(remote)
                self._clearing.append(remote)
                self._upkeep.poll()
            case _:
                self._from_outside(event)

    def _from_outside(self, event: Event | Notice) -> None:
        match event:
            case SasCounted():
                self._counted(event)
            case SaWorn(spi_in=spi) if self._associations.get(spi) is not None:
                self._context.emit(negotiation.SaRenewalWanted(spi))
            case UnknownSpi(spi=spi) if not self._associations.has(spi, event.vrf):  # else it was faster than IKE
                owner = self._context.ports.interfaces.owner(event.local, event.vrf)
                self._complain(event, messages.invalid_spi(event, owner.name if owner else ""))
            case ClearReceived():
                self._complain(event, messages.not_ipsec(event))
            case EffectFailed(effect=ServeIpsec(locals=addresses), text=text, vrf=front):
                self._serving.refused(addresses, front, text)
                self._decide()
            case EffectFailed(effect=InstallSa(sa=sa), text=text):
                self._tell_pairs(self._lifecycle.refused(sa.spi_in, text))
            case Resync():
                self._serving.again()
                self._upkeep.poll()

    def settle(self) -> None:
        """Decide again if the host serves other addresses than before."""
        if self._serving.reasons != self._unserved:
            self._decide()

    def _complain(self, about: UnknownSpi | ClearReceived, message: Log) -> None:
        """Write the message, unless it was written lately."""
        if self._complaints.permits((message.kind.name, about.remote, about.vrf), self._context.now):
            self._context.emit(message)

    # ------------------------------------------------------------------------------------------- tunnels, policies

    def _tunnel_changed(self, event: TunnelChanged) -> None:
        """Follow a change of a tunnel, if it matters here. Most do not."""
        if event.new is None:
            self._sockets.forget_tunnel(event.name)
            self._decided.pop(event.name, None)  # a tunnel that moves to another VRF is there again, and knows nothing
        if _concern(event.old) != _concern(event.new):
            self._decide()

    def _decide(self) -> None:
        """Bring all policies up to date and say what follows: to the host, to IKE, to tunnels, to NHRP."""
        self._decisions = decide(self._context.ports.tunnels.all(), self._config)
        policies = policies_of(self._decisions)
        before, self._policies = self._policies, policies
        self._serving.want(tuple(dict.fromkeys(policy.outer for policy in policies)))
        self._unserved = self._serving.reasons
        if policies != before:
            self._context.emit(negotiation.PoliciesChanged(policies))
        self._announce()
        for connection in [each for each in self._associations.connections() if self._is_foreign(each)]:
            self._lifecycle.close(connection, _FOREIGN)
        homes = {
            name: Home(each.policy, frozenset(each.barred))
            for name, each in self._decisions.items()
            if each.policy is not None and self._obstacle(each) is None
        }
        self._request(self._sockets.settle(homes))
        secured = [
            (name, each.remote)
            for name, decision in self._decisions.items()
            for each in self._associations.connections()
            if decision.is_about(each.ends)
        ]
        wishes = ((tunnel, nbma) for tunnel, nbma, _ in self._sockets.wishes())
        for name, nbma in dict.fromkeys((*self._reported, *wishes, *secured)):
            self._tell_of(name, nbma)

    def _obstacle(self, decision: Decision) -> Reason | None:
        """Return why a tunnel cannot be protected."""
        return decision.reason or self._serving.reasons.get(decision.source)

    def _announce(self) -> None:
        """Notify each tunnel of its decision, if it changed."""
        for name in [name for name in self._decided if name not in self._decisions]:
            del self._decided[name]
        for name, decision in self._decisions.items():
            reason = self._obstacle(decision)
            decided = self._decided_of(decision, reason)
            before = self._decided.get(name)
            if before == decided:
                continue
            self._decided[name] = decided
            self._context.emit(decided)
            if reason is not None and (before is None or before.reason != reason):
                self._context.emit(messages.cannot_protect(name, reason))

    def _decided_of(self, decision: Decision, reason: Reason | None) -> negotiation.ProtectionDecided:
        if decision.policy is None or reason is not None:
            return negotiation.ProtectionDecided(decision.tunnel, reason)
        size = expansion(decision.policy) if self._config.fragment_first else Expansion(0, 1)
        df = self._config.df_bit
        barred = tuple(decision.barred)
        return negotiation.ProtectionDecided(
            decision.tunnel, None, size.overhead, size.block, df, inside=size.inside, barred=barred
        )

    def _is_foreign(self, connection: protection.Connection) -> bool:
        valid = protection.policies_for(self._policies, connection.ends)
        return connection.profile not in [policy.name for policy in valid]

    # ------------------------------------------------------------------------------------------- reports to tunnels

    def _wanted(self, wish: negotiation.ProtectionWanted) -> None:
        """Take in which peers a tunnel or NHRP wants."""
        for change in self._sockets.changes(wish):
            requests = self._sockets.want(wish.tunnel, wish.by, change)
            self._request(requests)
            decision = self._decisions.get(wish.tunnel)
            if decision is None or not any(decision.is_about(request.ends) for request in requests):
                self._tell_of(wish.tunnel, change[0])  # otherwise `_request` has

    def _request(self, changes: Iterable[negotiation.NegotiationWanted]) -> None:
        """Pass the requests of the sockets on to IKE, and notify the tunnels concerned."""
        for change in changes:
            self._negotiations.want((*change.ends, change.remote_port), change.wanted, self._context.now)
            debugging = self._context.ports.debugging
            if any(debugging.on(flag, change.remote) for flag in (messages.IPSEC, messages.SOCKET)):
                self._context.debug(*messages.requested(change))
            self._context.emit(change)
            self._tell(change.ends)

    def _tell_pairs(self, pairs: Iterable[Ends]) -> None:
        """Report changes of the protection between these addresses."""
        for ends in pairs:
            self._tell(ends)

    def _tell(self, ends: Ends) -> None:
        """Report changes of the protection with a peer to every tunnel that may send to it."""
        for name, decision in self._decisions.items():
            if decision.is_about(ends):
                self._tell_of(name, ends[1])

    def _tell_of(self, tunnel: str, nbma: IPAddress) -> None:
        """Report changes of the protection with an address, and with single peers behind it."""
        reported = self._reported.setdefault((tunnel, nbma), {})
        for port in dict.fromkeys((0, *reported, *self._sockets.ports(tunnel, nbma))):
            state = self.between(tunnel, nbma, port)
            if reported.get(port, _NOTHING) == state:
                continue
            reported[port] = state
            if state == _NOTHING or self._context.ports.tunnels.get(tunnel) is None:
                del reported[port]
            self._context.emit(negotiation.ProtectionChanged(tunnel, nbma, state, port))
        if not reported:
            del self._reported[tunnel, nbma]

    # ------------------------------------------------------------------------------------------- upkeep

    def _clear_counters(self, remote: IPAddress | None) -> None:
        for connection in self._associations.connections(remote=remote):
            self._associations.clear_counts(connection.number)

    def _counted(self, event: SasCounted) -> None:
        self._tell_pairs(self._lifecycle.counted(event))
        clearing, self._clearing = self._clearing, []
        for remote in clearing:
            self._clear_counters(remote)
        limits = {(each.source, each.policy.name): each.idle_time for each in self._decisions.values() if each.policy}
        for connection in self._associations.connections():
            wanted = self._sockets.is_wanted(connection)
            limit = limits.get((connection.ends[0], connection.profile), 0)
            alone = self._associations.are_alone(connection.ends)
            self._upkeep.idle(connection.number, wanted, limit, alone=alone)

    def _clear(self, event: ClearCrypto) -> None:
        """Delete SAs and negotiations. Wanted pairs are negotiated again, those without SAs too."""
        known = self._associations.connections(remote=event.remote)
        connections = [each for each in known if each.number not in event.spared and event.front in ("", each.front)]
        if event.sas_only:
            newest = [self._associations.newest(each.number) for each in connections]
            self._context.emit(
                *(
                    negotiation.SaRenewalWanted(association.spi, of_all=True)
                    for association in newest
                    if association is not None
                )
            )
            return
        self._context.emit(
            *(negotiation.ConnectionUnwanted(each.number, "cleared by the administrator") for each in connections)
        )
        spared = {each.ends for each in known} - {each.ends for each in connections}
        self._context.emit(*self._sockets.again(event.remote, spared, front=event.front))


def _concern(tunnel: TunnelState | None) -> tuple[str, IPAddress, IPAddress | None, str] | None:
    """Return the settings of a protected tunnel that count here: profile, source, destination and front door VRF."""
    if tunnel is None or not tunnel.protection or not tunnel.enabled or tunnel.source is None:
        return None
    return tunnel.protection, tunnel.source, tunnel.destination, tunnel.front
