"""Which VRFs the host should have: one order to the plane, whenever that changes; and what crosses between VRFs.

The order leaves before anything in a new VRF does: this machine has its place before all that use VRFs.

Route leaks of static routes have next hops in another routing table than the route's:

    ip route vrf A 10.0.0.0 255.0.0.0 192.0.2.1 global                  the global table finds the next hop
    ip route vrf A 10.0.0.0 255.0.0.0 GigabitEthernet1 192.0.2.1        the interface is in another table

A leak leads to an interface with a next hop there, so a packet is looked up once, and no two leaks can send it round
between tables. `global` names no interface: the way to its next hop is that of the global table without NHRP's routes,
as for every next hop (`rib.recursion`); a route of the global table that is a leak itself has its interface already.

Paths of BGP go from VRF to VRF by their route targets (RFC 4364 §4.3). The BGP machine of each VRF announces the paths
that it exports, and the targets that it imports. A path goes to each other VRF that imports one of its targets. BGP
exports no path that it imported, so no path goes further than one VRF.
"""

from __future__ import annotations

from typing import ClassVar, Final, cast

from dmvpn.base import notices
from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.context import Context, Machine, Retries
from dmvpn.base.effects import NextHop, RouteKind, SetVrfs
from dmvpn.base.events import EffectFailed, Event, Packets, Resync, VrfLost
from dmvpn.base.exports import ExportedPath, PathsExported, PathsImported, PathsWanted
from dmvpn.base.ports import Ports
from dmvpn.base.reasons import Reason
from dmvpn.features.vrf import messages
from dmvpn.features.vrf.model import VrfConfig
from dmvpn.features.vrf.reasons import VrfReason

# ------------------------------------------------------------------------------------------------ route leaks


#: Routes that no next hop may be found by: those of the router itself, and those of the host.
_UNFIT: Final = (notices.RouteSource.LOCAL, notices.RouteSource.HOST)


class Leaks:
    """The next hops that static routes announced, by VRF, and where they lead."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._followed: dict[str, tuple[NextHop, ...]] = {}
        self._found: dict[str, tuple[tuple[NextHop, tuple[NextHop, ...]], ...]] = {}

    def follow(self, event: notices.LeaksFollowed) -> None:
        """Follow the next hops of a VRF in place of those before."""
        self._followed[event.vrf] = event.next_hops
        self._find(event.vrf)
        if not event.next_hops:
            del self._followed[event.vrf]
            self._found.pop(event.vrf, None)

    def route_changed(self, prefix: Prefix) -> None:
        """Look again where the global table may have another way to a next hop."""
        for vrf, hops in self._followed.items():
            if any(not hop.interface and hop.address is not None and hop.address in prefix for hop in hops):
                self._find(vrf)

    def interface_changed(self, name: str) -> None:
        """Look again at the next hops out of this interface: its line or its VRF may have changed."""
        for vrf, hops in self._followed.items():
            if any(hop.interface == name for hop in hops):
                self._find(vrf)

    def _find(self, vrf: str) -> None:
        ways = ((hop, self._way(hop, vrf)) for hop in self._followed[vrf])
        found = tuple((hop, way) for hop, way in ways if way)
        if found != self._found.get(vrf, ()):
            self._found[vrf] = found
            self._context.emit(notices.LeaksFound(found, vrf))

    def _way(self, hop: NextHop, vrf: str) -> tuple[NextHop, ...]:
        if not hop.interface:
            return self._global_way(hop.address, vrf) if hop.address is not None else ()
        state = self._context.ports.interfaces.get(hop.interface)
        if state is None or state.vrf == vrf or not state.runs(4):
            return ()
        return (NextHop(hop.interface, hop.address, leaks=True),)

    def _global_way(self, address: IPAddress, vrf: str) -> tuple[NextHop, ...]:
        rib = self._context.ports.rib_of("")
        route = rib.lookup_without_nhrp(address) if rib is not None else None
        if route is None or route.kind is not RouteKind.FORWARD or route.source in _UNFIT:
            return ()
        return tuple(self._leak(hop, address, vrf) for hop in route.next_hops)

    def _leak(self, hop: NextHop, address: IPAddress, vrf: str) -> NextHop:
        """Return a next hop of the global table as a VRF has it, where it may be at home."""
        state = self._context.ports.interfaces.get(hop.interface)
        is_away = state is None or state.vrf != vrf
        return NextHop(hop.interface, hop.address or address, leaks=is_away)


# ------------------------------------------------------------------------------------------------ route targets


class Exchange:
    """The exported paths of each VRF, and the targets that each VRF imports."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._exports: dict[str, dict[Prefix, ExportedPath]] = {}
        self._wanted: dict[str, tuple[int, ...]] = {}

    def export(self, event: PathsExported) -> None:
        """Take changed paths of a VRF, and hand them on."""
        table = self._exports.setdefault(event.vrf, {})
        before = {prefix: table.get(prefix) for prefix in (*event.gone, *(path.prefix for path in event.paths))}
        for prefix in event.gone:
            table.pop(prefix, None)
        table.update((path.prefix, path) for path in event.paths)
        for vrf, targets in self._wanted.items():
            old = {prefix: path for prefix, path in before.items() if path is not None and _fits(path, targets)}
            self._hand(vrf, event.vrf, old, {path.prefix: path for path in event.paths if _fits(path, targets)})
        if not table:
            del self._exports[event.vrf]

    def want(self, event: PathsWanted) -> None:
        """Take the targets that a VRF imports, in place of those before."""
        before = self._wanted.pop(event.vrf, ())
        if event.targets:
            self._wanted[event.vrf] = event.targets
        for source, table in self._exports.items():
            old = {prefix: path for prefix, path in table.items() if _fits(path, before)}
            new = {prefix: path for prefix, path in table.items() if _fits(path, event.targets)}
            self._hand(event.vrf, source, old, new)

    def _hand(self, vrf: str, source: str, old: dict[Prefix, ExportedPath], new: dict[Prefix, ExportedPath]) -> None:
        """Hand a VRF the paths of another VRF that changed. old, new: the paths with targets that it imports."""
        paths = tuple(path for prefix, path in new.items() if old.get(prefix) != path)
        gone = tuple(prefix for prefix in old if prefix not in new)
        if vrf != source and (paths or gone):
            self._context.emit(PathsImported(source, paths, gone, vrf))


