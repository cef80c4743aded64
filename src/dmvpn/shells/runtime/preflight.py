"""Requirements for starting a router here, checked before it has changed anything.

Conditions that may change while a router runs, such as a port of another program or an address of the host, are not
checked: the router reports them, and tries again.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from dmvpn.dataplane.host import Capability, HostProblem, has, need
from dmvpn.dataplane.netlink.netfilter import Masquerade, messages
from dmvpn.dataplane.netlink.nfsocket import Family, NetfilterSocket
from dmvpn.dataplane.netlink.nftables import Part, delete_table, new_table
from dmvpn.dataplane.tap import open_device
from dmvpn.dataplane.userspace.filtering import LEAVING, arriving, bases, hook
from dmvpn.dataplane.userspace.vrf_devices import are_missing, problem_of_name
from dmvpn.features.nat.config import NETWORK, PORT, SOURCE, STATION
from dmvpn.ios import ConfigLine, Configurator
from dmvpn.ios.common import ACCESS_GROUP, TRAFFIC_FILTER, VERIFY_SOURCE
from dmvpn.ios.config_line import LineGroup, LineStanding
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator

#: Required by every router; without NET_BIND_SERVICE there are no protected tunnels.
_NEEDED: Final = (Capability.NET_ADMIN, Capability.NET_RAW)
#: Lines that put an interface, or what a tunnel sends, into a VRF.
_IN_VRF: Final = re.compile(r" (?:ip )?vrf forwarding (?P<vrf>\S+)| tunnel vrf (?P<front>\S+)")
_FILTERS: Final = LineGroup(
    "packet filters",
    LineStanding.RESTRICTS,
    "the kernel of this host has no nf_tables (try: modprobe -a nf_tables nft_fib_ipv4 nfnetlink_log), and all packets "
    "would pass",
)
_TRANSLATION: Final = LineGroup(
    "address translation",
    LineStanding.DIVERTS,
    "the kernel of this host has no nf_tables that masquerades (try: modprobe -a nft_chain_nat nft_masq), and "
    "packets would leave with the addresses of their senders",
)


def lacking() -> list[str]:
    """Return the required capabilities that this process does not have."""
    return [capability.name for capability in _NEEDED if not has(capability)]


def refuse_what_cannot_run(configuration: Iterable[str]) -> None:
    """Check VRFs, privileges, and the tun driver if the lines make an interface by it. Raises HostProblem."""
    configuration = list(configuration)
    for problem in problems_of_vrfs(configuration):
        raise problem
    missing = lacking()
    if missing:
        what = f"the capability {missing[0]} is" if len(missing) == 1 else f"the capabilities {', '.join(missing)} are"
        raise HostProblem(f"{what} missing", fix=need(*missing))
    if any(line.startswith(("interface Tunnel", "interface Loopback")) for line in configuration):
        os.close(open_device())


def problems_of_vrfs(configuration: Iterable[str], missing: Callable[[], bool] = are_missing) -> list[HostProblem]:
    """Return problems of the VRFs in use. missing: returns whether the kernel has no VRF devices."""
    uses = [match["vrf"] or match["front"] for line in configuration if (match := _IN_VRF.match(line)) is not None]
    names = list(dict.fromkeys(uses))
    if not names or not missing():
        return [problem for name in names if (problem := problem_of_name(name)) is not None]
    what = f"VRF {names[0]} is" if len(names) == 1 else f"the VRFs {', '.join(names)} are"
    return [
        HostProblem(
            f"{what} in use, and the kernel of this host has no VRF devices",
            fix="modprobe vrf, or a kernel with CONFIG_NET_VRF; in 'dmvpn lab up' each VRF is a network namespace",
        )
    ]


def without_filters() -> LineGroup | None:
    """Return the lines that filter packets if the kernel of this network namespace cannot, or None."""
    return _FILTERS if _refuses(_filters) else None


def without_filters6() -> LineGroup | None:
    """Return the lines that filter packets of IPv6 if the kernel of this network namespace cannot, or None."""
    return _FILTERS if _refuses(_filters, Family.IP6) else None


def _filters(table: str) -> tuple[Part, ...]:
    return (new_table(table), *bases(table, None), *arriving(table), *hook(table, LEAVING))


def without_translation() -> LineGroup | None:
    """Return the lines that translate addresses if the kernel of this network namespace cannot, or None."""
    return _TRANSLATION if _refuses(lambda table: messages(Masquerade("probe"), table)) else None


def _refuses(parts: Callable[[str], Iterable[Part]], family: Family = Family.IP) -> bool:
    """Return whether the kernel cannot make this table. It goes in the same step, so nothing is made."""
    try:
        with NetfilterSocket(family) as kernel:
            table = f"dmvpn-probe-{kernel.port}"
            kernel.transact([*parts(table), delete_table(table)])
    except OSError as error:
        return error.errno not in (errno.EPERM, errno.EACCES)  # a missing capability is another problem
    return False


#: Lines that the kernel of this host may be unable to carry out (`ios.Language.beyond`).
BEYOND: Final[Mapping[ConfigLine, Callable[[], LineGroup | None]]] = {
    ACCESS_GROUP: without_filters,
    TRAFFIC_FILTER: without_filters6,
    VERIFY_SOURCE: without_filters,
    **dict.fromkeys((SOURCE, STATION, PORT, NETWORK), without_translation),
}


def language() -> Configurator:
    """Return the configuration language of this host."""
    return configurator(FEATURES).on_host(BEYOND)
