"""Applies configuration: compares old and new settings, and follows tunnels that come up or go down.

Internal state (static entries, clients, limits) changes at once; the data plane gets its orders while the tunnel can
send, and again whenever it comes up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dmvpn.base.addresses import UNSPECIFIED_OF, IPAddress, Prefix
from dmvpn.base.context import Timer
from dmvpn.base.limits import RateLimit
from dmvpn.base.reasons import Reason
from dmvpn.features.nhrp.cache import Cache, Entry, EntryType
from dmvpn.features.nhrp.client import NhsClient
from dmvpn.features.nhrp.forwarding import Forwarding
from dmvpn.features.nhrp.instance import Instance
from dmvpn.features.nhrp.model import NhrpConfig, NhsConfig, TunnelConfig
from dmvpn.features.nhrp.peers import Peers
from dmvpn.features.nhrp.purge import Purger
from dmvpn.features.nhrp.reasons import NhrpReason
from dmvpn.features.nhrp.registration import Names, Registration
from dmvpn.features.nhrp.resolver import Resolver
from dmvpn.features.nhrp.server import Server
from dmvpn.features.nhrp.tunnel import Happening, Tunnel, TunnelTimers


class Configuration:
    """Creates, changes and removes `Tunnel`s."""

    def __init__(
        self,
        instance: Instance,
        *,
        forwarding: Forwarding,
        peers: Peers,
        registration: Registration,
        resolver: Resolver,
        server: Server,
        purger: Purger,
        names: Names,
    ) -> None:
        self._instance = instance
        self._context = instance.context
        self._forwarding = forwarding
        self._peers = peers
        self._registration = registration
        self._resolver = resolver
        self._server = server
        self._purger = purger
        self._names = names

    # -------------------------------------------------------------------------------------------- settings

    def apply(self, config: NhrpConfig) -> None:
        """Put a new configuration into effect."""
        old, self._instance.config = self._instance.config, config
        self._names.configure(config)
        wanted = {tunnel.name: tunnel for tunnel in config.tunnels if tunnel.network_id is not None}
        for name, tunnel in [*self._instance.tunnels.items()]:
            if name not in wanted or wanted[name].vrf != tunnel.config.vrf:
                self._remove(tunnel)
        for name, tunnel_config in wanted.items():
            known = self._instance.tunnels.get(name)
            if known is None:
                self._create(tunnel_config)
            elif known.config is not tunnel_config and known.config != tunnel_config:
                self._change(known, tunnel_config)
        if (old.hosts, old.vrf_hosts, old.domain) != (config.hosts, config.vrf_hosts, config.domain):
            self.names_changed()

    def _create(self, config: TunnelConfig) -> None:
        self._context.finish_work()  # a tunnel of this name may still be in removal
        cache = Cache(changed={} if self._instance.ports.remembers else None)
        usage = self._instance.shared.usage_of(config.name)
        timers = TunnelTimers(
            fallback=Timer("let a client act", lambda: self._client_due(tunnel, None), config.name),
            poll=Timer("look at the traffic counters", lambda: self._instance.poll(tunnel), config.name),
            multicast=Timer(
                "update receivers of multicast", lambda: self._forwarding.update_multicast(tunnel), config.name
            ),
            trust=Timer("trust a server again", lambda: self._peers.server_changed(tunnel), config.name),
        )
        tunnel = Tunnel(config.name, config, RateLimit(*config.max_send), timers, cache=cache, usage=usage)
        tunnel.stand(self._instance.ports.tunnels.get(config.name))
        tunnel.follow(self._instance.ports.interfaces.get(config.name))
        self._instance.tunnels[config.name] = tunnel
        tunnel.mapped.show(config.maps)
        tunnel.copied.show(config.multicast)
        self._set_clients(tunnel)
        self._set_static(tunnel)
        self._forwarding.update_multicast(tunnel)
        self._instance.touch_all(tunnel)
        if tunnel.running:
            self._came_up(tunnel)

    def _remove(self, tunnel: Tunnel) -> None:
        for client in tunnel.clients.values():
            if client.is_responding and client.nbma is not None:
                self._purger.withdraw(tunnel, client.nhs, client.nbma)
        self._instance.touch_all(tunnel)
        reason = Reason(NhrpReason.NOT_CONFIGURED, since=self._context.now)
        self._registration.stop(tunnel, reason)
        self._forget_learned(tunnel, registered=True)
        self._context.work(self._dropping_static(tunnel))
        self._forwarding.withdraw(tunnel)
        self._context.retire(*(client.timer for client in tunnel.clients.values()))
        tunnel.clients.clear()
        self._registration.update_hold(tunnel)
        timers = tunnel.timers
        self._context.retire(timers.fallback, timers.poll, timers.multicast, timers.trust)
        del self._instance.tunnels[tunnel.name]

    def _change(self, tunnel: Tunnel, config: TunnelConfig) -> None:
        old, tunnel.config = tunnel.config, config
        targets, receivers = tunnel.mapped.show(config.maps), tunnel.copied.show(config.multicast)
        if replace(old, maps=config.maps, multicast=config.multicast) == config:
            self._change_lists(tunnel, targets, receivers)
            return
        if old.max_send != config.max_send:
            tunnel.limit = RateLimit(*config.max_send)
        if old.hearsay_limit != config.hearsay_limit:
            self._instance.shared.hearsay.reset_tunnel(tunnel.name)
        self._set_clients(tunnel)
        self._set_static(tunnel)
        self._forwarding.update_multicast(tunnel)
        if tunnel.running:
            self._forwarding.report(tunnel)
            self._registration.choose(tunnel)
            if _registered_as(old) != _registered_as(config):
                self._registration.renew(tunnel)
            if old.shortcut and not config.shortcut:
                self._forget_learned(tunnel, registered=False)
        self._registration.update_hold(tunnel)
        self._peers.server_changed(tunnel)
        self._instance.touch_all(tunnel)

    def _change_lists(self, tunnel: Tunnel, targets: dict[Prefix, None], receivers: dict[IPAddress, None]) -> None:
        """Apply changes of `map` lines alone, of which there may be many thousands: only changed targets are examined.

        targets, receivers: targets and multicast receivers of lines that were added or removed.
        """
        before = self._of_servers(tunnel)
        self._set_clients(tunnel)
        servers = self._of_servers(tunnel)
        self._set_static(tunnel, {**targets, **dict.fromkeys((*before, *servers))})
        self._instance.touch(tunnel, *receivers)
        if receivers or servers != before:
            self._forwarding.update_multicast(tunnel)
        if servers != before or not targets.keys().isdisjoint(servers):
            if tunnel.running:
                self._registration.choose(tunnel)
            self._registration.update_hold(tunnel)
            self._peers.server_changed(tunnel)
            self._instance.touch_all(tunnel)

    # -------------------------------------------------------------------------------------------- line and addresses

    def follow(self, tunnel: Tunnel, before: tuple[object, ...]) -> None:
        """Start, stop or restart after a change of the tunnel.

        before: its `identity` until then.
        """
        was_running, now = bool(before[0]), tunnel.identity
        if before != now:
            self._instance.touch_all(tunnel)
        if tunnel.nbma is None:
            self._forwarding.lost_all(tunnel)
        if tunnel.running and not was_running:
            tunnel.counters.count(Happening.UP)
            self._came_up(tunnel)
        elif was_running and not tunnel.running:
            tunnel.counters.count(Happening.DOWN)
            # Stop: the tunnel cannot send. Clients' registrations stay, because clients do not register again when we
            # are back.
            state = tunnel.state
            reason = state.reason if state is not None and state.reason is not None else None
            self._registration.stop(tunnel, reason or Reason(NhrpReason.TUNNEL_DOWN, since=self._context.now))
            self._forget_learned(tunnel, registered=False)
        elif tunnel.running and before != now:
            tunnel.counters.count(Happening.ADDRESS_CHANGED)
            # Our data at other stations is wrong, and what we resolved may be.
            self._forget_learned(tunnel, registered=False)
            self._came_up(tunnel)

    def _came_up(self, tunnel: Tunnel) -> None:
        """Start: the tunnel can send."""
        self._set_clients(tunnel)
        self._set_static(tunnel)
        self._forwarding.restore(tunnel)
        self._registration.start(tunnel)
        self._instance.watch_traffic(tunnel)

    def protection_configured(self, tunnel: Tunnel) -> None:
        """Forget everything: protection was added or removed, so stations must prove themselves again."""
        self._forget_learned(tunnel, registered=True)

    def restore(self, tunnel: Tunnel) -> None:
        """Send all orders again that the data plane may have lost."""
        if tunnel.running:
            self._forwarding.restore(tunnel)

    def names_changed(self) -> None:
        """Follow a host name that has a new address: servers that are configured by it are there."""
        for tunnel in self._instance.tunnels.values():
            if any(nhs.name for nhs in tunnel.config.nhs):
                self._set_clients(tunnel, withdraw=False)
                self._set_static(tunnel)
                self._forwarding.update_multicast(tunnel)
                self._registration.choose(tunnel)
                self._peers.server_changed(tunnel)
                self._instance.touch_all(tunnel)

    def _client_due(self, tunnel: Tunnel, client: NhsClient | None) -> None:
        """Act on a client's deadline, and on its consequences: another server may be the best now, or have a new
        address.
        """
        self._registration.due(tunnel, client)
        for nhs in [nhs for nhs in tunnel.config.nhs if nhs.name]:
            key = nhs.address if nhs.address is not None else self._names.address(nhs.name, tunnel.name)
            named = tunnel.clients.get(key) if key is not None else None
            if named is not None and named.is_failing:
                self._names.doubt(nhs.name, tunnel.name)
        self._peers.server_changed(tunnel)

    def remove_entry(self, tunnel: Tunnel, entry: Entry, why: str) -> None:
        """Remove an entry that is not configured, and everything that depends on it."""
        if entry.type is EntryType.STATIC:
            return
        if entry.is_registered:
            self._server.withdraw(tunnel, entry, why)
        elif entry.is_local:
            self._purger.local_lost(tunnel, entry)
        else:
            if entry.type is EntryType.INCOMPLETE:
                self._resolver.drop_request(tunnel, entry)
            self._peers.drop(tunnel, entry)

    # -------------------------------------------------------------------------------------------- parts

    def _forget_learned(self, tunnel: Tunnel, *, registered: bool) -> None:
        entries = tunnel.cache.entries() if registered else tunnel.cache.unregistered()
        self._context.work(self._forgetting(tunnel, entries))
        self._forwarding.forget_gleaned(tunnel)

    def _forgetting(self, tunnel: Tunnel, entries: list[Entry]) -> Iterator[None]:
        for entry in entries:
            if tunnel.cache.get(entry.target) is entry:  # dropping a peer drops the prefixes behind it
                self.remove_entry(tunnel, entry, "NHRP: no error")
            yield

    def _dropping_static(self, tunnel: Tunnel) -> Iterator[None]:
        """Remove the static entries of a tunnel that is no longer configured."""
        for entry in tunnel.cache.entries():
            self._peers.drop_static(tunnel, entry)
            yield

    def _set_static(self, tunnel: Tunnel, targets: dict[Prefix, None] | None = None) -> None:
        """Make the static entries match `map` lines and servers whose NBMA address is known.

        targets: only these; None: all.
        """
        servers = self._of_servers(tunnel)
        if targets is None:
            entries = tunnel.cache.static()
            targets = dict.fromkeys((*(target for target, _ in tunnel.config.maps), *servers))
        else:
            entries = [entry for target in sorted(targets) if (entry := tunnel.cache.get(target)) is not None]
        wanted = {target: tunnel.nbma_of(target) or servers.get(target) for target in targets}
        for entry in entries:
            if entry.type is EntryType.STATIC and wanted.get(entry.target) != entry.nbma:
                self._peers.drop_static(tunnel, entry)
        for target, nbma in wanted.items():
            old = tunnel.cache.get(target)
            if nbma is None or (old is not None and old.type is EntryType.STATIC):
                continue
            if old is not None:
                self.remove_entry(tunnel, old, "NHRP: no error")
            self._peers.add_static(tunnel, target, nbma)

    def _of_servers(self, tunnel: Tunnel) -> dict[Prefix, IPAddress]:
        """Return the tunnel addresses of servers, and their NBMA addresses as far as these are known."""
        found: dict[Prefix, IPAddress] = {}
        for client in tunnel.clients.values():
            for address in (client.nhs, client.link_local):
                if client.nbma is not None and address is not None and not address.is_unspecified:
                    found.setdefault(Prefix.host(address), client.nbma)
        return found

    def _set_clients(self, tunnel: Tunnel, *, withdraw: bool = True) -> None:
        """Make a client for each configured server.

        withdraw: withdraw the registration from servers that were removed from the configuration.
        """
        wanted = self._servers(tunnel)
        for key in [key for key in tunnel.clients if key not in wanted]:
            self._remove_client(tunnel, key, withdraw=withdraw)
        before, tunnel.clients = tunnel.clients, {}
        for key, (nhs, nbma) in wanted.items():
            client = before.get(key)
            if client is not None and client.nbma != nbma:
                # The server has a new address: a purge sent after its registration there might undo it.
                tunnel.clients[key] = client
                self._remove_client(tunnel, key, withdraw=False)
                client = None
            client = tunnel.clients[key] = client or self._new_client(tunnel, key, nhs, nbma)
            client.configure(tunnel.config.refresh, multicast=nhs.multicast, priority=nhs.priority, cluster=nhs.cluster)

    def _servers(self, tunnel: Tunnel) -> dict[IPAddress, tuple[NhsConfig, IPAddress | None]]:
        """Return the configured servers and their NBMA addresses, in the order of the configuration.

        The key is the tunnel address; of a `dynamic` server the NBMA address, or 0 while its name has no address.
        """
        wanted: dict[IPAddress, tuple[NhsConfig, IPAddress | None]] = {}
        for nhs in tunnel.config.nhs:
            nbma = nhs.nbma or (self._names.address(nhs.name, tunnel.name) if nhs.name else None)
            key = nhs.address or nbma or UNSPECIFIED_OF[self._instance.version]
            wanted[key] = (nhs, nbma or tunnel.config.mapped(key) or tunnel.far_end)
        return wanted

    def _new_client(self, tunnel: Tunnel, key: IPAddress, nhs: NhsConfig, nbma: IPAddress | None) -> NhsClient:
        code, where = (NhrpReason.NO_NAME, nhs.name) if nhs.name else (NhrpReason.NO_NBMA, nhs.address)
        client = NhsClient(
            entropy=self._instance.ports.entropy,
            timer=Timer("let a client act", lambda: self._client_due(tunnel, client), key),
            nhs=nhs.address if nhs.address is not None else UNSPECIFIED_OF[self._instance.version],
            nbma=nbma,
            refresh=tunnel.config.refresh,
            dynamic=nhs.address is None,
            reason=Reason(code, (where,), self._context.now) if nbma is None else None,
        )
        return client

    def _remove_client(self, tunnel: Tunnel, key: IPAddress, *, withdraw: bool) -> None:
        client = tunnel.clients[key]
        if withdraw and client.is_responding and client.nbma is not None:
            self._purger.withdraw(tunnel, client.nhs, client.nbma)
        self._registration.forget_server(tunnel, client)
        del tunnel.clients[key]


def _registered_as(config: TunnelConfig) -> tuple[object, ...]:
    """Return the settings that a server learns from our registration: if they change, we register again at once."""
    return (
        config.authentication,
        config.unique,
        config.holdtime,
        config.registration_timeout,
        config.group,
        config.record,
    )
