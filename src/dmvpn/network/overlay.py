"""The overlay of all routers: tunnel ends, NHRP clients and their servers, and the ends that form one cloud.

    TunnelEnd   one tunnel interface of one router, for one IP version, with its settings of all features
    ServerLink  a client, one of its `nhs` lines, and the server among these configurations that the line means
    EndPair     two ends that exchange packets: a client and its server, or the two ends of a point-to-point tunnel
    EndIndex    the ends by their addresses: which of them is the server of a client, for lint, pictures and the doctor

An end is a client if it has an NHS. It is a server if a client names it as NHS, or if it could be one: a multipoint
tunnel without an NHS of its own. A regional hub is both. Tunnels that are shut down, and excerpts of a tunnel's
configuration, are left out.

Tables of different routers are of one customer (`customers`) if their LANs should reach each other. A VRF mostly has
one name on all routers, so tables of one name are of one customer. The name means nothing outside its router, though: a
VRF whose name no other router has belongs to the tables that its tunnels meet, in a cloud of the same network and the
same key. So does the global table of a customer's own router, where the clouds of several customers end in global
tables.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeAlias, TypeVar

from dmvpn.base.addresses import IPAddress, OuterAddress, Prefix, ip_keyword
from dmvpn.base.values import Value
from dmvpn.features.nhrp.model import NhsConfig
from dmvpn.features.nhrp.model import TunnelConfig as NhrpTunnel
from dmvpn.network.routing import Protocol, Running, advertised_lans, ospf_interface, running

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
    from ipaddress import IPv4Network, IPv6Network

    from dmvpn.base.facts import Network as IPNetwork
    from dmvpn.features.eigrp.model import InterfaceSettings as EigrpInterface
    from dmvpn.features.eigrp.model import ProcessSettings
    from dmvpn.features.interface.model import InterfaceSettings
    from dmvpn.features.ospf.model import Interface as OspfInterface
    from dmvpn.features.static.model import StaticRoute
    from dmvpn.features.tunnel.model import TunnelSettings
    from dmvpn.network.device import Device
    from dmvpn.network.sites import Site


# ------------------------------------------------------------------------------------------------ the overlay


E = TypeVar("E")


class TunnelEnd(Value, kw_only=True, eq=False):
    """A tunnel interface. source: its NBMA address, None if the configuration does not show it."""

    device: Device
    tunnel: TunnelSettings
    nhrp: NhrpTunnel
    interface: InterfaceSettings
    source: IPAddress | None

    @property
    def name(self) -> str:
        """Tunnel100."""
        return self.tunnel.name

    @property
    def outer(self) -> OuterAddress | None:
        """Its source in its front door."""
        return OuterAddress(self.source, self.tunnel.front) if self.source is not None else None

    @property
    def at(self) -> tuple[str, ...]:
        """The words of its section."""
        return (f"interface {self.name}",)

    def line(self, *words: str) -> tuple[str, ...]:
        """Return a line in its section."""
        return (*self.at, *words)

    @property
    def words(self) -> str:
        """How its NHRP lines begin."""
        return f"{ip_keyword(self.nhrp.version)} nhrp"

    @property
    def sizes(self) -> tuple[int | None, int | None]:
        """Octets of its largest packet and of TCP's segments, of its IP version; None: not configured."""
        ipv6 = self.interface.ipv6
        if self.nhrp.version == 4 or ipv6 is None:
            return self.tunnel.ip_mtu, self.tunnel.mss
        return ipv6.mtu, ipv6.mss

    @property
    def addresses(self) -> tuple[tuple[IPAddress, int], ...]:
        """Its tunnel addresses with their lengths, of its IP version."""
        return self.interface.addresses_of(self.nhrp.version)

    @property
    def address(self) -> IPAddress | None:
        """The first of them."""
        return self.addresses[0][0] if self.addresses else None

    @property
    def link_local(self) -> IPAddress | None:
        """Its link-local address, if a line gives it one."""
        ipv6 = self.interface.ipv6
        return ipv6.link_local if ipv6 is not None and self.nhrp.version == 6 else None

    @property
    def subnet(self) -> Prefix | None:
        """The prefix of the first of its addresses."""
        return Prefix.of(*self.addresses[0]) if self.addresses else None

    def carries(self, route: StaticRoute) -> bool:
        """Return whether a static route of its IP version leads through it."""
        subnet, hop = self.subnet, route.next_hop
        if route.prefix.version != self.nhrp.version:
            return False
        if route.interface:
            return route.interface == self.name
        return subnet is not None and hop is not None and hop in subnet

    @property
    def is_client(self) -> bool:
        """True if it has an NHS."""
        return bool(self.nhrp.nhs)

    @property
    def multipoint(self) -> bool:
        """True for mGRE."""
        return self.tunnel.multipoint

    @property
    def lacks_server(self) -> bool:
        """True if it has static maps, but neither registers nor accepts registrations."""
        mapped = any(target.is_host for target, _ in self.nhrp.maps)
        return mapped and not self.is_client and not self.nhrp.multicast_dynamic and self.nhrp.network_id is not None

    @property
    def looks_like_hub(self) -> bool:
        """By its own lines alone."""
        is_open = self.nhrp.network_id is not None and not self.lacks_server
        return self.multipoint and is_open and not self.is_client

    @property
    def running(self) -> tuple[Running, ...]:
        """The routing protocols that greet neighbors through it."""
        return tuple(one for one in running(self.device, self.name, self.address) if not one.passive)

    @property
    def eigrp(self) -> tuple[ProcessSettings, EigrpInterface] | None:
        """The EIGRP process that greets neighbors through it, and its settings there."""
        numbers = [one.number for one in self.running if one.protocol is Protocol.EIGRP]
        processes = self.device.eigrp.of_version(self.nhrp.version)
        process = next((one for one in processes if one.autonomous_system in numbers), None)
        return (process, process.interface(self.name)) if process is not None else None

    @property
    def ospf_lines(self) -> OspfInterface | None:
        """The lines of OSPF in its section, for its version of IP."""
        return ospf_interface(self.device, self.name, self.nhrp.version)

    @property
    def underlay(self) -> InterfaceSettings | None:
        """The interface that has its source address."""
        if self.tunnel.source_interface:
            return self.device.interface(self.tunnel.source_interface)
        return self.device.owner(self.source, self.tunnel.front) if self.source is not None else None

    @property
    def source_port(self) -> str:
        """The port with its source address, "": no port of this router is known to have it."""
        address = self.tunnel.source_address
        owner = self.device.owner(address, self.tunnel.front) if address is not None else None
        return owner.name if owner is not None else self.tunnel.source_interface

    @property
    def nat(self) -> Site | None:
        """The place of its router, if it is behind NAT by the port with its source address; None: it is not."""
        site = self.device.site
        if site is None or site.nat is None:
            return None
        return site.of(self.source) if site.interface in ("", self.source_port) else None

    @property
    def seen(self) -> IPAddress | None:
        """The NBMA address by which its peers know it: behind NAT the public one."""
        return self.nat.public if self.nat is not None else self.source

    @property
    def source_vrf(self) -> str:
        """The VRF of that port; if it is unknown, that of the outer packets."""
        return self.device.vrf_of(self.source_port) if self.source_port else self.tunnel.front

    def nbma_of(self, nhs: NhsConfig) -> IPAddress | None:
        """Return the NBMA address of a server, by its own line, a name or a map."""
        if nhs.nbma is not None:
            return nhs.nbma
        if nhs.name:
            return next((address for name, address in self.device.nhrp.hosts if name == nhs.name), None)
        return self.nhrp.mapped(nhs.address)


