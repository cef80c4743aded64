"""Why something of NHRP is not as it should be, and what the prompt answers."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import answer_group, reason, reason_group
from dmvpn.features.nhrp.reasons import NhrpReason

_SERVERS = ("show ip nhrp nhs detail", "show dmvpn detail")
_REASONS = reason_group(
    "NHRP",
    _SERVERS,
    reason(
        NhrpReason.NO_REPLY,
        "Registration Requests are sent and nothing comes back. They go on, at growing intervals of up to a minute.",
        "The server is dead, unreachable, or drops what we send: network-id, tunnel key, IPsec, a filter. The lines "
        "below it are guesses, the likeliest first.",
        next="show ip nhrp nhs detail",
    ),
    reason(
        NhrpReason.NO_REPLY_YET,
        "The first Registration Request is on its way.",
        "For a moment at each start.",
        next="show ip nhrp nhs detail",
    ),
    reason(
        NhrpReason.REFUSED,
        "The server lives and answers with a NAK; its code stands beside it.",
        "Code 14 if our tunnel address is registered for another NBMA address.",
        next="on the server: show ip nhrp detail",
    ),
    reason(
        NhrpReason.NO_SERVER,
        "`if-state nhrp` keeps the line protocol of the tunnel down until a server answers, so that routes through it "
        "vanish.",
        next="show ip nhrp nhs detail",
    ),
    reason(
        NhrpReason.BARE,
        "The registration waits: there is no SA with the server, and it may not leave in clear.",
        next="show crypto session detail",
    ),
    reason(
        NhrpReason.NOT_CONFIGURED,
        "The tunnel lost its `ip nhrp network-id`, so all that NHRP learned on it is forgotten.",
        next="show running-config interface Tunnel",
    ),
    reason(NhrpReason.TUNNEL_DOWN, "NHRP can send nothing and has forgotten what it learned.", next="show interfaces"),
    reason(
        NhrpReason.NO_NAME,
        "The next hop server is configured by name and the name is not resolved.",
        next="show hosts",
    ),
    reason(
        NhrpReason.NO_NBMA,
        "`ip nhrp nhs` names the server's tunnel address, and no `nbma` behind it and no `ip nhrp map` says where in "
        "the underlay that is.",
        next="show running-config interface Tunnel",
    ),
    reason(
        NhrpReason.NO_PATH,
        "Echoes sent straight to the peer go unanswered, so packets go by the hub; the path is tried again later.",
        "The underlay between the two spokes is cut or filtered, in at least one direction.",
        next="show dmvpn detail",
    ),
    reason(
        NhrpReason.NOT_HEARD,
        "A packet of ours to a peer behind NAT finds no binding there and would be dropped: it has to begin.",
        "Until the peer has traffic for us, or asks.",
        next="show ip nhrp detail",
    ),
    reason(
        NhrpReason.PEER_BEGINS,
        "IKE cannot reach a peer behind NAT from outside; it comes up when the peer sends first.",
        next="show crypto session detail",
    ),
    reason(
        NhrpReason.SAME_NAT,
        "Packets to the common outside address would have to turn round in the translator, which few do. The path by "
        "the hub stays.",
        next="show ip nhrp detail",
    ),
    reason(
        NhrpReason.BOTH_BEHIND_NAT,
        "Neither can begin unless each knows at which UDP port the other is heard and both send at once.",
        "Works if the hub tells the ports and both translators keep one port for all receivers.",
        next="show ip nhrp detail",
    ),
    reason(
        NhrpReason.NOBODY,
        "A next hop in the routing table was asked for and no server knows it: packets to it get an ICMP host "
        "unreachable for a while.",
        "In phase 2, when a spoke is gone and the routing protocol has not noticed.",
        next="show ip nhrp incomplete",
    ),
    reason(
        NhrpReason.UNRESOLVED,
        "The question was answered with a NAK, whose code stands beside it.",
        next="on the hub: show ip nhrp",
    ),
    reason(
        NhrpReason.OTHER_PASSWORD,
        "The server took our password, or has none, and its reply does not carry ours: it is not believed.",
        next="show running-config interface Tunnel (on both ends)",
    ),
    reason(
        NhrpReason.OBJECTION,
        "A router on the way returned our packet with an Error Indication; its words follow.",
        next="show ip nhrp traffic",
    ),
    reason(
        NhrpReason.ORDER_REFUSED,
        "The data plane, or the kernel below it, did not take a peer or a route. It is tried again after 1, 2, 4 and "
        "so on up to 64 seconds.",
        next="show logging",
    ),
)

_ANSWERS = answer_group(
    "NHRP",
    Word(
        "%Warning: kept; every packet is of interest, access lists are not looked at here",
        "`ip nhrp interest` is kept and does nothing: any packet may cause a question.",
    ),
    Word(
        "%Warning: kept; the first packet asks, and none waits for the answer",
        "`ip nhrp use` is kept and does nothing: packets take the hub's path until the direct one has proved itself.",
    ),
    Word(
        "%Warning: kept; there are no service policies here",
        "`ip nhrp map group ... service-policy` is kept and does nothing: this router has no QoS.",
        next="show ip nhrp group",
    ),
    Word(
        "% The name of a group is up to <number> ASCII characters: spokes send it to their servers",
        "Groups travel in an extension of fixed size.",
        next="show ip nhrp group",
    ),
    Word(
        "%Warning: only the first <number> characters (<cut>) are sent and compared",
        "An NHRP password has eight octets on the wire. Two longer ones that begin alike are the same to the peers.",
        clause="RFC 2332 §5.3.4",
    ),
    next="show running-config interface Tunnel",
)

GROUPS: Final = (_ANSWERS, _REASONS)
