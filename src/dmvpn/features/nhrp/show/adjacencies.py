"""`show adjacency [detail | summary]`: next hops that packets can be sent to, and the header before such a packet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import IPAddress, spelled
from dmvpn.base.effects import NextHop
from dmvpn.base.notices import TunnelState
from dmvpn.base.ports import NO_ROUTES
from dmvpn.base.values import dataclass
from dmvpn.features.nhrp.show.entries import machine_of
from dmvpn.ios import Args, ExecCommand, ShowContext
from dmvpn.net import gre, ipv4

#: IOS's words for the protocol of a next hop, by IP version.
_PROTOCOLS: Final = {4: "IP", 6: "IPV6"}
_ETHERTYPES: Final = {4: gre.ProtocolType.IPV4, 6: gre.ProtocolType.IPV6}
#: Octets of a line of the header in the detail.
_OCTETS: Final = 16


@dataclass(frozen=True, slots=True)
class AdjacencyLine:
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


@dataclass(frozen=True, slots=True)
class ShowAdjacency:
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
    tables = [ctx.ports, *(table for vrf, table in ctx.ports.tables.items() if vrf)]
    for rib, route in ((table.rib, route) for table in tables for route in table.rib.routes()):
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


_HELP: Final = {
    "adjacency": "Next hops that packets can be sent to",
    "interface": "Of one interface",
    "address": "One next hop",
    "detail": "With the header that is put before a packet",
    "summary": "How many",
}
_CHOICE: Final = "show adjacency [ {interface:interface} ] [ {address:address} ]"
COMMANDS: Final = (
    ExecCommand(_CHOICE, _HELP, query=query_adjacency, render=render_adjacency),
    ExecCommand(f"{_CHOICE} detail", _HELP, query=query_adjacency, render=render_detail),
    ExecCommand("show adjacency summary", _HELP, query=query_adjacency, render=render_summary),
)
