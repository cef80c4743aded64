"""The rules of a router's NAT in the kernel (`translation`).

One order is one table. A rule with one access list in `nft` syntax:

    table ip dmvpn-nat {
        chain passing { type filter hook forward priority 0          packets of translated flows are counted, both ways
            iifname "eth1" oifname "eth0" ct status snat,dnat counter
            iifname "eth0" oifname "eth1" ct status snat,dnat counter }
        chain leaving { type nat hook postrouting priority 100       the first packet of each flow
            iifname "eth1" oifname "eth0" jump map-out-0             static rules, if there are any
            iifname "eth1" oifname "eth1" ct status dnat jump map-back-0
            iifname "eth1" oifname "eth0" goto rule-0 }
        chain rule-0    { jump rule-0-0-0; accept }                  its clauses; then the next rule of this interface
        chain rule-0-0-0 { ip saddr 10.1.1.0/24 goto map-0 }         the entries of an access list: permit; deny: return
        chain map-0     { meta l4proto { gre, esp } drop             where the router has tunnels
            add @share-0 { ip saddr ct count over 4096 } drop        no station takes the whole table
            counter
            udp sport 1024-4499 masquerade to :1024-4499             so no station gets port 500 or 4500
            meta l4proto udp masquerade to :4501-65535; the same of tcp
            masquerade }                                             of a pool: snat to its first address
    }

Static rules, and addresses that are not the router's own:

        chain arriving { type nat hook prerouting priority -100
            iifname "eth0" jump map-in-0                             from outside
            iifname "eth1" jump map-in-0 }                           a station inside asks for the public address
        chain map-in-0  {
            ip daddr 203.0.113.5 tcp dport 8080 add @share-map-in-0 { ip daddr ct count over 4096 } drop
            ip daddr 203.0.113.5 tcp dport 8080 counter dnat to 10.1.1.5:80 }
        chain map-out-0 { the same with ip saddr
            ip saddr 10.1.1.5 tcp sport 80 counter snat to 203.0.113.5:8080 }
        chain map-back-0 { ip daddr 10.1.1.5 tcp dport 80 snat to 203.0.113.5 }
        chain own { type filter hook input priority 0; ip daddr 203.0.113.5 drop }

A pool without overload: each station gets the next address, and keeps it as long as it makes flows.

        map held-0 { type ipv4_addr : ipv4_addr; size 11; flags timeout; timeout 1d }
        chain map-0 { snat to ip saddr map @held-0
            add @held-0 { ip saddr : numgen inc mod 11 + 198.51.100.10 }; snat to that address
            drop }

The router answers for the addresses of static rules and pools by routes of type local, which the keeper keeps. The
kernel's own conntrack does the rest. The router's own packets came in by no interface, and match no rule, but pings and
probes of traceroute from its addresses inside, `begins_as_station`:

            oifname "eth0" ip saddr 10.1.1.1 meta l4proto icmp goto rule-0
            oifname "eth0" ip saddr 10.1.1.1 udp sport 1024-4499 goto rule-0; the same with 4501-65535
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import SetTranslation
from dmvpn.base.translation import (
    ICMP,
    PORT_RANGES,
    SHARE,
    TCP,
    UDP,
    Addresses,
    Clause,
    PacketRule,
    SourceRule,
    StaticRule,
)
from dmvpn.dataplane.netlink import netfilter, sets
from dmvpn.dataplane.netlink.nftables import (
    NETWORK_MAPPED,
    Compare,
    Hook,
    Meta,
    NetfilterVerdict,
    Part,
    Ruleset,
    base_chain,
    chain,
    compare,
    counter,
    has_status,
    is_interface,
    is_protocol,
    mark_as_flow,
    masked,
    masquerade,
    network_header,
    replaced,
    rule,
    set_flow_mark,
    tracked_status,
    transport_header,
    verdict,
)
from dmvpn.dataplane.userspace.leak_ends import mark as leak_mark
from dmvpn.dataplane.userspace.leak_ends import number_of

# ---------------------------------------------------------------------------------------------------- rules

#: Chains whose counters are packets of flows, and packets that began one.
PASSING: Final = "passing"
MAP: Final = "map-"
_LEAVING: Final = "leaving"
_ARRIVING: Final = "arriving"
_OWN: Final = "own"
_MARKING: Final = "marking"
_RULE: Final = "rule-"
_SOURCE, _DESTINATION = 12, 16
_PORT_OF_SOURCE, _PORT_OF_DESTINATION = 0, 2
_BE16 = struct.Struct("!H")
#: NF_NAT_RANGE_PROTO_SPECIFIED.
_PORTS_SPECIFIED: Final = 1 << 1
#: The mark of rules that drop packets beyond a station's share. Stations that a rule knows.
BEYOND: Final = 1
_STATIONS: Final = 1 << 16

LinuxName = Callable[[str], str]
#: Linux names of the interfaces by which packets of another VRF come, by outside interface and that VRF.
FromVrfs = Mapping[tuple[str, str], tuple[str, ...]]


def ruleset(
    table: str,
    order: SetTranslation,
    linux: LinuxName,
    mark: str = "",
    from_vrfs: FromVrfs | None = None,
    *,
    shares: bool = True,
) -> Ruleset:
    """Return the chains and rules of a table.

    linux: Linux name of an interface. mark: the end of names of chains. shares: whether stations have a bound.
    """
    names = [f"{number}{mark}" for number in range(len(order.rules))]
    bases = [*_bases(table, order, linux, names, from_vrfs or {})]
    published = [*_published(table, order, linux, mark, from_vrfs or {}, shares=shares)] if order.statics else []
    # A rule is appended: those of static rules come before the others, which end with goto.
    ways = [*bases[:2], *(part for is_base, part in published if is_base), *bases[2:]]
    chains = [*(part for is_base, part in published if not is_base), *_chains(table, order, names, shares=shares)]
    return Ruleset((*ways, *_own(table, order)), tuple(chains))


def shut(table: str, order: SetTranslation, linux: LinuxName, from_vrfs: FromVrfs) -> Ruleset:
    """Return a table that lets nothing pass that would be translated."""
    own, dropped = tuple(linux(inside) for inside in order.inside), verdict(NetfilterVerdict.DROP)
    ways = ((inner, linux(use[0])) for use in _uses(order) for inner in from_vrfs.get(use, own))
    rules = (rule(table, PASSING, *_way(*way), dropped) for way in dict.fromkeys(ways))
    return Ruleset((base_chain(table, PASSING, "filter", Hook.FORWARD, 0), *rules, *_own(table, order)))


def _own(table: str, order: SetTranslation) -> Iterator[Part]:
    """Yield what keeps packets to addresses that the router answers for from its own services."""
    if order.aliases:
        yield base_chain(table, _OWN, "filter", Hook.INPUT, 0)
    for one in order.aliases:
        yield rule(table, _OWN, *_in_prefix(_DESTINATION, one), verdict(NetfilterVerdict.DROP))


def _uses(order: SetTranslation) -> dict[tuple[str, str], None]:
    """Return the outside interfaces, each with the VRFs from which packets are translated there."""
    statics = ((outside, one.vrf) for one in order.statics for outside in order.outside)
    return dict.fromkeys((*((one.outside, one.vrf) for one in order.rules), *statics))


def _bases(
    table: str, order: SetTranslation, linux: LinuxName, names: Sequence[str], from_vrfs: FromVrfs
) -> Iterator[Part]:
    yield base_chain(table, PASSING, "filter", Hook.FORWARD, 0)
    yield base_chain(table, _LEAVING, "nat", Hook.POSTROUTING, netfilter.NAT_PRIORITY)
    own = tuple(linux(inside) for inside in order.inside)
    status = masked(struct.pack("=I", netfilter.SOURCE_TRANSLATED | netfilter.DESTINATION_TRANSLATED))
    translated = (tracked_status(), status, compare(Compare.NOT_EQUAL, bytes(4)))
    first: dict[tuple[str, str], str] = {}
    for name, one in zip(names, order.rules, strict=True):
        first.setdefault((one.outside, one.vrf), name)
    for flow in _uses(order):
        for inner in from_vrfs.get(flow, own):
            outer = linux(flow[0])
            ways = ((inner, outer), (outer, inner)) if inner != outer else ()
            yield from (rule(table, PASSING, *_way(*way), *translated, counter()) for way in ways)
            if flow in first:
                yield rule(table, _LEAVING, *_way(inner, outer), _goto(first[flow]))
        if flow in first and flow not in from_vrfs:
            yield from (rule(table, _LEAVING, *begun, _goto(first[flow])) for begun in _begun(order, linux(flow[0])))


def _begun(order: SetTranslation, outer: str) -> Iterator[tuple[bytes, ...]]:
    """Yield matches for what the router itself begins as a station inside, and sends out there."""
    for address in order.own:
        sent = (*is_interface(Meta.OUTPUT_NAME, outer), *_in_prefix(_SOURCE, Prefix.host(address)))
        yield (*sent, *is_protocol(ICMP))
        yield from ((*sent, *is_protocol(UDP), *_ports(_PORT_OF_SOURCE, ports)) for ports in PORT_RANGES)


def _published(
    table: str, order: SetTranslation, linux: LinuxName, mark: str, from_vrfs: FromVrfs, *, shares: bool
) -> Iterator[tuple[bool, Part]]:
    """Yield what static rules need, each with whether it is of a chain that packets pass."""
    yield True, base_chain(table, _ARRIVING, "nat", Hook.PREROUTING, netfilter.DESTINATION_PRIORITY)
    if from_vrfs:
        yield True, base_chain(table, _MARKING, "filter", Hook.PREROUTING, netfilter.DESTINATION_PRIORITY + 10)
    own = tuple(linux(inside) for inside in order.inside)
    is_answered = has_status(netfilter.DESTINATION_TRANSLATED)
    for number, (vrf, outside) in enumerate(
        dict.fromkeys((one.vrf, name) for one in order.statics for name in order.outside)
    ):
        statics = [one for one in order.statics if one.vrf == vrf]
        inner, outer = from_vrfs.get((outside, vrf), own), linux(outside)
        is_here = (outside, vrf) not in from_vrfs
        marking = () if is_here or not inner else set_flow_mark(leak_mark(number_of(inner[0])))
        going, coming, back = (f"{MAP}{way}-{number}{mark}" for way in ("out", "in", "back"))
        for name in (going, coming, back):
            yield False, chain(table, name)
        bounded = (going, coming) if shares else ()
        for place, name in enumerate(bounded, 2 * (len(order.rules) + number) + 1):
            yield False, sets.share_set(table, f"share-{name}", place, _STATIONS)
        for one in statics:
            inside, public = (one.local, one.local_port), (one.public, one.public_port)
            for name, ends in zip(bounded, (inside, public), strict=False):
                fits = _of_static(one, *ends, of_source=name == going)
                beyond = _beyond(f"share-{name}", _SOURCE if name == going else _DESTINATION)
                yield False, rule(table, name, *fits, *beyond, mark=BEYOND)
            went = (*_of_static(one, *inside, of_source=True), counter(), *_moved(one, outwards=True))
            came = (*_of_static(one, *public, of_source=False), *marking, counter(), *_moved(one, outwards=False))
            # Answers to a station inside come back here: its packets have the public address.
            turned = (*_of_static(one, *inside, of_source=False), *replaced((one.public,) * 2, of_source=True))
            for name, part in ((going, went), (coming, came), (back, turned)):
                yield False, rule(table, name, *part)
        yield True, rule(table, _ARRIVING, *is_interface(Meta.INPUT_NAME, outer), _jump(coming))
        if not is_here:
            returning = (*is_interface(Meta.INPUT_NAME, outer), *is_answered, *mark_as_flow())
            yield True, rule(table, _MARKING, *returning)
        for name in inner:
            if is_here and name != outer:
                yield True, rule(table, _ARRIVING, *is_interface(Meta.INPUT_NAME, name), _jump(coming))
            for other in inner if is_here else ():
                if name == other or not {name, other} & {linux(one) for one in order.outside}:
                    yield True, rule(table, _LEAVING, *_way(name, other), *is_answered, _jump(back))
            yield True, rule(table, _LEAVING, *_way(name, outer), _jump(going))
        for begun in _begun(order, outer) if is_here else ():
            yield True, rule(table, _LEAVING, *begun, _jump(going))


def _of_static(one: StaticRule, address: IPv4Address, port: int, *, of_source: bool) -> Iterator[bytes]:
    """Yield the match for packets from or to an address of a static rule, and its port."""
    yield from _in_prefix(_SOURCE if of_source else _DESTINATION, Prefix.of(address, one.length))
    if one.protocol:
        yield from is_protocol(one.protocol)
        yield from _ports(_PORT_OF_SOURCE if of_source else _PORT_OF_DESTINATION, (port, port))


def _moved(one: StaticRule, *, outwards: bool) -> tuple[bytes, ...]:
    to, port = (one.public, one.public_port) if outwards else (one.local, one.local_port)
    last = IPv4Address(int(to) + (1 << 32 - one.length) - 1)
    flags = NETWORK_MAPPED if one.length < 32 else 0
    ports = (port, port) if one.protocol else None
    return replaced((to, last), of_source=outwards, ports=ports, flags=flags)


def _goto(called: str) -> bytes:
    return verdict(NetfilterVerdict.GOTO, f"{_RULE}{called}")


def _jump(name: str) -> bytes:
    return verdict(NetfilterVerdict.JUMP, name)


def _in_prefix(offset: int, prefix: Prefix) -> tuple[bytes, ...]:
    """Return the match for addresses of a prefix in the IP header."""
    mask = (0xFFFFFFFF << 32 - prefix.length) & 0xFFFFFFFF
    return *_load(offset, mask), compare(Compare.EQUAL, prefix.number.to_bytes(4, "big"))


def _chains(table: str, order: SetTranslation, names: Sequence[str], *, shares: bool) -> Iterator[Part]:
    for name in names:
        yield chain(table, f"{_RULE}{name}")
        yield chain(table, f"{MAP}{name}")
    for number, one in enumerate(order.rules):
        after = _next(order.rules, number)
        share = f"share-{names[number]}" if shares else ""
        if share:
            yield sets.share_set(table, share, 2 * number + 1, _STATIONS)
        yield from _source_rule(table, names[number], number, one, None if after is None else names[after], share)


def _source_rule(
    table: str, called: str, number: int, one: SourceRule, after: str | None, share: str
) -> Iterator[Part]:
    name, mapping = f"{_RULE}{called}", f"{MAP}{called}"
    accepted = verdict(NetfilterVerdict.ACCEPT)
    otherwise = accepted if after is None else verdict(NetfilterVerdict.GOTO, f"{_RULE}{after}")
    translated = verdict(NetfilterVerdict.GOTO, mapping)
    for place, clause in enumerate(one.clauses):
        yield from _clause(table, f"{name}-{place}", clause, translated if clause.permit else otherwise, name)
    yield rule(table, name, otherwise)
    dropped = verdict(NetfilterVerdict.DROP)
    for protocol in one.refused:
        yield rule(table, mapping, *is_protocol(protocol), dropped)
    if share:
        yield rule(table, mapping, *_beyond(share, _SOURCE), mark=BEYOND)
    yield rule(table, mapping, counter())
    if one.pool and not one.overload:
        yield from _one_each(table, mapping, f"held-{called}", 2 * number + 2, one)
        return
    shared = one.pool[0][0] if one.pool else one.address
    first = (shared, shared) if shared is not None else None

    def moved(ports: tuple[int, int] | None) -> tuple[bytes, ...]:
        if first is not None:
            return replaced(first, of_source=True, ports=ports)
        return masquerade(_PORTS_SPECIFIED, ports) if ports is not None else masquerade()

    for protocol in (UDP, TCP):
        for ports in PORT_RANGES[:-1]:
            fitting = (*is_protocol(protocol), *_ports(_PORT_OF_SOURCE, ports))
            yield rule(table, mapping, *fitting, *moved(ports))
        yield rule(table, mapping, *is_protocol(protocol), *moved(PORT_RANGES[-1]))
    yield rule(table, mapping, *moved(None))


def _one_each(table: str, mapping: str, held: str, number: int, one: SourceRule) -> Iterator[Part]:
    """Yield what gives each station an address of the largest range of the pool."""
    first, last = max(one.pool, key=lambda ends: int(ends[1]) - int(ends[0]))
    size = int(last) - int(first) + 1
    yield sets.held_map(table, held, number, size)
    source, moved = sets.load(1, _SOURCE, 4, 0), replaced(None, of_source=True)
    yield rule(table, mapping, source, *sets.held_again(held), *moved)
    yield rule(table, mapping, source, *sets.held_anew(held, int(first), size), *moved)
    yield rule(table, mapping, verdict(NetfilterVerdict.DROP))


def _beyond(share: str, offset: int) -> tuple[bytes, ...]:
    """Return what drops flows of a station beyond its share. offset: of its address in the IP header."""
    return sets.load(1, offset, 4, 0), sets.more_flows(share, SHARE), counter(), verdict(NetfilterVerdict.DROP)


def _clause(table: str, name: str, clause: Clause, fits: bytes, caller: str) -> Iterator[Part]:
    """Yield the rules for packets that one of its lists permits; all other packets return to the caller."""
    if not clause.lists:
        yield rule(table, caller, fits)
    for place, rules in enumerate(clause.lists):
        listed = f"{name}-{place}"
        yield chain(table, listed)
        for entry in rules:
            yield rule(table, listed, *_matches(entry), fits if entry.permit else verdict(NetfilterVerdict.RETURN))
        yield rule(table, caller, verdict(NetfilterVerdict.JUMP, listed))


def _matches(entry: PacketRule) -> Iterator[bytes]:
    if entry.protocol is not None:
        yield from is_protocol(entry.protocol)
    yield from _addresses(_SOURCE, entry.source)
    yield from _addresses(_DESTINATION, entry.destination)
    if entry.source_ports is not None:
        yield from _ports(_PORT_OF_SOURCE, entry.source_ports)
    if entry.destination_ports is not None:
        yield from _ports(_PORT_OF_DESTINATION, entry.destination_ports)


def _addresses(offset: int, meant: Addresses) -> tuple[bytes, ...]:
    if meant.is_any:
        return ()
    mask = ~int(meant.wildcard) & 0xFFFFFFFF
    return (*_load(offset, mask), compare(Compare.EQUAL, IPv4Address(int(meant.address) & mask).packed))


def _load(offset: int, mask: int) -> tuple[bytes, ...]:
    return network_header(offset, 4), *([masked(mask.to_bytes(4, "big"))] if mask != 0xFFFFFFFF else [])


def _ports(offset: int, ports: tuple[int, int]) -> tuple[bytes, ...]:
    first, last = (_BE16.pack(port) for port in ports)
    return transport_header(offset, 2), compare(Compare.AT_LEAST, first), compare(Compare.AT_MOST, last)


def _way(arrives: str, leaves: str) -> tuple[bytes, ...]:
    return (*is_interface(Meta.INPUT_NAME, arrives), *is_interface(Meta.OUTPUT_NAME, leaves))


def _next(rules: tuple[SourceRule, ...], number: int) -> int | None:
    """Return the next rule of the same interface and VRF."""
    one, later = rules[number], range(number + 1, len(rules))
    fits = (other for other in later if (rules[other].outside, rules[other].vrf) == (one.outside, one.vrf))
    return next(fits, None)
