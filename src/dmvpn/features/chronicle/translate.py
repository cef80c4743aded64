"""Notices that features send anyway, as lines of the chronicle: interfaces, routes, protection, configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import spelled
from dmvpn.base.chronicle import Sign, StateChanged, Topic
from dmvpn.base.effects import RouteKind
from dmvpn.base.events import ConfigurationEntered, LinesEntered
from dmvpn.base.negotiation import ConnectionChanged, SaNegotiated
from dmvpn.base.notices import InterfaceChanged, RouteChanged

if TYPE_CHECKING:
    from dmvpn.base.events import Event
    from dmvpn.base.notices import Notice, Route
    from dmvpn.base.protection import Connection


def translate(event: Event | Notice) -> StateChanged | None:
    """Return the change that it reports; None: no change to report."""
    match event:
        case RouteChanged():
            return route_change(event) if is_news(event) else None
        case InterfaceChanged():
            return _interface(event)
        case ConnectionChanged():
            return _connection(event)
        case SaNegotiated(replaces=int() as old):
            return _protected(Sign.CHANGED, event.connection, f"SA {old:#x} replaced by {event.sa.spi_in:#x}")
        case ConfigurationEntered() | LinesEntered():
            return StateChanged(
                topic=Topic.CONFIGURATION, sign=Sign.CHANGED, subject="running-config", text=f"entered by {event.by}"
            )
        case _:
            return None


def is_news(event: RouteChanged) -> bool:
    """Return whether packets take another path, or another protocol provides the route; a changed metric is not
    reported.
    """
    if event.old is None or event.new is None:
        return event.old is not event.new
    return _gist(event.old) != _gist(event.new)


def route_change(event: RouteChanged) -> StateChanged:
    """Return a change of a route, in words."""
    old, new = (_way(route) for route in (event.old, event.new))
    sign = Sign.WENT if event.new is None else Sign.CAME if event.old is None else Sign.CHANGED
    text = old if event.new is None else new if event.old is None else f"{new}, was {old}"
    hops = event.new or event.old
    about = tuple(hop.address for hop in hops.next_hops if hop.address is not None) if hops is not None else ()
    return StateChanged(
        topic=Topic.ROUTE, sign=sign, subject=spelled(event.prefix), text=text, about=(event.prefix, *about)
    )


def _gist(route: Route) -> tuple[object, ...]:
    """Return the part of a route that `_way` prints: two routes with equal parts read the same."""
    who = route.source, route.process if route.process.isdecimal() else ""
    if route.kind is not RouteKind.FORWARD:
        return who
    return *who, *(hop.address or hop.interface for hop in route.next_hops)


def _way(route: Route | None) -> str:
    if route is None:
        return ""
    who = f"{route.source.value} {route.process}" if route.process.isdecimal() else route.source.value
    if route.kind is not RouteKind.FORWARD:
        return f"{who} to Null0"
    hops = (f"via {spelled(hop.address)}" if hop.address else f"on {hop.interface}" for hop in route.next_hops)
    return f"{who} {', '.join(hops)}"


def _interface(event: InterfaceChanged) -> StateChanged | None:
    old, new = event.old, event.new
    if new is None:
        return _of_interface(Sign.WENT, event.name, "removed")
    if old is None:
        return _of_interface(Sign.CAME, event.name, "configured")
    if old.line != new.line:
        text = "up" if new.line else f"down: {new.reason}" if new.reason is not None else "down"
        return _of_interface(Sign.CHANGED, event.name, text)
    if old.address != new.address:
        return _of_interface(Sign.CHANGED, event.name, f"address {new.address or 'none'}, was {old.address or 'none'}")
    return None


def _of_interface(sign: Sign, name: str, text: str) -> StateChanged:
    return StateChanged(topic=Topic.INTERFACE, sign=sign, subject=name, text=text, interface=name)


def _connection(event: ConnectionChanged) -> StateChanged | None:
    old, new = event.old, event.new
    if new is None:
        return None if old is None else _protected(Sign.WENT, old, str(event.reason or "no SAs any more"))
    if old is None:
        return _protected(Sign.CAME, new, f"SAs with {new.identity}" if new.identity else "SAs")
    if (old.remote, old.remote_port) != (new.remote, new.remote_port):
        return _protected(Sign.CHANGED, new, f"moved here from {old.remote}")
    return None


def _protected(sign: Sign, connection: Connection, text: str) -> StateChanged:
    return StateChanged(
        topic=Topic.PROTECTION, sign=sign, subject=str(connection.remote), text=text, about=(connection.remote,)
    )
