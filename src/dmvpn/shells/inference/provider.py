"""The provider: a router of our own with the gateways that no configuration has, between all sites.

    default routes     their next hops, which is the purpose of a provider
    external BGP       its neighbors on a wire of the router: it learns what they advertise, in the AS that each names
    Internet           a host behind the provider, where routers do NAT
    translators        one to one, before a hub with a private address that its clients look for at a public one
    ways out           sources of tunnels, ports of routes without a gateway, and links for two, if no other router is
                       there

On a wire with another router, or with several different gateways, nothing is added.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from itertools import count
from typing import Final

from dmvpn.base.addresses import Prefix
from dmvpn.features.bgp.settings import PeerSettings, configured_peers
from dmvpn.network.device import Device, is_private
from dmvpn.network.lines import with_lines
from dmvpn.network.overlay import Network
from dmvpn.network.underlay import LAST, far_ends, name_gateway, unadvertised
from dmvpn.shells.inference.wires import VIRTUAL, InferredNetwork, Port, Wire, ports_of
from dmvpn.shells.lab_model import INSIDE, OUTSIDE, GatewaySpec, HostSpec, LinkSpec
from dmvpn.shells.stations import is_of_host

#: Prefixes of at least this length are links for two, and no LAN.
NO_LAN: Final = 30
_HOST: Final = 32
#: Hosts of the Internet that many configurations name, and their routers.
INTERNET: Final = (
    (IPv4Interface("8.8.8.8/24"), IPv4Address("8.8.8.1")),
    (IPv4Interface("208.67.222.222/24"), IPv4Address("208.67.222.1")),
)
#: Routers with a port in the network of such a host.
_MOST_PROVIDERS: Final = 5
#: Prefix lengths of the made-up link outside a translator, the first that fits.
_OUTSIDE: Final = (30, 29, 28)


def add_provider(network: InferredNetwork, configurations: dict[str, str]) -> str:
    """Return a router for all gateways that no router has; "": there are none. It is added to the configurations."""
    for router, device in network.devices.items():
        for gateway in device.default_gateways:
            _want_gateway(network, router, gateway)
    for router, device in network.devices.items():
        ports = ports_of(router, device)
        near = [port.address.network for port in ports if _leads_out(port, device)]
        external = [one.peer for one in device.bgp.neighbors if one.remote_as not in (None, device.bgp.local_as)]
        for peer in external:
            if isinstance(peer, IPv4Address) and any(peer in port.address.network for port in ports):
                _want_gateway(network, router, peer)
        called = [one for one in device.bgp.called if isinstance(one, IPv4Address)]
        for gateway in [
            *called,
            *dict.fromkeys([route.next_hop for route in device.routes if isinstance(route.next_hop, IPv4Address)]),
        ]:
            if any(gateway in subnet for subnet in near):
                _want_gateway(network, router, gateway)
    _want_ways_out(network)
    return _plug_in(network, configurations) if any(wire.provider is not None for wire in network.wires) else ""


def _plug_in(network: InferredNetwork, configurations: dict[str, str]) -> str:
    """Give the provider a port on every wire that needs one. Returns its name."""
    names = ("PROVIDER", *(f"PROVIDER-{number}" for number in range(1, len(configurations) + 1)))
    name = next(name for name in names if name not in configurations)
    wanted = [(wire, wire.provider) for wire in network.wires if wire.provider is not None]
    text = [f"hostname {name}", "!"]
    taken: dict[IPv4Interface, Port] = {}
    for number, (wire, address) in enumerate(wanted, 1):
        first = next((port for other, port in taken.items() if other.network.overlaps(address.network)), None)
        if first is not None:
            network.notes.append(
                f"{first} and {wire.ports[0]} overlap: {name} has only the first, the second leads nowhere"
            )
            continue
        text += [f"interface GigabitEthernet0/{number}", f" ip address {address.ip} {address.netmask}", "!"]
        taken[address] = wire.ports[0]
        wire.ports.append(Port(name, f"GigabitEthernet0/{number}", address))
    wires = [wire for wire, _ in wanted]
    routes = [*_published(network, taken), *_rip(network, wires), *_bgp(network, wires)]
    configurations[name] = "\n".join([*text, *routes, *(["!"] if routes else []), "end"]) + "\n"
    gateways = ", ".join(str(address.ip) for address in taken)
    network.notes.append(f"no configuration has {gateways}: the lab adds a router for that, {name}")
    return name


def _want_gateway(network: InferredNetwork, router: str, gateway: IPv4Address) -> None:
    """Give the provider a gateway on a wire of this router, unless a port there has the address."""
    for wire in network.wires:
        mine = [port for port in wire.ports if port.router == router and gateway in port.address.network]
        if not mine:
            continue
        subnet = mine[0].address.network
        if any(gateway in network.addresses(port) for port in wire.ports):
            return
        if not is_of_host(gateway, subnet):
            network.notes.append(f"{router} has the gateway {gateway}, which no router can have: ignored")
            return
        if wire.provider is not None and wire.provider.ip != gateway:
            network.notes.append(
                f"{router} wants the gateway {gateway}, others on its wire {wire.provider.ip}: ignored"
            )
            return
        wire.provider = IPv4Interface(f"{gateway}/{subnet.prefixlen}")
        return
    device = network.devices[router]
    # It may be in the subnet of a tunnel or of a secondary address; an unknown address may be near, too.
    own = [one for each in device.interfaces.interfaces for one in (each.address, *each.secondary) if one is not None]
    is_leased = any(device.uses_dhcp(one.name) for one in device.interfaces.interfaces)
    if not is_leased and not any(gateway in Prefix.of(*one) for one in own):
        network.notes.append(f"{router} has the gateway {gateway}, which is in the subnet of none of its interfaces")


def _want_ways_out(network: InferredNetwork) -> None:
    """Give a port that is alone on its wire, and leads out, a router at the other end."""
    ends = {
        end for device in network.devices.values() for end in far_ends(device)
    }  # those belong to routers that are not here
    for router, device in network.devices.items():
        without = _gateless(device)
        for wire in network.wires:
            (port,) = wire.ports if len(wire.ports) == 1 else (None,)
            if port is None or port.router != router or wire.provider is not None or not _leads_out(port, device):
                continue
            subnet = port.address.network
            free = next((host for host in subnet.hosts() if host != port.address.ip and host not in ends), None)
            if free is None or (
                not _is_source(port, device) and any(one.network.subnet_of(subnet) for one, _ in INTERNET)
            ):
                continue
            wire.provider = IPv4Interface(f"{free}/{subnet.prefixlen}")
            wire.loose = not _is_way_out(port, device)
            known = port.name in without or any(gateway in subnet for gateway in device.default_gateways)
            why = ", and no default route leads out of it" if _is_source(port, device) and not known else ""
            network.notes.append(f"{port}: no other router is on this wire{why}; the lab puts {free} there")


def _leads_out(port: Port, device: Device) -> bool:
    """Return whether the port is a way out, or a link for two: no LAN."""
    return _is_way_out(port, device) or NO_LAN <= port.address.network.prefixlen < _HOST


def _is_way_out(port: Port, device: Device) -> bool:
    """Return whether the port is the source of a tunnel, or the exit of a route."""
    return (
        _is_source(port, device)
        or port.name in _gateless(device)
        or any(port.address.ip == tunnel.source_address for tunnel in device.tunnels.tunnels)
    )


def _is_source(port: Port, device: Device) -> bool:
    """Return whether a tunnel names it as its source."""
    return any(port.name == tunnel.source_interface for tunnel in device.tunnels.tunnels)


def ways_between(network: InferredNetwork) -> list[Wire]:
    """Return the wires between tunnel ends: ambiguous links count where a router has no other links."""
    firm = {port.router for wire in network.wires if not wire.loose and len(wire.ports) > 1 for port in wire.ports}
    return [wire for wire in network.wires if not wire.loose or wire.ports[0].router not in firm]


def _gateless(device: Device) -> list[str]:
    """Return the ports that routes without a gateway lead out of."""
    ports = (route.interface for route in device.routes if route.interface and route.next_hop is None)
    return [port for port in dict.fromkeys(ports) if not port.startswith(VIRTUAL)]


def _published(network: InferredNetwork, ports: Mapping[IPv4Interface, Port]) -> Iterator[str]:
    """Yield routes to addresses of a router's NAT that are on none of the provider's wires, as a provider has them.

    Addresses that the router advertises itself are left out. ports: by the provider's address on their wire.
    """
    links = [Prefix.of(one.network.network_address, one.network.prefixlen) for one in ports]
    for address, port in ports.items():
        device = network.devices.get(port.router)
        if device is not None and device.translates(port.name, "outside"):
            known = [*links, *(_advertised(device) if _session(device, port, address) is not None else ())]
            for one in dict.fromkeys(prefix for _, prefix in device.nat_beyond(known)):
                yield f"ip route {one.address} {one.netmask} {port.address.ip}"


def _rip(network: InferredNetwork, wires: list[Wire]) -> list[str]:
    """Return the provider's RIP lines, for wires whose sites run RIP."""
    speakers = [
        wire.provider
        for wire in wires
        for port in wire.ports
        if wire.provider is not None and port.router in network.devices and network.devices[port.router].rip.enabled
    ]
    networks = [f" network {address.network.network_address}" for address in speakers]
    return ["router rip", " version 2", *dict.fromkeys(networks), " no auto-summary", "!"] if networks else []


