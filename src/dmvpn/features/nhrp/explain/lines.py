"""Lines of NHRP: log messages and debugs, headings and labels of shows, fields of a message in the page of a lab."""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.base.rows import column_words
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


_FIELDS = words(WordKind.LABEL)("""
    ## fields of an NHRP message :: the page of a lab [RFC 2332 §5.2.0.1] next: debug nhrp packet
    Hop Count :: How many stations may still forward the packet; each one subtracts 1, and 0 is dropped. [RFC 2332 §5.1]
    Request ID :: The number of the request. The reply repeats it, so both belong together.
    Flags :: Bits for the receiver, by their names in `debug nhrp packet`. [RFC 2332 §5.2]
    Source NBMA Address :: The address in the underlay of the station that made the message; a reply has that of its
        request.
    Source Protocol Address :: The tunnel address of the station that made the message; a reply has that of its request,
        too.
    Destination Protocol Address :: In a request: the wanted address, or the server. In a Traffic Indication: the sender
        of the quoted packet.
    Client Information Entry :: One binding: addresses in the tunnel, the NBMA address that leads there, and for how
        long. A prefix length of 0 or 255 means one address. A code other than 0 is a refusal.
    Error Code :: Why the quoted packet could not be processed. [RFC 2332 §5.2.7]
    Error Offset :: The octet of the quoted packet where the error is. [RFC 2332 §5.2.7]
    Quoted Packet :: The beginning of the packet that the message is about. A redirect quotes a packet of a user.
        [RFC 2332 §5.2.7, draft-detienne-dmvpn-01]
    Traffic Code :: Why a Traffic Indication was sent; redirect is the only reason. [draft-detienne-dmvpn-01]
    Responder Address Extension :: The addresses of the station that made the reply; empty in a request, which asks for
        it so. [RFC 2332 §5.3.1]
    Forward Transit NHS Record Extension :: The servers that forwarded the request. A server that finds itself here has
        detected a loop. [RFC 2332 §5.3.2]
    Reverse Transit NHS Record Extension :: The servers that forwarded the reply. [RFC 2332 §5.3.3]
    Authentication Extension :: The password of `ip nhrp authentication`, in clear on the wire. It is not shown here.
        [RFC 2332 §5.3.4]
    NAT address Extension :: The NBMA addresses as the outside of a translator sees them. [draft-detienne-dmvpn-01]
    Vendor Private Extension :: Additions of a vendor: the group of `ip nhrp group`, or the UDP ports of peers behind
        NAT. [RFC 2332 §5.3.5]
    Unknown Extension :: An extension that this program does not know. [RFC 2332 §5.3]
    Packet Size :: The octets of the NHRP packet, without GRE and IP headers. [RFC 2332 §5.1]
    """)

GROUPS: Final = groups(vars())
