"""Explanations of OSPF's output for `dmvpn explain` and `| explain`. Imported on first use, never by a machine.

states     of interfaces and neighbors, roles, why a neighbor went down
codes      packets, advertisements, links and flags (RFC 2328 Appendix A)
lines      log messages, debug lines, reasons
labels     columns and labels of the shows
"""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.base.rows import column_words
from dmvpn.features.ospf import messages
from dmvpn.features.ospf.lsa import LinkType, LsaType, Options, RouterFlag
from dmvpn.features.ospf.neighbor import InterfaceState, NeighborState
from dmvpn.features.ospf.packet import DescriptionFlag, PacketType
from dmvpn.features.ospf.reasons import INTERFACE_DOWN, ONE_WAY, RESET, SILENT, OspfReason

# ------------------------------------------------------------------------------------------------ states


_NEIGHBORS = words(WordKind.STATE, NeighborState, rank=17, sighting=r"^\d+\.\d+\.\d+\.\d+ +\d+   (\w+)/")("""
    ## states of a neighbor of OSPF :: show ip ospf neighbor [RFC 2328 §10.1] next: show ip ospf neighbor detail
    DOWN | DOWN (OSPF neighbor) :: Nothing has been heard from it for the dead interval.
    ATTEMPT :: It is configured with `neighbor`, is called, and has not answered yet. next: ping (its address)
    INIT :: Its Hello was heard, and does not name us: it does not hear ours.
        when: If it lasts: multicasts in one direction are lost, or the multicast map is missing.
        next: show ip nhrp multicast (on both)
    TWO_WAY :: Both hear each other, and no adjacency is wanted: on such a network each exchanges databases with the
        designated router and its backup alone.
    EX_START :: Who leads the exchange of databases is being agreed. [RFC 2328 §10.6]
        when: If it lasts, the two have different MTUs, or large unicasts are lost.
        next: show ip interface (ip mtu on both)
    EXCHANGE :: Both describe their databases.
        when: If it lasts, descriptions are lost: the MTU of the path is too small.
        next: ping (its address, size 1400 df-bit)
    LOADING :: Both databases are described; the LSAs that are missing here are being requested.
    FULL :: Both have the same database, and packets may take this way. The state to be in.
    """)
_ROLES = words(WordKind.STATE, rank=18, sighting=r"/(DROTHER|BDR|DR)\b|, State ([A-Z_]+)")(f"""
    ## roles on a network of OSPF :: show ip ospf neighbor, show ip ospf interface, show ip ospf interface brief
        [RFC 2328 §9.1]
        next: show ip ospf interface
    {InterfaceState.DOWN.value} | DOWN (OSPF interface) :: OSPF sends nothing here: the line is down.
    {InterfaceState.LOOPBACK.value} | LOOP :: A loopback: it is advertised as a host route and has no neighbors.
    {InterfaceState.WAITING.value} | WAIT :: The router listens for the dead interval before it takes part in an
        election.
    {InterfaceState.POINT_TO_POINT.value} | P2P :: A network with one neighbor and no election. The default for tunnels.
        when: With several spokes at a hub the adjacencies come and go: `ip ospf network point-to-multipoint`.
    {InterfaceState.POINT_TO_MULTIPOINT.value} | P2MP | POINT_TO_MULTIPOINT_NBMA :: Each pair of neighbors is a link of
        its own: the hub is the next hop from spoke to spoke.
    {InterfaceState.DR_OTHER.value} | DROTH :: Neither designated router nor its backup.
        when: Spokes should be this: `ip ospf priority 0`.
    {InterfaceState.BACKUP.value} :: The backup: adjacent with all, and takes over when the designated router goes.
    {InterfaceState.DESIGNATED.value} :: The designated router: adjacent with all, it speaks for the network. On a DMVPN
        it has to be the hub.
    BROADCAST :: A network type: all hear each other, and one router is elected to speak for all.
    NON_BROADCAST :: The same without multicasts: neighbors are configured.
    """)
_DOWN = words(WordKind.REASON, rank=36, sighting=r"%OSPF-5-ADJCHG: .* to (?:DOWN|INIT), (.+)$")(f"""
    ## why a neighbor of OSPF went down :: show logging next: show ip ospf neighbor
    {SILENT} :: No Hello came for the dead interval. [RFC 2328 §10.2]
        when: The link, the tunnel or IPsec is down, or the multicast map of the hub is missing.
        next: show dmvpn, show ip nhrp multicast
    {INTERFACE_DOWN} :: Our interface went down, or OSPF does not run there any more. next: show interfaces
    {RESET} :: A user typed `clear ip ospf process`, or another router took the place of this one on a point-to-point
        network.
        next: show ip ospf interface (network type)
    {ONE_WAY} :: Its Hello does not name us any more: it does not hear us, or has begun again.
    """)


