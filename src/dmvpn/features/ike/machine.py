"""IKE as a machine: what IPsec wants goes in, what peers agree to comes out.

    NegotiationWanted --> attempts ----> a new IKE SA --> SendIp
    IpReceived ---------> udp ---------> sessions --> outputs --> peers --> SaNegotiated, ConnectionChanged, ...
    UnknownSpi ---------> recovery: says INVALID_SPI
    Tick ---------------> whatever is due, and only that

The settings (`ConfiguredSettings`) know which peers may talk, the `table` what a session does, and `peers` what follows
from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from dmvpn.base import events, negotiation
from dmvpn.base.addresses import IPAddress, OuterAddress
from dmvpn.base.context import Context, Machine
from dmvpn.base.entrances import Entrances
from dmvpn.base.notices import Configured, FiltersChanged, Notice
from dmvpn.base.ports import Ports
from dmvpn.base.protection import IkeStats, IkeView, ProtectionPolicy
from dmvpn.base.reasons import Reason
from dmvpn.features.ike import messages, udp
from dmvpn.features.ike.connections import view_of
from dmvpn.features.ike.counters import ClearIkeStats
from dmvpn.features.ike.model import IkeConfig
from dmvpn.features.ike.peers import Peers
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.session import Session
from dmvpn.features.ike.settings import ConfiguredSettings
from dmvpn.features.ike.translation import warnings
from dmvpn.features.ike.trust import Trust
from dmvpn.features.ike.versions import Versions


class IkeMachine(Machine):
    """IKE. It is also `base.ports.Ike`.

    sessions: those of both versions.
    """

    subscriptions: ClassVar[tuple[type[events.Event] | type[Notice] | events.Packets, ...]] = (
        negotiation.PoliciesChanged,
        negotiation.RevocationsChanged,
        FiltersChanged,
        negotiation.NegotiationWanted,
        negotiation.SaRenewalWanted,
        negotiation.ConnectionUnwanted,
        negotiation.ConnectionSilent,
        events.UnknownSpi,
        events.ConnectionHeard,
        events.ConnectionUnheard,
        events.KeysWanted,
        events.SasCounted,
        ClearIkeStats,
        events.Packets(udp.PROTOCOL),
    )

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports))
        self._policies: tuple[ProtectionPolicy, ...] = ()
        self._config = IkeConfig()
        self._served: frozenset[OuterAddress] = frozenset()
        self._warned: tuple[str, ...] = ()
        self._settings = ConfiguredSettings(
            self._config, (), Trust(ports), self._interface_of, ports.rib_of, Entrances(ports)
        )
        self.sessions = Versions(self._settings, ports.entropy)
        self.peers = Peers(self._context, self._settings, self.sessions)

    # ---------------------------------------------------------------------------------------------------- machine

    def begin(self) -> None:
        """Begin an event: drop the keys of an earlier event that raised an error."""
        self._settings.key_log.drop()

    def dispatch(self, event: events.Event | Notice) -> None:
        """Hand an event to the parts that it concerns."""
        peers = self.peers
        match event:
            case events.IpReceived():
                self._received(event)
            case negotiation.NegotiationWanted(policy=policy, wanted=True, remote_port=port):
                peers.attempts.want(event.ends, policy, port=port)
            case negotiation.NegotiationWanted(policy=policy, remote_port=port):
                peers.attempts.release(event.ends, policy, port=port)
            case negotiation.SaRenewalWanted(spi_in=spi) if (sa := peers.connections.owner(spi)) is not None:
                peers.follow(peers.table.renew(sa, spi.to_bytes(4, "big"), self._context.now))
                for other in peers.connections.connection_sas(sa.connection) if event.of_all else ():
                    if other is not sa and other.is_usable and (newest := [*other.children.active][-1:]):
                        peers.follow(peers.table.renew(other, newest[0], self._context.now))
            case negotiation.ConnectionUnwanted(connection=number, reason=reason):
                peers.close(peers.connections.connection_sas(number), Reason(IkeReason.UNWANTED, (reason,)))
            case negotiation.ConnectionSilent(connection=number):
                peers.ask(number)
            case events.ConnectionHeard():
                peers.heard(event)
            case events.ConnectionUnheard(connection=number):
                peers.unheard(number)
            case events.UnknownSpi(spi=spi) if not peers.connections.has(spi, event.vrf):
                peers.unknown(event)
            case events.KeysWanted(wanted=wanted):
                self._tell_keys(wanted=wanted)
            case events.SasCounted():
                peers.counted(event)
            case ClearIkeStats():
                self.sessions.v2.clear_counts()
            case negotiation.RevocationsChanged():
                self._judge_again()
            case FiltersChanged():
                peers.encapsulation.lists_changed()
                peers.attempts.filters_changed()
            case negotiation.PoliciesChanged(policies=policies):
                self._adopt(self._config, policies)
            case Configured(model=model):
                self._adopt(model if isinstance(model, IkeConfig) else IkeConfig(), self._policies)

    def settle(self) -> None:
        """Let IKE SAs be looked at in time, and write the keys of what this event negotiated, if a capture runs."""
        self.peers.settle()
        if self._settings.key_log.wanted:
            self._context.emit(*self._settings.key_log.take(self._context.emitted))

    def _judge_again(self) -> None:
        """Close SAs whose certificates are revoked: rekeys prove no identity again, so they would stay forever."""
        for sa in tuple(self.peers.table):
            if sa.evidence.chain and not sa.is_dead and sa.terms is not None and sa.theirs is not None:
                verdict = self._settings.believe(sa.terms, sa.theirs, sa.evidence.chain, self._context.now)
                if isinstance(verdict, Reason):
                    self.peers.close([sa], verdict)

    # ---------------------------------------------------------------------------------------------- configuration

    def _adopt(self, config: IkeConfig, policies: tuple[ProtectionPolicy, ...]) -> None:
        """Follow a change of configuration or tunnels: close IKE SAs that it forbids, try what could not begin."""
        was_on, was, self._config, self._policies = bool(self._policies), self._config, config, policies
        self._served = frozenset(policy.outer for policy in policies)
        peers, table = self.peers, self.peers.table
        permitted = [sa for sa in table if self._unwanted(sa) is None] if _who(was) != _who(config) else []
        self._settings.renew(config, policies)
        peers.renew(config)
        if was_on != bool(policies):
            self._context.emit(messages.isakmp_on_off(on=not was_on))
        lines = warnings(config, [policy.pfs_group for policy in policies if policy.pfs_group])
        self._context.emit(*(messages.not_as_written(line) for line in lines if line not in self._warned))
        self._warned = lines
        orphans = [sa for sa in table if sa.terms is not None and peers.policy_of(sa) is None]
        peers.close(orphans, Reason(IkeReason.PROFILE_CHANGED))
        for sa in permitted:
            if sa.is_usable and (why := self._unwanted(sa)) is not None:
                peers.close([sa], why)
        peers.attempts.reconsider()

    def _unwanted(self, sa: Session) -> Reason | None:
        """Return why its peer could not prove itself any more, with any key. (A new key counts for new IKE SAs.)"""
        if sa.terms is None or sa.theirs is None:
            return None
        expected = self._settings.expectation(sa.terms, sa.path, sa.theirs)
        return expected if isinstance(expected, Reason) else None

    def _interface_of(self, outer: OuterAddress) -> str:
        owner = self._context.ports.interfaces.owner(outer.address, outer.front)
        return owner.name if owner is not None else ""

    # ------------------------------------------------------------------------------------------------ what arrives

    def _received(self, packet: events.IpReceived) -> None:
        message = udp.received(packet)
        if message is None:
            return
        path, octets = message
        peers = self.peers
        if path.outer not in self._served and not peers.table.knows(octets, path):
            return  # no tunnel has this address in this VRF, and no IKE SA still has to say that it ends
        peers.reports.packet(octets, path, sent=False)
        peers.follow(peers.table.handle(octets, path, self._context.now))

    def _tell_keys(self, *, wanted: bool) -> None:
        """Begin or stop reporting keys. Only new keys are reported, so the existing child SAs are replaced."""
        self._settings.key_log.turn(on=wanted)
        self._context.emit(messages.keys_written(on=wanted))
        peers = self.peers
        for sa in [sa for sa in peers.table if sa.is_usable] if wanted else ():
            for spi in tuple(sa.children.active):
                peers.follow(peers.table.renew(sa, spi, self._context.now))

    # -------------------------------------------------------------------------------------------------- questions

    def sas(self) -> tuple[IkeView, ...]:
        """Return all IKE SAs, the oldest first."""
        peers = self.peers
        ordered = sorted(peers.table, key=lambda sa: (sa.begun, sa.number))
        return tuple(view_of(sa, peers.connections.value(sa.connection)) for sa in ordered)

    @property
    def refused(self) -> Mapping[tuple[IPAddress, str], Reason]:
        """Why recent negotiations failed, by the peer's address and front door, whichever end began."""
        return self.peers.reports.refused

    def stats(self) -> IkeStats:
        """Return the counters since the start, or since they were cleared."""
        return self.sessions.v2.counts.view


def _who(config: IkeConfig) -> tuple[object, ...]:
    """Return the part of a configuration that says who may be a peer."""
    return config.profiles, config.keyrings, config.isakmp
