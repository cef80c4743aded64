"""The kernel's notifications to a monitor, as typed events.

`Overrun` replaces messages that were lost because the socket was full: a caller that keeps a copy of the kernel's state
dumps it again. A `NeighborEvent` with `ObjectChange.ASKED` is a request of the kernel (see `neighbor`); its state tells
which one.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.dataplane.netlink.link import InterfaceAddress, KernelLink, parse_address, parse_link
from dmvpn.dataplane.netlink.route import (
    KERNEL_PROTOCOL,
    KernelNeighbor,
    KernelRoute,
    Rule,
    parse_neighbor,
    parse_route,
    parse_rule,
)
from dmvpn.dataplane.netlink.wire import KernelMessageType

if TYPE_CHECKING:
    from collections.abc import Hashable

    from dmvpn.dataplane.netlink.wire import KernelMessage


class ObjectChange(enum.Enum):
    """The change of an event's object."""

    SET = "set"  # it is new, or has changed
    GONE = "gone"
    ASKED = "asked"  # neighbors only: the kernel requests a resolution


@dataclass(frozen=True, slots=True)
class LinkEvent:
    """An interface appeared, changed or went away."""

    change: ObjectChange
    link: KernelLink


@dataclass(frozen=True, slots=True)
class AddressEvent:
    """An address was added, changed or deleted."""

    change: ObjectChange
    address: InterfaceAddress


@dataclass(frozen=True, slots=True)
class RouteEvent:
    """A route was added, replaced or deleted. Routes lost with an interface set down are *not* reported for IPv4."""

    change: ObjectChange
    route: KernelRoute


@dataclass(frozen=True, slots=True)
class RuleEvent:
    """A policy rule was added or deleted."""

    change: ObjectChange
    rule: Rule


@dataclass(frozen=True, slots=True)
class NeighborEvent:
    """A neighbor entry changed or went away, or the kernel requests one."""

    change: ObjectChange
    neighbor: KernelNeighbor


@dataclass(frozen=True, slots=True)
class Overrun:
    """Messages were lost (ENOBUFS): dump and compare."""


KernelEvent = LinkEvent | AddressEvent | RouteEvent | RuleEvent | NeighborEvent | Overrun

_CHANGES = {
    KernelMessageType.NEWLINK: ObjectChange.SET,
    KernelMessageType.DELLINK: ObjectChange.GONE,
    KernelMessageType.NEWADDR: ObjectChange.SET,
    KernelMessageType.DELADDR: ObjectChange.GONE,
    KernelMessageType.NEWROUTE: ObjectChange.SET,
    KernelMessageType.DELROUTE: ObjectChange.GONE,
    KernelMessageType.NEWRULE: ObjectChange.SET,
    KernelMessageType.DELRULE: ObjectChange.GONE,
    KernelMessageType.NEWNEIGH: ObjectChange.SET,
    KernelMessageType.DELNEIGH: ObjectChange.GONE,
    KernelMessageType.GETNEIGH: ObjectChange.ASKED,
}


def parse_event(message: KernelMessage) -> KernelEvent | None:
    """Return the event of a notification; None: of a type or family that we do not follow.

    Raises WireError.
    """
    match message.kind:
        case KernelMessageType.NEWNEIGH | KernelMessageType.DELNEIGH | KernelMessageType.GETNEIGH:
            neighbor = parse_neighbor(message.body)
            return None if neighbor is None else NeighborEvent(_CHANGES[KernelMessageType(message.kind)], neighbor)
        case KernelMessageType.NEWROUTE | KernelMessageType.DELROUTE:
            route = parse_route(message.body)
            return None if route is None else RouteEvent(_CHANGES[KernelMessageType(message.kind)], route)
        case KernelMessageType.NEWRULE | KernelMessageType.DELRULE:
            rule = parse_rule(message.body)
            return None if rule is None else RuleEvent(_CHANGES[KernelMessageType(message.kind)], rule)
        case KernelMessageType.NEWLINK | KernelMessageType.DELLINK:
            link = parse_link(message.body)
            return None if link is None else LinkEvent(_CHANGES[KernelMessageType(message.kind)], link)
        case KernelMessageType.NEWADDR | KernelMessageType.DELADDR:
            address = parse_address(message.body)
            return None if address is None else AddressEvent(_CHANGES[KernelMessageType(message.kind)], address)
        case _:
            return None


def link_of(event: KernelEvent) -> int | None:
    """Return the interface that an event concerns directly, by its address, or by a connected network; else None."""
    match event:
        case LinkEvent(_, link):
            return link.index
        case AddressEvent(_, address):
            return address.link
        case RouteEvent(_, KernelRoute(next_hops=(hop,)) as route) if route.protocol == KERNEL_PROTOCOL:
            return hop.link
        case _:
            return None


def subject_of(event: KernelEvent) -> Hashable:
    """Return the subject of an event: a later event with the same subject replaces it."""
    match event:
        case LinkEvent(_, link):
            return link.index
        case AddressEvent(_, address):
            return (address.link, address.address, address.prefix_length)
        case RouteEvent(_, KernelRoute(next_hops=(hop,)) as route) if route.protocol == KERNEL_PROTOCOL:
            return (hop.link, route.prefix, route.table, route.metric)
        case _:
            return id(event)
