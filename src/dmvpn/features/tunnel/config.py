"""The `tunnel ...` lines of an interface, `keepalive`, the model they make, and the interfaces that a change ends."""

from __future__ import annotations

from typing import Final

from dmvpn.base.notices import AnswersEnd, LineEnds, Notice
from dmvpn.base.pages import Pages
from dmvpn.base.ports import Ports
from dmvpn.base.values import collected
from dmvpn.features.tunnel.model import TunnelConfig, TunnelSettings
from dmvpn.ios import Args, ConfigLine, ConfigTree, Endings, Section, common, interface_sort_key
from dmvpn.ios.vrfs import vrf_of

#: The default bandwidth of a tunnel, kilobits a second.
DEFAULT_KBPS: Final = 8000
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
_HELP: Final = {
    "source": "Our end of the tunnel",
    "address": "One of our addresses",
    "address6": "Kept; tunnels go over IPv4 here",
    "dynamic": "Kept; as a route says, which none does here",
    "destination": "The far end of a point-to-point tunnel",
    "name": "Kept; names of far ends are not asked for here",
    "key": "Distinguishes tunnels with the same ends; equal at all ends",
    "checksum": "Send GRE with a checksum of header and payload, 4 octets more",
    "sequence-datagrams": "Number packets (4 octets more), and drop those out of order; point-to-point tunnels alone",
    "protection": "Encrypt what the tunnel carries",
    "ipsec": "With IPsec",
    "profile": "An IPsec profile",
    "shared": "Several tunnels with this source share it",
    "isakmp-profile": "With this profile of IKE instead of that of the IPsec profile",
    "isakmp": "Name of a profile of IKE version 1",
    "ikev2-profile": "With this profile of IKE instead of that of the IPsec profile",
    "ikev2": "Name of a profile of IKE version 2",
    "ttl": "Time to live of the outer header",
}
SOURCE: Final = ConfigLine(
    "interface",
    "tunnel source ( {interface:interface} | {address:address} | {address6:address6} | dynamic )",
    _HELP,
    order=90,
)
DESTINATION: Final = ConfigLine(
    "interface",
    "tunnel destination ( {address:address} | {address6:address6} | dynamic | {name:word} )",
    {**_HELP, "address": "Its NBMA address"},
    order=91,
)
MODE: Final = ConfigLine(
    "interface",
    "tunnel mode ( gre ( ip | ipv4=ip | multipoint [ ipv6 | l3vpn ] | ipv6 ) | "
    "ipsec ( ( ipv4 | ipv6 ) [ v4-overlay | v6-overlay ] | dual-overlay ) | "
    "vxlan-gpe ( ipv4 | ipv6 ) [ {kind:line} ] | vxlan ( ipv4 | ipv6 ) [ {kind:line} ] | ipip [ decapsulate-any ] | "
    "ethernet gre ( ipv4 | ipv6 ) [ p2p ] | l3vpn l2tpv3 [ multipoint ] | "
    "ipv6ip [ {kind:word} ] | ipv6 | "
    "nos | eon | dvmrp | aurp | cayman | iptalk | rbscp | sdwan | udp ( ip | multipoint ) | "
    "tag-switching | mpls {what:line} )",
    {
        "mode": "Kind of encapsulation",
        "gre": "Generic Routing Encapsulation",
        "ip": "Point-to-point",
        "multipoint": "Many far ends, found by NHRP",
        "ipv6": "Over IPv6; not here",
        **dict.fromkeys(
            ("ipsec", "ipv4", "vxlan", "vxlan-gpe", "ipip", "ethernet", "ipv6ip", "nos", "eon", "dvmrp", "mpls", "udp"),
            "Another kind of tunnel; not here",
        ),
        **dict.fromkeys(
            (
                "l3vpn",
                "l2tpv3",
                "p2p",
                "decapsulate-any",
                "aurp",
                "cayman",
                "iptalk",
                "rbscp",
                "sdwan",
                "tag-switching",
            ),
            "Another kind of tunnel; not here",
        ),
        "v4-overlay": "It carries IPv4",
        "v6-overlay": "It carries IPv6",
        "dual-overlay": "It carries both",
        "kind": "How addresses are made",
        "what": "Kind of label switching",
    },
    order=92,
    default="tunnel mode gre ip",
)
KEY: Final = ConfigLine("interface", "tunnel key {key:0-4294967295}", _HELP, order=93)
CHECKSUM: Final = ConfigLine("interface", "tunnel checksum", _HELP, order=94)
SEQUENCE: Final = ConfigLine("interface", "tunnel sequence-datagrams", _HELP, order=94)
PATH_MTU: Final = ConfigLine(
    "interface",
    "tunnel path-mtu-discovery [* age-timer ( {age:10-30} | infinite ) | min-mtu {minimum:92-65535} ]",
    {"path-mtu-discovery": "Copy the DF bit to the outer header"},
    order=94,
)
PROTECTION: Final = ConfigLine(
    "interface",
    "tunnel protection ipsec profile {profile:word} [ shared ] "
    "[ isakmp-profile {isakmp:word} | ikev2-profile {ikev2:word} ] [ shared ]",
    _HELP,
    order=95,
)
TTL: Final = ConfigLine("interface", "tunnel ttl {ttl:1-255}", _HELP, order=96, default="tunnel ttl 255")
TOS: Final = ConfigLine("interface", "tunnel tos {tos:0-255}", {"tos": "Type of service of the outer header"}, order=97)
VRF: Final = ConfigLine("interface", "tunnel vrf {vrf:word}", {"vrf": "VRF of the outer packets"}, order=94)
TRANSMIT: Final = ConfigLine(
    "interface",
    "tunnel bandwidth transmit {kbps:0-10000000}",
    {"bandwidth": "Bandwidth of the far ends", "transmit": "Towards them", "kbps": "Kilobits per second"},
    order=99,
    default=f"tunnel bandwidth transmit {DEFAULT_KBPS}",
)
RECEIVE: Final = ConfigLine(
    "interface",
    "tunnel bandwidth receive {kbps:0-10000000}",
    {"receive": "From them"},
    order=99,
    default=f"tunnel bandwidth receive {DEFAULT_KBPS}",
)

