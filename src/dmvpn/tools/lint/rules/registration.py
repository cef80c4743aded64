"""Rules about clients and their next hop servers: does a registration reach the server, and is it taken there?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Interface
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local
from dmvpn.base.findings import Cause, Severity, rule
from dmvpn.base.placeholder import Blank
from dmvpn.features.interface.config import IPV6_ADDRESS as ADDRESS_OF_IPV6
from dmvpn.features.nhrp.config import lines as nhrp_lines
from dmvpn.features.nhrp.config.lines import of_version, server
from dmvpn.features.nhrp.model import NhsConfig
from dmvpn.features.nhrp.terms import PASSWORD
from dmvpn.features.tunnel import config as tunnel_lines
from dmvpn.ios import Statement
from dmvpn.ios.interface_addresses import ADDRESS
from dmvpn.network.device import is_private
from dmvpn.network.overlay import Network, ServerLink, TunnelEnd
from dmvpn.network.routing import learns_underlay
from dmvpn.network.terms.protocols import NHRP
from dmvpn.tools.lint.found import NetworkConcern, differences, found

MISSING: Final = rule(Severity.ERROR, Cause.NHS_MISSING)(r"""
    nhrp-nhs-missing: A spoke that has a map of its hub, and does not register with it
    A static map is the destination for sending; the hub learns this router's address from a registration, which goes to
    next hop servers. Without `ip nhrp nhs` the hub cannot send anything back.
    bad: interface Tunnel0\n ip nhrp network-id 1\n ip nhrp map 10.0.0.1 198.51.100.1
    fix: interface Tunnel0\n ip nhrp nhs 10.0.0.1
    """)
WITHOUT_NBMA: Final = rule(Severity.ERROR, Cause.NHS_NBMA)(r"""
    nhrp-nhs-without-nbma: A next hop server without an NBMA address
    On a multipoint tunnel the first registration needs a destination: the `nbma` of the NHS line, or a static map of
    its tunnel address.
    bad: interface Tunnel0\n ip nhrp nhs 10.0.0.1
    fix: interface Tunnel0\n ip nhrp map 10.0.0.1 198.51.100.1
    """)
OWN: Final = rule(Severity.WARNING, Cause.NHS_ADDRESS)(r"""
    nhrp-nhs-self: A router that is its own next hop server
    The NHS is the hub's tunnel address. A client of `nhs dynamic` registers with its own address to find its server, so
    some servers accept such a registration, and others look for a server with that address.
    bad: interface Tunnel0\n ip address 10.0.0.10 255.255.255.0\n ip nhrp nhs 10.0.0.10 nbma 198.51.100.1
    fix: interface Tunnel0\n no ip nhrp nhs 10.0.0.10\n ip nhrp nhs 10.0.0.1 nbma 198.51.100.1
    """)
OFF_SUBNET: Final = rule(Severity.ERROR)(r"""
    nhrp-nhs-off-subnet: A next hop server that is not on the tunnel's subnet
    The server is a neighbor on the tunnel: its address is one of the tunnel's subnet at both ends. An address outside
    is a typing mistake, or the tunnel's mask is wrong.
    bad: interface Tunnel0\n ip address 10.0.0.10 255.255.255.0\n ip nhrp nhs 10.0.9.1 nbma 198.51.100.1
    fix: interface Tunnel0\n ip nhrp nhs 10.0.0.1 nbma 198.51.100.1
    """)
NOBODY: Final = rule(Severity.ERROR, Cause.NHS_ADDRESS)(r"""
    nhrp-nhs-nobody: A next hop server that is no router's tunnel address
    A hub of this network is among the configurations, and it has another address. The router that gets the registration
    answers for itself only, so the spoke never counts as registered.
    bad: interface Tunnel0\n ip nhrp nhs 10.0.0.9 nbma 198.51.100.1
    fix: interface Tunnel0\n ip nhrp nhs 10.0.0.1 nbma 198.51.100.1
    """)
CLIENT: Final = rule(Severity.ERROR)(r"""
    nhrp-nhs-is-client: A next hop server that is a spoke itself
    The tunnel address belongs to a router that registers with the hub like this one, and keeps no registrations of
    other routers.
    bad: interface Tunnel0\n ip nhrp nhs 10.0.0.20 nbma 203.0.113.20
    fix: interface Tunnel0\n ip nhrp nhs 10.0.0.1 nbma 198.51.100.1
    """)
MAP: Final = rule(Severity.ERROR, Cause.NHS_NBMA)(r"""
    nhrp-map-wrong: A tunnel address is mapped to an NBMA address that is not its owner's
    Packets to this tunnel address go to the NBMA address of the line. The router that has the tunnel address is among
    the configurations, and its tunnel has another source.
    bad: interface Tunnel0\n ip nhrp map 10.0.0.1 198.51.100.9
    fix: interface Tunnel0\n ip nhrp map 10.0.0.1 198.51.100.1
    """)
SOURCE: Final = rule(Severity.ERROR, Cause.WRONG_SOURCE)(r"""
    tunnel-source-other-port: A next hop server whose tunnel leaves from another port than its clients know
    Clients register at the NBMA address of their lines. The server has that address on another port than the tunnel's
    source, so no tunnel takes the packets.
    bad: interface Tunnel0\n tunnel source GigabitEthernet2
    fix: interface Tunnel0\n tunnel source GigabitEthernet1
    """)
DYNAMIC: Final = rule(Severity.WARNING)(r"""
    nhrp-unique-with-dhcp: A spoke whose NBMA address may change registers as unique
    A unique registration (the default) is not replaced while it lives: after a new address from DHCP, from a provider's
    dial-up line or from the NAT before the spoke, the hub refuses it with code 14 until the old entry has expired, two
    hours by default (RFC 2332 §5.2.1).
    bad: interface Tunnel0\n tunnel source GigabitEthernet1\n!\ninterface GigabitEthernet1\n ip address dhcp
    fix: interface Tunnel0\n ip nhrp registration no-unique
    """)
UNREACHABLE: Final = rule(Severity.ERROR)(r"""
    nhrp-nbma-unreachable: No route to the server's NBMA address
    The tunnel's own packets need a route that does not lead through the tunnel: a connected prefix, a static route or a
    routing protocol of the underlay. This configuration has none of them.
    bad: interface Tunnel0\n ip nhrp nhs 10.0.0.1 nbma 198.51.100.1
    fix: ip route 0.0.0.0 0.0.0.0 203.0.113.254
    """)
FEWER: Final = rule(Severity.WARNING, Cause.NHS_MISSING)(r"""
    nhrp-nhs-one-less: A spoke that lacks a server that all other spokes have
    All other spokes of the cloud, or of many four in five, name the server. While its own server is dead, this spoke
    alone is cut off; and the server that it lacks reaches it only through another server. One other spoke shows it if
    the server is among the files.
    bad: interface Tunnel0\n ip nhrp nhs 10.0.0.1 nbma 198.51.100.1 multicast
    fix: interface Tunnel0\n ip nhrp nhs 10.0.0.1 nbma 198.51.100.1 multicast\n
    ip nhrp nhs 10.0.0.2 nbma 198.51.100.2 multicast
    """)
RULES: Final = (
    *(MISSING, WITHOUT_NBMA, OWN, OFF_SUBNET, NOBODY, CLIENT, MAP, SOURCE),
    *(PASSWORD.rule, DYNAMIC, UNREACHABLE, FEWER),
)
#: Spokes from which on a share of them shows what is usual, and this share.
_MANY, _NEARLY = 5, 0.8
_NBMA: Final = Blank("nbma-address")


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield findings about clients and their servers."""
    for link in network.links:
        yield from _server(network, link)
    links: dict[TunnelEnd, list[ServerLink]] = {}
    for link in network.links:
        if link.server is not None:
            links.setdefault(link.server, []).append(link)
    # The servers that are not where all of their clients look for them.
    checked = ((owner, _moved_server(owner, some)) for owner, some in links.items())
    moved = {owner: concern for owner, concern in checked if concern is not None}
    for end in network.ends:
        for target, nbma in _not_registered(network, end):
            what = f"{end.name} maps {target.address} and does not register there"
            fix = f"{end.at[0]}\n {server(target.address, nbma)}"
            yield found(MISSING, end.device, end.line(f"{end.words} map {target.address}"), what, fix)
        yield from _maps(network, end, moved)
        if end in moved:
            yield moved[end]
        yield from _dynamic(end)
    yield from _reachable(network)
    yield from _fewer(network)
    yield from differences(network, NHRP)


