"""The parts of a scenario that faults can hit: sites, the paths between them, conversations.

They are read from a world that was just built, so that the configuration language is interpreted in one place only.
`Anatomy` is the map that the judge compares with the packets: whether two sites could communicate at all follows from
the routers that are alive and the wires that work, never from the state of a router.

Hosts talk within one customer (`network/overlay`), and only where access lists permit it: drawn lists (`drawn_lists`)
permit all flows of the judge, the lists of a user's network are what they are.

`ClearWatch` compares every packet that a router sends with its configuration: a GRE packet with the key of a tunnel
that has `tunnel protection` must never be seen, whatever else has gone wrong, unless it leaves by a port in the front
door of another tunnel with this key, which is in clear.
"""

from __future__ import annotations

from dataclasses import field, replace
from functools import lru_cache
from ipaddress import IPv4Address, ip_network
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.errors import WireError
from dmvpn.base.filters import FilterList, Packet, PortFilters
from dmvpn.base.translation import UDP
from dmvpn.base.values import Mutable, Value
from dmvpn.features.bgp.machine import BgpMachine
from dmvpn.features.eigrp.machine import EigrpMachine
from dmvpn.features.filter.machine import FilterMachine
from dmvpn.features.nhrp.cache import EntryType
from dmvpn.features.nhrp.machine import VERSIONS, NhrpMachine
from dmvpn.features.ospf.machine import OspfMachine
from dmvpn.features.ospf.model import Interface
from dmvpn.features.ospf.settings import ELECTING, default_network, timers
from dmvpn.net import ip
from dmvpn.net.gre import GreHeader
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.network.device import Device
from dmvpn.network.overlay import Table, TunnelSeat, customers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.notices import InterfaceState
    from dmvpn.shells.scenario import Scenario
    from dmvpn.shells.simulator.simulator import Simulator


# ------------------------------------------------------------------------------------------- the tables of one customer


def customers_of(world: Simulator, sites: Iterable[str]) -> Mapping[Table, str]:
    """Return the customer of each table of these routers."""
    tables: list[Table] = []
    tunnels: list[TunnelSeat] = []
    for name in sites:
        ports = world.routers[name].router.ports
        tables += [(name, state.vrf) for state in ports.interfaces.all()]
        for tunnel in ports.tunnels.all():
            state = ports.interfaces.get(tunnel.name)
            if state is not None and state.prefix is not None:
                network = ip_network(str(state.prefix))
                tunnels.append(TunnelSeat((name, state.vrf), network, tunnel.key))
    return customers(tables, tunnels)


# --------------------------------------------------------------------------------------------- what access lists permit


#: Both ports of the packets that the judge's flows send.
FLOW_PORT: Final = 7
_NOTHING: Final = PortFilters()


class Place(NamedTuple):
    """Where a host is: its router and the port of it, and the host's address."""

    router: str
    port: str
    address: IPAddress


def may_talk(world: Simulator, one: Place, other: Place) -> bool:
    """Return whether the lists of both routers permit the packets of a flow, forth and back."""
    return passes(world, one, other) and passes(world, other, one)


def passes(world: Simulator, source: Place, destination: Place) -> bool:
    """Return whether the lists of both routers permit the packets of a flow to its destination."""
    here, there = source.address, destination.address
    if not isinstance(here, IPv4Address) or not isinstance(there, IPv4Address):
        return True
    packet = Packet(protocol=UDP, source=here, destination=there, source_port=FLOW_PORT, destination_port=FLOW_PORT)
    at_ends = (
        _filters(world, source.router, source.port).inward,
        _filters(world, destination.router, destination.port).outward,
    )
    if any(listed is not None and listed.denies(packet) is not None for listed in at_ends):
        return False
    leaving = [_filters(world, source.router, tunnel).outward for tunnel in _tunnels(world, source.router)]
    router = destination.router
    coming = [_filters(world, router, tunnel).inward for tunnel in _tunnels(world, router)]
    return not _all_deny(leaving, packet) and not _all_deny(coming, packet)


def _all_deny(lists: list[FilterList | None], packet: Packet) -> bool:
    """Return whether each tunnel denies it: by which it goes is not known."""
    return bool(lists) and all(listed is not None and listed.denies(packet) is not None for listed in lists)