def _fits(path: ExportedPath, targets: tuple[int, ...]) -> bool:
    return any(target in targets for target in path.targets)


# ------------------------------------------------------------------------------------------------ the machine


_ORDER: Final = "vrfs"


class VrfMachine(Machine):
    """Keeps the plane in step with the VRFs of the configuration."""

    subscriptions: ClassVar[tuple[type[Event] | type[notices.Notice] | Packets, ...]] = (
        EffectFailed,
        VrfLost,
        Resync,
        notices.LeaksFollowed,
        notices.RouteChanged,
        notices.InterfaceChanged,
        PathsExported,
        PathsWanted,
    )

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports))
        self.config = VrfConfig()
        self._retries = Retries[str](
            self._context, "order the VRFs again that the data plane refused", self._order_again, most=1
        )
        self._refused: tuple[str, ...] = ()
        self._leaks = Leaks(self._context)
        self._exchange = Exchange(self._context)

    def failure(self, vrf: str) -> Reason | None:
        """Return why the host does not have a VRF, or None."""
        return self._retries.reason(_ORDER) if vrf in self._refused else None

    def dispatch(self, event: Event | notices.Notice) -> None:
        """Handle a configuration, or an answer of the plane."""
        match event:
            case notices.Configured():
                config = cast("VrfConfig | None", event.model) or VrfConfig()
                before, self.config = self.config.names, config
                if config.names != before:
                    self._retries.forget_order(_ORDER)
                    self._context.emit(SetVrfs(config.names), notices.VrfsChanged(config.names))
            case EffectFailed(effect=SetVrfs(vrfs=names), text=text) if all(one in self.config.names for one in names):
                self._fail(names, text)
            case notices.LeaksFollowed():
                self._leaks.follow(event)
            case notices.RouteChanged(vrf=""):
                self._leaks.route_changed(event.prefix)
            case notices.InterfaceChanged():
                self._leaks.interface_changed(event.name)
            case PathsExported():
                self._exchange.export(event)
            case PathsWanted():
                self._exchange.want(event)
            case VrfLost() if event.name in self.config.names:
                self._context.emit(messages.device_lost(event.name, event.delay))
            case Resync() if self.config.names:
                self._order_again(_ORDER)

    def _fail(self, names: tuple[str, ...], text: str) -> None:
        is_new = self._retries.failed(_ORDER, Reason(VrfReason.REFUSED, (text,), self._context.now))
        before, self._refused = self._refused, names
        if is_new or before != names:
            self._context.emit(messages.not_separated(names, text))

    def _order_again(self, _: str) -> None:
        self._context.emit(SetVrfs(self.config.names))
