"""What tunnels print, explained for `dmvpn explain` and `| explain`. Imported on first use."""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.tunnel import messages
from dmvpn.features.tunnel.reasons import TunnelReason

_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of tunnels :: show logging next: show logging
    %TUN-5-RECURDOWN :: When a routing protocol inside the tunnel learns the underlay's networks, or a default route,
        and prefers them. The tunnel goes down, the route vanishes, it comes up again: it flaps.
        next: show ip route (the tunnel's destination)
    """)
_DEBUGS = words(WordKind.DEBUG)("""
    ## lines of debug tunnel :: debug tunnel, show logging
        next: show interfaces Tunnel (the line Tunnel linestate evaluation)
    <tunnel>: linestate evaluation up :: Nothing keeps the line protocol of the tunnel down.
    <tunnel>: linestate evaluation down - <reason> :: The line protocol of the tunnel is down, and why.

    ## lines of debug tunnel keepalive :: debug tunnel keepalive, show logging next: show interfaces Tunnel
    <tunnel>: sending keepalive, <address>-><address> (len=24 ttl=255), counter=<number> :: A GRE packet that the far
        end simply routes back to us left. The counter grows until one returns; at the configured number of retries the
        line goes down.
    <tunnel>: keepalive received, <address>-><address> (len=24 ttl=255), resetting counter :: Our own keepalive came
        back: the far end's address can be reached both ways.
    """)
_REASONS = words(WordKind.REASON, TunnelReason)("""
    ## reasons of tunnels :: show interfaces, debug tunnel, show dmvpn detail
        next: show interfaces Tunnel (the line Tunnel linestate evaluation)
    VRF :: `tunnel vrf` names a VRF that is not defined, or has no `address-family ipv4`. The tunnel stays down rather
        than use the wrong table.
        next: show vrf
    SOURCE_VRF :: The outer packets leave in the VRF that `tunnel vrf` names (without it, in the global table), and so
        the source must be there.
        next: show running-config interface Tunnel
    MODE :: `tunnel mode` says IPsec without GRE, an outer IPv6, or another encapsulation. The line is kept, and the
        tunnel stays down rather than send what its far end cannot read.
        next: show running-config interface Tunnel
    NOT_IPV4 :: `tunnel source` or `tunnel destination` is an IPv6 address. The line is kept, and the tunnel stays down.
        next: show running-config interface Tunnel
    SOURCE_OF_ROUTE :: `tunnel source dynamic` is kept, and the tunnel stays down: name an interface or an address.
        next: show running-config interface Tunnel
    NO_SOURCE :: `tunnel source` is missing. next: show running-config interface Tunnel
    NO_INTERFACE :: `tunnel source` names an interface, or an address, that this router does not have.
        next: show ip interface brief
    SOURCE_DOWN :: The interface that the tunnel starts from is down. next: show interfaces
    SOURCE_WITHOUT_ADDRESS :: The interface that the tunnel starts from has no address (yet).
        next: show ip interface brief
    NO_DESTINATION :: A point-to-point tunnel needs `tunnel destination`; a spoke of a DMVPN may want `tunnel mode gre
        multipoint`.
        next: show running-config interface Tunnel
    UNPROTECTED :: `tunnel protection` is configured, but its policy is not decided yet; nothing is sent in clear.
        next: show crypto ipsec profile
    RIVAL :: Two tunnels have the same source, destination and key, so GRE packets for one look like packets for the
        other. Give each its own `tunnel key`, the same at its far ends.
        next: show running-config interface Tunnel
    RECURSION :: The route to the tunnel's destination leads through the tunnel itself: a packet would be wrapped
        forever.
        when: When the overlay's routing protocol learns the underlay's networks. Keep them out with a distribute list,
        or give the destination a static route.
        next: show ip route (the tunnel's destination)
    REFUSED :: The kernel or the data plane did not make the interface. next: show logging
    KEEPALIVE :: As many keepalives in a row as configured were not returned: the far end cannot be reached.
        next: ping (the tunnel's destination)
    NO_ROUTE :: The underlay's routing table has no way to `tunnel destination`.
        next: show ip route (the tunnel's destination)
    NO_ROUTE_IN_VRF :: The outer packets are routed by the table of the VRF that `tunnel vrf` names, and it has no way
        to `tunnel destination`. Routes of the global table do not count.
        next: show ip route vrf <name> (the tunnel's destination)
    """)
_TRAFFIC = words(WordKind.LABEL, sighted=True)("""
    ## packets that no tunnel took or sent :: show tunnel traffic next: show tunnel traffic
    GRE packets dropped :: All of them, by the reason.
    malformed :: Their octets are no GRE, or their checksum is wrong, or they came out of order on a tunnel with `tunnel
        sequence-datagrams`. [RFC 2784 §2]
    for no tunnel with these addresses and this key :: Source, destination and key fit no tunnel here: mostly `tunnel
        key` differs between the ends. [RFC 2890 §2.1]
        next: show running-config interface Tunnel
    to a next hop without NBMA address :: NHRP does not know (yet) where to send them. next: show ip nhrp
    with a payload that is not carried here :: Something else than IPv4, IPv6 or NHRP was inside.
    that the host refused to send :: The kernel did not take them. next: show logging
    in clear for a protected tunnel :: The far end sent them without ESP; packets without protection are dropped.
        next: show crypto ipsec sa
    to a neighbor that a protected tunnel has no SA with :: They waited for nothing: in clear nothing leaves a protected
        tunnel.
        next: show crypto session detail
    sealed for an SA that is not there :: ESP came for an SA that has ended, or was never here. [RFC 4303 §3.4.2]
        next: show crypto ipsec sa
    """)

GROUPS: Final = groups(vars())
