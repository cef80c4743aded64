"""Explanations of the output of RIP for `dmvpn explain` and `| explain`. Imported on first use."""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.rip import messages
from dmvpn.features.rip.packet import AddressFamily, AuthenticationType, Command
from dmvpn.features.rip.reasons import RipReason

_RFC: Final = "rfc 2453 rip code"

_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of RIP :: the prompt next: show ip rip database
    %Route not in database :: This prefix is not in RIP's database.
    """)
_COMMANDS = words(WordKind.CODE, Command, rank=51, names=f"{_RFC} command opcode")("""
    ## commands :: debug ip rip [RFC 2453 §3.6] next: show ip rip database
    REQUEST :: Asks a neighbor for its routes, all or some; sent at the start.
    RESPONSE :: Advertises routes: every 30 seconds, when a route changed, or on request.
    UPDATE_REQUEST :: Triggered RIP: asks a neighbor for everything, once. [RFC 2091 §4.1]
    UPDATE_RESPONSE :: Triggered RIP: advertises changed routes, until it is acknowledged. [RFC 2091 §4.2]
    UPDATE_ACKNOWLEDGE :: Triggered RIP: a response has arrived. [RFC 2091 §4.3]
    """)
_PROOFS = words(WordKind.CODE, AuthenticationType, rank=57, names=f"{_RFC} authentication")("""
    ## kinds of authentication :: debug ip rip [RFC 2453 §4.1] next: show ip protocols
    PASSWORD :: A password in clear, in the first entry.
    DIGEST :: A digest behind the last entry. [RFC 4822 §2.1]
    """)
_FAMILIES = words(WordKind.CODE, AddressFamily, rank=58, names=f"{_RFC} family afi")("""
    ## families of an entry :: debug ip rip [RFC 2453 §3.9.1] next: debug ip rip
    UNSPECIFIED :: With metric 16, in a request: send the whole table.
    IPV4 :: The entry is an IPv4 route.
    """)
_DATABASE = words(WordKind.STATE, rank=49, sighting=r"is (possibly down)$")("""
    ## state of a route :: show ip rip database [RFC 2453 §3.8] next: show ip rip database
    possibly down :: The route is lost and advertised with metric 16 until it is removed (flush).
    """)
_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of RIP :: show logging next: show logging
    %RIP-4-AUTHMISMATCH :: The two ends have other modes, keys or passwords, or one of them has none. [RFC 2453 §5.2]
        next: show ip protocols, show key chain
    %RIP-4-TOO_MANY :: A gateway is broken, or means harm. next: show ip rip database
    """)
_DEBUGS = words(WordKind.DEBUG)("""
    ## lines of debug ip rip :: debug ip rip, show logging [RFC 2453] next: show ip rip database
    RIP: sending v2 <update|request> to <address> via <interface> (<address>) :: A packet of RIP goes out.
    RIP: build update entries :: The routes of the packet that goes out follow.
    <prefix> via <address>, metric <hops>, tag <number> :: An advertised route; metric 16 withdraws it. Next hop 0.0.0.0
        is the sender itself. [RFC 2453 §4.4]
    RIP: received v2 update from <address> on <interface> :: A neighbor advertises its routes, which follow.
    <prefix> via <address> in <hops> hops :: A route that was heard. [RFC 2453 §3.9.2]
    <prefix> via <address> inaccessible :: A route that the neighbor has lost: metric 16. [RFC 2453 §3.9.2]
    RIP: sending triggered request on <interface> to <address> :: Triggered RIP asks for all routes; every 5 seconds
        until a neighbor answers. [RFC 2091 §4.1]
    RIP: send v2 triggered <update|flush update> to <address> on <interface> seq# <number> :: Triggered RIP advertises
        the routes that follow; `flush` begins the whole table. [RFC 2091 §4.2]
    RIP: received v2 triggered <request|update|ack> from <address> on <interface> seq# <number> :: A packet of triggered
        RIP came in. [RFC 2091 §4]
    RIP: Update contains <number> routes :: Of `debug ip rip events`: the routes themselves are left out.
    RIP-DB: <prefix> (metric <hops>) via <gateways> :: Of `debug ip rip database`: a route came or changed.
    RIP-DB: <prefix> is possibly down :: Its last path is gone; it is advertised with metric 16. [RFC 2453 §3.8]
    RIP: ignored packet from <address> on <interface> (<why>) :: A packet was not taken, and why.
    """)
_REASONS = words(WordKind.REASON, RipReason)("""
    ## reasons of RIP :: show ip protocols next: show ip protocols
    VERSION :: `version 2` is missing below `router rip`; nothing is exchanged.
    OWN_VERSION :: `ip rip send version` of the interface asks for version 1 alone.
    NO_KEY_CHAIN :: `ip rip authentication mode` is there and the line with the key chain is missing: the interface is
        silent.
    NO_KEY :: The chain does not exist, or has no key below 256 with a key string: the interface is silent.
        next: show key chain
    NO_VALID_KEY :: Let lifetimes of keys overlap, and look at the clock; the interface only listens until a key is
        valid.
        next: show key chain, show clock
    """)
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
_ROWS = words(WordKind.LABEL, sighted=True)("""
    ## labels of RIP's database :: show ip rip database next: show ip rip database
    auto-summary :: A classful network that stands for the routes below it.
    directly connected :: A network of an interface of this router that RIP advertises.
    (permanent) :: Learned by triggered RIP: kept until the neighbor withdraws it. [RFC 2091]
    Triggered Routes :: Paths learned by triggered RIP. [RFC 2091]
    via :: The neighbor that advertised the route, with its hops in brackets before.
    """)

GROUPS: Final = groups(vars())
