"""Headings and labels of NHRP's shows."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import label_group

_DETAIL = "show ip nhrp detail"

_DMVPN = label_group(
    "columns and labels of show dmvpn",
    ("show dmvpn",),
    Word(
        "# Ent",
        "How many entries have this NBMA address: one peer, several addresses or networks behind it.",
        also=("Ent", "Number of NHRP entries with same NBMA peer"),
    ),
    Word(
        "Peer NBMA Addr",
        "The peer's address outside of the tunnel, which packets are sent to.",
        also=("Peer NBMA Address",),
    ),
    Word("Peer Tunnel Add", "The peer's address inside of the tunnel: the next hop.", also=("Tunnel IPv6 Address",)),
    Word("UpDn Tm", "For how long the state has been what it is.", also=("UpDn Time", "Up or Down Time for a Tunnel")),
    Word("Attrb", "Letters that say what kind of entry it is; the legend names them.", also=("Cache Attrib",)),
    Word(
        "Target Network",
        "The destination behind this peer: its tunnel address, or a network behind it.",
        also=("IPv6 Target Network",),
    ),
    Word("NHS Status", "Whether its next hop servers answer this router.", next="show ip nhrp nhs detail"),
    Word("NHRP Details", "NHRP on one tunnel; its peers follow."),
    Word(
        "NHRP Peers",
        "How many different NBMA addresses there are.",
        also=("Total NBMA Peers", "Total NBMA Peers (v4/v6)"),
    ),
    Word("Addr.", "The tunnel's own address inside.", next="show ip interface brief"),
    Word(
        "VRF",
        "The VRF of the packets inside, or with Tunnel before it, of the outer packets; empty: the global table.",
        also=("Tunnel VRF",),
    ),
    Word(
        "Tunnel Src./Dest. addr",
        "The outer addresses of the tunnel; MGRE has many far ends.",
        next="show interfaces Tunnel",
        also=("MGRE",),
    ),
    Word("Protocol/Transport", "What the tunnel wraps packets in: GRE with one far end, or with many (multi-GRE)."),
    Word(
        "Protect", "The IPsec profile that protects the tunnel; empty: nothing does.", next="show crypto ipsec profile"
    ),
    Word(
        "Interface State Control",
        "`if-state nhrp`: the tunnel is down while no server answers.",
        next="show running-config interface Tunnel",
    ),
    Word("nhrp event-publisher", "Events for scripts of IOS; not in this router."),
    Word("LX", "Local, and no socket: a network of ours that others asked for.", next="show ip nhrp local"),
    Word("is admin down", "The tunnel was shut down by configuration.", next="show running-config interface Tunnel"),
    Word(
        "is not running",
        "The words behind it say why the overlay does not run on this tunnel.",
        next="show interfaces Tunnel",
    ),
    Word("Crypto Session Details", "What IPsec has with each peer follows.", next="show crypto session detail"),
    Word("Crypto Session Status", "Whether the peer is protected at the moment.", next="show crypto session detail"),
    Word("Session", "A number for the protection of a peer.", next="show crypto session detail"),
    Word("Outbound SPI", "The SPI in our packets to the peer.", next="show crypto ipsec sa"),
    Word("Pending DMVPN Sessions", "Peers whose protection is awaited."),
    next="show dmvpn detail",
)

_ENTRIES = label_group(
    "labels of an entry",
    ("show ip nhrp", "show ipv6 nhrp"),
    Word("NBMA address", "Where packets for the entry are sent, outside of the tunnel.", also=("NBMA Address",)),
    Word(
        "Claimed NBMA address",
        "The address that the station believes to have. It is behind NAT: the one above is what we see.",
        "When the address in its registration differs from the source of the packet.",
        clause="draft-detienne-dmvpn-01",
    ),
    Word("NextHop Address", "The tunnel address that packets are handed to.", also=("NextHop",)),
    Word("T/Flag", "One letter for the type of the entry, and letters for its flags behind the slash."),
    Word("Type", "How the entry came to be: static, dynamic or incomplete."),
    Word("Flags", "Words that say more of the entry."),
    Word(
        "never expire",
        "The entry is from the configuration and stays until that changes.",
        next="show running-config interface Tunnel",
    ),
    Word(
        "expire",
        "When the entry is forgotten unless it is renewed.",
        "At the end of the holding time.",
        clause="RFC 2332 §5.2.0.1",
    ),
    Word("created", "How long ago the entry was made."),
    Word("Cache hits", "Packets or redirects that wanted an address which is not known."),
    Word(
        "Preference", "Which of several answers for one address is better; 255 is the best.", clause="RFC 2332 §5.2.0.1"
    ),
    Word("Group", "The group that the spoke sent with its registration (`ip nhrp group`).", next="show ip nhrp group"),
    Word(
        "no-socket",
        "No packets are sent by this entry, so it asks for no IPsec: X in `show dmvpn`.",
        "Of local and incomplete entries.",
        next="show crypto sockets",
        also=("No-socket", "(no-socket)"),
    ),
    Word(
        "Requester",
        "The station that asked for this network of ours, and is informed when it changes.",
        clause="RFC 2332 §5.2.5",
    ),
    Word("Request ID", "The number of that question; the answer has the same.", clause="RFC 2332 §5.2.0.1"),
    Word("Link-Local", "IPv6 addresses of one link alone; the brief table leaves them out.", clause="RFC 4291 §2.5.6"),
    next=_DETAIL,
)

_SERVERS = label_group(
    "labels of a next hop server",
    ("show ip nhrp nhs", "show ipv6 nhrp nhs"),
    Word("priority", "Which servers of a cluster are tried first; 0 is the first.", next="show ip nhrp nhs redundancy"),
    Word("cluster", "Servers that stand in for each other.", next="show ip nhrp nhs redundancy", also=("Cluster",)),
    Word("req-sent", "Registration Requests that were sent to the server.", clause="RFC 2332 §5.2.3"),
    Word("req-failed", "Requests that were given up or answered with a NAK."),
    Word("repl-recv", "Registration Replies that came, and how long ago the last one did.", clause="RFC 2332 §5.2.4"),
    Word("Pending Registration Requests", "Registrations that wait for their replies."),
    Word("Registration Request", "A registration that is out.", clause="RFC 2332 §5.2.3"),
    Word("Reqid", "The number of the request, which the reply repeats."),
    Word("Ret", "After how many seconds it is repeated."),
    Word("expired", "The server did not answer in time."),
    Word(
        "Max-con",
        "How many servers of the cluster are used at once.",
        next="show running-config interface Tunnel",
        also=("Not Set",),
    ),
    Word("Total NHS", "How many servers the cluster has."),
    Word("perhaps", "What follows are guesses, the likeliest first."),
    next="show ip nhrp nhs detail",
)

_TRAFFIC = label_group(
    "labels of counters",
    ("show ip nhrp traffic", "show ip nhrp summary", "show ip nhrp multicast", "show ip nhrp redirect"),
    Word(
        "Max-send limit",
        "How many packets of NHRP may be sent in how many seconds (`ip nhrp max-send`).",
        also=("Pkts", "Sec"),
    ),
    Word("Usage", "How much of that limit was used in the running interval."),
    Word("Sent", "What this router sent, by type."),
    Word("Rcvd", "What came to this router, by type.", clause="RFC 2332 §5.2"),
    Word("Fwd", "Packets forwarded for other stations, by type.", clause="RFC 2332 §2.2"),
    Word("Total", "All of them together."),
    Word("Refused", "Packets that were not acted on, by the reason."),
    Word("Redirect Suppress", "Redirects that were not sent, because the same one had just been."),
    Word("Global statistics", "All tunnels together.", next="show ip nhrp traffic detail"),
    Word("Packet Queue size", "Packets of NHRP that wait here: none, each is dealt with as it comes."),
    Word("NHRP cache", "All known mappings of tunnel addresses to NBMA addresses.", next="show ip nhrp"),
    Word("entries", "How many lines of the cache, and the memory they would take in IOS.", also=("bytes",)),
    Word("Remote", "Entries of others."),
    Word("Local", "Our own entries, sent to other stations.", next="show ip nhrp local"),
    Word("default", "Entries for the default route."),
    Word("route", "Entries that are in the routing table, or may be.", next="show ip route nhrp"),
    Word("bgp", "Entries of BGP; this router has none.", also=("BGP",)),
    Word("lfib", "Entries with a label of MPLS; this router has none."),
    Word("Enabled", "Copies of multicasts go there.", also=("Disabled", "enabled", "disabled")),
    Word("Destination", "The destination of the packets that caused the redirect."),
    Word("Drop Count", "Packets since then that caused no further redirect."),
    Word("Expiry", "When the next packet may cause a redirect again."),
    next="show ip nhrp traffic detail",
    sighted=True,
)

_GROUPS = label_group(
    "labels of groups",
    ("show ip nhrp group", "show nhrp group-map"),
    Word("NHRP group", "The name that spokes send with their registrations.", next="show ip nhrp group"),
    Word(
        "QoS policy",
        "The policy that the group is mapped to; kept and not applied here.",
        also=(
            "not applied",
            "no service policies here",
        ),
    ),
    Word("Clients of the group", "The spokes that sent this name."),
    Word("Tunnel destination overlay/transport address", "Each spoke's address inside and outside of the tunnel."),
    next="show ip nhrp detail",
)

_STATISTICS = label_group(
    "labels of the statistics",
    ("show nhrp stats", "show ip nhrp stats"),
    Word(
        "Interface State Event",
        "Events from the tunnel interface to NHRP.",
        also=("[R]Admin Down", "[R]Deleted", "[R]VRF Changed"),
    ),
    Word(
        "Tunnel Protection",
        "Events between NHRP and IPsec.",
        also=("[S]Create TP socket", "[S]Del TP socket", "[S]Reset Socket", "[R]UP", "[R]Down"),
    ),
    Word(
        "Virtual Access",
        "Interfaces made for single peers; this router makes none.",
        also=("[S]Create VA", "[S]Del VA"),
    ),
    Word("Tunnel QoS", "Policies for single peers; this router has none.", also=("[S]QoS APPLY", "[S]QoS Remove")),
    Word(
        "RIB Events",
        "Events between NHRP and the routing table.",
        also=("[R]Route Evicted", "[S]Rwatch w/o route"),
    ),
    Word(
        "MPLS",
        "Labels for peers; this router has none.",
        also=("[S]Label Alloc", "[S]Label Release", "[S]MPLS IP Key Bind", "[S]MPLS VPN Key Bind"),
    ),
    Word(
        "BFD",
        "A quick watch on peers; this router has none.",
        also=("[R]Session Down", "[R]Session Up", "[S]Client Create", "[S]Client Destroy"),
    ),
    Word(
        "BGP events",
        "Routes that BGP carries for NHRP; this router has none.",
        also=("[R]Imported Route Changed", "[S]Route Export", "[S]Route Import", "[S]Route Withdrawal"),
    ),
    Word("[R]Packets received", "Packets of the overlay that were reported to NHRP."),
    Word("Stats", "The head of a block of counters."),
    next="show nhrp stats detail",
)

_ADJACENCY = label_group(
    "columns of show adjacency",
    ("show adjacency", "show adjacency detail", "show adjacency summary"),
    Word("Protocol", "IP or IPV6: whose packets the next hop takes.", also=("IP", "IPV6")),
    Word("Interface", "Where the next hop is."),
    Word(
        "Address",
        "The next hop, and behind it how many routes use it; 0: NHRP knows it, and no route needs it.",
        next="show ip cef",
    ),
    Word("point2point", "The far end of a point-to-point tunnel."),
    Word(
        "packets",
        "IOS's line: packets are not counted by next hop.",
        also=("0 packets", "bytes"),
        next="show dmvpn detail",
    ),
    Word(
        "sourced in sev-epoch",
        "IOS's count of how often the table was made again.",
        also=("epoch", "Database epoch", "entries at this epoch", "Adjacency database high availability"),
    ),
    Word(
        "Encap length",
        "Octets that the tunnel puts before a packet, which follow: the outer IP header and GRE; zeros where they are "
        "another for each packet. ESP is not counted.",
        clause="RFC 2784 §2",
    ),
    Word("Tun endpt", "The next hop is behind an end of a multipoint tunnel.", next="show tunnel endpoints"),
    Word("P2P-ADJ", "The next hop is the far end of a point-to-point tunnel."),
    Word("ARP", "The next hop is a station on an Ethernet.", next="show arp"),
    Word("Next chain element", "Where the packets of the tunnel go themselves.", also=("adj out of", "addr")),
    Word(
        "Adjacency table has",
        "How many next hops there are. None is incomplete: a next hop that is not resolved is not in the table.",
        also=("adjacency", "adjacencies", "complete adjacencies", "incomplete adjacencies", "linktype"),
    ),
    next="show ip nhrp",
)

_ENDPOINTS = label_group(
    "labels of show tunnel endpoints",
    ("show tunnel endpoints",),
    Word(
        "running in",
        "How the tunnel encapsulates: to many far ends, or to one.",
        also=("mode", "multi-GRE/IP", "GRE/IP"),
    ),
    Word("Endpoint transport", "An NBMA address that packets go to.", next="show dmvpn"),
    Word("overlay", "A next hop in the tunnel behind this address.", next="show ip nhrp"),
    Word("Refcount", "How many of the lines below need this one, and itself."),
    Word("Base", "A number that distinguishes the endpoints of a tunnel.", also=("Parent",)),
    Word("Create Time", "How long it has been there."),
    next="show ip nhrp",
)

GROUPS: Final = (_DMVPN, _ENTRIES, _SERVERS, _TRAFFIC, _GROUPS, _STATISTICS, _ADJACENCY, _ENDPOINTS)