# ------------------------------------------------------------------------------------------------ codes


_PACKET_TYPES = words(WordKind.CODE, PacketType, rank=60)("""
    ## packets of OSPF :: dmvpn lab capture, debug ip ospf packet, show ip ospf database [RFC 2328 §A.3.1]
        next: debug ip ospf packet
    HELLO | HELLO (OSPF) :: Discovers neighbors and keeps them up: sent at regular intervals.
    DESCRIPTION :: Database description: what a router has, as headers.
    REQUEST | REQUEST (OSPF) :: Link state request: send me these.
    UPDATE | UPDATE (OSPF) :: Link state update: advertisements, asked for or new.
    ACKNOWLEDGMENT :: Link state acknowledgment: these have come.
    """)
_LSA_TYPES = words(WordKind.CODE, LsaType, rank=60)("""
    ## link state advertisements :: dmvpn lab capture, debug ip ospf packet, show ip ospf database [RFC 2328 §A.4.1]
        next: debug ip ospf packet
    ROUTER :: Type 1: a router and its links.
    NETWORK :: Type 2: a network with a designated router, and the routers on it.
    SUMMARY :: Type 3: a network in another area.
    BORDER_SUMMARY :: Type 4: a router in another area that brings routes in.
    EXTERNAL :: Type 5: a network outside of OSPF.
    NSSA_EXTERNAL :: Type 7: the same, advertised in a not-so-stubby area. [RFC 3101 §2.2]
    OPAQUE_LINK :: Type 9: something for the routers of a link, as a Grace-LSA. [RFC 5250 §3]
    OPAQUE_AREA :: Type 10: something for the routers of an area. [RFC 5250 §3]
    OPAQUE_AS :: Type 11: something for all routers of OSPF. [RFC 5250 §3]
    LINK :: Type 8 of version 3: the address of a router on a link, and its prefixes. [RFC 5340 §A.4.9]
    PREFIXES :: Type 9 of version 3: prefixes of a router or of a network. [RFC 5340 §A.4.10]
    """)
_LINK_TYPES = words(WordKind.CODE, LinkType, rank=60)("""
    ## links in a router's advertisement :: dmvpn lab capture, debug ip ospf packet, show ip ospf database
        [RFC 2328 §A.4.2]
        next: debug ip ospf packet
    POINT_TO_POINT | POINT_TO_POINT (link) :: A link to one other router.
    TRANSIT :: A link to a network with a designated router.
    STUB :: A network that leads no further, or a host.
    VIRTUAL :: A virtual link through an area.
    """)
_OPTIONS = words(WordKind.CODE, Options, rank=60)("""
    ## options of OSPF :: dmvpn lab capture, debug ip ospf packet, show ip ospf database [RFC 2328 §A.2]
        next: debug ip ospf packet
    EXTERNAL | EXTERNAL (option) :: E: external routes are known here. Both ends must agree.
    V6 :: V6 of version 3: the router takes part in the routing of IPv6. [RFC 5340 §A.2]
    MULTICAST :: MC: multicast OSPF, which is not in use.
    NSSA :: N: the area is not so stubby; P in type 7: to be translated.
    LOCAL_SIGNALING :: L: a block of local signaling follows the packet; it is not read. In version 3 R: the router
        forwards packets.
    DEMAND :: DC: demand circuits.
    OPAQUE :: O: opaque advertisements are taken (RFC 5250).
    DOWN :: DN: a provider's router brought the route in (RFC 4576); another one does not use it.
    LLS :: L of version 3: a block of link-local signaling follows the packet; it is not read. [RFC 5613 §2.1]
    TRAILER :: AT of version 3: an authentication trailer follows the packet. [RFC 7166 §2.1]
    """)
_ROUTER_FLAGS = words(WordKind.CODE, RouterFlag, rank=60)("""
    ## what a router says it is :: dmvpn lab capture, debug ip ospf packet, show ip ospf database [RFC 2328 §A.4.2]
        next: debug ip ospf packet
    BORDER :: B: an area border router.
    EXTERNAL | EXTERNAL (router) :: E: it brings routes in from outside.
    VIRTUAL :: V: an end of a virtual link.
    TRANSLATOR :: Nt: it translates type 7 into type 5. [RFC 3101 §2.4]
    """)
