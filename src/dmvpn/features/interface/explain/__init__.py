"""What interfaces print, explained for `dmvpn explain` and `| explain`. Imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.interface import messages
from dmvpn.features.interface.explain import labels
from dmvpn.features.interface.port import Status
from dmvpn.features.interface.reasons import InterfaceReason

_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of interfaces :: the prompt next: show ip interface brief
    % <address> overlaps with <interface> :: Another interface has an address in the same network; packets to it could
        not know which way to go.
    % The host keeps these addresses and asks for them again; to forget one there: ip neigh flush to <address> :: `clear
        arp-cache` has nothing to clear: the kernel under this router learns link-layer addresses.
        next: show arp
    % <address> is a link-local address: say <command> :: FE80 addresses are written with `link-local` behind.
    % <address> cannot be the address of an interface :: It is a multicast, a loopback or the unspecified one.
        [RFC 4291 §2]
    % <address> is not a link-local address (FE80::/10) :: `link-local` was said of an address that is none.
        [RFC 4291 §2.5.6]
    %Warning: kept; the DHCP client of the host has a client-id and a name of its own :: `client-id` and `hostname` of
        `ip address dhcp` are shown as they were entered; the host's client sends its own.
        next: show running-config interface
    """)
_STATUS = words(
    WordKind.STATE,
    Status,
    rank=11,
    sighting=r"(?:^\S+ is (administratively down|up|down), line protocol"
    r"|(?:YES|NO) \S+ +(administratively down|up|down) +(?:up|down)|\[(administratively down|up|down)/(?:up|down)\])",
    mark=r"^\S+ is (?:administratively down|up|down), line protocol is",
)("""
    ## status of an interface :: show interfaces, show ip interface, show ipv6 interface, show ip interface brief, show
        interfaces description
        next: show interfaces
    UP | up (interface) :: The first of the two words: the interface itself works. A tunnel is up as soon as it is not
        shut down.
    DOWN :: No carrier: the cable, the far end or the host's link is off. next: show interfaces, show logging
    SHUT | admin down | shutdown :: `shutdown` is configured; `no shutdown` brings the interface back.
        next: show running-config interface
    """)
_PROTOCOL = words(WordKind.STATE, rank=12, sighting=r"(line protocol is (?:up|down))")("""
    ## line protocol :: show interfaces, show ip interface, show ipv6 interface, show ip interface brief,
        show interfaces description
        next: show interfaces
    line protocol is up :: The second word: the interface carries packets.
    line protocol is down :: The interface carries nothing. Of a tunnel: it has no source, no route to its destination,
        would route into itself, or cannot be protected; `Tunnel linestate evaluation` names which.
        next: show interfaces Tunnel
    up/up :: The interface works and carries packets.
    up/down :: The interface itself works and carries no packets. Of a tunnel this is the usual fault: its source, its
        destination, recursion, protection, or `if-state nhrp` without a server.
        next: show interfaces Tunnel (the line Tunnel linestate evaluation)
    down/down :: The interface has no carrier, so it carries nothing.
    administratively down/down | admin down/down :: Shut down by configuration.
    """)
_METHODS = words(
    WordKind.FLAG, sighting=r"(?:YES|NO) (\w+) +(?:administratively|up|down)", mark=r"^Interface +IP-Address +OK\?"
)("""
    ## column Method :: show ip interface brief next: show ip interface
    manual :: The address comes from the configuration.
    other :: The address is the host's own; the configuration names none.
    DHCP :: `ip address dhcp`: the host's DHCP client gets it.
    unset :: There is no address.
    """)
_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of interfaces :: show logging next: show logging
    %LINK-3-UPDOWN :: At each change of the carrier. next: show interfaces
    %LINK-5-CHANGED :: After `shutdown` in configuration mode. next: show ip interface brief
    %LINEPROTO-5-UPDOWN :: Of a tunnel: when its source, destination, keepalive, protection or next hop servers change.
        next: show interfaces
    %IPV6-4-NOTRUNNING :: When the data plane, or the kernel, carries no IPv6 there. next: show ipv6 interface
    """)
_REASONS = words(WordKind.REASON, InterfaceReason)("""
    ## reasons of interfaces :: show interfaces, show ipv6 interface next: show interfaces
    REFUSED :: The kernel did not take up, down, an address or an MTU.
    ONLY_IPV4 :: The running data plane does not support IPv6 inside the tunnel.
    SHUT :: `shutdown` is configured. next: show running-config interface
    UNDECIDED :: The tunnel exists in the configuration and its state is not decided yet.
    MISSING :: The configuration names an interface that the host lacks, or that `--map` gives to none.
        next: show ip interface brief
    NO_CARRIER :: The link is off: no cable, or the other end is down.
    NO_LEASE :: `ip address dhcp`, and no lease so far. next: show ip interface brief
    OTHER_ADDRESS :: An adopted interface has one address in the host and another in the configuration; nothing is
        changed without `--manage`.
        next: show ip interface brief
    """)

GROUPS: Final = (*groups(vars()), *labels.GROUPS)
