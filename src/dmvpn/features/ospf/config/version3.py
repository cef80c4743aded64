"""The lines of OSPF version 3: `ipv6 router ospf` and `ipv6 ospf ...` on interfaces, or `router ospfv3` with its
address family and `ospfv3 ...`. Most are twins of lines of version 2.
"""

from __future__ import annotations

from typing import Final

from dmvpn.base.addresses import is_link_local, spelled
from dmvpn.base.values import collected
from dmvpn.features.ospf.config import interfaces, processes
from dmvpn.features.ospf.config.interfaces import AREA
from dmvpn.ios import Args, ConfigLine, Mode
from dmvpn.ios.common import Twins
from dmvpn.ios.section import Section
from dmvpn.ios.tree import ConfigTree
from dmvpn.ios.vrfs import refusal

_CLASSIC, _NAMED, _FAMILY = "router-ospf-ipv6", "router-ospfv3", "router-ospfv3-family"
_FAMILY_MODE: Final = Mode(_FAMILY, "config-router-af", _NAMED, exit_word="exit-address-family")
MODES: Final = (Mode(_CLASSIC, "config-rtr"), Mode(_NAMED, "config-router"), _FAMILY_MODE)
_HELP: Final = {
    "ipv6": "Internet Protocol, version 6",
    "ospf": "OSPF version 3",
    "ospfv3": "OSPF version 3",
    "process": "Run here, as part of this process",
    "area": "In this area",
    "instance": "Which of several OSPFs on the link",
    "neighbor": "A neighbor that gets unicasts",
    "address": "Its link-local address",
    "priority": "Its priority",
    "cost": "The cost of the way to it",
    "poll-interval": "Time between Hellos to a neighbor that is down",
    "poll": "Seconds",
    "router": "A routing process",
    "number": "Number of the process, local to this router",
}

# ------------------------------------------------------------------------------------------------ interfaces


#: Version 3 has no digests of its own keys, no check of the TTL, and every pair of routers is a link or none.
_NOT_ON_INTERFACES: Final = (
    interfaces.PASSWORD,
    interfaces.DIGEST_KEY,
    interfaces.TTL_SECURITY,
    interfaces.PROCESS,
)
ON_INTERFACES: Final = Twins(interfaces.LINES, {"ip ospf": "ipv6 ospf"}, help=_HELP, order=98)
ON_INTERFACES_TOO: Final = Twins(
    interfaces.LINES,
    {"ip ospf": "ospfv3", "[ message-digest | null | key-chain {chain:word} ]": "( null | key-chain {chain:word} )"},
    help=_HELP,
    order=98,
)


def _replace(_: Args, section: Section) -> None:
    """Drop the line of another process in either form: as on IOS, the later line replaces it."""
    for entry in section.entries(PROCESS, PROCESS_TOO):
        section.drop(entry)


def _process(words: str) -> ConfigLine:
    syntax = f"{words} area {{area:{AREA.name}}} [ instance {{instance:0-255}} ]"
    return ConfigLine("interface", syntax, _HELP, order=98, displaces=_replace)


def _check_neighbor(args: Args, _: Section) -> str | None:
    address = args.address6("address")
    return None if is_link_local(address) else f"% {spelled(address)} is no link-local address"


PROCESS: Final = _process("ipv6 ospf {process:1-65535}")
PROCESS_TOO: Final = _process("ospfv3 {process:1-65535} ipv6")
NEIGHBOR: Final = ConfigLine(
    "interface",
    "ipv6 ospf neighbor {address:address6} "
    "[* priority {priority:0-255} | cost {cost:1-65535} | poll-interval {poll:0-4294967295} ]",
    _HELP,
    order=98,
    key=("address",),
    check=_check_neighbor,
)


# ------------------------------------------------------------------------------------------------ processes


def _router(words: str, opens: str, order: int) -> ConfigLine:
    return ConfigLine(
        "global",
        f"{words} {{number:1-65535}}",
        _HELP,
        key=("number",),
        order=order,
        opens=opens,
        sort=("number",),
        takes_along=processes.dropping(PROCESS, PROCESS_TOO),
    )


ROUTER: Final = _router("ipv6 router ospf", _CLASSIC, 411)
ROUTER_TOO: Final = _router("router ospfv3", _NAMED, 412)
ADDRESS_FAMILY: Final = ConfigLine(
    _NAMED,
    "address-family ipv6 [ unicast ] [ vrf {vrf:word} ]",
    {"address-family": "What is routed", "ipv6": "IPv6", "unicast": "Unicast", "vrf": "In a VRF"},
    key=("vrf",),
    order=100,
    opens=_FAMILY,
    complete=lambda args, _: args.with_keyword("unicast"),
    check=lambda args, section: refusal(section, args.text("vrf", "")),
    show=lambda args: "address-family ipv6 unicast" + (f" vrf {args.text('vrf')}" if "vrf" in args else ""),
)


def process(tree: ConfigTree, number: int, vrf: str = "", version: int = 4) -> str:
    """Return the line that opens the section of a process for a version of IP, as it is configured."""
    if version == 4:
        return processes.process(number, vrf)
    return (ROUTER_TOO if tree.section(ROUTER_TOO, number=number) is not None else ROUTER).line(number=number)


#: What a process of version 3 has not: it runs where interfaces say so, and its packets are protected by IPsec.
_NOT_IN_PROCESSES: Final = (
    processes.ROUTER,
    processes.AREA_AUTHENTICATION,
    processes.VIRTUAL_LINK,
    processes.VIRTUAL_PASSWORD,
    processes.VIRTUAL_DIGEST_KEY,
    processes.TTL_SECURITY,
    processes.NETWORKS,
    processes.NEIGHBOR,
    processes.VRF_LITE,
)


def _in_mode(mode: str) -> Twins:
    words = {
        "{address:address} {mask:mask}": "{prefix:network6}",
        "summary-address": "summary-prefix",
        " | subnets |": " | include-connected |",
        "distribute-list prefix ": "distribute-list prefix-list ",
    }
    help_ = {
        "summary-prefix": "Advertise one external prefix for many",
        "include-connected": "The networks of its interfaces, too",
        "prefix": "The prefix",
    }
    shared = [line for line in collected(ConfigLine, vars(processes)) if line not in _NOT_IN_PROCESSES]
    shared.append(processes.DISTRIBUTION.by_prefix_list)
    return Twins(shared, words, help=help_, mode=mode)


CLASSIC, NAMED, FAMILY = (_in_mode(mode) for mode in (_CLASSIC, _NAMED, _FAMILY))

LINES: Final = (
    *collected(ConfigLine, vars()),
    *(
        twins.twin(line)
        for twins in (ON_INTERFACES, ON_INTERFACES_TOO)
        for line in interfaces.LINES
        if line not in _NOT_ON_INTERFACES
        and (line is not interfaces.AUTHENTICATION or twins is ON_INTERFACES_TOO)  # `ipv6 ospf` has IPsec alone
    ),
    *CLASSIC.lines,
    *NAMED.lines,
    *FAMILY.lines,
)
