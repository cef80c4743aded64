"""The `ip nhrp ...` lines of an interface, `logging dmvpn`, and the model they make. `ipv6 nhrp ...` are their twins.

Some lines are kept and shown but do nothing in this router, because their subject does not exist here: `map group` with
its service policy, `attribute group`, `nhrp event-publisher`, `interest` with an access list, `use` (the first packet
asks, and none waits). If somebody might expect something else from a line, a warning answers it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from dmvpn.base.addresses import IPAddress, Prefix, mask_length
from dmvpn.features.nhrp.model import (
    DEFAULT_HEARSAY,
    DEFAULT_HOLDTIME,
    DEFAULT_MAX_SEND,
    DEFAULT_REDIRECT_INTERVAL,
    DEFAULT_REGISTRATIONS,
    GROUP_LENGTH,
    PASSWORD_LENGTH,
    NhrpConfig,
    NhsConfig,
    TunnelConfig,
)
from dmvpn.ios import Args, ConfigLine, ConfigTree, Section, Spoken, Twins
from dmvpn.ios.common import DOMAIN_NAME, DOMAIN_NAME_OLD, HOST, INTERFACE

if TYPE_CHECKING:
    from collections.abc import Callable

V = TypeVar("V")


def _check_password(args: Args, _: Section) -> str | None:
    password = args.text("password")
    if len(password.encode()) > PASSWORD_LENGTH:
        cut = password.encode()[:PASSWORD_LENGTH].decode(errors="replace")
        return f"%Warning: only the first {PASSWORD_LENGTH} characters ({cut}) are sent and compared"
    return None


def _check_interest(args: Args, _: Section) -> str | None:
    warning = "%Warning: kept; every packet is of interest, access lists are not looked at here"
    return None if "none" in args else warning


def _check_use(args: Args, _: Section) -> str | None:
    warning = "%Warning: kept; the first packet asks, and none waits for the answer"
    return warning if args.integer("packets") > 1 else None


def _check_policy(_args: Args, _: Section) -> str | None:
    return "%Warning: kept; there are no service policies here"


AUTHENTICATION: Final = ConfigLine(
    "interface",
    "ip nhrp authentication {password:secret}",
    {"nhrp": "Next Hop Resolution Protocol", "authentication": "Password of the network", "password": "Sent in clear"},
    order=60,
    check=_check_password,
)
MAP: Final = ConfigLine(
    "interface",
    "ip nhrp map {target:address} [ {mask:mask} ] {nbma:address}",
    {
        "map": "Static mapping of a tunnel address to an NBMA address",
        "target": "Tunnel address",
        "mask": "Mask of a whole prefix",
        "nbma": "NBMA address",
    },
    key=("target", "mask"),
    order=61,
)
MAP_MULTICAST: Final = ConfigLine(
    "interface",
    "ip nhrp map multicast ( {nbma:address} | dynamic )",
    {
        "multicast": "Who gets copies of multicasts and broadcasts",
        "nbma": "NBMA address",
        "dynamic": "Every client that registers",
    },
    key=("nbma", "dynamic"),
    order=62,
)
MAP_GROUP: Final = ConfigLine(
    "interface",
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
NETWORK_ID: Final = ConfigLine(
    "interface",
    "ip nhrp network-id {id:1-4294967295}",
    {"network-id": "Run NHRP here; tunnels with the same number are one network", "id": "Local to this router"},
    order=63,
)
HOLDTIME: Final = ConfigLine(
    "interface",
    "ip nhrp holdtime {seconds:1-65535}",
    {"holdtime": "How long others may keep what we tell them", "seconds": "Seconds"},
    order=64,
    default=f"ip nhrp holdtime {DEFAULT_HOLDTIME}",
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
    "dynamic": "The server tells its tunnel address itself",
    "fallback": "Wait until a better server is used again",
    "seconds": "Seconds",
}
NHS: Final = ConfigLine(
    "interface",
    f"ip nhrp nhs {{nhs_address:address}} [ nbma ( {{nbma_address:address}} | {{nbma_name:word}} ) [ multicast ] ] "
    f"{_NHS_OPTIONS}",
    _NHS_HELP,
    key=("nhs_address", "nbma_address", "nbma_name"),
    order=65,
)
NHS_DYNAMIC: Final = ConfigLine(
    "interface",
    f"ip nhrp nhs dynamic nbma ( {{nbma_address:address}} | {{nbma_name:word}} ) [ multicast ] {_NHS_OPTIONS}",
    _NHS_HELP,
    key=("nbma_address", "nbma_name"),
    order=65,
)
NHS_CLUSTER: Final = ConfigLine(
    "interface",
    "ip nhrp nhs cluster {cluster:0-10} max-connections {connections:0-255}",
    _NHS_HELP,
    key=("cluster",),
    order=65,
)
NHS_FALLBACK: Final = ConfigLine("interface", "ip nhrp nhs fallback {seconds:0-60}", _NHS_HELP, order=65)
REGISTRATION_TIMEOUT: Final = ConfigLine(
    "interface",
    "ip nhrp registration timeout {seconds:1-65535}",
    {
        "registration": "How we register with servers",
        "timeout": "Register so often; without it a third of the holdtime",
        "seconds": "Seconds",
    },
    order=66,
)
REGISTRATION_NO_UNIQUE: Final = ConfigLine(
    "interface",
    "ip nhrp registration no-unique",
    {"registration": "How we register with servers", "no-unique": "Let another NBMA address take our entry over"},
    order=66,
)
REGISTRATION_LIMIT: Final = ConfigLine(
    "interface",
    "ip nhrp registration limit {entries:1-65536}",
    {
        "registration": "How we register with servers",
        "limit": "Entries that one identity may register here (in clear: one NBMA address)",
        "entries": "Entries",
    },
    order=66,
    default=f"ip nhrp registration limit {DEFAULT_REGISTRATIONS}",
)
BIND_IDENTITY: Final = ConfigLine(
    "interface",
    "ip nhrp bind identity",
    {"bind": "What a registration is bound to", "identity": "Who registered an address has it while its entry lives"},
    order=66,
)
HEARSAY_LIMIT: Final = ConfigLine(
    "interface",
    "ip nhrp hearsay limit {addresses:1-65535}",
    {
        "hearsay": "What one station says of others, on a protected tunnel",
        "limit": "New NBMA addresses in a minute that it may lead IKE to",
        "addresses": "Addresses",
    },
    order=66,
    default=f"ip nhrp hearsay limit {DEFAULT_HEARSAY}",
)
SHORTCUT: Final = ConfigLine(
    "interface", "ip nhrp shortcut", {"shortcut": "Follow redirects: go to other spokes directly (phase 3)"}, order=67
)
REDIRECT: Final = ConfigLine(
    "interface",
    "ip nhrp redirect [ timeout {seconds:2-30} ]",
    {
        "redirect": "Tell spokes when they could go directly (phase 3)",
        "timeout": "Not more often for one pair of addresses",
        "seconds": "Seconds",
    },
    order=68,
)
SERVER_ONLY: Final = ConfigLine(
    "interface",
    "ip nhrp server-only [ non-caching ]",
    {"server-only": "Answer requests, make none", "non-caching": "And keep nothing that passes through"},
    order=69,
)
MAX_SEND: Final = ConfigLine(
    "interface",
    "ip nhrp max-send {packets:1-65535} every {seconds:10-65535}",
    {"max-send": "Limit of packets that we send", "packets": "Packets", "every": "In this time", "seconds": "Seconds"},
    order=69,
    default="ip nhrp max-send {} every {}".format(*DEFAULT_MAX_SEND),
)
RESPONDER: Final = ConfigLine(
    "interface",
    "ip nhrp responder {interface:interface}",
    {"responder": "Interface whose address names us as responder"},
    order=69,
)
RECORD: Final = ConfigLine(
    "interface", "ip nhrp record", {"record": "Ask servers to write themselves on packets"}, order=69, default_on=True
)
INTEREST: Final = ConfigLine(
    "interface",
    "ip nhrp interest ( {access_list:1-199} | none )",
    {"interest": "Which packets cause requests", "access_list": "Access list", "none": "No packet does"},
    order=69,
    check=_check_interest,
)
USE: Final = ConfigLine(
    "interface",
    "ip nhrp use {packets:1-65535}",
    {"use": "Ask after so many packets", "packets": "Packets"},
    order=69,
    default="ip nhrp use 1",
    check=_check_use,
)


def _check_group(args: Args, _: Section) -> str | None:
    name = args.text("name")
    if name.isascii() and len(name) <= GROUP_LENGTH:
        return None
    return f"% The name of a group is up to {GROUP_LENGTH} ASCII characters: spokes send it to their servers"


_GROUP_HELP = {"group": "Our NHRP group: servers choose our quality of service by it", "name": "Name"}
_ATTRIBUTE_HELP = {"attribute": "Attributes of this spoke", "group": "Attribute group", "name": "Name"}
GROUP: Final = ConfigLine("interface", "ip nhrp group {name:word}", _GROUP_HELP, order=69, check=_check_group)
GROUP_SHORT: Final = ConfigLine("interface", "nhrp group {name:word}", _GROUP_HELP, order=69, check=_check_group)
MAP_GROUP_SHORT: Final = ConfigLine(
    "interface",
    "nhrp map group {group:word} service-policy output {policy:word}",
    {"map": "Mappings", "group": "Clients of an NHRP group", "policy": "Policy map"},
    key=("group",),
    order=69,
    check=_check_policy,
)
ATTRIBUTE: Final = ConfigLine("interface", "ip nhrp attribute group {name:word}", _ATTRIBUTE_HELP, order=69)
ATTRIBUTE_SHORT: Final = ConfigLine("interface", "nhrp attribute group {name:word}", _ATTRIBUTE_HELP, order=69)
EVENT_PUBLISHER: Final = ConfigLine(
    "interface",
    "nhrp event-publisher [ max-event-timeout {seconds:1-60} ]",
    {"event-publisher": "Tell other processes of events", "max-event-timeout": "Wait for them", "seconds": "Seconds"},
    order=69,
)
IF_STATE: Final = ConfigLine(
    "interface",
    "if-state nhrp",
    {"if-state": "What the line protocol depends on", "nhrp": "On a next hop server that answers"},
    order=88,
)
#: A line of our own: IOS has BFD for that, at both ends.
WATCH_SERVERS: Final = ConfigLine(
    "interface",
    "ip nhrp watch-servers",
    {"watch-servers": "Tell routing protocols of a next hop server that answers no echoes while packets go to it"},
    order=69,
)
LOGGING: Final = ConfigLine(
    "global",
    "logging dmvpn [ rate-limit {seconds:1-10000} ]",
    {
        "logging": "Where log messages go",
        "dmvpn": "Write %DMVPN messages",
        "rate-limit": "At most one of a kind",
        "seconds": "In so many seconds",
    },
    order=30,
)

LINES: Final = (
    AUTHENTICATION,
    MAP,
    MAP_MULTICAST,
    MAP_GROUP,
    NETWORK_ID,
    HOLDTIME,
    NHS,
    NHS_DYNAMIC,
    NHS_CLUSTER,
    NHS_FALLBACK,
    REGISTRATION_TIMEOUT,
    REGISTRATION_NO_UNIQUE,
    REGISTRATION_LIMIT,
    BIND_IDENTITY,
    HEARSAY_LIMIT,
    SHORTCUT,
    REDIRECT,
    SERVER_ONLY,
    MAX_SEND,
    RESPONDER,
    RECORD,
    INTEREST,
    USE,
    GROUP,
    GROUP_SHORT,
    MAP_GROUP_SHORT,
    ATTRIBUTE,
    ATTRIBUTE_SHORT,
    EVENT_PUBLISHER,
    IF_STATE,
    WATCH_SERVERS,
    LOGGING,
)

#: The same for IPv6. NBMA addresses are those of the underlay, so they stay as they are.
IPV6: Final = Twins(
    [line for line in LINES if line.syntax.startswith("ip nhrp ")],
    {
        "ip nhrp ": "ipv6 nhrp ",
        "{target:address} [ {mask:mask} ]": "{target:prefix6}",
        "{nhs_address:address}": "{nhs_address:address6}",
    },
    help={"ipv6": "Internet Protocol, version 6", "nhrp": "Next Hop Resolution Protocol"},
    order=84,
)
ALL_LINES: Final = (*LINES, *IPV6.lines)


def model(tree: ConfigTree) -> NhrpConfig:
    """Return what the configuration says of NHRP."""
    logging, domain = tree.get(LOGGING), tree.get(DOMAIN_NAME) or tree.get(DOMAIN_NAME_OLD)
    return NhrpConfig(
        tunnels=tuple(
            _tunnel(args.interface("name"), spoken, version)
            for version, speak in ((4, Spoken), (6, IPV6.spoken))
            for args, section in tree.sections(INTERFACE)
            if (spoken := speak(section)).get(NETWORK_ID) is not None or version == 4
        ),
        logging=logging is not None,
        rate_limit=logging.integer("seconds", 0) if logging else 0,
        hosts=tuple((args.text("name"), args.address("address")) for args in tree.all(HOST)),
        domain=domain.text("domain") if domain else "",
    )


def _tunnel(name: str, section: Spoken, version: int) -> TunnelConfig:
    multicast = section.all(MAP_MULTICAST)
    redirect, max_send = section.get(REDIRECT), section.get(MAX_SEND)
    server_only, interest = section.get(SERVER_ONLY), section.get(INTEREST)
    return TunnelConfig(
        name=name,
        version=version,
        network_id=_value(section, NETWORK_ID, lambda args: args.integer("id"), None),
        authentication=_value(section, AUTHENTICATION, lambda args: args.text("password"), ""),
        maps=tuple((_target(args), args.address("nbma")) for args in section.all(MAP)),
        multicast=tuple(args.address("nbma") for args in multicast if "dynamic" not in args),
        multicast_dynamic=any("dynamic" in args for args in multicast),
        holdtime=_value(section, HOLDTIME, lambda args: args.integer("seconds"), DEFAULT_HOLDTIME),
        nhs=tuple(_nhs(args) for line in (NHS, NHS_DYNAMIC) for args in section.all(line)),
        fallback=_value(section, NHS_FALLBACK, lambda args: args.integer("seconds"), 0),
        max_connections=tuple(
            (args.integer("cluster"), args.integer("connections")) for args in section.all(NHS_CLUSTER)
        ),
        registration_timeout=_value(section, REGISTRATION_TIMEOUT, lambda args: args.integer("seconds"), None),
        unique=not section.flag(REGISTRATION_NO_UNIQUE),
        bind_identity=section.flag(BIND_IDENTITY),
        registration_limit=_value(
            section, REGISTRATION_LIMIT, lambda args: args.integer("entries"), DEFAULT_REGISTRATIONS
        ),
        hearsay_limit=_value(section, HEARSAY_LIMIT, lambda args: args.integer("addresses"), DEFAULT_HEARSAY),
        shortcut=section.flag(SHORTCUT),
        redirect=redirect is not None,
        redirect_interval=_value(
            section,
            REDIRECT,
            lambda args: args.integer("seconds", DEFAULT_REDIRECT_INTERVAL),
            DEFAULT_REDIRECT_INTERVAL,
        ),
        server_only=server_only is not None,
        non_caching=server_only is not None and "non-caching" in server_only,
        record=section.flag(RECORD),
        responder=_value(section, RESPONDER, lambda args: args.interface("interface"), ""),
        interest=interest is None or "none" not in interest,
        max_send=(max_send.integer("packets"), max_send.integer("seconds")) if max_send else DEFAULT_MAX_SEND,
        group=next((args.text("name") for line in (GROUP_SHORT, GROUP) if (args := section.get(line))), ""),
        groups=tuple(
            (args.text("group"), args.text("policy"))
            for line in (MAP_GROUP, MAP_GROUP_SHORT)
            for args in section.all(line)
        ),
        watch_servers=version == 4 and section.flag(WATCH_SERVERS),
        if_state=section.flag(IF_STATE) and (version == 4 or not _has_servers(section.section)),
    )


def _has_servers(section: Section) -> bool:
    """Return whether the line protocol follows IPv4's servers: it follows those of one IP version."""
    return bool(section.all(NHS) or section.all(NHS_DYNAMIC))


def _target(args: Args) -> Prefix:
    target = args["target"]
    if isinstance(target, Prefix):
        return target
    mask = args.address("mask", None)
    return Prefix.of(args.address("target"), 32 if mask is None else mask_length(mask) or 0)


def _nhs(args: Args) -> NhsConfig:
    address: IPAddress | None = args.any_address("nhs_address", None)
    return NhsConfig(
        address=address,
        nbma=args.address("nbma_address", None),
        name=args.text("nbma_name", ""),
        multicast="multicast" in args,
        priority=args.integer("priority", 0),
        cluster=args.integer("cluster", 0),
    )


def _value(section: Spoken, line: ConfigLine, read: Callable[[Args], V], default: V) -> V:
    args = section.get(line)
    return default if args is None else read(args)
