"""Lines that several features share: interfaces with what several features ask of them, the router's name, key chains.

They belong to the features `interface`, `system` and `policy`, which put them into their grammars; the constants are
here because several features ask the tree for them, and features do not import each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.ios.config_line import ConfigLine, Mode
from dmvpn.ios.grammar import Args
from dmvpn.ios.lifetimes import read_lifetime

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.ios.grammar import Args

INTERFACE_MODE: Final = Mode("interface", "config-if")

#: The prompt and files take it apart before; what arrives here names no interfaces.
INTERFACE_RANGE: Final = ConfigLine(
    "global",
    "interface range {interfaces:line}",
    {"interface": "Configure an interface", "range": "Several interfaces at once", "interfaces": "gi0/1 - 3, gi0/5"},
    check=lambda _, __: "% Invalid range: write it as gi0/1 - 3, gi0/5",
    order=300,
)
INTERFACE: Final = ConfigLine(
    "global",
    "interface {name:interface} "
    "[ point-to-point | multipoint | type ( tunnel | ethernet | serial | atm | vlan | ip ) ]",
    {
        "interface": "Configure an interface",
        "name": "The interface",
        "point-to-point": "A sub-interface with one far end",
        "multipoint": "A sub-interface with several",
        "type": "What a template is for",
        **dict.fromkeys(("tunnel", "ethernet", "serial", "atm", "vlan", "ip"), "Such interfaces"),
    },
    key=("name",),
    order=300,
    opens="interface",
)

HOSTNAME: Final = ConfigLine(
    "global", "hostname {name:word}", {"hostname": "Set the name of this router", "name": "Its name"}, order=20
)

#: Names of hosts: feature `system` owns the lines; features that are configured with names read them.
_DOMAIN_HELP: Final = {"name": "The domain of names without a dot", "domain": "Its name"}
DOMAIN_NAME: Final = ConfigLine(
    "global", "ip domain name {domain:word}", _DOMAIN_HELP, order=91, beside=("ip domain name vrf",)
)
# As releases before 12.2 wrote it: shown back as typed.
DOMAIN_NAME_OLD: Final = ConfigLine("global", "ip domain-name {domain:word}", _DOMAIN_HELP, order=91)
HOST: Final = ConfigLine(
    "global",
    "ip host [ vrf {vrf:word} ] {name:word} {address:address}",
    {
        "host": "Give an address a name",
        "vrf": "A name in this VRF only",
        "name": "The name",
        "address": "The address",
    },
    key=("vrf", "name"),
    order=92,
)


def host_of(args: Args) -> tuple[str, IPv4Address] | None:
    """Return name and address of a `HOST` line; None: it is for a VRF."""
    return None if "vrf" in args else (args.text("name"), args.address("address"))


def host_in_vrf(args: Args) -> tuple[str, str, IPv4Address] | None:
    """Return VRF, name and address of a `HOST` line; None: it is for the global table."""
    return (args.text("vrf"), args.text("name"), args.address("address")) if "vrf" in args else None


#: Lines of an interface that both its own feature and the tunnel's ask for. Feature `interface` owns them.
IP_MTU: Final = ConfigLine(
    "interface", "ip mtu {octets:68-17940}", {"mtu": "Largest IP packet", "octets": "Octets"}, order=50
)
ADJUST_MSS: Final = ConfigLine(
    "interface",
    "ip tcp adjust-mss {octets:500-1460}",
    {"tcp": "TCP sessions through this router", "adjust-mss": "Clamp the maximum segment size", "octets": "Octets"},
    order=75,
)
#: Lines of packet filters: feature `filter` owns them, the interface shows them.
ACCESS_GROUP: Final = ConfigLine(
    "interface",
    "ip access-group {name:word} ( in | out )",
    {
        "access-group": "Filter packets by an access list",
        "name": "Name or number of the list",
        "in": "What comes in",
        "out": "What goes out",
    },
    key=("in",),
    order=39,
)
VERIFY_SOURCE: Final = ConfigLine(
    "interface",
    "ip verify unicast ( source reachable-via ( any | rx ) [ allow-default ] | reverse-path [ allow-default ] )",
    {
        "verify": "Drop packets with a forged sender",
        "unicast": "Of packets to one station",
        "source": "The sender",
        "reachable-via": "There is a route to it",
        "any": "By any interface",
        "rx": "By the interface that the packet came by",
        "reverse-path": "There is a route to the sender by the interface that the packet came by",
        "allow-default": "The default route is a route, too",
    },
    order=153,
)
UNREACHABLES: Final = ConfigLine(
    "interface", "ip unreachables", {"unreachables": "Send ICMP destination unreachable"}, order=41, default_on=True
)
SHUTDOWN: Final = ConfigLine("interface", "shutdown", "Switch the interface off", order=86)

#: Key chains: feature `policy` owns the lines, every protocol that authenticates reads them.
KEY_CHAIN_MODES: Final = (
    Mode("key-chain", "config-keychain"),
    Mode("key-chain-key", "config-keychain-key", "key-chain"),
)
KEY_CHAIN: Final = ConfigLine(
    "global",
    "key chain {name:word}",
    {"key": "Keys of routing protocols", "chain": "A list of keys", "name": "Its name"},
    key=("name",),
    order=100,
    opens="key-chain",
)
KEY: Final = ConfigLine(
    "key-chain",
    "key {number:0-2147483647}",
    {"key": "One key", "number": "Its number, which travels in packets"},
    key=("number",),
    opens="key-chain-key",
)
KEY_STRING: Final = ConfigLine(
    "key-chain-key",
    "key-string [ 0 ] {secret:line}",
    {"key-string": "The key itself", "0": "It follows in clear", "secret": "The key"},
    order=10,
)


def _check_lifetime(args: Args, _section: object) -> str | None:
    """Refuse an invalid lifetime: a key that is valid at another time than was meant keeps neighbors down."""
    if read_lifetime(args.text("text")) is not None:
        return None
    return "% A lifetime is [local] HH:MM:SS MONTH DAY YEAR, then infinite, duration SECONDS or a later moment"


KEY_ACCEPT: Final = ConfigLine(
    "key-chain-key",
    "accept-lifetime {text:line}",
    {"accept-lifetime": "When packets with this key are taken", "text": "From when until when"},
    order=20,
    check=_check_lifetime,
)
KEY_SEND: Final = ConfigLine(
    "key-chain-key",
    "send-lifetime {text:line}",
    {"send-lifetime": "When packets are sealed with this key", "text": "From when until when"},
    order=20,
    check=_check_lifetime,
)
KEY_ALGORITHM: Final = ConfigLine(
    "key-chain-key",
    "cryptographic-algorithm ( md5 | hmac-sha-1 | hmac-sha-256 | hmac-sha-384 | hmac-sha-512 )",
    {
        "cryptographic-algorithm": "What OSPF makes digests with; others say themselves what they use",
        "md5": "MD5",
        **{f"hmac-sha-{bits}": f"HMAC with SHA-{bits}" for bits in (1, 256, 384, 512)},
    },
    order=21,
)
KEY_CHAIN_LINES: Final = (KEY_CHAIN, KEY, KEY_STRING, KEY_ACCEPT, KEY_SEND, KEY_ALGORITHM)