def _filters(world: Simulator, router: str, port: str) -> PortFilters:
    return world.routers[router].router.machine(FilterMachine).ordered.get((port, 4), _NOTHING)


def _tunnels(world: Simulator, router: str) -> list[str]:
    return [tunnel.name for tunnel in world.routers[router].router.ports.tunnels.all()]


# ------------------------------------------------------------------------------------------------ nothing in clear


class _Duty(Value):
    """What the configuration of a router says about its tunnels.

    protected: the GRE keys of tunnels with protection, None: without a key.
    clear: front doors and keys of other tunnels, where no tunnel with protection has this key.
    vrfs: of the ports; the rest is in the global table.
    """

    protected: tuple[int | None, ...]
    clear: tuple[tuple[str, int | None], ...]
    vrfs: Mapping[str, str]


@lru_cache(maxsize=256)
def _duty(configuration: str) -> _Duty:
    """Read a configuration. A judge builds the same network again and again, so the last results are cached."""
    device = Device.read("", configuration)
    tunnels = device.tunnels.tunnels
    protected = dict.fromkeys((tunnel.front, tunnel.key) for tunnel in tunnels if tunnel.protection)
    clear = dict.fromkeys((tunnel.front, tunnel.key) for tunnel in tunnels if not tunnel.protection)
    vrfs = {name: vrf for name in device.interface_names if (vrf := device.vrf_of(name))}
    keys = tuple(dict.fromkeys(key for _, key in protected))
    return _Duty(keys, tuple(one for one in clear if one not in protected), vrfs)


def protected_keys(configuration: str) -> tuple[int | None, ...]:
    """Return the GRE keys of the tunnels that a configuration protects; None: a tunnel without a key."""
    return _duty(configuration).protected


class ClearWatch:
    """Looks at packets as they leave their routers."""

    def __init__(self, configurations: Mapping[str, str]) -> None:
        duties = {name: _duty(text) for name, text in configurations.items()}
        self._duties = {name: duty for name, duty in duties.items() if duty.protected}

    @property
    def any(self) -> bool:
        """True if any tunnel is protected."""
        return bool(self._duties)

    def complaint(self, sender: str, port: str, packet: bytes) -> str | None:
        """Return the violation in a packet that this station sends by a port; None: it violates nothing."""
        duty = self._duties.get(sender)
        if duty is None:
            return None
        protocol, start = ip.peek_payload(packet)
        if protocol != IpProtocol.GRE:
            return None
        try:
            header, _ = GreHeader.parse(packet[start:])
        except WireError:
            return None
        if header.key not in duty.protected or (duty.vrfs.get(port, ""), header.key) in duty.clear:
            return None
        source, destination = ip.peek_addresses(packet)
        return f"{sender} sent GRE in clear from {source} to {destination}, type {header.protocol_type:#06x}"


# ------------------------------------------------------------------------------------------------ anatomy


class Site(Value, kw_only=True):
    """A router of the overlay. wans: its ports to the provider. sources: the source interfaces of its tunnels.

    tunnels: with their addresses of both versions. configured: NBMA addresses that its configuration names.
    servers: sites that it registers with or has a tunnel or a cable to. stub: it forwards no packets between other
    sites. shortcuts: it uses them (phase 3). companions: sites behind the same NAT, which share its public address.
    """

    name: str
    stub: bool
    wans: tuple[str, ...]
    sources: tuple[str, ...]
    tunnels: tuple[tuple[str, IPAddress], ...]
    configured: tuple[IPAddress, ...]
    servers: tuple[str, ...]
    shortcuts: bool
    companions: tuple[str, ...] = ()


class Conversation(Value):
    """Two hosts that talk: flows in both directions."""

    hosts: tuple[str, str]
    sites: tuple[str, str]


#: A link between two sites, the lesser name first.
Link = tuple[str, str]


def link(one: str, other: str) -> Link:
    """Return the link between two sites."""
    return (one, other) if one < other else (other, one)


