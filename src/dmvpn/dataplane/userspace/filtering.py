"""The packet filters of a network namespace: a table of nf_tables, with chains for each list of each port.

    table ip dmvpn-filter { flags owner, persist                                  and dmvpn-filter6 for IPv6
        map in  { "Gi0-1" : goto in-1.3-list }      the list of a port is changed by changing this element, in one step
        map out { "Gi0-1" : goto out-1.3-list }
        chain arriving { type filter hook prerouting priority -450; iifname vmap @in }     before conntrack's reassembly
        chain leaving { type filter hook postrouting priority 200; oifname vmap @out }        only packets that came in
        chain sent { type filter hook output ...; ICMP unreachable of a port without unreachables: drop }
        chain denied { limit rate 2/second burst 1 jump answered; drop }                the router answers the sender
        chain shut { drop } }

A list is put beside the old one, then the element changes, then the old one goes: no packet passes between two lists.
A list that cannot be put leaves its port shut: its element leads to `shut`, and the link stays as it is.

Other programs cannot change the table (`tables`). It stays after `kill -9`: the next run has a table of its own beside
it, and takes each port out of the old one when its lists are put, or its grace is over.

Packets that the kernel copies to the router: those of entries with `log`, and denied ones, which are answered.

The first packet of a flow is reported at once; the packets that follow within `_MERGED` are one further report.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import suppress
from dataclasses import field, replace
from typing import Final

from dmvpn.base.breath import breathing
from dmvpn.base.effects import SetFilters
from dmvpn.base.events import EffectFailed, Event, PacketsFiltered
from dmvpn.base.filters import FilterCount, FilterEntry, PortFilters
from dmvpn.base.translation import ICMP
from dmvpn.base.values import Mutable
from dmvpn.dataplane import netlink
from dmvpn.dataplane.contract import Alarms
from dmvpn.dataplane.host import HostProblem
from dmvpn.dataplane.netlink.nfsocket import CopiedPacket, CopiedPackets
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
    copied,
    delete_chain,
    empty_chain,
    is_protocol,
    limited,
    meta,
    rule,
    transport_header,
    verdict,
)
from dmvpn.dataplane.netlink.sets import (
    FIRST_REGISTER,
    add_elements,
    delete_names,
    delete_set,
    lookup,
    name_element,
    name_map,
    sets_there,
)
from dmvpn.dataplane.packets import packet_of
from dmvpn.dataplane.userspace.engine import Watch
from dmvpn.dataplane.userspace.filter_matches import Rules, UnsuitableEntry, counts_of
from dmvpn.dataplane.userspace.filter_rules import DENIED, add_list, add_reverse_path
from dmvpn.dataplane.userspace.keeper import Later, TablePurpose
from dmvpn.dataplane.userspace.tables import KernelTable, TableHost
from dmvpn.net.icmp import IcmpType

# ---------------------------------------------------------------------------------------------------- filter reports

#: Octets of a copy: the longest IP header, and what an ICMP error quotes behind it.
OCTETS: Final = 128
DENIED_PREFIX: Final = "dmvpn denied"
_PREFIX: Final = "dmvpn filter"
#: Seconds in which packets of one flow are one report.
_MERGED: Final = 1.0


def prefix_of(port: int, sequence: int, *, inward: bool) -> str:
    """Return the text of the copies of an entry. port: its number."""
    return f"{_PREFIX} {port} {'in' if inward else 'out'} {sequence}"


class FilterReports:
    """Reads the copies."""

    def __init__(
        self,
        report: Callable[[Event], None],
        later: Later | None,
        answer: Callable[[int, bytes], None] | None,
        name_of: Callable[[int], str],
    ) -> None:
        """later: see `Keeper`. answer: see `Filtering`. name_of: the interface of a number."""
        self._report = report
        self._later = later
        self._answer = answer
        self._name_of = name_of
        self._copies: CopiedPackets | None = None
        self._alarms = Alarms()
        self._waiting: dict[Hashable, PacketsFiltered] = {}
        self._seen: dict[Hashable, float] = {}

    @property
    def group(self) -> int | None:
        """The group that rules send copies to; None: the router does not listen."""
        return None if self._copies is None else self._copies.group

    def listen(self, watch: Watch | None) -> None:
        """Begin, if the kernel has NFLOG; without it packets are filtered, and not reported."""
        if self._copies is None and watch is not None:
            with suppress(OSError):
                self._copies = CopiedPackets(OCTETS)
                watch.add(self._copies.fileno(), self._read)

    def close(self, watch: Watch | None) -> None:
        """Stop."""
        if self._copies is not None and watch is not None:
            watch.remove(self._copies.fileno())
            self._copies.close()
            self._copies = None

    def _read(self) -> None:
        if self._copies is None:
            return
        with suppress(OSError):
            for copy in self._copies.read_packets():
                if copy.prefix == DENIED_PREFIX:
                    if self._answer is not None:
                        self._answer(copy.arrived, copy.data)
                else:
                    self._take(copy)

    def _take(self, copy: CopiedPacket) -> None:
        words = copy.prefix.removeprefix(_PREFIX).split()
        packet = packet_of(copy.data)
        if len(words) != 3 or packet is None:
            return
        port, way, sequence = words
        name = self._name_of(int(port))
        if not name:
            return
        event = PacketsFiltered(name, way == "in", int(sequence), packet, 1, copy.hardware_address)
        ends = (packet.source, packet.source_port, packet.destination, packet.destination_port)
        flow = (name, way, sequence, packet.protocol, ends, packet.icmp)
        waiting = self._waiting.get(flow)
        if waiting is not None:
            self._waiting[flow] = replace(waiting, count=waiting.count + 1)
        elif flow in self._seen:
            self._waiting[flow] = event
        elif self._alarms.may_tell(flow, time.monotonic()):
            self._report(event)
            self._remember(flow)

    def _remember(self, flow: Hashable) -> None:
        if self._later is not None:
            is_first = not self._seen
            self._seen[flow] = time.monotonic()
            if is_first:
                self._later(_MERGED, self._flush)

    def _flush(self) -> None:
        """Report the packets that came since, and forget flows without packets."""
        waiting, self._waiting, self._seen = self._waiting, {}, {}
        for flow, event in waiting.items():
            self._report(event)
            self._remember(flow)


# ---------------------------------------------------------------------------------------------------- filter hooks

#: The chain of ports that let nothing pass.
SHUT: Final = "shut"
#: The map of ports by which no ICMP unreachable of the router leaves.
UNREACHABLES: Final = "quiet"
#: Base chains that are not always there.
LEAVING: Final = "leaving"
SENT: Final = "sent"
#: Before conntrack reassembles (-400); behind the translation of sources (100).
_ARRIVING_PRIORITY, _LEAVING_PRIORITY = -450, 200
#: ICMP messages about denied packets, a second: one in `PROHIBITED_INTERVAL`.
_ANSWERS: Final = 2


def map_of(*, inward: bool) -> str:
    """Return the name of the map from ports to their lists."""
    return "in" if inward else "out"


def bases(table: str, group: int | None) -> Iterator[Part]:
    """Yield the maps, and the chains at the end of all lists.

    group: where copies of denied packets go, None: there are none.
    """
    yield name_map(table, map_of(inward=True), 1)
    yield name_map(table, map_of(inward=False), 2)
    yield name_map(table, UNREACHABLES, 3)
    for name in (DENIED, SHUT):
        yield chain(table, name)
    if group is not None:
        answer = (limited(_ANSWERS, burst=1), copied(group, DENIED_PREFIX, OCTETS))
        yield rule(table, DENIED, *answer, verdict(NetfilterVerdict.DROP))
    yield rule(table, DENIED, verdict(NetfilterVerdict.DROP))
    yield rule(table, SHUT, verdict(NetfilterVerdict.DROP))


def arriving(table: str) -> Iterator[Part]:
    """Yield the base chain of packets that arrive."""
    yield base_chain(table, "arriving", "filter", Hook.PREROUTING, _ARRIVING_PRIORITY)
    yield rule(table, "arriving", meta(Meta.INPUT_NAME, FIRST_REGISTER), lookup(map_of(inward=True)))


def hook(table: str, name: str) -> Iterator[Part]:
    """Yield a base chain that is not always there: each costs every packet some time."""
    if name == LEAVING:
        yield base_chain(table, name, "filter", Hook.POSTROUTING, _LEAVING_PRIORITY)
        came_in = (meta(Meta.INPUT), compare(Compare.NOT_EQUAL, bytes(4)))
        yield rule(table, name, *came_in, meta(Meta.OUTPUT_NAME, FIRST_REGISTER), lookup(map_of(inward=False)))
        return
    yield base_chain(table, name, "filter", Hook.OUTPUT, 0)
    kind = (transport_header(0, 1), compare(Compare.EQUAL, bytes((IcmpType.DESTINATION_UNREACHABLE,))))
    silent = (meta(Meta.OUTPUT_NAME, FIRST_REGISTER), lookup(UNREACHABLES))
    yield rule(table, name, *is_protocol(ICMP), *kind, *silent)


# ---------------------------------------------------------------------------------------------------- filtering

#: Copies of packets of one entry, a second; the router reports fewer.
_COPIES: Final = 1000
_WAYS: Final = (True, False)


class _Port(Mutable):
    """The order for a port, and the chains that it has.

    number: in the names of its chains; puts: how often they were made.
    built: by direction; leads: the chains that the elements of the port lead to, by direction.
    earlier: counts of chains that are gone, by direction and number of the entry.
    """

    number: int
    filters: PortFilters = field(default_factory=PortFilters)
    puts: int = 0
    built: dict[int, Rules] = field(default_factory=dict)
    leads: dict[bool, str] = field(default_factory=dict)
    is_quiet: bool = False
    refused: str = ""
    earlier: dict[tuple[int, int], int] = field(default_factory=dict)

    @property
    def is_silent(self) -> bool:
        """Whether no ICMP unreachable of the router leaves by it."""
        return not self.filters.unreachables

    def has(self, inward: bool) -> bool:
        """Return whether something is asked about packets in this direction."""
        if inward:
            return self.filters.inward is not None or self.filters.reverse_path is not None
        return self.filters.outward is not None


class Filtering:
    """Carries out `SetFilters` of one version of IP in the network namespace in which it gets its first order."""

    def __init__(
        self,
        version: int,
        host: TableHost,
        linux: Callable[[str], str],
        answer: Callable[[int, bytes], None] | None,
        need_routes: Callable[[], None],
    ) -> None:
        """linux: of an interface by its IOS name.

        answer: sends the sender of a denied packet, which came by the interface of this index, ICMP. need_routes: makes
        the rules of routing that some checks of senders need (`filter_rules`); raises OSError.
        """
        self._version = version
        self._linux = linux
        self._need_routes = need_routes
        self._watch = host.watch
        self._ports: dict[str, _Port] = {}
        self._numbers = 0
        self._reports = FilterReports(host.report, host.later, answer, self._name_of)
        self._failed: dict[str, Exception] = {}
        self._hooked: tuple[str, ...] = ()
        #: The table in the kernel.
        self.table = KernelTable(
            TablePurpose.FILTER if version == 4 else TablePurpose.FILTER6,
            host,
            self._contents,
            self._lose,
            owned=True,
            after=self._fill,
        )
        self._report = host.report

    def set(self, order: SetFilters, *, refused: str = "") -> None:
        """Apply this order. Raises HostProblem: directions with a list are shut, or the port is down; OSError: its
        packets pass, and nothing is asked about them.

        refused: why its lists cannot be put.
        """
        name, filters = order.interface, order.filters
        if name not in self._ports and filters == PortFilters():
            self.leave_inherited(name)
            return
        port = self._ports.get(name)
        if port is not None and port.filters == filters and not refused and self._is_done(name):
            return
        if port is None:
            self._numbers += 1
            port = self._ports[name] = _Port(self._numbers)
        before, port.filters, port.refused = port.filters, filters, refused
        self._failed.pop(name, None)
        try:
            if filters != PortFilters() or self.table.is_put:
                self._put(name, before)
        except OSError as error:
            problem = _problem(name, error)
            with netlink.NetlinkSocket() as kernel:
                link = kernel.find_link(self._linux(name))
            raise (
                OSError(error.errno, str(problem)) if not self.holds(name) and link is not None and link.up else problem
            ) from error
        if filters == PortFilters():
            del self._ports[name]
            if not self._ports:
                self.table.remove()
        if name in self._failed:
            raise _problem(name, self._failed[name])
        self.leave_inherited(name)

    def has(self, interface: str) -> bool:
        """Return whether something is asked about packets of an interface."""
        return interface in self._ports

    def holds(self, interface: str) -> bool:
        """Return whether the kernel asks about packets of an interface as far as ordered, or lets none pass."""
        port = self._ports.get(interface)
        if port is None or not port.filters.asks:
            return True
        return self.table.is_put and all(not port.has(way) or way in port.leads for way in _WAYS)

    def _is_done(self, name: str) -> bool:
        is_held = self.table.is_put and self.holds(name)
        return is_held and name not in self._failed and SHUT not in self._ports[name].leads.values()

    def counts(self) -> tuple[FilterCount, ...]:
        """Return how many packets each entry has decided on; none if the kernel does not say."""
        try:
            there = self._counted()
        except OSError:
            return ()
        found: dict[tuple[str, int, int], int] = {}
        for name, port in tuple(self._ports.items()):
            for inward, sequence in breathing((*port.earlier, *there.get(name, {}))):
                count = port.earlier.get((inward, sequence), 0) + there.get(name, {}).get((inward, sequence), 0)
                found[name, inward, sequence] = count
        return tuple(
            FilterCount(name, bool(inward), sequence, count, self._version)
            for (name, inward, sequence), count in found.items()
        )

    def carry_over(self, name: str, former: Filtering) -> None:
        """Let the counters of a port go on, which it had in another namespace until now. Raises OSError."""
        before, port = former._ports.get(name), self._ports.get(name)
        if before is None or port is None:
            return
        counted = former._counted().get(name, {})
        for inward, number in port.filters.counted_on(before.filters):
            parts = (port.earlier, before.earlier, counted)
            if count := sum(part.get((inward, number), 0) for part in parts):
                port.earlier[inward, number] = count

    def close(self) -> None:
        """Remove the table, and stop listening."""
        self.table.close()
        self._reports.close(self._watch)

    # ------------------------------------------------------------------------------------------------ the table

    def _contents(self, table: str, _: str) -> Ruleset:
        """Return the table with all ports shut: `_fill` puts their lists."""
        self._reports.listen(self._watch)
        for port in self._ports.values():
            port.built, port.leads, port.is_quiet = {}, {}, False
        return Ruleset(tuple(self._bases(table)))

    def _bases(self, table: str) -> Iterator[Part]:
        yield from bases(table, self._reports.group)
        for inward in _WAYS:
            ports = [name for name, port in self._ports.items() if port.has(inward)]
            leads = [name_element(self._linux(name), NetfilterVerdict.GOTO, SHUT) for name in ports]
            yield from add_elements(table, map_of(inward=inward), leads)
            for name in ports:
                self._ports[name].leads[inward] = SHUT
        yield from arriving(table)
        self._hooked = self._hooks()
        for name in self._hooked:
            yield from hook(table, name)

    def _hooks(self) -> tuple[str, ...]:
        """Return the base chains that are not always there: each costs every packet some time."""
        ports = self._ports.values()
        wanted = (LEAVING, any(port.has(False) for port in ports)), (SENT, any(port.is_silent for port in ports))
        return tuple(name for name, is_wanted in wanted if is_wanted)

    def _lose(self, error: OSError) -> None:
        """Report the ports that are open, because the kernel does not take the lost table again."""
        for name, port in tuple(self._ports.items()):
            order = SetFilters(name, port.filters, self._version)
            self._report(EffectFailed(order, error.errno or 0, str(_problem(name, error))))

    def _fill(self) -> None:
        """Put the lists of all ports; a port whose list cannot be put stays shut."""
        for name in list(self._ports):
            self._change(name, PortFilters())

    def _put(self, name: str, before: PortFilters) -> None:
        """Put the lists of a port. Raises OSError: the table cannot be made, or its port cannot be shut."""
        if not self.table.is_put:
            self.table.put()
            return
        self._change(name, before)
        self.table.changed()

    def _change(self, name: str, before: PortFilters) -> None:
        """Switch a port to its lists, or shut it. Raises OSError."""
        port = self._ports[name]
        port.puts += 1
        old = port.built
        new: dict[int, Rules] = {}
        try:
            leads = {}
            if port.refused:
                raise UnsuitableEntry(port.refused)
            for inward in _WAYS:
                if port.has(inward):
                    chains = f"{map_of(inward=inward)}-{port.number}.{port.puts}"
                    rules = new[inward] = Rules(self.table.name, chains, self._version)
                    leads[inward] = self._direction(name, port.filters, rules, inward=inward)
            parts = [part for rules in new.values() for part in rules.parts]
            self.table.change(parts, list(self._switch(name, port, leads)))
        except (OSError, UnsuitableEntry) as error:  # chains that were made go at the end
            self._failed[name] = error
            leads, port.built = {inward: SHUT for inward in _WAYS if port.has(inward)}, {}
            self.table.change([], list(self._switch(name, port, leads)))
            self._remove(new, partial=True)
        else:
            port.built = new
        port.leads, port.is_quiet, self._hooked = leads, port.is_silent, self._hooks()
        with suppress(OSError):
            counted = counts_of(self.table.kernel, self.table.name, old)
            total = {key: port.earlier.get(key, 0) + counted.get(key, 0) for key in (*port.earlier, *counted)}
            stays = port.filters.counted_on(before)
            port.earlier = {key: count for key, count in total.items() if count and key in stays}
        self._remove(old)

    def _direction(self, name: str, filters: PortFilters, rules: Rules, *, inward: bool) -> str:
        listed, path = (filters.inward, filters.reverse_path) if inward else (filters.outward, None)

        def report(entry: FilterEntry) -> tuple[bytes, ...]:
            group = self._reports.group
            if group is None:
                return ()
            prefix = prefix_of(self._ports[name].number, entry.sequence, inward=inward)
            return limited(_COPIES, burst=_COPIES), copied(group, prefix, OCTETS)

        subnets = filters.echo_subnets
        if path is None:
            return rules.chain("-open") if listed is None else add_list(rules, listed, report, subnets)
        first = rules.chain("-port")
        if listed is not None:
            rules.rule(first, verdict(NetfilterVerdict.JUMP, add_list(rules, listed, report, subnets)))
        if not path.allow_default:
            self._need_routes()
        add_reverse_path(rules, first, path)
        return first

    def _switch(self, name: str, port: _Port, leads: dict[bool, str]) -> Iterator[Part]:
        table, linux = self.table.name, self._linux(name)
        for inward in _WAYS:
            if inward in port.leads:
                yield from delete_names(table, map_of(inward=inward), (linux,))
            if inward in leads:
                element = name_element(linux, NetfilterVerdict.GOTO, leads[inward])
                yield from add_elements(table, map_of(inward=inward), (element,))
        if port.is_quiet and not port.is_silent:
            yield from delete_names(table, UNREACHABLES, (linux,))
        if not port.is_quiet and port.is_silent:
            element = name_element(linux, NetfilterVerdict.DROP, "")
            yield from add_elements(table, UNREACHABLES, (element,))
        hooks = self._hooks()
        for each in hooks:
            if each not in self._hooked:
                yield from hook(table, each)
        for each in self._hooked:
            if each not in hooks:
                yield from (empty_chain(table, each), delete_chain(table, each))

    def _remove(self, built: Mapping[int, Rules], *, partial: bool = False) -> None:
        """Remove chains and sets. partial: some of them may not have been made."""
        table, kernel = self.table.name, self.table.kernel
        chains = [name for rules in built.values() for name in rules.chains]
        sets = [name for rules in built.values() for name in rules.sets]
        with suppress(OSError):  # they go with the table
            if partial and kernel is not None:
                there = frozenset((*kernel.chains(table), *sets_there(kernel, table)))
                chains, sets = ([name for name in names if name in there] for names in (chains, sets))
            ends = [end(table, name) for end in (empty_chain, delete_chain) for name in chains]
            ends += [delete_set(table, name) for name in sets]
            if ends:
                self.table.change([], ends)

    def leave_inherited(self, name: str) -> None:
        """Let the table of a killed router no longer ask about a port, whose lists are put now."""
        for table in self.table.inherited:
            for inward in _WAYS:
                with suppress(OSError):  # it had no list
                    self.table.open().transact(list(delete_names(table, map_of(inward=inward), (self._linux(name),))))

    # ------------------------------------------------------------------------------------------------ counts

    def _counted(self) -> dict[str, dict[tuple[int, int], int]]:
        """Return the counts of all ports by direction and number. Raises OSError."""
        keys = [(name, inward) for name, port in self._ports.items() for inward in port.built]
        rules = [one for port in self._ports.values() for one in port.built.values()]
        found = counts_of(self.table.kernel, self.table.name, dict(enumerate(rules)))
        by_port: dict[str, dict[tuple[int, int], int]] = {}
        for (place, sequence), count in found.items():
            name, inward = keys[place]
            by_port.setdefault(name, {})[inward, sequence] = count
        return by_port

    def _name_of(self, number: int) -> str:
        return next((name for name, port in self._ports.items() if port.number == number), "")


def _problem(name: str, error: Exception) -> HostProblem:
    if isinstance(error, OSError):
        what = f"the packet filter of {name} cannot be set (nf_tables): {error.strerror or error}"
        return HostProblem(what, fix="sudo modprobe -a nf_tables nft_fib_ipv4 nfnetlink_log")
    return HostProblem(f"the packet filter of {name} cannot be set: {error}", fix="another entry")
