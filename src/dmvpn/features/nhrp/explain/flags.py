"""Letters and words of entries: the column `Attrb`, the flags of the cache, the letters of servers."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words

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

GROUPS: Final = groups(vars())