def _not_registered(network: Network, end: TunnelEnd) -> Iterator[tuple[Prefix, IPAddress]]:
    """Yield the maps of servers that a spoke has no NHS line for: of a spoke without any, the first map."""
    if end.nhrp.multicast_dynamic or end.nhrp.network_id is None or network.clients(end):
        return
    named = [nhs.address for nhs in end.nhrp.nhs]
    for target, nbma in end.nhrp.maps:
        owners = [
            one for one in network.owners(target.address) if nbma in (one.source, one.seen) and network.clients(one)
        ]
        is_used = bool(owners and network.servers_of(end)) and nbma in end.nhrp.multicast
        if target.is_host and target.address not in named and (not named or is_used):
            yield target, nbma
            if not named:
                return


def _server(network: Network, link: ServerLink) -> Iterator[NetworkConcern]:
    client, device, address = link.client, link.client.device, link.nhs.address
    if link.nbma is None and not link.nhs.name and client.multipoint and address is not None:
        hub = link.server.seen if link.server is not None else None
        what = f"{address} is a next hop server of {client.name}, and no line has its NBMA address"
        fix = f"{client.at[0]}\n {nhrp_lines.mapping(address, hub or _NBMA)}"
        yield found(WITHOUT_NBMA, device, link.at, what, fix)
    if address is None:
        return
    own = ""
    if address in (client.link_local, *(mine for mine, _ in client.addresses)):
        own = f"{address} is {client.name}'s own address"
    elif link.server is None and link.nbma is not None and link.nbma in (client.source, client.seen):
        own = f"{link.nbma} is the source of {client.name} itself"
    if own:
        yield found(OWN, device, link.at, f"{own}, not a server's", _fix(network, link))
        return
    wrong = _who_is_it(network, link)
    subnet = client.subnet
    if wrong is not None:
        yield wrong
    elif subnet is not None and not (subnet.is_host or address in subnet or is_link_local(address) or link.server):
        what = f"{address} is not on the tunnel's subnet {subnet}"
        yield found(OFF_SUBNET, device, link.at, what, _fix(network, link))


