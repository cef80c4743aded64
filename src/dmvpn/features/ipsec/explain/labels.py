"""Headings and labels of IPsec's shows, and the words of legends. For `dmvpn explain`; imported when asked."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words

_SAS = words(WordKind.LABEL, mark=r"^ +Crypto map tag: ", sighted=True)("""
    ## labels of the SAs :: show crypto ipsec sa next: show crypto ipsec sa detail
    local ident | local  ident | ident | addr/mask/prot/port :: Which packets of ours the SA is for: address, mask,
        protocol (47 is GRE) and port. [RFC 4301 §4.4.1]
    remote ident :: To which packets of the peer's the SA is for. [RFC 4301 §4.4.1]
    current_peer | port :: The peer's address, and the UDP port of its IKE: 4500 behind NAT, and without any between two
        of our routers.
        next: explain UDP 4500
    UDP 4500 | 4500 | port 4500 | UDP port 4500 | ESP in UDP :: IKE and ESP go in UDP port 4500: because a translator is
        between, or because both ends are our routers and prefer it. [RFC 7296 §2.23]
        when: Networks pass UDP where they drop IP protocol 50, so two of our routers do not wait for NAT (`crypto ipsec
        encapsulation udp auto`). With `never` ESP is protocol 50 unless there is NAT.
        next: show crypto ikev2 sa detailed (NAT-T is detected, or not)
    #pkts encaps :: Packets put into ESP: what we sent to the peer. next: show crypto ipsec sa (again: do they grow?)
    #pkts encrypt :: Packets encrypted; as many as encaps.
    #pkts digest :: Packets that got a check value; as many as encaps.
    #pkts decaps :: Packets taken out of ESP: what came from the peer.
        when: If encaps grow and decaps do not, the peer does not answer, or ESP is filtered on the way back.
    #pkts decrypt :: Packets decrypted; as many as decaps.
    #pkts verify :: Packets whose check value was right; as many as decaps. [RFC 4303 §3.4.4]
    #send errors :: Packets of ours that could not be sealed or sent.
    #recv errors :: Packets that came and were dropped.
    local crypto endpt. :: Where our ESP leaves: the outer source.
    remote crypto endpt. :: Where our ESP goes: the outer destination.
    plaintext mtu :: The largest packet that fits into ESP on this path. next: show interfaces Tunnel
    path mtu :: The largest outer packet on the way to the peer. [RFC 4301 §8.2]
    ip mtu :: The MTU of the interface that ESP leaves by.
    current outbound spi :: The SPI of the SA that packets leave with. [RFC 4301 §4.1]
    PFS (Y/N) | PFS :: Whether new keys are made by a Diffie-Hellman exchange of their own. [RFC 7296 §1.3.1]
    DH group | group :: The group of that exchange.
    spi :: The number in each ESP packet by which the receiver finds the SA. [RFC 4303 §2.1]
    transform :: The algorithms of the SA. next: show crypto ipsec transform-set
    in use settings :: The mode of the SA, and whether ESP goes in UDP.
    Transport :: Transport mode: ESP protects GRE without another IP header. [RFC 4303 §3.1.1]
    Tunnel :: Tunnel mode: ESP puts an IP header of its own around the packet. [RFC 4303 §3.1.2]
    UDP-Encaps :: ESP goes in UDP port 4500: there is NAT on the way, or both ends are our routers and prefer it.
        [RFC 3948]
        next: show crypto ikev2 sa detailed; explain UDP 4500
    remaining key lifetime | k/sec | remaining key lifetime (k/sec) | remaining key lifetime (sec) :: Kilobytes and
        seconds until the SA ends; before that it is replaced.
    replay detection support :: Whether packets that come twice are dropped. [RFC 4303 §3.4.3]
    replay window size :: How far a late packet may be behind the newest one. [RFC 4303 §3.4.3]
    """)
_SA_MORE = words(WordKind.LABEL)("""
    ## further labels of the SAs :: show crypto ipsec sa next: show crypto ipsec sa detail
    interface :: The tunnel whose packets are protected.
    Crypto map tag :: The name of the map that tunnel protection made of the profile. next: show crypto map
    local addr :: The source of the tunnel: our NBMA address.
    protected vrf :: The VRF of the protected packets; (none): the global table.
    PERMIT :: Packets like these are protected; others of the tunnel there are none.
    origin_is_acl :: The selectors come from a line like that of an access list.
    #pkts compressed | #pkts decompressed :: Packets made smaller by IPComp, which DMVPN does not use.
    #pkts not compressed | #pkts not decompressed :: Packets that IPComp left as they were.
    #pkts compr. failed | #pkts decompress failed :: Packets that IPComp could not make smaller.
    ip mtu idb :: The interface that ESP leaves by.
    esp sas | inbound esp sas | outbound esp sas | inbound | outbound :: The SAs of ESP, one direction.
    ah sas | inbound ah sas | outbound ah sas :: SAs of AH, which authenticates alone; none here.
    pcp sas | inbound pcp sas | outbound pcp sas :: SAs of payload compression; none here.
    conn id :: The number of the SA inside of this router.
    flow_id | SW :: Who does the work: SW is software, with its number.
    sibling_flags :: IOS's inner flags of the SA, as it prints them.
    sa timing :: The remaining lifetime. [RFC 7296 §2.8]
    Kilobyte Volume Rekey :: No limit of kilobytes is configured: time alone ends the SA.
    IV size :: Octets of the initialization vector in each packet. [RFC 4303 §2.3]
    """)
_FAILURES = words(WordKind.LABEL, sighted=True)("""
    ## failures of an SA :: show crypto ipsec sa detail next: show crypto ipsec sa
    #pkts no sa (send) | #pkts no sa :: Packets for which no SA was there.
    #pkts invalid sa (rcv) | #pkts invalid sa :: Packets that came for an SA that is not good any more.
    #pkts encaps failed (send) | #pkts encaps failed :: Packets that could not be sealed.
    #pkts decaps failed (rcv) | #pkts decaps failed :: Packets that could not be opened.
    #pkts invalid prot (recv) | #pkts invalid prot :: Packets with something else inside than the SA is for.
    #pkts verify failed :: Packets whose check value was wrong. [RFC 4303 §3.4.4] next: show logging
    #pkts invalid identity (recv) | #pkts invalid identity :: Packets with other addresses than the selectors allow.
        [RFC 4301 §5.2]
    #pkts invalid len (rcv) | #pkts invalid len :: Packets too short to be ESP.
    #pkts replay rollover (send) | #pkts replay rollover | #pkts replay rollover (rcv) :: Sequence numbers of ours that
        were used up. [RFC 4303 §3.3.3]
    ##pkts replay failed (rcv) | #pkts replay failed | ##pkts replay failed :: Packets that came twice, or too late.
        [RFC 4303 §3.4.3]
        next: show logging
    #pkts tagged (send) | #pkts tagged | #pkts untagged | #pkts untagged (rcv) | #pkts not tagged | #pkts not untagged
        :: Packets with a security group tag; this router has none.
    #pkts internal err (send) | #pkts internal err | #pkts internal err (recv) :: Packets lost by a fault of the data
        plane itself.
    """)
_SESSIONS = words(WordKind.LABEL)("""
    ## labels of a session :: show crypto session, show dmvpn detail next: show crypto session detail
    Session status :: Whether there is an IKE SA, and a pair of IPsec SAs, with the peer.
    Session ID :: The number of the session; `clear crypto session` and logs name it.
    IPSEC FLOW :: The packets that the SAs are for, like a line of an access list: GRE (47) between two addresses.
        [RFC 4301 §4.4.1]
    Active SAs :: How many SAs carry the flow, one for each direction; 0 is a fault. next: show crypto ipsec sa
    origin | crypto map :: Who asked for the flow: the map of the tunnel.
    Uptime :: For how long the session has been up.
    fvrf | ivrf :: The VRF of the packets outside of the tunnel; behind `ivrf`: of those inside. (none): the global
        table.
    Phase1_id | Phase1 | Phase1_id | Group/Phase1_id :: The identity that the peer proved to IKE. [RFC 7296 §3.5]
    Crypto name not proved :: The peer's pre-shared key was found by its address in a keyring, or is the profile's own:
        any peer that has the key may claim this name, unless a keyring entry has the name. The line names the owner of
        the key. [RFC 7296 §2.15]
        next: show crypto ikev2 profile
    Desc :: A description of the peer; this router has none.
    Username :: The name of a remote access user; none here.
    I/F :: The tunnel interface, in short.
    Peer :: The address of the far end, outside of the tunnel.
    Profile :: The IKEv2 profile that the peer fits. next: show crypto ikev2 profile
    Crypto tunnel is down :: Why there is no protection, in the words that follow.
    Crypto tunnel is cut :: Which entry of an inbound access list of this router keeps out what the tunnel needs from
        the peer.
        next: show ip access-lists interface (the interface) in
    connid :: The number of the IKE SA. next: show crypto ikev2 sa
    lifetime :: The remaining lifetime of the IKE SA.
    #pkts dec'ed :: Packets of the peer that were opened. next: show crypto ipsec sa
    #pkts enc'ed :: Packets to the peer that were sealed. next: show crypto ipsec sa
    drop :: Packets that were lost for a fault of their SA. next: show crypto ipsec sa detail
    life (KB/Sec) | life | KB/Sec :: Kilobytes and seconds that are left of the SAs.
    Inbound :: What came from the peer.
    Outbound :: What went to the peer.
    Code :: The letters of the capabilities, explained.
    Crypto session current status :: The heading: the lines below show the present state.
    """)
_MAPS = words(WordKind.LABEL, sighted=True)("""
    ## labels of maps, sockets and profiles :: show crypto map, show crypto sockets, show crypto ipsec profile, show
        crypto ipsec transform-set
        next: show crypto map
    Crypto Map :: What tunnel protection makes of its profile, once for the tunnel and once for each peer.
    ipsec-isakmp :: Keys come from IKE, not from the configuration.
    Interfaces using crypto map :: The tunnels that the map belongs to.
    Profile name | IPSec Profile | IPSEC profile :: The `crypto ipsec profile` that the map was made of.
    IKEv2 Profile :: The profile that says who the peers are. next: show crypto ikev2 profile
    ISAKMP Profile :: The `crypto isakmp profile` of peers, in IKEv1. next: show crypto isakmp profile
    Dualstack :: Whether one map serves IPv4 and IPv6 at once.
    Responder-Only :: Whether this end waits for the peer to begin.
    Mixed-mode :: Whether selectors may be of another IP version than the peers.
    Transform sets | Transform set | Transform sets= :: The algorithms, the preferred ones first.
    will negotiate | require :: The mode that is asked for; `require` takes no other.
    Security association lifetime | unlimited :: After so many kilobytes or seconds SAs are replaced. [RFC 7296 §2.8]
    Map is a PROFILE INSTANCE :: This part of the map was made for one peer.
    Access-List SS dynamic :: Whether the list of packets changes by itself.
    Extended IP access list | access-list :: The packets that are protected, as a list.
    Current peer :: The peer that SAs are made with.
    Number of Crypto Socket connections :: How many peers tunnels asked protection for.
    Crypto Sockets in Listen state :: The tunnels that accept IKE from any peer with the right key.
    Peers (local/remote) | Peers | local/remote :: Both outer addresses of the protection.
    Local Ident | addr/mask/port/prot :: The packets of ours that a tunnel wants protected.
    Remote Ident :: To which packets of the peer's that is.
    Socket State :: How far the protection of this peer is.
    Client | TUNNEL SEC | Client State :: Who asked for protection: the tunnels.
    Map-name :: The map that the socket uses.
    """)
_ENGINE = words(WordKind.LABEL)("""
    ## connections of the crypto engine :: show crypto engine connections active next: show crypto ipsec sa
    Crypto Engine Connections :: Encrypted and decrypted packets: a row for each direction of each SA.
    ID :: A number of the direction; the two of a pair follow each other.
    Algorithm | Type :: The cipher with the bits of its key, and the hash.
    Encrypt | Decrypt :: Packets that were encrypted with this SA.
    LastSeqN :: The ESP sequence number of the last packet. [RFC 4303 §2.2]
    IP-Address :: Our own outer address.
    """)

GROUPS: Final = groups(vars())
