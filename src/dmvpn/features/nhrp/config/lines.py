"""The `ip nhrp ...` lines of an interface, and `logging dmvpn`. `ipv6 nhrp ...` are their twins.

Some lines are kept and shown but have no effect in this router, because their subject does not exist here: `map group`
with its service policy, `attribute group`, `nhrp event-publisher`, `interest` with an access list, `use` (the first
packet triggers a request, and none waits). A line from which a user might expect an effect is answered with a warning.
"""

from __future__ import annotations

from functools import partial
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.values import collected
from dmvpn.features.nhrp import model
from dmvpn.ios import Args, Blank, ConfigLine, Placeholder, Section, Twins
from dmvpn.ios.common import refusing_impossible

#: All lines but one are lines of an interface.
_line: Final = partial(ConfigLine, "interface")


def _check_password(args: Args, _: Section) -> str | None:
    if len(args.text("password").encode()) > model.PASSWORD_LENGTH:
        return f"%Warning: only the first {model.PASSWORD_LENGTH} octets of this password are sent and compared"
    return None


def _check_interest(args: Args, _: Section) -> str | None:
    warning = "%Warning: kept without effect; any packet may trigger a resolution"
    return None if "none" in args else warning


def _check_use(args: Args, _: Section) -> str | None:
    warning = "%Warning: kept without effect; the first packet triggers a resolution, and none waits for it"
    return warning if args.integer("packets") > 1 else None


def _check_policy(_args: Args, _: Section) -> str | None:
    return "%Warning: kept without effect; service policies are not supported"


_HELP: Final = {
    "nhrp": "Next Hop Resolution Protocol",
    "authentication": "Password of the network",
    "password": "Sent in clear",
    "map": "Static mapping of a tunnel address to an NBMA address",
    "target": "Tunnel address",
    "mask": "Mask of a whole prefix",
    "nbma": "NBMA address",
    "multicast": "Receivers of multicasts and broadcasts",
    "dynamic": "Every client that registers",
    "network-id": "Run NHRP here; tunnels with the same number are one network",
    "id": "Local to this router",
    "holdtime": "How long peers keep our addresses",
    "seconds": "Seconds",
    "registration": "How we register with servers",
    "timeout": "Register so often; without it a third of the holdtime",
    "no-unique": "Let another NBMA address take our entry over",
    "limit": "Not in IOS: limit the entries that one station may register here",
    "entries": "Entries",
    "bind": "Not in IOS: bind registrations",
    "identity": "To the IKE identity of the station that registered",
    "hearsay": "Not in IOS: addresses reported by one station",
    "addresses": "Addresses",
    "shortcut": "Follow redirects: go to other spokes directly (phase 3)",
    "redirect": "Redirect spokes to direct paths (phase 3)",
    "server-only": "Answer requests, make none",
    "non-caching": "And keep nothing that passes through",
    "packets": "Packets",
    "responder": "Interface whose address names us as responder",
    "record": "Ask servers to record themselves in packets",
    "interest": "Which packets cause requests",
    "access_list": "Access list",
    "none": "No packet does",
    "use": "Ask after so many packets",
    "if-state": "What the line protocol depends on",
    "watch-servers": "Not in IOS: end routing with silent servers",
    "logging": "Where log messages go",
    "dmvpn": "Write %DMVPN messages",
    "rate-limit": "At most one of a kind",
}
AUTHENTICATION: Final = _line("ip nhrp authentication {password:secret}", _HELP, order=60, check=_check_password)
_HOST: Final = IPv4Address(0xFFFFFFFF)
_check: Final = refusing_impossible("target", "nbma", "nhs_address", "nbma_address")
MAP: Final = _line(
    "ip nhrp map {target:address} [ {mask:mask} ] {nbma:address}",
    _HELP,
    key=("target", "mask"),
    order=61,
    check=lambda args, section: _check(args if args.said("mask") in (None, _HOST) else args.without("target"), section),
)
MAP_MULTICAST: Final = _line(
    "ip nhrp map multicast ( {nbma:address} | dynamic )", _HELP, key=("nbma", "dynamic"), order=62, check=_check
)
MAP_GROUP: Final = _line(
    "ip nhrp map group {group:word} service-policy output {policy:word}",
    {
        "group": "Clients of an NHRP group",
        "service-policy": "Their quality of service",
        "output": "Towards them",
        "policy": "Policy map",
    },
    key=("group",),
    order=62,
    check=_check_policy,
)
NETWORK_ID: Final = _line("ip nhrp network-id {id:1-4294967295}", _HELP, order=63)
HOLDTIME: Final = _line(
    "ip nhrp holdtime {seconds:1-65535}", _HELP, order=64, default=f"ip nhrp holdtime {model.DEFAULT_HOLDTIME}"
)