def _fewer(network: Network) -> Iterator[NetworkConcern]:
    """Yield spokes that lack servers that all other spokes of their cloud name, or of many nearly all."""
    clouds: dict[tuple[int, Prefix, bool], list[TunnelEnd]] = {}
    for end in network.ends:
        serves = end.nhrp.multicast_dynamic or network.clients(end)
        if end.subnet is not None and end.nhrp.network_id is not None and not serves:
            clouds.setdefault((end.nhrp.version, end.subnet, end.multipoint), []).append(end)
    for cloud in clouds.values():
        named = {one: [nhs.address for nhs in one.nhrp.nhs if nhs.address is not None] for one in cloud}
        counts = Counter(address for some in named.values() for address in some)
        others = len(cloud) - 1
        needed = others * (1 if others < _MANY else _NEARLY)
        for odd in cloud if others else ():
            usual = [address for address, count in counts.items() if count - (address in named[odd]) >= needed]
            if others == 1:
                usual = [address for address in usual if network.owners(address)]
            own = [*named[odd], *(address for address, _ in odd.addresses)]
            lacking = [address for address in usual if address not in own]
            if not lacking or odd.lacks_server or not (set(usual) & set(named[odd]) or not named[odd]):
                continue
            model = next((one for one in cloud if one is not odd and all(it in named[one] for it in usual)), None)
            if model is not None:
                links = [link for link in network.links_of(model) if link.nhs.address in lacking]
                names = " and ".join(map(str, lacking))
                what = f"{odd.name} does not name the server {names}, and all other spokes of its cloud do"
                fix = "\n ".join((odd.at[0], *(server(link.nhs.address, link.nbma or _NBMA) for link in links)))
                related = tuple((model.device, link.at) for link in links)
                yield found(FEWER, odd.device, odd.line(f"{odd.words} nhs"), what, fix, related=related)


