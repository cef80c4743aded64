"""Router advertisements: what this router says of its links to hosts (RFC 4861 §6.2), where `ipv6 unicast-routing` is.

A port advertises while it is up and runs IPv6; a tunnel does not, for NHRP finds its neighbors. At its beginning a port
advertises three times, sixteen seconds apart, then by the interval of its lines. When a solicitation comes, all hosts
of the link hear the answer within half a second, and never within three seconds of the one before (§6.2.6): so a flood
of solicitations costs no more than one. When the router stops, it says so with a lifetime of 0 (§6.2.5).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.context import Context, TimerQueue
from dmvpn.base.effects import Listen, SendIp, StopListening
from dmvpn.base.entropy import fraction
from dmvpn.base.errors import WireError
from dmvpn.base.events import IpReceived
from dmvpn.base.notices import Ipv6State
from dmvpn.base.values import Mutable, project
from dmvpn.features.interface.model import Advertising, Ipv6Settings
from dmvpn.net import discovery
from dmvpn.net.ipv4 import IpProtocol

#: RFC 4861 §10: the first advertisements and the seconds between them; the delay of an answer, and between two.
_FIRST, _FIRST_INTERVAL, _ANSWER_DELAY, _PAUSE = 3, 16.0, 0.5, 3.0
#: IOS's class for Neighbor Discovery: network control.
TOS: Final = 0xE0


def said(settings: Ipv6Settings, state: Ipv6State, hardware: bytes) -> discovery.RouterAdvertisement:
    """Return what a port says of its link. hardware: its address on the link, or empty."""
    nd = settings.nd
    prefixes = tuple(_prefixes(nd, settings))
    return project(discovery.RouterAdvertisement, nd, link_address=hardware, mtu=state.mtu, prefixes=prefixes)


def _prefixes(nd: Advertising, settings: Ipv6Settings) -> Iterator[discovery.AdvertisedPrefix]:
    """Yield the prefixes of its addresses, and others that its lines name."""
    named = {one.prefix: one for one in nd.prefixes if one.prefix is not None}
    default = next((one for one in nd.prefixes if one.prefix is None), None)
    own = dict.fromkeys((*(Prefix.of(address, length) for address, length in settings.addresses), *settings.prefixes))
    for prefix in (*own, *(prefix for prefix in named if prefix not in own)):
        lines = named.get(prefix, default)
        if lines is None:
            yield discovery.AdvertisedPrefix(prefix)
        elif lines.advertised:
            yield discovery.AdvertisedPrefix(prefix, lines.valid, lines.preferred, lines.on_link, lines.autonomous)


class _Link(Mutable):
    """A port that advertises. sent: how often; last: when, seconds."""

    nd: Advertising
    source: IPAddress
    message: discovery.RouterAdvertisement
    sent: int = 0
    last: float = float("-inf")


class Advertisers:
    """The ports of a router that advertise."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._links: dict[str, _Link] = {}
        self._due: TimerQueue[str] = TimerQueue(context, "advertise this router", self._advertise, most=32)

    def follow(self, name: str, settings: Ipv6Settings | None, state: Ipv6State | None, hardware: bytes) -> None:
        """Advertise on a port as its lines say. settings: None stops it. state: None: no packet leaves."""
        before = self._links.get(name)
        if settings is None or state is None or settings.nd.is_silent:
            if before is not None:
                self._end(name, before, says_so=state is not None)
            return
        message = said(settings, state, hardware)
        what = settings.nd, state.link_local, message
        if before is not None and (before.nd, before.source, before.message) == what:
            return
        if before is None:
            self._context.emit(Listen(name, IpProtocol.ICMPV6, discovery.ALL_ROUTERS))
        last = before.last if before is not None else float("-inf")
        self._links[name] = _Link(*what, last=last)
        if settings.nd.periodic:
            self._due.set(name, max(self._context.now, last + _PAUSE))
        else:
            self._due.cancel(name)

    def take(self, event: IpReceived) -> None:
        """Answer a solicitation; all other messages are ignored."""
        link = self._links.get(event.interface)
        if link is None or event.payload[:1] != bytes((discovery.SOLICITATION,)):
            return
        try:
            discovery.check_solicitation(event.payload, event.source, event.destination, event.ttl)
        except WireError:
            return
        now, due = self._context.now, self._due.when(event.interface)
        when = max(now + _ANSWER_DELAY * fraction(self._context.ports.entropy), link.last + _PAUSE)
        if due is None or when < due:
            self._due.set(event.interface, when)

    def _advertise(self, name: str) -> None:
        link = self._links[name]
        self._send(name, link.source, link.message)
        link.sent, link.last = link.sent + 1, self._context.now
        if link.nd.periodic:
            least, most = link.nd.interval
            delay = least + (most - least) * fraction(self._context.ports.entropy)
            self._due.set(name, link.last + (delay if link.sent >= _FIRST else min(delay, _FIRST_INTERVAL)))

    def _end(self, name: str, link: _Link, *, says_so: bool) -> None:
        del self._links[name]
        self._due.cancel(name)
        if says_so and link.sent and link.message.lifetime:
            self._send(
                name, link.source, discovery.RouterAdvertisement(lifetime=0, link_address=link.message.link_address)
            )
        self._context.emit(StopListening(name, IpProtocol.ICMPV6, discovery.ALL_ROUTERS))

    def _send(self, name: str, source: IPAddress, message: discovery.RouterAdvertisement) -> None:
        order = SendIp(name, source, discovery.ALL_NODES, IpProtocol.ICMPV6, message.serialize(), ttl=255, tos=TOS)
        self._context.emit(order)
