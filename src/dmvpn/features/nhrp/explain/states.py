"""Letters and words of entries: the column `Attrb`, the flags of the cache, the letters of servers.

States of a peer in `show dmvpn`, a tunnel, a registration, a direct path; and reasons for unwanted states. Also
possible causes of a server's silence, and answers of the prompt.
"""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.nhrp.client import NhsState
from dmvpn.features.nhrp.path import PathState
from dmvpn.features.nhrp.reasons import NhrpReason, Suspicion

#: A row of `show dmvpn` from the tunnel address on: state, time, attributes. IPv6 has a paragraph instead.
ROW: Final = r"^.{6,} (?:INTF|IKE|IPSEC|NHRP|UP) +(?:never|[\d:]+|\d[\dydhw]+) +([A-Z][A-Z0-9]*)(?: |$)"
_ATTRIBUTES = rf"(?:{ROW}|Cache Attrib: ([A-Z][A-Z0-9]*))"
DMVPN_MARK: Final = r"^Legend: Attrb -->"
_BRIEF_CELL = r" ([SDI]/[urecat]*) *$"

_DMVPN = words(
    WordKind.FLAG,
    rank=10,
    sighting=_ATTRIBUTES,
    mark=DMVPN_MARK,
    cell=r"([SDI]N?L?X?(?:T[12])?(?:I2)?|LX)",
    joined=True,
)("""
    ## column Attrb :: show dmvpn next: show ip nhrp detail
    S | Static :: Static: the pair of tunnel address and NBMA address is written in this router's configuration.
        when: A spoke has it for each hub that `ip nhrp map` or `ip nhrp nhs ... nbma ...` names; it never expires.
        next: show ip nhrp nhs detail
    D | Dynamic :: Dynamic: the pair was learned by NHRP and is forgotten when its holding time ends. [RFC 2332 §5.2.3]
        when: On a hub: a spoke that registered. On a spoke: another spoke that was resolved.
    I | Incomplete :: Incomplete: this router asked for the NBMA address of the tunnel address, or prefix, and has none
        yet. [RFC 2332 §2.2]
        when: While a Resolution Request is out, and for three minutes after it was answered with a NAK. Packets go
        through the hub meanwhile.
        next: show ip nhrp incomplete
    N | NATed :: NATed: the peer is behind an address translator. It believes in one NBMA address, and its packets come
        from another, which is the one shown. [draft-detienne-dmvpn-01 (NAT address extension)]
        when: When the NBMA address inside a registration differs from the source of the packet that carried it.
        next: show ip nhrp detail (the line Claimed NBMA address)
    L | Local :: Local: not a peer. An answer of this router to other stations that asked for a network behind it.
        when: In `show dmvpn detail` only, on a router that answered a Resolution Request.
        next: show ip nhrp local
    X | No Socket :: No Socket: no packets are sent by this entry, so it asks for no IPsec.
        when: With L (our own networks) and with I (no NBMA address to send to).
        next: show crypto sockets
    T1 | Route Installed :: Route Installed: NHRP put a route of its own into the routing table, because no routing
        protocol has one for exactly this prefix. It shows as `H`.
        when: On a phase 3 spoke, when the routing protocol brings a summary or a default route only, and the direct
        path has proved itself.
        next: show ip route nhrp
    T2 | Nexthop-override :: Nexthop-override: the route stays the routing protocol's, and packets go to NHRP's next hop
        instead of the hub. In `show ip route` it has a `%`.
        when: On a phase 3 spoke, when the routing protocol has exactly this prefix and the direct path has proved
        itself.
        next: show ip route next-hop-override
    B | BGP :: BGP: the entry comes from BGP. It is in the legend; this router never sets it.
    C | CTS Capable :: CTS Capable: the peer can carry security group tags. It is in the legend; this router has none.
    I2 | Temporary :: Temporary: the NBMA address is known, and the direct path is on trial. Packets go by the hub until
        an echo was answered over the path itself.
        when: A second or two after each answer; longer if the path between the spokes is blocked, or NAT is in it.
        next: show dmvpn detail (the line below the peer names what it lacks)
    """)
