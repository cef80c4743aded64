"""What there is to draw of a network: from its scenario, and from the facts of its routers if they run.

Without facts the tunnels are those of the configurations: of clients to their servers, of static maps, between two
ends alone. Facts say which of them are up, and which tunnels there are besides: NHRP made those, directly between
two spokes.
"""

from __future__ import annotations

from ipaddress import ip_interface
from typing import TYPE_CHECKING, Final

from dmvpn.ios import short_interface
from dmvpn.network.device import Device
from dmvpn.network.overlay import Network, TunnelEnd
from dmvpn.shells.lab_model import LEASED
from dmvpn.tools.lint.engine import sites_of
from dmvpn.tools.picture.model import Cloud, Kind, Node, Picture, Port, Tunnel, TunnelState, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.shells.facts import LinkFacts
    from dmvpn.shells.scenario import Scenario

    #: Two routers, in alphabetical order, and the index of a cloud.
    _Key = tuple[str, str, int]

#: The name of all tunnels between two ends alone.
_POINT_TO_POINT: Final = "point-to-point GRE"


def picture_of(
    scenario: Scenario,
    about: str,
    routers: Mapping[str, RouterFacts | None] | None = None,
    links: Sequence[LinkFacts] = (),
    devices: dict[str, Device] | None = None,
) -> Picture:
    """Return the picture of a network.

    about: what it is a picture of.
    routers: the facts of running routers, None for a dead router; a router that is not in it has no facts. Without it
        nothing runs.
    links: the wires as they are now.
    devices: routers that were read for the last picture; those with another configuration are read again and replaced.
    """
    return _Reader(scenario, routers, {} if devices is None else devices).picture(about, links)


def sketch_of(scenario: Scenario, about: str) -> Picture:
    """Return the picture of a network whose configurations are not read: its nodes by their roles, and its wires."""
    routers = [Node(name=name, kind=Kind(scenario.role(name)), ports=()) for name in scenario.configurations]
    return Picture(
        title=scenario.lab.title or scenario.name,
        about=about,
        nodes=(*routers, *_others(scenario)),
        wires=tuple(_wires(scenario, {}, ())),
        clouds=(),
        tunnels=(),
    )


def _others(scenario: Scenario) -> Iterator[Node]:
    """Yield the nodes that have no configuration: translators and hosts."""
    for name, gateway in scenario.lab.gateways.items():
        inside, outside = (
            Port(name="inside", address=gateway.inside),
            Port(name="outside", address=gateway.outside),
        )
        yield Node(name=name, kind=Kind.NAT, ports=(outside, inside))
    for name, host in scenario.lab.hosts.items():
        addresses = (host.address, *((host.address6,) if host.address6 is not None else ()))
        ports = tuple(Port(name="", address=address) for address in addresses)
        yield Node(name=name, kind=Kind.HOST, ports=ports)


def _wires(scenario: Scenario, known: Mapping[tuple[str, str], str], links: Sequence[LinkFacts]) -> Iterator[Wire]:
    """Yield the wires. known: addresses of ports."""
    problems = {
        frozenset(link.ends): (("cut",) if link.cut else tuple(bad for bad in link.bad if bad != "cut"))
        for link in links
    }
    for ends, _ in scenario.segments():
        short = tuple((node, short_interface(port) if ":" not in port else port) for node, port in ends)
        on_hosts = scenario.lab.hosts
        named = tuple((node, "" if node in on_hosts else port) for node, port in short)
        addresses = (known.get(end, LEASED) for end in named)
        networks = dict.fromkeys(str(ip_interface(address).network) for address in addresses if address != LEASED)
        yield Wire(ends=named, network=", ".join(networks), problems=problems.get(frozenset(ends), ()))


