"""Lines that let dropped packets pass a list, and open as little as possible.

Candidates change one thing: an entry's mask, ports, protocol or place; the member of an object group; the side of a
list; or they add an entry, as other routers have it, or for these packets alone. Each is tried on the router's
configuration: its lists are made again and decide about all packets that are known. Only candidates count that let the
dropped packets pass. Of these the candidate wins

1. that drops fewest packets that should pass,
2. that leaves the list at its side of the port, unless other routers have none there,
3. that lets fewest other packets pass.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, lru_cache, partial
from typing import Final

from dmvpn.base.addresses import IPAddress, ip_keyword, spelled
from dmvpn.base.errors import UserError
from dmvpn.base.facts import Network
from dmvpn.base.filters import FilterEntry, Packet, PortFilters
from dmvpn.base.translation import ICMP, TCP, UDP
from dmvpn.features.policy.machine import filter_list
from dmvpn.ios import INTERFACE
from dmvpn.network.access_entries import Entry, edit, entries_of, header_of, number_behind, numbers_before, spell
from dmvpn.network.device import Device
from dmvpn.network.lines import after
from dmvpn.router.facts import RouterFacts
from dmvpn.tools.doctor.configuration import device
from dmvpn.tools.doctor.packet_flows import Decisions, Demand, Denial
from dmvpn.tools.doctor.verdicts import MOST_LINES, changing_lines
from dmvpn.tools.walk.values import Place

_SIDES: Final = {True: "in", False: "out"}
_PROTOCOLS6: Final = {ICMP: "icmp", TCP: "tcp", UDP: "udp", 50: "esp"}
_PROTOCOLS: Final = {**_PROTOCOLS6, 47: "gre", 88: "eigrp", 89: "ospf"}
_NAMED_PORTS: Final = {500: "isakmp", 4500: "non500-isakmp", 179: "bgp", 520: "rip"}
#: Entries that one change may add.
_MOST_ADDED: Final = 4
#: The largest number of an entry.
_HIGHEST: Final = 2**31 - 1
Lines = tuple[str, ...]


def matching(facts: RouterFacts, entry: Entry, packet: Packet) -> bool:
    """Return whether an entry, read alone, would be about a packet at a router, which has the object groups."""
    return any(one.fits(packet) for one in _alone(facts.configuration, entry, _local(facts), packet.source.version))


@lru_cache(maxsize=512)
def _alone(configuration: Lines, entry: Entry, local: datetime, version: int) -> tuple[FilterEntry, ...]:
    name = "ONE"
    words = "ipv6 access-list" if version == 6 else f"ip access-list {'extended' if entry.protocol else 'standard'}"
    header, line = edit(f"{words} {name}", (), (entry,))
    needed = [line for header in ("object-group ", "time-range ") for line in _sections(configuration, header)]
    made = _made("\n".join([*needed, header, f" {line}", ""]))
    listed = filter_list(made.policy, name, local, version) if made is not None else None
    return listed.entries if listed is not None else ()


def _sections(configuration: Lines, beginning: str) -> Iterator[str]:
    """Yield the lines of sections whose header begins so."""
    is_inside = False
    for line in configuration:
        is_inside = is_inside if line.startswith(" ") else line.startswith(beginning)
        if is_inside:
            yield line


def _local(facts: RouterFacts) -> datetime:
    """Return the time of day at a router, by UTC."""
    return datetime.fromtimestamp(facts.wall or 0.0, UTC).replace(tzinfo=None)


class Remedies:
    """Chooses lines for one network."""

    def __init__(self, decisions: Decisions, mistakes: Sequence[Denial]) -> None:
        """mistakes: all denials that are none on purpose."""
        self._decisions = decisions
        self._mistakes = mistakes
        self._version = decisions.version
        self._scene = decisions.scene

    def lines(self, place: Place, denials: Sequence[Denial]) -> Lines:
        """Return the lines that let these packets pass; none if no candidate does."""
        facts = self._scene.facts(place[0])
        if facts is None:
            return ()
        best: tuple[tuple[int, bool, int, int], Lines] | None = None
        for number, candidate in enumerate(dict.fromkeys(self._candidates(place, denials, facts))):
            ports = self._ports(place[0], facts, candidate)
            if ports is None or len(list(changing_lines(candidate))) > MOST_LINES:
                continue
            if all(self._decisions.denial(one.demand, ports) is None for one in denials):
                lost, opened = self._weight(place[0], ports)
                filters = ports.get((place[0], place[1]), PortFilters())
                listed = filters.inward if place[2] else filters.outward
                # The port has no list at this side any more, and no other router says that it needs none.
                is_bared = listed is None and not self._decisions.bare(place)
                weight = (lost, is_bared, opened, number)
                best = (weight, candidate) if best is None or weight < best[0] else best
        return best[1] if best is not None else ()

    def _weight(self, router: str, ports: Mapping[tuple[str, str], PortFilters]) -> tuple[int, int]:
        """Return how many packets are dropped that should pass, and how many pass that should not.

        Where lists of other routers permit a packet at such a port, it should pass; where they do not, it should not.
        """
        lost, opened = 0, 0
        wanted = {id(one.demand) for one in self._mistakes}
        for demand, before in self._known[router]:
            now = self._decisions.denial(demand, ports) is None
            if now is before and id(demand) not in wanted:
                continue
            usual = self._decisions.is_usual(demand, bare=True)
            lost += not now and not demand.is_strange and (id(demand) in wanted or (before and usual is not False))
            opened += now and id(demand) not in wanted and usual is not True
        return lost, opened

    @cached_property
    def _known(self) -> dict[str, list[tuple[Demand, bool]]]:
        """The packets at ports of each router that filters, and whether each passes."""
        found: dict[str, list[tuple[Demand, bool]]] = {name: [] for name in self._decisions.flows.filtering}
        for one in (*self._decisions.hosts, *self._decisions.network, *self._decisions.strangers):
            if one.place[0] in found:
                found[one.place[0]].append((one, self._decisions.denial(one) is None))
        return found

    def _ports(self, router: str, facts: RouterFacts, lines: Lines) -> Mapping[tuple[str, str], PortFilters] | None:
        """Return the filters of all ports with these lines; None: the router would refuse them."""
        made = _made("\n".join(facts.configuration), lines)
        if made is None:
            return None
        policy, local = made.policy, _local(facts)
        found = dict(self._decisions.ports)
        for key in [key for key in found if key[0] == router]:
            del found[key]
        for port, own in made.filters.of_version(self._version).items():
            found[router, port] = PortFilters(
                filter_list(policy, own.inward, local, self._version) if own.inward else None,
                filter_list(policy, own.outward, local, self._version) if own.outward else None,
                own.reverse_path,
                own.unreachables,
            )
        return found

    # ------------------------------------------------------------------------------------------------ candidates

    def _candidates(self, place: Place, denials: Sequence[Denial], facts: RouterFacts) -> Iterator[Lines]:
        name = next((one.listed.name for one in denials if one.listed is not None), "")
        header, entries = header_of(facts.configuration, name), entries_of(facts.configuration, name)
        deciding = {one.entry.sequence for one in denials if one.entry is not None}
        yield from _moved(header, entries, deciding)
        yield from self._applied(place, facts)
        yield from self._changed(header, entries, deciding, facts, self._as_elsewhere(place, entries, name))
        yield from self._members(place, facts)
        yield from self._added(header, entries, deciding, place, denials)
        gone = [one for one in entries if one.sequence in deciding]
        if gone:
            yield edit(header, gone)
        if not any(one.permit for one in entries):
            everything = "permit any" if header.split()[2] == "standard" else f"permit {self._ip} any any"
            yield edit(header, (), [Entry.of(everything, number_behind(entries)) or entries[-1]])

    def _changed(
        self,
        header: str,
        entries: Sequence[Entry],
        deciding: set[int],
        facts: RouterFacts,
        right: Sequence[Entry],
    ) -> Iterator[Lines]:
        """Yield that one entry which permits is about something else, or may be where it does. right: entries that are
        as they should be.
        """
        own = self._lans(facts)
        for one in entries:
            if not one.permit or one in right:
                continue
            for changed in one.repaired(own):
                yield edit(header, (one,), (changed,))
                for free in _places(entries, [number for number in deciding if number < one.sequence]):
                    yield edit(header, (one,), (changed.at(free),))

    def _as_elsewhere(self, place: Place, entries: Sequence[Entry], name: str) -> list[Entry]:
        """Return the entries that a list of this name has at another router, too, with the networks there."""
        facts = self._scene.facts(place[0])
        others = [theirs for other, theirs in self._scene.alive() if other != place[0]]
        own = self._lans(facts) if facts is not None else []
        known = [
            local.at(0)
            for theirs in others
            for entry in entries_of(theirs.configuration, name)
            for local in _localized(entry, self._lans(theirs), own)
        ]
        return [one for one in entries if one.at(0) in known]

    def _lans(self, facts: RouterFacts) -> list[Network]:
        networks = [own.network for it in facts.interfaces for own in it.addresses]
        hosts = [host for host in self._scene.lab.hosts.values() if self._scene.facts(host.router) is facts]
        served = [own.network for host in hosts for own in host.addresses]
        return [one for one in networks if one.version == self._version and one in served]

    def _applied(self, place: Place, facts: RouterFacts) -> Iterator[Lines]:
        """Yield that lists are applied otherwise: as at other routers, at the other side, or at each other's."""
        router, port, inward = place
        own = device(facts).filters.of_version(self._version)
        here = {side: (own[port].inward if side else own[port].outward) if port in own else "" for side in _SIDES}
        policy, groups = device(facts).policy, partial(_groups, self._version, port, here)
        known = {name for name, _ in policy.access_lists} if self._version == 4 else {*policy.ipv6_lists}
        for usual in self._usual(router, port):
            if set(filter(None, usual.values())) <= known:
                yield groups(usual)
        yield groups({True: here[False], False: here[True]})
        if not here[not inward]:
            yield groups({inward: "", not inward: here[inward]})

    def _usual(self, router: str, port: str) -> Iterator[Mapping[bool, str]]:
        """Yield the lists of other routers at ports of this role, by side."""
        role = self._decisions.role(router, port)
        for name, facts in self._scene.alive():
            ports = device(facts).filters.of_version(self._version) if name != router and role else {}
            for other, lines in ports.items():
                if self._decisions.role(name, other) == role:
                    yield {True: lines.inward, False: lines.outward}

    def _members(self, place: Place, facts: RouterFacts) -> Iterator[Lines]:
        """Yield that an object group has the members that it has at other routers."""
        for name, group in device(facts).policy.networks.items():
            for other, theirs in self._scene.alive():
                known = device(theirs).policy.networks.get(name)
                if other == place[0] or known is None or known.lines == group.lines:
                    continue
                missing = [line for line in known.lines if line not in group.lines]
                strange = [line for line in group.lines if line not in known.lines]
                yield (f"object-group network {name}", *missing, *(f"no {line}" for line in strange))

    def _added(
        self, header: str, entries: Sequence[Entry], deciding: set[int], place: Place, denials: Sequence[Denial]
    ) -> Iterator[Lines]:
        """Yield entries that are added before the entry that denies: those of other routers, or new ones."""
        places = _places(entries, deciding, _MOST_ADDED) if deciding else range(number_behind(entries), _HIGHEST)
        for entry in self._theirs(place, denials) if places else ():
            yield edit(header, (), (entry.at(places[0]),))
            last = [one for one in entries if not one.permit and one.sequence in deciding]
            yield edit(header, last, (entry.at(places[0]), *(one.at(number_behind(entries)) for one in last)))
        needed = [self._needed(one.demand) for one in denials]
        # Entries that another one says, too, to any receiver, are left out.
        to_any = tuple(text.removesuffix("any") for text in needed if text.endswith(" any"))
        needed = [text for text in needed if text.endswith(" any") or not text.startswith(to_any)]
        for texts in map(dict.fromkeys, (needed, [self._wide(one.demand) for one in denials])):
            made = [new for text, free in zip(texts, places, strict=False) if (new := Entry.of(text, free))]
            if len(texts) == len(made) <= _MOST_ADDED:
                yield edit(header, (), made)

    def _theirs(self, place: Place, denials: Sequence[Denial]) -> Iterator[Entry]:
        """Yield the entries by which other routers permit such packets, with the networks of this one."""
        router, port, inward = place
        role, facts = self._decisions.role(router, port), self._scene.facts(router)
        kinds = {(one.demand.kind, one.demand.answer) for one in denials}
        for demand in (*self._decisions.hosts, *self._decisions.network):
            other, its, side = demand.place
            is_alike = other != router and side is inward and self._decisions.role(other, its) == role
            theirs = self._scene.facts(other)
            if not is_alike or (demand.kind, demand.answer) not in kinds or theirs is None or facts is None:
                continue
            filters = self._decisions.ports.get((other, its), PortFilters())
            listed = filters.inward if inward else filters.outward
            entry = listed.decides(demand.packet) if listed is not None else None
            if listed is None or entry is None or not entry.permit:
                continue
            known = entries_of(theirs.configuration, listed.name)
            found = next((one for one in known if one.sequence == entry.sequence), None)
            if found is not None:
                yield from _localized(found, self._lans(theirs), self._lans(facts))

    def _needed(self, demand: Demand) -> str:
        """Return the entry for a packet: between the two networks, or to the router itself."""
        packet = demand.packet
        source, destination = self._network(packet.source), self._network(packet.destination)
        if demand.of and demand.kind.protocol not in (88, 89) and demand.kind.name not in ("RIP", "BGP"):
            source, destination = "any", f"host {spelled(packet.destination)}"
        return _permit(demand, source, destination)

    def _wide(self, demand: Demand) -> str:
        """Return the entry for all packets between two networks."""
        if demand.of:
            return _permit(demand, "any", "any")
        packet = demand.packet
        return f"permit {self._ip} {self._network(packet.source)} {self._network(packet.destination)}"

    @property
    def _ip(self) -> str:
        return ip_keyword(self._version)

    def _network(self, address: IPAddress) -> str:
        """Return the connected network of an address, as entries have it; "any" for a group's."""
        if address.is_multicast:
            return "any"
        for _, facts in self._scene.alive():
            for it in facts.interfaces:
                for own in it.addresses:
                    if address in own.network:
                        return spell(own.network)
        return f"host {spelled(address)}"


