"""Headings and labels of NHRP's shows."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.base.rows import column_words

_LABELS = words(WordKind.LABEL)("""
    ## columns and labels of show dmvpn :: show dmvpn next: show dmvpn detail
    # Ent | Ent | Number of NHRP entries with same NBMA peer :: How many entries have this NBMA address: one peer,
        several addresses or networks behind it.
    Peer NBMA Addr | Peer NBMA Address :: The peer's address outside of the tunnel, which packets are sent to.
    Peer Tunnel Add | Tunnel IPv6 Address :: The peer's address inside of the tunnel: the next hop.
    UpDn Tm | UpDn Time | Up or Down Time for a Tunnel :: For how long the state has been what it is.
    Attrb | Cache Attrib :: Letters that say what kind of entry it is; the legend names them.
    Target Network | IPv6 Target Network :: The destination behind this peer: its tunnel address, or a network behind
        it.
    NHS Status :: Whether its next hop servers answer this router. next: show ip nhrp nhs detail
    NHRP Details :: NHRP on one tunnel; its peers follow.
    NHRP Peers | Total NBMA Peers | Total NBMA Peers (v4/v6) :: How many different NBMA addresses there are.
    Addr. :: The tunnel's own address inside. next: show ip interface brief
    VRF | Tunnel VRF :: The VRF of the packets inside, or with Tunnel before it, of the outer packets; empty: the global
        table.
    Tunnel Src./Dest. addr | MGRE :: The outer addresses of the tunnel; MGRE has many far ends.
        next: show interfaces Tunnel
    Protocol/Transport :: What the tunnel wraps packets in: GRE with one far end, or with many (multi-GRE).
    Protect :: The IPsec profile that protects the tunnel; empty: nothing does. next: show crypto ipsec profile
    Interface State Control :: `if-state nhrp`: the tunnel is down while no server answers.
        next: show running-config interface Tunnel
    nhrp event-publisher :: Events for scripts of IOS; not in this router.
    LX :: Local, and no socket: a network of ours that others asked for. next: show ip nhrp local
    is admin down :: The tunnel was shut down by configuration. next: show running-config interface Tunnel
    is not running :: The words behind it say why the overlay does not run on this tunnel. next: show interfaces Tunnel
    Crypto Session Details :: What IPsec has with each peer follows. next: show crypto session detail
    Crypto Session Status :: Whether the peer is protected at the moment. next: show crypto session detail
    Session :: A number for the protection of a peer. next: show crypto session detail
    Outbound SPI :: The SPI in our packets to the peer. next: show crypto ipsec sa
    Pending DMVPN Sessions :: Peers whose protection is awaited.

    ## labels of an entry :: show ip nhrp, show ipv6 nhrp next: show ip nhrp detail
    NBMA address | NBMA Address :: Where packets for the entry are sent, outside of the tunnel.
    Claimed NBMA address :: The address that the station believes to have. It is behind NAT: the one above is what we
        see. [draft-detienne-dmvpn-01]
        when: When the address in its registration differs from the source of the packet.
    NextHop Address | NextHop :: The tunnel address that packets are handed to.
    T/Flag :: One letter for the type of the entry, and letters for its flags behind the slash.
    Type :: How the entry came to be: static, dynamic or incomplete.
    Flags :: Words that say more of the entry.
    never expire :: The entry is from the configuration and stays until that changes.
        next: show running-config interface Tunnel
    expire :: When the entry is forgotten unless it is renewed. [RFC 2332 §5.2.0.1]
        when: At the end of the holding time.
    created :: How long ago the entry was made.
    Cache hits :: Packets or redirects that wanted an address which is not known.
    Preference :: Which of several answers for one address is better; 255 is the best. [RFC 2332 §5.2.0.1]
    Group :: The group that the spoke sent with its registration (`ip nhrp group`). next: show ip nhrp group
    no-socket | No-socket | (no-socket) :: No packets are sent by this entry, so it asks for no IPsec: X in `show
        dmvpn`.
        when: Of local and incomplete entries.
        next: show crypto sockets
    Requester :: The station that asked for this network of ours, and is informed when it changes. [RFC 2332 §5.2.5]
    Request ID :: The number of that question; the answer has the same. [RFC 2332 §5.2.0.1]
    Link-Local :: IPv6 addresses of one link alone; the brief table leaves them out. [RFC 4291 §2.5.6]

    ## labels of a next hop server :: show ip nhrp nhs, show ipv6 nhrp nhs next: show ip nhrp nhs detail
    priority | Priority :: Which servers of a cluster are tried first; 0 is the first. next: show ip nhrp nhs redundancy
    cluster | Cluster :: Servers that stand in for each other. next: show ip nhrp nhs redundancy
    req-sent :: Registration Requests that were sent to the server. [RFC 2332 §5.2.3]
    req-failed :: Requests that were given up or answered with a NAK.
    repl-recv :: Registration Replies that came, and how long ago the last one did. [RFC 2332 §5.2.4]
    Pending Registration Requests :: Registrations that wait for their replies.
    Registration Request :: A registration that is out. [RFC 2332 §5.2.3]
    Reqid :: The number of the request, which the reply repeats.
    Ret :: After how many seconds it is repeated.
    expired :: The server did not answer in time.
    Max-Con | Not Set :: How many servers of the cluster are used at once. next: show running-config interface Tunnel
    Status | Enable | Disable :: Whether the cluster has such a bound (`max-connections`).
    Total-NHS :: How many servers the cluster has.
    Registering/UP :: How many of them are in use: in the queue Running.
    Cur-State | Prev-State :: The letters of the server's state, now and before its last change.
    Cur-Queue | Prev-Queue :: What the cluster uses the server for, now and before the last change of its state.
    perhaps :: What follows are guesses, the likeliest first.
    """)
_TRAFFIC = words(WordKind.LABEL, sighted=True)(
    """
    ## labels of counters :: show ip nhrp traffic, show ip nhrp summary, show ip nhrp multicast, show ip nhrp redirect
        next: show ip nhrp traffic detail
    Max-send limit | Pkts | Sec :: How many packets of NHRP may be sent in how many seconds (`ip nhrp max-send`).
    Usage :: How much of that limit was used in the running interval.
    Sent :: What this router sent, by type.
    Rcvd :: What came to this router, by type. [RFC 2332 §5.2]
    Fwd :: Packets forwarded for other stations, by type. [RFC 2332 §2.2]
    Total :: All of them together.
    Refused :: Packets that were not acted on, by the reason.
    Redirect Suppress :: Redirects that were not sent, because the same one had just been.
    Global statistics :: All tunnels together.
    Packet Queue size :: Packets of NHRP that wait here: none, each is dealt with as it comes.
    NHRP cache :: All known mappings of tunnel addresses to NBMA addresses. next: show ip nhrp
    entries | bytes :: How many lines of the cache, and the memory they would take in IOS.
    Remote :: Entries of other stations.
    Local :: Our own entries, sent to other stations. next: show ip nhrp local
    default :: Entries for the default route.
    route :: Entries that are in the routing table, or may be. next: show ip route nhrp
    bgp | BGP :: Entries of BGP; this router has none.
    lfib :: Entries with a label of MPLS; this router has none.
    Enabled | Disabled | enabled | disabled :: Copies of multicasts go there.