_DESCRIPTION_FLAGS = words(WordKind.CODE, DescriptionFlag, rank=60)("""
    ## flags of database descriptions :: dmvpn lab capture, debug ip ospf packet, show ip ospf database
        [RFC 2328 §A.3.3]
        next: debug ip ospf packet
    MASTER :: MS: the sender leads the exchange.
    MORE :: M: more descriptions follow.
    INIT :: I: the first one.
    RESYNC :: R: databases are exchanged again without losing the adjacency. [RFC 4811]
    """)


# ------------------------------------------------------------------------------------------------ lines


_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of OSPF :: show logging next: show logging
    %OSPF-5-ADJCHG :: When a neighbor becomes FULL, or goes. [RFC 2328 §10.3] next: show ip ospf neighbor
    %OSPF-5-NSFHELPER :: At a Grace-LSA of it. [RFC 3623 §3] next: show ip ospf neighbor detail
    %OSPF-4-ERRRCV :: A wrong area, key or length. [RFC 2328 §8.2]
        next: show ip ospf interface (area and authentication, on both ends)
    %OSPF-4-MTUMISMATCH :: A description came with another MTU than that of the interface. [RFC 2328 §10.6]
        next: show ip interface (ip mtu on both)
    %OSPFv3-5-ADJCHG :: The same for IPv6: when a neighbor becomes FULL, or goes. [RFC 2328 §10.3] next: show ipv6 ospf
        neighbor
    %OSPFv3-4-NORTRID :: Ten seconds after the process for IPv6 was configured, if no interface has an IPv4 address.
        next: enter `router-id`
    %OSPF-4-NORTRID :: Ten seconds after the process was configured, if no interface has an address.
        next: show ip interface brief
    %OSPF-4-DUP_RTRID_NBR :: When a packet with our own identifier comes from another address.
        next: show ip ospf (on both)
    %OSPF-4-DUP_RTRID_AREA :: When newer instances of this router's own router LSA arrive four times within a minute.
        next: show ip ospf (on all), router-id
    %OSPF-4-AUTHBLOCKED :: A key is missing: `message-digest-key`, or a key of the key chain with a text and a number
        below 256.
        next: show ip ospf interface
    %OSPF-5-LASTKEYEXP :: When the lifetime of the key with which packets are sealed ends and no other one has begun.
        [RFC 2328 §D.3]
        next: show key chain
    %OSPF-4-NOVALIDKEY :: When the interface comes up before the lifetime of any key begins.
        next: show key chain, show clock
    %OSPF-4-OSPF_MAX_LSA_THR :: When the LSAs of other routers exceed the configured share of `max-lsa`, 75 % by
        default.
        next: show ip ospf database database-summary
    %OSPF-4-OSPF_MAX_LSA :: When the LSAs of other routers exceed `max-lsa`; once, until there are fewer again.
        next: show ip ospf database database-summary
    %OSPF-4-MAXLSA_IGNORE :: When it has been too many for a minute; not with `warning-only`. next: show ip ospf
    """)
_DEBUGS = words(WordKind.DEBUG)("""
    ## lines of debug ip ospf packet :: debug ip ospf packet, show logging next: show ip ospf neighbor
    OSPF: <way> v:2 t:<type> l:<octets> rid:<router> aid:<area> auk:<number> <to|from> <address> <interface> :: A packet
        left or came: its type, its length, the sender's identifier and area, and how it is authenticated.
        [RFC 2328 §A.3.1]

    ## lines of debug ip ospf adj :: debug ip ospf adj, show logging next: show ip ospf neighbor
    OSPF-<process> <interface>: Nbr <router>: <state> -> <state>: <why> :: A neighbor moved on, or back.
    OSPF-<process> <interface>: Nbr <router> has larger interface MTU :: Its description was refused: large packets of
        it would not get through. [RFC 2328 §10.6]
        next: show ip interface (ip mtu on both)
    OSPF-<process> <interface>: Nbr <router> has smaller interface MTU :: Its description was taken, but it refuses
        ours, unless it has `ip ospf mtu-ignore`. [RFC 2328 §10.6]
        next: show ip interface (ip mtu on both)
    OSPF-<process> <interface>: NBR Negotiation Done. We are the <MASTER|SLAVE> :: Who leads the exchange is agreed: the
        router with the higher identifier.
    OSPF-<process> <interface>: Send DBD to <router> seq <number> flag <flags> :: A description of our database left.
        Flags: 4 the first, 2 more follow, 1 we lead.

    ## lines of debug ip ospf events :: debug ip ospf events, show logging next: show ip ospf statistics
    OSPF-<process> EVENT: SPF is done, <number> networks :: The shortest ways are calculated again.

    ## lines of debug ip ospf spf :: debug ip ospf spf, show logging next: show ip ospf statistics
    OSPF-<process> SPF  : SPF is done, <number> networks, because of <why> :: The shortest paths are calculated again
        because of a changed LSA. R: of a router, N: of a network, SN and SA: of another area, X: of an external
        network. [RFC 2328 §16]

    ## lines of debug ip ospf flood :: debug ip ospf flood, show logging next: show ip ospf database
    OSPF-<process> FLOOD: Install type <number>, LSID <id>, adv router <router>, seq <number>, age <seconds> :: The
        database says another thing: this advertisement is new, or takes the place of an older one. [RFC 2328 §13]

    ## lines of debug ip ospf lsa-generation :: debug ip ospf lsa-generation, show logging
        next: show ip ospf timers rate-limit
    OSPF-<process> LSGEN: Build type <number>, LSID <id>, seq <number>, age <seconds> :: This router says something of
        its own; at age 3600 it takes it back. [RFC 2328 §12.4]

    ## lines of debug ip ospf retransmission :: debug ip ospf retransmission, show logging
        next: show ip ospf retransmission-list
    OSPF-<process> RXMT : Retransmit <number> advertisements to <router> on <interface> :: The neighbor has not
        acknowledged them for the retransmit interval. [RFC 2328 §13.6]

    ## lines of debug ip ospf hello :: debug ip ospf hello, show logging next: show ip ospf interface
    OSPF-<process> <interface>: Rcv hello from <router> <address> :: A Hello came and was taken.
    OSPF-<process> <interface>: Rcv hello from <router> <address>: <why> :: A Hello came and was not taken.
    """)
_REASONS = words(WordKind.REASON, OspfReason)("""
    ## reasons of OSPF :: show ip ospf neighbor detail, show ip ospf interface next: show ip ospf neighbor detail
    MASK :: The two ends have different masks.
    DEAD_INTERVAL :: `ip ospf dead-interval` must be the same at both ends.
    HELLO_INTERVAL :: `ip ospf hello-interval` must be the same at both ends. It is 30 s on point-to-multipoint networks
        and those without multicasts, else 10 s.
    KIND :: One end has the area as stub or NSSA, and the other has not.
    AREA :: The two ends are in different areas.
    NOT_AUTHENTIC :: Authentication or its key differs at the two ends.
    TTL :: `ttl-security` wants packets of routers that are near: the other end needs it, too, or else it sends with TTL
        1.
    MTU :: Its `ip mtu` is larger than ours, so that large packets of it would not get through: make them equal, or `ip
        ospf mtu-ignore`.
    """)
_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of OSPF :: the prompt next: show running-config | section router ospf
    % VRF specified does not match existing router :: The process of this number is in another VRF, or in none; a
        process stays where it was made.
    % OSPF: Backbone can not be configured as <kind> area :: Area 0 connects the other areas, so external
        routes enter it. [RFC 2328 §3.6]
    """)