class ServerLink(Value, kw_only=True, eq=False):
    """One NHS of a client.

    server: the end with the NHS's tunnel address. there: the end with its NBMA address, with the same tunnel key if
    there is one.
    """

    client: TunnelEnd
    nhs: NhsConfig
    nbma: IPAddress | None
    server: TunnelEnd | None
    there: TunnelEnd | None

    @property
    def at(self) -> tuple[str, ...]:
        """The line."""
        address = self.nhs.address if self.nhs.address is not None else "dynamic"
        return self.client.line(f"{self.client.words} nhs {str(address).upper()}")


class EndPair(Value):
    """Two ends that should reach each other: whichever lines make them one. there: the server, if one is a server."""

    here: TunnelEnd
    there: TunnelEnd
    nhrp: bool


class Seat(NamedTuple, Generic[E]):
    """A tunnel end as other ends find it. sources: its NBMA addresses, before and behind NAT."""

    end: E
    router: Hashable
    key: int | None
    addresses: Sequence[IPAddress]
    networks: Sequence[Prefix] | Sequence[IPNetwork]
    sources: Iterable[Hashable]


class EndIndex(Generic[E]):
    """Tunnel ends by their addresses: whichever ends a reader looks at, by configurations or by facts."""

    def __init__(self, seats: Sequence[Seat[E]]) -> None:
        self.seats = seats
        self.by_address: dict[IPAddress, list[Seat[E]]] = {}
        self.by_source: dict[Hashable, list[Seat[E]]] = {}
        for seat in seats:
            for address in seat.addresses:
                self.by_address.setdefault(address, []).append(seat)
            for source in dict.fromkeys(seat.sources):
                self.by_source.setdefault(source, []).append(seat)

    def server(
        self, client: Seat[E], address: IPAddress | None, source: Hashable
    ) -> tuple[Seat[E] | None, Seat[E] | None]:
        """Return the end with a server's tunnel address, and the end with its NBMA address.

        Of several ends it is the one, preferably on another router, that has most in common with the client: a subnet,
        the tunnel key, the server's address; of equal ones that at the NBMA address.
        """
        with_address = self.by_address.get(address, ()) if address is not None else ()
        with_source = self.by_source.get(source, ())

        def likeness(seat: Seat[E]) -> tuple[bool, int, bool]:
            near = any(one in network for network in client.networks for one in seat.addresses)
            common = near + (seat.key == client.key) + (address in seat.addresses)
            return seat.router != client.router, common, seat in with_source

        return max(with_address, key=likeness, default=None), max(with_source, key=likeness, default=None)