"""
    + column_words("dmvpn.features.nhrp.show.endpoints:RedirectLine")
)
_GROUPS = words(WordKind.LABEL)("""
    ## labels of groups :: show ip nhrp group, show nhrp group-map next: show ip nhrp detail
    NHRP group :: The name that spokes send with their registrations. next: show ip nhrp group
    QoS policy | not applied | no service policies here :: The policy that the group is mapped to; kept and not applied
        here.
    Clients of the group :: The spokes that sent this name.
    Tunnel destination overlay/transport address :: Each spoke's address inside and outside of the tunnel.

    ## labels of the statistics :: show nhrp stats, show ip nhrp stats next: show nhrp stats detail
    Interface State Event | [R]Admin Down | [R]Deleted | [R]VRF Changed :: Events from the tunnel interface to NHRP.
    Tunnel Protection | [S]Create TP socket | [S]Del TP socket | [S]Reset Socket | [R]UP | [R]Down :: Events between
        NHRP and IPsec.
    Virtual Access | [S]Create VA | [S]Del VA :: Interfaces made for single peers; this router makes none.
    Tunnel QoS | [S]QoS APPLY | [S]QoS Remove :: Policies for single peers; this router has none.
    RIB Events | [R]Route Evicted | [S]Rwatch w/o route :: Events between NHRP and the routing table.
    MPLS | [S]Label Alloc | [S]Label Release | [S]MPLS IP Key Bind | [S]MPLS VPN Key Bind :: Labels for peers; this
        router has none.
    BFD | [R]Session Down | [R]Session Up | [S]Client Create | [S]Client Destroy :: A quick watch on peers; this router
        has none.
    BGP events | [R]Imported Route Changed | [S]Route Export | [S]Route Import | [S]Route Withdrawal :: Routes that BGP
        carries for NHRP; this router has none.
    [R]Packets received :: Packets of the overlay that were reported to NHRP.
    Stats :: The head of a block of counters.

    ## columns of show adjacency :: show adjacency, show adjacency detail, show adjacency summary next: show ip nhrp
    Protocol | IP | IPV6 :: IP or IPV6: whose packets the next hop takes.
    Interface :: Where the next hop is.
    Address :: The next hop, and behind it how many routes use it; 0: NHRP knows it, and no route needs it.
        next: show ip cef
    point2point :: The far end of a point-to-point tunnel.
    packets | 0 packets | bytes :: IOS's line: packets are not counted by next hop. next: show dmvpn detail
    sourced in sev-epoch | epoch | Database epoch | entries at this epoch | Adjacency database high availability ::
        IOS's count of how often the table was made again.
    Encap length :: Octets that the tunnel puts before a packet, which follow: the outer IP header and GRE; zeros where
        they are another for each packet. ESP is not counted. [RFC 2784 §2]
    Tun endpt :: The next hop is behind an end of a multipoint tunnel. next: show tunnel endpoints
    P2P-ADJ :: The next hop is the far end of a point-to-point tunnel.
    ARP :: The next hop is a station on an Ethernet. next: show arp
    Next chain element | adj out of | addr :: Where the packets of the tunnel go themselves.
    Adjacency table has | adjacency | adjacencies | complete adjacencies | incomplete adjacencies | linktype :: How many
        next hops there are. None is incomplete: a next hop that is not resolved is not in the table.

    ## labels of show tunnel endpoints :: show tunnel endpoints next: show ip nhrp
    running in | mode | multi-GRE/IP | GRE/IP :: How the tunnel encapsulates: to many far ends, or to one.
    Endpoint transport :: An NBMA address that packets go to. next: show dmvpn
    overlay :: A next hop in the tunnel behind this address.
    Refcount :: How many of the lines below need this one, and itself.
    Base | Parent :: A number that distinguishes the endpoints of a tunnel.
    Create Time :: How long it has been there.
    """)

GROUPS: Final = groups(vars())