_NHS_OPTIONS = "[* priority {priority:0-255} | cluster {cluster:0-10} ]"
_NHS_HELP = {
    "nhs": "Next hop servers",
    "nhs_address": "Tunnel address of the server",
    "nbma": "Its NBMA address",
    "nbma_address": "NBMA address",
    "nbma_name": "Host name that stands for it",
    "multicast": "It gets copies of multicasts",
    "priority": "0 is best",
    "cluster": "Servers that stand in for each other",
    "max-connections": "How many of a cluster are used at the same time",
    "connections": "Servers",
    "dynamic": "Learn the tunnel address from the server",
    "fallback": "Wait until a better server is used again",
    "seconds": "Seconds",
}
NHS: Final = _line(
    f"ip nhrp nhs {{nhs_address:address}} [ nbma ( {{nbma_address:address}} | {{nbma_name:word}} ) [ multicast ] ] "
    f"{_NHS_OPTIONS}",
    _NHS_HELP,
    key=("nhs_address", "nbma_address", "nbma_name"),
    order=65,
    check=_check,
)
NHS_DYNAMIC: Final = _line(
    f"ip nhrp nhs dynamic nbma ( {{nbma_address:address}} | {{nbma_name:word}} ) [ multicast ] {_NHS_OPTIONS}",
    _NHS_HELP,
    key=("nbma_address", "nbma_name"),
    order=65,
    check=_check,
)
NHS_CLUSTER: Final = _line(
    "ip nhrp nhs cluster {cluster:0-10} max-connections {connections:0-255}", _NHS_HELP, key=("cluster",), order=65
)
NHS_FALLBACK: Final = _line("ip nhrp nhs fallback {seconds:0-60}", _NHS_HELP, order=65)
REGISTRATION_TIMEOUT: Final = _line("ip nhrp registration timeout {seconds:1-65535}", _HELP, order=66)
REGISTRATION_NO_UNIQUE: Final = _line("ip nhrp registration no-unique", _HELP, order=66)
REGISTRATION_LIMIT: Final = _line(
    "ip nhrp registration limit {entries:1-65536}",
    _HELP,
    order=66,
    default=f"ip nhrp registration limit {model.DEFAULT_REGISTRATIONS}",
)
BIND_IDENTITY: Final = _line("ip nhrp bind identity", _HELP, order=66)
HEARSAY_LIMIT: Final = _line(
    "ip nhrp hearsay limit {addresses:1-65535}",
    {**_HELP, "limit": "Limit the new NBMA addresses in a minute that IKE contacts for it"},
    order=66,
    default=f"ip nhrp hearsay limit {model.DEFAULT_HEARSAY}",
)
SHORTCUT: Final = _line("ip nhrp shortcut", _HELP, order=67)
REDIRECT: Final = _line(
    "ip nhrp redirect [ timeout {seconds:2-30} ]",
    {**_HELP, "timeout": "Not more often for one pair of addresses"},
    order=68,
)
SERVER_ONLY: Final = _line("ip nhrp server-only [ non-caching ]", _HELP, order=69)
MAX_SEND: Final = _line(
    "ip nhrp max-send {packets:1-65535} every {seconds:10-65535}",
    {"max-send": "Limit of packets that we send", "packets": "Packets", "every": "In this time", "seconds": "Seconds"},
    order=69,
    default="ip nhrp max-send {} every {}".format(*model.DEFAULT_MAX_SEND),
)
RESPONDER: Final = _line("ip nhrp responder {interface:interface}", _HELP, order=69)
RECORD: Final = _line("ip nhrp record", _HELP, order=69, default_on=True)
INTEREST: Final = _line("ip nhrp interest ( {access_list:1-199} | none )", _HELP, order=69, check=_check_interest)
USE: Final = _line("ip nhrp use {packets:1-65535}", _HELP, order=69, default="ip nhrp use 1", check=_check_use)


