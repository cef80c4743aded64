"""Flows between LANs that access lists let pass on one side of a comparison only, found without sending them.

The packets that are measured are of one kind, and lists distinguish many kinds. So the lists on the way of a pair are
compared as sets: the packets that pass all lists before, and the packets that pass all lists after. Each difference
names the entry that decides. Lists with other numbers, or in other words, that let the same packets pass are equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Address
from itertools import pairwise
from typing import Final, NamedTuple, cast

from dmvpn.base.addresses import Prefix
from dmvpn.base.filters import FilterEntry, FilterList, Ranges
from dmvpn.base.packetsets import Bits, Meaning, PacketSet, meanings, split
from dmvpn.base.translation import ICMP, TCP, UDP
from dmvpn.base.values import Value
from dmvpn.features.filter.machine import FilterMachine
from dmvpn.network.access_entries import entry_line
from dmvpn.tools.diff.behavior import ChangeVerdict, LanPair, NetworkChange, Talk, Topic
from dmvpn.tools.diff.measuring import Subject

# --------------------------------------------------------------------------------------------- sets of packets in words


_NAMES: Final = {ICMP: "icmp", TCP: "tcp", UDP: "udp", 47: "gre", 50: "esp", 88: "eigrp", 89: "ospf"}
_EVERY_PORT: Final[Ranges] = ((0, 0xFFFF),)
#: Ranges and addresses that are named of a field, and kinds of packets.
_IN_WORDS: Final = 3
#: Codes of a type of ICMP.
_CODES: Final = 256


def flows_in_words(parts: Iterable[PacketSet], among: PacketSet) -> str:
    """Return what the packets of sets have in common; sets that differ in an address alone are named together.

    among: the larger set, which needs no words.
    """
    by_rest: dict[PacketSet, dict[Bits, None]] = {}
    for packets in parts:
        by_rest.setdefault(replace(packets, source=among.source), {})[packets.source] = None
    by_sources: dict[tuple[PacketSet, tuple[Bits, ...]], dict[Bits, None]] = {}
    for rest, sources in by_rest.items():
        key = replace(rest, destination=among.destination), tuple(sources)
        by_sources.setdefault(key, {})[rest.destination] = None
    texts = dict.fromkeys(
        _flow(rest, among, sources, tuple(destinations)) for (rest, sources), destinations in by_sources.items()
    )
    return _some(tuple(texts), "; ")


def _flow(packets: PacketSet, among: PacketSet, sources: tuple[Bits, ...], destinations: tuple[Bits, ...]) -> str:
    words = [_protocol(packets.protocol)]
    if packets.icmp != _EVERY_PORT:
        words.append(_types(packets.icmp))
    for numbers, word in ((packets.source_ports, "from"), (packets.destination_ports, "to")):
        if numbers != _EVERY_PORT:
            words.append(f"{word} port {_ranges(numbers)}")
    if packets.flags != among.flags:
        words.append("with some flags")
    if packets.service != among.service:
        words.append("with some marks")
    for ends, known, word in ((sources, among.source, "from"), (destinations, among.destination, "to")):
        if ends != (known,):
            words.append(f"{word} {_some(tuple(map(_addresses, ends)))}")
    return " ".join(words)


def _protocol(protocols: Ranges) -> str:
    (first, last), *others = protocols
    if first == last and not others:
        return _NAMES.get(first, f"protocol {first}")
    return "ip" if protocols == ((0, 255),) else f"protocols {_ranges(protocols)}"


def _types(ranges: Ranges) -> str:
    """Return the types of ICMP, with codes where not all codes of a type are meant."""
    texts = []
    for first, last in ranges:
        (kind, code), (last_kind, last_code) = divmod(first, _CODES), divmod(last, _CODES)
        if (code, last_code) == (0, _CODES - 1):
            texts.append(_range(kind, last_kind))
        elif kind == last_kind:
            texts.append(f"{kind} code {_range(code, last_code)}")
        else:
            texts.append(f"{kind} code {code} to {last_kind} code {last_code}")
    return ("type " if len(texts) == 1 and "-" not in texts[0] else "types ") + _some(tuple(texts))


def _ranges(ranges: Ranges) -> str:
    return _some(tuple(_range(first, last) for first, last in ranges))


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _some(texts: Sequence[str], between: str = ", ") -> str:
    """Return the first texts as one, and whether there are more."""
    return between.join(texts[:_IN_WORDS]) + (f"{between}..." if len(texts) > _IN_WORDS else "")


def _addresses(bits: Bits) -> str:
    address, wildcard = IPv4Address(bits.value), ~bits.care & 0xFFFFFFFF
    if not wildcard:
        return str(address)
    if not wildcard & (wildcard + 1):
        return f"{address}/{32 - wildcard.bit_length()}"
    return f"{address} {IPv4Address(wildcard)}"


# ------------------------------------------------------------------------------------------------ flows


#: Parts of the flows of a pair, and differences that are named of each pair.
_MOST_PARTS: Final = 400
#: Pairs of members of the groups of a list.
_MOST_PAIRS: Final = 20_000
_NAMED: Final = 4


class Gate(NamedTuple):
    """A list on the way of a pair."""

    router: str
    port: str
    direction: str
    listed: FilterList

    def __str__(self) -> str:
        return f"{self.router} {self.port} {self.direction}, list {self.listed.name}"

    @property
    def plain(self) -> tuple[object, ...]:
        """What it lets pass, without names and numbers: equal gates let the same packets pass."""
        return tuple((entry.permit, entry.condition) for entry in self.listed.entries)


class Passage(Value):
    """The packets of a pair that pass all lists, and the denied packets, each with the last entry that decides."""

    passed: tuple[tuple[PacketSet, Gate | None, FilterEntry | None], ...]
    denied: tuple[tuple[PacketSet, Gate, FilterEntry | None], ...]


class _Side:
    """One network of the comparison, and its lists."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._meanings: dict[tuple[str, str, str], list[Meaning] | None] = {}

    def gates(self, pair: LanPair, way: Sequence[str]) -> tuple[Gate, ...]:
        """Return the lists on the way of a pair, in order."""
        source, destination = (self.subject.lans[name] for name in pair)
        places = [(way[0], source.port, "in")]
        for here, there in pairwise(way):
            tunnels = self._between(here, there)
            places += [(here, tunnels[0], "out"), (there, tunnels[1], "in")] if tunnels is not None else []
        places.append((way[-1], destination.port, "out"))
        return tuple(gate for place in places if (gate := self._gate(*place)) is not None)

    def _gate(self, router: str, port: str, direction: str) -> Gate | None:
        node = self.subject.world.routers.get(router)
        machine = cast("FilterMachine | None", node.router.machines.get("filter")) if node is not None else None
        filters = machine.ordered.get((port, 4)) if isinstance(machine, FilterMachine) else None
        if filters is None:
            return None
        listed = filters.inward if direction == "in" else filters.outward
        return None if listed is None else Gate(router, port, direction, listed)

    def _between(self, here: str, there: str) -> tuple[str, str] | None:
        """Return the tunnels of two routers that share a subnet; None: there are none, or several with other lists."""
        found = [
            (one, other)
            for one, prefix in self._tunnels(here)
            for other, theirs in self._tunnels(there)
            if prefix == theirs
        ]
        lists = [(self._gate(here, one, "out"), self._gate(there, other, "in")) for one, other in found]
        plain = [tuple(gate.plain if gate is not None else None for gate in gates) for gates in lists]
        return found[0] if found and all(one == plain[0] for one in plain) else None

    def _tunnels(self, router: str) -> list[tuple[str, Prefix]]:
        node = self.subject.world.routers.get(router)
        if node is None:
            return []
        ports = node.router.ports
        states = [(tunnel.name, ports.interfaces.get(tunnel.name)) for tunnel in ports.tunnels.all()]
        return [(name, state.prefix) for name, state in states if state is not None and state.prefix is not None]

    def passage(self, gates: Sequence[Gate], flows: PacketSet) -> Passage | None:
        """Return what passes the lists; None: in too many parts."""
        passed: list[tuple[PacketSet, Gate | None, FilterEntry | None]] = [(flows, None, None)]
        denied: list[tuple[PacketSet, Gate, FilterEntry | None]] = []
        for gate in gates:
            place = gate[:3]
            if place not in self._meanings:
                self._meanings[place] = meanings(gate.listed, most=_MOST_PAIRS)
            known = self._meanings[place]
            if known is None:
                return None
            decided = split(known, [one for one, _, _ in passed], most=_MOST_PARTS)
            if decided is None:
                return None
            passed = [(one.packets, gate, one.entry) for one in decided if one.permit]
            denied += [(one.packets, gate, one.entry) for one in decided if not one.permit]
        return Passage(tuple(passed), tuple(denied))

    def said(self, gate: Gate, entry: FilterEntry | None) -> str:
        """Return the entry in words."""
        if entry is None:
            return f"{gate}: no entry permits it"
        lines = self.subject.world.routers[gate.router].router.running.render_for_others()
        line = entry_line(lines, gate.listed.name, entry.sequence)
        return f"{gate}, entry {entry.sequence}" + (f" ({line})" if line else "")