class _Reader:
    """One network while it is read."""

    def __init__(
        self, scenario: Scenario, routers: Mapping[str, RouterFacts | None] | None, devices: dict[str, Device]
    ) -> None:
        self.scenario = scenario
        self.routers = routers
        self.devices = devices
        sites = sites_of(scenario)
        for name, text in scenario.configurations.items():
            facts = self._facts(name)  # what a router runs, if it runs
            running = "\n".join(facts.configuration) if facts is not None else text
            if name not in devices or (devices[name].text, devices[name].site) != (running, sites.get(name)):
                devices[name] = Device.read(name, running, sites.get(name))
        self.network = Network(tuple(devices[name] for name in scenario.configurations))
        self.keys: list[tuple[str, int | None]] = []
        self.of_end: dict[TunnelEnd, int] = {}
        for end in self.network.ends:
            is_alone = not end.multipoint and not end.is_client  # it leads to one other end, without NHRP
            subnet = _POINT_TO_POINT if is_alone else str(end.subnet or "without an address")
            key = (subnet, None if is_alone else end.tunnel.key)
            if key not in self.keys:
                self.keys.append(key)
            self.of_end[end] = self.keys.index(key)

    def picture(self, about: str, links: Sequence[LinkFacts]) -> Picture:
        """Return the whole picture."""
        regions, region_of = self._regions()
        nodes = [self._router(name, region_of.get(name)) for name in self.scenario.configurations]
        nodes += _others(self.scenario)
        known = {(node.name, port.name): port.address for node in nodes for port in node.ports}
        tunnels = self._tunnels()
        return Picture(
            title=self.scenario.lab.title or self.scenario.name,
            about=about,
            nodes=tuple(nodes),
            wires=tuple(_wires(self.scenario, known, links)),
            clouds=tuple(self._cloud(index) for index in range(len(self.keys))),
            tunnels=tunnels,
            regions=regions,
        )

    def _facts(self, name: str) -> RouterFacts | None:
        return (self.routers or {}).get(name)

    # --- nodes and wires ----------------------------------------------------------------------------------------------

    def _router(self, name: str, region: int | None) -> Node:
        device = self.devices[name]
        ends = {end.name: end for end in self.network.ends_of(device)}
        ports = []
        for interface, (address, *more) in self._addresses(name):
            end = ends.get(interface)
            ports.append(
                Port(
                    name=short_interface(interface),
                    address=address,
                    more=tuple(more),
                    cloud=self.of_end[end] if end is not None else None,
                    is_source=interface in device.tunnel_sources,
                )
            )
        return Node(
            name=name,
            kind=self._kind(name),
            ports=tuple(sorted(ports, key=lambda port: (port.cloud is None, not port.is_source))),
            runs=self.routers is None or self.routers.get(name, True) is not None,
            region=region,
        )

    def _addresses(self, name: str) -> Iterator[tuple[str, list[str]]]:
        """Yield the interfaces of a router that have an address, each with all of them, the best known one first."""
        facts = self._facts(name)
        learned = {one.name: one.addresses for one in facts.interfaces} if facts is not None else {}
        for settings in self.devices[name].interfaces.interfaces:
            own = [settings.address] if settings.address is not None else []
            of_ipv6 = settings.ipv6.addresses if settings.ipv6 is not None else ()
            addresses = [f"{address}/{length}" for address, length in (*own, *settings.secondary, *of_ipv6)]
            addresses = addresses or [str(address) for address in learned.get(settings.name, ())]
            if addresses and not settings.shutdown:
                yield settings.name, addresses

    def _kind(self, name: str) -> Kind:
        role = self.scenario.role(name)
        ends = self.network.ends_of(self.devices[name])
        if role == "provider":
            return Kind.PROVIDER
        if any(self.network.is_server(end) for end in ends):
            return Kind.HUB
        return Kind.SPOKE if ends else Kind(role)

    # --- tunnels ------------------------------------------------------------------------------------------------------

    def _cloud(self, index: int) -> Cloud:
        ends = [end for end, cloud in self.of_end.items() if cloud == index]
        identifiers = dict.fromkeys(end.nhrp.network_id for end in ends if end.nhrp.network_id is not None)
        protected = [bool(end.tunnel.protection) for end in ends]
        subnet, key = self.keys[index]
        details = [
            *(["NHRP network-id " + ", ".join(map(str, identifiers))] if identifiers else []),
            *([f"key {key}"] if key is not None else []),
            *(["IPsec"] if all(protected) else ["IPsec in part"] if any(protected) else ["without IPsec"]),
        ]
        return Cloud(name=subnet, details=tuple(details), protected=any(protected))

    def _tunnels(self) -> tuple[Tunnel, ...]:
        found: dict[_Key, Tunnel] = {}
        for here, there in self._wanted():
            if here.device is there.device:
                continue
            names = here.device.name, there.device.name
            key = _key(*names, self.of_end[here])
            if key not in found:
                state, note = self._state(here, there) if self.routers is not None else (TunnelState.CONFIGURED, "")
                found[key] = Tunnel(here=names[0], there=names[1], cloud=self.of_end[here], state=state, note=note)
        for name, facts in (self.routers or {}).items():
            for tunnel in facts.tunnels if facts is not None else ():
                for cloud, other in self._direct(name, tunnel):
                    key = _key(name, other, cloud)
                    found.setdefault(key, Tunnel(here=key[0], there=key[1], cloud=cloud, state=TunnelState.DIRECT))
        return tuple(found.values())

    def _wanted(self) -> Iterator[tuple[TunnelEnd, TunnelEnd]]:
        """Yield the tunnels that the configurations want: a client and its server, or two ends."""
        for pair in self.network.pairs:
            yield pair.here, pair.there
        for end in self.network.ends:
            for target, _ in end.nhrp.maps:
                for other in self.network.owners(target.address) if target.is_host else ():
                    if self.of_end[other] == self.of_end[end]:
                        yield end, other

    def _state(self, here: TunnelEnd, there: TunnelEnd) -> tuple[TunnelState, str]:
        """Return the state of a tunnel, and why it is down."""
        for end in (here, there):
            tunnel = self._tunnel_facts(end)
            if tunnel is None:
                return TunnelState.DOWN, f"{end.device.name} does not run"
            if not tunnel.up:
                return TunnelState.DOWN, f"{end.device.name} {end.name} is down: {tunnel.reason}"
        mine = self._tunnel_facts(here)
        servers = [one for one in (mine.servers if mine is not None else ()) if one.address == there.address]
        for server in servers:
            if not server.responding and server.wanted:
                reason = f": {server.reason}" if server.reason else ""
                return TunnelState.DOWN, f"{here.device.name} is not registered with {there.device.name}{reason}"
        return TunnelState.UP, ""

    def _tunnel_facts(self, end: TunnelEnd) -> TunnelFacts | None:
        facts = self._facts(end.device.name)
        return next((one for one in facts.tunnels if one.name == end.name), None) if facts is not None else None

    def _direct(self, name: str, tunnel: TunnelFacts) -> Iterator[tuple[int, str]]:
        """Yield the cloud and the other router of each tunnel that packets of this router take now."""
        mine = next((end for end in self.network.ends_of(self.devices[name]) if end.name == tunnel.name), None)
        if mine is None:
            return
        for next_hop, _, _ in tunnel.adjacencies:
            owners = self.network.owners(next_hop)
            same = (end for end in owners if self.of_end[end] == self.of_end[mine])
            owner = next(same, owners[0] if owners else None)
            if next_hop not in tunnel.by_server and owner is not None and owner.device.name != name:
                yield min(self.of_end[mine], self.of_end[owner]), owner.device.name

    # --- regions ------------------------------------------------------------------------------------------------------

    def _regions(self) -> tuple[tuple[str, ...], dict[str, int]]:
        """Return the regions, and the region of each router that is in one.

        Clients of the same servers are a region, with those of the servers that serve no other one.
        """
        servers_of: dict[str, tuple[str, ...]] = {}
        for end in self.network.ends:
            names = {server.device.name for server in self.network.servers_of(end)}
            known = servers_of.get(end.device.name, ())
            servers_of[end.device.name] = tuple(sorted({*known, *names} - {end.device.name}))
        serving = {server for servers in servers_of.values() for server in servers}
        groups = list(dict.fromkeys(servers for name, servers in servers_of.items() if servers and name not in serving))
        if len(groups) < 2:
            return (), {}
        region_of: dict[str, int] = {}
        for index, group in enumerate(groups):
            region_of |= {
                name: index for name, servers in servers_of.items() if servers == group and name not in serving
            }
            region_of |= {name: index for name in group if not any(name in other for other in groups if other != group)}
        return tuple(", ".join(group) for group in groups), region_of


def _key(first: str, second: str, cloud: int) -> _Key:
    lower, upper = sorted((first, second))
    return lower, upper, cloud
