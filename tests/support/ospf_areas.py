"""Areas and virtual links on wires, and what the ways between loopbacks cost, counted without OSPF. RFC 2328 §3, §16.

A router joins areas if it has an interface in the backbone, or a virtual link that is up, and one in another area.
Within an area the shortest way counts; between areas what border routers tell, one hop of telling at a time: from an
area into the backbone, by the backbone to another border router, and from there into its areas.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass

from support.ospf_net import OspfNet


@dataclass(frozen=True)
class Way:
    """What a router knows of a loopback. area: that the way is by; through: the areas of the first steps."""

    cost: int
    area: int
    through: frozenset[int]


class AreaNet(OspfNet):
    """See the module's docstring. areas: by wire. virtual: areas and both ends."""

    def __init__(
        self, routers: int, areas: dict[tuple[int, int], int], virtual: list[tuple[int, int, int]], more: str = ""
    ) -> None:
        self.areas = areas
        self.virtual = virtual
        self.lines = dict.fromkeys(range(1, routers + 1), more)
        for area, *ends in virtual:
            for number, other in (ends, ends[::-1]):
                line = (
                    f" area {area} virtual-link 10.0.0.{other} hello-interval 1 dead-interval 4 retransmit-interval 2"
                )
                self.lines[number] += f"{line}\n"
        super().__init__(routers, list(areas))

    # ------------------------------------------------------------------------------------------------ what should be

    def expected(self, number: int) -> dict[int, int]:
        """Return the costs of the ways that a router should have, by the router at the other end."""
        ways = self._settled()
        return {other: way.cost for (here, other), way in ways.items() if here == number and other != number}

    def _settled(self) -> dict[tuple[int, int], Way]:
        """Return the ways of all, without those by transit areas first, and then with them until nothing changes."""
        inside = {area: self._inside(area) for area in {*self.areas.values(), 0}}
        edges = []
        for (one, two), is_up in self.wires.items():
            if self.areas[one, two] == 0 and is_up and (one, two) not in self.cut:
                edges += [(one, two, self.costs.get((one, two), 10), frozenset({0}))]
                edges += [(two, one, self.costs.get((two, one), 10), frozenset({0}))]
        self._joined: dict[int, set[int]] = {}
        for area, one, two in self.virtual:
            if two in inside[area][one]:
                edges += [(one, two, inside[area][one][two][0], frozenset({area}))]
                edges += [(two, one, inside[area][two][one][0], frozenset({area}))]
                self._joined.setdefault(area, set()).update((one, two))
        inside[0] = {number: _shortest(edges, number) for number in self.routers}
        ways: dict[tuple[int, int], Way] = {}
        for _ in range(20):
            before = ways
            ways = self._round(inside, before)
            if ways == before:
                return ways
        raise AssertionError("no end of it")

    def _attached(self, number: int) -> set[int]:
        up = {self.areas[wire] for wire, is_up in self.wires.items() if is_up and number in wire}
        return up | {self.home(number)}

    def _inside(self, area: int) -> dict[int, dict[int, tuple[int, frozenset[int]]]]:
        """Costs between routers within an area, both ways of a wire being there."""
        edges = []
        for (one, two), is_up in self.wires.items():
            if self.areas[one, two] == area and is_up and (one, two) not in self.cut:
                edges += [(one, two, self.costs.get((one, two), 10), frozenset({area}))]
                edges += [(two, one, self.costs.get((two, one), 10), frozenset({area}))]
        return {number: _shortest(edges, number) for number in self.routers}

    def _is_border(self, number: int) -> bool:
        joined = any(number in ends for ends in self._joined.values())
        return (0 in self._attached(number) and len(self._attached(number)) > 1) or joined

    def _round(
        self, inside: dict[int, dict[int, dict[int, tuple[int, frozenset[int]]]]], before: dict[tuple[int, int], Way]
    ) -> dict[tuple[int, int], Way]:
        ways: dict[tuple[int, int], Way] = {}
        for here, there in itertools.product(self.routers, repeat=2):
            home = self.home(there)
            attached = self._attached(here) | ({0} if self._is_border(here) else set())
            if home in attached and there in inside[home][here]:
                cost, through = inside[home][here][there]
                ways[here, there] = Way(cost + 1, home, through)
                continue
            areas = {0} if self._is_border(here) else attached
            best = self._heard(inside, before, here, there, areas)
            if best is not None:
                ways[here, there] = best
        for (here, there), way in list(ways.items()):
            transit = {
                area
                for area, ends in self._joined.items()
                if area in self._attached(here) and any(end in inside[area][here] for end in ends)
            }
            if here == there or way.area != 0 or not self._is_border(here):
                continue
            shorter = self._heard(inside, before, here, there, transit)
            if shorter is not None and shorter.cost <= way.cost:
                same = way.through if shorter.cost == way.cost else frozenset()
                ways[here, there] = Way(shorter.cost, 0, shorter.through | same)
        return ways

    def _heard(
        self,
        inside: dict[int, dict[int, dict[int, tuple[int, frozenset[int]]]]],
        before: dict[tuple[int, int], Way],
        here: int,
        there: int,
        areas: set[int],
    ) -> Way | None:
        """Return the best that border routers in these areas tell."""
        best: Way | None = None
        for area in sorted(areas):
            for border, (cost, through) in inside[area][here].items():
                told = before.get((border, there))
                if border == here or told is None or not self._is_border(border):
                    continue
                if told.area == area or area in told.through:
                    continue
                total = cost + told.cost
                if best is None or total < best.cost:
                    best = Way(total, area, through)
                elif total == best.cost:
                    best = Way(total, best.area, best.through | through)
        return best


def _shortest(edges: list[tuple[int, int, int, frozenset[int]]], start: int) -> dict[int, tuple[int, frozenset[int]]]:
    """Cost and the areas of the first steps, by router."""
    found: dict[int, tuple[int, frozenset[int]]] = {start: (0, frozenset())}
    heap, done = [(0, start)], set()
    while heap:
        cost, here = heapq.heappop(heap)
        if here in done:
            continue
        done.add(here)
        for one, two, metric, first in edges:
            if one != here or two in done:
                continue
            through = first if here == start else found[here][1]
            known = found.get(two)
            if known is None or cost + metric < known[0]:
                found[two] = (cost + metric, through)
                heapq.heappush(heap, (cost + metric, two))
            elif cost + metric == known[0]:
                found[two] = (known[0], known[1] | through)
    return found