def _address_line(address: IPAddress, *ends: TunnelEnd) -> str:
    """Return the line that gives a tunnel this address. ends: with its network; the first with an address shows it."""
    length = next((length for end in ends for _, length in end.addresses), address.max_prefixlen)
    if isinstance(address, IPv6Address):
        return ADDRESS_OF_IPV6.line(address=IPv6Interface((address, length)))
    return ADDRESS.line(address=address, mask=Prefix.of(address, length).netmask)


def _hubs(network: Network, link: ServerLink) -> list[TunnelEnd]:
    """Return the servers that a client may mean, first the one at the NBMA address."""
    client = link.client
    hubs = [
        end
        for end in network.ends
        if end.device is not client.device
        and end.nhrp.version == client.nhrp.version
        and (end.looks_like_hub or end.nhrp.multicast_dynamic)
        and (link.there is end or _is_near(client, end))
    ]
    return sorted(hubs, key=lambda end: end is not link.there)


def _who_is_it(network: Network, link: ServerLink) -> NetworkConcern | None:
    """Check that the server's tunnel address belongs to a router, and that this router is a server."""
    client, server, address = link.client, link.server, link.nhs.address
    right = next(iter(_hubs(network, link)), None)
    if right is None or right is server or address is None:
        return None
    if is_link_local(address) and right.link_local in (None, address):
        return None  # without a line for it, it is derived when the router starts
    hub, rule, at = right.device.hostname, NOBODY, (right.device, right.at)
    what = f"{address} is no router's tunnel address; {hub} is {right.address}"
    if server is not None:
        if server.nhrp.multicast_dynamic or not server.is_client or len(network.clients(server)) > 1:
            return None
        rule, at = CLIENT, (server.device, server.at)
        what = f"{address} is {server.device.hostname}, which registers with a server itself; {hub} is {right.address}"
    links = [one for one in network.links if one.there is right] if server is None else []
    is_shared = right.address is None or any(one.client is not client for one in links)
    if is_shared and links and not is_link_local(address) and all(one.nhs.address == address for one in links):
        if link is not links[0]:
            return None  # it is said of the first one
        is_at = f"the address of its {right.name} is {right.address}" if right.address else f"its {right.name} has none"
        what = f"all clients of {hub} look for it at {address}, and {is_at}"
        fix = f"{right.at[0]}\n {_address_line(address, right, client)}"
        related = tuple((one.client.device, one.at) for one in links)
        return found(NOBODY, right.device, right.line("ip address"), what, fix, related=related)
    return found(rule, client.device, link.at, what, _fix(network, link), related=(at,))


def _is_near(client: TunnelEnd, hub: TunnelEnd) -> bool:
    """Return whether they are on one subnet."""
    address = client.address
    return address is not None and any(
        (hub.subnet is not None and address in hub.subnet) or (client.subnet is not None and mine in client.subnet)
        for mine, _ in hub.addresses
    )


def _fix(network: Network, link: ServerLink) -> str:
    """Return the lines by which a client has the server that it means instead of the one of a line."""
    client, old = link.client, link.nhs.address
    hub = next(iter(_hubs(network, link)), link.there)
    lines = lines_about(client, old)
    address, nbma = (hub.address, hub.seen) if hub is not None else (None, link.nbma)
    new = [server(address, nbma or _NBMA)]
    if hub is not None and address is not None and nbma is not None and link.nbma == nbma:
        new = [with_address(one, address) for one in lines]
    elif hub is None and network.clients(client):
        new = []  # it is the server
    return "\n ".join((client.at[0], *(f"no {one.text}" for one in lines), *new))


def lines_about(end: TunnelEnd, address: IPAddress | None) -> list[Statement]:
    """Return the lines about a server: `nhs`, then `map`."""
    return _lines_by_server(end, address.version).get(address, []) if address is not None else []


