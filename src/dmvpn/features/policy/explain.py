"""What the prompt and the shows say of lists and maps, explained for `dmvpn explain`. Imported on first use."""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words

_LABELS = words(WordKind.LABEL)("""
    ## access lists :: show ip access-lists, show access-lists, show ipv6 access-list next: show running-config
    IPv6 access list :: The same for packets of IPv6. Before its end, which denies the rest, each one permits
        solicitations and advertisements of neighbors (`nd-ns`, `nd-na`).
    sequence :: The number of the entry, by which it has its place.
    hbh | routing | auth | dest-option | mobility :: Packets with this extension header. [RFC 8200 §4]
    undetermined-transport :: Packets whose extension headers cannot be followed; no list lets them pass.
    IP access list | access :: A list of addresses or packets; the first entry that matches decides.
    Standard :: By source address alone.
    Extended :: By addresses, protocol and ports.
    permit | deny :: The list selects packets that match, or excludes them.
    wildcard bits | any | host :: Bits of the address that do not matter.
    eq | neq | range | gt | lt :: This port, or one of these.
    established :: TCP, but not the first packet of a connection.
    echo :: Messages of this type alone. NAT does nothing by a list with such a condition and says so, and an entry with
        one matches no route; the same holds for flags, fragments, marks, times and object groups.
    fragments :: Later fragments alone, which have no ports.
    dscp | precedence | tos :: A mark of the packet.
    match-all | match-any :: TCP with all of these flags; match-any: with one of them.
    option :: IP options, one of them or any.
    ttl :: The time to live that the packet has when it arrives.
    time-range :: The entry counts only at these times; behind it whether it does now.
    object-group :: One of the members of this group of addresses or services.
    log | log-input :: Packets that the entry decides on in a packet filter are logged.
    matches | match :: Packets that the entry has decided on in packet filters since they were cleared, on all ports
        together.
    inactive :: It is not the time of the entry's time range, so the entry is passed over.
    active :: It is that time, or there is no such time range.
    in | out :: The list that the port asks about what comes in; out: about what goes out.
    ip :: Every protocol.

    ## labels of a key chain :: show key chain next: show running-config
    Key-chain | key :: A list of keys: protocols that authenticate name it.
    text | (unset) :: The key itself, in clear; (unset): it has no `key-string`, and is of no use.
    accept lifetime | lifetime | always valid | valid now | accept | infinite | UTC :: When what others seal with the
        key is taken (`accept-lifetime`). OSPF takes every key at all times.
    send lifetime | send :: When we seal with the key (`send-lifetime`): EIGRP and RIP with the lowest number that is
        valid.

    ## labels of a route map :: show route-map next: show running-config
    route-map | sequence | permit | deny :: An entry of a map; the first entry that fits decides.
    Match clauses :: Every kind of match must hold, of each kind one value; none: it fits every route.
    ip address | access-lists | prefix-lists :: The prefix is in one of these lists.
    ip next-hop | next-hop :: The next hop is in one of these lists; below `Set clauses`: it becomes this.
    interface :: The route leads over this interface.
    route-source :: The neighbor that advertised the route is in one of these lists; for OSPF, its router ID.
    source-protocol :: The protocol that has the route in the routing table.
    as-path | as-path filter | filter :: BGP's path is in one of these lists.
    community | community-list | community-list filter :: BGP's communities are in one of these lists; below `Set
        clauses`: they become these.
    extcommunity | extcommunity-list | extcommunity-list filter :: BGP's extended communities are in one of these lists.
        [RFC 4360]
    extended community | RT | SoO :: These route targets, or this site of origin, replace the existing ones. [RFC 4360]
    large-community | large-community-list | large-community-list filter :: BGP's large communities are in one of these
        lists; below `Set clauses`: they become these. [RFC 8092]
    route-type | internal | external | local | nssa-external :: Where the route came from.
    exact-match :: With exactly these communities.
    additive :: Besides the communities that there are.
    comm-list | delete :: BGP communities that this list permits are removed before other communities are set.
    metric :: The metric of the route; in BGP its MED.
    metric-type :: OSPF: external type 1 or 2.
    tag :: The administrator's mark of the route.
    local-preference :: BGP's preference in the AS.
    weight :: BGP's preference on this router.
    origin :: BGP's origin: igp or incomplete.
    as-path prepend last-as | last-as :: So often the first AS of BGP's path is put before it.
    peer-address :: The next hop is the neighbor, or this router in outgoing routes.
    self :: The next hop is this router.
    unchanged :: The next hop stays as advertised.
    as-path prepend | prepend :: These numbers come before BGP's path.
    Continue | to next entry :: The entry that goes on after this one fitted.
    Set clauses :: What becomes of a route that fits, if the entry permits it.
    Policy routing matches | packets | bytes :: IOS's line: no packets are routed by maps here.
    Route matches :: A line of our own: how often the entry matched a route.
    not found :: No map has this name; where one is asked for, it lets nothing through.

    ## labels of policy routing :: show ip policy next: show route-map
    Route map | Interface :: IOS's heading: no packets are routed by maps here.

    ## labels of lists that choose routes :: show ip prefix-list, show ip as-path-access-list, show ip community-list,
        show ip extcommunity-list, show ip large-community-list
        next: show running-config
    ip prefix-list | ipv6 prefix-list | entries :: A list of prefixes; the first entry that fits decides.
    seq :: The place of the entry in the list.
    count :: How many entries the list has.
    range entries :: Entries with `ge` or `le`.
    sequences :: The first and the last number of an entry.
    refcount :: The list itself, and the entries of route maps that name it.
    hit count :: How often the entry matched a route.
    AS path access list :: Regular expressions for AS paths; the first match decides.
    ge :: At least so many bits.
    le :: At most so many bits.
    Community standard list | Named | Community | list | standard :: A route needs all communities of an entry.
    Extended community standard list | Extended | RT | SoO :: Lists of extended communities.
    Large Community standard list | Large :: Lists of large communities.
    Community expanded list | expanded :: Regular expressions for all communities of a route.
    """)