def _bgp(network: InferredNetwork, wires: list[Wire]) -> list[str]:
    """Return the provider's BGP lines, for routers that name its address as a neighbor: in the AS that each expects."""
    found: list[str] = []
    system = 0
    for address, port in ((wire.provider, port) for wire in wires for port in wire.ports):
        device = network.devices.get(port.router)
        peer = _session(device, port, address) if device is not None and address is not None else None
        if peer is not None:
            system = system or peer.remote_as
            other = peer.remote_as != system
            neighbor = f" neighbor {port.address.ip}"
            found += [f"{neighbor} remote-as {peer.local_as}"]
            found += [f"{neighbor} local-as {peer.remote_as} no-prepend replace-as"] if other else []
            found += [f"{neighbor} password {peer.lines.password}"] if peer.lines.password else []
            found += [f"{neighbor} advertisement-interval 0"]
    default = [" network 0.0.0.0", "!", "ip route 0.0.0.0 0.0.0.0 Null0"]  # better than any that a neighbor announces
    return [f"router bgp {system}", *found, *default] if found else []


def _session(device: Device, port: Port, address: IPv4Interface) -> PeerSettings | None:
    """Return a router's settings for a session of BGP with the provider; None: no line has the provider's address."""
    peer = configured_peers(device.bgp).get(address.ip)
    is_near = peer is not None and peer.lines.update_source in ("", port.name)
    return peer if peer is not None and peer.active and is_near else None


