"""The other spokes: what NHRP has learned of them, and whether packets to them may go directly.

For each peer there is a host entry (its tunnel address -> its NBMA address) and a `DirectPath` (path.py); prefixes
behind it are further entries with the same next hop. Packets go directly as soon as the path is proved, and through the
hub again as soon as it is lost; an adjacency is changed before the routes that need it, so nothing is dropped in
between:

    learn, learn_prefix -> DirectPath.start
    echo reply          -> DirectPath.answered -> USE   -> adjacency = the peer's NBMA address, then the routes
    counters            -> DirectPath.check, heard
    deadline            -> DirectPath.expired  -> LEAVE -> routes back, then adjacency = the hub's NBMA address

While no server answers, there is no better way than a direct path, even a lost one: packets leave it when a server
answers.

ICMP echoes pass routes and adjacencies: is the station at an NBMA address there, and does its tunnel address answer? An
echo goes out in GRE straight to the NBMA address; its answer comes by whatever path the peer has to us. Echoes probe
the paths to other spokes and to servers that answer our registrations: a server may die long before the next
registration is due.

The data plane answers the echoes of peers, and reports them: its answers do not count as use of an entry. Otherwise two
routers that check their path would keep it alive for each other forever.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local
from dmvpn.base.context import Timer
from dmvpn.base.effects import GRE_OF, SendGre
from dmvpn.base.entropy import below
from dmvpn.base.errors import WireError
from dmvpn.base.events import IpReceived
from dmvpn.base.notices import PathLost, Witness
from dmvpn.base.values import Value
from dmvpn.features.nhrp import messages
from dmvpn.features.nhrp.cache import Entry, EntryType, Flag, NbmaPeer, RouteState
from dmvpn.features.nhrp.client import NhsClient
from dmvpn.features.nhrp.connections import is_same_station, way_to, why_bare
from dmvpn.features.nhrp.forwarding import Forwarding, OfferedRoutes
from dmvpn.features.nhrp.instance import Instance
from dmvpn.features.nhrp.path import DirectPath, PathOutput, PathState
from dmvpn.features.nhrp.questions import Binding, fill, whereabouts, why_wait
from dmvpn.features.nhrp.routing import NextStation, Standby
from dmvpn.features.nhrp.shared import HeardAndSilent
from dmvpn.features.nhrp.tunnel import Tunnel
from dmvpn.net import icmp, ip
from dmvpn.net.ipv4 import TOS_INTERNETWORK_CONTROL

#: An answer counts if it is to one of the last few echoes: a slow path may still be a path.
_ACCEPTED_SEQUENCES = 16


class _Watched(Value):
    """A path with echoes in flight. timer: for its deadline."""

    tunnel: str
    path: DirectPath
    timer: Timer


class Echoes:
    """Owns the identifiers of echoes, and the timers of the paths that are probed."""

    def __init__(self, instance: Instance, due: Callable[[str, DirectPath], None]) -> None:
        """due: called with the tunnel and a path whose deadline has come."""
        self._instance = instance
        self._context = instance.context
        self._due = due
        self._paths: dict[int, _Watched] = {}

    def identifier(self) -> int:
        """Return an identifier that no path has. `watch` registers the path, and `forget_path` removes it."""
        identifier = below(self._instance.ports.entropy, 0x10000)
        while identifier in self._paths:
            identifier = (identifier + 1) & 0xFFFF
        return identifier

    def watch(self, tunnel: Tunnel, path: DirectPath) -> None:
        """Find answers to this path's echoes from now on."""
        timer = Timer("let a path act", partial(self._due, tunnel.name, path), path.peer)
        self._paths[path.identifier] = _Watched(tunnel.name, path, timer)

    def forget_path(self, path: DirectPath) -> None:
        """Forget a path that is gone."""
        watched = self._paths.pop(path.identifier, None)
        if watched is not None:
            self._context.stop(watched.timer)

    def arm(self, path: DirectPath) -> None:
        """Set the timer for the path's deadline, as long as it is watched."""
        watched = self._paths.get(path.identifier)
        if watched is not None:
            self._context.arm(watched.timer, path.deadline)

    def send(self, tunnel: Tunnel, path: DirectPath) -> None:
        """Send the next echo."""
        source = tunnel.link_local if is_link_local(path.peer) else tunnel.address
        way = self._instance.secured(tunnel, path.neighbor)
        if source is None or way is None:
            return
        version = path.peer.version
        request = icmp.EchoRequest(identifier=path.identifier, sequence=path.sequence)
        packet = ip.build(
            tos=TOS_INTERNETWORK_CONTROL,
            protocol=ip.ICMP[version],
            source=source,
            destination=path.peer,
            payload=ip.serialize_icmp(request, version),
        )
        tunnel.count_own(way)
        self._context.emit(SendGre(tunnel.name, way.nbma, GRE_OF[version], packet, connection=way.connection))

    def asked(self, tunnel: Tunnel, event: IpReceived) -> None:
        """Count the answer to a peer's echo as our own packet: it is no traffic from behind us."""
        source = event.source
        if event.tos != TOS_INTERNETWORK_CONTROL or not ip.is_icmp(event.protocol, source):
            return
        if not ip.is_echo_request(event.payload, source.version):
            return
        way = tunnel.adjacencies.get(source)
        if way is not None:
            tunnel.count_own(self._instance.secured(tunnel, way) or way)

    def answered(self, event: IpReceived) -> tuple[str, DirectPath, int] | None:
        """Return the tunnel, the path and the number of the echo that a message answers; None: it answers no echo."""
        source = event.source
        if not ip.is_icmp(event.protocol, source) or not ip.is_echo_reply(event.payload, source.version):
            return None
        try:
            message = ip.parse_icmp(event.payload, source, event.destination)
        except WireError:
            return None
        if not isinstance(message, icmp.EchoReply) or message.identifier not in self._paths:
            return None
        watched = self._paths[message.identifier]
        path = watched.path
        recent = (path.sequence - message.sequence) & 0xFFFF < _ACCEPTED_SEQUENCES
        return (watched.tunnel, path, message.sequence) if recent and path.peer == event.source else None