# ------------------------------------------------------------------------------------------------ labels


_NEIGHBOR_LABELS = words(WordKind.LABEL, mark=r"^Neighbor ID +Pri ", sighted=True)(
    """
    ## columns of OSPF's neighbors :: show ip ospf neighbor next: show ip ospf neighbor detail
"""
    + column_words("dmvpn.features.ospf.show.neighbors:NeighborEntry")
)
_LABELS = words(WordKind.LABEL)("""
    ## particulars of a neighbor of OSPF :: show ip ospf neighbor detail next: debug ip ospf adj
    In the area :: The area of the network, and our interface there.
    Neighbor priority | priority :: Its priority in elections, its state, and how often that changed.
    state changes :: How often its state changed: rarely if it is healthy.
    DR is | BDR is :: The designated router and the backup in its view; 0.0.0.0: none.
    Options :: What it can do, as its Hellos say: 0x2 is external routes. [RFC 2328 §A.2]
    Dead timer due | due :: When the neighbor goes down unless a Hello comes.
    It restarts gracefully | helped for | more seconds :: It counts as full until then: it advertised that it keeps
        forwarding while it restarts. [RFC 3623 §3]
    is up for :: For how long it has been in its state.
    Index :: IOS's numbers of the neighbor in its tables: always 0 here.
    retransmission queue length | number of retransmission :: LSAs that were sent to it and that it has not
        acknowledged. 0 is healthy.
    Its last packet was not taken | are not taken :: The reason follows.

    ## labels of OSPF's interfaces :: show ip ospf interface next: show ip ospf neighbor
    line protocol :: Whether the interface carries packets.
    Internet Address :: Its address with the length of the mask, which must be the same at all routers of a network with
        several; on a point-to-point network masks are not compared. [RFC 2328 §10.5]
    Area :: The area that the network belongs to; both ends must agree. [RFC 2328 §3]
    Attached via Network Statement :: A `network` line, or `ip ospf ... area` of the interface, put it there.
    Process ID | PID :: The number of the process, which means nothing to other routers.
    Router ID :: The name of this router in OSPF: `router-id`, else the highest address of a loopback, else of any
        interface.
    Network Type :: How many neighbors there are, and whether there is a designated router: `ip ospf network`.
    Cost :: The cost of sending on this interface: `ip ospf cost`, or from the bandwidth. A tunnel's is 1000.
    Transmit Delay :: Seconds that are added to the age of LSAs sent here.
    Priority :: This router's priority in elections; 0: never elected.
    Timer intervals :: Seconds: between Hellos, until a silent neighbor goes down, until the first election.
    Dead :: Seconds of silence that end a neighbor; the same at both ends. [RFC 2328 §10.5]
    Wait :: Seconds before the first election.
    Retransmit :: Seconds after which LSAs that were not acknowledged are sent again.
    Hello due in :: When the next Hello leaves.
    No Hellos :: The interface is passive (`passive-interface`), or the reason why it can have no neighbors.
    Neighbor Count :: How many neighbors are known.
    Adjacent neighbor count | Adjacent with neighbor :: How many neighbors are adjacent; they follow.
    Suppress hello :: Demand circuits, which are not here: always 0.
    Strict TTL checking enabled | hops allowed | up to :: Packets with a TTL of less than 255 minus the hops are
        dropped, and ours have 255: `ttl-security`. [RFC 5082 §3]
    Loopback interface is treated as a stub Host :: A loopback is advertised as a host route (/32), unless it has `ip
        ospf network point-to-point`.
    Designated Router :: The designated router of the network: router ID and address.
    Backup Designated router :: The router that takes its place.
    No designated router on this network | No backup designated router on this network :: No router is elected yet, or
        none may be.
    Simple password authentication :: Every packet carries a password in clear. [RFC 2328 §D.4.2]
    Cryptographic authentication | youngest key id | Sending SA: Key | Algorithm | key chain | no valid key :: Packets
        carry digests, made with the youngest key. [RFC 2328 §D.4.3]
    Rollover in progress | neighbor(s) using the old key(s) | key id :: How many neighbors still use an older
        `message-digest-key`; packets are sent once with each key. [RFC 2328 §D.3]
    msec :: Milliseconds.
    """)
