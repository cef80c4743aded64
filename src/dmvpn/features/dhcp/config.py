"""The lines of DHCP: pools and their options, the client of an interface, the relay agent; and the model they make.

Lines of pools that nothing here acts on (classes, accounting, origins) are in `ios/known.txt`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from dmvpn.base.addresses import UNSPECIFIED, Prefix, mask_length
from dmvpn.base.errors import WireError
from dmvpn.base.values import collected
from dmvpn.features.dhcp.model import DISTANCE, LEASE, DhcpConfig, Excluded, LeasedRoute, Pool, Pool6, PortSettings
from dmvpn.ios import Args, ConfigLine, ConfigTree, Mode, Section
from dmvpn.ios.common import INTERFACE
from dmvpn.ios.grammar import several
from dmvpn.ios.interface_addresses import ADDRESS
from dmvpn.ios.interfaces import interface_sort_key, short_interface
from dmvpn.ios.vrfs import refusal, vrf_of
from dmvpn.net.ipv6 import INFINITE

MODES: Final = (Mode("dhcp-pool", "dhcp-config"), Mode("ipv6-dhcp-pool", "config-dhcpv6"))
_HEX: Final = re.compile(r"[0-9a-fA-F]+")
#: Options whose octets other lines or the server itself decide.
_RESERVED: Final = (0, 50, 51, 52, 53, 54, 55, 61, 82, 255)
_HARDWARE: Final = {"ethernet": 1, "ieee802": 6}
_NODES: Final = {"b-node": 1, "p-node": 2, "m-node": 4, "h-node": 8}


def octets_of(text: str) -> bytes | None:
    """Read octets in hexadecimal, with points, colons or hyphens anywhere. Returns None for any other text."""
    bare = re.sub(r"[.:-]", "", text)
    return bytes.fromhex(bare) if _HEX.fullmatch(bare) and len(bare) % 2 == 0 else None


def _check_vrf(args: Args, section: Section) -> str | None:
    return refusal(section, args.text("vrf", ""))


def _check_range(args: Args, section: Section) -> str | None:
    if args.address("last", args.address("first")) < args.address("first"):
        return "% Invalid range: the last address is lower than the first"
    return _check_vrf(args, section)


def _check_network(args: Args, _: Section) -> str | None:
    length = _length(args)
    return None if length is not None and 0 < length < 32 else "% Invalid network mask"


def _check_octets(args: Args, _: Section) -> str | None:
    octets = octets_of(args.text("octets"))
    return None if octets and len(octets) <= 255 else "% Invalid octets: an even number of hexadecimal digits"


def _check_option(args: Args, section: Section) -> str | None:
    if args.integer("code") in _RESERVED:
        return "% This option is the server's own"
    if "hex" in args and (why := _check_octets(args, section)):
        return why
    from dmvpn.features.dhcp.packet import check  # few configurations have the line

    try:
        check({args.integer("code"): _option(args)})
    except WireError as error:
        return f"% Invalid option: {error}"
    return None


def _check_route(args: Args, section: Section) -> str | None:
    is_prefix = args.any_prefix().address == args.address("network")
    return _check_vrf(args, section) if is_prefix else "%Inconsistent address and mask"


POOL: Final = ConfigLine(
    "global", "ip dhcp pool {name:word}", "Addresses to lease", order=76, opens="dhcp-pool", key=("name",)
)
EXCLUDED: Final = ConfigLine(
    "global",
    "ip dhcp excluded-address [ vrf {vrf:word} ] {first:address} [ {last:address} ]",
    {"excluded-address": "Addresses that are not leased", "vrf": "In this VRF", "first": "From", "last": "To"},
    key=(),
    order=74,
    check=_check_range,
)
PING_PACKETS: Final = ConfigLine(
    "global",
    "ip dhcp ping packets {packets:0-10}",
    "Echo requests before an address is offered",
    order=75,
    default="ip dhcp ping packets 2",
)
PING_TIMEOUT: Final = ConfigLine(
    "global",
    "ip dhcp ping timeout {milliseconds:100-10000}",
    "Milliseconds for an answer",
    order=75,
    default="ip dhcp ping timeout 500",
)
CONFLICTS: Final = ConfigLine(
    "global",
    "ip dhcp conflict logging",
    "Addresses that another station has are not leased until they are cleared",
    order=70,
    default_on=True,
)
#: Seconds from a change to the file of bindings, if its line does not say so.
WRITE_DELAY: Final = 300
DATABASE: Final = ConfigLine(
    "global",
    "ip dhcp database {url:word} [* timeout {timeout:0-2147483647} | write-delay {delay:60-86400} ]",
    {
        "database": "Keep automatic bindings over a restart",
        "url": "Any place: this router has a file of its own for them",
        "timeout": "Seconds that a transfer may take",
        "write-delay": "Seconds from a change to the file",
    },
    order=74,
)
SERVICE: Final = ConfigLine(
    "global", "service dhcp", {"dhcp": "DHCP server and relay agent"}, order=19, default_on=True
)
INFORMATION: Final = ConfigLine(
    "global", "ip dhcp relay information option", "The relay agent says where a client is (option 82)", order=70
)
ROUTE: Final = ConfigLine(
    "global",
    "ip route [ vrf {vrf:word} ] {network:address} {mask:mask} [ {interface:interface} ] dhcp [ {distance:1-255} ]",
    {
        "route": "Make a static route",
        "interface": "The port with the lease",
        "dhcp": "By the router of a lease",
        "distance": "Administrative distance",
    },
    key=("vrf", "network", "mask", "interface"),
    order=502,
    check=_check_route,
)
HELPER: Final = ConfigLine(
    "interface",
    "ip helper-address [ vrf {vrf:word} | global ] {address:address}",
    {"helper-address": "Pass broadcasts of UDP services on", "address": "To this server", "vrf": "In this VRF"},
    key=(),
    order=32,
    check=_check_vrf,
)


def _pool_line(
    syntax: str,
    text: str,
    *,
    key: tuple[str, ...] | None = None,
    check: Callable[[Args, Section], str | None] | None = None,
) -> ConfigLine:
    return ConfigLine("dhcp-pool", syntax, text, order=5, key=key, check=check)


_SUBNET: Final = "{network:address} [ {mask:mask} | {length:word} ]"
_EIGHT: Final = several("server", "address", 8)
POOL_VRF: Final = _pool_line("vrf {vrf:word}", "For clients in this VRF", check=_check_vrf)
IMPORT: Final = _pool_line("import all", "Add the name servers that this router's own client learned")
NETWORK: Final = _pool_line(f"network {_SUBNET}", "The subnet whose addresses are leased", check=_check_network)
HOST: Final = _pool_line(f"host {_SUBNET}", "The address of one client", check=_check_network)
HARDWARE: Final = _pool_line(
    "hardware-address {octets:word} [ ethernet | ieee802 | {type:1-255} ]",
    "The hardware address of the client of `host`",
    check=_check_octets,
)
IDENTIFIER: Final = _pool_line(
    "client-identifier {octets:word}", "The identifier of the client of `host`", check=_check_octets
)
CLIENT_NAME: Final = _pool_line("client-name {client:word}", "The host name of the client")
ROUTERS: Final = _pool_line(f"default-router {_EIGHT}", "Routers of the subnet")
DNS: Final = _pool_line(f"dns-server {_EIGHT}", "Name servers")
NETBIOS: Final = _pool_line(f"netbios-name-server {_EIGHT}", "NetBIOS name servers")
NODE_TYPE: Final = _pool_line(
    "netbios-node-type ( b-node | p-node | m-node | h-node )", "How a client finds NetBIOS names"
)
DOMAIN: Final = _pool_line("domain-name {domain:word}", "The domain of names without a dot")
NEXT_SERVER: Final = _pool_line("next-server {server:address}", "Where the boot file is")
BOOT_FILE: Final = _pool_line("bootfile {file:word}", "Name of the boot file")
LEASE_TIME: Final = _pool_line(
    "lease ( infinite | {days:0-365} [ {hours:0-23} [ {minutes:0-59} ] ] )", "How long: days, hours, minutes"
)
OPTION: Final = _pool_line(
    f"option {{code:0-254}} ( ip {_EIGHT} | ascii {{text:line}} | hex {{octets:word}} )",
    "Any other option (RFC 2132)",
    key=("code",),
    check=_check_option,
)
_IN_POOL6: Final = "ipv6-dhcp-pool"


def _check_prefix6(args: Args, _: Section) -> str | None:
    if args.integer("preferred", 0) > args.integer("valid", 0):
        return "% The preferred lifetime is not longer than the valid one"
    return None


POOL6: Final = ConfigLine(
    "global", "ipv6 dhcp pool {name:word}", "Addresses of IPv6 to lease", order=70, opens=_IN_POOL6, key=("name",)
)
PREFIX6: Final = ConfigLine(
    _IN_POOL6,
    "address prefix {prefix:network6} [ lifetime ( infinite | {valid:60-4294967295} {preferred:60-4294967295} ) ]",
    "The prefix whose addresses are leased, and for how long: valid, preferred seconds",
    order=5,
    check=_check_prefix6,
)
DNS6: Final = ConfigLine(_IN_POOL6, "dns-server {server:address6}", "Name server", order=6, key=("server",))
DOMAIN6: Final = ConfigLine(_IN_POOL6, "domain-name {domain:word}", "Domain of names", order=7, key=("domain",))
SERVER6: Final = ConfigLine("interface", "ipv6 dhcp server {pool:word} [ rapid-commit ]", "Lease a pool", order=100)
_DESTINATION6: Final = "ipv6 dhcp relay destination {server:address6} [ {interface:interface} ]"
RELAY6: Final = ConfigLine("interface", _DESTINATION6, "Pass DHCP on", order=100, key=("server", "interface"))
LINES: Final = collected(ConfigLine, vars())


def model(tree: ConfigTree) -> DhcpConfig | None:
    """Return what the configuration says of DHCP; None: nothing."""
    pools = tuple(_pool(args, section) for args, section in tree.sections(POOL))
    ports = tuple(sorted(tree.made(INTERFACE, _port), key=lambda one: interface_sort_key(one.interface)))
    if not (pools or ports):
        return None
    database = tree.get(DATABASE)
    return DhcpConfig(
        hostname=tree.hostname,
        enabled=tree.flag(SERVICE),
        pools=pools,
        excluded=tuple(
            Excluded(one.text("vrf", ""), one.address("first"), one.address("last", one.address("first")))
            for one in tree.all(EXCLUDED)
        ),
        ping_packets=tree.args(PING_PACKETS).integer("packets", 2),
        ping_timeout=tree.args(PING_TIMEOUT).integer("milliseconds", 500) / 1000,
        logs_conflicts=tree.flag(CONFLICTS),
        write_delay=database.integer("delay", WRITE_DELAY) if database is not None else None,
        ports=ports,
        adds_information=tree.flag(INFORMATION),
        routes=tuple(
            LeasedRoute(
                one.text("vrf", ""), _subnet(one), one.integer("distance", DISTANCE), one.interface("interface", "")
            )
            for one in tree.all(ROUTE)
        ),
        pools6=tuple(_pool6(args, section) for args, section in tree.sections(POOL6)),
    )


def _port(args: Args, section: Section) -> PortSettings | None:
    address, helpers = section.args(ADDRESS), section.all(HELPER)
    relays6 = section.all(RELAY6)
    if not (helpers or relays6 or "dhcp" in address or section.get(SERVER6) is not None):
        return None
    name, own = args.interface("name"), vrf_of(section)
    return PortSettings(
        interface=name,
        leases="dhcp" in address,
        label=short_interface(name),
        identified_by=address.interface("client", ""),
        hostname=address.text("hostname", ""),
        helpers=tuple((one.text("vrf", "" if "global" in one else own), one.address("address")) for one in helpers),
        serves6=section.args(SERVER6).text("pool", ""),
        commits6="rapid-commit" in section.args(SERVER6),
        relays6=tuple((one.address6("server"), one.interface("interface", "")) for one in relays6),
    )


def _pool6(args: Args, section: Section) -> Pool6:
    leased = section.args(PREFIX6)
    times = (INFINITE, INFINITE) if "infinite" in leased else (172_800, 86_400)  # IOS's
    return Pool6(
        args.text("name"),
        leased.prefix("prefix") if "prefix" in leased.values_given else None,
        leased.integer("valid", times[0]),
        leased.integer("preferred", times[1]),
        tuple(one.address6("server") for one in section.all(DNS6)),
        tuple(one.text("domain").strip(".")[:253] for one in section.all(DOMAIN6)),
    )


def _length(args: Args) -> int | None:
    """Return the prefix length of a line with an address, None for a wrong mask. Without a mask the class decides."""
    if "mask" in args:
        return mask_length(args.address("mask"))
    said = args.text("length", "")
    if not said:
        first = int(args.address("network")) >> 24
        return 8 if first < 128 else 16 if first < 192 else 24
    return int(said[1:]) if re.fullmatch(r"/[0-9]{1,2}", said) else None


def _subnet(args: Args) -> Prefix:
    return Prefix.of(args.address("network"), _length(args) or 0)


def _listed(args: Args) -> bytes:
    named = [f"server{number}" for number in range(1, 9)]
    return b"".join(args.address(name).packed for name in named if name in args)


def _pool(args: Args, section: Section) -> Pool:
    options = {one.integer("code"): _option(one) for one in section.all(OPTION)}
    nodes = [word for word in _NODES if word in section.args(NODE_TYPE)]
    own = {  # by their codes, RFC 2132
        3: _listed(section.args(ROUTERS)),
        6: _listed(section.args(DNS)),
        12: section.args(CLIENT_NAME).text("client", "").encode(),
        15: section.args(DOMAIN).text("domain", "").encode(),
        44: _listed(section.args(NETBIOS)),
        46: bytes(_NODES[word] for word in nodes),
    }
    options |= {code: octets for code, octets in own.items() if octets}
    network, host, lease = section.get(NETWORK), section.get(HOST), section.get(LEASE_TIME)
    return Pool(
        name=args.text("name"),
        vrf=section.args(POOL_VRF).text("vrf", ""),
        network=_subnet(network) if network is not None else None,
        host=(host.address("network"), _length(host) or 0) if host is not None else None,
        identities=_identities(section),
        lease=_seconds(lease) if lease is not None else LEASE,
        options=tuple(sorted((code, octets) for code, octets in options.items() if octets)),
        next_server=section.args(NEXT_SERVER).address("server", UNSPECIFIED),
        file=section.args(BOOT_FILE).text("file", "").encode()[:127],
    )


def _option(args: Args) -> bytes:
    if "hex" in args:
        return octets_of(args.text("octets")) or b""
    if "ascii" in args:
        return args.text("text").strip('"').encode()[:255]
    return _listed(args)


def _identities(section: Section) -> tuple[bytes, ...]:
    found: list[bytes] = []
    identifier, hardware = section.get(IDENTIFIER), section.get(HARDWARE)
    if identifier is not None:
        found.append(octets_of(identifier.text("octets")) or b"")
    if hardware is not None:
        kind = next((number for word, number in _HARDWARE.items() if word in hardware), 1)
        found.append(bytes((hardware.integer("type", kind),)) + (octets_of(hardware.text("octets")) or b""))
    return tuple(found)


def _seconds(args: Args) -> int | None:
    if "infinite" in args:
        return None
    days, hours, minutes = (args.integer(name, 0) for name in ("days", "hours", "minutes"))
    return max(60, (days * 24 + hours) * 3600 + minutes * 60)