def _advertised(device: Device) -> list[Prefix]:
    """Return the networks that a router advertises by BGP because it has exactly them."""
    own = [Prefix.of(address, length) for _, address, length in device.addresses()]
    own += [route.prefix for route in device.routes]
    return [one.prefix for one in device.bgp.networks if one.prefix in own]


def add_translators(
    network: InferredNetwork, configurations: dict[str, str], provider: str
) -> tuple[dict[str, GatewaySpec], list[LinkSpec]]:
    """Return translators before hubs that clients look for at a public address, and the wires outside of them.

    The lines of a hub in a cloud show its private address alone, and those of its clients the public one.
    """
    found: dict[str, GatewaySpec] = {}
    wires: list[LinkSpec] = []
    routers = {device: name for name, device in network.devices.items()}
    overlay = Network(list(routers))
    ours = [(wire, port) for wire in network.wires for port in wire.ports if port.router == provider]
    known = [port.address.network for wire in network.wires for port in wire.ports]
    for end in overlay.servers:
        hub, name = routers[end.device], f"NAT-{routers[end.device]}"
        sought = {link.nbma for link in overlay.links if link.server is end}
        public = next(iter(sought)) if len(sought) == 1 else None
        place = next(
            ((w, p) for w, p in ours if any((q.router, q.address.ip) == (hub, end.source) for q in w.ports)), None
        )
        if (
            place is None
            or place[1] not in place[0].ports
            or name in (*found, *configurations)
            or not isinstance(public, IPv4Address)
        ):
            continue
        if not is_private(end.source) or is_private(public) or any(public in one for one in known):
            continue
        (wire, port), link = place, _link_of(public)
        others = [host for host in link.hosts() if host != public] if link is not None else []
        if link is None or not others or any(link.overlaps(one) for one in known):
            continue
        known.append(link)
        found[name] = GatewaySpec(
            outside=f"{public}/{link.prefixlen}",
            gateway=others[0],
            inside=str(port.address),
            inward={public: IPv4Address(str(end.source))},
        )
        old, new = (
            f" ip address {one}\n"
            for one in (f"{port.address.ip} {port.address.netmask}", f"{others[0]} {link.netmask}")
        )
        configurations[provider] = configurations[provider].replace(old, new)
        wires.append(LinkSpec(ends=[f"{name}:{OUTSIDE}", port.end]))
        wire.ports[wire.ports.index(port)] = Port(name, INSIDE, port.address)
        network.notes.append(
            f"{hub} has the private address {end.source}, and its clients look for it at {public}: the lab puts a "
            f"translator with that address before it, {name}"
        )
    return found, wires


