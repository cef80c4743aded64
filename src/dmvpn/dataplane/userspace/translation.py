"""A router's NAT in the kernel: a table of its own (`tables`), and its flows.

The table of a killed router goes on translating until the next run replaces it.

One order is one table. A rule with one access list in `nft` syntax:

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
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.effects import SetTranslation
from dmvpn.base.lpm import PrefixTable
from dmvpn.base.translation import PORT_RANGES, TCP, UDP, PacketFlow, TranslatedFlow, Translations
from dmvpn.dataplane.netlink import netfilter
from dmvpn.dataplane.netlink.netfilter import NAT_PRIORITY, SOURCE_TRANSLATED, explained
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
from dmvpn.dataplane.userspace.keeper import TablePurpose
from dmvpn.dataplane.userspace.leak_ends import mark, number_of
from dmvpn.dataplane.userspace.tables import KernelTable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.events import Event
    from dmvpn.base.translation import Addresses, Clause, Overload, PacketRule
    from dmvpn.dataplane.host import HostProblem
    from dmvpn.dataplane.netlink.netfilter import Ends, TrackedFlow
    from dmvpn.dataplane.netlink.nfsocket import NetfilterSocket
    from dmvpn.dataplane.userspace.engine import Watch
    from dmvpn.dataplane.userspace.keeper import Later
    from dmvpn.dataplane.userspace.records import Ledger, Others


# ---------------------------------------------------------------------------------------------------- overload

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
    status = masked(struct.pack("=I", SOURCE_TRANSLATED))
    translated = (tracked_status(), status, compare(Compare.NOT_EQUAL, bytes(4)))
    first: dict[tuple[str, str], str] = {}
    for name, overload in zip(names, order.overloads, strict=True):
        first.setdefault((overload.outside, overload.vrf), name)
    for flow, name in first.items():
        for inner in from_vrfs.get(flow, own):
            outer = linux(flow[0])
            ways = ((inner, outer), (outer, inner))
            yield from (rule(table, PASSING, *_way(*way), *translated, counter()) for way in ways)
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


def _next(overloads: tuple[Overload, ...], number: int) -> int | None:
    """Return the next rule of the same interface and VRF."""
    one, later = overloads[number], range(number + 1, len(overloads))
    fits = (other for other in later if (overloads[other].outside, overloads[other].vrf) == (one.outside, one.vrf))
    return next(fits, None)


# ---------------------------------------------------------------------------------------------------- translation

#: Seconds. Routes that change together are all changed by then.
_MOMENT: Final = 0.05


class Translation:
    """Carries out `SetTranslation` in the network namespace in which it gets its first order."""

    def __init__(
        self,
        ledger: Ledger,
        others: Callable[[], Others],
        linux: Callable[[str], str],
        addresses: Callable[[str], list[IPv4Address]],
        report: Callable[[Event], None],
        watch: Watch | None,
        later: Later | None,
    ) -> None:
        """others: the other routers here. linux, addresses: of an interface by its IOS name. later: see `Keeper`."""
        self._linux = linux
        self._addresses = addresses
        self._later = later
        self._order = SetTranslation()
        self._from_vrfs: FromVrfs = {}
        #: The table in the kernel.
        self.table = KernelTable(
            TablePurpose.TRANSLATION, ledger, others, report, watch, later, self._contents, self._lose
        )
        #: Called when the kernel does not take a lost table again.
        self.lost: Callable[[HostProblem], None] = lambda _: None
        self._earlier = [0, 0]
        #: Prefixes whose routes have changed lately, and the seconds after which their flows are checked.
        self._moved: PrefixTable[None] = PrefixTable()
        self._pause = _MOMENT

    def set(self, order: SetTranslation, from_vrfs: FromVrfs | None = None) -> None:
        """Apply this order. Raises HostProblem; the next order, or the same again, is another attempt.

        from_vrfs: where packets of other VRFs come in, for the rules about them.
        """
        before, self._order = self._order, order
        self._from_vrfs = from_vrfs or {}
        if not order.overloads:
            if before.overloads:
                self.table.remove()  # first: a packet that comes in between must not make a new flow
                self._correct(before)
            self._earlier = [0, 0]
            return
        try:
            self.table.put()
        except OSError as error:
            raise explained(error) from error
        self._correct(before)

    @property
    def is_used(self) -> bool:
        """Whether any addresses are translated."""
        return bool(self._order.overloads)

    def led(self, prefix: Prefix, interfaces: Collection[str] | None) -> None:
        """Take in that a route of this prefix leads out by these interfaces now; None: it was withdrawn.

        The kernel decides once per flow: packets that went through a tunnel would leave by the outside interface
        without translation.
        """
        outside = {overload.outside for overload in self._order.overloads}  # looked up, never iterated
        if prefix.version != 4:
            return
        if interfaces is None or any(name in outside for name in interfaces):
            is_first = not self._moved
            self._moved[prefix] = None
            if is_first and self._later is not None:
                self._later(self._pause, self._follow)

    def clear_flows(self) -> None:
        """Remove all translated flows. Raises HostProblem."""
        kernel = self.table.kernel
        if kernel is not None:
            try:
                netfilter.forget(kernel, [flow for flow, _ in self._flows(kernel, self._order.overloads)])
            except OSError as error:
                raise explained(error) from error

    def translations(self, here: str = "") -> Translations:
        """Return the live flows, and the counters of the rules. here: the VRF of this network namespace."""
        kernel = self.table.kernel
        if kernel is None or not self._order.overloads:
            return Translations()
        try:
            vrfs = {mark(number_of(name)): vrf for (_, vrf), names in self._from_vrfs.items() for name in names}
            flows = self._flows(kernel, self._order.overloads)
            found = tuple(replace(one, vrf=vrfs.get(flow.mark, here)) for flow, one in flows)
            hits, misses = (old + new for old, new in zip(self._earlier, self._counters(), strict=True))
        except OSError:
            return Translations()
        return Translations(found, hits, misses)

    def _lose(self, error: OSError) -> None:
        self.lost(explained(error))

    def _contents(self, table: str, mark: str) -> Ruleset:
        """Return the chains and rules; those in the table are about to go, with their counters."""
        self._earlier = [old + new for old, new in zip(self._earlier, self._counters(), strict=True)]
        return ruleset(table, self._order, self._linux, mark, self._from_vrfs)

    def _counters(self) -> tuple[int, int]:
        """Return packets of flows, and packets that began one, by the current rules: those of this run."""
        rules = [one for one in self.table.rules() if one.packets is not None]
        hits = sum(one.packets or 0 for one in rules if one.chain == PASSING)
        return hits, sum(one.packets or 0 for one in rules if one.chain.startswith(MAP))

    # ------------------------------------------------------------------------------------------------ flows

    def _correct(self, before: SetTranslation) -> None:
        """Remove flows that are not as the order says; without nf_conntrack_netlink they expire by themselves."""
        kernel = self.table.kernel
        if kernel is not None:
            with suppress(OSError):
                # The flows of interfaces that are no longer outside go. If one is no longer inside, all go: a flow does
                # not record its inside interface.
                outside = {overload.outside for overload in self._order.overloads}  # looked up, never iterated
                inside = set(self._order.inside)  # likewise
                is_narrower = any(name not in inside for name in before.inside)
                former = [one for one in before.overloads if is_narrower or one.outside not in outside]
                if former:
                    netfilter.forget(kernel, [flow for flow, _ in self._flows(kernel, former)])
                if self._order.overloads:
                    self._forget_others(kernel)

    def _follow(self) -> None:
        """Check flows after routes have changed, possibly many.

        This takes a tenth of our time, however many flows there are.
        """
        moved, self._moved = self._moved, PrefixTable()
        begun = time.monotonic()
        if self.table.kernel is not None and self._order.overloads:
            with suppress(OSError):  # without nf_conntrack_netlink they expire by themselves
                self._forget_others(self.table.kernel, moved)
        self._pause = max(_MOMENT, 9 * (time.monotonic() - begun))

    def _flows(
        self, kernel: NetfilterSocket, overloads: Iterable[Overload]
    ) -> Iterator[tuple[TrackedFlow, TranslatedFlow]]:
        """Yield the flows whose source is translated to an address of an outside interface of these rules."""
        outside = dict.fromkeys(overload.outside for overload in overloads)
        own = {address for name in outside for address in self._addresses(name)}  # looked up, never iterated
        for flow in netfilter.flows(kernel):
            is_of_router = flow.original.source in own or flow.original.source.is_link_local  # in another VRF
            if flow.is_source_translated and flow.reply.destination in own and not is_of_router:
                yield flow, _translated(flow)

    def _forget_others(self, kernel: NetfilterSocket, moved: PrefixTable[None] | None = None) -> None:
        """Remove flows that contradict the order: their next packet starts a new flow.

        They began before they had to be translated, or before their protocol became one of our own tunnels'. moved:
        prefixes with a changed route; then only flows to there, and their replies, are checked.
        """
        overloads = self._order.overloads
        refused = {protocol for overload in overloads for protocol in overload.refused}  # looked up, never iterated
        outside = {address for overload in overloads for address in self._addresses(overload.outside)}  # likewise
        own = outside | {address for name in self._order.inside for address in self._addresses(name)}  # likewise

        def is_against(flow: TrackedFlow) -> bool:
            if flow.is_source_translated:
                return flow.protocol in refused and flow.reply.destination in outside
            ways = (flow.original,) if moved is None else (flow.original, flow.reply)
            packets = [_packet(flow.protocol, ends) for ends in ways if moved is None or moved.lookup(ends.destination)]
            is_of_others = flow.original.source not in own and flow.original.destination not in own
            would_be = is_of_others and any(one.translates(packet) for one in overloads for packet in packets)
            return would_be and not flow.is_translated

        netfilter.forget(kernel, [flow for flow in netfilter.flows(kernel) if is_against(flow)])


def _translated(flow: TrackedFlow) -> TranslatedFlow:
    return TranslatedFlow(
        protocol=flow.protocol,
        inside_local=(flow.original.source, flow.original.source_port),
        inside_global=(flow.reply.destination, flow.reply.destination_port),
        outside=(flow.original.destination, flow.original.destination_port),
        expires=None if flow.expires is None else float(flow.expires),
        answered=flow.answered,
    )


def _packet(protocol: int, ends: Ends) -> PacketFlow:
    return PacketFlow(protocol, ends.source, ends.destination, ends.source_port, ends.destination_port)