class Network:
    """All configurations that were given."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self.devices = tuple(devices)
        self._ends = {
            device: tuple(end for end in tunnel_ends(device) if not (end.tunnel.shutdown or end.tunnel.is_excerpt))
            for device in devices
        }
        self.ends = tuple(end for ends in self._ends.values() for end in ends)
        self._index = EndIndex([_seat(end) for end in self.ends])
        self.links = tuple(self._link(seat, nhs) for seat in self._index.seats for nhs in seat.end.nhrp.nhs)
        self._clients: dict[TunnelEnd, list[TunnelEnd]] = {}
        self._links: dict[TunnelEnd, list[ServerLink]] = {}
        for link in self.links:
            self._links.setdefault(link.client, []).append(link)
            server = link.server
            if server is not None and link.client not in self._clients.setdefault(server, []):
                self._clients[server].append(link.client)

    @cached_property
    def advertised(self) -> dict[Device, tuple[Prefix, ...]]:
        """The LANs of each router that it advertises to other sites."""
        return {device: advertised_lans(device) for device in self.devices}

    def _link(self, client: Seat[TunnelEnd], nhs: NhsConfig) -> ServerLink:
        end = client.end
        nbma = end.nbma_of(nhs)
        found = self._index.server(client, nhs.address, (nbma, end.nhrp.version))
        server, there = (seat.end if seat is not None and seat.router is not client.router else None for seat in found)
        return ServerLink(client=end, nhs=nhs, nbma=nbma, server=there if nhs.address is None else server, there=there)

    @cached_property
    def servers(self) -> tuple[TunnelEnd, ...]:
        """The ends that a client names as NHS, and ends that look like hubs."""
        return tuple(end for end in self.ends if end in self._clients or end.looks_like_hub)

    def owners(self, address: IPAddress) -> tuple[TunnelEnd, ...]:
        """Return the ends that have this tunnel address."""
        return tuple(seat.end for seat in self._index.by_address.get(address, ()))

    def is_server(self, end: TunnelEnd) -> bool:
        """Return whether a client names this end as NHS, or could."""
        return end in self._clients or end.looks_like_hub

    def clients(self, server: TunnelEnd) -> tuple[TunnelEnd, ...]:
        """Return the ends that name this one as their NHS."""
        return tuple(self._clients.get(server, ()))

    def links_of(self, client: TunnelEnd) -> tuple[ServerLink, ...]:
        """Return the links that the NHS lines of this end make."""
        return tuple(self._links.get(client, ()))

    def ends_of(self, device: Device) -> tuple[TunnelEnd, ...]:
        """Return the tunnels of a router."""
        return self._ends.get(device, ())

    def servers_of(self, client: TunnelEnd) -> tuple[TunnelEnd, ...]:
        """Return the ends that a client's NHS lines mean, as far as they are here."""
        return tuple(link.server for link in self.links_of(client) if link.server is not None)

    def cloud(self, end: TunnelEnd) -> tuple[TunnelEnd, ...]:
        """Return the ends of the same IP version on the same tunnel subnet, itself among them."""
        subnet = end.subnet
        if subnet is None:
            return (end,)
        return tuple(
            other
            for other in self.ends
            if other is end or (other.subnet is not None and (other.subnet in subnet or subnet in other.subnet))
        )

    @cached_property
    def pairs(self) -> tuple[EndPair, ...]:
        """Clients with their servers, then point-to-point tunnels with each other."""
        found = [
            EndPair(link.client, server, nhrp=True)
            for link in self.links
            if (server := link.server or link.there) is not None
        ]
        met: set[TunnelEnd] = set()  # looked up, never iterated
        for end in self.ends:
            if end.multipoint or end.is_client or end.tunnel.destination is None:
                continue
            met.add(end)
            far = self._index.by_source.get((end.tunnel.destination, end.nhrp.version), ())
            found += [
                EndPair(end, seat.end, nhrp=False)
                for seat in far
                if seat.end.tunnel.destination in (end.source, end.seen) and seat.end not in met
            ]
        return tuple(found)


