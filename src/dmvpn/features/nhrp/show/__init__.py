"""The commands of NHRP, and its clear commands: `clear ip nhrp`, `clear dmvpn session` and `... statistics`.

entries      show ip nhrp ..., and the helpers that give each command an IPv6 form
servers      show ip nhrp nhs ...
dmvpn        show dmvpn ...
statistics   show ip nhrp traffic, summary; show nhrp stats
endpoints    show adjacency, show tunnel endpoints, show ip nhrp multicast, redirect, show
             nhrp group-map
"""

from __future__ import annotations

from typing import Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.errors import UserError
from dmvpn.features.nhrp.model import ClearCache, ClearNhrpCounters, ClearSessions, ClearStatistics
from dmvpn.features.nhrp.show import dmvpn, endpoints, entries, servers, statistics
from dmvpn.features.nhrp.show.entries import machine_of, of_both
from dmvpn.ios import Args, Change, ExecCommand, ShowContext


def clear_cache(ctx: ShowContext, args: Args) -> ClearCache:
    """Forget entries (`clear ip nhrp [vrf X] [A.B.C.D [MASK]]`). Raises UserError if there is no such VRF."""
    prefix: Prefix | None = args.prefix("target", None)
    vrf = "" if "global" in args else args.text("vrf", None)
    if vrf and ctx.ports.rib_of(vrf) is None:
        raise UserError(f"VRF {vrf} does not exist")
    return ClearCache(prefix, args.version, vrf)


def clear_counters(_: ShowContext, args: Args) -> ClearNhrpCounters:
    """Clear the counters (`clear ip nhrp [A.B.C.D] counters [interface X]`)."""
    server = args.any_address("server", None)
    return ClearNhrpCounters(args.version, args.interface("interface", None), server)


def clear_statistics(_: ShowContext, args: Args) -> ClearStatistics:
    """Clear the statistics (`clear ip nhrp stats [X]`)."""
    return ClearStatistics(args.interface("interface", None))


def clear_sessions(_: ShowContext, args: Args) -> ClearSessions:
    """Clear the sessions (`clear dmvpn session`)."""
    return ClearSessions(
        interface=args.interface("interface", None),
        nbma=args.any_address("nbma", None),
        tunnel=args.any_address("tunnel", None),
        static="static" in args,
    )


def clear_numbers(ctx: ShowContext, args: Args) -> Change:
    """Clear the numbers (`clear dmvpn statistics [interface X] [peer]`). With a peer: the counters of that server."""
    interface, nbma = args.interface("interface", None), args.any_address("nbma", None)
    peer = args.any_address("tunnel", None)
    if nbma is None and peer is None:
        both = tuple(ClearNhrpCounters(version, interface) for version in (4, 6))
        return Change(events=(*both, ClearStatistics(interface)))
    servers = [
        (tunnel, client.nhs)
        for tunnel in machine_of(ctx).tunnels
        for client in tunnel.clients.values()
        if interface in (None, tunnel.name) and (client.nhs == peer if nbma is None else client.nbma == nbma)
    ]
    return Change(events=tuple(ClearNhrpCounters(nhs.version, tunnel.name, nhs) for tunnel, nhs in servers))


_HELP: Final = {
    "nhrp": "Next Hop Resolution Protocol: the cache",
    "vrf": "Of tunnels whose packets are in one table",
    "global": "In the global table",
    "target": "An address, or a prefix and what lies in it",
    "server": "A next hop server: its numbers alone",
    "counters": "The numbers of packets, in all and server by server",
    "stats": "The numbers of `show nhrp stats`",
    "dmvpn": "DMVPN",
    "statistics": "The numbers of `show ip nhrp traffic`, `nhs detail` and `show nhrp stats`",
    "session": "Reset peers",
    "interface": "Of one tunnel",
    "peer": "One peer",
    "nbma": "By its NBMA address",
    "tunnel": "By its tunnel address",
    "static": "Next hop servers too",
}
_ORDERS: Final = (
    *of_both(
        ExecCommand(
            "clear ip nhrp [ vrf ( global | {vrf:word} ) ] [ {target:prefix} ]", _HELP, action=clear_cache, privilege=15
        ),
        ExecCommand(
            "clear ip nhrp [ {server:address} ] counters [ interface {interface:interface} ]",
            _HELP,
            action=clear_counters,
            privilege=15,
        ),
        ExecCommand("clear ip nhrp stats [ {interface:interface} ]", _HELP, action=clear_statistics, privilege=15),
    ),
    ExecCommand(
        "clear dmvpn session [* interface {interface:interface} | "
        "peer ( nbma {nbma:address} | tunnel ( {tunnel:address} | {tunnel:address6} ) ) | static ]",
        _HELP,
        action=clear_sessions,
        privilege=15,
    ),
    ExecCommand(
        "clear dmvpn statistics [* interface {interface:interface} | "
        "peer ( nbma {nbma:address} | tunnel ( {tunnel:address} | {tunnel:address6} ) ) ]",
        _HELP,
        action=clear_numbers,
        privilege=15,
    ),
)

COMMANDS: Final = (
    *dmvpn.COMMANDS,
    *entries.COMMANDS,
    *servers.COMMANDS,
    *statistics.COMMANDS,
    *_ORDERS,
    *endpoints.COMMANDS,
)

__all__ = ["COMMANDS"]
