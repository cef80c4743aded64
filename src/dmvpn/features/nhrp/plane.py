"""What the data plane and the RIB know of the tunnels: where next hops lead, who gets copies, which routes are ours.

`Plane` alone writes `adjacencies`, `gleaned`, `registered_multicast` and `multicast` of a `Tunnel`. So the plane is
told whatever changes there, and only what changes:

    adjacencies   where packets for a next hop go
    gleaned       those of them that lead to a server, because nobody has answered for the next hop yet, or no more
    multicast     who gets copies: configured addresses, servers, and the clients that registered

Orders that the host refused are given again after 1, 2, 4 ... seconds, if they still hold then. What has been replaced
meanwhile (by another adjacency, another list) is not: the newer order has gone out.

`Routes` is what the RIB hears of NHRP: routes of our own (`H`, T1) and next-hop overrides (`%` NHO, T2). A prefix that
another protocol routes too gets an override: the route stays that protocol's, packets take our next hop. When that
route goes away (the hubs are dead), the override becomes a route of our own, and back when it returns. A next hop that
somebody said does not exist is made unreachable for a while.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import is_link_local, spelled
from dmvpn.base.effects import ClearAdjacency, Effect, NextHop, RouteKind, SetAdjacency, SetHairpin, SetMulticast, Store
from dmvpn.base.notices import MulticastReached, OverrideOffered, Route, RouteOffered, RouteRetracted, RouteSource
from dmvpn.base.reasons import Reason
from dmvpn.base.retries import Retries
from dmvpn.features.nhrp.client import NhsState
from dmvpn.features.nhrp.counters import Happening
from dmvpn.features.nhrp.entry import Entry, Neighbor, RouteState
from dmvpn.features.nhrp.reasons import NhrpReason
from dmvpn.features.nhrp.shared import REQUEST_IDS
from dmvpn.features.nhrp.station import Station, Timer, TimerKind

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.events import EffectFailed
    from dmvpn.features.nhrp.tunnel import Tunnel

#: Seconds between two multicast lists of one tunnel: a hub whose clients all return at once tells the plane in batches.
MULTICAST_INTERVAL = 0.1
#: Next hops of one tunnel whose packets go by the hub because nobody has answered for them yet.
LARGEST_GLEANED = 256


class Plane:
    """See the module's docstring."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._refused: Retries[Effect] = Retries()

    # -------------------------------------------------------------------------------------------- adjacencies

    def lead(self, tunnel: Tunnel, next_hop: IPAddress, to: Neighbor) -> None:
        """Packets for the next hop go there from now on."""
        tunnel.gleaned.pop(next_hop, None)
        self._set(tunnel, next_hop, to)

    def clear(self, tunnel: Tunnel, next_hop: IPAddress) -> None:
        """Packets for the next hop go nowhere, until `Unresolved` asks for it."""
        tunnel.gleaned.pop(next_hop, None)
        self._clear(tunnel, next_hop)

    def lost(self, tunnel: Tunnel, next_hop: IPAddress) -> None:
        """Whatever we believe that the plane knows of a next hop: it does not."""
        tunnel.adjacencies.pop(next_hop, None)

    def glean(self, tunnel: Tunnel, next_hop: IPAddress) -> bool:
        """Let packets for the next hop go by a server. False: there is none."""
        server = tunnel.server()
        if server is None or server.nbma is None or server.nhs == next_hop:
            self._clear(tunnel, next_hop)
            return False
        tunnel.gleaned.pop(next_hop, None)
        tunnel.gleaned[next_hop] = self._station.now
        if len(tunnel.gleaned) > LARGEST_GLEANED:
            self.clear(tunnel, next(iter(tunnel.gleaned)))
        self._set(tunnel, next_hop, Neighbor(server.nbma))
        return True

    def unbridge(self, tunnel: Tunnel, next_hop: IPAddress) -> None:
        """A next hop was forgotten a moment ago: if packets still go to it, the plane says so and it is asked for."""
        if next_hop in tunnel.gleaned:
            self.clear(tunnel, next_hop)

    def server_changed(self, tunnel: Tunnel) -> None:
        """What goes by a server goes by the best one."""
        server = tunnel.server()
        for next_hop in list(tunnel.gleaned):
            if server is not None and server.nbma is not None:
                self._set(tunnel, next_hop, Neighbor(server.nbma))
            else:
                self.clear(tunnel, next_hop)

    def forget_gleaned(self, tunnel: Tunnel) -> None:
        """Nothing goes by a server for want of an answer any more."""
        for next_hop in list(tunnel.gleaned):
            self.clear(tunnel, next_hop)

    def _set(self, tunnel: Tunnel, next_hop: IPAddress, to: Neighbor) -> None:
        if not tunnel.multipoint or tunnel.adjacencies.get(next_hop) == to:
            return
        tunnel.adjacencies[next_hop] = to
        tunnel.counters.count(Happening.END_POINT_ADDED)
        if tunnel.running:
            self._station.emit(SetAdjacency(tunnel.name, next_hop, to.nbma, to.connection))

    def _clear(self, tunnel: Tunnel, next_hop: IPAddress) -> None:
        if tunnel.adjacencies.pop(next_hop, None) is None:
            return
        tunnel.counters.count(Happening.END_POINT_DELETED)
        if tunnel.nbma is not None and tunnel.is_carried:
            self._station.emit(ClearAdjacency(tunnel.name, next_hop))

    # -------------------------------------------------------------------------------------------- copies, reports

    def admit(self, tunnel: Tunnel, client: Neighbor, address: IPAddress | None) -> None:
        """A client has one entry more. address: packets for it go to the client; None: the entry is of a prefix."""
        if address is not None:
            self.lead(tunnel, address, client)
        self.count_receiver(tunnel, client, 1)

    def count_receiver(self, tunnel: Tunnel, client: Neighbor | None, more: int) -> None:
        """A client has one entry more, or less: as long as it has any it gets copies of multicasts."""
        if client is None:
            return
        entries = tunnel.registered_multicast.get(client, 0) + more
        if entries > 0:
            tunnel.registered_multicast[client] = entries
        else:
            tunnel.registered_multicast.pop(client, None)
        self.update_multicast(tunnel)

    def update_multicast(self, tunnel: Tunnel) -> None:
        """The list of those who get copies may have changed: tell the plane, now or in a moment."""
        now, last = self._station.now, tunnel.multicast_set_at
        if last is not None and now < last + MULTICAST_INTERVAL:
            self._station.deadlines.set(Timer(TimerKind.MULTICAST, tunnel.name), last + MULTICAST_INTERVAL)
            return
        receivers, before = multicast_receivers(tunnel), tunnel.multicast
        if receivers != before and tunnel.multipoint:
            tunnel.multicast = receivers
            tunnel.multicast_set_at = now
            if tunnel.running:
                self._station.emit(_multicast_order(tunnel))
                if not set(receivers) <= set(before):
                    self._station.emit(MulticastReached(tunnel.name))

    def restore(self, tunnel: Tunnel) -> None:
        """The plane forgot, or never knew: order everything again."""
        if tunnel.multipoint:
            for next_hop, to in tunnel.adjacencies.items():
                self._station.emit(SetAdjacency(tunnel.name, next_hop, to.nbma, to.connection))
            tunnel.multicast = multicast_receivers(tunnel)
            self._station.emit(_multicast_order(tunnel))
        self.report(tunnel)

    def report(self, tunnel: Tunnel) -> None:
        """Which packets of the tunnel the plane is to report, for redirects."""
        config = tunnel.config
        self._station.emit(
            SetHairpin(
                tunnel.name,
                config.network_id,
                report=config.redirect,
                interval=float(config.redirect_interval),
                version=tunnel.version,
            )
        )

    def withdraw(self, tunnel: Tunnel) -> None:
        """NHRP has nothing more to say about this tunnel."""
        if tunnel.running:
            version = tunnel.version
            self._station.emit(
                SetMulticast(tunnel.name, (), version), SetHairpin(tunnel.name, None, report=False, version=version)
            )

    # -------------------------------------------------------------------------------------------- refused orders

    def next_deadline(self) -> float | None:
        """When a refused order is to be given again."""
        return self._refused.next()

    def failed(self, event: EffectFailed) -> None:
        """The host could not do it."""
        effect = event.effect
        if isinstance(effect, SetAdjacency | ClearAdjacency | SetMulticast | SetHairpin) or (
            isinstance(effect, Store) and effect.name == REQUEST_IDS
        ):
            reason = Reason(NhrpReason.ORDER_REFUSED, (event.text,), self._station.now)
            self._refused.failed(effect, reason, self._station.now)
        tunnel = self._station.tunnels.get(effect.tunnel) if isinstance(effect, SetAdjacency | ClearAdjacency) else None
        if tunnel is not None:
            added = isinstance(effect, SetAdjacency)
            tunnel.counters.count_failed(Happening.END_POINT_ADDED if added else Happening.END_POINT_DELETED)

    def due(self) -> None:
        """Give again what is due."""
        for effect in self._refused.pop_due(self._station.now):
            if self._still_holds(effect):
                self._station.emit(effect)
            else:
                self._refused.forget(effect)

    def _still_holds(self, effect: Effect) -> bool:
        if isinstance(effect, Store):
            return effect == self._station.request_ids.stored
        if not isinstance(effect, SetAdjacency | ClearAdjacency | SetMulticast | SetHairpin):
            return False
        tunnel = self._station.tunnels.get(effect.tunnel)
        if tunnel is None or not tunnel.running:
            return False
        match effect:
            case SetAdjacency(next_hop=next_hop):
                return tunnel.adjacencies.get(next_hop) == Neighbor(effect.nbma, effect.connection)
            case ClearAdjacency(next_hop=next_hop):
                return next_hop not in tunnel.adjacencies
            case SetMulticast():
                return _multicast_order(tunnel) == effect
            case SetHairpin():
                return tunnel.network_id == effect.network