def _made(text: str, lines: Lines = ()) -> Device | None:
    """Return a configuration with more lines as models; None: a line is refused."""
    try:
        return Device.read("", after(text, lines) if lines else text)
    except UserError:
        return None


def _moved(header: str, entries: Sequence[Entry], deciding: set[int]) -> Iterator[Lines]:
    """Yield that an entry which permits comes before an entry that denies, or the latter behind the former."""
    for one in entries:
        earlier = [number for number in deciding if number < one.sequence]
        if not one.permit or not earlier:
            continue
        for free in _places(entries, earlier):
            yield edit(header, (one,), (one.at(free),))
        gone = [other for other in entries if other.sequence in earlier]
        higher = [other.sequence for other in entries if other.sequence > one.sequence]
        for behind in _places(entries, higher) if higher else (number_behind(entries),):
            if len(gone) == 1:
                yield edit(header, gone, (gone[0].at(behind),))


def _places(entries: Sequence[Entry], later: Collection[int], count: int = 1) -> Sequence[int]:
    """Return free numbers before the first of these entries; (): there are no such entries."""
    return numbers_before((one.sequence for one in entries), min(later), count) if later else ()


def _groups(version: int, port: str, here: Mapping[bool, str], wanted: Mapping[bool, str]) -> Lines:
    """Return the lines of a port that apply other lists."""
    words = "ip access-group" if version == 4 else "ipv6 traffic-filter"
    gone = [f"no {words} {here[side]} {_SIDES[side]}" for side in _SIDES if here[side] and not wanted[side]]
    come = [f"{words} {wanted[side]} {_SIDES[side]}" for side in _SIDES if wanted[side] and wanted[side] != here[side]]
    return (INTERFACE.line(name=port), *gone, *come)


def _localized(entry: Entry, theirs: Sequence[Network], own: Sequence[Network]) -> Iterator[Entry]:
    """Yield an entry of another router with the networks of this router in the place of its own."""
    text = entry.text
    for there, here in zip(theirs, own, strict=False):
        text = text.replace(spell(there), spell(here))
    found = Entry.of(text.partition(" ")[2], entry.sequence)
    if found is not None:
        yield found


def _permit(demand: Demand, source: str, destination: str) -> str:
    kind = demand.kind
    known = _PROTOCOLS if demand.packet.source.version == 4 else _PROTOCOLS6
    protocol = known.get(kind.protocol, str(kind.protocol))
    port = f" eq {_NAMED_PORTS.get(kind.port, kind.port)}" if kind.port else ""
    if demand.answer and kind.protocol == TCP and not demand.of:
        return f"permit {protocol} {source}{port} {destination} established"
    if demand.answer:
        return f"permit {protocol} {source}{port} {destination}"
    return f"permit {protocol} {source} {destination}{port}"