def internet(
    network: InferredNetwork, configurations: dict[str, str], provider: str
) -> tuple[dict[str, HostSpec], list[LinkSpec]]:
    """Return a host of the Internet, and its wire: behind the provider, or routers of the folder, that are outside of a
    router with NAT. Each gets a port for it, and advertises its network where it runs BGP. None where its network is
    outside.
    """
    known = [(device, one.name, there) for device in network.devices.values() for one, there, _ in device.addresses()]
    near = {one: [each for each in known if each[2] in one[0].network] for one in INTERNET}
    if any(not device.translates(name, "inside") for there in near.values() for device, name, _ in there):
        return {}, []
    host, gateway = next((one for one, there in near.items() if not there), (None, None))
    routers = _beyond_nat(network, configurations, provider)
    if host is None or gateway is None or not routers or "INTERNET" in configurations:
        return {}, []
    ends: list[str] = []
    ways: dict[Prefix, IPv4Address] = {}  # from the first router to what is beyond each: its own ways are before
    for number, router in enumerate(routers[:_MOST_PROVIDERS]):
        device = Device.read(router, configurations[router])
        port = next(name for name in map("GigabitEthernet{}/0".format, count(9)) if name not in device.interface_names)
        section = [f"interface {port}", f" ip address {gateway + number} {host.netmask}", " no shutdown", "!"]
        advertised = f" network {host.network.network_address} mask {host.netmask}"
        section += [f"router bgp {device.bgp.local_as}", advertised, "!"] if device.bgp.local_as else []
        configurations[router] = with_lines(configurations[router], section)
        ends.append(f"{router}:{port}")
        there = [Prefix.of(address, length) for _, address, length in device.addresses()]
        for one in (*there, *(route.prefix for route in device.routes if not number or route.distance != LAST)):
            ways.setdefault(one, gateway + number)
    back = [f"ip route {to.address} {to.netmask} {by} {LAST}" for to, by in ways.items() if to.length and by != gateway]
    configurations[routers[0]] = with_lines(*unadvertised(configurations[routers[0]], back))
    network.notes.append(
        f"the lab adds a host of the Internet behind {' and '.join(routers[: len(ends)])}: INTERNET, {host.ip}"
    )
    found = {"INTERNET": HostSpec(link=ends[0], address=str(host), gateway=gateway)}
    return found, [LinkSpec(ends=ends)] if len(ends) > 1 else []


def _beyond_nat(network: InferredNetwork, configurations: Mapping[str, str], provider: str) -> list[str]:
    """Return the router that is outside of most routers with NAT, by their default routes, then the other ones to which
    such a route leads. A router that does NAT itself is the last choice.
    """
    outside = {port.end for wire in network.wires for port in wire.ports if _does_nat(network, port)}
    inner = [port.router for wire in network.wires for port in wire.ports if port.end in outside]
    gateways = [gateway for router in inner for gateway in network.devices[router].default_gateways]
    led = Counter[str]()
    is_beyond: dict[str, bool] = {}
    for wire in network.wires:
        is_outside = any(port.end in outside for port in wire.ports)
        has_inner = any(port.router in inner for port in wire.ports)
        for port in (port for port in wire.ports if port.end not in outside):
            router = port.router if port.router in configurations else provider  # a translator, too
            hops = gateways.count(port.address.ip) if has_inner else 0
            if is_outside or hops:
                led[router] += hops
                is_beyond[router] = is_outside or is_beyond.get(router, False)

    def rank(router: str) -> tuple[bool, int, bool, bool, str]:
        beyond = is_beyond[router]
        return router not in inner, led[router], beyond and router == provider, beyond, router

    first, *more = sorted(is_beyond, key=rank, reverse=True) or [""]
    return [first, *(router for router in more if router not in inner and led[router])] if first else []


def _does_nat(network: InferredNetwork, port: Port) -> bool:
    return port.router in network.devices and network.devices[port.router].translates(port.name, "outside")


def _link_of(public: IPv4Address) -> IPv4Network | None:
    """Return a small network in which a router may have this address."""
    links = (IPv4Network((public, length), strict=False) for length in _OUTSIDE)
    return next((one for one in links if public not in (one.network_address, one.broadcast_address)), None)


def answer_for_others(network: InferredNetwork, configurations: dict[str, str], provider: str) -> None:
    """Let the router on a wire answer for absent addresses (proxy ARP) where routes leave by a port without a gateway,
    and report it.
    """
    for router, device in network.devices.items():
        for name in _gateless(device):
            here = (wire for wire in network.wires if any((p.router, p.name) == (router, name) for p in wire.ports))
            wire = next(here, None)
            others = [port for port in wire.ports if port.router != router] if wire is not None else []
            ours = [
                port for port in others if port.router == provider or not network.devices[port.router].tunnels.tunnels
            ]
            if not others:
                network.notes.append(f"{router} has a route out of {name}, where no other device is connected")
            elif len(ours) == 1 or len(others) == 1:
                gateway = (ours or others)[0]
                configurations[router] = name_gateway(configurations[router], name, gateway.address.ip)
                network.notes.append(
                    f"{router} has a route out of {name} without a gateway: {gateway.router} does proxy ARP there, "
                    f"so it leads to {gateway.address.ip}"
                )
