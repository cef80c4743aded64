"""`show tunnel endpoints`: where the packets for a next hop go.

`show ip nhrp multicast` and `show ip nhrp redirect`: the receivers of copies, and the redirects that were sent.

`show nhrp group-map`: the clients of each NHRP group, and the policy that a configuration gives them.

There are no service policies here: a line is shown with the clients that it would apply to.

`show adjacency [detail | summary]`: next hops that packets can be sent to, and the header before such a packet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import IPAddress, spelled
from dmvpn.base.effects import NextHop
from dmvpn.base.notices import TunnelState
from dmvpn.base.ports import NO_ROUTES
from dmvpn.base.rows import Source, table
from dmvpn.base.values import Value
from dmvpn.features.nhrp.cache import NbmaPeer
from dmvpn.features.nhrp.show.entries import machine_of, of_both, tunnels_of
from dmvpn.features.nhrp.tunnel import Suppressed, Tunnel
from dmvpn.ios import Args, ExecCommand, ShowContext, age
from dmvpn.net import gre, ipv4


class OverlayLine(Value):
    """A next hop behind an endpoint. age: seconds."""

    address: IPAddress
    age: float


class EndpointLine(Value):
    """An NBMA address that packets go to. age: seconds since its oldest next hop was added."""

    transport: IPAddress
    age: float
    overlay: tuple[OverlayLine, ...]


class TunnelEndpoints(Value):
    """A tunnel and its endpoints."""

    name: str
    multipoint: bool
    endpoints: tuple[EndpointLine, ...]


class ShowEndpoints(Value):
    """The answer to `show tunnel endpoints`."""

    tunnels: tuple[TunnelEndpoints, ...]


def query_endpoints(ctx: ShowContext, args: Args) -> ShowEndpoints:
    """Query the endpoints of all multipoint tunnels, or of one."""
    wanted = args.interface("interface", None)
    overlays = machine_of(ctx).tunnels
    tunnels = []
    for state in ctx.ports.tunnels.all():
        if wanted not in (None, state.name):
            continue
        endpoints: tuple[EndpointLine, ...] = ()
        if state.multipoint:
            endpoints = _endpoints([tunnel for tunnel in overlays if tunnel.name == state.name], ctx.now)
        elif state.destination is not None:
            endpoints = (EndpointLine(state.destination, 0.0, ()),)
        tunnels.append(TunnelEndpoints(state.name, state.multipoint, endpoints))
    return ShowEndpoints(tuple(tunnels))


def _endpoints(tunnels: list[Tunnel], now: float) -> tuple[EndpointLine, ...]:
    behind: dict[NbmaPeer, list[OverlayLine]] = {}
    for tunnel in tunnels:
        for address, neighbor in tunnel.adjacencies.items():
            entry = tunnel.cache.host(address)
            since = now - entry.created if entry is not None else 0.0
            behind.setdefault(neighbor, []).append(OverlayLine(address, since))
    found = sorted(behind.items(), key=lambda item: (item[0].nbma.version, item[0].nbma.packed, item[0].connection))
    return tuple(EndpointLine(to.nbma, max(line.age for line in lines), tuple(lines)) for to, lines in found)


def render_endpoints(answer: ShowEndpoints) -> Iterator[str]:
    """Yield a block for each tunnel. The numbers behind `Base` and `Parent` identify endpoints, as in IOS."""
    for tunnel in answer.tunnels:
        yield f" {tunnel.name} running in {'multi-GRE/IP' if tunnel.multipoint else 'GRE/IP'} mode"
        yield ""
        for number, endpoint in enumerate(tunnel.endpoints, 1):
            base, count = f"0x{number:08X}", len(endpoint.overlay)
            times = f"Create Time {age(endpoint.age)}" if tunnel.multipoint else ""
            yield f" Endpoint transport {endpoint.transport} Refcount {count + 1} Base {base} {times}".rstrip()
            for line in endpoint.overlay:
                yield f"   overlay {spelled(line.address)} Refcount 2 Parent {base} Create Time {age(line.age)}"
        if tunnel.endpoints:
            yield ""


class GroupLine(Value):
    """One group on one tunnel. policy: "" if no line maps it. clients: tunnel and NBMA addresses."""

    tunnel: str
    group: str
    policy: str
    clients: tuple[tuple[IPAddress, IPAddress], ...]


class ShowGroups(Value):
    """The answer to `show nhrp group-map`."""

    groups: tuple[GroupLine, ...]


def groups(ctx: ShowContext, args: Args) -> ShowGroups:
    """Return groups that are mapped, or that a client belongs to."""
    wanted = args.text("group", "")
    lines: list[GroupLine] = []
    for tunnel in machine_of(ctx).tunnels:
        members: dict[str, list[tuple[IPAddress, IPAddress]]] = {group: [] for group, _ in tunnel.config.groups}
        for entry in tunnel.cache.entries():
            if entry.group and entry.nbma is not None:
                members.setdefault(entry.group, []).append((entry.next_hop, entry.nbma))
        policies = dict(tunnel.config.groups)
        lines += [
            GroupLine(tunnel.name, group, policies.get(group, ""), tuple(clients))
            for group, clients in members.items()
            if wanted in ("", group)
        ]
    return ShowGroups(tuple(lines))


def render_groups(answer: ShowGroups) -> Iterator[str]:
    """Yield the lines of `show nhrp group-map`."""
    tunnel = ""
    for line in answer.groups:
        if line.tunnel != tunnel:
            tunnel = line.tunnel
            yield f"Interface: {tunnel}"
        yield f" NHRP group: {line.group}"
        yield f"  QoS policy: {line.policy or 'none'}{' (not applied: no service policies here)' * bool(line.policy)}"
        yield "  Clients of the group:" + (" none" if not line.clients else "")
        if line.clients:
            yield "  Tunnel destination overlay/transport address"
        for overlay, transport in line.clients:
            yield f"  {overlay}/{transport}"
        yield ""


class MulticastLine(Value):
    """A receiver of copies. flags: "dynamic", "static" or "nhs"."""

    tunnel: str
    nbma: IPAddress
    flags: str
    enabled: bool


class ShowMulticast(Value):
    """The answer to `show ip nhrp multicast`."""

    receivers: tuple[MulticastLine, ...]


_sent: Final[Source[Suppressed, tuple[Tunnel, float]]] = Source()


class RedirectLine(Value, kw_only=True):
    """A redirect that was sent. drops: packets since then that caused none. expires: seconds from now."""

    tunnel: str = _sent.column("I/F          ", "{:<12} ", of=_sent.at(lambda it, beside: beside[0].name))
    nbma: IPAddress = _sent.column("NBMA address    ", "{!s:<15} ")
    destination: IPAddress = _sent.column(
        "Destination     ",
        "{:<15} ",
        "Destination :: The destination of the packets that caused the redirect.",
        cell=lambda line: spelled(line.destination),
    )
    drops: int = _sent.column(
        "Drop Count  ", "{:<11} ", "Drop Count :: Packets since then that caused no further redirect."
    )
    expires: float = _sent.column(
        "Expiry",
        "{}",
        "Expiry :: When the next packet may cause a redirect again.",
        _sent.at(lambda it, beside: it.expires - beside[1]),
        cell=lambda line: age(line.expires),
    )


class ShowRedirects(Value):
    """The answer to `show ip nhrp redirect`."""

    redirects: tuple[RedirectLine, ...]


def multicast(ctx: ShowContext, args: Args) -> ShowMulticast:
    """Return the receivers of multicast copies."""
    lines: list[MulticastLine] = []
    for tunnel in tunnels_of(ctx, args):
        servers = {client.nbma for client in tunnel.clients.values()}
        for nbma, _ in tunnel.multicast:
            static = nbma in tunnel.config.multicast
            flags = "nhs" if nbma in servers else "static" if static else "dynamic"
            lines.append(MulticastLine(tunnel.name, nbma, flags, tunnel.running))
    return ShowMulticast(tuple(lines))


def redirects(ctx: ShowContext, args: Args) -> ShowRedirects:
    """Return redirects whose interval is not over."""
    return ShowRedirects(
        tuple(
            _sent.row(RedirectLine, sent, (tunnel, ctx.now))
            for tunnel in tunnels_of(ctx, args)
            for sent in tunnel.redirects.values()
            if sent.expires > ctx.now
        )
    )


def render_multicast(answer: ShowMulticast) -> Iterator[str]:
    """Yield the lines of `show ip nhrp multicast`."""
    yield "  I/F     NBMA address"
    for line in answer.receivers:
        yield f"{line.tunnel:<10} {line.nbma!s:<15} Flags: {line.flags:<15} ({'En' if line.enabled else 'Dis'}abled)"


def render_redirects(answer: ShowRedirects) -> Iterator[str]:
    """Yield the lines of `show ip nhrp redirect`."""
    yield from table(RedirectLine, answer.redirects)


_HELP: Final = {"nhrp": "Next Hop Resolution Protocol", "group-map": "Groups and their clients", "group": "One group"}
_GROUPS: Final = tuple(
    ExecCommand(f"{words} group-map [ {{group:word}} ]", _HELP, query=groups, render=render_groups)
    for words in ("show nhrp", "show ip nhrp")
)
_LISTS_HELP: Final = {
    "interface": "Of one tunnel",
    "multicast": "Who gets copies of multicasts",
    "redirect": "Redirects that were sent lately",
}
_LISTS: Final = of_both(
    ExecCommand(
        "show ip nhrp multicast [ {interface:interface} ]", _LISTS_HELP, query=multicast, render=render_multicast
    ),
    ExecCommand("show ip nhrp redirect", _LISTS_HELP, query=redirects, render=render_redirects),
)


#: IOS's words for the protocol of a next hop, by IP version.
_PROTOCOLS: Final = {4: "IP", 6: "IPV6"}
_ETHERTYPES: Final = {4: gre.ProtocolType.IPV4, 6: gre.ProtocolType.IPV6}
#: Octets of a line of the header in the detail.
_OCTETS: Final = 16


class AdjacencyLine(Value):
    """A next hop that packets can be sent to.

    address: None: the far end of a point-to-point tunnel.
    routes: number of routes by this next hop.
    header: octets that a tunnel puts before a packet, with zeros where they differ for each packet; empty elsewhere.
    below: where the packets with this header go.
    """

    version: int
    interface: str
    address: IPAddress | None
    routes: int
    header: bytes = b""
    below: NextHop | None = None


class ShowAdjacency(Value):
    """The answer to `show adjacency`."""

    adjacencies: tuple[AdjacencyLine, ...]


def query_adjacency(ctx: ShowContext, args: Args) -> ShowAdjacency:
    """Return all next hops, those of one interface, or one: next hops of routes, and next hops that NHRP resolved."""
    wanted, address = args.interface("interface", None), args.address("address", None)
    names = [state.name for state in ctx.ports.interfaces.all() if wanted in (None, state.name)]
    nbma = _known(ctx)
    lines = [
        _line(ctx, key, routes, nbma.get(key))
        for key, routes in _used(ctx, nbma).items()
        if key[0] in names and address in (None, key[2])
    ]
    lines.sort(
        key=lambda line: (line.version, names.index(line.interface), line.address.packed if line.address else b"")
    )
    return ShowAdjacency(tuple(lines))


_Key = tuple[str, int, "IPAddress | None"]


def _known(ctx: ShowContext) -> dict[_Key, IPAddress]:
    """Return the NBMA addresses of next hops that NHRP resolved."""
    return {
        (tunnel.name, address.version, address): neighbor.nbma
        for tunnel in machine_of(ctx).tunnels
        for address, neighbor in tunnel.adjacencies.items()
    }


def _used(ctx: ShowContext, known: dict[_Key, IPAddress]) -> Counter[_Key]:
    """Return how many routes use each next hop."""
    multipoint = {tunnel.name: tunnel.multipoint for tunnel in ctx.ports.tunnels.all()}
    found: Counter[_Key] = Counter(dict.fromkeys(known, 0))
    tables = [ctx.ports, *(ports for vrf, ports in ctx.ports.tables.items() if vrf)]
    for rib, route in ((ports.rib, route) for ports in tables for route in ports.rib.routes()):
        for hop in rib.forwarding(route.prefix.address):
            address = hop.address if multipoint.get(hop.interface, True) else None
            key = (hop.interface, route.prefix.address.version, address)
            resolved = not multipoint.get(hop.interface, False) or key in known
            if resolved and (address is not None or hop.interface in multipoint):
                found[key] += 1
    return found


def _line(ctx: ShowContext, key: _Key, routes: int, nbma: IPAddress | None) -> AdjacencyLine:
    name, version, address = key
    tunnel = next((tunnel for tunnel in ctx.ports.tunnels.all() if tunnel.name == name), None)
    end = nbma or (tunnel.destination if tunnel is not None else None)
    if tunnel is None or end is None:
        return AdjacencyLine(version, name, address, routes)
    below = (ctx.ports.rib_of(tunnel.front) or NO_ROUTES).forwarding(end)
    return AdjacencyLine(version, name, address, routes, _header(tunnel, end, version), below[0] if below else None)


def _header(tunnel: TunnelState, end: IPAddress, version: int) -> bytes:
    """Return the header before a packet of this version of IP."""
    inner = gre.GreHeader(
        protocol_type=_ETHERTYPES[version],
        key=tunnel.key,
        has_checksum=tunnel.checksum,
        sequence=0 if tunnel.sequence else None,
    ).serialize(b"")
    if not isinstance(tunnel.source, IPv4Address) or not isinstance(end, IPv4Address):
        return inner
    outer = ipv4.build(source=tunnel.source, destination=end, protocol=ipv4.IpProtocol.GRE, payload=b"", ttl=tunnel.ttl)
    return outer[:2] + bytes(2) + outer[4:10] + bytes(2) + outer[12:] + inner


def render_adjacency(answer: ShowAdjacency) -> Iterator[str]:
    """Yield one line for each next hop."""
    yield _HEADING
    for line in answer.adjacencies:
        yield _row(line)


_HEADING: Final = "Protocol Interface                 Address"


def _row(line: AdjacencyLine) -> str:
    address = "point2point" if line.address is None else spelled(line.address)
    return f"{_PROTOCOLS[line.version]:<8} {line.interface:<25} {address}({line.routes})"


def render_detail(answer: ShowAdjacency) -> Iterator[str]:
    """Yield the details of each next hop under its line."""
    yield _HEADING
    for line in answer.adjacencies:
        yield _row(line)
        for particular in _particulars(line):
            yield f"{'':<35}{particular}"


def _particulars(line: AdjacencyLine) -> Iterator[str]:
    yield "0 packets, 0 bytes"
    yield "epoch 0"
    yield "sourced in sev-epoch 0"
    if not line.header:
        yield "ARP"
        return
    yield f"Encap length {len(line.header)}"
    for at in range(0, len(line.header), _OCTETS):
        yield line.header[at : at + _OCTETS].hex().upper()
    yield "Tun endpt" if line.address is not None else "P2P-ADJ"
    if line.below is not None:
        yield "Next chain element:"
        yield f"  IP adj out of {line.below.interface}" + (f", addr {line.below.address}" if line.below.address else "")


def render_summary(answer: ShowAdjacency) -> Iterator[str]:
    """Yield the counts. A next hop is in the table when packets can be sent to it, so none is incomplete."""
    count = len(answer.adjacencies)
    yield f"Adjacency table has {count} {'adjacency' if count == 1 else 'adjacencies'}:"
    yield f"  {count} complete adjacencies"
    yield "  0 incomplete adjacencies"
    for version, word in _PROTOCOLS.items():
        of_version = sum(line.version == version for line in answer.adjacencies)
        if of_version:
            yield f"  {of_version} adjacencies of linktype {word}"
            yield f"    {of_version} complete adjacencies of linktype {word}"
            yield f"    0 incomplete adjacencies of linktype {word}"
    yield ""
    yield "Adjacency database high availability:"
    yield f"  Database epoch:        0 ({count} entries at this epoch)"


_ADJACENCY_HELP: Final = {
    "adjacency": "Next hops that packets can be sent to",
    "interface": "Of one interface",
    "address": "One next hop",
    "detail": "With the header that is put before a packet",
    "summary": "How many",
}
_CHOICE: Final = "show adjacency [ {interface:interface} ] [ {address:address} ]"
_ADJACENCIES = (
    ExecCommand(_CHOICE, _ADJACENCY_HELP, query=query_adjacency, render=render_adjacency),
    ExecCommand(f"{_CHOICE} detail", _ADJACENCY_HELP, query=query_adjacency, render=render_detail),
    ExecCommand("show adjacency summary", _ADJACENCY_HELP, query=query_adjacency, render=render_summary),
)
COMMANDS: Final = (
    *_ADJACENCIES,
    *_LISTS,
    *_GROUPS,
    ExecCommand(
        "show tunnel endpoints [ {interface:interface} ]",
        {"tunnel": "GRE tunnels", "endpoints": "The far ends that packets go to", "interface": "Of one tunnel"},
        query=query_endpoints,
        render=render_endpoints,
    ),
)