_WORDS = words(WordKind.FLAG, rank=12, sighting=r"^ +Type: \w+, Flags: (.*)$", mark=r"^ +Type: \w+, Flags:")("""
    ## flags of an entry :: show ip nhrp, show ipv6 nhrp next: show ip nhrp detail
    authoritative :: The answer came from the station that holds the registration, not from another station's copy.
        [RFC 2332 §5.2.2]
        when: When the reply carried the A bit.
    router :: The station is a router, so networks may lie behind it. In a DMVPN every station is. [RFC 2332 §5.2.1]
        when: When a reply or request carried the Q bit.
    implicit :: Overheard: learned from the request that a peer sent through us or to us, not from an answer to one of
        ours. It is used for sending, never for answering other stations. [RFC 2332 §6.2.1]
        when: On a spoke that was asked: it knows the asker at once and need not ask back.
    unique :: No other NBMA address may register this tunnel address until the entry expires. [RFC 2332 §5.2.3]
        when: A spoke asks for it unless `ip nhrp registration no-unique` is set. If its address changes, the server
        answers with NAK 14 until then.
    registered :: The station registered with this router, which is its next hop server. [RFC 2332 §5.2.3]
        when: On hubs only.
    nat :: The station is behind NAT: the line below has the address that it claims, the other address is the source of
        its packets.
        when: When the source address of its packets and the NBMA address inside differ.
    used :: Packets were sent by this entry within the last minute, so it will be asked for again before it expires.
        when: Follows from the data plane's counters. An entry without it just expires.
    local :: Ours: a network behind this router, as it answered other stations. It is kept to inform them of changes.
        when: After this router answered a Resolution Request.
        next: show ip nhrp local detail (who asked)
    negative :: There is no mapping: the question is out, or was answered with no. [RFC 2332 §2.2]
        when: On incomplete entries, for three minutes, so that not every packet asks again.
    nhop :: The entry is for a peer's own tunnel address, that is a next hop, not for a network behind it.
        when: On every host entry of a peer that packets can be sent to.
    rib :: The entry is in the routing table: as a route of NHRP's own (`H`), or, with nho, as another next hop.
        when: When the direct path is proven. Without it packets still take the routing protocol's way.
        next: show ip route nhrp
    nho :: Next-hop override: another protocol's route for the same prefix sends packets to this entry's next hop.
        when: Together with rib; the same as T2 in `show dmvpn`.
        next: show ip route next-hop-override
    bfd :: BFD watches the peer. This router has no BFD for tunnels and never sets it.
    temporary :: On trial: the path to the peer has not answered an echo yet, or does not any more; packets go by the
        hub.
        when: The same as I2 in `show dmvpn`.
        next: show dmvpn detail
    """)
_TYPES = words(WordKind.FLAG, rank=13, sighting=r"^ +Type: (\w+), Flags:")("""
    ## type of an entry :: show ip nhrp, show ipv6 nhrp
    static :: From the configuration (`ip nhrp map`, or the address of a next hop server); never expires.
        next: show running-config interface Tunnel
    dynamic :: Learned from a registration or an answer; expires with its holding time unless it is renewed.
        next: show ip nhrp detail
    incomplete :: Requested and not known. Cache hits count the packets or redirects that needed it. next: debug nhrp
    """)
_BRIEF_TYPES = words(
    WordKind.FLAG, rank=14, sighting=_BRIEF_CELL, mark=r"Flags --> u - unique", cell=r"([SDI])/[urecat]*", joined=True
)("""
    ## column T :: show ip nhrp brief, show ipv6 nhrp brief next: show ip nhrp
    S | Static :: Static entry: from the configuration. In full: Type static.
    D | Dynamic :: Dynamic entry: registered or resolved. In full: Type dynamic.
    """)
_BRIEF_FLAGS = words(WordKind.FLAG, rank=15, sighting=_BRIEF_CELL, cell=r"[SDI]/([urecat]*)", joined=True)("""
    ## column Flag :: show ip nhrp brief, show ipv6 nhrp brief next: show ip nhrp
    u :: Unique: the tunnel address is reserved for this NBMA address. [RFC 2332 §5.2.3]
        when: Set by the spoke's registration.
    r :: Registered: the station is a client of this router. [RFC 2332 §5.2.3] when: On hubs.
    e :: Temporary: the direct path has not proved itself (e is the second letter; t was taken).
    c | claimed :: Claimed: the station believes in another NBMA address, it is behind NAT. next: show ip nhrp detail
    a :: Authoritative: who answered holds the registration. [RFC 2332 §5.2.2]
    t :: Route: the entry has a route of its own or overrides one; T1 or T2 in `show dmvpn`. next: show ip route nhrp
    """)
