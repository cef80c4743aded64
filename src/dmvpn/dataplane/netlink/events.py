"""What a monitor hears: the kernel's notifications as typed events.

`Overrun` replaces messages that were lost because the socket was full: a caller that keeps a copy of the kernel's state
dumps it again. A `NeighborEvent` with `Change.ASKED` is a question (see `neighbor`); its state tells which one.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.dataplane.netlink.address import InterfaceAddress, parse_address
from dmvpn.dataplane.netlink.codes import MessageType
from dmvpn.dataplane.netlink.link import Link, parse_link
from dmvpn.dataplane.netlink.neighbor import Neighbor, parse_neighbor
from dmvpn.dataplane.netlink.route import KERNEL_PROTOCOL, Route, parse_route
from dmvpn.dataplane.netlink.rule import Rule, parse_rule

if TYPE_CHECKING:
    from collections.abc import Hashable

    from dmvpn.dataplane.netlink.wire import Message


class Change(enum.Enum):
    """What happened to the object of an event."""

    SET = "set"  # it is new, or changed into this
    GONE = "gone"
    ASKED = "asked"  # neighbors only: the kernel wants an answer


@dataclass(frozen=True, slots=True)
class LinkEvent:
    """An interface appeared, changed or went away."""

    change: Change
    link: Link


@dataclass(frozen=True, slots=True)
class AddressEvent:
    """An address was added, changed or deleted."""

    change: Change
    address: InterfaceAddress


@dataclass(frozen=True, slots=True)
class RouteEvent:
    """A route was added, replaced or deleted. Routes lost with an interface set down are *not* reported for IPv4."""

    change: Change
    route: Route


@dataclass(frozen=True, slots=True)
class RuleEvent:
    """A policy rule was added or deleted."""

    change: Change
    rule: Rule


@dataclass(frozen=True, slots=True)
class NeighborEvent:
    """A neighbor entry changed or went away, or the kernel asks about it."""

    change: Change
    neighbor: Neighbor


@dataclass(frozen=True, slots=True)
class Overrun:
    """Messages were lost (ENOBUFS): dump and compare."""


KernelEvent = LinkEvent | AddressEvent | RouteEvent | RuleEvent | NeighborEvent | Overrun

_CHANGES = {
    MessageType.NEWLINK: Change.SET,
    MessageType.DELLINK: Change.GONE,
    MessageType.NEWADDR: Change.SET,
    MessageType.DELADDR: Change.GONE,
    MessageType.NEWROUTE: Change.SET,
    MessageType.DELROUTE: Change.GONE,
    MessageType.NEWRULE: Change.SET,
    MessageType.DELRULE: Change.GONE,
    MessageType.NEWNEIGH: Change.SET,
    MessageType.DELNEIGH: Change.GONE,
    MessageType.GETNEIGH: Change.ASKED,
}


def parse_event(message: Message) -> KernelEvent | None:
    """Return the event that a notification reports; None: of a type or family that we do not follow.

    Raises WireError.
    """
    match message.kind:
        case MessageType.NEWNEIGH | MessageType.DELNEIGH | MessageType.GETNEIGH:
            neighbor = parse_neighbor(message.body)
            return None if neighbor is None else NeighborEvent(_CHANGES[MessageType(message.kind)], neighbor)
        case MessageType.NEWROUTE | MessageType.DELROUTE:
            route = parse_route(message.body)
            return None if route is None else RouteEvent(_CHANGES[MessageType(message.kind)], route)
        case MessageType.NEWRULE | MessageType.DELRULE:
            rule = parse_rule(message.body)
            return None if rule is None else RuleEvent(_CHANGES[MessageType(message.kind)], rule)
        case MessageType.NEWLINK | MessageType.DELLINK:
            link = parse_link(message.body)
            return None if link is None else LinkEvent(_CHANGES[MessageType(message.kind)], link)
        case MessageType.NEWADDR | MessageType.DELADDR:
            address = parse_address(message.body)
            return None if address is None else AddressEvent(_CHANGES[MessageType(message.kind)], address)
        case _:
            return None


def link_of(event: KernelEvent) -> int | None:
    """Return the interface that this is about, or an address of, or the network that comes with one; None of all
    else.
    """
    match event:
        case LinkEvent(_, link):
            return link.index
        case AddressEvent(_, address):
            return address.link
        case RouteEvent(_, Route(next_hops=(hop,)) as route) if route.protocol == KERNEL_PROTOCOL:
            return hop.link
        case _:
            return None


def subject_of(event: KernelEvent) -> Hashable:
    """Return what an event is about: a later one with the same subject takes its place."""
    match event:
        case LinkEvent(_, link):
            return link.index
        case AddressEvent(_, address):
            return (address.link, address.address, address.prefix_length)
        case RouteEvent(_, Route(next_hops=(hop,)) as route) if route.protocol == KERNEL_PROTOCOL:
            return (hop.link, route.prefix, route.table, route.metric)
        case _:
            return id(event)
