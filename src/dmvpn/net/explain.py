"""Codes of formats that all share: ICMP, GRE, protocols of IP. For `dmvpn explain`; imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordGroup, WordKind, code
from dmvpn.net.gre import ProtocolType
from dmvpn.net.icmp import IcmpType, TimeExceededCode, UnreachableCode
from dmvpn.net.icmpv6 import Icmpv6Type, Icmpv6UnreachableCode
from dmvpn.net.ipv4 import IpProtocol, Ipv4Flag

_WIRE: Final = ("dmvpn lab capture", "ping", "traceroute")

_ICMP = WordGroup(
    title="types of ICMP",
    kind=WordKind.CODE,
    screens=_WIRE,
    rank=51,
    next="traceroute (the address)",
    clause="RFC 792",
    names=frozenset({"icmp", "type", "rfc", "792"}),
    explanations=(
        code(IcmpType.ECHO_REPLY, "The answer of a ping."),
        code(IcmpType.DESTINATION_UNREACHABLE, "A packet could not be delivered; the code says why."),
        code(
            IcmpType.REDIRECT,
            "A router on the same wire is nearer. Not NHRP's redirect, which is a Traffic Indication.",
        ),
        code(IcmpType.ECHO_REQUEST, "A ping."),
        code(IcmpType.TIME_EXCEEDED, "The TTL was used up (so traceroute works), or fragments were missing."),
        code(IcmpType.PARAMETER_PROBLEM, "The header of a packet is wrong at the octet that the message names."),
    ),
)
_UNREACHABLE = WordGroup(
    title="codes of ICMP destination unreachable",
    kind=WordKind.CODE,
    screens=_WIRE,
    rank=50,
    next="show ip route (the address), on the router that sent it",
    clause="RFC 792, RFC 1812 §5.2.7.1",
    names=frozenset({"icmp", "unreachable", "destination", "code", "type", "3", "rfc", "792", "1812"}),
    explanations=(
        code(UnreachableCode.NETWORK, "No route leads to the destination's network."),
        code(
            UnreachableCode.HOST,
            "The network is connected, but the host does not answer; NHRP sends it for an unknown next hop.",
        ),
        code(
            UnreachableCode.PROTOCOL,
            "The host is there and does not speak the protocol: GRE or ESP is not wanted.",
            next="show interfaces Tunnel (on the far end)",
        ),
        code(
            UnreachableCode.PORT, "The host answers, but no program listens at the UDP port; the end of a traceroute."
        ),
        code(
            UnreachableCode.FRAGMENTATION_NEEDED,
            "The packet is too large for the next link and has DF; the message names the MTU there.",
            "Where such messages are filtered, large packets vanish without a word.",
            next="show interfaces Tunnel",
            clause="RFC 1191 §4",
        ),
        code(UnreachableCode.SOURCE_ROUTE_FAILED, "A router named in the packet's own route cannot be reached."),
        code(UnreachableCode.NETWORK_UNKNOWN, "The network does not exist; routers should say NETWORK instead."),
        code(UnreachableCode.HOST_UNKNOWN, "The link layer knows that the host does not exist."),
        code(
            UnreachableCode.ADMINISTRATIVELY_PROHIBITED, "A filter on the way forbids it.", clause="RFC 1812 §5.2.7.1"
        ),
    ),
)
_TIME = WordGroup(
    title="codes of ICMP time exceeded",
    kind=WordKind.CODE,
    screens=_WIRE,
    rank=52,
    next="traceroute (the address)",
    clause="RFC 792",
    names=frozenset({"icmp", "time", "exceeded", "code", "rfc", "792"}),
    explanations=(
        code(TimeExceededCode.TTL, "The TTL reached 0 on the way: a loop, or a traceroute at work."),
        code(
            TimeExceededCode.REASSEMBLY,
            "Not all fragments came in time: some are filtered or lost.",
            next="show interfaces Tunnel (MTU)",
        ),
    ),
)
_ICMPV6 = WordGroup(
    title="types of ICMPv6",
    kind=WordKind.CODE,
    screens=_WIRE,
    rank=53,
    next="traceroute (the address)",
    clause="RFC 4443 §2.1",
    names=frozenset({"icmpv6", "icmp6", "type", "rfc", "4443"}),
    explanations=(
        code(Icmpv6Type.DESTINATION_UNREACHABLE, "An IPv6 packet could not be delivered; the code says why."),
        code(
            Icmpv6Type.PACKET_TOO_BIG,
            "An IPv6 packet is too large for the next link; IPv6 routers never fragment.",
            next="show interfaces Tunnel",
            clause="RFC 4443 §3.2",
        ),
        code(Icmpv6Type.TIME_EXCEEDED, "The hop limit was used up, or fragments were missing.", clause="RFC 4443 §3.3"),
        code(Icmpv6Type.PARAMETER_PROBLEM, "A field, or a next header, is not understood.", clause="RFC 4443 §3.4"),
        code(Icmpv6Type.ECHO_REQUEST, "A ping of IPv6.", clause="RFC 4443 §4.1"),
        code(Icmpv6Type.ECHO_REPLY, "The answer of a ping of IPv6.", clause="RFC 4443 §4.2"),
        code(
            Icmpv6Type.REDIRECT, "A nearer router on the same IPv6 link. Not NHRP's redirect.", clause="RFC 4861 §4.5"
        ),
    ),
)
_UNREACHABLE6 = WordGroup(
    title="codes of ICMPv6 destination unreachable",
    kind=WordKind.CODE,
    screens=_WIRE,
    rank=54,
    next="show ipv6 route, on the router that sent it",
    clause="RFC 4443 §3.1",
    names=frozenset({"icmpv6", "icmp6", "unreachable", "destination", "code", "rfc", "4443"}),
    explanations=(
        code(Icmpv6UnreachableCode.NO_ROUTE, "No IPv6 route leads there."),
        code(Icmpv6UnreachableCode.ADMINISTRATIVELY_PROHIBITED, "A filter on the way forbids the IPv6 packet."),
        code(Icmpv6UnreachableCode.BEYOND_SCOPE, "The source is link-local and the destination is not on the link."),
        code(
            Icmpv6UnreachableCode.ADDRESS, "The link is connected, but no host has the address; also any other reason."
        ),
        code(Icmpv6UnreachableCode.PORT, "No program listens at the UDP port."),
    ),
)
_PROTOCOLS = WordGroup(
    title="protocols in IP",
    kind=WordKind.CODE,
    screens=_WIRE,
    rank=55,
    next="dmvpn lab capture",
    clause="RFC 791 §3.1",
    names=frozenset({"ip", "protocol", "prot", "rfc", "791"}),
    explanations=(
        code(IpProtocol.ICMP, "Ping, and what routers say about packets that they cannot deliver.", clause="RFC 792"),
        code(IpProtocol.IGMP, "Who wants which multicasts."),
        code(IpProtocol.TCP, "Streams of applications; `ip tcp adjust-mss` makes them fit into the tunnel."),
        code(IpProtocol.UDP, "IKE in ports 500 and 4500; ESP, too, in 4500 where NAT is."),
        code(
            IpProtocol.GRE,
            "The tunnel itself, where IPsec does not hide it. Filters must let it pass.",
            next="show interfaces Tunnel",
            clause="RFC 2784",
        ),
        code(
            IpProtocol.ESP,
            "The tunnel, protected. Filters must let it pass.",
            next="show crypto ipsec sa",
            clause="RFC 4303",
        ),
        code(IpProtocol.ICMPV6, "ICMP of IPv6, neighbor discovery included.", clause="RFC 4443"),
        code(
            IpProtocol.EIGRP,
            "EIGRP, to 224.0.0.10 or one neighbor.",
            next="show ip eigrp neighbors",
            clause="RFC 7868 §6.1",
        ),
        code(IpProtocol.OSPF, "OSPF, a routing protocol that floods the links between routers.", clause="RFC 2328"),
    ),
)
_FLAGS = WordGroup(
    title="flags of an IP header",
    kind=WordKind.FLAG,
    screens=_WIRE,
    rank=56,
    next="ping (the address, size 1400 df-bit)",
    clause="RFC 791 §3.1",
    explanations=(
        code(Ipv4Flag.RESERVED, "Must be zero."),
        code(
            Ipv4Flag.DONT_FRAGMENT,
            "DF: routers may not fragment the packet; if it is too large, they drop it and notify its sender.",
            clause="RFC 1191",
            also=("DF",),
        ),
        code(Ipv4Flag.MORE_FRAGMENTS, "MF: this is a fragment, and not the last one.", also=("MF",)),
    ),
)
_GRE = WordGroup(
    title="what a GRE packet carries",
    kind=WordKind.CODE,
    screens=_WIRE,
    rank=57,
    next="show interfaces Tunnel",
    names=frozenset({"gre", "protocol", "type", "ethertype", "rfc", "2784"}),
    explanations=(
        code(
            ProtocolType.KEEPALIVE, "A keepalive of IOS that comes back to its sender: a GRE packet without contents."
        ),
        code(ProtocolType.IPV4, "An IPv4 packet of the overlay.", clause="RFC 2784 §3.1"),
        code(
            ProtocolType.NHRP,
            "NHRP: it goes up to the router instead of being forwarded.",
            next="show ip nhrp traffic",
            clause="RFC 2332 §5.1",
        ),
        code(ProtocolType.IPV6, "An IPv6 packet of the overlay.", clause="RFC 7676"),
        code(ProtocolType.MPLS, "An MPLS packet; not carried here.", clause="RFC 4023 §3"),
    ),
)

GROUPS: Final = (_UNREACHABLE, _ICMP, _TIME, _ICMPV6, _UNREACHABLE6, _PROTOCOLS, _FLAGS, _GRE)