_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of access, prefix and AS path lists :: the prompt next: show running-config
    % The last sequence number is taken; give this entry one of its own :: Entries get numbers in steps of ten (five in
        prefix lists), and none is left behind the last one.
    % An entry asks for dscp, or for precedence and tos: they are in one octet :: The DSCP has the bits of the
        precedence, and some of the type of service. Two entries can ask for one each.
    % An entry asks for one extension header; an entry before it can ask for another one :: As `hbh`, `routing`,
        `dest-option`, `mobility` and `auth` do, and protocols that are extension headers. Two entries can ask for one
        each.
    % Fragments have no ports, flags or types: fragments cannot stand beside them :: `fragments` means later fragments,
        which lack the header behind IP. Leave out the ports, or `fragments`.
    % Reflexive lists do not exist here; let answers in by `established` or by their ports :: `reflect` and `evaluate`
        would let in answers to what went out. `established` does so for TCP, and an entry with the server's port for
        the rest.
    % There is no named access list <name> :: Only lists of `ip access-list` can be numbered again.
    % Times are [start HH:MM DAY MONTH YEAR] [end HH:MM DAY MONTH YEAR] :: A time range begins at one moment and ends at
        another, as in `absolute start 08:00 1 January 2026`.
    % Days are daily, weekdays, weekend or names of days, then HH:MM to [DAY] HH:MM :: A part of every week, as in
        `periodic weekdays 8:00 to 17:00` or `periodic Friday 20:00 to Monday 8:00`.
    % The range ends before it begins :: The first address of a range is the lower one.
    % Invalid access list name. :: 1 to 99 and 1300 to 1999 are numbers of standard lists, 100 to 199 and 2000 to 2699
        of extended ones; the name of an IPv6 list begins with no digit.
    % Access-list type conflicts with prior definition :: A list of another kind has this name; remove that first, or
        choose another name. Lists of IPv4 and of IPv6 share their names, as on IOS.
    % Duplicate sequence number :: The list has an entry with this number; remove that first.
    % Invalid prefix range for <prefix>, make sure: len < ge-value <= le-value :: `ge` and `le` name lengths beyond the
        prefix's own, in growing order.
    % Invalid regular expression <text>: <why> :: AS path and expanded community lists take IOS's regular expressions;
        this one cannot be read.
    %Insertion failed - seq # exists :: The prefix list has an entry with this number.
    """)
_ENTRIES = words(WordKind.FLAG, sighting=r"^route-map \S+, (permit|deny), sequence")("""
    ## what an entry of a route map does :: show route-map next: show running-config
    permit :: A route that fits is let through, changed as the entry says.
    deny :: A route that fits is not let through.
    """)

GROUPS: Final = groups(vars())