def tunnel_ends(device: Device) -> Iterator[TunnelEnd]:
    """Yield all tunnels of a router, tunnels that are shut down among them."""
    for tunnel in device.tunnels.tunnels:
        interface = device.interface(tunnel.name)
        if interface is None:
            continue
        source = device.source(tunnel)
        of_tunnel = [config for config in device.nhrp.tunnels if config.name == tunnel.name]
        of_ipv6 = [config for config in of_tunnel if config.version == 6]
        if of_ipv6 and interface.address is None:
            of_tunnel = of_ipv6  # there is no IPv4 in it
        version = 6 if interface.address is None and interface.addresses_of(6) else 4
        for config in of_tunnel or [NhrpTunnel(name=tunnel.name, version=version)]:
            yield TunnelEnd(device=device, tunnel=tunnel, nhrp=config, interface=interface, source=source)


def _seat(end: TunnelEnd) -> Seat[TunnelEnd]:
    return Seat(
        end,
        end.device,
        end.tunnel.key,
        addresses=[*(address for address, _ in end.addresses), *([end.link_local] if end.link_local else [])],
        networks=[Prefix.of(*own) for own in end.addresses],
        sources=[(nbma, end.nhrp.version) for nbma in {end.source: None, end.seen: None} if nbma is not None],
    )


# ------------------------------------------------------------------------------------------------ customers


#: A table: router and VRF, "": its global table.
Table: TypeAlias = tuple[str, str]


class TunnelSeat(Value):
    """A tunnel: the table that it is in, the network of its address, and its key."""

    table: Table
    network: IPv4Network | IPv6Network
    key: int | None


def customers(tables: Iterable[Table], tunnels: Iterable[TunnelSeat]) -> Mapping[Table, str]:
    """Return a name for the customer of each table: that of the VRF, or of the first VRF that its tunnels meet."""
    known = list(dict.fromkeys(tables))
    seats = list(tunnels)
    often = Counter(vrf for _, vrf in known)
    found = {table: table[1] for table in known}
    clouds: dict[tuple[IPv4Network | IPv6Network, int | None], str] = {}
    for seat in sorted(seats, key=lambda one: often[one.table[1]] < 2):  # names that several routers have come first
        vrf = seat.table[1]
        cloud = clouds.setdefault((seat.network, seat.key), found.get(seat.table, vrf))
        if vrf and often[vrf] < 2:
            found[seat.table] = cloud
    return found | _own_routers(seats, found)


def _own_routers(seats: list[TunnelSeat], found: Mapping[Table, str]) -> dict[Table, str]:
    """Return the customers of global tables that meet VRFs, and of these VRFs, if there are several customers."""
    named = {(seat.network, seat.key): found.get(seat.table) or seat.table[1] for seat in seats if seat.table[1]}
    met: dict[Table, list[str]] = {}
    for seat in seats:
        if not seat.table[1]:
            met.setdefault(seat.table, []).append(named.get((seat.network, seat.key), ""))
    own = {table: names[0] for table, names in met.items() if names[0] and len({*names}) == 1}
    if len({*own.values()}) < 2:
        return {}
    return own | {seat.table: named[seat.network, seat.key] for seat in seats if seat.table[1]}