_SERVERS = words(
    WordKind.STATE,
    rank=11,
    sighting=r"^[0-9A-Fa-f.:]+ +((?:RE|R|E|W)D?) ",
    mark=r"^Legend: E=Expecting",
    cell=r"((?:RE|R|E|W)D?)",
    joined=True,
)("""
    ## letters behind a next hop server :: show ip nhrp nhs, show ipv6 nhrp nhs, show dmvpn
        next: show ip nhrp nhs detail
    RE :: Responding: we are registered with this server; it answered the last request. [RFC 2332 §5.2.4]
        when: What a healthy spoke shows for each hub.
    R | Responding :: Responding; the legend's letter. The table itself writes RE. [RFC 2332 §5.2.4]
    E | Expecting replies | Expecting Replies :: Expecting replies: we ask, and no answer came (yet), or the tunnel
        cannot send. It stays E when the server is down, unreachable, or drops what we send. [RFC 2332 §5.2.3]
        when: At the start for a moment; longer is a fault. Lines below the server say what may be wrong.
    W | Waiting :: Waiting: this server is held in reserve, because `ip nhrp nhs cluster ... max-connections` lets
        others serve.
        when: It is asked as soon as one of them is lost.
        next: show ip nhrp nhs redundancy
    D :: Dynamic: only the server's NBMA address or name is configured (`ip nhrp nhs dynamic nbma ...`); its tunnel
        address comes with its first reply.
    """)

_PEER = words(
    WordKind.STATE,
    rank=10,
    sighting=r"(?:^.{6,} (INTF|IKE|IPSEC|NHRP|UP) +(?:never|[\d:]+|\d[\dydhw]+) +[A-Z]|, Status: (\w+), UpDn Time:)",
)("""
    ## column State :: show dmvpn
    INTF :: The tunnel interface itself is down, so no packet can go to the peer.
        when: Worst of all states, shown before every other: no source address, no route, shut down, or IPsec
        that cannot be set up.
        next: show interfaces Tunnel
    IKE :: The tunnel is protected and there is no IKE SA with the peer: IKE has not agreed yet, or cannot.
        [RFC 7296 §1.2]
        when: For an instant at each start. If it stays: keys, identities, proposals, or UDP ports 500 and 4500.
        next: show crypto ikev2 sa
    IPSEC :: The peer has proved who it is, and there is no pair of IPsec SAs: the transforms, the mode or the traffic
        selectors do not fit, or the SAs were just lost. [RFC 7296 §1.3]
        when: Between IKE_AUTH and the first child SA; longer is a fault.
        next: show crypto ipsec sa
    NHRP :: Packets can be sent, but the next hop server has not answered our registration. [RFC 2332 §5.2.3]
        when: On a spoke, for its hub: the passwords differ, the hub's tunnel has no `ip nhrp network-id` (its number is
        never sent, so it need not be ours), GRE is filtered, the tunnel keys differ, or the hub is dead.
        next: show ip nhrp nhs detail
    UP :: NHRP works with this peer: a server answers our registration, a client is registered with us, or a peer was
        resolved.
        when: The time beside it counts from there. A direct path that is not proven yet has I2 behind it.
        next: show dmvpn detail
    """)
_TYPE = words(WordKind.STATE, rank=30, sighting=r"^Type:([A-Za-z/]+),")("""
    ## kind of a tunnel (Type) :: show dmvpn next: show running-config interface Tunnel
    Hub :: Clients of this tunnel get multicasts (`ip nhrp map multicast dynamic`): it is a server.
    Spoke :: This tunnel has next hop servers (`ip nhrp nhs`): it registers with them.
    Hub/Spoke :: Both: it serves clients, and registers with servers itself, as in a hierarchy of hubs.
    Unknown :: Neither a server nor a receiver of multicasts is known: NHRP has mappings only.
    """)
_REDUNDANCY = words(
    WordKind.STATE, rank=31, sighting=r"^\d+ +\S+ +\d+ +\S+ +\d+ +[EWR]+ +(\w+) ", mark=r"^No\. Interface +Cluster "
)("""
    ## queue of a server :: show ip nhrp nhs redundancy, show ipv6 nhrp nhs redundancy next: show ip nhrp nhs detail
    Running :: The cluster uses this server: we are registered with it, or registering.
    Expecting :: This server does not answer, or refuses us: requests go on, and another server is used.
    Waiting :: No requests go to this server: enough servers of the cluster answer, or the tunnel is down.
    Fallback :: A better server has just returned: this one is used until `ip nhrp nhs fallback` expires.
    """)
