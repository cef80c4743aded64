"""`show dmvpn [detail]`: the peers of each tunnel, and their states; in detail also how they are protected.

A session has SAs that packets may take; a peer without is pending, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix, spelled
from dmvpn.base.breath import breathing
from dmvpn.base.protection import Protected, ProtectionPhase
from dmvpn.base.sessions import CryptoSession, SessionStatus, flow_lines, ike_lines, sessions
from dmvpn.base.values import Value
from dmvpn.features.nhrp.cache import Entry, EntryType, Flag, RouteState
from dmvpn.features.nhrp.connections import way_to, why_bare
from dmvpn.features.nhrp.show.entries import machine_of
from dmvpn.features.nhrp.show.servers import ServerLine, server_lines, silence_lines
from dmvpn.features.nhrp.tunnel import Tunnel
from dmvpn.ios import Args, ExecCommand, ShowContext, age

#: Packets may go in these.
_OPEN = (SessionStatus.UP_ACTIVE, SessionStatus.UP_NO_IKE)


def crypto_sessions(ctx: ShowContext, args: Args) -> tuple[CryptoSession, ...]:
    """Return the sessions of the selected tunnels and peer; usable sessions first."""
    wanted, nbma = args.interface("interface", None), args.any_address("nbma", None)
    protected = [tunnel.name for tunnel in machine_of(ctx).tunnels if tunnel.protected]
    names = [name for name in protected if wanted in (None, name)]
    if not names:
        return ()
    found = [it for it in sessions(ctx.ports, ctx.now, ctx.counting) if it.tunnel in names and nbma in (None, it.peer)]
    return tuple(sorted(found, key=lambda session: session.status not in _OPEN))


def _paragraph(session: CryptoSession) -> Iterator[str]:
    """Yield the reason, for which IOS has no line. It begins with blanks, so that parsers pass over it."""
    yield f"Interface: {session.tunnel}"
    yield f"Session: [0x{session.number:08X}]"
    for ike in session.ikes:
        yield f"  Session ID: {session.number}  "
        yield from ike_lines(ike)
    yield f"  Crypto Session Status: {session.status.value:<14}"
    if session.reason:
        yield f"     {session.reason}"
    yield f"  fvrf: {session.front or '(none)'},\tPhase1_id: {session.identity or '(none)'}"
    yield from flow_lines(session.flow)
    if session.flow.spi:
        yield f"   Outbound SPI : 0x{session.flow.spi:X}, transform : {session.flow.transform} "
    yield f"    Socket State: {'Open' if session.status in _OPEN else 'Closed'}"
    yield ""


_LEGEND = (
    "Legend: Attrb --> S - Static, D - Dynamic, I - Incomplete",
    "\tN - NATed, L - Local, X - No Socket",
    "\tT1 - Route Installed, T2 - Nexthop-override, B - BGP",
    "\tC - CTS Capable, I2 - Temporary",
    "\t# Ent --> Number of NHRP entries with same NBMA peer",
    "\tNHS Status: E --> Expecting Replies, R --> Responding, W --> Waiting",
    "\tUpDn Time --> Up or Down Time for a Tunnel",
    "=" * 74,
    "",
)
_TYPE_LETTERS = {EntryType.STATIC: "S", EntryType.DYNAMIC: "D", EntryType.INCOMPLETE: "I"}
_ROUTE_LETTERS = {RouteState.INSTALLED: "T1", RouteState.OVERRIDE: "T2"}


class PeerLine(Value, kw_only=True):
    """One entry in the table. nbma None: unknown. seconds: since the state began, None: it never changed.

    reason: why packets to a peer of a protected tunnel do not go there directly.
    """

    nbma: IPAddress | None
    tunnel: IPAddress
    state: str
    seconds: float | None
    attributes: str
    target: Prefix
    reason: str = ""


class TunnelPeers(Value, kw_only=True):
    """One tunnel. kind: "Hub", "Spoke", "Hub/Spoke" or "Unknown". peers: groups with the same NBMA address.

    line: its states, "up/up". stalled: why this IP version does not run even with the line up. destination None:
    multipoint. hold: `if-state nhrp` is configured. vrf, front: the VRFs of the packets inside and outside.
    """

    name: str
    kind: str
    version: int
    enabled: bool
    line: str
    stalled: str
    address: IPAddress | None
    source: IPAddress | None
    destination: IPAddress | None
    multipoint: bool
    protection: str
    hold: bool
    servers: tuple[ServerLine, ...]
    peers: tuple[tuple[PeerLine, ...], ...]
    vrf: str = ""
    front: str = ""


class ShowDmvpn(Value):
    """The answer to `show dmvpn`. sessions: for `detail` alone."""

    tunnels: tuple[TunnelPeers, ...]
    sessions: tuple[CryptoSession, ...] = ()

    @property
    def peers(self) -> tuple[PeerLine, ...]:
        """The entries of all tunnels."""
        return tuple(peer for tunnel in self.tunnels for group in tunnel.peers for peer in group)


def dmvpn(ctx: ShowContext, args: Args) -> ShowDmvpn:
    """Return all tunnels, without local entries."""
    return _query(ctx, args, local=False)


def dmvpn_detail(ctx: ShowContext, args: Args) -> ShowDmvpn:
    """Return all tunnels, with local entries, and how they are protected."""
    return replace(_query(ctx, args, local=True), sessions=crypto_sessions(ctx, args))


def _query(ctx: ShowContext, args: Args, *, local: bool) -> ShowDmvpn:
    wanted = args.interface("interface", None)
    versions = [version for version, word in ((4, "ipv4"), (6, "ipv6")) if word in args] or [4, 6]
    tunnels: list[TunnelPeers] = []
    for tunnel in machine_of(ctx).tunnels:
        if wanted in (None, tunnel.name) and tunnel.version in versions and _is_in(tunnel, args):
            entries = [e for e in breathing(tunnel.cache.entries()) if _fits(e, args) and (local or not e.is_local)]
            if entries:
                tunnels.append(_tunnel(ctx, tunnel, entries))
    return ShowDmvpn(tuple(tunnels))


def _is_in(tunnel: Tunnel, args: Args) -> bool:
    """Return whether the packets inside are in the VRF that a command names, if it names one."""
    if "vrf" not in args:
        return True
    return tunnel.config.vrf == args.text("vrf", "")


def _fits(entry: Entry, args: Args) -> bool:
    network = args.prefix("network", None)
    return (
        args.any_address("nbma", None) in (None, entry.nbma)
        and args.any_address("tunnel", None) in (None, entry.next_hop)
        and (network is None or entry.target == network)
        and ("static" not in args or entry.type is EntryType.STATIC)
    )


def _tunnel(ctx: ShowContext, tunnel: Tunnel, entries: list[Entry]) -> TunnelPeers:
    groups: dict[IPAddress | None, list[PeerLine]] = {}
    for entry in breathing(entries):
        groups.setdefault(entry.nbma, []).append(_peer(ctx, tunnel, entry))
    state, interface = tunnel.state, tunnel.interface
    enabled = interface is not None and interface.enabled
    return TunnelPeers(
        name=tunnel.name,
        kind=_kind(tunnel),
        version=tunnel.version,
        enabled=enabled,
        line=f"{'up' if enabled else 'down'}/{'up' if interface is not None and interface.line else 'down'}",
        stalled=_stalled(tunnel),
        address=tunnel.address,
        source=tunnel.nbma,
        destination=state.destination if state is not None else None,
        multipoint=tunnel.multipoint,
        protection=state.protection if state is not None else "",
        hold=tunnel.config.if_state,
        servers=server_lines(tunnel, ctx.now),
        peers=tuple(tuple(group) for group in breathing(groups.values())),
        vrf=tunnel.config.vrf,
        front=state.front if state is not None else "",
    )


def _stalled(tunnel: Tunnel) -> str:
    """Return why this IP version does not run over the tunnel, or why nothing can be protected."""
    state, interface = tunnel.state, tunnel.interface
    ipv6 = interface.ipv6 if tunnel.version == 6 and interface is not None else None
    if ipv6 is not None and ipv6.reason is not None:
        return str(ipv6.reason)
    if interface is None or not interface.enabled or interface.line or state is None or not state.protection:
        return ""
    return str(state.reason) if state.reason is not None else ""


def _kind(tunnel: Tunnel) -> str:
    is_hub = bool(tunnel.registered_multicast)
    is_spoke = bool(tunnel.clients)
    if is_hub and is_spoke:
        return "Hub/Spoke"
    return "Hub" if is_hub else "Spoke" if is_spoke else "Unknown"


def _peer(ctx: ShowContext, tunnel: Tunnel, entry: Entry) -> PeerLine:
    state, seconds = state_of(tunnel, entry, ctx)
    return PeerLine(
        nbma=entry.nbma,
        tunnel=entry.next_hop,
        state=state,
        seconds=seconds,
        attributes=_attributes(entry),
        target=entry.target,
        reason=_reason(tunnel, entry, ctx),
    )


def _reason(tunnel: Tunnel, entry: Entry, ctx: ShowContext) -> str:
    """Return why a peer is not reached directly. Problems of a server are shown beside the server."""
    if not tunnel.protected or not entry.is_next_hop or tunnel.is_server(entry.next_hop) or entry.is_local:
        return ""
    reason = entry.reason
    if reason is None and _unsecured(tunnel, entry, ctx):
        reason = why_bare(ctx.ports.protection, tunnel, entry)
    return str(reason) if reason is not None else ""


def _unsecured(tunnel: Tunnel, entry: Entry, ctx: ShowContext) -> Protected | None:
    """Return the IPsec state of the peer of this entry; None: packets may leave, or need no protection."""
    if not tunnel.protected or entry.nbma is None or entry.is_local:
        return None
    if way_to(ctx.ports.protection, tunnel, entry) is not None:
        return None
    found = ctx.ports.protection.between(tunnel.name, entry.nbma, entry.port)
    # The connection at that address may belong to another station.
    return found if found.phase is not ProtectionPhase.SECURED else Protected(phase=ProtectionPhase.IKE)


def state_of(tunnel: Tunnel, entry: Entry, ctx: ShowContext) -> tuple[str, float | None]:
    """Return the state, worst first, and how long it has been so."""
    now = ctx.now
    if tunnel.interface is None or not tunnel.interface.runs(tunnel.version):
        since = tunnel.interface.since if tunnel.interface is not None else now
        return "INTF", now - since
    if entry.type is EntryType.INCOMPLETE:  # IOS shows the state of the path to it, and there is nothing known yet
        return "IKE" if tunnel.protected else "NHRP", None
    servers = tunnel.clients.values()
    client = next((client for client in servers if entry.next_hop in (client.nhs, client.link_local)), None)
    unsecured = _unsecured(tunnel, entry, ctx)
    if unsecured is not None:
        was_up = entry.type is EntryType.DYNAMIC or (client is not None and client.last_reply is not None)
        word = "IPSEC" if unsecured.phase is ProtectionPhase.IPSEC else "IKE"
        return word, now - max(unsecured.since, entry.created) if was_up else None
    if entry.type is EntryType.STATIC:
        if client is None or not client.is_responding:
            answered = client is not None and client.last_reply is not None
            return "NHRP", now - client.since if client is not None and answered else None
        return "UP", now - client.since
    return "UP", now - entry.created


def _attributes(entry: Entry) -> str:
    letters = _TYPE_LETTERS[entry.type]
    if entry.flags & Flag.NAT:
        letters += "N"
    if entry.is_local:
        letters += "LX"
    elif entry.type is EntryType.INCOMPLETE:
        letters += "X"
    letters += _ROUTE_LETTERS.get(entry.route, "")
    return letters + ("I2" if entry.flags & Flag.TEMPORARY else "")


# -------------------------------------------------------------------------------------------------------- renderers


def render_dmvpn(answer: ShowDmvpn) -> Iterator[str]:
    """Yield the lines of `show dmvpn`."""
    yield from _LEGEND
    for tunnel in answer.tunnels:
        yield f"Interface: {tunnel.name}, IPv{tunnel.version} NHRP Details "
        if tunnel.version == 6:
            yield from _peers_of_ipv6(tunnel)
            continue
        yield f"Type:{tunnel.kind}, NHRP Peers:{len(tunnel.peers)}, "
        yield ""
        yield " # Ent  Peer NBMA Addr Peer Tunnel Add State  UpDn Tm Attrb"
        yield " ----- --------------- --------------- ----- -------- -----"
        for group in tunnel.peers:
            for line in group:
                yield from _row(f"{len(group):>6} {_nbma(line)}" if line is group[0] else "", 22, line)
        yield ""


def render_detail(answer: ShowDmvpn) -> Iterator[str]:
    """Yield the lines of `show dmvpn detail`."""
    yield from _LEGEND
    for tunnel in answer.tunnels:
        yield from _detail(tunnel)
    yield ""
    yield "Crypto Session Details: "
    yield "-" * 80
    yield ""
    yield from (line for each in answer.sessions if each.status in _OPEN for line in _paragraph(each))
    yield "Pending DMVPN Sessions:"
    yield ""
    yield from (line for each in answer.sessions if each.status not in _OPEN for line in _paragraph(each))


def _peers_of_ipv6(tunnel: TunnelPeers) -> Iterator[str]:
    """Yield a paragraph for each entry, because IPv6 addresses fit no table.

    The first entry of a peer shows the number of its entries.
    """
    yield f"Type:{tunnel.kind}, Total NBMA Peers (v4/v6): {len(tunnel.peers)}"
    lines = [(len(group) if line is group[0] else 0, line) for group in tunnel.peers for line in group]
    for number, (entries, line) in enumerate(lines, 1):
        yield f"    {number}.Peer NBMA Address: {_nbma(line)}"
        yield f"        Tunnel IPv6 Address: {spelled(line.tunnel)}"
        yield f"        IPv6 Target Network: {spelled(line.target)}"
        yield (
            f"        # Ent: {entries}, Status: {line.state}, UpDn Time: {age(line.seconds)}, "
            f"Cache Attrib: {line.attributes}"
        )
        if line.reason:
            yield f"        {line.reason}"
    yield ""


def _detail(tunnel: TunnelPeers) -> Iterator[str]:
    if not tunnel.enabled:
        yield f"{tunnel.name} is admin down"
        yield ""
        return
    far_end = "MGRE" if tunnel.multipoint else tunnel.destination
    address = spelled(tunnel.address) if tunnel.address is not None else "unassigned"
    yield f'Interface {tunnel.name} is {tunnel.line}, Addr. is {address}, VRF "{tunnel.vrf}" '
    if tunnel.stalled:
        yield f"   IPv{tunnel.version} is not running: {tunnel.stalled}"
    yield f'   Tunnel Src./Dest. addr: {tunnel.source}/{far_end}, Tunnel VRF "{tunnel.front}"'
    transport = "multi-GRE/IP" if tunnel.multipoint else "GRE/IP"
    yield f'   Protocol/Transport: "{transport}", Protect "{tunnel.protection}" '
    yield f"   Interface State Control: {'Enabled' if tunnel.hold else 'Disabled'}"
    yield "   nhrp event-publisher : Disabled"
    yield ""
    if tunnel.servers:
        yield f"IPv{tunnel.version} NHS:"
        for server in tunnel.servers:
            yield f"{spelled(server.address)}  {server.letters:>2} {server.where}"
            yield from silence_lines(server)
    if tunnel.version == 6:
        yield from _peers_of_ipv6(tunnel)
        return
    yield f"Type:{tunnel.kind}, Total NBMA Peers (v4/v6): {len(tunnel.peers)}"
    yield ""
    yield "# Ent  Peer NBMA Addr Peer Tunnel Add State  UpDn Tm Attrb    Target Network"
    yield "----- --------------- --------------- ----- -------- ----- -----------------"
    for group in tunnel.peers:
        for line in group:
            count = len(group) if line is group[0] else ""
            yield from _row(f"{count:>5} {_nbma(line)}", 21, line, f" {line.target!s:>18}")
            if line.reason:  # IOS has no such line: it begins with blanks, so that parsers pass over it
                yield f"     {line.reason}"
    yield ""


def _row(head: str, width: int, line: PeerLine, tail: str = "") -> Iterator[str]:
    """Make a row of the table. A head with an address of the other family takes a line of its own."""
    if len(head) > width:
        yield head
        head = ""
    yield f"{head:<{width}} {line.tunnel!s:>15} {line.state:>5} {age(line.seconds):>8} {line.attributes:>5}{tail}"


def _nbma(line: PeerLine) -> str:
    return "UNKNOWN" if line.nbma is None else str(line.nbma)


_FILTER = (
    "[ ( ipv4 | ipv6 ) ] [* vrf ( default | {vrf:word} ) | interface {interface:interface} | "
    "peer ( nbma {nbma:address} | tunnel ( {tunnel:address} | {tunnel:address6} ) | "
    "network ( {network:prefix} | {network:prefix6} ) ) | static ]"
)
_HELP: Final = {
    "dmvpn": "Peers of each tunnel, and their states",
    "ipv4": "IPv4 overlays",
    "ipv6": "IPv6 overlays",
    "vrf": "Tunnels in one VRF: that of the packets inside; or its name",
    "default": "Those of the global table",
    "interface": "One tunnel",
    "peer": "One peer",
    "nbma": "By its NBMA address",
    "tunnel": "By its tunnel address",
    "network": "By a prefix behind it",
    "static": "Configured ones",
    "detail": "With tunnels, servers and targets",
}
COMMANDS: Final = (
    ExecCommand(f"show dmvpn {_FILTER}", _HELP, query=dmvpn, render=render_dmvpn),
    ExecCommand(f"show dmvpn {_FILTER} detail", _HELP, query=dmvpn_detail, render=render_detail),
)