@lru_cache(maxsize=16)
def _lines_by_server(end: TunnelEnd, version: int) -> dict[object, list[Statement]]:
    """Return these lines for each server: there may be thousands of servers."""
    lines: dict[object, list[Statement]] = {}
    section = end.device.section(end.name)
    kinds = [of_version(line, version) for line in (nhrp_lines.NHS, nhrp_lines.MAP)]
    for one in section.entries(*kinds) if section is not None else ():
        meant = one.args.get("nhs_address", one.args.get("target"))
        lines.setdefault(meant.address if isinstance(meant, Prefix) and meant.is_host else meant, []).append(one)
    return lines


def with_address(one: Statement, address: IPAddress) -> str:
    """Return the line of a server or mapping with another tunnel address."""
    place = "target" if "target" in one.args else "nhs_address"
    value = Prefix.host(address) if place == "target" and address.version == 6 else address
    return one.line.line(**{**dict(one.args), place: value})


def _maps(network: Network, end: TunnelEnd, moved: Mapping[TunnelEnd, NetworkConcern]) -> Iterator[NetworkConcern]:
    """Compare static maps, and the NBMA addresses of NHS lines, with the tunnels of the routers that have the tunnel
    addresses.
    """
    said: list[tuple[IPAddress, IPAddress, tuple[str, ...], NhsConfig | None]] = [
        (target.address, nbma, end.line(f"{end.words} map {target.address}"), None)
        for target, nbma in end.nhrp.maps
        if target.is_host
    ]
    said += [
        (nhs.address, nhs.nbma, end.line(f"{end.words} nhs {nhs.address} nbma {nhs.nbma}"), nhs)
        for nhs in end.nhrp.nhs
        if nhs.address is not None and nhs.nbma is not None
    ]
    servers = [nhs.address for nhs in end.nhrp.nhs]
    for address, nbma, at, nhs in said:
        owners = [
            other
            for other in network.ends
            if other.device is not end.device and address in [mine for mine, _ in other.addresses]
        ]
        known = [(other, right) for other in owners if (right := _right_for(end, other)) is not None]
        if not known or len(known) < len(owners):
            continue
        if any(nbma == right or (nbma == other.seen and not _is_one_to_one(other)) for other, right in known):
            continue
        owner, right = known[0]
        if owner in moved:
            continue
        translated = is_private(right) and not is_private(nbma) and owner.device.site is None
        what = f"{address} is {owner.device.hostname}, whose tunnel has the source {right}, not {nbma}"
        if right != owner.source:
            what = f"{address} is {owner.device.hostname}, behind a NAT that gives it {right}, not {nbma}"
        if translated:
            what += "; right if a NAT with a fixed mapping is before it"
        yield found(
            MAP,
            end.device,
            at,
            what,
            "" if translated else "\n ".join((end.at[0], *_moved(end, address, (nbma, right), nhs))),
            related=((owner.device, owner.line("tunnel source")),),
            severity=Severity.ADVICE if translated else None,
            cause=None if nhs is not None or address in servers else Cause.WRONG_MAP,
        )


def _is_one_to_one(end: TunnelEnd) -> bool:
    return end.nat is not None and end.nat.one_to_one


def _right_for(end: TunnelEnd, other: TunnelEnd) -> IPAddress | None:
    """Return the NBMA address by which an end reaches another one: its source, unless a translator gives it one."""
    is_beside = end.nat is not None and other.nat is not None and end.nat.inward == other.nat.inward
    return other.seen if _is_one_to_one(other) and not is_beside else other.source