class OspfTimes(Value):
    """The longest OSPF timers of all tunnels, seconds. election: the wait before the election of a DR."""

    hello: int
    dead: int
    election: int


class Anatomy(Mutable):
    """See the module's docstring. links: between sites, by their configurations; providers only forward packets.

    igp: EIGRP runs. ospf: the times of OSPF on tunnels, None where it does not run: both for either version
    of IP. bgp_hold: the longest hold time of BGP, seconds; 0: it does not run. protected: there are tunnels with
    `tunnel protection`.
    """

    sites: dict[str, Site]
    providers: tuple[str, ...]
    links: tuple[Link, ...]
    igp: bool
    holding_time: int
    unique: bool
    if_state: bool
    conversations: tuple[Conversation, ...] = ()
    protected: bool = False
    bgp_hold: int = 0
    ospf: OspfTimes | None = None
    _neighbors: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one, other in self.links:
            self._neighbors.setdefault(one, []).append(other)
            self._neighbors.setdefault(other, []).append(one)

    @classmethod
    def of(cls, world: Simulator, scenario: Scenario) -> Anatomy:
        """Read a world at time 0: configured, no packet sent yet."""
        overlay = [name for name in world.routers if scenario.role(name) != "provider"]
        owners = {
            address: name
            for name in overlay
            for state in world.routers[name].router.ports.interfaces.all()
            for address, _ in state.addresses
        }
        # Sites that share a wire without a provider on it: a core behind two hubs
        cables: dict[str, tuple[str, ...]] = {}
        for segment in world.segments:
            names = dict.fromkeys(station.name for station, _ in segment.ends)
            if all(name in overlay for name in names) and len(names) > 1:
                for name in names:
                    cables[name] = (*cables.get(name, ()), *(other for other in names if other != name))
        sites = {name: _site(world, name, owners, cables.get(name, ())) for name in overlay}
        # A spoke has no clients, and forwards no transit packets, even where its IGP would offer a path.
        sought = dict.fromkeys(server for site in sites.values() for server in site.servers)
        sites = {
            name: replace(site, stub=name not in sought or scenario.role(name) == "spoke")
            for name, site in sites.items()
        }
        links = dict.fromkeys(link(name, server) for name, site in sites.items() for server in site.servers)
        configs = [
            tunnel.config for name in overlay for tunnel in world.routers[name].router.machine(NhrpMachine).tunnels
        ]
        return cls(
            sites,
            tuple(name for name in world.routers if name not in sites),
            tuple(links),
            any(
                world.routers[name].router.machine(EigrpMachine).of_version(version)
                for name in overlay
                for version in VERSIONS
            ),
            max((config.holdtime for config in configs), default=0),
            any(config.unique for config in configs),
            any(config.if_state for config in configs),
            _conversations(world, scenario, sites),
            any(protected_keys(scenario.configurations[name]) for name in overlay),
            max((world.routers[name].router.machine(BgpMachine).longest_hold_time for name in overlay), default=0),
            _ospf(world, overlay),
        )

    @property
    def hubs(self) -> tuple[str, ...]:
        """Sites that are servers of clients."""
        return tuple(name for name, site in self.sites.items() if not site.stub)

    @property
    def spokes(self) -> tuple[str, ...]:
        """Sites at the edge."""
        return tuple(name for name, site in self.sites.items() if site.stub)

    def connected(self, one: str, other: str, dead: frozenset[str], broken: frozenset[Link]) -> bool:
        """Return whether a working way by the configured links leads from one site to the other."""
        if one in dead or other in dead:
            return False
        reached, front = {one: None}, [one]
        while front:
            here = front.pop()
            for there in self._neighbors.get(here, ()):
                if there in reached or there in dead or link(here, there) in broken:
                    continue
                if there == other:
                    return True
                reached[there] = None
                if not self.sites[there].stub:
                    front.append(there)
        return one == other