_VERSION_3 = words(WordKind.LABEL)("""
    ## labels of OSPF version 3 :: show ipv6 ospf neighbor, show ipv6 ospf interface, show ipv6 ospf database
        next: show ipv6 ospf database
    OSPFv3 | ospfv3 :: OSPF version 3, which routes IPv6. [RFC 5340]
    E-Bit :: External routes are known in the area; both ends must agree.
    N-Bit :: The area is a not-so-stubby one.
    Fragment ID :: The name of one of the LSAs that a router's links need: 0 is the first.
    Bits :: The roles of the router: B: a border of areas, E: of OSPF, V: an end of a virtual link.
    Rtr count :: How many routers are on the network.
    Dest RtrID | Destination Router ID :: The border router that the LSA is about.
    Ref-lstype | Ref-LSID | Referenced LSA Type | Referenced Link State ID | Referenced Advertising Router :: The LSA of
        a router or network that these prefixes belong to.
    Number of Prefixes :: How many follow.
    unreachable :: The summary contains no route, so it is not advertised.
    Number of areas :: How many areas of each kind the router is in.
    NU-Bit :: The prefix is not for routes. [RFC 5340 §A.4.1.1]
    LA-Bit :: The prefix is an address of the router. [RFC 5340 §A.4.1.1]
    Instance ID :: Which of several OSPFs on one link; both ends must agree. [RFC 5340 §2.4]
    Intf ID :: The number of the interface, by which LSAs name it. [RFC 5340 §4.1.2]
    """)
