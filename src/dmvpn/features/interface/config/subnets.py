"""Which interfaces are on which subnets: a line with an address asks whether another interface is near.

A file may have 60,000 loopbacks: nothing here looks at all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dmvpn.ios.agreement import FEW
from dmvpn.ios.common import INTERFACE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.ios import Args, Section


class Subnets(NamedTuple):
    """The subnets of an interface that is not shut down."""

    name: str
    prefixes: tuple[Prefix, ...]


def near(section: Section, prefix: Prefix, subnets: Callable[[Args, Section], Subnets | None]) -> list[str]:
    """Return the other interfaces that are on subnets with addresses in common with this one.

    subnets: reads those of an interface, all of one version of IP.
    """
    opened = section.opened_by
    own = opened.interface("name") if opened is not None else ""
    root = section.root
    interfaces = root.made(INTERFACE, subnets)
    if len(interfaces) > FEW:
        names = root.following(INTERFACE, subnets, _Near).to(prefix)
    else:
        names = [one.name for one in interfaces if any(prefix in near or near in prefix for near in one.prefixes)]
    return [name for name in names if name != own]


class _Near:
    """The names of interfaces by the subnets that they are on."""

    def __init__(self) -> None:
        #: By length and bits: those on this subnet, and those on this or a part of it.
        self._on: dict[tuple[int, int], dict[str, None]] = {}
        self._in: dict[tuple[int, int], dict[str, None]] = {}

    def follow(self, gone: Mapping[int, Subnets], came: Mapping[int, Subnets]) -> None:
        """See `Follower`."""
        for interface in gone.values():
            for names, key in self._places(interface):
                names[key].pop(interface.name, None)
                if not names[key]:
                    del names[key]
        for interface in came.values():
            for names, key in self._places(interface):
                names.setdefault(key, {})[interface.name] = None

    def to(self, prefix: Prefix) -> list[str]:
        """Return the interfaces on subnets that have addresses in common with this one."""
        found = dict(self._in.get(_bits(prefix.address, prefix.length), {}))
        for shorter in range(prefix.length):
            found |= self._on.get(_bits(prefix.address, shorter), {})
        return list(found)

    def _places(self, interface: Subnets) -> list[tuple[dict[tuple[int, int], dict[str, None]], tuple[int, int]]]:
        on = {_bits(prefix.address, prefix.length): None for prefix in interface.prefixes}
        inside = {
            _bits(prefix.address, shorter): None
            for prefix in interface.prefixes
            for shorter in range(prefix.length + 1)
        }
        return [*((self._on, key) for key in on), *((self._in, key) for key in inside)]


def _bits(address: IPAddress, length: int) -> tuple[int, int]:
    return length, int(address) >> (address.max_prefixlen - length)
