"""Codes of formats that all share: ICMP, GRE, protocols of IP. For `dmvpn explain`; imported on first use."""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.net.gre import ProtocolType
from dmvpn.net.icmp import IcmpType, Icmpv6Type, Icmpv6UnreachableCode, TimeExceededCode, UnreachableCode
from dmvpn.net.ipv4 import IpProtocol, Ipv4Flag
from dmvpn.net.ipv6 import RouterPreference

_UNREACHABLE = words(WordKind.CODE, UnreachableCode, names="icmp unreachable destination code type 3 rfc 792 1812")("""
    ## codes of ICMP destination unreachable :: dmvpn lab capture, ping, traceroute [RFC 792, RFC 1812 §5.2.7.1]
        next: show ip route (the address), on the router that sent it
    NETWORK :: No route leads to the destination's network.
    HOST :: The network is connected, but the host does not answer; NHRP sends it for an unknown next hop.
    PROTOCOL :: The host is there and does not speak the protocol: GRE or ESP is not wanted.
        next: show interfaces Tunnel (on the far end)
    PORT :: The host answers, but no program listens at the UDP port; the end of a traceroute.
    FRAGMENTATION_NEEDED :: The packet is too large for the next link and has DF; the message names the MTU there.
        [RFC 1191 §4]
        when: Where such messages are filtered, large packets vanish without a word.
        next: show interfaces Tunnel
    SOURCE_ROUTE_FAILED :: A router named in the packet's own route cannot be reached.
    NETWORK_UNKNOWN :: The network does not exist; routers should say NETWORK instead.
    HOST_UNKNOWN :: The link layer knows that the host does not exist.
    ADMINISTRATIVELY_PROHIBITED :: A filter on the way forbids it. [RFC 1812 §5.2.7.1]
    """)
_ICMP = words(WordKind.CODE, IcmpType, rank=51, names="icmp type rfc 792")("""
    ## types of ICMP :: dmvpn lab capture, ping, traceroute [RFC 792] next: traceroute (the address)
    ECHO_REPLY :: The answer of a ping.
    DESTINATION_UNREACHABLE :: A packet could not be delivered; the code says why.
    REDIRECT :: A router on the same wire is nearer. Not NHRP's redirect, which is a Traffic Indication.
    ECHO_REQUEST :: A ping.
    TIME_EXCEEDED :: The TTL was used up (so traceroute works), or fragments were missing.
    PARAMETER_PROBLEM :: The header of a packet is wrong at the octet that the message names.
    """)
_TIME = words(WordKind.CODE, TimeExceededCode, rank=52, names="icmp time exceeded code rfc 792")("""
    ## codes of ICMP time exceeded :: dmvpn lab capture, ping, traceroute [RFC 792] next: traceroute (the address)
    TTL :: The TTL reached 0 on the way: a loop, or a traceroute at work.
    REASSEMBLY :: Not all fragments came in time: some are filtered or lost. next: show interfaces Tunnel (MTU)
    """)
_ICMPV6 = words(WordKind.CODE, Icmpv6Type, rank=53, names="icmpv6 icmp6 type rfc 4443")("""
    ## types of ICMPv6 :: dmvpn lab capture, ping, traceroute [RFC 4443 §2.1] next: traceroute (the address)
    DESTINATION_UNREACHABLE :: An IPv6 packet could not be delivered; the code says why.
    PACKET_TOO_BIG :: An IPv6 packet is too large for the next link; IPv6 routers never fragment. [RFC 4443 §3.2]
        next: show interfaces Tunnel
    TIME_EXCEEDED :: The hop limit was used up, or fragments were missing. [RFC 4443 §3.3]
    PARAMETER_PROBLEM :: A field, or a next header, is not understood. [RFC 4443 §3.4]
    ECHO_REQUEST :: A ping of IPv6. [RFC 4443 §4.1]
    ECHO_REPLY :: The answer of a ping of IPv6. [RFC 4443 §4.2]
    REDIRECT :: A nearer router on the same IPv6 link. Not NHRP's redirect. [RFC 4861 §4.5]
    """)
_UNREACHABLE6 = words(
    WordKind.CODE, Icmpv6UnreachableCode, rank=54, names="icmpv6 icmp6 unreachable destination code rfc 4443"
)("""
    ## codes of ICMPv6 destination unreachable :: dmvpn lab capture, ping, traceroute [RFC 4443 §3.1]
        next: show ipv6 route, on the router that sent it
    NO_ROUTE :: No IPv6 route leads there.
    ADMINISTRATIVELY_PROHIBITED :: A filter on the way forbids the IPv6 packet.
    BEYOND_SCOPE :: The source is link-local and the destination is not on the link.
    ADDRESS :: The link is connected, but no host has the address; also any other reason.
    PORT :: No program listens at the UDP port.
    """)
_PROTOCOLS = words(WordKind.CODE, IpProtocol, rank=55, names="ip protocol prot rfc 791")("""
    ## protocols in IP :: dmvpn lab capture, ping, traceroute [RFC 791 §3.1] next: dmvpn lab capture
    ICMP :: Ping, and what routers say about packets that they cannot deliver. [RFC 792]
    IGMP :: Who wants which multicasts.
    TCP :: Streams of applications; `ip tcp adjust-mss` makes them fit into the tunnel.
    UDP :: IKE in ports 500 and 4500; ESP, too, in 4500 where NAT is.
    GRE :: The tunnel itself, where IPsec does not hide it. Filters must let it pass. [RFC 2784]
        next: show interfaces Tunnel
    ESP :: The tunnel, protected. Filters must let it pass. [RFC 4303] next: show crypto ipsec sa
    ICMPV6 :: ICMP of IPv6, neighbor discovery included. [RFC 4443]
    EIGRP :: EIGRP, to 224.0.0.10 or one neighbor. [RFC 7868 §6.1] next: show ip eigrp neighbors
    OSPF :: OSPF, a routing protocol that floods the links between routers. [RFC 2328]
    """)
_FLAGS = words(WordKind.FLAG, Ipv4Flag, rank=56)("""
    ## flags of an IP header :: dmvpn lab capture, ping, traceroute [RFC 791 §3.1]
        next: ping (the address, size 1400 df-bit)
    RESERVED :: Must be zero.
    DONT_FRAGMENT | DF :: DF: routers may not fragment the packet; if it is too large, they drop it and notify its
        sender. [RFC 1191]
    MORE_FRAGMENTS | MF :: MF: this is a fragment, and not the last one.
    """)
_GRE = words(WordKind.CODE, ProtocolType, rank=57, names="gre protocol type ethertype rfc 2784")("""
    ## what a GRE packet carries :: dmvpn lab capture, ping, traceroute next: show interfaces Tunnel
    KEEPALIVE :: A keepalive of IOS that comes back to its sender: a GRE packet without contents.
    IPV4 :: An IPv4 packet of the overlay. [RFC 2784 §3.1]
    NHRP :: NHRP: it goes up to the router instead of being forwarded. [RFC 2332 §5.1] next: show ip nhrp traffic
    IPV6 :: An IPv6 packet of the overlay. [RFC 7676]
    MPLS :: An MPLS packet; not carried here. [RFC 4023 §3]
    """)
_PREFERENCES = words(WordKind.CODE, RouterPreference, rank=58, names="router preference rfc 4191")("""
    ## default router preference :: show ipv6 interface [RFC 4191 §2.1] next: show ipv6 interface
    LOW :: Hosts take this router as their way out only if there is no other one.
    MEDIUM :: Without `ipv6 nd router-preference`.
    HIGH :: Hosts prefer this router to the other routers of the link.
    """)

GROUPS: Final = groups(vars())