_BRIEF = words(WordKind.LABEL, mark=r"^Interface +PID ")("""
    ## columns of OSPF's interfaces :: show ip ospf interface brief next: show ip ospf interface
    IP Address/Mask :: Our address there with the length of the mask.
    Nbrs F/C :: Neighbors: how many are full, and how many are known.
    """)
_DATABASE = words(WordKind.LABEL)("""
    ## labels of the link state database :: show ip ospf database next: show ip ospf
    Router Link States :: Type 1: routers and their links. [RFC 2328 §12.4.1]
    Net Link States :: Type 2: networks with a designated router. [RFC 2328 §12.4.2]
    Summary Net Link States :: Type 3: networks of other areas. [RFC 2328 §12.4.3]
    Summary ASB Link States :: Type 4: border routers of other areas. [RFC 2328 §12.4.3]
    Type-7 AS External Link States :: External networks, advertised in an NSSA. [RFC 3101 §2.2]
    Type-5 AS External Link States :: Networks outside of OSPF. [RFC 2328 §12.4.4]
    Type-10 Opaque Link Area Link States | Opaque Area Link | Opaque Area | Opaque :: Information for the routers of an
        area, which OSPF itself only floods. [RFC 5250 §3]
    Type-11 Opaque Link AS Link States | Opaque AS Link | Opaque AS :: Information for all routers, which OSPF itself
        only floods. [RFC 5250 §3]
    Opaque Type :: What the LSA is about: 1 traffic engineering, 4 the router's capabilities. [RFC 5250 §9]
    Opaque ID :: The number of the LSA within its type.
    Link ID :: What the LSA describes: a router, a network, or a designated router's address.
    ADV Router :: The router that originated the LSA.
    Age :: Seconds since it was originated; it is refreshed at 1800 and removed at 3600.
    Seq# :: Of two instances the one with the higher number is the newer one.
    Checksum :: The LSA's checksum; it is the same on routers with the same instance.
    Link count :: How many links the router advertises.

    ## labels of an advertisement :: show ip ospf database router, show ip ospf database network, show ip ospf database
        summary, show ip ospf database asbr-summary, show ip ospf database nssa-external, show ip ospf database external
        next: show ip ospf database
    LS age :: Seconds since it was originated; it is refreshed at 1800.
    LS Type | Router Links | Network Links | Summary Links | AS External Link :: What the LSA describes.
        [RFC 2328 §A.4.1]
    Link State ID | summary Network Number | External Network Number | address of Designated Router :: What the LSA
        describes; the words behind the address say what the address is.
    Advertising Router :: The router that originated it.
    LS Seq Number :: Its number, in hexadecimal: the higher one is the newer one.
    Length :: Its length in octets.
    No TOS-capability | No DC | DC :: The router advertises one metric for each link, not one for each type of service.
    Downward :: A provider's router brought the route in from BGP (the DN bit). A process in a VRF does not use it,
        unless it has `capability vrf-lite`. [RFC 4576 §3]
    Type 7/5 translation | No Type 7/5 translation :: Whether a border router of the area translates it into a type 5
        LSA. [RFC 3101 §2.4]
    Area Border Router :: The router connects areas.
    AS Boundary Router :: The router redistributes external routes, or translates those of an NSSA.
    Number of Links :: How many links the LSA has; all of them follow.
    Link connected to | another Router (point-to-point) | a Virtual Link | something of type :: A router, a network with
        a designated router, or a network that leads no further.
    (Link ID) | (Link Data) | Link Data | Neighboring Router ID | Network/subnet number :: What the link leads to, and
        by which address. [RFC 2328 §A.4.2]
    Number of MTID metrics | TOS 0 Metrics | MTID :: Further topologies, which are not here: always 0.
    Network Mask :: The length of the network's mask.
    Attached Router :: A router on the network.
    Metric :: The cost from the advertising router.
    Metric Type | Larger than any link state path | Comparable directly to link state metric :: 1: the cost to the
        advertising router is added. 2: only the advertised metric counts.
    Forward Address :: The address to which packets go; 0.0.0.0: the advertising router.
    External Route Tag :: An administrator's mark.

    ## labels of a process of OSPF :: show ip ospf next: show ip ospf database
    Routing Process | OSPF Router with ID :: The process and its router identifier.
    Domain ID | type 0x0005 | value :: The domain of OSPF that a process in a VRF belongs to: by default type 5 and the
        number of the process. [RFC 4577 §4.2.4]
    Connected to MPLS VPN Superbackbone :: The process is in this VRF, where it is the provider's router: it uses no
        route with the DN bit. With `capability vrf-lite` it is a customer's router, and this line is missing.
        [RFC 4577 §4.2.5]
    Initial SPF schedule delay | msecs :: Between a change and the first calculation of routes: `timers throttle spf`.
        Milliseconds, as all below.
    Minimum hold time between two consecutive SPFs | Maximum wait time between two consecutive SPFs :: Between the first
        calculation and the second; it doubles while changes go on.
    Initial LSA throttle delay :: Between a change on this router and the LSA that advertises it.
    Minimum hold time for LSA throttle | Maximum wait time for LSA throttle :: Between two instances of one of our own
        LSAs; it doubles while changes go on.
    Minimum LSA arrival :: How long an instance is kept at least before a newer one is taken: `timers lsa arrival`.
    Maximum number of non self-generated LSA allowed | Current number of non self-generated LSA :: How many LSAs of
        other routers are accepted: `max-lsa`.
    Threshold for warning message :: The share of `max-lsa` above which a line is logged.
    Ignore-time | reset-time | minutes :: How long the process has no neighbors after `max-lsa` was exceeded for a
        minute.
    Ignore-count allowed | current ignore-count :: How often that may happen before it becomes permanent; the count
        starts again after the reset time.
    All packets are ignored | until it is cleared :: Other routers advertised more LSAs than `max-lsa` allows; `clear ip
        ospf process` ends it.
    Originating router-LSAs with maximum metric :: `max-metric router-lsa`: other routers use a path through this router
        only if there is no other. [RFC 6987]
    Number of external LSA :: External LSAs, and the sum of their checksums.
    Checksum Sum | Sum :: Of all advertisements: routers of an area that agree have the same.
    It is an area border router | area border | an | router :: It has interfaces in several areas. [RFC 2328 §3.3]
    autonomous system boundary | Redistributing External Routes from | with metric mapped to :: It advertises external
        routes in OSPF; the lines below name their sources. [RFC 2328 §3.3]
    Number of areas in this router :: How many areas it has interfaces in, and how many of each kind.
    normal :: Areas that receive external routes; stub areas and NSSAs do not.
    IETF NSF helper support | enabled | disabled | until the network changes :: Neighbors that restart gracefully count
        as full meanwhile (`nsf ietf helper`). [RFC 3623 §3]
    Reference bandwidth unit :: What bandwidth costs 1: `auto-cost reference-bandwidth`.
    BACKBONE | BACKBONE(0) :: Area 0, which connects all other areas.
    It is a | no summary LSA in this area :: What kind of area it is.
    Perform type-7/type-5 LSA translation :: This border router advertises the external routes of the NSSA to the other
        areas. [RFC 3101 §3.1]
    Area range | Active | Passive | Advertise | DoNotAdvertise :: A prefix advertised to other areas instead of the
        networks in it. Active: it has one; its cost follows.
    Area-filter | out :: A prefix list for routes advertised into the area (in) or out of it (out).
    Number of interfaces in this area :: How many interfaces of this router are in the area.
    SPF algorithm last executed | SPF algorithm executed | times :: When routes were last calculated.
    Number of LSA :: How many advertisements the area's database holds.

    ## what OSPF says of itself :: show ip protocols next: show ip ospf
    area :: The area that the networks belong to. [RFC 2328 §3]
    Routing on Interfaces Configured Explicitly :: Interfaces with `ip ospf ... area`.
    intra-area :: Administrative distance of routes within an area.
    inter-area :: That of routes from other areas.

    ## ways to border routers :: show ip ospf border-routers next: show ip ospf database router
    Internal Router Routing Table :: Router, cost, next hop, what the router is, by which area it is reached.
    Intra-area route | Inter-area route :: i: the router is in an area of ours. I: in another area.
    ABR :: It has interfaces in several areas, one of them the backbone. [RFC 2328 §3.3]
    ASBR | ABR/ASBR :: It advertises external networks; ABR/ASBR does both.
    SPF :: How often the ways in this area were calculated.
    Base Topology :: The only topology here.

    ## summary prefixes of OSPF :: show ip ospf summary-address next: show ip ospf database external
    Summary-address | OSPF Process :: A line for each `summary-address` of the process.
    Metric :: That of the nearest network in it; -1: there is no network in it, and it is not advertised.
    Type :: The type of the metric, 1 or 2; 0: the prefix is not advertised. [RFC 2328 §16.4]
    Tag | tag :: The tag with which it is advertised.

    ## labels of a virtual link :: show ip ospf virtual-links next: show ip ospf border-routers
    Virtual Link | VIRTUAL_LINK :: A link of the backbone through another area, to a router identifier. Up: that area
        leads there. [RFC 2328 §15]
    Transit area :: The area that it leads through, and the interface by which it leaves.
    Topology-MTID | Disabled | Shutdown | Topology Name :: Further topologies, which are not here.
    Adjacency State :: How far the neighbor at its other end is: FULL is healthy.

    ## what neighbors of OSPF owe :: show ip ospf retransmission-list, show ip ospf request-list
        next: show ip ospf neighbor detail
    Link state retransmission due :: When what follows is sent again, unless it is acknowledged.
    Queue length :: How many advertisements were not acknowledged.
    Type :: What the LSA describes: 1 router, 2 network, 3 and 4 other areas, 5 and 7 external networks.
    LS ID :: Its name: a router, a network, or a designated router's address.
    ADV RTR :: The router that originated this LSA.
    Seq NO :: Its sequence number: of two instances the higher one counts.

    ## operations in progress in OSPF :: show ip ospf timers rate-limit, show ip ospf nsf, show ip ospf neighbor summary
        next: show ip ospf
    List of LSAs that are in rate limit Queue :: Our own advertisements that have changed and wait for their turn:
        `timers throttle lsa`.
    LSAID | Adv Rtr :: The name of such an advertisement.
    Due in :: When it is originated.
    Non-Stop Forwarding :: This router itself does not restart gracefully.
    Cisco NSF helper support :: Cisco's older method of restarting; this router does not help neighbors that use it.
    OSPF restart state | NO_RESTART :: NO_RESTART: this router does not restart.
    restarts, and counts as full :: A neighbor restarts gracefully, and is helped. [RFC 3623 §3]
    Total count :: All neighbors of the process. next: show ip ospf neighbor
    Undergoing GR :: How many of them restart gracefully.

    ## what OSPF did and counts :: show ip ospf statistics, show ip ospf events, show ip ospf traffic, show ip ospf
        flood-list
        next: show ip ospf neighbor detail
    SPF calculation :: The last calculations of the shortest ways. [RFC 2328 §16]
    Delta T :: How long ago it was.
    Networks :: How many routes it found.
    Reason :: Which advertisements changed: R of routers, N of networks, SN and SA of other areas, X from outside; none:
        an interface or the configuration.
    LSA of type | LSA | LSID :: An advertisement in the database changed, came or went.
    Rcvd :: Packets that were taken, by kind, and how many were dropped.
    database desc :: Database Description: which LSAs the sender has. [RFC 2328 §10.8]
    link state req :: Link State Request: which LSAs the sender asks for. [RFC 2328 §10.9]
    link state updates :: Link State Update: the advertisements themselves. [RFC 2328 §13]
    link state acks :: Link State Acknowledgment: which LSAs arrived. [RFC 2328 §13.5]

    ## how many advertisements OSPF has :: show ip ospf database database-summary next: show ip ospf database
    LSA Type | Network | Router :: What the LSAs describe.
    Summary Net | Summary :: Networks of other areas.
    Summary ASBR | ASBR :: Borders in other areas.
    Type-7 Ext :: Networks from outside, within a not-so-stubby area. [RFC 3101]
    Type-5 Ext :: Networks from outside.
    Count :: How many there are.
    Delete :: How many of them are on their way out. [RFC 2328 §14.1]
    Maxage :: How many of them only grew too old. [RFC 2328 §14]
    Subtotal | database summary | Total | Process :: All of an area.

    ## a router as last resort :: show ip ospf max-metric [RFC 6987] next: show ip ospf database router self-originate
    Condition | always | on startup | startup :: When `max-metric router-lsa` holds.
    Time remaining :: How long it still holds.
    active | State: active :: It holds now.
    inactive | State: inactive :: It does not hold any more.
    stub links | links | maximum :: Our own networks cost the most, too.
    summary-LSAs | external-LSAs | router-LSAs | LSAs :: Networks of other areas cost that much.

    ## the routes of OSPF itself :: show ip ospf rib next: show ip route ospf
    OSPF local RIB | local :: What the last calculation found, whatever the routing table takes.
    * | Best :: The best way.
    > | Installed in global RIB | Installed | global :: It is offered to the routing table.
    Intra :: A network of the same area.
    Inter | IA :: A network of another area.
    Ext | Ext1 | Ext2 | NSSA1 | NSSA2 :: From outside: 1 counts the way inside, 2 does not.
    """)

GROUPS: Final = groups(vars())
