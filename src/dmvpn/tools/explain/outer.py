"""Words of commands of the shell, which no router prints: those of `dmvpn doctor`, `lint` and `lab watch`.

Imported only for a word that no router prints. Of the doctor: causes, steps, what its lines begin with, and what two
ends must agree on. The catalog of troubles describes each cause that it can inject; its titles are used here, too.
Terms are explained by their rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Final

from dmvpn.base.explanations import Explanation, WordGroup, WordKind, words
from dmvpn.base.findings import Cause, Severity
from dmvpn.base.terms import Term
from dmvpn.network import terms
from dmvpn.network.terms.table import Table
from dmvpn.tools.lint import RULES
from dmvpn.tools.troubles import TROUBLES

# ------------------------------------------------------------------------------------------------ words of the doctor


#: Causes that no trouble injects.
(_OTHERS,) = words(WordKind.REASON, Cause)("""
    ## causes :: dmvpn doctor
    NO_ADDRESS :: An interface that the tunnel or the way to the provider needs has no IP address
    KERNEL_TABLES :: Another program on the router's machine took away routes, neighbors, rules, addresses or interfaces
        that the router had ordered of the kernel, or put its own in their place. The router puts them back, unless it
        is fought. `ip monitor` shows who does it. Or it has a route with a lower metric or a longer prefix, or a policy
        rule, that leads packets elsewhere: the router leaves these alone; `ip rule` and `ip route` show them
    HOST_FILTER :: A base chain of nf_tables on the router's machine, at hook forward, has the policy drop: packets that
        its rules do not accept are not forwarded, though the router itself reaches all. Docker and firewalls do so.
        `nft list ruleset`, or `iptables -S FORWARD`, shows it
    NOT_FILTERED :: The kernel of the router's machine can neither filter as `ip access-group` and `ip verify` say, nor
        shut the port, mostly because it has no nf_tables: all packets pass. `show ip interface` names the port
    LIST_CUTS_TUNNEL :: An inbound access list of the router (`ip access-group`) denies what a tunnel needs from its
        peer: UDP port 500; ESP, or UDP port 4500, which it must be with NAT on the way; without protection GRE. `show
        ip access-lists interface` counts what each entry denies
    NBMA_CONFLICT :: Two routers have one address in the underlay, so answers go to either of them
    SERVER_BEHIND_NAT :: The hub is behind a translator: spokes reach it only by an address that does not change and is
        mapped to it
    SAME_NAT :: Two spokes are behind one translator, which does not let them reach each other by its outer side
    TABLE :: A port, a tunnel, a LAN, a route, a key or a routing process is in another VRF than what it works with:
        packets are looked up in one table. `show vrf` lists the interfaces of each VRF. An interface that moves to
        another VRF loses its address, so the lines have the address again
    PACKET_FILTER :: An access list of a router drops packets that the network needs, or that the list is meant to
        permit: an entry is missing, too early, or about other addresses, ports or protocols, or the list is at another
        port or side. `show ip access-lists` has the entries with their counters, `show ip interface` the lists of a
        port
    REVERSE_PATH :: A port drops packets because no route leads to their sender, or because that route leads out of
        another port: `ip verify unicast source` needs `allow-default` where only a default route leads there, and
        `reachable-via any` where packets come by another way than answers go. `show ip interface` counts them
    POOL :: Clients of a DHCP pool get no address, or one without a way out: all addresses are excluded, the network or
        the default router is another one, or DHCP is switched off. `show ip dhcp pool`
    RELAY :: A router passes requests of DHCP on to a server that has no pool for their network. `show ip dhcp server
        statistics` there
    VLAN :: Stations of a VLAN reach no other network: no router is in it, or one end of a trunk does not carry it or
        has another native VLAN. `show interfaces trunk`
    TRANSLATION :: A NAT rule matches nothing, has no address to give, or no port inside or outside: packets leave with
        private addresses. `show ip nat statistics`
    OWN_PACKETS :: A NAT rule would translate packets of the router itself, as those of its tunnels
    LIST_MISSING :: A port has an access list that does not exist, so that it filters nothing: perhaps its name is
        misspelled
    KEEPALIVE :: GRE keepalives are on, and a multipoint tunnel has no single far end that could return them
    TUNNEL_DOWN :: The line protocol of the tunnel is down, for a reason of its own
    NO_TUNNEL_THERE :: The router at the far end has no tunnel that could take the packets
    TUNNEL_MASK :: The tunnel address is not in the subnet that the tunnels of the others share
    PROFILE :: The IPsec profile of the tunnel lacks a part, or names a part that does not exist
    CERTIFICATE :: A certificate is missing, has expired, or is not believed by the other end
    CLOCK :: The router has another time of day than most routers, so certificates, and keys with lifetimes, are not
        valid there. `clock set` corrects it; `show clock` says what it is
    IKE :: IKE fails, and this end does not learn why; the log of the end that refused does
    REFUSED :: The hub answers the registration with a refusal; the code says which
    MTU :: The tunnel lets larger packets in than fit through the underlay once they are wrapped
    RIP_BLOCKED :: RIP is to run on the tunnel, and the router lets it neither send nor take anything there
    RIP_AUTHENTICATION :: Two neighbors have different keys for RIP, or one of them has none that is valid
    RIP_TIMERS :: A router removes RIP routes before its neighbor advertises them again
    REFLECTION :: A hub learned a route from one internal neighbor, and may advertise it to another one only as its
        route reflector (RFC 4456)
    ROUTE_FILTERED :: A list or a route map keeps the route from being advertised or taken
    REDISTRIBUTION :: A routing protocol lets in only some routes of another one: `subnets`, a metric, or `bgp
        redistribute-internal` is missing
    AREAS :: OSPF passes routes from area to area by area 0 alone, and lets no external routes into a stub area
    LOOP :: A router refuses a route as its own: its AS number is in the path, or another router has its router ID or
        cluster ID
    ROUTE_NEXT_HOP :: A router has a route of BGP whose next hop it cannot reach, and does not use it. `next-hop-self`
        at its neighbor puts an address there that it reaches
    MAXIMUM :: A neighbor sent more prefixes than `maximum-prefix` allows: its session is down until `clear ip bgp`
    ROUTE_TARGET :: One VRF has the routes of another, which lacks those of the first: a route target that one exports
        is not imported by the other. `show vrf detail` has both
    HOST_GATEWAY :: A host sends packets for other networks to an address that no router on its wire has
    NO_ROUTE_THERE :: A router on the way has no route to the destination
    PEERS_APART :: Each spoke reaches the hub, and the underlay does not let the two reach each other
    BY_TRIAL :: No rule of the doctor explains it. In copies of the network it left out lines, added and changed them,
        and with this change packets arrive as they should
    UNDECIDED :: Something is wrong, and what can be seen does not decide what
    """)
_OTHER_TITLES: Final = {each.word: each.what for each in _OTHERS.explanations}


def _explanation(cause: Cause) -> Explanation:
    injected = [trouble for trouble in TROUBLES if trouble.cause is cause]
    what = ". ".join(trouble.title for trouble in injected) or _OTHER_TITLES[cause.value]
    ids = ", ".join(trouble.id for trouble in injected)
    return Explanation(cause.value, f"{what}.", f"To see it: `dmvpn lab break` with {ids}." if ids else "")


_CAUSES = WordGroup(
    title="causes",
    kind=WordKind.REASON,
    screens=("dmvpn doctor",),
    rank=61,
    next="dmvpn doctor (it says how to fix it)",
    lines=True,
    sighting=r"(?: \(([^()]*(?:\(protocol \d+\))?[^()]*)\), at \S+$|^  \d\. (.+)$)",
    mark=r": broken at |one end alone is in view",
    explanations=tuple(map(_explanation, Cause)),
)

_STEPS = words(WordKind.LABEL, rank=82)("""
    ## steps of a packet's path :: dmvpn doctor next: dmvpn doctor (a fault on one step breaks all later ones)
    underlay :: Interfaces, wires, addresses and routes between the NBMA addresses of two tunnel ends.
    packet filter :: Access lists, reverse path checks and filters of the host, which drop packets on their way.
    line protocol :: Whether a tunnel interface is up: its source, its destination, its subnet.
    IKE :: The two ends prove their identities and agree on keys.
    security associations :: The SAs by which ESP protects what the tunnel carries.
    GRE :: The tunnel's own packets: keys, modes and sizes.
    registration :: A client sends its tunnel address and its NBMA address to its server, by NHRP.
    multicast map :: Which far ends get a copy of multicasts, by which routing protocols find their neighbors.
    routing :: Neighbors and routes through the tunnel.
    redirect :: The hub says to a sender that a shorter path exists, by an NHRP Traffic Indication.
    resolution :: A spoke asks for the NBMA address of another one.
    shortcut :: Packets go from spoke to spoke without the hub.
    """)

_LINES = words(WordKind.LABEL, rank=81)("""
    ## lines of a diagnosis :: dmvpn doctor next: dmvpn doctor -v (each ping)
    nothing is broken :: All checks passed, or all that was found may be meant; advice may follow.
    broken at :: The earliest step that does not work, its cause, and the router whose lines change.
    likely broken at :: The likeliest cause; `to decide` has the observation that makes it certain or not.
    cut off at :: A list, a VRF or a router that is off keeps sites apart, which may be meant: exit code 3.
    unless intended :: Nothing else is lost by it; only its owner knows whether it is a plan.
    from this end nothing looks broken :: One router was asked alone, and its own facts show no fault.
    one end alone is in view, so nothing is certain; the likeliest first :: One router was asked by itself.
    also, possibly as a consequence :: Further faults, which may be consequences of the first one.
    besides :: Faults that stop only some packets, such as large ones.
    advice :: It works now, and will not always, or not with all packets.
    likewise :: Further routers or tunnels with the same advice.
    likely :: Of a finding behind the first one: no observation decides it yet.
    to fix it :: Lines for the configuration of this router, or a command for its prompt.
    or :: A command that works instead of the lines.
    tried :: The lines were entered in a copy of the network in the simulator; what they changed there.
    lines were tried and are not shown :: In the copy they made something worse.
    no lines are shown, because none were tried :: And why they could not be tried.
    to decide :: What to look at, or to ask: the answer confirms the finding or excludes it.
    because :: What makes this cause possible.
    if users complain nevertheless :: Possible causes that one end alone cannot see.
    not seen from here, and whom to ask :: Facts of other routers, and the commands that show them there.
    checked, and fine :: Steps that work, with the evidence.
    sent to find out :: Pings and traceroutes that the doctor sent from routers.
    the same | something else :: A copy of the configurations shows the same fault, or another one (in JSON).
    well | cut off, perhaps on purpose | broken :: The state of the network as a whole (in JSON): exit code 0, 3, 1.
    """)


def _terms() -> Iterator[Term[Any, Any]]:
    """Yield the terms of all tables."""
    for one in iter_modules(terms.__path__):
        for table in vars(import_module(f"{terms.__name__}.{one.name}")).values():
            yield from table.terms if isinstance(table, Table) else ()


#: They are no part of the pages of words: the page of lint has the same texts.
TERM_GROUP: Final = WordGroup(
    title="what two ends must agree on",
    kind=WordKind.LABEL,
    screens=("dmvpn doctor", "dmvpn lint"),
    rank=83,
    next="dmvpn lint (it compares both ends)",
    explanations=tuple(
        Explanation(name, f"Two ends of a tunnel must agree on it. {rule.title}: {rule.why}")
        for name, rule in {term.name: term.rule for term in _terms()}.items()
    ),
)

OF_DOCTOR: Final = (_CAUSES, *_STEPS, *_LINES, TERM_GROUP)


# ----------------------------------------------------------------------------------------------- all words of the shell


_SEVERITIES = words(WordKind.STATE, Severity, rank=63)("""
    ## severities of a finding :: dmvpn lint next: the line that the finding names
    ERROR :: Something that is configured will not work.
    WARNING :: It works, but probably not as the author of these lines intended.
    ADVICE :: It works; there is a better way, or a risk to know of.
    """)

RULE_GROUP: Final = WordGroup(
    title="rules",
    kind=WordKind.REASON,
    screens=("dmvpn lint",),
    rank=26,
    next="dmvpn lint (the configurations of the whole network)",
    explanations=tuple(Explanation(rule.id, f"{rule.title.rstrip('.')}. {rule.why}") for rule in RULES),
)

_ARROWS = words(
    WordKind.FLAG,
    rank=64,
    sighting="(─▶|◀─|═▶|◀═|─\N{BOX DRAWINGS LIGHT DIAGONAL CROSS}|\N{BOX DRAWINGS LIGHT DIAGONAL CROSS}─)",
    mark=r"─▶ sent",
)("""
    ## arrows of the ladder :: dmvpn lab watch next: show dmvpn events (on the sender)
    ─▶ | ◀─ :: A message from one router to the other.
    ═▶ | ◀═ :: A message passed on: it came from a third router, and is for a fourth.
    ─\N{BOX DRAWINGS LIGHT DIAGONAL CROSS} | \N{BOX DRAWINGS LIGHT DIAGONAL CROSS}─ ::
        A message whose arrival was not seen.
        when: It was lost or filtered on the way, the receiver dropped it or does not run, or it is not in view.
    """)

GROUPS: Final = (*_SEVERITIES, RULE_GROUP, *OF_DOCTOR, *_ARROWS)
