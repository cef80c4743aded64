"""Lines of NHRP: log messages and debugs."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.nhrp import messages

_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of NHRP :: show logging next: show logging
    %NHRP-3-PAKREPLY :: On a spoke, when its registration or question is refused. The number in parentheses is the code.
        [RFC 2332 §5.2.4]
        next: show ip nhrp nhs detail
    %NHRP-3-PAKERROR :: When an Error Indication arrives about something that we sent. [RFC 2332 §5.2.7]
        next: show ip nhrp traffic
    %NHRP-3-PAKAUTH :: On the router that refuses, without `logging dmvpn`; the other one has `%NHRP-3-PAKERROR` with
        11. [RFC 2332 §5.2.7]
        next: show running-config interface
    %NHRP-4-IDENTITY :: On a hub with `ip nhrp bind identity`. next: show crypto ikev2 sa detailed
    %NHRP-4-REGREFUSED :: On a hub, once a minute for each station and reason. [RFC 2332 §5.2.4]
        next: show ip nhrp traffic detail
    %DMVPN-5-CRYPTO_SS :: With `logging dmvpn`, on a protected tunnel, whenever IPsec with a peer comes or goes.
        next: show crypto sockets
    %DMVPN-5-NHRP_NHS_UP :: With `logging dmvpn`, on a spoke, at its first answered registration. [RFC 2332 §5.2.3]
        next: show ip nhrp nhs detail
    %DMVPN-5-NHRP_NHS_DOWN :: With `logging dmvpn`, on a spoke, after several requests without an answer, or a refusal.
        [RFC 2332 §5.2.3]
        next: show ip nhrp nhs detail
    %DMVPN-5-NHRP_NHC_UP :: With `logging dmvpn`, on a hub. [RFC 2332 §5.2.3] next: show dmvpn
    %DMVPN-5-NHRP_NHC_DOWN :: With `logging dmvpn`, on a hub, when the holding time ends, IPsec goes, or the entry is
        cleared. [RFC 2332 §5.2.3]
        next: show ip nhrp detail
    %DMVPN-5-NHRP_NHP_UP :: With `logging dmvpn`, when the direct path answered an echo. next: show ip nhrp shortcut
    %DMVPN-5-NHRP_NHP_DOWN :: With `logging dmvpn`, when the direct path does not answer any more, or its entry expired
        unused.
        next: show dmvpn detail
    %DMVPN-3-DMVPN_NHRP_ERROR :: With `logging dmvpn`; one line for many packets of one kind. [RFC 2332 §5.2.7]
        next: show ip nhrp traffic detail
    %DMVPN-5-NHRP_NETID_UNCONFIGURED :: With `logging dmvpn`. Without a network-id the tunnel has no NHRP at all.
        next: show running-config interface Tunnel
    %NHRP-4-PAKREFUSED :: With `logging dmvpn`; the text behind `refused:` says why. next: show ip nhrp traffic detail
    """)
