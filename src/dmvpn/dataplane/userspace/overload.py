"""NAT overload as rules of nf_tables: one order, one table. A rule with one access list in `nft` syntax:

    table ip dmvpn-nat {
        chain passing { type filter hook forward priority 0          packets of translated flows are counted, both ways
            iifname "eth1" oifname "eth0" ct status snat counter
            iifname "eth0" oifname "eth1" ct status snat counter }
        chain leaving { type nat hook postrouting priority 100       the first packet of each flow
            iifname "eth1" oifname "eth0" goto rule-0 }
        chain rule-0    { jump rule-0-0-0; accept }                  its clauses; then the next rule of this interface
        chain rule-0-0-0 { ip saddr 10.1.1.0/24 goto map-0 }         the entries of an access list: permit; deny: return
        chain map-0     { meta l4proto { gre, esp } drop             where the router has tunnels
            counter
            udp sport 1024-4499 masquerade to :1024-4499             so no station gets port 500 or 4500
            meta l4proto udp masquerade to :4501-65535; the same of tcp
            masquerade }
    }

The kernel's own conntrack does the rest. The router's own packets came in by no interface, and match no rule. There is
no chain at the input, as a translator without a router's own protocols would have one.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.translation import PORT_RANGES, TCP, UDP
from dmvpn.dataplane.netlink.conntrack import SOURCE_TRANSLATED
from dmvpn.dataplane.netlink.netfilter import NAT_PRIORITY
from dmvpn.dataplane.netlink.nftables import (
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
    is_interface,
    is_protocol,
    masked,
    masquerade,
    network_header,
    rule,
    tracked_status,
    transport_header,
    verdict,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dmvpn.base.effects import SetTranslation
    from dmvpn.base.translation import Addresses, Clause, Overload, PacketRule

#: Chains whose counters are packets of flows, and packets that began one.
PASSING: Final = "passing"
MAP: Final = "map-"
_LEAVING: Final = "leaving"
_RULE: Final = "rule-"
_SOURCE, _DESTINATION = 12, 16
_PORT_OF_SOURCE, _PORT_OF_DESTINATION = 0, 2
_BE16 = struct.Struct("!H")
#: NF_NAT_RANGE_PROTO_SPECIFIED.
_PORTS_SPECIFIED: Final = 1 << 1

LinuxName = Callable[[str], str]
#: Linux names of the interfaces by which packets of another VRF come, by outside interface and that VRF.
FromVrfs = Mapping[tuple[str, str], tuple[str, ...]]


def ruleset(
    table: str, order: SetTranslation, linux: LinuxName, mark: str = "", from_vrfs: FromVrfs | None = None
) -> Ruleset:
    """Return the chains and rules of a table. linux: Linux name of an interface. mark: the end of names of chains."""
    names = [f"{number}{mark}" for number in range(len(order.overloads))]
    return Ruleset(tuple(_bases(table, order, linux, names, from_vrfs or {})), tuple(_chains(table, order, names)))


def _bases(
    table: str, order: SetTranslation, linux: LinuxName, names: Sequence[str], from_vrfs: FromVrfs
) -> Iterator[Part]:
    yield base_chain(table, PASSING, "filter", Hook.FORWARD, 0)
    yield base_chain(table, _LEAVING, "nat", Hook.POSTROUTING, NAT_PRIORITY)
    own = tuple(linux(inside) for inside in order.inside)
    first: dict[tuple[str, str], str] = {}
    for name, overload in zip(names, order.overloads, strict=True):
        first.setdefault((overload.outside, overload.vrf), name)
    for flow, name in first.items():
        for inner in from_vrfs.get(flow, own):
            outer = linux(flow[0])
            ways = ((inner, outer), (outer, inner))
            yield from (rule(table, PASSING, *_way(*way), *_is_translated(), counter()) for way in ways)
            yield rule(table, _LEAVING, *_way(inner, outer), verdict(NetfilterVerdict.GOTO, f"{_RULE}{name}"))


def _chains(table: str, order: SetTranslation, names: Sequence[str]) -> Iterator[Part]:
    for name in names:
        yield chain(table, f"{_RULE}{name}")
        yield chain(table, f"{MAP}{name}")
    for number, overload in enumerate(order.overloads):
        after = _next(order.overloads, number)
        yield from _overload(table, names[number], overload, None if after is None else names[after])


def _overload(table: str, called: str, overload: Overload, after: str | None) -> Iterator[Part]:
    name, mapping = f"{_RULE}{called}", f"{MAP}{called}"
    accepted = verdict(NetfilterVerdict.ACCEPT)
    otherwise = accepted if after is None else verdict(NetfilterVerdict.GOTO, f"{_RULE}{after}")
    translated = verdict(NetfilterVerdict.GOTO, mapping)
    for place, clause in enumerate(overload.clauses):
        yield from _clause(table, f"{name}-{place}", clause, translated if clause.permit else otherwise, name)
    yield rule(table, name, otherwise)
    for protocol in overload.refused:
        yield rule(table, mapping, *is_protocol(protocol), verdict(NetfilterVerdict.DROP))
    yield rule(table, mapping, counter())
    for protocol in (UDP, TCP):
        for ports in PORT_RANGES[:-1]:
            fitting = (*is_protocol(protocol), *_ports(_PORT_OF_SOURCE, ports))
            yield rule(table, mapping, *fitting, *masquerade(_PORTS_SPECIFIED, ports))
        yield rule(table, mapping, *is_protocol(protocol), *masquerade(_PORTS_SPECIFIED, PORT_RANGES[-1]))
    yield rule(table, mapping, *masquerade())


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
    wanted = IPv4Address(int(meant.address) & mask).packed
    loads = (network_header(offset, 4), *([masked(mask.to_bytes(4, "big"))] if mask != 0xFFFFFFFF else []))
    return (*loads, compare(Compare.EQUAL, wanted))


def _ports(offset: int, ports: tuple[int, int]) -> tuple[bytes, ...]:
    first, last = (_BE16.pack(port) for port in ports)
    return transport_header(offset, 2), compare(Compare.AT_LEAST, first), compare(Compare.AT_MOST, last)


def _way(arrives: str, leaves: str) -> tuple[bytes, ...]:
    return (*is_interface(Meta.INPUT_NAME, arrives), *is_interface(Meta.OUTPUT_NAME, leaves))


def _is_translated() -> tuple[bytes, ...]:
    status = struct.Struct("=I")
    return (
        tracked_status(),
        masked(status.pack(SOURCE_TRANSLATED)),
        compare(Compare.NOT_EQUAL, status.pack(0)),
    )


def _next(overloads: tuple[Overload, ...], number: int) -> int | None:
    """Return the next rule of the same interface and VRF."""
    one, later = overloads[number], range(number + 1, len(overloads))
    fits = (other for other in later if (overloads[other].outside, overloads[other].vrf) == (one.outside, one.vrf))
    return next(fits, None)