#: Seconds between two checks of a server that gets no traffic while other peers do.
OVERLOOKED = 8.0


class ServerPaths:
    """Owns `Tunnel.server_paths`."""

    def __init__(self, instance: Instance, echoes: Echoes) -> None:
        self._instance = instance
        self._context = instance.context
        self._echoes = echoes

    def watch(self, tunnel: Tunnel, client: NhsClient) -> None:
        """Watch a server that answers."""
        if client.nbma is None or client.nhs.is_unspecified:
            return
        identifier = self._echoes.identifier()
        path = DirectPath(client.nhs, NbmaPeer(client.nbma), identifier, self._context.now, PathState.PROVEN)
        tunnel.server_paths[client.nhs] = path
        self._echoes.watch(tunnel, path)

    def forget_server(self, tunnel: Tunnel, server: IPAddress) -> None:
        """Stop watching a server."""
        path = tunnel.server_paths.pop(server, None)
        if path is not None:
            self._echoes.forget_path(path)

    def is_lost(self, tunnel: Tunnel, path: DirectPath, outputs: list[PathOutput]) -> bool:
        """Carry out the outputs of a path, and return whether the path is lost. A lost path is forgotten."""
        if PathOutput.PROBE in outputs:
            self._echoes.send(tunnel, path)
        self._echoes.arm(path)
        if path.usable:
            return False
        self.forget_server(tunnel, path.peer)
        if tunnel.config.watch_servers:
            self._context.emit(PathLost(Witness.NHRP, tunnel.name, path.peer))
        return True


