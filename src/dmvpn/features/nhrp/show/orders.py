"""`clear ip nhrp` and `clear dmvpn session`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.nhrp.events import ClearCache, ClearCounters, ClearSessions, ClearStatistics
from dmvpn.features.nhrp.show.families import of_both, version_of
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix


def clear_cache(_: ShowContext, args: Args) -> ClearCache:
    """`clear ip nhrp [A.B.C.D [MASK]]`."""
    prefix: Prefix | None = args.prefix("target", None)
    return ClearCache(prefix, version_of(args))


def clear_counters(_: ShowContext, args: Args) -> ClearCounters:
    """`clear ip nhrp [A.B.C.D] counters [interface X]`."""
    server = args.any_address("server", None)
    return ClearCounters(version_of(args), args.interface("interface", None), server)


def clear_statistics(_: ShowContext, args: Args) -> ClearStatistics:
    """`clear ip nhrp stats [X]`."""
    return ClearStatistics(args.interface("interface", None))


def clear_sessions(_: ShowContext, args: Args) -> ClearSessions:
    """`clear dmvpn session ...`."""
    return ClearSessions(
        interface=args.interface("interface", None),
        nbma=args.address("nbma", None),
        tunnel=args.any_address("tunnel", None),
        static="static" in args,
    )


_HELP: Final = {
    "nhrp": "Next Hop Resolution Protocol: the cache",
    "target": "An address, or a prefix and what lies in it",
    "server": "A next hop server: its numbers alone",
    "counters": "The numbers of packets, in all and server by server",
    "stats": "The numbers of `show nhrp stats`",
    "dmvpn": "DMVPN",
    "session": "Peers: forget them and begin anew",
    "interface": "Of one tunnel",
    "peer": "One peer",
    "nbma": "By its NBMA address",
    "tunnel": "By its tunnel address",
    "static": "Next hop servers too",
}
COMMANDS: Final = (
    *of_both(
        ExecCommand("clear ip nhrp [ {target:prefix} ]", _HELP, action=clear_cache, privilege=15),
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
)
