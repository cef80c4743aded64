"""What nf_tables does with packets that pass from VRF to VRF: one table for each namespace with ends of pairs.

    chain arriving  prerouting     the TTL gets back what the step between the namespaces costs; the flow gets the
                                   number of its pair, and replies to a translated flow the mark of that number
    chain passing   forward        what came by a pair leaves by none: no packet is looked up in three tables
    chain own       output         errors and answers about a flow of a pair have its mark: they go back by the pair
    chain leaving   postrouting    TTL 255, which cannot grow, is 255 again
    chain sourceless  nat          packets of the router in the other VRF get the address of the interface

The mark of a packet does not cross from namespace to namespace, so each end marks for itself. The TTL grows by one as a
binary number does: the lowest bit that is 0 and all below it turn over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.dataplane.netlink import marking
from dmvpn.dataplane.netlink.conntrack import SOURCE_TRANSLATED
from dmvpn.dataplane.netlink.expressions import has_mark, set_mark
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
    is_interface,
    masquerade,
    meta,
    network_header,
    rule,
    verdict,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from ipaddress import IPv4Address

#: Behind connection tracking (-200), before translation (-100) and before routes are chosen.
_MANGLE: Final = -150
#: The first octet of our marks: the number of a pair is in the others.
_MARK: Final = 0x64 << 24
#: The mark of a packet that came by a pair with TTL 255.
_FULL: Final = 0x65 << 24
#: Begins the name of a device.
DEVICE: Final = "dmleak"
_HOP: Final = "hop"
_SOURCE: Final = 12


@dataclass(frozen=True, slots=True)
class Arrival:
    """The far end of a pair: packets of another VRF come by it. sourceless: the address of its near end."""

    number: int
    sourceless: IPv4Address


@dataclass(frozen=True, slots=True)
class Departure:
    """The near end of a pair: a route leads there.

    inside: Linux names of the interfaces whose packets are translated at the far end; packets of other
        interfaces may not pass. None: nothing is translated.
    """

    number: int
    inside: tuple[str, ...] | None = None


def device(number: int) -> str:
    """Return the name of both ends of a pair."""
    return f"{DEVICE}{number}"


def number_of(name: str) -> int:
    """Return the number of the pair with this name."""
    return int(name.removeprefix(DEVICE))


def mark(number: int) -> int:
    """Return the mark of a pair."""
    return _MARK | number


def ruleset(table: str, arrivals: Sequence[Arrival], departures: Sequence[Departure], suffix: str = "") -> Ruleset:
    """Return the chains and rules of a table. suffix: the end of names of chains."""
    hop = f"{_HOP}{suffix}"
    return Ruleset(tuple(_bases(table, arrivals, departures, hop)), tuple(_hop(table, hop)))


def _bases(table: str, arrivals: Sequence[Arrival], departures: Sequence[Departure], hop: str) -> Iterator[Part]:
    yield base_chain(table, "arriving", "filter", Hook.PREROUTING, _MANGLE)
    for arrival in arrivals:
        arrives = is_interface(Meta.INPUT_NAME, device(arrival.number))
        yield rule(table, "arriving", *arrives, *marking.set_flow_mark(mark(arrival.number)))
    yield rule(table, "arriving", *_by_pair(Meta.INPUT_NAME), verdict(NetfilterVerdict.GOTO, hop))
    yield base_chain(table, "passing", "filter", Hook.FORWARD, _MANGLE)
    none = verdict(NetfilterVerdict.DROP)
    yield rule(table, "passing", *_by_pair(Meta.INPUT_NAME), *_by_pair(Meta.OUTPUT_NAME), none)
    for departure in departures:
        yield from _departing(table, departure)
    yield base_chain(table, "leaving", "filter", Hook.POSTROUTING, _MANGLE)
    yield rule(table, "leaving", *has_mark(_FULL), *marking.fill_ttl())
    if arrivals:
        yield from _returning(table, arrivals)


def _departing(table: str, departure: Departure) -> Iterator[Part]:
    """Yield the rules for packets that the other namespace translates: it cannot see their first interface."""
    if departure.inside is None:
        return
    leaves = is_interface(Meta.OUTPUT_NAME, device(departure.number))
    for inside in departure.inside:
        arrives = is_interface(Meta.INPUT_NAME, inside)
        yield rule(table, "passing", *arrives, *leaves, verdict(NetfilterVerdict.ACCEPT))
    yield rule(table, "passing", *leaves, verdict(NetfilterVerdict.DROP))


def _returning(table: str, arrivals: Sequence[Arrival]) -> Iterator[Part]:
    translated = (*marking.is_reply(), *marking.has_status(SOURCE_TRANSLATED))
    yield rule(table, "arriving", *translated, *marking.mark_as_flow())
    yield base_chain(table, "own", "route", Hook.OUTPUT, _MANGLE)
    yield rule(table, "own", *marking.mark_as_flow())
    yield base_chain(table, "sourceless", "nat", Hook.POSTROUTING, NAT_PRIORITY + 1)
    for arrival in arrivals:
        arrives = is_interface(Meta.INPUT_NAME, device(arrival.number))
        source = network_header(_SOURCE, 4), compare(Compare.EQUAL, arrival.sourceless.packed)
        yield rule(table, "sourceless", *arrives, *source, *masquerade())


def _hop(table: str, name: str) -> Iterator[Part]:
    """Yield the chain that adds one to the TTL."""
    done = verdict(NetfilterVerdict.RETURN)
    yield chain(table, name)
    yield rule(table, name, *marking.ttl_is_full(), *set_mark(_FULL), done)
    for place in range(8):
        yield rule(table, name, *marking.ttl_lacks(1 << place), *marking.toggle_ttl((2 << place) - 1), done)


def _by_pair(key: Meta) -> tuple[bytes, bytes]:
    """Return the match for any end of a pair, by the beginning of its name."""
    return meta(key), compare(Compare.EQUAL, DEVICE.encode())