def multicast_receivers(tunnel: Tunnel) -> tuple[Neighbor, ...]:
    """Who gets copies: configured addresses, servers, clients (each once)."""
    config = tunnel.config
    receivers = dict.fromkeys(map(Neighbor, config.multicast))
    for client in tunnel.clients.values():
        # Who is only kept in reserve does not know us: routing protocols there would answer into the void.
        if client.multicast and client.nbma is not None and client.state is not NhsState.WAITING:
            receivers[Neighbor(client.nbma)] = None
    if config.multicast_dynamic:
        # A client that is a server of ours, too, gets its copies already.
        receivers.update({to: None for to in tunnel.registered_multicast if Neighbor(to.nbma) not in receivers})
    return tuple(receivers)


def _multicast_order(tunnel: Tunnel) -> SetMulticast:
    """The list of those who get copies, as the plane is to have it."""
    anybody = tuple(to.nbma for to in tunnel.multicast if not to.connection)
    bound = tuple((to.nbma, to.connection) for to in tunnel.multicast if to.connection)
    return SetMulticast(tunnel.name, anybody, tunnel.version, bound)


#: IOS's numbers for NHRP routes (17.x).
DISTANCE = 250
METRIC = 255


class Routes:
    """Says of every entry what the RIB is to know of it."""

    def __init__(self, station: Station) -> None:
        self._station = station

    def install(self, tunnel: Tunnel, entry: Entry) -> None:
        """Let packets for the entry's target take its next hop, whatever the routing protocols say."""
        target, hop = entry.target, next_hop_of(tunnel, entry)
        if is_link_local(target.address):
            return  # it is no destination of a routing table, only a next hop
        other = self._station.ports.rib.exact(target)
        wanted = RouteState.INSTALLED if other is None else RouteState.OVERRIDE
        if entry.route is wanted:
            return
        before = self._take_over(tunnel, entry)
        if wanted is RouteState.INSTALLED:
            self._station.emit(RouteOffered(self._route(entry, hop)))
            if before is RouteState.OVERRIDE:
                self._station.emit(OverrideOffered(target, None))
        else:
            self._station.emit(OverrideOffered(target, hop))
            if before in (RouteState.INSTALLED, RouteState.UNREACHABLE):
                self._station.emit(RouteRetracted(RouteSource.NHRP, "", target))
        entry.routed(wanted)
        installed = wanted is RouteState.INSTALLED
        tunnel.counters.count(Happening.ROUTE_ADDED if installed else Happening.OVERRIDE_ADDED)
        self._debug(tunnel, entry, "installed as " + wanted.value)

    def refuse(self, tunnel: Tunnel, entry: Entry) -> None:
        """Nobody has the address: packets for it are answered instead of waiting."""
        self.withdraw(tunnel, entry)
        if is_link_local(entry.target.address):
            return
        self._station.emit(RouteOffered(self._route(entry, None)))
        entry.routed(RouteState.UNREACHABLE)
        tunnel.counters.count(Happening.ROUTE_ADDED)

    def withdraw(self, tunnel: Tunnel, entry: Entry) -> None:
        """Packets for the entry's target go as the routing protocols say."""
        match entry.route:
            case RouteState.INSTALLED | RouteState.UNREACHABLE:
                self._station.emit(RouteRetracted(RouteSource.NHRP, "", entry.target))
            case RouteState.OVERRIDE:
                self._station.emit(OverrideOffered(entry.target, None))
            case RouteState.NONE:
                return
        _release(tunnel, entry)
        self._debug(tunnel, entry, "taken back")

    def _take_over(self, tunnel: Tunnel, entry: Entry) -> RouteState:
        """How the target was routed by NHRP so far. One target has one route: what another tunnel has gives way."""
        before = _release(tunnel, entry)
        for other in self._station.tunnels.values():
            rival = other.cache.get(entry.target) if other is not tunnel else None
            if rival is None or rival.route is RouteState.NONE:
                continue
            before = _release(other, rival)
            if not rival.is_next_hop:
                self._station.remove_entry(other, rival)
        return before

    def _route(self, entry: Entry, hop: NextHop | None) -> Route:
        return Route(
            prefix=entry.target,
            source=RouteSource.NHRP,
            distance=DISTANCE,
            metric=METRIC,
            next_hops=(hop,) if hop else (),
            kind=RouteKind.FORWARD if hop else RouteKind.UNREACHABLE,
            since=self._station.now,
        )

    def _debug(self, tunnel: Tunnel, entry: Entry, what: str) -> None:
        self._station.debug(
            "nhrp routing",
            tunnel,
            lambda: f"NHRP-RT: {tunnel.name}: {spelled(entry.target)} {what}",
            entry.nbma,
            address=entry.next_hop,
        )


def _release(tunnel: Tunnel, entry: Entry) -> RouteState:
    """The entry has no route any more: it goes, or becomes another one. How the entry was routed."""
    before = entry.routed(RouteState.NONE)
    match before:
        case RouteState.INSTALLED | RouteState.UNREACHABLE:
            tunnel.counters.count(Happening.ROUTE_DELETED)
        case RouteState.OVERRIDE:
            tunnel.counters.count(Happening.OVERRIDE_DELETED)
        case RouteState.NONE:
            pass
    return before


def next_hop_of(tunnel: Tunnel, entry: Entry) -> NextHop:
    """The next hop of the entry's route. The tunnel address of a peer is on the link itself."""
    return NextHop(tunnel.name, None if entry.is_next_hop else entry.next_hop)
