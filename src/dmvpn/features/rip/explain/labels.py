"""Labels of RIP's shows. For `dmvpn explain`; imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words

_PROTOCOLS = words(WordKind.LABEL, mark=r'^Routing Protocol is "rip"', sighted=True)("""
    ## labels of a routing process (RIP) :: show ip protocols next: show ip protocols
    Sending updates every | next due | next due in :: From one full update to the next. [RFC 2453 §3.8]
    Invalid after :: How long a route is valid without a new advertisement. [RFC 2453 §3.8]
    hold down :: For so long nothing worse is believed of a lost route. Cisco's own. next: show ip rip database
    flushed after :: A lost route is forgotten then. [RFC 2453 §3.8]
    Default redistribution metric :: The metric with which redistributed routes are advertised, in hops.
    Neighbor(s) | Neighbor :: Neighbors that are sent to by unicast.
    Default version control | send version | receive version | receive | any version :: Which versions are sent and
        received.
    Send :: The version that is sent on the interface.
    Recv :: The version that is taken on the interface.
    Triggered RIP :: Yes: only changes are sent on the interface, and acknowledged (`ip rip triggered`, at both ends).
        [RFC 2091]
    Key-chain :: The keys that updates are sealed with (`ip rip authentication key-chain`).
    is silent :: Nothing is exchanged on the interface; the reason follows. next: show running-config
    ignored | packets, the last one from :: Packets that were not taken, and the last one's sender. next: debug ip rip
    Automatic network summarization | in effect | not in effect :: Whether routes are summarized to their classful
        network.
    """)
_DATABASE = words(WordKind.LABEL, sighted=True)("""
    ## labels of RIP's database :: show ip rip database next: show ip rip database
    auto-summary :: A classful network that stands for the routes below it.
    directly connected :: A network of an interface of this router that RIP advertises.
    (permanent) :: Learned by triggered RIP: kept until the neighbor withdraws it. [RFC 2091]
    Triggered Routes :: Paths learned by triggered RIP. [RFC 2091]
    via :: The neighbor that advertised the route, with its hops in brackets before.
    """)

GROUPS: Final = groups(vars())
