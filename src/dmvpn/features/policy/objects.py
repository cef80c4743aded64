"""Object groups: several networks, or several services, under one name. An entry of an access list means all of them.

A group may have other groups as members. What a group means is asked with all groups by name; a group that contains
itself has its other members, once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dmvpn.base.filters import Ranges
    from dmvpn.base.translation import Addresses


@dataclass(frozen=True, slots=True)
class NetworkGroup:
    """`object-group network`. lines: as the show has them. groups: names of member groups."""

    description: str = ""
    lines: tuple[str, ...] = ()
    members: tuple[Addresses, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A member of a service group. Without a protocol: every one. Fields as in `base.filters.Condition`."""

    protocol: int | None = None
    source_ports: Ranges | None = None
    destination_ports: Ranges | None = None
    icmp: tuple[int, int | None] | None = None


@dataclass(frozen=True, slots=True)
class ServiceGroup:
    """`object-group service`. lines: as the show has them. groups: names of member groups."""

    description: str = ""
    lines: tuple[str, ...] = ()
    members: tuple[Service, ...] = ()
    groups: tuple[str, ...] = ()


def networks_of(name: str, groups: Mapping[str, NetworkGroup]) -> tuple[Addresses, ...]:
    """Return all addresses of a group; a group that does not exist has none."""
    return tuple(member for each in _reached(name, groups) for member in groups[each].members)


def services_of(name: str, groups: Mapping[str, ServiceGroup]) -> tuple[Service, ...]:
    """Return all services of a group; a group that does not exist has none."""
    return tuple(member for each in _reached(name, groups) for member in groups[each].members)


def _reached(name: str, groups: Mapping[str, NetworkGroup] | Mapping[str, ServiceGroup]) -> Iterator[str]:
    """Yield the names of a group and of the groups in it, each once."""
    waiting, seen = [name], dict[str, None]()
    while waiting:
        each = waiting.pop(0)
        group = groups.get(each)
        if each in seen or group is None:
            continue
        seen[each] = None
        yield each
        waiting += group.groups
