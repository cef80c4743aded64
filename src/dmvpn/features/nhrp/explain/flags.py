"""Letters and words of entries: the column `Attrb`, the flags of the cache, the letters of servers."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import WordGroup, WordKind

#: A row of `show dmvpn` from the tunnel address on: state, time, attributes. IPv6 has a paragraph instead.
ROW: Final = r"^.{6,} (?:INTF|IKE|IPSEC|NHRP|UP) +(?:never|[\d:]+|\d[\dydhw]+) +([A-Z][A-Z0-9]*)(?: |$)"
_ATTRIBUTES = rf"(?:{ROW}|Cache Attrib: ([A-Z][A-Z0-9]*))"
DMVPN_MARK: Final = r"^Legend: Attrb -->"

_DMVPN = WordGroup(
    title="column Attrb",
    kind=WordKind.FLAG,
    screens=("show dmvpn",),
    rank=10,
    next="show ip nhrp detail",
    sighting=_ATTRIBUTES,
    mark=DMVPN_MARK,
    cell=r"([SDI]N?L?X?(?:T[12])?(?:I2)?|LX)",
    joined=True,
    explanations=(
        Word(
            "S",
            "Static: the pair of tunnel address and NBMA address is written in this router's configuration.",
            "A spoke has it for each hub that `ip nhrp map` or `ip nhrp nhs ... nbma ...` names; it never expires.",
            next="show ip nhrp nhs detail",
            also=("Static",),
        ),
        Word(
            "D",
            "Dynamic: the pair was learned by NHRP and is forgotten when its holding time ends.",
            "On a hub: a spoke that registered. On a spoke: another spoke that was resolved.",
            clause="RFC 2332 §5.2.3",
            also=("Dynamic",),
        ),
        Word(
            "I",
            "Incomplete: this router asked for the NBMA address of the tunnel address, or prefix, and has none yet.",
            "While a Resolution Request is out, and for three minutes after it was answered with a NAK. "
            "Packets go through the hub meanwhile.",
            next="show ip nhrp incomplete",
            clause="RFC 2332 §2.2",
            also=("Incomplete",),
        ),
        Word(
            "N",
            "NATed: the peer is behind an address translator. It believes in one NBMA address, and its packets come "
            "from another, which is the one shown.",
            "When the NBMA address inside a registration differs from the source of the packet that carried it.",
            next="show ip nhrp detail (the line Claimed NBMA address)",
            clause="draft-detienne-dmvpn-01 (NAT address extension)",
            also=("NATed",),
        ),
        Word(
            "L",
            "Local: not a peer. An answer of this router to other stations that asked for a network behind it.",
            "In `show dmvpn detail` only, on a router that answered a Resolution Request.",
            next="show ip nhrp local",
            also=("Local",),
        ),
        Word(
            "X",
            "No Socket: no packets are sent by this entry, so it asks for no IPsec.",
            "With L (our own networks) and with I (no NBMA address to send to).",
            next="show crypto sockets",
            also=("No Socket",),
        ),
        Word(
            "T1",
            "Route Installed: NHRP put a route of its own into the routing table, because no routing protocol has one "
            "for exactly this prefix. It shows as `H`.",
            "On a phase 3 spoke, when the routing protocol brings a summary or a default route only, and the direct "
            "path has proved itself.",
            next="show ip route nhrp",
            also=("Route Installed",),
        ),
        Word(
            "T2",
            "Nexthop-override: the route stays the routing protocol's, and packets go to NHRP's next hop instead of "
            "the hub. In `show ip route` it has a `%`.",
            "On a phase 3 spoke, when the routing protocol has exactly this prefix and the direct path has proved "
            "itself.",
            next="show ip route next-hop-override",
            also=("Nexthop-override",),
        ),
        Word("B", "BGP: the entry comes from BGP. It is in the legend; this router never sets it.", also=("BGP",)),
        Word(
            "C",
            "CTS Capable: the peer can carry security group tags. It is in the legend; this router has none.",
            also=("CTS Capable",),
        ),
        Word(
            "I2",
            "Temporary: the NBMA address is known, and the direct path is on trial. Packets go by the hub until an "
            "echo was answered over the path itself.",
            "A second or two after each answer; longer if the path between the spokes is blocked, or NAT is in it.",
            next="show dmvpn detail (the line below the peer names what it lacks)",
            also=("Temporary",),
        ),
    ),
)

_WORDS = WordGroup(
    title="flags of an entry",
    kind=WordKind.FLAG,
    screens=("show ip nhrp", "show ipv6 nhrp"),
    rank=12,
    next="show ip nhrp detail",
    sighting=r"^ +Type: \w+, Flags: (.*)$",
    mark=r"^ +Type: \w+, Flags:",
    explanations=(
        Word(
            "authoritative",
            "The answer came from the station that holds the registration, not from another station's copy.",
            "When the reply carried the A bit.",
            clause="RFC 2332 §5.2.2",
        ),
        Word(
            "router",
            "The station is a router, so networks may lie behind it. In a DMVPN every station is.",
            "When a reply or request carried the Q bit.",
            clause="RFC 2332 §5.2.1",
        ),
        Word(
            "implicit",
            "Overheard: learned from the request that a peer sent through us or to us, not from an answer to one of "
            "ours. It is used for sending, never for answering other stations.",
            "On a spoke that was asked: it knows the asker at once and need not ask back.",
            clause="RFC 2332 §6.2.1",
        ),
        Word(
            "unique",
            "No other NBMA address may register this tunnel address until the entry expires.",
            "A spoke asks for it unless `ip nhrp registration no-unique` is set. If its address changes, the server "
            "answers with NAK 14 until then.",
            clause="RFC 2332 §5.2.3",
        ),
        Word(
            "registered",
            "The station registered with this router, which is its next hop server.",
            "On hubs only.",
            clause="RFC 2332 §5.2.3",
        ),
        Word(
            "nat",
            "The station is behind NAT: the line below has the address that it claims, the other address is the "
            "source of "
            "its packets.",
            "When the source address of its packets and the NBMA address inside differ.",
        ),
        Word(
            "used",
            "Packets were sent by this entry within the last minute, so it will be asked for again before it expires.",
            "Follows from the data plane's counters. An entry without it just expires.",
        ),
        Word(
            "local",
            "Ours: a network behind this router, as it answered other stations. It is kept to inform them of changes.",
            "After this router answered a Resolution Request.",
            next="show ip nhrp local detail (who asked)",
        ),
        Word(
            "negative",
            "There is no mapping: the question is out, or was answered with no.",
            "On incomplete entries, for three minutes, so that not every packet asks again.",
            clause="RFC 2332 §2.2",
        ),
        Word(
            "nhop",
            "The entry is for a peer's own tunnel address, that is a next hop, not for a network behind it.",
            "On every host entry of a peer that packets can be sent to.",
        ),
        Word(
            "rib",
            "The entry is in the routing table: as a route of NHRP's own (`H`), or, with nho, as another next hop.",
            "When the direct path is proven. Without it packets still take the routing protocol's way.",
            next="show ip route nhrp",
        ),
        Word(
            "nho",
            "Next-hop override: another protocol's route for the same prefix sends packets to this entry's next hop.",
            "Together with rib; the same as T2 in `show dmvpn`.",
            next="show ip route next-hop-override",
        ),
        Word("bfd", "BFD watches the peer. This router has no BFD for tunnels and never sets it."),
        Word(
            "temporary",
            "On trial: the path to the peer has not answered an echo yet, or does not any more; packets go by the hub.",
            "The same as I2 in `show dmvpn`.",
            next="show dmvpn detail",
        ),
    ),
)

_TYPES = WordGroup(
    title="type of an entry",
    kind=WordKind.FLAG,
    screens=("show ip nhrp", "show ipv6 nhrp"),
    rank=13,
    sighting=r"^ +Type: (\w+), Flags:",
    explanations=(
        Word(
            "static",
            "From the configuration (`ip nhrp map`, or the address of a next hop server); never expires.",
            next="show running-config interface Tunnel",
        ),
        Word(
            "dynamic",
            "Learned from a registration or an answer; expires with its holding time unless it is renewed.",
            next="show ip nhrp detail",
        ),
        Word(
            "incomplete",
            "Requested and not known. Cache hits count the packets or redirects that needed it.",
            next="debug nhrp",
        ),
    ),
)

_BRIEF_SCREENS = ("show ip nhrp brief", "show ipv6 nhrp brief")
_BRIEF_CELL = r" ([SDI]/[urecat]*) *$"
_BRIEF_TYPES = WordGroup(
    title="column T",
    kind=WordKind.FLAG,
    screens=_BRIEF_SCREENS,
    rank=14,
    sighting=_BRIEF_CELL,
    mark=r"Flags --> u - unique",
    cell=r"([SDI])/[urecat]*",
    joined=True,
    next="show ip nhrp",
    explanations=(
        Word("S", "Static entry: from the configuration. In full: Type static.", also=("Static",)),
        Word("D", "Dynamic entry: registered or resolved. In full: Type dynamic.", also=("Dynamic",)),
    ),
)
_BRIEF_FLAGS = WordGroup(
    title="column Flag",
    kind=WordKind.FLAG,
    screens=_BRIEF_SCREENS,
    rank=15,
    sighting=_BRIEF_CELL,
    cell=r"[SDI]/([urecat]*)",
    joined=True,
    next="show ip nhrp",
    explanations=(
        Word(
            "u",
            "Unique: the tunnel address is reserved for this NBMA address.",
            "Set by the spoke's registration.",
            clause="RFC 2332 §5.2.3",
        ),
        Word("r", "Registered: the station is a client of this router.", "On hubs.", clause="RFC 2332 §5.2.3"),
        Word("e", "Temporary: the direct path has not proved itself (e is the second letter; t was taken)."),
        Word(
            "c",
            "Claimed: the station believes in another NBMA address, it is behind NAT.",
            next="show ip nhrp detail",
            also=("claimed",),
        ),
        Word("a", "Authoritative: who answered holds the registration.", clause="RFC 2332 §5.2.2"),
        Word(
            "t",
            "Route: the entry has a route of its own or overrides one; T1 or T2 in `show dmvpn`.",
            next="show ip route nhrp",
        ),
    ),
)

_SERVERS = WordGroup(
    title="letters behind a next hop server",
    kind=WordKind.STATE,
    screens=("show ip nhrp nhs", "show ipv6 nhrp nhs", "show dmvpn"),
    rank=11,
    next="show ip nhrp nhs detail",
    sighting=r"^[0-9A-Fa-f.:]+ +((?:RE|R|E|W)D?) ",
    mark=r"^Legend: E=Expecting",
    cell=r"((?:RE|R|E|W)D?)",
    joined=True,
    explanations=(
        Word(
            "RE",
            "Responding: we are registered with this server; it answered the last request.",
            "What a healthy spoke shows for each hub.",
            clause="RFC 2332 §5.2.4",
        ),
        Word(
            "R",
            "Responding; the legend's letter. The table itself writes RE.",
            clause="RFC 2332 §5.2.4",
            also=("Responding",),
        ),
        Word(
            "E",
            "Expecting replies: we ask, and no answer came (yet), or the tunnel cannot send. It stays E when the "
            "server is down, unreachable, or drops what we send.",
            "At the start for a moment; longer is a fault. Lines below the server say what may be wrong.",
            clause="RFC 2332 §5.2.3",
            also=("Expecting replies", "Expecting Replies"),
        ),
        Word(
            "W",
            "Waiting: this server is held in reserve, because `ip nhrp nhs cluster ... max-connections` lets "
            "others serve.",
            "It is asked as soon as one of them is lost.",
            next="show ip nhrp nhs redundancy",
            also=("Waiting",),
        ),
        Word(
            "D",
            "Dynamic: only the server's NBMA address or name is configured (`ip nhrp nhs dynamic nbma ...`); its "
            "tunnel address comes with its first reply.",
        ),
    ),
)

GROUPS: Final = (_DMVPN, _WORDS, _TYPES, _BRIEF_TYPES, _BRIEF_FLAGS, _SERVERS)
