"""`clear ip nhrp` and `clear dmvpn session`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.nhrp.events import ClearCache, ClearCounters, ClearSessions
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix


def clear_cache(_: ShowContext, args: Args) -> ClearCache:
    """`clear ip nhrp [A.B.C.D [MASK]]`."""
    prefix: Prefix | None = args.prefix("target", None)
    return ClearCache(prefix)


def clear_counters(_: ShowContext, __: Args) -> ClearCounters:
    """`clear ip nhrp counters`."""
    return ClearCounters()


def clear_sessions(_: ShowContext, args: Args) -> ClearSessions:
    """`clear dmvpn session ...`."""
    return ClearSessions(
        interface=args.interface("interface", None),
        nbma=args.address("nbma", None),
        tunnel=args.address("tunnel", None),
        static="static" in args,
    )


_HELP: Final = {
    "nhrp": "Next Hop Resolution Protocol: the cache",
    "target": "An address, or a prefix and what lies in it",
    "counters": "The numbers of `show ip nhrp traffic`",
    "dmvpn": "DMVPN",
    "session": "Peers: forget them and begin anew",
    "interface": "Of one tunnel",
    "peer": "One peer",
    "nbma": "By its NBMA address",
    "tunnel": "By its tunnel address",
    "static": "Next hop servers too",
}
COMMANDS: Final = (
    ExecCommand("clear ip nhrp [ {target:prefix} ]", _HELP, action=clear_cache, privilege=15),
    ExecCommand("clear ip nhrp counters", _HELP, action=clear_counters, privilege=15),
    ExecCommand(
        "clear dmvpn session [* interface {interface:interface} | "
        "peer ( nbma {nbma:address} | tunnel {tunnel:address} ) | static ]",
        _HELP,
        action=clear_sessions,
        privilege=15,
    ),
)