def is_overlooked(path: DirectPath, traffic: HeardAndSilent, now: float) -> bool:
    """Return whether we send to other spokes and not to this server, so that its silence would go unnoticed.

    The other spokes' packets may come through the server, and while we send it nothing, nothing else shows that it is
    there and knows us.
    """
    if path.nbma in traffic.heard or not (traffic.heard or traffic.silent):
        return False
    return path.checked_at is None or now - path.checked_at >= OVERLOOKED


#: Seconds between two packets that keep a translator's mapping alive, RFC 3948 §4.
NAT_KEEPALIVE = 20.0
#: Seconds for which packets to a forgotten next hop go through the hub, until routes have followed. If packets still go
#: to it after that, it is requested again.
BRIDGE = 1.0


class Peers:
    """Owns the paths, and puts resolved, implicit and static entries into the cache."""

    def __init__(self, instance: Instance, forwarding: Forwarding, routes: OfferedRoutes, echoes: Echoes) -> None:
        self._instance = instance
        self._context = instance.context
        self._forwarding = forwarding
        self._routes = routes
        self._echoes = echoes
        self._standby = Standby(instance, forwarding)

    # -------------------------------------------------------------------------------------------- learning

    def learn(self, tunnel: Tunnel, binding: Binding) -> Entry:
        """Take in the mapping of a peer's tunnel address. Configured and registered entries stay as they are."""
        now = self._context.now
        entry = tunnel.cache.host(binding.next_hop)
        if entry is not None and entry.binds:
            return entry
        at = whereabouts(entry, binding)
        if entry is None or entry.type is EntryType.INCOMPLETE:
            if entry is not None:
                self.supersede(tunnel, entry)
            entry = Entry(
                target=Prefix.host(binding.next_hop),
                next_hop=binding.next_hop,
                nbma=at.nbma,
                connection=at.connection,
                type=EntryType.DYNAMIC,
                created=now,
                flags=Flag.TEMPORARY,
            )
            fill(entry, binding, now)
            self._instance.add_entry(tunnel, entry)
        else:
            if entry.neighbor != at:
                # Leave the old address of a peer, which has moved: the new path must be proved.
                path = tunnel.paths.get(entry.next_hop)
                if path is not None and path.usable:
                    self._leave(tunnel, path)
                for other in tunnel.cache.behind(entry.next_hop):
                    self._instance.move_entry(tunnel, other, at)
            fill(entry, binding, now)
            self._instance.touch(tunnel, entry.nbma)
            self._instance.time_entry(tunnel, entry)
        if at.connection and binding.direct:
            self._unbind_others(tunnel, entry)
        self._update_path(tunnel, entry, binding)
        return entry

    def learn_prefix(self, tunnel: Tunnel, target: Prefix, binding: Binding, asked: IPAddress) -> None:
        """Take in a prefix behind a peer that `learn` knows already."""
        now = self._context.now
        old, peer = tunnel.cache.get(target), tunnel.cache.host(binding.next_hop)
        if old is not None and (old.binds or old.is_local):
            return
        at = whereabouts(peer, binding)
        if old is not None and old.next_hop == binding.next_hop and old.type is EntryType.DYNAMIC:
            if old.neighbor != at:
                self._instance.move_entry(tunnel, old, at)
            fill(old, binding, now)
            self._instance.time_entry(tunnel, old)
            return
        entry = Entry(
            target=target,
            next_hop=binding.next_hop,
            nbma=at.nbma,
            connection=at.connection,
            type=EntryType.DYNAMIC,
            created=now,
            flags=Flag.TEMPORARY,
            asked=asked,
        )
        fill(entry, binding, now)
        if old is not None:
            self.drop(tunnel, old)
        self._instance.add_entry(tunnel, entry)
        path = tunnel.paths.get(binding.next_hop)
        if path is not None and path.usable:
            self._carry_out(tunnel, path, path.confirm(now))
        elif self._is_usable(tunnel, binding.next_hop):
            self._use_entry(tunnel, entry)

    def add_static(self, tunnel: Tunnel, target: Prefix, nbma: IPAddress) -> None:
        """Add a mapping from the configuration or from a server's reply: it never expires."""
        now = self._context.now
        entry = Entry(target=target, next_hop=target.address, nbma=nbma, type=EntryType.STATIC, created=now)
        self._instance.add_entry(tunnel, entry)
        if target.is_host:
            self._forwarding.lead(tunnel, target.address, NbmaPeer(nbma))

    def drop_static(self, tunnel: Tunnel, entry: Entry) -> None:
        """Remove a mapping that the configuration or the server no longer has."""
        self._instance.remove_entry(tunnel, entry)
        self._forwarding.clear(tunnel, entry.next_hop)

    def supersede(self, tunnel: Tunnel, entry: Entry) -> None:
        """Remove an entry that a better one replaces now. Its adjacency stays until the new entry sets its own."""
        self._routes.withdraw(tunnel, entry)
        self._instance.remove_entry(tunnel, entry)
        path = tunnel.paths.pop(entry.next_hop, None) if entry.is_next_hop else None
        if path is not None:
            self._echoes.forget_path(path)

    def drop(self, tunnel: Tunnel, entry: Entry) -> None:
        """Forget an entry; with a peer's own entry, every prefix behind it.

        Packets go through the hub, or trigger a request.
        """
        behind = tunnel.cache.behind(entry.next_hop) if entry.is_next_hop else [entry]
        for other in sorted(behind, key=lambda other: other.target.length):
            if not other.binds and not other.is_local:
                self._routes.withdraw(tunnel, other)
                self._instance.remove_entry(tunnel, other)
        if not entry.is_next_hop:
            return
        path = tunnel.paths.pop(entry.next_hop, None)
        if path is not None:
            self._echoes.forget_path(path)
        if entry.next_hop in tunnel.adjacencies and tunnel.used(entry, self._context.now):
            self._forwarding.glean(tunnel, entry.next_hop)
            self._instance.refresh_after(tunnel, Prefix.host(entry.next_hop), BRIDGE)
        else:
            self._forwarding.clear(tunnel, entry.next_hop)

    # -------------------------------------------------------------------------------------------- through the hub

    def server_changed(self, tunnel: Tunnel) -> None:
        """Move traffic that goes through a hub to the best one, after a server began or ceased to answer."""
        self._standby.update(tunnel)
        for path in tunnel.paths.values():
            if _was_kept_for_want_of_another(tunnel, path):
                self._leave(tunnel, path)
        self._forwarding.server_changed(tunnel)

    def way_of(self, tunnel: Tunnel, next_hop: IPAddress) -> NbmaPeer | None:
        """Return where packets for the next hop may go, if we know it and its path is proved."""
        entry = tunnel.cache.host(next_hop)
        if entry is None or entry.neighbor is None:
            return None
        if entry.type is EntryType.STATIC:
            return self._standby.in_place_of(tunnel, next_hop) or entry.neighbor
        return entry.neighbor if entry.binds or self._is_usable(tunnel, next_hop) else None

    def direct_hop(self, tunnel: Tunnel, destination: IPAddress) -> NextStation | None:
        """Return the peer that has the destination, if packets go there directly."""
        entry = tunnel.cache.lookup(destination)
        path = tunnel.paths.get(entry.next_hop) if entry is not None else None
        return NextStation(tunnel, path.peer, path.neighbor) if path is not None and path.usable else None

    def standing_in(self, tunnel: Tunnel, destination: IPAddress, next_hop: IPAddress) -> Prefix | None:
        """Return the prefix for which our route by this peer replaces a withdrawn route of the routing protocol."""
        entry = tunnel.cache.lookup(destination)
        if entry is None or entry.next_hop != next_hop or entry.route is not RouteState.INSTALLED:
            return None
        return entry.target

    # -------------------------------------------------------------------------------------------- evidence

    def echo_answered(self, tunnel: Tunnel, path: DirectPath, sequence: int) -> None:
        """Take in the answer to an echo over this path, by whatever way the answer came."""
        self._carry_out(tunnel, path, path.answered(sequence, self._context.now))

    def traffic(self, tunnel: Tunnel, traffic: HeardAndSilent) -> None:
        """Take in which peers were heard, and which were sent to, since the last poll of the counters."""
        now = self._context.now
        for path in list(tunnel.paths.values()):
            outputs = path.heard(now) if path.neighbor.account in traffic.heard else []
            if tunnel.carries(path.neighbor, now) or _may_be_forgotten(tunnel, path, now):
                outputs += path.check(now)
            self._carry_out(tunnel, path, outputs)

    def due(self, tunnel: Tunnel, path: DirectPath) -> bool:
        """Act on a path's deadline.

        Returns whether the path was lost: the peer may have moved, and is requested again.
        """
        was_lost = path.state is PathState.LOST
        self._carry_out(tunnel, path, path.expired(self._context.now))
        return was_lost

    # -------------------------------------------------------------------------------------------- protection

    def protection_changed(self, tunnel: Tunnel, nbma: IPAddress) -> list[DirectPath]:
        """Follow a connection with this address that came up, went down or moved.

        Returns the paths that can be proved now.
        """
        begun: list[DirectPath] = []
        for path in [path for path in tunnel.paths.values() if path.nbma == nbma]:
            entry = tunnel.cache.host(path.peer)
            if entry is not None and self._secure(tunnel, entry, path):
                begun.append(path)
        return begun

    def moved(self, tunnel: Tunnel, to: NbmaPeer) -> None:
        """Follow the peers of a connection to another address or port; traffic continues."""
        for entry in tunnel.cache.over(to.connection):
            self._instance.touch(tunnel, entry.nbma)
            path = tunnel.paths.get(entry.next_hop) if entry.is_next_hop else None
            if path is not None and path.neighbor.connection == to.connection:
                path.move(to)
                if path.state is PathState.LOST:
                    self._carry_out(tunnel, path, path.start(self._context.now))
            if entry.binds or entry.neighbor == to:
                continue
            self._instance.move_entry(tunnel, entry, to)
            if entry.is_next_hop and tunnel.adjacencies.get(entry.next_hop, to).connection == to.connection:
                self._forwarding.lead(tunnel, entry.next_hop, to)

    def _unbind_others(self, tunnel: Tunnel, entry: Entry) -> None:
        """Unbind the entries that were only presumed to use this connection: their peers are not at its end."""
        for other in tunnel.cache.over(entry.connection):
            if other.nbma is None or other.binds or is_same_station(entry, other):
                continue
            self._instance.move_entry(tunnel, other, NbmaPeer(other.nbma))
            path = tunnel.paths.get(other.next_hop) if other.is_next_hop else None
            if path is not None:
                self._secure(tunnel, other, path)

    def _secure(self, tunnel: Tunnel, entry: Entry, path: DirectPath) -> bool:
        """Bind a path to the connection that leads to its peer now, or suspend it.

        Returns True if it must be proved now.
        """
        now = self._context.now
        to = way_to(self._instance.ports.protection, tunnel, entry)
        if to == path.neighbor and path.state is not PathState.BARE and not path.waits:
            return False
        if to is None or to.connection != path.neighbor.connection:
            reason = why_bare(self._instance.ports.protection, tunnel, entry)
            if entry.port and path.state is not PathState.BARE and path.checked_at is not None:
                # Its translator may have restarted, and mapped the peer to another port.
                self._instance.refresh_after(tunnel, entry.target, 0.0)
            self._carry_out(tunnel, path, path.bare(reason, now))
        if to is None:
            return False
        path.move(to)
        for other in tunnel.cache.behind(path.peer):
            if not other.binds:
                self._instance.move_entry(tunnel, other, to)
        self._carry_out(tunnel, path, path.start(now))
        return True

    # -------------------------------------------------------------------------------------------- consequences

    def _update_path(self, tunnel: Tunnel, entry: Entry, binding: Binding) -> None:
        now = self._context.now
        path = tunnel.paths.get(binding.next_hop)
        if path is not None and path.nbma != binding.nbma:
            self._echoes.forget_path(path)
            path = None
        if path is None:
            path = DirectPath(binding.next_hop, NbmaPeer(binding.nbma), self._echoes.identifier(), now)
            tunnel.paths[binding.next_hop] = path
            self._echoes.watch(tunnel, path)
            self._instance.watch_traffic(tunnel)
            if not tunnel.protected:
                reason = why_wait(tunnel, binding, now)
                self._carry_out(tunnel, path, path.start(now) if reason is None else path.wait(reason, now))
        elif binding.direct:
            self._carry_out(tunnel, path, path.heard(now))
        if tunnel.protected:
            self._secure(tunnel, entry, path)

    def _carry_out(self, tunnel: Tunnel, path: DirectPath, outputs: list[PathOutput]) -> None:
        for output in outputs:
            match output:
                case PathOutput.PROBE:
                    self._echoes.send(tunnel, path)
                case PathOutput.USE:
                    self._use(tunnel, path)
                case PathOutput.LEAVE:
                    self._leave(tunnel, path)
        if outputs and outputs != [PathOutput.PROBE]:
            self._instance.touch(tunnel, path.nbma)
        entry = tunnel.cache.host(path.peer)
        if entry is not None:
            entry.explain(path.reason)
        self._echoes.arm(path)

    def _use(self, tunnel: Tunnel, path: DirectPath) -> None:
        was_used = tunnel.adjacencies.get(path.peer) == path.neighbor
        self._forwarding.lead(tunnel, path.peer, path.neighbor)
        for entry in tunnel.cache.behind(path.peer):
            self._use_entry(tunnel, entry)
        if not was_used:
            self._log(tunnel, path, up=True)

    def _use_entry(self, tunnel: Tunnel, entry: Entry) -> None:
        entry.prove(proved=True)
        if tunnel.config.shortcut:
            self._routes.install(tunnel, entry)

    def _leave(self, tunnel: Tunnel, path: DirectPath) -> None:
        if not self._has_other_way(tunnel):
            return
        for entry in tunnel.cache.behind(path.peer):
            self._routes.withdraw(tunnel, entry)
            entry.prove(proved=False)
        self._forwarding.glean(tunnel, path.peer)
        self._log(tunnel, path, up=False)

    @staticmethod
    def _has_other_way(tunnel: Tunnel) -> bool:
        """Return whether a server answers; a station without servers is one itself, and has its routes."""
        server = tunnel.server()
        return server is None or server.is_responding

    def _is_usable(self, tunnel: Tunnel, next_hop: IPAddress) -> bool:
        path = tunnel.paths.get(next_hop)
        if path is not None:
            return path.usable
        entry = tunnel.cache.host(next_hop)
        return entry is not None and entry.binds

    def _log(self, tunnel: Tunnel, path: DirectPath, *, up: bool) -> None:
        if not tunnel.running:
            return
        peer = (path.peer, path.nbma)
        if up:
            self._instance.log_dmvpn(messages.nhp_up(tunnel.name, peer, tunnel.own))
        else:
            self._instance.log_dmvpn(messages.nhp_down(tunnel.name, peer, tunnel.own, "External"))


def _was_kept_for_want_of_another(tunnel: Tunnel, path: DirectPath) -> bool:
    """Return whether packets take the path only because no server answered: it is lost, or being tried again."""
    packets_go_to = tunnel.adjacencies.get(path.peer)
    return not path.usable and packets_go_to is not None and packets_go_to.nbma == path.nbma


def _may_be_forgotten(tunnel: Tunnel, path: DirectPath, now: float) -> bool:
    """Return whether our translator may soon drop the mapping of this path: the peer could not reach us any more."""
    idle = path.checked_at is None or now - path.checked_at >= NAT_KEEPALIVE
    return tunnel.public_nbma is not None and path.usable and idle
