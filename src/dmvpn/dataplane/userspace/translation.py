"""A router's NAT in the kernel: a table of its own, restored when another program removes it, and its flows.

The table has a name that no living router of this network namespace has ("dmvpn-nat", then "dmvpn-nat-2" ...), and is
in the records: the table of a killed router stays and goes on translating, until the next run replaces it in one step,
begins without NAT, or `dmvpn cleanup` removes it. nf_tables is not used before the first order.
"""

from __future__ import annotations

import itertools
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from dmvpn.base.effects import SetTranslation
from dmvpn.base.events import KernelContested
from dmvpn.base.lpm import PrefixTable
from dmvpn.base.translation import PacketFlow, TranslatedFlow, Translations
from dmvpn.dataplane.netlink import conntrack
from dmvpn.dataplane.netlink.netfilter import explained
from dmvpn.dataplane.netlink.nftables import NetfilterMonitor, NetfilterSocket
from dmvpn.dataplane.userspace import keeper
from dmvpn.dataplane.userspace.overload import MAP, PASSING, removal, ruleset
from dmvpn.dataplane.userspace.things import Difference, TranslationTable, words

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.events import Event
    from dmvpn.base.translation import Overload
    from dmvpn.dataplane.netlink.conntrack import Ends, TrackedFlow
    from dmvpn.dataplane.userspace.keeper import Later
    from dmvpn.dataplane.userspace.records import Ledger, Others
    from dmvpn.dataplane.userspace.watch import Watch