def _moved(end: TunnelEnd, address: IPAddress, nbma: tuple[IPAddress, IPAddress], nhs: NhsConfig | None) -> list[str]:
    """Return the lines by which packets and multicasts for a tunnel address go to another NBMA address.

    nbma: the old one and the new one. nhs: the NHS line that has it, None: a map has it.
    """
    version, (old, new) = end.nhrp.version, nbma
    multicast = of_version(nhrp_lines.MAP_MULTICAST, version)
    lines = [nhrp_lines.mapping(address, new)]
    if nhs is not None:
        line = of_version(nhrp_lines.NHS, version)
        options = {"priority": nhs.priority or None, "cluster": nhs.cluster or None, "multicast": nhs.multicast}
        lines = [
            line.no(nhs_address=address, nbma_address=old),
            line.line(nhs_address=address, nbma_address=new, **options),
        ]
    if old in end.nhrp.multicast:
        lines += [multicast.no(nbma=old), multicast.line(nbma=new)]
    return lines


def _moved_server(owner: TunnelEnd, links: list[ServerLink]) -> NetworkConcern | None:
    """Return that a server's tunnel leaves from another port, or that the port has another address on the same wire."""
    device, name = owner.device, owner.device.hostname
    nbma = links[0].nbma
    if nbma is None or owner.source in (None, nbma) or nbma == owner.seen or any(link.nbma != nbma for link in links):
        return None
    related = tuple((link.client.device, link.at) for link in links)
    pairs = owner.nat.inward if owner.nat is not None else ()
    station = next((station for public, station in pairs if public == nbma), None)
    where, nbma = (f"{nbma}, which the NAT before it sends to {station}", station) if station else (f"{nbma}", nbma)
    has, wire = device.owner(nbma, owner.tunnel.front), owner.underlay
    if has is not None:
        what = f"{name} has {nbma}, where its clients look for it, but its {owner.name} leaves from {owner.source}"
        fix = f"{owner.at[0]}\n {tunnel_lines.SOURCE.line(interface=has.name)}"
        return found(SOURCE, device, owner.line("tunnel source"), what, fix, related=related)
    is_moved = len(links) > 1 or station is not None
    if is_moved and wire is not None and wire.address is not None and nbma in Prefix.of(*wire.address):
        what = f"all clients of {name} look for it at {where}, and the address of its {wire.name} is {owner.source}"
        at, line = f"interface {wire.name}", ADDRESS.line(address=nbma, mask=Prefix.of(*wire.address).netmask)
        return found(MAP, device, (at, "ip address"), what, f"{at}\n {line}", related=related)
    return None


def _dynamic(end: TunnelEnd) -> Iterator[NetworkConcern]:
    if not end.is_client or not end.nhrp.unique or end.nhrp.network_id is None:
        return
    interface = end.underlay
    fix = f"{end.at[0]}\n {of_version(nhrp_lines.REGISTRATION_NO_UNIQUE, end.nhrp.version).line()}"
    if interface is not None and end.device.is_given_address(interface.name):
        how = "by DHCP" if interface.dhcp else "from the far end"
        what = f"{interface.name} gets its address {how}, and {end.name} registers as unique: a new address is refused"
        yield found(DYNAMIC, end.device, end.at, what, fix)
    elif end.nat is not None and not end.nat.one_to_one:
        what = (
            f"{end.device.hostname} is behind NAT and registers as unique: if its public address changes, it is refused"
        )
        yield found(DYNAMIC, end.device, end.at, what, fix, severity=Severity.ADVICE)


def _reachable(network: Network) -> Iterator[NetworkConcern]:
    for end in network.ends:
        device = end.device
        if not device.has_underlay or device.has_default or end.tunnel.front or end.source_vrf:
            continue
        mine = {one.number for one in end.running}
        if learns_underlay(device) or any(one.autonomous_system not in mine for one in device.eigrp.processes):
            continue  # its neighbors may know the way
        wanted = [link.nbma for link in network.links_of(end)] or [end.tunnel.destination]
        wanted += [client.seen for client in network.clients(end)]
        for nbma in wanted:
            if nbma is not None and device.underlay_route(nbma) is None:
                what = (
                    f"nothing leads to {nbma}: no connected prefix, no static route, no routing protocol but in tunnels"
                )
                at = next((link.at for link in network.links_of(end) if link.nbma == nbma), end.at)
                yield found(UNREACHABLE, device, at, what, f"ip route 0.0.0.0 0.0.0.0 {Blank('next-hop')}")