def _site(world: Simulator, name: str, owners: dict[IPAddress, str], cabled: tuple[str, ...]) -> Site:
    router = world.routers[name].router
    states = [(tunnel, router.ports.interfaces.get(tunnel.name)) for tunnel in router.ports.tunnels.all()]
    entries = [entry for tunnel in router.machine(NhrpMachine).tunnels for entry in tunnel.cache.entries()]
    clients = [client for tunnel in router.machine(NhrpMachine).tunnels for client in tunnel.clients.values()]
    mapped = [entry.nbma for entry in entries if entry.type is EntryType.STATIC and entry.nbma]
    far = [*(tunnel.destination for tunnel, _ in states), *(client.nbma for client in clients), *mapped]
    servers = dict.fromkeys([owners[address] for address in far if address in owners])
    servers.pop(name, None)
    found: dict[str, None] = {}
    for segment in world.segments:
        names = [station.name for station, _ in segment.ends]
        if name in names and any(other in world.gateways for other in names):
            found |= dict.fromkeys(other for other in names if other != name and other in owners.values())
    return Site(
        name=name,
        stub=False,
        wans=_wans(world, name, owners),
        sources=tuple(dict.fromkeys(tunnel.source_interface for tunnel, _ in states)),
        tunnels=tuple((tunnel.name, address) for tunnel, state in states if state for address in _on_link(state)),
        configured=tuple(mapped),
        servers=tuple({**servers, **dict.fromkeys(cabled)}),
        shortcuts=any(tunnel.config.shortcut for tunnel in router.machine(NhrpMachine).tunnels),
        companions=tuple(found),
    )


def _on_link(state: InterfaceState) -> list[IPAddress]:
    """Return the primary and the link-local address of each version of IP."""
    found = (state.primary(4), state.primary(6), state.link_local(6))
    return [address for address in found if address is not None]


def _wans(world: Simulator, name: str, owners: dict[IPAddress, str]) -> tuple[str, ...]:
    """Return its ports on wires to a node that is neither of the overlay nor a host: a provider, a translator."""
    ours = {*owners.values(), *world.hosts}
    return tuple(
        interface
        for segment in world.segments
        for station, interface in segment.ends
        if station.name == name and any(other.name not in ours for other, _ in segment.ends)
    )


def _ospf(world: Simulator, overlay: list[str]) -> OspfTimes | None:
    found = []
    for name in overlay:
        router = world.routers[name].router
        in_vrfs = (machine for vrf in router.vrfs.values() for machine in vrf.machines.values())
        tables = (router.machine(OspfMachine), *(machine for machine in in_vrfs if isinstance(machine, OspfMachine)))
        for version in VERSIONS:
            configs = [config for machine in tables if (config := machine.config.of_version(version)).processes]
            lines = {own.name: own for config in configs for own in config.interfaces}
            for tunnel in router.ports.tunnels.all() if configs else ():
                own, default = lines.get(tunnel.name) or Interface(name=tunnel.name), default_network(tunnel.name)
                hello, dead = timers(own, default)
                found.append(OspfTimes(hello, dead, dead if (own.network or default) in ELECTING else 0))
    if not found:
        return None
    return OspfTimes(
        max(each.hello for each in found), max(each.dead for each in found), max(each.election for each in found)
    )


def _conversations(world: Simulator, scenario: Scenario, sites: dict[str, Site]) -> tuple[Conversation, ...]:
    """Return all pairs of hosts of one customer behind different sites, unless access lists forbid them to talk."""
    ends = {
        name: scenario.end(host.link)
        for name, host in scenario.lab.hosts.items()
        if name in world.hosts and not host.is_leased
    }
    homes = {name: home for name, (home, _) in ends.items()}
    hosts = [name for name, home in homes.items() if home in sites]
    of_tables = customers_of(world, sites)
    tables: dict[str, Table] = {}
    for name in hosts:
        home, port = ends[name]
        state = world.routers[home].router.ports.interfaces.get(port)
        tables[name] = home, state.vrf if state is not None else ""
    customers = {name: of_tables.get(table, table[1]) for name, table in tables.items()}
    places = {name: Place(*ends[name], scenario.lab.hosts[name].interface.ip) for name in hosts}
    return tuple(
        Conversation((one, other), (homes[one], homes[other]))
        for position, one in enumerate(hosts)
        for other in hosts[position + 1 :]
        if homes[one] != homes[other]
        and customers[one] == customers[other]
        and may_talk(world, places[one], places[other])
    )