LINES: Final = collected(ConfigLine, vars())


def model(tree: ConfigTree) -> TunnelConfig:
    """Return what the configuration says of tunnels."""
    return TunnelConfig(tuple(sorted(tree.made(common.INTERFACE, _settings), key=lambda tunnel: tunnel.number)))


def _settings(args: Args, section: Section) -> TunnelSettings | None:
    name = args.interface("name")
    if not name.startswith("Tunnel"):
        return None
    source, destination = section.get(SOURCE), section.get(DESTINATION)
    keepalive, protection = section.get(KEEPALIVE), section.get(PROTECTION)
    mode = section.get(MODE)
    text = " ".join(mode.words) if mode else ""
    return TunnelSettings(
        name=name,
        source_interface=source.interface("interface", "") if source else "",
        source_address=source.address("address", None) if source else None,
        destination=destination.address("address", None) if destination else None,
        multipoint=mode is not None and "multipoint" in mode,
        key=section.args(KEY).integer("key", None),
        checksum=section.get(CHECKSUM) is not None,
        sequence=section.get(SEQUENCE) is not None and not (mode is not None and "multipoint" in mode),
        keepalive=_keepalive(keepalive) if keepalive is not None else None,
        ttl=section.args(TTL).integer("ttl", 255),
        path_mtu_discovery=section.get(PATH_MTU) is not None,
        protection=protection.text("profile") if protection else "",
        shared=protection is not None and "shared" in protection,
        vrf=vrf_of(section),
        front=section.args(VRF).text("vrf", ""),
        foreign_mode="" if text in ("", "tunnel mode gre ip", "tunnel mode gre multipoint") else text,
        foreign_end=_foreign_end(source, destination),
        ike_profile=_ike_profile(protection) if protection else "",
        transmit_bandwidth=section.args(TRANSMIT).integer("kbps", DEFAULT_KBPS),
        receive_bandwidth=section.args(RECEIVE).integer("kbps", DEFAULT_KBPS),
        ip_mtu=section.args(common.IP_MTU).integer("octets", None),
        mss=section.args(common.ADJUST_MSS).integer("octets", None),
        shutdown=section.flag(common.SHUTDOWN),
    )


def _foreign_end(*ends: Args | None) -> str:
    """Return the line of an end in IPv6, or of a source that routes would choose; "" for none."""
    lines = (" ".join(end.words) for end in ends if end is not None and "address6" in end.values_given)
    source = ends[0]
    by_route = "tunnel source dynamic" if source is not None and "dynamic" in source else ""
    return next(lines, by_route)


def _ike_profile(protection: Args) -> str:
    """Return the words that name a profile of IKE for this tunnel alone; "" for none."""
    words = (("isakmp-profile", "isakmp"), ("ikev2-profile", "ikev2"))
    return next((f"{word} {protection.text(name)}" for word, name in words if word in protection), "")


def _switched_on(args: Args, section: Section) -> str | None:
    return None if section.flag(common.SHUTDOWN) else args.interface("name")


def _endings(before: Pages[str], after: Pages[str], ports: Ports) -> list[Notice]:
    """Return notices of the interfaces that were on, and are shut down or taken away now.

    Protocols there say goodbye while packets still leave; tunnels whose packets leave by one of them end first.
    """
    gone, came = after.changes(before)
    still = frozenset(came.values())
    ending = sorted((name for name in gone.values() if name not in still), key=interface_sort_key)
    if not ending:
        return []
    over = [tunnel.name for tunnel in ports.tunnels.all() if tunnel.source_interface in ending]
    names = dict.fromkeys((*over, *ending))
    tunnels = [name for name in names if ports.tunnels.get(name) is not None]
    return [*map(LineEnds, names), *map(AnswersEnd, tunnels)]


#: Interfaces that a new configuration ends, with the tunnels over them.
ENDINGS: Final = Endings(
    frozenset((common.INTERFACE, common.SHUTDOWN)), lambda tree: tree.made(common.INTERFACE, _switched_on), _endings
)