_REGISTRATION = words(WordKind.STATE, NhsState, rank=40)("""
    ## state of a registration :: show ip nhrp nhs detail, dmvpn doctor next: show ip nhrp nhs detail
    DOWN :: No registration is tried: the tunnel cannot send, or its NHRP is not configured.
    WAITING :: The tunnel can send, and this server is kept in reserve behind other servers.
    BARE :: Nothing protects packets to the server: on a protected tunnel no registration may leave in clear.
        next: show crypto session detail
    EXPECTING :: Registration Requests are sent, and no reply has come yet. [RFC 2332 §5.2.3]
    RESPONDING :: The server answered; the registration is renewed every third of the holding time. [RFC 2332 §5.2.4]
    """)
_PATH = words(WordKind.STATE, rank=41)(f"""
    ## state of a direct path :: show dmvpn detail, dmvpn doctor next: show dmvpn detail
    {PathState.PROVING.value} :: Echoes are on their way over the direct path; packets go by the hub until one is
        answered.
    {PathState.PROVEN.value} :: An echo was answered over the path: packets go directly, and it is watched.
    {PathState.SUSPECT.value} :: A check went unanswered: echoes follow quickly, packets still go directly.
    {PathState.LOST.value} :: A whole series of echoes went unanswered: packets go by the hub again, and the path is
        tried later.
        next: show ip nhrp detail
    bare (direct path) :: The tunnel is protected and there is no SA with the peer: nothing may go there, not even an
        echo.
        next: show crypto session detail
    """)
_SUSPICIONS = words(WordKind.REASON, Suspicion)("""
    ## what may be wrong with a silent server :: show ip nhrp nhs detail, show dmvpn detail next: dmvpn doctor
    NHRP_MISSING :: GRE arrives from the server's address, so that direction works and the tunnel exists there,
        but NHRP is not answered.
        when: When the server is silent and something came from it meanwhile.
        next: on the server: show ip nhrp traffic
    SERVER_DOWN :: No packet at all comes from the address. A ping of the NBMA address distinguishes this from a filter.
        when: First guess for a server that was registered with before, or was never heard.
        next: ping (its NBMA address), traceroute
    WRONG_ADDRESS :: The NBMA address in `ip nhrp nhs` or `ip nhrp map` may be unused, or belong to another machine.
        when: Only of a server that never answered.
        next: on the server: show ip interface brief
    GRE_FILTERED :: A firewall or provider lets ICMP and UDP pass, and not IP protocol 47. [RFC 2784]
        when: Of an unprotected tunnel. With `tunnel protection` GRE is inside ESP and the guess is another one.
        next: on the server: show ip nhrp traffic, debug nhrp packet
    KEY :: `tunnel key` must be the same number at all ends, or missing at all: other packets find no tunnel.
        [RFC 2890 §2.1]
        when: The server counts what it drops for that.
        next: on the server: show tunnel traffic
    SAME_NAT :: GRE has no ports, so a translator supports only one inside address per outside server. A second spoke
        behind it gets no answers.
        when: Of an unprotected tunnel behind NAT. IPsec in UDP port 4500 fixes it.
        next: show crypto ikev2 sa detailed
    NHRP_BEHIND_IKE :: IKE has an SA with the server, so the machine lives and the keys fit; NHRP inside the tunnel is
        not answered.
        when: Of a protected tunnel.
        next: on the server: show dmvpn detail
    ESP_FILTERED :: IKE in UDP passes and IP protocol 50, or ESP in UDP port 4500, does not: SAs are up and nothing
        arrives. [RFC 4303, RFC 3948]
        when: When counters of sent packets grow and those of received ones stand still.
        next: show crypto ipsec sa
    OLD_BINDING :: Our address on the outside changed, as after a restart of the translator. The server still sends to
        the old one until the unique registration expires, or IKE has moved.
        when: Of a spoke behind NAT that was registered before.
        next: on the server: clear ip nhrp
    """)
_RECORDS = words(
    WordKind.STATE, rank=61, sighting=r" = [0-9A-Fa-f.:]+ \((registered|resolved|static|shortcut|ours|from a request)\b"
)("""
    ## what a mapping is, in events :: show dmvpn events, show dmvpn changes since, dmvpn lab watch
        next: show ip nhrp (the address)
    registered :: The station registered here: it is our client. [RFC 2332 §5.2.3]
    resolved :: A Resolution Reply named it. No route uses it (yet). [RFC 2332 §5.2.2]
    shortcut | shortcut T1 | shortcut T2 :: Packets go straight to the peer instead of by the hub, as NHRP's own route
        (T1), or instead of another route's next hop (T2).
        when: On a phase 3 spoke with `ip nhrp shortcut`, after the hub's redirect, as soon as the direct path is
        proven.
        next: show ip nhrp shortcut, show ip route nhrp
    static :: The pair of addresses is in the configuration.
    ours | ours, sent in replies :: A network behind this router, sent to other stations in answers; they are informed
        when it changes.
        next: show ip nhrp local
    from a request :: Learned from a request: it had the requester's own addresses.
    """)
