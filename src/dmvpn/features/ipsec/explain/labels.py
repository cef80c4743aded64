"""Headings and labels of IPsec's shows, and the words of legends. For `dmvpn explain`; imported when asked."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import label_group

_SA = "show crypto ipsec sa"

_SAS = label_group(
    "labels of the SAs",
    (_SA,),
    Word(
        "local ident",
        "Which packets of ours the SA is for: address, mask, protocol (47 is GRE) and port.",
        clause="RFC 4301 §4.4.1",
        also=("local  ident", "ident", "addr/mask/prot/port"),
    ),
    Word("remote ident", "To which packets of the peer's the SA is for.", clause="RFC 4301 §4.4.1"),
    Word(
        "current_peer",
        "The peer's address, and the UDP port of its IKE: 4500 behind NAT, and without any between two of our routers.",
        next="explain UDP 4500",
        also=("port",),
    ),
    Word(
        "UDP 4500",
        "IKE and ESP go in UDP port 4500: because a translator is between, or because both ends are our routers and "
        "prefer it.",
        "Networks pass UDP where they drop IP protocol 50, so two of our routers do not wait for NAT (`crypto ipsec "
        "encapsulation udp auto`). With `never` ESP is protocol 50 unless there is NAT.",
        next="show crypto ikev2 sa detailed (NAT-T is detected, or not)",
        clause="RFC 7296 §2.23",
        also=("4500", "port 4500", "UDP port 4500", "ESP in UDP"),
    ),
    Word(
        "#pkts encaps",
        "Packets put into ESP: what we sent to the peer.",
        next="show crypto ipsec sa (again: do they grow?)",
    ),
    Word("#pkts encrypt", "Packets encrypted; as many as encaps."),
    Word("#pkts digest", "Packets that got a check value; as many as encaps."),
    Word(
        "#pkts decaps",
        "Packets taken out of ESP: what came from the peer.",
        "If encaps grow and decaps do not, the peer does not answer, or ESP is filtered on the way back.",
    ),
    Word("#pkts decrypt", "Packets decrypted; as many as decaps."),
    Word("#pkts verify", "Packets whose check value was right; as many as decaps.", clause="RFC 4303 §3.4.4"),
    Word("#send errors", "Packets of ours that could not be sealed or sent.", next="show crypto ipsec sa detail"),
    Word("#recv errors", "Packets that came and were dropped.", next="show crypto ipsec sa detail"),
    Word("local crypto endpt.", "Where our ESP leaves: the outer source."),
    Word("remote crypto endpt.", "Where our ESP goes: the outer destination."),
    Word("plaintext mtu", "The largest packet that fits into ESP on this path.", next="show interfaces Tunnel"),
    Word("path mtu", "The largest outer packet on the way to the peer.", clause="RFC 4301 §8.2"),
    Word("ip mtu", "The MTU of the interface that ESP leaves by."),
    Word("current outbound spi", "The SPI of the SA that packets leave with.", clause="RFC 4301 §4.1"),
    Word(
        "PFS (Y/N)",
        "Whether new keys are made by a Diffie-Hellman exchange of their own.",
        clause="RFC 7296 §1.3.1",
        also=("PFS",),
    ),
    Word("DH group", "The group of that exchange.", also=("group",)),
    Word("spi", "The number in each ESP packet by which the receiver finds the SA.", clause="RFC 4303 §2.1"),
    Word("transform", "The algorithms of the SA.", next="show crypto ipsec transform-set"),
    Word("in use settings", "The mode of the SA, and whether ESP goes in UDP."),
    Word("Transport", "Transport mode: ESP protects GRE without another IP header.", clause="RFC 4303 §3.1.1"),
    Word("Tunnel", "Tunnel mode: ESP puts an IP header of its own around the packet.", clause="RFC 4303 §3.1.2"),
    Word(
        "UDP-Encaps",
        "ESP goes in UDP port 4500: there is NAT on the way, or both ends are our routers and prefer it.",
        next="show crypto ikev2 sa detailed; explain UDP 4500",
        clause="RFC 3948",
    ),
    Word(
        "remaining key lifetime",
        "Kilobytes and seconds until the SA ends; before that it is replaced.",
        also=("k/sec", "remaining key lifetime (k/sec)", "remaining key lifetime (sec)"),
    ),
    Word("replay detection support", "Whether packets that come twice are dropped.", clause="RFC 4303 §3.4.3"),
    Word("replay window size", "How far a late packet may be behind the newest one.", clause="RFC 4303 §3.4.3"),
    next="show crypto ipsec sa detail",
    sighted=True,
    mark=r"^ +Crypto map tag: ",
)

_SA_MORE = label_group(
    "further labels of the SAs",
    (_SA,),
    Word("interface", "The tunnel whose packets are protected."),
    Word("Crypto map tag", "The name of the map that tunnel protection made of the profile.", next="show crypto map"),
    Word("local addr", "The source of the tunnel: our NBMA address."),
    Word("protected vrf", "The VRF of the protected packets; (none): the global table."),
    Word("PERMIT", "Packets like these are protected; others of the tunnel there are none."),
    Word("origin_is_acl", "The selectors come from a line like that of an access list."),
    Word("#pkts compressed", "Packets made smaller by IPComp, which DMVPN does not use.", also=("#pkts decompressed",)),
    Word("#pkts not compressed", "Packets that IPComp left as they were.", also=("#pkts not decompressed",)),
    Word("#pkts compr. failed", "Packets that IPComp could not make smaller.", also=("#pkts decompress failed",)),
    Word("ip mtu idb", "The interface that ESP leaves by."),
    Word(
        "esp sas", "The SAs of ESP, one direction.", also=("inbound esp sas", "outbound esp sas", "inbound", "outbound")
    ),
    Word("ah sas", "SAs of AH, which authenticates alone; none here.", also=("inbound ah sas", "outbound ah sas")),
    Word("pcp sas", "SAs of payload compression; none here.", also=("inbound pcp sas", "outbound pcp sas")),
    Word("conn id", "The number of the SA inside of this router."),
    Word("flow_id", "Who does the work: SW is software, with its number.", also=("SW",)),
    Word("sibling_flags", "IOS's inner flags of the SA, as it prints them."),
    Word("sa timing", "The remaining lifetime.", clause="RFC 7296 §2.8"),
    Word("Kilobyte Volume Rekey", "No limit of kilobytes is configured: time alone ends the SA."),
    Word("IV size", "Octets of the initialization vector in each packet.", clause="RFC 4303 §2.3"),
    next="show crypto ipsec sa detail",
)

_FAILURES = label_group(
    "failures of an SA",
    ("show crypto ipsec sa detail",),
    Word("#pkts no sa (send)", "Packets for which no SA was there.", also=("#pkts no sa",)),
    Word(
        "#pkts invalid sa (rcv)", "Packets that came for an SA that is not good any more.", also=("#pkts invalid sa",)
    ),
    Word("#pkts encaps failed (send)", "Packets that could not be sealed.", also=("#pkts encaps failed",)),
    Word("#pkts decaps failed (rcv)", "Packets that could not be opened.", also=("#pkts decaps failed",)),
    Word(
        "#pkts invalid prot (recv)",
        "Packets with something else inside than the SA is for.",
        also=("#pkts invalid prot",),
    ),
    Word("#pkts verify failed", "Packets whose check value was wrong.", next="show logging", clause="RFC 4303 §3.4.4"),
    Word(
        "#pkts invalid identity (recv)",
        "Packets with other addresses than the selectors allow.",
        clause="RFC 4301 §5.2",
        also=("#pkts invalid identity",),
    ),
    Word("#pkts invalid len (rcv)", "Packets too short to be ESP.", also=("#pkts invalid len",)),
    Word(
        "#pkts replay rollover (send)",
        "Sequence numbers of ours that were used up.",
        clause="RFC 4303 §3.3.3",
        also=("#pkts replay rollover", "#pkts replay rollover (rcv)"),
    ),
    Word(
        "##pkts replay failed (rcv)",
        "Packets that came twice, or too late.",
        next="show logging",
        clause="RFC 4303 §3.4.3",
        also=("#pkts replay failed", "##pkts replay failed"),
    ),
    Word(
        "#pkts tagged (send)",
        "Packets with a security group tag; this router has none.",
        also=("#pkts tagged", "#pkts untagged", "#pkts untagged (rcv)", "#pkts not tagged", "#pkts not untagged"),
    ),
    Word(
        "#pkts internal err (send)",
        "Packets lost by a fault of the data plane itself.",
        also=("#pkts internal err", "#pkts internal err (recv)"),
    ),
    next=_SA,
    sighted=True,
)

_SESSIONS = label_group(
    "labels of a session",
    ("show crypto session", "show dmvpn detail"),
    Word("Session status", "Whether there is an IKE SA, and a pair of IPsec SAs, with the peer."),
    Word("Session ID", "The number of the session; `clear crypto session` and logs name it."),
    Word(
        "IPSEC FLOW",
        "The packets that the SAs are for, like a line of an access list: GRE (47) between two addresses.",
        clause="RFC 4301 §4.4.1",
    ),
    Word("Active SAs", "How many SAs carry the flow, one for each direction; 0 is a fault.", next=_SA),
    Word("origin", "Who asked for the flow: the map of the tunnel.", also=("crypto map",)),
    Word("Uptime", "For how long the session has been up."),
    Word(
        "fvrf",
        "The VRF of the packets outside of the tunnel; behind `ivrf`: of those inside. (none): the global table.",
        also=("ivrf",),
    ),
    Word(
        "Phase1_id",
        "The identity that the peer proved to IKE.",
        clause="RFC 7296 §3.5",
        also=("Phase1", "Phase1_id", "Group/Phase1_id"),
    ),
    Word(
        "Crypto name not proved",
        "The peer's pre-shared key was found by its address in a keyring, or is the profile's own: any peer that has "
        "the key may claim this name, unless a keyring entry has the name. The line names the owner of the key.",
        clause="RFC 7296 §2.15",
        next="show crypto ikev2 profile",
    ),
    Word("Desc", "A description of the peer; this router has none."),
    Word("Username", "The name of a remote access user; none here."),
    Word("I/F", "The tunnel interface, in short."),
    Word("Peer", "The address of the far end, outside of the tunnel."),
    Word("Profile", "The IKEv2 profile that the peer fits.", next="show crypto ikev2 profile"),
    Word("Crypto tunnel is down", "Why there is no protection, in the words that follow."),
    Word(
        "Crypto tunnel is cut",
        "Which entry of an inbound access list of this router keeps out what the tunnel needs from the peer.",
        next="show ip access-lists interface (the interface) in",
    ),
    Word("connid", "The number of the IKE SA.", next="show crypto ikev2 sa"),
    Word("lifetime", "The remaining lifetime of the IKE SA."),
    Word("#pkts dec'ed", "Packets of the peer that were opened.", next=_SA),
    Word("#pkts enc'ed", "Packets to the peer that were sealed.", next=_SA),
    Word("drop", "Packets that were lost for a fault of their SA.", next="show crypto ipsec sa detail"),
    Word("life (KB/Sec)", "Kilobytes and seconds that are left of the SAs.", also=("life", "KB/Sec")),
    Word("Inbound", "What came from the peer."),
    Word("Outbound", "What went to the peer."),
    Word("Code", "The letters of the capabilities, explained.", next="show crypto session detail"),
    Word("Crypto session current status", "The heading: the lines below show the present state."),
    next="show crypto session detail",
)

_MAPS = label_group(
    "labels of maps, sockets and profiles",
    ("show crypto map", "show crypto sockets", "show crypto ipsec profile", "show crypto ipsec transform-set"),
    Word("Crypto Map", "What tunnel protection makes of its profile, once for the tunnel and once for each peer."),
    Word("ipsec-isakmp", "Keys come from IKE, not from the configuration."),
    Word("Interfaces using crypto map", "The tunnels that the map belongs to."),
    Word(
        "Profile name", "The `crypto ipsec profile` that the map was made of.", also=("IPSec Profile", "IPSEC profile")
    ),
    Word("IKEv2 Profile", "The profile that says who the peers are.", next="show crypto ikev2 profile"),
    Word("ISAKMP Profile", "The `crypto isakmp profile` of peers, in IKEv1.", next="show crypto isakmp profile"),
    Word("Dualstack", "Whether one map serves IPv4 and IPv6 at once."),
    Word("Responder-Only", "Whether this end waits for the peer to begin."),
    Word("Mixed-mode", "Whether selectors may be of another IP version than the peers."),
    Word("Transform sets", "The algorithms, the preferred ones first.", also=("Transform set", "Transform sets=")),
    Word("will negotiate", "The mode that is asked for; `require` takes no other.", also=("require",)),
    Word(
        "Security association lifetime",
        "After so many kilobytes or seconds SAs are replaced.",
        clause="RFC 7296 §2.8",
        also=("unlimited",),
    ),
    Word("Map is a PROFILE INSTANCE", "This part of the map was made for one peer."),
    Word("Access-List SS dynamic", "Whether the list of packets changes by itself."),
    Word("Extended IP access list", "The packets that are protected, as a list.", also=("access-list",)),
    Word("Current peer", "The peer that SAs are made with."),
    Word("Number of Crypto Socket connections", "How many peers tunnels asked protection for."),
    Word("Crypto Sockets in Listen state", "The tunnels that accept IKE from any peer with the right key."),
    Word("Peers (local/remote)", "Both outer addresses of the protection.", also=("Peers", "local/remote")),
    Word("Local Ident", "The packets of ours that a tunnel wants protected.", also=("addr/mask/port/prot",)),
    Word("Remote Ident", "To which packets of the peer's that is."),
    Word("Socket State", "How far the protection of this peer is."),
    Word("Client", "Who asked for protection: the tunnels.", also=("TUNNEL SEC", "Client State")),
    Word("Map-name", "The map that the socket uses.", next="show crypto map"),
    next="show crypto map",
    sighted=True,
)

_ENGINE = label_group(
    "connections of the crypto engine",
    ("show crypto engine connections active",),
    Word("Crypto Engine Connections", "Encrypted and decrypted packets: a row for each direction of each SA."),
    Word("ID", "A number of the direction; the two of a pair follow each other."),
    Word("Algorithm", "The cipher with the bits of its key, and the hash.", also=("Type",)),
    Word("Encrypt", "Packets that were encrypted with this SA.", also=("Decrypt",)),
    Word("LastSeqN", "The ESP sequence number of the last packet.", clause="RFC 4303 §2.2"),
    Word("IP-Address", "Our own outer address."),
    next="show crypto ipsec sa",
)

GROUPS: Final = (_SAS, _SA_MORE, _FAILURES, _SESSIONS, _MAPS, _ENGINE)