def flow_changes(
    old: Subject, new: Subject, before: Mapping[LanPair, Talk], after: Mapping[LanPair, Talk]
) -> Iterator[NetworkChange]:
    """Yield flows that pass the lists on one side only. before, after: the measured ways of the pairs."""
    was, will_be = _Side(old), _Side(new)
    for pair in before:
        if pair in after:
            ways = _way(pair, before) or _way(pair, after), _way(pair, after) or _way(pair, before)
            if all(ways):
                yield from _of_pair(was, will_be, pair, ways)


def _way(pair: LanPair, talks: Mapping[LanPair, Talk]) -> Sequence[str]:
    """Return the measured way of a pair; () if there is none.

    A list may deny the packets that are measured: then it is the way of the other direction, backwards.
    """
    back = talks.get(LanPair(pair.destination, pair.source))
    return talks[pair].way or (back.way[::-1] if back is not None else ())


def _of_pair(
    was: _Side, will_be: _Side, pair: LanPair, ways: tuple[Sequence[str], Sequence[str]]
) -> Iterator[NetworkChange]:
    old, new = was.gates(pair, ways[0]), will_be.gates(pair, ways[1])
    if [gate.plain for gate in old] == [gate.plain for gate in new]:
        return
    source, destination = (was.subject.lans[name].prefix for name in pair)
    if source.version != 4 or destination.version != 4:
        return
    flows = PacketSet(source=_bits(source), destination=_bits(destination), later=((0, 0),))
    before, after = was.passage(old, flows), will_be.passage(new, flows)
    if before is None or after is None:
        changed = NetworkChange(
            topic=Topic.FLOWS,
            subject=str(pair),
            before="other access lists",
            after="too many differences to name",
            verdict=ChangeVerdict.CHANGED,
        )
        yield changed
        return
    yield from _differences(will_be, pair, flows, before, after, lost=True)
    yield from _differences(was, pair, flows, after, before, lost=False)


def _differences(
    denier: _Side, pair: LanPair, flows: PacketSet, passing: Passage, denying: Passage, *, lost: bool
) -> Iterator[NetworkChange]:
    """Yield flows that pass on one side and are denied on the other, one for each entry that denies. lost: after."""
    found: dict[tuple[Gate, int], tuple[FilterEntry | None, list[PacketSet]]] = {}
    for packets, gate, entry in denying.denied:
        common = [passed.common(packets) for passed, _, _ in passing.passed if passed.meets(packets)]
        if common:
            place = gate, entry.sequence if entry is not None else 0
            found.setdefault(place, (entry, []))[1].extend(common)
    for (gate, _), (entry, parts) in list(found.items())[:_NAMED]:
        passes, denied = f"{flows_in_words(parts, flows)} passes", f"denied by {denier.said(gate, entry)}"
        yield NetworkChange(
            topic=Topic.FLOWS,
            subject=str(pair),
            before=passes if lost else denied,
            after=denied if lost else passes,
            verdict=ChangeVerdict.WORSE if lost else ChangeVerdict.CHANGED,
        )


def _bits(prefix: Prefix) -> Bits:
    mask = int(prefix.netmask)
    return Bits(prefix.number & mask, mask)
