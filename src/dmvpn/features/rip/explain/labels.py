"""Labels of RIP's shows. For `dmvpn explain`; imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import label_group

_PROTOCOLS = label_group(
    "labels of a routing process (RIP)",
    ("show ip protocols",),
    Word(
        "Sending updates every",
        "From one full update to the next.",
        clause="RFC 2453 §3.8",
        also=("next due", "next due in"),
    ),
    Word("Invalid after", "How long a route is valid without a new advertisement.", clause="RFC 2453 §3.8"),
    Word(
        "hold down", "For so long nothing worse is believed of a lost route. Cisco's own.", next="show ip rip database"
    ),
    Word("flushed after", "A lost route is forgotten then.", clause="RFC 2453 §3.8"),
    Word("Default redistribution metric", "The metric with which redistributed routes are advertised, in hops."),
    Word("Neighbor(s)", "Neighbors that are sent to by unicast.", also=("Neighbor",)),
    Word(
        "Default version control",
        "Which versions are sent and received.",
        also=("send version", "receive version", "receive", "any version"),
    ),
    Word("Send", "The version that is sent on the interface."),
    Word("Recv", "The version that is taken on the interface."),
    Word(
        "Triggered RIP",
        "Yes: only changes are sent on the interface, and acknowledged (`ip rip triggered`, at both ends).",
        clause="RFC 2091",
    ),
    Word("Key-chain", "The keys that updates are sealed with (`ip rip authentication key-chain`)."),
    Word("is silent", "Nothing is exchanged on the interface; the reason follows.", next="show running-config"),
    Word(
        "ignored",
        "Packets that were not taken, and the last one's sender.",
        next="debug ip rip",
        also=("packets, the last one from",),
    ),
    Word(
        "Automatic network summarization",
        "Whether routes are summarized to their classful network.",
        also=("in effect", "not in effect"),
    ),
    next="show ip protocols",
    sighted=True,
    mark=r'^Routing Protocol is "rip"',
)

_DATABASE = label_group(
    "labels of RIP's database",
    ("show ip rip database",),
    Word("auto-summary", "A classful network that stands for the routes below it."),
    Word("directly connected", "A network of an interface of this router that RIP advertises."),
    Word("(permanent)", "Learned by triggered RIP: kept until the neighbor withdraws it.", clause="RFC 2091"),
    Word("Triggered Routes", "Paths learned by triggered RIP.", clause="RFC 2091"),
    Word("via", "The neighbor that advertised the route, with its hops in brackets before."),
    next="show ip rip database",
    sighted=True,
)

GROUPS: Final = (_PROTOCOLS, _DATABASE)