_DEBUGS = words(WordKind.DEBUG)("""
    ## lines of debug nhrp :: debug nhrp, show logging next: show ip nhrp traffic
    NHRP: <Receive|Send|Forwarding> <packet> via <tunnel> vrf: <vrf>, packet size: <octets> :: An NHRP packet came
        (Receive), leaves as ours (Send), or is passed on by this server (Forwarding). [RFC 2332 §5.2]
        when: The first line about each packet.
        next: debug nhrp packet
    src: <address>, dst: <address> :: Source and destination protocol address of the packet, that is tunnel addresses:
        who says it to whom. [RFC 2332 §5.2.0.1]
        when: Below the first line of a packet that leaves.
    NHRP: Encapsulation succeeded. Sending NHRP Control Packet NBMA Address: <address> :: The NBMA address was known,
        and the packet leaves in GRE to it.
        next: show ip nhrp
    NHRP: <octets> bytes out <tunnel> :: The packet left; its IP and GRE headers are counted, ESP is not.

    ## lines of debug nhrp packet :: debug nhrp packet, show logging [RFC 2332 §5.2] next: show ip nhrp detail
    (F) afn: <family>, type: <type>, hop: <count>, ver: 1 :: The fixed part: the family of NBMA addresses, the protocol
        of the overlay, the hops that are left. [RFC 2332 §5.1]
    shtl: <octets>(NSAP), sstl: <octets>(NSAP) :: How long the source's NBMA address and subaddress are: 4 octets for
        IPv4, 16 for IPv6. [RFC 2332 §5.1]
    pktsz: <octets> extoff: <octets> :: The packet's length, and where its extensions begin; 0: it has none.
        [RFC 2332 §5.1]
    (M) flags: "<flags>", reqid: <number> :: The mandatory part: the request, and the number by which a reply finds its
        request. [RFC 2332 §5.2.0.1]
    (M) error code: <code>, offset: <octets> :: An Error Indication: the error, and its octet in the packet that
        follows. [RFC 2332 §5.2.7]
    (M) traffic code: redirect(<number>) :: A Traffic Indication: there is a shorter way for the packet that is quoted
        below. [draft-detienne-dmvpn-01]
    src NBMA: <address> :: The NBMA address of the station that made the request, as it knows itself.
    src protocol: <address>, dst protocol: <address> :: The tunnel address of who asked, and the address that it is
        about. [RFC 2332 §5.2.0.1]
    Contents of error packet: :: The beginning of the packet that could not be worked with, in hexadecimal.
    Contents of nhrp traffic indication packet: :: The beginning of the IP packet that took the long way, in
        hexadecimal: its addresses are what to resolve.
    <(C-n)> code: <code> :: A client information entry, and what became of it: no error(0), or a NAK.
        [RFC 2332 §5.2.0.1]
    prefix: <bits>, mtu: <octets>, hd_time: <seconds> :: What the entry is for: the length of the prefix, the MTU, and
        for how long it may be kept. [RFC 2332 §5.2.0.1]
    addr_len: <octets>(NSAP), subaddr_len: <octets>(NSAP), proto_len: <octets>, pref: <number> :: How long the addresses
        of the entry are, and its preference among several entries. [RFC 2332 §5.2.0.1]
    client NBMA: <address> :: Where packets to the entry's station are to be sent.
    client protocol: <address> :: The tunnel address of the entry's station: the next hop.

    ## lines of debug nhrp extension :: debug nhrp extension, show logging [RFC 2332 §5.3] next: debug nhrp packet
    <name> Extension(<type>): :: The packet has this extension; its contents follow below.
    type:Cleartext(<number>), data:(hidden, <count> octets) :: The length of the password of `ip nhrp authentication`.
        The password itself is not in the log, which users without privileges may read; on the whole path it is
        readable. [RFC 2332 §5.3.4]
    mapped port:<port>, NBMA: <address>, protocol: <address> :: A hub sends the UDP port of a peer behind NAT, so that
        two such peers can reach each other.
        next: show dmvpn detail
    group:<name> :: `ip nhrp group`: the client asks to be treated as one of this group. next: show ip nhrp
    data:<octets> :: An extension that this router does not read, in hexadecimal.

    ## lines of debug nhrp error :: debug nhrp error, show logging
    NHRP: <tunnel>: <packet> not sent, max-send is reached :: `ip nhrp max-send` holds the packet back. (This line is of
        `debug nhrp rate`.)
        next: show ip nhrp traffic
    NHRP: <tunnel>: <packet> not sent, nothing protects it :: There is no SA with the receiver, and on a protected
        tunnel nothing leaves in clear.
        next: show crypto session detail
    NHRP: <tunnel>: no IKE with <address>, <address> named too many new addresses in a minute :: One station may lead
        IKE to so many new addresses in a minute, `ip nhrp hearsay limit`.
        next: show ip nhrp traffic detail
    NHRP: <tunnel>: <target> not registered for <address>: <why> :: A client may not register this address; a NAK is
        returned. [RFC 2332 §5.2.4]
        next: show ip nhrp traffic detail
    NHRP: <tunnel>: packet from <address> refused: <why> :: A packet was dropped without an answer; the sender may not
        even exist.
        next: show ip nhrp traffic detail
    NHRP: <tunnel>: <packet> of (Tunnel: <address> NBMA: <address>) refused: <why> :: A packet was refused; an Error
        Indication is returned to its sender. [RFC 2332 §5.2.7]
        next: show ip nhrp traffic detail
    NHRP: Authentication string mismatch, <tunnel>: <packet> of (Tunnel: <address> NBMA: <address>) refused: wrong
        authentication :: The packet's password is not that of `ip nhrp authentication` here, or it has none.
        [RFC 2332 §5.2.7]
        next: show running-config interface
    NHRP: <tunnel>: (Tunnel: <address> NBMA: <address>) refuses our <packet>: <code> :: An Error Indication came: that
        station could not work with a packet of ours. [RFC 2332 §5.2.7]
        next: show ip nhrp nhs detail

    ## lines of debug nhrp cache :: debug nhrp cache, show logging
    NHRP: <tunnel>: Cache <add|delete> for target <prefix> next-hop <address> :: An entry came into the cache, or left
        it.
        next: show ip nhrp

    ## lines of debug nhrp routing :: debug nhrp routing, show logging
    NHRP-RT: <tunnel>: <prefix> installed as <how> :: The routing table has the direct way now: as a route of NHRP's
        own, or as another protocol's next hop.
        next: show ip route nhrp
    NHRP-RT: <tunnel>: <prefix> taken back :: The direct way is out of the routing table: packets go as the routing
        protocols say.
        next: show ip route

    ## lines of debug nhrp detail :: debug nhrp detail, show logging
    NHRP-DETAIL: <tunnel>: <address> resolved <prefix> at <seconds> :: A station learned of a network behind us, and
        receives a purge when the network disappears.
        next: show ip nhrp local detail

    ## lines of debug nhrp group :: debug nhrp group, show logging
    NHRP: <tunnel>: <address> is of group <name> :: A client registered with this group, or with none.
        next: show ip nhrp group
    """)

GROUPS: Final = groups(vars())
