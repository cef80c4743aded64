"""Which interfaces are on which subnets: a line with an address asks whether another interface is near.

A file may have 60,000 loopbacks: nothing here looks at all of them.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from dmvpn.ios.common import INTERFACE
from dmvpn.ios.section import FEW
from dmvpn.ios.vrfs import vrf_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dmvpn.base.addresses import Prefix
    from dmvpn.ios import Args, Section


_Place = tuple[str, int, int]


class Subnets(NamedTuple):
    """The subnets of an interface that is not shut down."""

    name: str
    prefixes: tuple[Prefix, ...]
    vrf: str = ""


def near(section: Section, prefix: Prefix, subnets: Callable[[Args, Section], Subnets | None]) -> list[str]:
    """Return the other interfaces that are on subnets with addresses in common with this one.

    subnets: reads those of an interface, all of one version of IP.
    """
    opened = section.opened_by
    own = opened.interface("name") if opened is not None else ""
    root, vrf = section.root, vrf_of(section)
    interfaces = root.made(INTERFACE, subnets)
    if len(interfaces) > FEW:
        names = root.following(INTERFACE, subnets, _Near).to(vrf, prefix)
    else:
        names = [
            one.name
            for one in interfaces
            if one.vrf == vrf and any(prefix in near or near in prefix for near in one.prefixes)
        ]
    return [name for name in names if name != own]


class _Near:
    """The names of interfaces by the subnets that they are on: each by its VRF, the number of its first address, and
    its length.
    """

    def __init__(self) -> None:
        self._on: dict[_Place, dict[str, None]] = {}
        #: These subnets, rising; and how many of them have each length.
        self._places: list[_Place] = []
        self._lengths: Counter[tuple[str, int]] = Counter()

    def follow(self, gone: Mapping[int, Subnets], came: Mapping[int, Subnets]) -> None:
        """See `Follower`."""
        for interface in gone.values():
            for place in _places(interface):
                names = self._on[place]
                names.pop(interface.name, None)
                if not names:
                    del self._on[place]
                    del self._places[bisect_left(self._places, place)]
                    self._lengths[place[0], place[2]] -= 1
        for interface in came.values():
            for place in _places(interface):
                if place not in self._on:
                    self._on[place] = {}
                    insort(self._places, place)
                    self._lengths[place[0], place[2]] += 1
                self._on[place][interface.name] = None

    def to(self, vrf: str, prefix: Prefix) -> list[str]:
        """Return the interfaces on subnets that have addresses in common with this one."""
        found: dict[str, None] = {}
        inside = bisect_left(self._places, (vrf, prefix.number, prefix.length))
        behind = bisect_left(self._places, (vrf, prefix.number + prefix.size, 0))
        for place in self._places[inside:behind]:
            found |= self._on[place]
        for (place_vrf, shorter), count in self._lengths.items():
            if count and place_vrf == vrf and shorter < prefix.length:
                bits = prefix.width - shorter
                found |= self._on.get((vrf, prefix.number >> bits << bits, shorter), {})
        return list(found)


def _places(interface: Subnets) -> dict[_Place, None]:
    return {(interface.vrf, prefix.number, prefix.length): None for prefix in interface.prefixes}
