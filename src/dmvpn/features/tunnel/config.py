"""The `tunnel ...` lines of an interface, `keepalive`, and the model they make."""

from __future__ import annotations

from typing import Final

from dmvpn.features.tunnel.model import TunnelConfig, TunnelSettings
from dmvpn.ios import Args, ConfigLine, ConfigTree, Section
from dmvpn.ios.common import ADJUST_MSS, INTERFACE, IP_MTU, SHUTDOWN

#: What `keepalive` means without numbers: seconds and retries.
KEEPALIVE_PERIOD, KEEPALIVE_RETRIES = 10, 3


def _keepalive(args: Args) -> tuple[int, int]:
    return args.integer("period", KEEPALIVE_PERIOD), args.integer("retries", KEEPALIVE_RETRIES)


def _keepalive_text(args: Args) -> str:
    return "keepalive {} {}".format(*_keepalive(args)) if args.values_given else "keepalive"


# On an Ethernet interface the line is kept and does nothing: its carrier is the host's business.
KEEPALIVE: Final = ConfigLine(
    "interface",
    "keepalive [ {period:1-32767} [ {retries:1-255} ] ]",
    {"keepalive": "Test a point-to-point tunnel", "period": "Seconds", "retries": "Unanswered ones until it is down"},
    order=87,
    keep_no=True,
    show=_keepalive_text,
)
SOURCE: Final = ConfigLine(
    "interface",
    "tunnel source ( {interface:interface} | {address:address} )",
    {"source": "Our end of the tunnel", "address": "One of our addresses"},
    order=90,
)
DESTINATION: Final = ConfigLine(
    "interface",
    "tunnel destination {address:address}",
    {"destination": "The far end of a point-to-point tunnel", "address": "Its NBMA address"},
    order=91,
)
MODE: Final = ConfigLine(
    "interface",
    "tunnel mode gre ( ip | multipoint )",
    {
        "mode": "Kind of encapsulation",
        "gre": "Generic Routing Encapsulation",
        "ip": "Point-to-point",
        "multipoint": "Many far ends, found by NHRP",
    },
    order=92,
    default="tunnel mode gre ip",
)
KEY: Final = ConfigLine(
    "interface",
    "tunnel key {key:0-4294967295}",
    {"key": "Tells tunnels with the same ends apart; equal at all ends"},
    order=93,
)
PATH_MTU: Final = ConfigLine(
    "interface",
    "tunnel path-mtu-discovery [* age-timer ( {age:10-30} | infinite ) | min-mtu {minimum:92-65535} ]",
    {"path-mtu-discovery": "Copy the DF bit to the outer header"},
    order=94,
)
PROTECTION: Final = ConfigLine(
    "interface",
    "tunnel protection ipsec profile {profile:word} [ shared ]",
    {
        "protection": "Encrypt what the tunnel carries",
        "ipsec": "With IPsec",
        "profile": "An IPsec profile",
        "shared": "Several tunnels with this source share it",
    },
    order=95,
)
TTL: Final = ConfigLine(
    "interface",
    "tunnel ttl {ttl:1-255}",
    {"ttl": "Time to live of the outer header"},
    order=96,
    default="tunnel ttl 255",
)
TOS: Final = ConfigLine("interface", "tunnel tos {tos:0-255}", {"tos": "Type of service of the outer header"}, order=97)
VRF: Final = ConfigLine("interface", "tunnel vrf {vrf:word}", {"vrf": "VRF of the outer packets"}, order=98)
TRANSMIT: Final = ConfigLine(
    "interface",
    "tunnel bandwidth transmit {kbps:0-10000000}",
    {"bandwidth": "Bandwidth of the far ends", "transmit": "Towards them", "kbps": "Kilobits per second"},
    order=99,
    default="tunnel bandwidth transmit 8000",
)
RECEIVE: Final = ConfigLine(
    "interface",
    "tunnel bandwidth receive {kbps:0-10000000}",
    {"receive": "From them"},
    order=99,
    default="tunnel bandwidth receive 8000",
)

LINES: Final = (
    KEEPALIVE,
    SOURCE,
    DESTINATION,
    MODE,
    KEY,
    PATH_MTU,
    PROTECTION,
    TTL,
    TOS,
    VRF,
    TRANSMIT,
    RECEIVE,
)


def model(tree: ConfigTree) -> TunnelConfig:
    """What the configuration says of tunnels."""
    named = [(args.interface("name"), section) for args, section in tree.sections(INTERFACE)]
    return TunnelConfig(tuple(_settings(name, section) for name, section in named if name.startswith("Tunnel")))


def _settings(name: str, section: Section) -> TunnelSettings:
    source, destination = section.get(SOURCE), section.get(DESTINATION)
    keepalive, protection, vrf = section.get(KEEPALIVE), section.get(PROTECTION), section.get(VRF)
    mode = section.get(MODE)
    return TunnelSettings(
        name=name,
        source_interface=source.interface("interface", "") if source else "",
        source_address=source.address("address", None) if source else None,
        destination=destination.address("address") if destination else None,
        multipoint=mode is not None and "multipoint" in mode,
        key=_number(section, KEY, "key"),
        keepalive=_keepalive(keepalive) if keepalive is not None else None,
        ttl=_number(section, TTL, "ttl") or 255,
        path_mtu_discovery=section.get(PATH_MTU) is not None,
        protection=protection.text("profile") if protection else "",
        shared=protection is not None and "shared" in protection,
        vrf=vrf.text("vrf") if vrf else "",
        transmit_bandwidth=_or_default(_number(section, TRANSMIT, "kbps")),
        receive_bandwidth=_or_default(_number(section, RECEIVE, "kbps")),
        ip_mtu=_number(section, IP_MTU, "octets"),
        mss=_number(section, ADJUST_MSS, "octets"),
        shutdown=section.flag(SHUTDOWN),
    )


def _number(section: Section, line: ConfigLine, name: str) -> int | None:
    args = section.get(line)
    return args.integer(name) if args else None


def _or_default(kbps: int | None) -> int:
    return 8000 if kbps is None else kbps