def _check_group(args: Args, _: Section) -> str | None:
    name = args.text("name")
    if name.isascii() and len(name) <= model.GROUP_LENGTH:
        return None
    return f"% The name of a group is up to {model.GROUP_LENGTH} ASCII characters: spokes send it to their servers"


_GROUP_HELP = {"group": "Our NHRP group: servers choose our quality of service by it", "name": "Name"}
_ATTRIBUTE_HELP = {"attribute": "Attributes of this spoke", "group": "Attribute group", "name": "Name"}
GROUP: Final = _line("ip nhrp group {name:word}", _GROUP_HELP, order=69, check=_check_group)
GROUP_SHORT: Final = _line("nhrp group {name:word}", _GROUP_HELP, order=69, check=_check_group)
MAP_GROUP_SHORT: Final = _line(
    "nhrp map group {group:word} service-policy output {policy:word}",
    {"map": "Mappings", "group": "Clients of an NHRP group", "policy": "Policy map"},
    key=("group",),
    order=69,
    check=_check_policy,
)
ATTRIBUTE: Final = _line("ip nhrp attribute group {name:word}", _ATTRIBUTE_HELP, order=69)
ATTRIBUTE_SHORT: Final = _line("nhrp attribute group {name:word}", _ATTRIBUTE_HELP, order=69)
EVENT_PUBLISHER: Final = _line(
    "nhrp event-publisher [ max-event-timeout {seconds:1-60} ]",
    {"event-publisher": "Report events to other processes", "max-event-timeout": "Wait for them", "seconds": "Seconds"},
    order=69,
)
IF_STATE: Final = _line("if-state nhrp", {**_HELP, "nhrp": "On a next hop server that answers"}, order=88)
#: A line of our own: IOS has BFD for that, at both ends.
WATCH_SERVERS: Final = _line("ip nhrp watch-servers", _HELP, order=69)
LOGGING: Final = ConfigLine(
    "global", "logging dmvpn [ rate-limit {seconds:1-10000} ]", {**_HELP, "seconds": "In so many seconds"}, order=29
)

LINES: Final = collected(ConfigLine, vars())

#: Lines of an interface about IPv4.
IPV4: Final = tuple(line for line in LINES if line.syntax.startswith("ip nhrp "))
#: The same for IPv6. NBMA addresses are those of the underlay, so they stay as they are.
IPV6: Final = Twins(
    IPV4,
    {
        "ip nhrp ": "ipv6 nhrp ",
        "{target:address} [ {mask:mask} ]": "{target:prefix6}",
        "{nhs_address:address}": "{nhs_address:address6}",
        "{access_list:1-199}": "{access_list:word}",
    },
    help={"ipv6": "Internet Protocol, version 6", "nhrp": "Next Hop Resolution Protocol"},
    order=84,
)
ALL_LINES: Final = (*LINES, *IPV6.lines)


def server(address: IPAddress | None, nbma: IPAddress | Placeholder | None = None) -> str:
    """Return the line that configures a server. nbma: its NBMA address in the same line, with multicast."""
    line = of_version(NHS, 4 if address is None else address.version)
    return line.line(nhs_address=address or Blank("address"), nbma_address=nbma, multicast=nbma is not None)


def mapping(address: IPAddress, nbma: IPAddress | Placeholder) -> str:
    """Return the line that maps one tunnel address to an NBMA address."""
    target = address if address.version == 4 else Prefix.host(address)  # IPv6 maps prefixes
    return of_version(MAP, address.version).line(target=target, nbma=nbma)


def of_version(line: ConfigLine, version: int) -> ConfigLine:
    """Return the counterpart of this IPv4 line for a version of IP."""
    return line if version == 4 else IPV6.twin(line)