_NAME: Final = "dmvpn-nat"
#: Seconds. Routes that change together are all changed by then.
_MOMENT: Final = 0.05
_OURS: Final = re.compile(rf"{_NAME}(?:-\d+)?")


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
        self._ledger = ledger
        self._others = others
        self._linux = linux
        self._addresses = addresses
        self._report = report
        self._watch = watch
        self._later = later
        self._order = SetTranslation()
        self._kernel: NetfilterSocket | None = None
        self._monitor: NetfilterMonitor | None = None
        self._table = ""
        #: Our rules with the numbers that the kernel gave them.
        self._there: list[tuple[str, int]] = []
        self._earlier = [0, 0]
        self._inherited: tuple[str, ...] = ()
        self._losses = 0
        self._lost_at = float("-inf")
        self._contested = False
        self._waiting = False
        #: Prefixes whose routes have changed lately, and the seconds after which their flows are checked.
        self._moved: PrefixTable[None] = PrefixTable()
        self._pause = _MOMENT

    def set(self, order: SetTranslation) -> None:
        """Apply this order. Raises HostProblem; the next order, or the same again, is another attempt."""
        if not order.overloads:
            self._stop(order)
            return
        before, self._order = self._order, order
        try:
            kernel = self._open()
            self._put(kernel)
        except OSError as error:
            raise explained(error) from error
        with suppress(OSError):  # without nf_conntrack_netlink they expire by themselves
            self._forget_former(kernel, before)
            self._forget_others(kernel)

    def led(self, prefix: Prefix, interfaces: Collection[str] | None) -> None:
        """Take in that a route of this prefix leads out by these interfaces now; None: it was withdrawn.

        The kernel decides once per flow: packets that went through a tunnel would leave by the outside interface
        without translation.
        """
        if not self._order.overloads:
            return
        outside = {overload.outside for overload in self._order.overloads}  # looked up, never iterated
        if prefix.version != 4:
            return
        if interfaces is None or any(name in outside for name in interfaces):
            is_first = not self._moved
            self._moved[prefix] = None
            if is_first and self._later is not None:
                self._later(self._pause, self._follow)

    def inherit(self, others: Others) -> None:
        """Let tables of killed routers go on translating until this one has given its order (`age`)."""
        self._inherited = tuple(sorted({name for dead in others.dead for name in dead.tables}))

    def age(self) -> None:
        """Remove inherited tables that were not taken over."""
        inherited, self._inherited = self._inherited, ()
        if any(name != self._table for name in inherited):
            remove_tables(self._others(), but=self._table)

    def forget(self) -> None:
        """Remove all translated flows. Raises HostProblem."""
        if self._kernel is not None:
            try:
                conntrack.forget(self._kernel, [flow for flow, _ in self._flows(self._kernel, self._order.overloads)])
            except OSError as error:
                raise explained(error) from error

    def translations(self) -> Translations:
        """Return the live flows, and the counters of the rules."""
        if self._kernel is None or not self._order.overloads:
            return Translations()
        try:
            found = tuple(one for _, one in self._flows(self._kernel, self._order.overloads))
            hits, misses = self._counted(self._kernel)
        except OSError:
            return Translations()
        return Translations(found, hits, misses)

    def differences(self) -> list[Difference]:
        """Return the differences between the table and its order."""
        if self._kernel is None or not self._order.overloads:
            return []
        there = self._handles(self._kernel)
        if there == self._there:
            return []
        return [Difference(self._words(), "other rules are in it" if there else "missing")]

    def close(self) -> None:
        """End translation. Live flows continue if a next run takes them up soon."""
        self.age()
        if self._monitor is not None and self._watch is not None:
            self._watch.remove(self._monitor.fileno())
            self._monitor.close()
            self._monitor = None
        if self._kernel is not None:
            self._remove(self._kernel)
            self._kernel.close()
            self._kernel = None

    # ------------------------------------------------------------------------------------------------ the table

    def _open(self) -> NetfilterSocket:
        if self._kernel is None:
            self._kernel = NetfilterSocket()
            if self._watch is not None:
                self._monitor = NetfilterMonitor()
                self._watch.add(self._monitor.fileno(), self._heard)
        if not self._table:
            taken = {name for other in self._others().living for name in other.tables}  # looked up, never iterated
            names = itertools.chain((_NAME,), (f"{_NAME}-{number}" for number in itertools.count(2)))
            self._table = next(name for name in names if name not in taken)
        return self._kernel

    def _put(self, kernel: NetfilterSocket) -> None:
        self._ledger.holds(self._table)
        self._earlier = [old + new for old, new in zip(self._earlier, self._counters(kernel), strict=True)]
        kernel.transact(ruleset(self._table, self._order, self._linux))
        self._there = self._handles(kernel)

    def _stop(self, order: SetTranslation) -> None:
        before, self._order = self._order, order
        if self._kernel is not None and before.overloads:
            self._remove(self._kernel)  # first: a packet that comes in between must not make a new flow
            with suppress(OSError):  # without nf_conntrack_netlink they expire by themselves
                self._forget_former(self._kernel, before)
        self._earlier = [0, 0]

    def _remove(self, kernel: NetfilterSocket) -> None:
        if self._table:
            self._there = []
            try:
                kernel.transact(removal(self._table))
            except OSError:
                return  # it stays in the records, for a later cleanup
            self._ledger.released(self._table)

    def _heard(self) -> None:
        if self._monitor is not None and self._monitor.read():
            self._restore()

    def _restore(self) -> None:
        """Restore the table if it was changed: at once, and at growing intervals if another program insists."""
        if self._kernel is None or not self._order.overloads or self._waiting:
            return
        try:
            if self._handles(self._kernel) == self._there:
                return
            delay = self._lost()
            if delay and self._later is not None:
                self._wait(delay)
            else:
                self._put(self._kernel)
        except OSError:  # it was refused, or an answer is lost
            self._wait(keeper.LONGEST_DELAY)

    def _follow(self) -> None:
        """Check flows after routes have changed, possibly many.

        This takes a tenth of our time, however many flows there are.
        """
        moved, self._moved = self._moved, PrefixTable()
        begun = time.monotonic()
        if self._kernel is not None and self._order.overloads:
            with suppress(OSError):  # without nf_conntrack_netlink they expire by themselves
                self._forget_others(self._kernel, moved)
        self._pause = max(_MOMENT, 9 * (time.monotonic() - begun))

    def _wait(self, delay: float) -> None:
        if self._later is not None:
            self._waiting = True
            self._later(delay, self._restore_late)

    def _restore_late(self) -> None:
        self._waiting = False
        try:
            if self._kernel is not None and self._order.overloads and self._handles(self._kernel) != self._there:
                self._put(self._kernel)
        except OSError:
            self._wait(keeper.LONGEST_DELAY)

    def _lost(self) -> float:
        """Count a loss or change of the table. Returns the seconds until it is restored."""
        now = time.monotonic()
        self._losses = self._losses + 1 if now - self._lost_at < keeper.CALM else 1
        self._lost_at = now
        if self._losses >= keeper.FIGHT and not self._contested and self._later is not None:
            self._contested = True
            self._report(KernelContested(self._words(), ended=False))
            self._later(keeper.CALM, self._calm)
        later = self._losses - keeper.AT_ONCE
        return min(keeper.FIRST_DELAY * 2**later, keeper.LONGEST_DELAY) if later > 0 else 0.0

    def _calm(self) -> None:
        """Take in that the conflict may be over."""
        left = self._lost_at + keeper.CALM - time.monotonic()
        if left > 0 and self._later is not None:
            self._later(left, self._calm)
        elif self._kernel is not None:
            self._contested = False
            self._report(KernelContested(self._words(), ended=True))

    def _words(self) -> str:
        return words(TranslationTable(self._table), str)

    def _handles(self, kernel: NetfilterSocket) -> list[tuple[str, int]]:
        return [(one.chain, one.handle) for one in kernel.rules(self._table)]

    def _counted(self, kernel: NetfilterSocket) -> tuple[int, int]:
        (old_hits, old_misses), (hits, misses) = self._earlier, self._counters(kernel)
        return old_hits + hits, old_misses + misses

    def _counters(self, kernel: NetfilterSocket) -> tuple[int, int]:
        """Return packets of flows, and packets that began one, by the current rules: those of this run."""
        rules = [one for one in kernel.rules(self._table) if one.packets is not None] if self._there else []
        hits = sum(one.packets or 0 for one in rules if one.chain == PASSING)
        return hits, sum(one.packets or 0 for one in rules if one.chain.startswith(MAP))

    # ------------------------------------------------------------------------------------------------ flows

    def _flows(
        self, kernel: NetfilterSocket, overloads: Iterable[Overload]
    ) -> Iterator[tuple[TrackedFlow, TranslatedFlow]]:
        """Yield the flows whose source is translated to an address of an outside interface of these rules."""
        outside = dict.fromkeys(overload.outside for overload in overloads)
        own = {address for name in outside for address in self._addresses(name)}  # looked up, never iterated
        for flow in conntrack.flows(kernel):
            if flow.is_source_translated and flow.reply.destination in own and flow.original.source not in own:
                yield flow, _translated(flow)

    def _forget_former(self, kernel: NetfilterSocket, before: SetTranslation) -> None:
        """Remove flows of an interface that is no longer outside.

        If one is no longer inside, all are removed: a flow does not record its inside interface.
        """
        outside = {overload.outside for overload in self._order.overloads}  # looked up, never iterated
        inside = set(self._order.inside)  # likewise
        is_narrower = any(name not in inside for name in before.inside)
        former = [overload for overload in before.overloads if is_narrower or overload.outside not in outside]
        if former:
            conntrack.forget(kernel, [flow for flow, _ in self._flows(kernel, former)])

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

        conntrack.forget(kernel, [flow for flow in conntrack.flows(kernel) if is_against(flow)])


def leftover_tables(kernel: NetfilterSocket, others: Others) -> list[str]:
    """Return tables of ours that no living router owns. Raises OSError."""
    living = {name for other in others.living for name in other.tables}  # looked up, never iterated
    return [name for name in kernel.tables() if is_ours(name) and name not in living]


def remove_tables(others: Others, but: str = "") -> list[str]:
    """Remove tables of dead routers in the network namespace of the calling thread, all but one; returns the names."""
    try:
        with NetfilterSocket() as kernel:
            names = [name for name in leftover_tables(kernel, others) if name != but]
            for name in names:
                kernel.transact(removal(name))
            return names
    except OSError:  # a kernel without nf_tables has none
        return []


def is_ours(table: str) -> bool:
    """Return whether the name is one of our tables'."""
    return _OURS.fullmatch(table) is not None


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
