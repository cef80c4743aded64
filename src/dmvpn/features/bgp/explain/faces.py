"""Labels of the rarer shows of BGP: groups, templates, clusters, settings of a neighbor. For `dmvpn explain`."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, words

GROUPS: Final = words(WordKind.LABEL)("""
    ## labels of the session with a neighbor of BGP :: show ip bgp, show bgp [RFC 4271 §8] next: show ip bgp neighbors
    Neighbor sessions | is not multisession capable | Session :: How many there are: one.
    Output queue size :: Prefixes that still have to be sent to it.
    Index | Advertise bit | update-group member | peer-group member :: The neighbor's update group.
    Address tracking is enabled | the RIB does | have a route to :: Whether there is a route to it.
    Graceful-Restart | restart-time | stalepath-time :: Whether its routes are kept while it restarts, if it says that
        it can (`bgp graceful-restart`). [RFC 4724 §4.2]
    Graceful Restart Capability | Remote Restart timer is | Address families advertised by peer | was preserved | none
        :: What it advertised about restarts: how long its routes are kept while it is away. [RFC 4724 §3]
    Stale routes | removed in :: A line of our own: routes that it has not advertised again since its session ended.
    External BGP neighbor may be up to | away :: So many hops away, by `ebgp-multihop` or `ttl-security`.
    Connection state is | ESTAB | unread input bytes | I/O status :: ESTAB: the TCP connection is up.
    Connection is ECN Disabled | ECN :: IOS's line.
    Mininum incoming TTL | Outgoing TTL :: Packets that crossed more routers are dropped (`ttl-security`), in IOS's
        spelling; 0: none are. [RFC 5082 §3]
    Foreign host | Foreign port :: The neighbor's end of the session.

    ## labels of what holds for the routes of a neighbor of BGP :: show ip bgp, show bgp next: show running-config
    Inbound soft reconfiguration allowed :: Routes that filters refuse are kept as well (`soft-reconfiguration
        inbound`).
    NEXT_HOP is always this router for eBGP paths and iBGP paths | and iBGP paths :: `next-hop-self all`.
    NEXT_HOP is propagated unchanged :: `next-hop-unchanged`.
    Overrides the neighbor AS with my AS before sending updates :: `as-override`: its own AS number in a path becomes
        ours, so that it accepts the path.
    Private AS number removed from updates :: `remove-private-as`. [RFC 6996 §5]
    Allow local AS in AS path up to | times :: `allowas-in`: paths with our own AS number are accepted.
    Community attribute sent | Extended-community attribute sent :: `send-community`. [RFC 1997]
    Default information originate | default route-map :: A default route is advertised to it.
    Route map for selective unsuppression :: `unsuppress-map`: advertises the parts of aggregates that the map permits.
    Default weight :: The weight of its routes (`weight`).
    Inbound path policy configured | Outbound path policy configured | path policy :: There are filters.
    Route map for incoming advertisements | Route map for outgoing advertisements | Incoming update prefix filter list |
        Outgoing update prefix filter list | Incoming update network filter list | Outgoing update network filter list |
        Incoming update AS path filter list | Outgoing update AS path filter list :: Filters, by their kind.
    Maximum prefixes allowed | warning-only | Threshold for warning message :: `maximum-prefix`.
    Locally configured policies | Locally configured session commands | Local policies :: Lines of its own.
    Inherited polices | Inherited policies | Inherited session commands | Local disable policies | Inherited disable
        policies | Inherited by Template :: Lines of its group and templates, in IOS's spelling; behind 0x: how many
        there are.
    Template | index :: Settings that several neighbors share.

    ## labels of groups of neighbors of BGP :: show ip bgp, show bgp next: show ip bgp update-group
    update-group | Summary for Update-groups :: Neighbors that receive the same routes: their messages are made once for
        all.
    BGP Update version | messages :: The version of the table; messages: prefixes that still have to be sent to members.
    Number of NLRIs in the Adj-RIB-Out :: Prefixes advertised to each member. [RFC 4271 §3.2]
    Minimum time between advertisement runs :: How long advertisements wait.
    BGP peer-group is | peer-group | Group | Type :: A group of the configuration.
    members | member | Queued :: The members of the group; a star: the member connected from a `bgp listen range`.
    Hash | Refcount :: IOS's column; 0 here.
    Global cluster-id :: The name of our cluster of route reflection. [RFC 4456 §7]
    BGP client-to-client reflection | all (inter-cluster and intra-cluster) | intra-cluster | Used :: This router
        reflects the routes of clients to other clients.
    List of cluster-ids | Cluster-id | C2C-rfl-CFG | C2C-rfl-USE :: Clusters, and how many clients they have.
    BGP Total Messages Formatted | Enqueued :: UPDATEs sent to the leaders of update groups, and prefixes that still
        have to be sent to members.
    Leader :: The member that is named for its update group.
    MsgFmt :: UPDATEs sent to the leader.
    MsgRepl :: UPDATEs sent to the other members.
    Csize :: Prefixes that the group still has to process; IOS counts messages of its cache.
    Qsize :: Prefixes that still have to be sent to members; IOS counts messages.
    inaccessible | Prefixes :: There is no route to the next hop.
    RIB-failure | RIB-NH Matches | Higher admin distance :: Why the routing table has another route.

    ## labels of routes of BGP that come and go :: show ip bgp, show bgp [RFC 2439 §4]
        next: show ip bgp dampening flap-statistics
    dampening | DEFAULT :: Half-life, reuse limit, suppress limit, longest time, as they are typed.
    Half-life time | mins | secs :: The time after which a penalty has halved.
    Decay Time :: From the largest penalty down to the suppress limit.
    Max suppress penalty :: The largest penalty; after the longest time it is down to the reuse limit.
    Max suppress time :: A route is suppressed for so long at most.
    Suppress penalty :: A route with a larger penalty is not used.
    Reuse penalty :: A suppressed route is used again when its penalty falls to this.
    From :: The neighbor that advertises it.
    Flaps | Duration :: How often the route was withdrawn or changed, and in how much time.
    Reuse :: When it is used again, if nothing happens meanwhile.
    suppressed due to dampening :: The route flapped too often and is not used.
    Dampinfo | penalty | flapped | reuse in :: The penalty of the route: 1000 for each withdrawal, 500 for each change,
        halved after each half-life.
    """)
