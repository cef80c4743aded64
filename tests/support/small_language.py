"""A small language for the tests of `dmvpn.ios`: shaped like tunnel, NHRP, EIGRP and crypto lines, without meaning.

It reads the configuration of every scenario, so that the language is tested without any feature.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmvpn.ios import (
    HOSTNAME,
    INTERFACE,
    INTERFACE_MODE,
    Args,
    ConfigLine,
    Configurator,
    ExecCommand,
    ExecParser,
    Mode,
    Section,
    Twins,
    known_commands,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address


def _overlap(args: Args, section: Section) -> str | None:
    for other_args, other in section.root.sections(INTERFACE):
        theirs = other.get(ADDRESS)
        if other is not section and theirs is not None and theirs.address("address") == args.address("address"):
            return f"% {args.address('address')} overlaps with {other_args.interface('name')}"
    return None


def _cut(args: Args, section: Section) -> str | None:
    return "%Warning: cut to 8 characters" if len(args.text("secret")) > 8 else None


DESCRIPTION = ConfigLine("interface", "description {text:line}", "Text for people", order=10)
BANDWIDTH = ConfigLine("interface", "bandwidth {kbps:1-10000000}", "Kilobits per second", order=20)
ADDRESS = ConfigLine(
    "interface", "ip address {address:address} {mask:mask}", "Address and mask", order=30, check=_overlap
)
SECONDARY = ConfigLine(
    "interface", "ip address {address:address} {mask:mask} secondary", "One more", key=("address",), order=31
)
REDIRECTS = ConfigLine("interface", "ip redirects", "Send redirects", order=40, default_on=True)
IP_MTU = ConfigLine("interface", "ip mtu {octets:68-17940}", "Largest packet", order=50)
HELLO = ConfigLine("interface", "ip hello-interval eigrp {asn:1-65535} {s:1-65535}", "Hello", key=("asn",), order=55)
HOLD = ConfigLine("interface", "ip hold-time eigrp {asn:1-65535} {s:1-65535}", "Hold", key=("asn",), order=56)
PERCENT = ConfigLine(
    "interface", "ip bandwidth-percent eigrp {asn:1-65535} {percent:1-999999}", "Share", key=("asn",), order=57
)
AUTH_MODE = ConfigLine("interface", "ip authentication mode eigrp {asn:1-65535} md5", "Mode", key=("asn",), order=58)
KEY_CHAIN = ConfigLine(
    "interface", "ip authentication key-chain eigrp {asn:1-65535} {chain:word}", "Keys", key=("asn",), order=59
)
NHRP_AUTH = ConfigLine("interface", "ip nhrp authentication {secret:secret}", "Password", order=60, check=_cut)
NHRP_MAP = ConfigLine(
    "interface", "ip nhrp map {tunnel:address} {nbma:address}", "A static entry", key=("tunnel",), order=61
)
NHRP_MULTICAST = ConfigLine(
    "interface", "ip nhrp map multicast ( dynamic | {nbma:address} )", "Where multicast goes", key=(), order=62
)
NETWORK_ID = ConfigLine("interface", "ip nhrp network-id {id:1-4294967295}", "Name of the network", order=63)
HOLDTIME = ConfigLine(
    "interface", "ip nhrp holdtime {s:1-65535}", "Lifetime", order=64, default="ip nhrp holdtime 7200"
)
NHS = ConfigLine(
    "interface",
    "ip nhrp nhs {nhs:address} [ nbma {nbma:address} [ multicast ] ] [* priority {priority:0-255} | cluster {c:0-10} ]",
    {"nhs": "A next hop server", "nbma": "Its outer address"},
    key=("nhs",),
    order=65,
)
SHORTCUT = ConfigLine("interface", "ip nhrp shortcut", "Take shortcuts", order=67)
REDIRECT = ConfigLine("interface", "ip nhrp redirect", "Send redirects", order=68)
REGISTRATION_TIMEOUT = ConfigLine("interface", "ip nhrp registration timeout {s:1-65535}", "Seconds", order=66)
NO_UNIQUE = ConfigLine("interface", "ip nhrp registration no-unique", "Not unique", order=66)
SPLIT_HORIZON = ConfigLine(
    "interface", "ip split-horizon eigrp {asn:1-65535}", "Split horizon", key=("asn",), order=54, default_on=True
)
SUMMARY = ConfigLine(
    "interface",
    "ip summary-address eigrp {asn:1-65535} {network:address} {mask:mask}",
    "Summary",
    key=("asn", "network"),
    order=72,
)
MSS = ConfigLine("interface", "ip tcp adjust-mss {octets:500-1460}", "Clamp", order=75)
OSPF = ConfigLine("interface", "ip ospf {process:1-65535} area {area:0-4294967295}", "OSPF", order=80)
OSPF_NETWORK = ConfigLine(
    "interface", "ip ospf network ( broadcast | point-to-multipoint )", "Type of the network", order=81
)
OSPF_PRIORITY = ConfigLine("interface", "ip ospf priority {priority:0-255}", "Priority", order=81)
OSPF_COST = ConfigLine("interface", "ip ospf cost {cost:1-65535}", "Cost", order=82)
IPV6_LINKLOCAL = ConfigLine("interface", "ipv6 address {address:address6} link-local", "On this link", order=83)
IPV6_ADDRESS = ConfigLine("interface", "ipv6 address {address:host6}", "Address", key=("address",), order=83)
IPV6_MTU = ConfigLine("interface", "ipv6 mtu {octets:1280-17940}", "Largest packet", order=83)
IPV6_TWINS = Twins(
    (NHRP_AUTH, NHRP_MULTICAST, NETWORK_ID, NHS, SHORTCUT, REDIRECT),
    {"ip nhrp": "ipv6 nhrp", "{nhs:address}": "{nhs:address6}"},
    help={"ipv6": "Version 6"},
    order=84,
)
IPV6_MSS = ConfigLine("interface", "ipv6 tcp adjust-mss {octets:500-1440}", "Clamp", order=85)
IPV6_ROUTING = ConfigLine("global", "ipv6 unicast-routing", "Forward", order=42)
IPV6_ROUTE = ConfigLine(
    "global", "ipv6 route {prefix:network6} {hop:address6}", "Route", key=("prefix", "hop"), order=510
)
IPV6_LINES = (IPV6_LINKLOCAL, IPV6_ADDRESS, IPV6_MTU, *IPV6_TWINS.lines, IPV6_MSS, IPV6_ROUTING, IPV6_ROUTE)
DELAY = ConfigLine("interface", "delay {tens:1-16777215}", "Tens of microseconds", order=25)
SHUTDOWN = ConfigLine("interface", "shutdown", "Switch off", order=86)
KEEPALIVE = ConfigLine("interface", "keepalive [ {period:0-32767} [ {retries:1-255} ] ]", "Keepalives", order=87)
TUNNEL_SOURCE = ConfigLine(
    "interface", "tunnel source ( {address:address} | {interface:interface} )", "Outer source", order=90
)
TUNNEL_DESTINATION = ConfigLine("interface", "tunnel destination {address:address}", "Outer destination", order=91)
TUNNEL_MODE = ConfigLine(
    "interface", "tunnel mode gre ( ip | multipoint )", "Encapsulation", order=92, default="tunnel mode gre ip"
)
TUNNEL_KEY = ConfigLine("interface", "tunnel key {key:0-4294967295}", "Key", order=93)
PROTECTION = ConfigLine("interface", "tunnel protection ipsec profile {name:word} [ shared ]", "Encrypt", order=95)

KEYRING = ConfigLine("global", "crypto ikev2 keyring {name:word}", "Keys", order=203, opens="keyring")
PEER = ConfigLine("keyring", "peer {name:word}", "A peer", opens="peer")
PEER_ADDRESS = ConfigLine("peer", "address {address:address} [ {mask:mask} ]", "Its address", order=10)
PRE_SHARED = ConfigLine("peer", "pre-shared-key ( local | remote ) {key:secret}", "Its key", key=("local",), order=20)
PROPOSAL = ConfigLine("global", "crypto ikev2 proposal {name:word}", "Proposal", order=201, opens="proposal")
PROPOSAL_LINES = (
    ConfigLine("proposal", "encryption {what:line}", "Cipher", order=10),
    ConfigLine("proposal", "integrity {what:line}", "Hash", order=20),
    ConfigLine("proposal", "group {what:line}", "Group", order=30),
)
POLICY = ConfigLine("global", "crypto ikev2 policy {name:word}", "Policy", order=202, opens="policy")
POLICY_PROPOSAL = ConfigLine("policy", "proposal {name:word}", "Proposal", key=())
PROFILE = ConfigLine("global", "crypto ikev2 profile {name:word}", "Profile", order=204, opens="profile")
PROFILE_LINES = (
    ConfigLine("profile", "match identity remote address {address:address} [ {mask:mask} ]", "Peers", key=()),
    ConfigLine("profile", "authentication ( local | remote ) pre-share", "How", key=("local",)),
    ConfigLine("profile", "keyring local {name:word}", "Keys"),
)
ISAKMP_POLICY = ConfigLine("global", "crypto isakmp policy {n:1-10000}", "IKEv1", order=205, opens="isakmp")
ISAKMP_LINES = (
    ConfigLine("isakmp", "authentication pre-share", "How"),
    ConfigLine("isakmp", "encryption aes [ {bits:128-256} ]", "Cipher"),
    ConfigLine("isakmp", "group {n:1-24}", "Group"),
    ConfigLine("isakmp", "lifetime {s:60-86400}", "Lifetime", default="lifetime 86400"),
)
ISAKMP_KEY = ConfigLine("global", "crypto isakmp key {key:secret} address {a:address}", "Key", key=("a",), order=206)
TRANSFORM = ConfigLine(
    "global",
    "crypto ipsec transform-set {name:word} esp-aes [ {bits:128-256} ] ( esp-sha-hmac | esp-sha256-hmac )",
    "Algorithms",
    key=("name",),
    order=210,
    opens="transform",
)
TRANSFORM_MODE = ConfigLine("transform", "mode ( transport | tunnel )", "Mode", default="mode tunnel")
IPSEC_PROFILE = ConfigLine("global", "crypto ipsec profile {name:word}", "Profile", order=211, opens="ipsec")
IPSEC_LINES = (
    ConfigLine("ipsec", "set transform-set {name:word}", "Algorithms", order=10),
    ConfigLine("ipsec", "set pfs {group:word}", "Secrecy", order=20),
    ConfigLine("ipsec", "set ikev2-profile {name:word}", "Profile", order=30),
)

EIGRP_NAMED = ConfigLine("global", "router eigrp {name:word}", "EIGRP", order=401, opens="router-eigrp-named")
EIGRP = ConfigLine("global", "router eigrp {asn:1-65535}", "EIGRP", order=400, opens="router-eigrp")
EIGRP_NETWORK = ConfigLine(
    "router-eigrp", "network {network:address} [ {wildcard:wildcard} ]", "Network", key=("network", "wildcard")
)
EIGRP_AUTO_SUMMARY = ConfigLine("router-eigrp", "auto-summary", "Summarize")
FAMILY = ConfigLine(
    "router-eigrp-named",
    "address-family ipv4 [ unicast ] autonomous-system {asn:1-65535}",
    "Family",
    opens="router-eigrp-af",
    show=lambda args: f"address-family ipv4 unicast autonomous-system {args.integer('asn')}",
    key=("asn",),
)
AF_INTERFACE = ConfigLine("router-eigrp-af", "af-interface {name:interface}", "Interface", order=10, opens="af-if")
AF_SPLIT_HORIZON = ConfigLine("af-if", "split-horizon", "Split horizon", default_on=True)
TOPOLOGY = ConfigLine("router-eigrp-af", "topology base", "Topology", order=20, opens="af-topology")
AF_NETWORK = ConfigLine(
    "router-eigrp-af", "network {network:address} [ {wildcard:wildcard} ]", "Network", key=("network",), order=30
)
OSPF_PROCESS = ConfigLine("global", "router ospf {process:1-65535}", "OSPF", order=410, opens="router-ospf")
OSPF_AREA = ConfigLine(
    "router-ospf", "network {network:address} {wildcard:wildcard} area {area:0-4294967295}", "Network", key=()
)
RIP = ConfigLine("global", "router rip", "RIP", order=420, opens="router-rip")
RIP_LINES = (
    ConfigLine("router-rip", "version {version:1-2}", "Version", order=10),
    ConfigLine("router-rip", "network {network:address}", "Network", key=("network",), order=20),
    ConfigLine("router-rip", "auto-summary", "Summarize", order=30, default_on=True),
)
ROUTE = ConfigLine(
    "global",
    "ip route {network:address} {mask:mask} ( {interface:interface} | {next_hop:address} ) [ {distance:1-255} ]",
    "Static route",
    key=(),
    order=500,
)
DOMAIN_LOOKUP = ConfigLine("global", "ip domain lookup", "Ask for names", order=47, keep_no=True)
DOMAIN_NAME = ConfigLine("global", "ip domain name {name:word}", "Domain", order=47)
TERMINAL = ConfigLine(
    "global",
    "line ( con | console=con | aux | vty ) {first:0-1869} [ {last:1-1869} ]",
    "A terminal line",
    order=900,
    opens="line",
)
TERMINAL_LINES = (
    ConfigLine("line", "exec-timeout {minutes:0-35791} [ {seconds:0-2147483} ]", "Silence", order=20),
    ConfigLine("line", "logging synchronous", "Repeat the input", order=50),
)

LINES: tuple[ConfigLine, ...] = (
    *(HOSTNAME, INTERFACE, DESCRIPTION, BANDWIDTH, ADDRESS, SECONDARY, REDIRECTS, IP_MTU, HELLO, HOLD, PERCENT),
    *(AUTH_MODE, KEY_CHAIN, NHRP_AUTH, NHRP_MAP, NHRP_MULTICAST, NETWORK_ID, HOLDTIME, NHS, SHORTCUT, REDIRECT),
    REGISTRATION_TIMEOUT,
    *IPV6_LINES,
    *(NO_UNIQUE, SPLIT_HORIZON, SUMMARY, MSS, OSPF, OSPF_NETWORK, OSPF_PRIORITY, OSPF_COST, DELAY, SHUTDOWN),
    *(KEEPALIVE, TUNNEL_SOURCE, TUNNEL_DESTINATION, TUNNEL_MODE, TUNNEL_KEY, PROTECTION, KEYRING, PEER),
    *(PEER_ADDRESS, PRE_SHARED, PROPOSAL, *PROPOSAL_LINES, POLICY, POLICY_PROPOSAL, PROFILE, *PROFILE_LINES),
    *(ISAKMP_POLICY, *ISAKMP_LINES, ISAKMP_KEY, TRANSFORM, TRANSFORM_MODE, IPSEC_PROFILE, *IPSEC_LINES, EIGRP),
    *(EIGRP_NAMED, EIGRP_NETWORK, EIGRP_AUTO_SUMMARY, FAMILY, AF_INTERFACE, AF_SPLIT_HORIZON, TOPOLOGY),
    *(AF_NETWORK, OSPF_PROCESS, OSPF_AREA, RIP, *RIP_LINES, ROUTE, DOMAIN_LOOKUP, DOMAIN_NAME, TERMINAL),
    *TERMINAL_LINES,
)
MODES: tuple[Mode, ...] = (
    INTERFACE_MODE,
    Mode("keyring", "config-ikev2-keyring"),
    Mode("peer", "config-ikev2-keyring-peer", "keyring", closing_mark=True),
    Mode("proposal", "config-ikev2-proposal"),
    Mode("policy", "config-ikev2-policy"),
    Mode("profile", "config-ikev2-profile"),
    Mode("isakmp", "config-isakmp"),
    Mode("transform", "cfg-crypto-trans"),
    Mode("ipsec", "ipsec-profile"),
    Mode("router-eigrp", "config-router"),
    Mode("router-eigrp-named", "config-router"),
    Mode("router-eigrp-af", "config-router-af", "router-eigrp-named", "exit-address-family"),
    Mode("af-if", "config-router-af-interface", "router-eigrp-af", "exit-af-interface"),
    Mode("af-topology", "config-router-af-topology", "router-eigrp-af", "exit-af-topology"),
    Mode("router-ospf", "config-router"),
    Mode("router-rip", "config-router"),
    Mode("line", "config-line"),
)


def configurator() -> Configurator:
    """Return the language above, with the known lines."""
    return Configurator(LINES, MODES, known_commands())


@dataclass(frozen=True, slots=True)
class Peer:
    """What the `show` of the small language finds."""

    address: IPv4Address
    state: str


def _query(context: list[Peer], args: Args) -> tuple[Peer, ...]:
    wanted = args.address("peer", None)
    return tuple(peer for peer in context if wanted in (None, peer.address))


def _render(peers: tuple[Peer, ...]) -> Iterable[str]:
    yield "Peers"
    for peer in peers:
        yield f"  {peer.address} {peer.state}"


def _show(syntax: str, text: str = "Something") -> ExecCommand:
    return ExecCommand(syntax, text, query=_query, render=_render)


def _action(syntax: str, text: str = "Something", privilege: int = 1) -> ExecCommand:
    return ExecCommand(syntax, text, action=lambda context, args: (syntax, args), privilege=privilege)


SHOW_NHRP = _show("show ip nhrp [ {peer:address} ] [ brief | detail ]", "NHRP cache")
SHOW_NHS = _show("show ip nhrp nhs [ detail ]", "Next hop servers")
SHOW_ROUTE = _show("show ip route [ {prefix:prefix} | {network:address} {mask:mask} | eigrp | rip ]", "Routes")
SHOW_INTERFACES = _show("show interfaces [ {interface:interface} | description ]", "Interfaces")
SHOW_RUN = _show("show running-config [ all | interface {interface:interface} ]", "Configuration")
SHOW_DMVPN = _show("show dmvpn [ detail ]", "DMVPN")
PING = _action(
    "ping {target:word} [* source ( {address:address} | {interface:interface} ) | repeat {count:1-2147483647} "
    "| size {size:36-18024} | timeout {seconds:0-3600} | df-bit ]",
    "Send echo requests",
)
CONFIGURE = _action("configure terminal", "Configure", privilege=15)
SEND_LOG = _action("send log {text:line}", "Log a text")
COPY = _action(
    "copy ( running-config | startup-config | {from:word} ) ( running-config | startup-config | {to:word} )", "Copy"
)
CLEAR_ROUTE = _action("clear ip route ( * | {prefix:prefix} )", "Routes", privilege=15)
COMMANDS = (
    *(SHOW_NHRP, SHOW_NHS, SHOW_ROUTE, SHOW_INTERFACES, SHOW_RUN, SHOW_DMVPN, PING, CONFIGURE, SEND_LOG, COPY),
    CLEAR_ROUTE,
)


def exec_parser() -> ExecParser:
    """Return the commands above."""
    return ExecParser(COMMANDS)
