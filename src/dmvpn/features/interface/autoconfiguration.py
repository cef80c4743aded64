"""Stateless autoconfiguration: a port's own addresses and default route, by advertisements of another router.

`ipv6 address autoconfig` solicits three times, four seconds apart (RFC 4861 §6.3.7), and makes an address of each
advertised prefix of 64 bits (RFC 4862 §5.5.3); with `default` the router of the best preference becomes the next hop
of a default route (RFC 4191 §3.2), until its advertised lifetime ends.

Every station on the link may advertise. A port keeps `MOST` prefixes and routers and ignores further ones; a prefix
that a port of the VRF has or hears is not taken; no advertisement shortens the remaining lifetime of an address below
two hours (§5.5.3 e); and addresses and routes change once in three seconds, however many advertisements arrive.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv6Address
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local, is_one_station
from dmvpn.base.context import Context, TimerQueue, earliest
from dmvpn.base.effects import Listen, NextHop, SendIp, StopListening
from dmvpn.base.entropy import fraction
from dmvpn.base.errors import WireError
from dmvpn.base.events import IpReceived
from dmvpn.base.notices import InterfaceState, Route, RouteOffered, RouteRetracted, RouteSource
from dmvpn.base.ports import interface_in
from dmvpn.base.values import Mutable, Value
from dmvpn.features.interface.advertising import TOS
from dmvpn.features.interface.model import IDENTIFIER_LENGTH
from dmvpn.net import discovery
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.net.ipv6 import INFINITE, RouterPreference

#: Prefixes of a port, and routers: as many as Linux keeps.
MOST: Final = 16
#: RFC 4861 §10: solicitations, the delay of the first, and the seconds between two.
_SOLICITATIONS, _FIRST_DELAY, _INTERVAL = 3, 1.0, 4.0
#: Seconds between two changes of addresses or routes: a router advertises no more often (RFC 4861 §6.2.6).
_PAUSE: Final = 3.0
#: RFC 4862 §5.5.3 (e), seconds.
_TWO_HOURS: Final = 7200.0
#: IOS's distance of such a default route.
_DISTANCE: Final = 2
_EVERYWHERE: Final = Prefix(IPv6Address(0), 0)
_PREFERENCES: Final = {RouterPreference.HIGH: 0, RouterPreference.MEDIUM: 1, RouterPreference.LOW: 2}


class Router(Value):
    """A default router of a link. until: when its lifetime ends, seconds. said: its last message, of `heard_at`."""

    until: float
    said: discovery.RouterAdvertisement
    heard_at: float


class _Link(Mutable):
    """A port that listens. default: with a default route, whose next hop is `way`.

    prefixes: until when their addresses are valid, and preferred, seconds. sent: solicitations.
    changed_at: when addresses and routes were last brought up to date.
    """

    default: bool
    state: InterfaceState
    hardware: bytes
    prefixes: dict[Prefix, tuple[float, float]]
    routers: dict[IPAddress, Router]
    sent: int = 0
    changed_at: float = float("-inf")
    way: NextHop | None = None


class Autoconfiguration:
    """The ports of a router that take addresses from advertisements.

    learned: called with a port and the prefixes of its addresses, preferred ones first.
    """

    def __init__(self, context: Context, learned: Callable[[str, tuple[Prefix, ...]], None]) -> None:
        self._context = context
        self._learned = learned
        self._links: dict[str, _Link] = {}
        self._asking: TimerQueue[str] = TimerQueue(context, "solicit routers", self._solicit, most=32)
        self._due: TimerQueue[str] = TimerQueue(context, "follow advertisements", self._follow, most=32)

    def heard(self, name: str) -> tuple[dict[IPAddress, Router], dict[Prefix, tuple[float, float]]]:
        """Return the routers of a port, and its prefixes, each with the ends of its valid and preferred lifetime."""
        link = self._links.get(name)
        return (link.routers, link.prefixes) if link is not None else ({}, {})

    def follow(self, name: str, default: bool | None, state: InterfaceState | None, hardware: bytes) -> None:
        """Listen on a port. default: add a default route; None: stop. state: None: the port carries no IPv6 now."""
        link = self._links.get(name)
        if link is not None and (default is None or state is None or state.vrf != link.state.vrf):
            self._end(name, link)
            link = None
        if default is None or state is None:
            return
        if link is not None:
            before, link.default, link.state = link.default, default, state
            if before != default:
                self._due.set(name, self._context.now)
            return
        self._links[name] = _Link(default, state, hardware, {}, {})
        self._context.emit(Listen(name, IpProtocol.ICMPV6, discovery.ALL_NODES))
        self._asking.set(name, self._context.now + _FIRST_DELAY * fraction(self._context.ports.entropy))

    def take(self, event: IpReceived) -> None:
        """Take an advertisement of another router; all other messages are ignored."""
        link = self._links.get(event.interface)
        if link is None or event.payload[:1] != bytes((discovery.ADVERTISEMENT,)):
            return
        try:
            said = discovery.RouterAdvertisement.parse(event.payload, event.source, event.destination, event.ttl)
        except WireError:
            return
        now, due = self._context.now, self._due.when(event.interface)
        own = self._context.ports.interfaces.all()  # two ports of this router may be on one link
        if not said.lifetime:
            link.routers.pop(event.source, None)
        elif event.source in link.routers or (
            len(link.routers) < MOST and all(state.link_local(6) != event.source for state in own)
        ):
            link.routers[event.source] = Router(now + said.lifetime, said, now)
            self._asking.cancel(event.interface)
        for one in said.prefixes[:MOST]:
            if one.autonomous and (one.prefix in link.prefixes or self._fits(link, one)):
                link.prefixes[one.prefix] = _lifetimes(one, link.prefixes.get(one.prefix), now)
        when = max(now, link.changed_at + _PAUSE)
        if due is None or when < due:
            self._due.set(event.interface, when)

    def _fits(self, link: _Link, one: discovery.AdvertisedPrefix) -> bool:
        """Return whether a new prefix can be that of an address of the port (§5.5.3 a to d)."""
        prefix = one.prefix
        if prefix.length != IDENTIFIER_LENGTH or not one.valid or len(link.prefixes) >= MOST:
            return False
        if is_link_local(prefix.address) or not is_one_station(IPv6Address(prefix.number | 1)):
            return False
        vrf = link.state.vrf  # what another port of it has just heard becomes its address in a moment
        is_heard = any(prefix in other.prefixes for other in self._links.values() if other.state.vrf == vrf)
        return not is_heard and not interface_in(self._context.ports.interfaces, prefix, vrf)

    def _solicit(self, name: str) -> None:
        link = self._links[name]
        source = link.state.link_local(6)
        octets = discovery.solicitation(link.hardware)
        self._context.emit(SendIp(name, source, discovery.ALL_ROUTERS, IpProtocol.ICMPV6, octets, ttl=255, tos=TOS))
        link.sent += 1
        if link.sent < _SOLICITATIONS:
            self._asking.set(name, self._context.now + _INTERVAL)

    def _follow(self, name: str) -> None:
        """Update addresses and the default route after advertisements, or at the end of a lifetime."""
        link, now = self._links[name], self._context.now
        link.changed_at = now
        for prefix in [one for one, (valid, _) in link.prefixes.items() if valid <= now]:
            del link.prefixes[prefix]
        for address in [one for one, router in link.routers.items() if router.until <= now]:
            del link.routers[address]
        ends = [each for both in link.prefixes.values() for each in both if now < each < float("inf")]
        following = earliest(*ends, *(router.until for router in link.routers.values()))
        if following is not None:
            self._due.set(name, max(following, now + _PAUSE))
        self._learned(name, tuple(sorted(link.prefixes, key=lambda prefix: link.prefixes[prefix][1] <= now)))
        self._lead(name, link)

    def _lead(self, name: str, link: _Link) -> None:
        """Offer the default route, or retract it; among routers of one preference the first one stays."""
        best = min(link.routers, key=lambda one: _PREFERENCES[link.routers[one].said.preference], default=None)
        way = NextHop(name, best) if best is not None and link.default else None
        if way == link.way:
            return
        link.way, vrf, source = way, link.state.vrf, RouteSource.ND
        if way is None:
            self._context.emit(RouteRetracted(source, name, _EVERYWHERE, vrf))
        else:
            route = Route(prefix=_EVERYWHERE, source=source, distance=_DISTANCE, next_hops=(way,), process=name)
            self._context.emit(RouteOffered(route, vrf))

    def _end(self, name: str, link: _Link) -> None:
        """Forget all of a port."""
        del self._links[name]
        self._asking.cancel(name)
        self._due.cancel(name)
        link.routers.clear()
        self._lead(name, link)
        self._learned(name, ())
        self._context.emit(StopListening(name, IpProtocol.ICMPV6, discovery.ALL_NODES))


def _lifetimes(one: discovery.AdvertisedPrefix, before: tuple[float, float] | None, now: float) -> tuple[float, float]:
    """Return until when the address of a prefix is valid and preferred. before: what held."""
    valid, preferred = (float("inf") if each == INFINITE else now + each for each in (one.valid, one.preferred))
    if before is None or valid > now + _TWO_HOURS or valid > before[0]:
        return valid, preferred
    return min(before[0], now + _TWO_HOURS), preferred
