"""A router's NAT in the kernel: a table of its own (`tables`), and its flows.

The table of a killed router goes on translating until the next run replaces it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import SetTranslation
from dmvpn.base.lpm import PrefixTable
from dmvpn.base.translation import FlowFilter, PacketFlow, TranslatedFlow, Translations
from dmvpn.dataplane import netlink
from dmvpn.dataplane.host import HostProblem
from dmvpn.dataplane.netlink import netfilter
from dmvpn.dataplane.netlink.netfilter import Ends, TrackedFlow, explained
from dmvpn.dataplane.netlink.nfsocket import NetfilterSocket
from dmvpn.dataplane.netlink.nftables import Ruleset
from dmvpn.dataplane.userspace.keeper import Keeper, TablePurpose
from dmvpn.dataplane.userspace.leak_ends import mark, number_of
from dmvpn.dataplane.userspace.tables import KernelTable, TableHost
from dmvpn.dataplane.userspace.translation_rules import BEYOND, MAP, PASSING, FromVrfs, ruleset, shut

#: Seconds. Routes that change together are all changed by then.
_MOMENT: Final = 0.05
#: Of the routes by which the kernel answers for addresses: a route to another router that has one of them counts more.
_METRIC: Final = netlink.ROUTE_METRIC + 1


class Translation:
    """Carries out `SetTranslation` in the network namespace in which it gets its first order."""

    def __init__(
        self,
        host: TableHost,
        linux: Callable[[str], str],
        addresses: Callable[[str], list[IPv4Address]],
        routes: netlink.NetlinkSocket,
        keeper: Keeper,
        table: int,
    ) -> None:
        """linux, addresses: of an interface by its IOS name.

        routes, keeper, table: for the addresses that the router answers for.
        """
        self._routes, self._keeper, self._table = routes, keeper, table
        self._linux = linux
        self._addresses = addresses
        self._later = host.later
        self._order = SetTranslation()
        self._from_vrfs: FromVrfs = {}
        self._answered: list[netlink.KernelRoute] = []
        self._is_shut, self._shares = False, True
        #: The table in the kernel.
        self.table = KernelTable(TablePurpose.TRANSLATION, host, self._contents, self._lose)
        #: Called when the kernel does not take a lost table again.
        self.lost: Callable[[HostProblem], None] = lambda _: None
        self._earlier = [0, 0, 0]
        #: Prefixes whose routes have changed lately, and the seconds after which their flows are checked.
        self._moved: PrefixTable[None] = PrefixTable()
        self._pause = _MOMENT

    def set(self, order: SetTranslation, from_vrfs: FromVrfs | None = None) -> None:
        """Apply this order. Raises HostProblem; the next order, or the same again, is another attempt.

        from_vrfs: where packets of other VRFs come in, for the rules about them.
        """
        before, self._order, self._is_shut = self._order, order, False
        self._from_vrfs = from_vrfs or {}
        if not self.is_used:
            self._answer_for(())
            if before.rules or before.statics:
                self.table.remove()  # first: a packet that comes in between must not make a new flow
                self._correct(before)
            self._earlier = [0, 0, 0]
            return
        try:
            self._put()
            self._answer_for(order.aliases)  # only now: the table drops what no rule takes
        except OSError as error:
            self._shut()
            raise explained(error) from error
        self._correct(before)

    def _put(self) -> None:
        try:
            self.table.put()
        except OSError:
            if not self._shares:
                raise
            self._shares = False  # a kernel without nft_connlimit
            self.table.put()

    def _shut(self) -> None:
        """Let nothing pass from inside to outside, as far as the kernel can: packets would leave untranslated."""
        self._is_shut = True
        with suppress(OSError):
            self.table.put()
        with suppress(OSError):
            self._answer_for(())

    def _answer_for(self, prefixes: Collection[Prefix]) -> None:
        """Have the kernel answer for exactly these addresses. Raises OSError."""
        hops = (netlink.KernelNextHop(1),)  # the loopback interface is the first one
        wanted = {
            netlink.KernelRoute(prefix, hops, netlink.RouteType.LOCAL, _METRIC, table=self._table): None
            for prefix in prefixes
        }
        for gone in [route for route in self._answered if route not in wanted]:
            self._keeper.release(gone)
            self._routes.execute([netlink.delete_route(gone)])
            self._answered.remove(gone)
        for route in [route for route in wanted if route not in self._answered]:
            self._routes.call(netlink.set_up("lo"))
            self._keeper.want(route, netlink.replace_route(route))
            self._answered.append(route)
            self._routes.call(netlink.replace_route(route))

    @property
    def is_used(self) -> bool:
        """Whether any addresses are translated."""
        return bool(self._order.rules or self._order.statics)

    def led(self, prefix: Prefix, interfaces: Collection[str] | None) -> None:
        """Take in that a route of this prefix leads out by these interfaces now; None: it was withdrawn.

        The kernel decides once per flow: packets that went through a tunnel would leave by the outside interface
        without translation.
        """
        outside = {*self._order.outside, *(one.outside for one in self._order.rules)}  # looked up, never iterated
        if prefix.version != 4:
            return
        if interfaces is None or any(name in outside for name in interfaces):
            is_first = not self._moved
            self._moved[prefix] = None
            if is_first and self._later is not None:
                self._later(self._pause, self._follow)

    def clear_flows(self, meant: FlowFilter | None = None, here: str = "") -> None:
        """Remove these translated flows, None: all. here: the VRF of this network namespace. Raises HostProblem."""
        kernel = self.table.kernel
        if kernel is not None:
            try:
                gone = [flow for flow, one in self._own_flows(kernel, here) if meant is None or meant.fits(one)]
                netfilter.forget(kernel, gone)
            except OSError as error:
                raise explained(error) from error

    def translations(self, here: str = "") -> Translations:
        """Return the live flows, and the counters of the rules. here: the VRF of this network namespace."""
        kernel = self.table.kernel
        if kernel is None or not self.is_used:
            return Translations()
        try:
            found = tuple(one for _, one in self._own_flows(kernel, here))
            counted = (old + new for old, new in zip(self._earlier, self._counters(), strict=True))
        except OSError:
            return Translations()
        return Translations(found, *counted)

    def _lose(self, error: OSError) -> None:
        self.lost(explained(error))

    def _contents(self, table: str, mark: str) -> Ruleset:
        """Return the chains and rules; those in the table are about to go, with their counters."""
        self._earlier = [old + new for old, new in zip(self._earlier, self._counters(), strict=True)]
        if self._is_shut:
            return shut(table, self._order, self._linux, self._from_vrfs)
        return ruleset(table, self._order, self._linux, mark, self._from_vrfs, shares=self._shares)

    def _counters(self) -> tuple[int, int, int]:
        """Return packets of flows, packets that began one, and refused ones, by the current rules of this run."""
        rules = [one for one in self.table.rules() if one.packets is not None]
        hits = sum(one.packets or 0 for one in rules if one.chain == PASSING)
        begun = [one for one in rules if one.chain.startswith(MAP)]
        refused = sum(one.packets or 0 for one in begun if one.mark == BEYOND)
        return hits, sum(one.packets or 0 for one in begun) - refused, refused

    # ------------------------------------------------------------------------------------------------ flows

    def _correct(self, before: SetTranslation) -> None:
        """Remove flows that are not as the order says; without nf_conntrack_netlink they expire by themselves."""
        kernel = self.table.kernel
        if kernel is not None:
            with suppress(OSError):
                # The flows of interfaces that are no longer outside go, and those of pools and static rules that are
                # gone. If an interface is no longer inside, all go: a flow does not record its inside interface.
                order = self._order
                kept = {(one.outside, one.pool, one.address) for one in order.rules}  # looked up, never iterated
                is_narrower = any(name not in order.inside for name in before.inside)
                rules = tuple(
                    one for one in before.rules if is_narrower or (one.outside, one.pool, one.address) not in kept
                )
                statics = tuple(one for one in before.statics if is_narrower or one not in order.statics)
                if rules or statics:
                    former = replace(before, rules=rules, statics=statics)
                    netfilter.forget(kernel, [flow for flow, _ in self._flows(kernel, former)])
                if self.is_used:
                    self._forget_others(kernel)

    def _follow(self) -> None:
        """Check flows after routes have changed, possibly many.

        This takes a tenth of our time, however many flows there are.
        """
        moved, self._moved = self._moved, PrefixTable()
        begun = time.monotonic()
        if self.table.kernel is not None and self.is_used:
            with suppress(OSError):  # without nf_conntrack_netlink they expire by themselves
                self._forget_others(self.table.kernel, moved)
        self._pause = max(_MOMENT, 9 * (time.monotonic() - begun))

    def _own_flows(self, kernel: NetfilterSocket, here: str) -> Iterator[tuple[TrackedFlow, TranslatedFlow]]:
        """Yield the flows of the order, with the VRF of their station."""
        vrfs = {mark(number_of(name)): vrf for (_, vrf), names in self._from_vrfs.items() for name in names}
        for flow, one in self._flows(kernel, self._order):
            yield flow, replace(one, vrf=vrfs.get(flow.mark, here))

    def _shared(self, order: SetTranslation) -> frozenset[IPv4Address]:
        """Return the router's addresses that stations may share. To be looked up, never iterated."""
        ports = frozenset(address for one in order.rules for address in self._addresses(one.outside))
        return ports | {one.address for one in order.rules if one.address is not None}

    def _flows(self, kernel: NetfilterSocket, order: SetTranslation) -> Iterator[tuple[TrackedFlow, TranslatedFlow]]:
        """Yield the flows of these rules: their source, or their destination, has a public address of one."""
        own = self._shared(order)

        def is_public(address: IPv4Address) -> bool:
            return (
                address in own
                or any(one.gives(address) for one in order.rules)
                or any(address in one.published for one in order.statics)
            )

        for flow in netfilter.flows(kernel):
            is_of_router = flow.original.source in own or flow.original.source.is_link_local  # in another VRF
            if flow.is_destination_translated and is_public(flow.original.destination):
                yield flow, _translated(flow, flow.reply, flow.original)
            elif flow.is_source_translated and is_public(flow.reply.destination) and not is_of_router:
                yield flow, _translated(flow, flow.original, flow.reply)

    def _forget_others(self, kernel: NetfilterSocket, moved: PrefixTable[None] | None = None) -> None:
        """Remove flows that contradict the order: their next packet starts a new flow.

        They began before they had to be translated, or before their protocol became one of our own tunnels'. moved:
        prefixes with a changed route; then only flows to there, and their replies, are checked.
        """
        rules, statics = self._order.rules, self._order.statics
        refused = {protocol for one in rules for protocol in one.refused}  # looked up, never iterated
        outside = self._shared(self._order)
        own = outside | {address for name in self._order.inside for address in self._addresses(name)}  # likewise

        def is_meant(packet: PacketFlow) -> bool:
            return any(one.translates(packet) for one in rules) or any(
                one.outside_of(packet.protocol, packet.source, packet.source_port)
                or one.inside_of(packet.protocol, packet.destination, packet.destination_port)
                for one in statics
            )

        def is_against(flow: TrackedFlow) -> bool:
            if flow.is_source_translated:
                return flow.protocol in refused and flow.reply.destination in outside
            ways = (flow.original,) if moved is None else (flow.original, flow.reply)
            packets = [_packet(flow.protocol, ends) for ends in ways if moved is None or moved.lookup(ends.destination)]
            is_of_others = flow.original.source not in own and flow.original.destination not in own
            return is_of_others and not flow.is_translated and any(map(is_meant, packets))

        netfilter.forget(kernel, [flow for flow in netfilter.flows(kernel) if is_against(flow)])


def _translated(flow: TrackedFlow, local: Ends, public: Ends) -> TranslatedFlow:
    """Return a flow. local: the ends of packets of the station inside. public: of packets to its public address."""
    return TranslatedFlow(
        protocol=flow.protocol,
        inside_local=(local.source, local.source_port),
        inside_global=(public.destination, public.destination_port),
        outside=(public.source, public.source_port),
        expires=None if flow.expires is None else float(flow.expires),
        answered=flow.answered,
    )


def _packet(protocol: int, ends: Ends) -> PacketFlow:
    return PacketFlow(protocol, ends.source, ends.destination, ends.source_port, ends.destination_port)