_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of NHRP :: the prompt next: show running-config interface Tunnel
    %Warning: kept without effect; any packet may trigger a resolution :: `ip nhrp interest` is kept and does nothing:
        any packet may cause a Resolution Request.
    %Warning: kept without effect; the first packet triggers a resolution, and none waits for it :: `ip nhrp use` is
        kept and does nothing: packets take the hub's path until the direct one has proved itself.
    %Warning: kept without effect; service policies are not supported :: `ip nhrp map group ... service-policy` is kept
        and does nothing: this router has no QoS.
        next: show ip nhrp group
    % The name of a group is up to <number> ASCII characters: spokes send it to their servers :: Groups travel in an
        extension of fixed size.
        next: show ip nhrp group
    %Warning: only the first <number> octets of this password are sent and compared :: An NHRP password has eight octets
        on the wire. Two longer ones that begin alike are the same to the peers. [RFC 2332 §5.3.4]
    """)
_REASONS = words(WordKind.REASON, NhrpReason)("""
    ## reasons of NHRP :: show ip nhrp nhs detail, show dmvpn detail
    NO_REPLY :: Registration Requests are sent and nothing comes back. They go on, at growing intervals of up to a
        minute.
        when: The server is dead, unreachable, or drops what we send: its tunnel has no network-id, the tunnel keys
        differ, IPsec, a filter. The lines below it are guesses, the likeliest first.
        next: show ip nhrp nhs detail
    NO_REPLY_YET :: The first Registration Request is on its way.
        when: For a moment at each start.
        next: show ip nhrp nhs detail
    REFUSED :: The server lives and answers with a NAK; its code is beside it.
        when: Code 14 if our tunnel address is registered for another NBMA address.
        next: on the server: show ip nhrp detail
    NO_SERVER :: `if-state nhrp` keeps the line protocol of the tunnel down until a server answers, so that routes
        through it vanish.
        next: show ip nhrp nhs detail
    BARE :: The registration waits: there is no SA with the server, and it may not leave in clear.
        next: show crypto session detail
    NOT_CONFIGURED :: The tunnel lost its `ip nhrp network-id`, so all that NHRP learned on it is forgotten.
        next: show running-config interface Tunnel
    TUNNEL_DOWN :: NHRP can send nothing and has forgotten what it learned. next: show interfaces
    NO_NAME :: The next hop server is configured by name and the name is not resolved. next: show hosts
    NO_NBMA :: `ip nhrp nhs` names the server's tunnel address, and no `nbma` behind it and no `ip nhrp map` says where
        in the underlay that is.
        next: show running-config interface Tunnel
    NO_PATH :: Echoes sent straight to the peer go unanswered, so packets go by the hub; the path is tried again later.
        when: The underlay between the two spokes is cut or filtered, in at least one direction.
        next: show dmvpn detail
    NOT_HEARD :: A packet of ours to a peer behind NAT finds no binding there and would be dropped: it has to begin.
        when: Until the peer has traffic for us, or asks.
        next: show ip nhrp detail
    PEER_BEGINS :: IKE cannot reach a peer behind NAT from outside; it comes up when the peer sends first.
        next: show crypto session detail
    SAME_NAT :: Packets to the common outside address would have to turn round in the translator, which few do. The path
        by the hub stays.
        next: show ip nhrp detail
    BOTH_BEHIND_NAT :: Neither can begin unless each knows at which UDP port the other is heard and both send at once.
        when: Works if the hub sends the ports and both translators keep one port for all receivers.
        next: show ip nhrp detail
    NO_STATION :: A next hop in the routing table was asked for and no server knows it: packets to it get an ICMP host
        unreachable for a while.
        when: In phase 2, when a spoke is gone and the routing protocol has not noticed.
        next: show ip nhrp incomplete
    UNRESOLVED :: The question was answered with a NAK, whose code is beside it. next: on the hub: show ip nhrp
    OTHER_PASSWORD :: The server took our password, or has none, and its reply does not carry ours: it is not believed.
        next: show running-config interface Tunnel (on both ends)
    OBJECTION :: A router on the way returned our packet with an Error Indication; its words follow.
        next: show ip nhrp traffic
    ORDER_REFUSED :: The data plane, or the kernel below it, did not take a peer or a route. It is tried again after 1,
        2, 4 and so on up to 64 seconds.
        next: show logging
    """)

GROUPS: Final = groups(vars())
