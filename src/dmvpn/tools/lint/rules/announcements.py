"""Rules about the advertisement of sites: their LANs, the routers that forward it, and what prevents it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.findings import Rule, Severity
from dmvpn.features.eigrp.config.processes import IN_FAMILY
from dmvpn.features.eigrp.config.sections import header, nested, process_lines
from dmvpn.features.eigrp.terms import WEIGHTS
from dmvpn.features.static.config import route_line
from dmvpn.tools.lint.found import found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.network.overlay import Network, TunnelEnd
    from dmvpn.tools.lint.found import NetworkConcern

LAN: Final = Rule(
    id="eigrp-lan-not-told",
    severity=Severity.WARNING,
    title="EIGRP runs on the tunnel and does not advertise a LAN of the router",
    why="No `network` line matches the LAN's address and connected prefixes are not redistributed, so no other site "
    "has a route to it. Advice where other LANs or routes are advertised, and where the router translates for it (`ip "
    "nat inside`): a LAN of guests may be local on purpose. A port to a provider or in a VRF is no LAN.",
    bad="router eigrp 100\n network 10.0.0.0 0.0.0.255",
    fix="router eigrp 100\n network 192.168.10.0 0.0.0.255",
)
STUB: Final = Rule(
    id="eigrp-stub-hub",
    severity=Severity.ERROR,
    title="A hub that is an EIGRP stub",
    why="A stub router does not advertise routes that it has learned from neighbors (RFC 7868 §2.1). A hub has to "
    "advertise the routes of each spoke to the other spokes.",
    bad="router eigrp 100\n eigrp stub connected",
    fix="router eigrp 100\n no eigrp stub",
)
NOTHING: Final = Rule(
    id="static-route-hides-lan",
    severity=Severity.ERROR,
    title="A static route to Null0 in the way of another site's LAN",
    why="A static route wins against EIGRP's (distance 1, not 90), and a longer prefix wins against any: packets for "
    "that site are dropped here. A route that is a last resort needs the distance 254.",
    bad="ip route 192.168.20.0 255.255.255.0 Null0",
    fix="ip route 192.168.20.0 255.255.255.0 Null0 254",
)
RULES: Final = (LAN, STUB, WEIGHTS.rule, NOTHING)
#: EIGRP's distance for what it learns inside.
_EIGRP: Final = 90
#: A distance behind that of every routing protocol.
_LAST: Final = 254


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield LANs that routing does not advertise or hides, and stub hubs."""
    for end in network.ends:
        yield from _lans(network, end)
        yield from _stub(network, end)
        yield from _hidden(network, end)


def _lans(network: Network, end: TunnelEnd) -> Iterator[NetworkConcern]:
    ours = end.eigrp
    if ours is None or end.nhrp.network_id is None:
        return
    process, advertised = ours[0], network.advertised[end.device]
    advertises_something = bool(advertised or process.redistributions)
    for settings, prefix in end.device.lans:
        if prefix in advertised:
            continue
        number = process.autonomous_system
        what = f"EIGRP {number} does not advertise {prefix} ({settings.name}): no other router has a route to it"
        fix = nested(process_lines(process, IN_FAMILY.network.of(address=prefix.address, wildcard=prefix.wildcard)))
        may_be_meant = advertises_something or end.device.translates(settings.name, "inside")
        yield found(LAN, end.device, (header(process),), what, fix, severity=Severity.ADVICE if may_be_meant else None)


def _stub(network: Network, end: TunnelEnd) -> Iterator[NetworkConcern]:
    ours = end.eigrp
    if ours is not None and ours[0].stub is not None and len(network.clients(end)) > 1:
        spokes = len(network.clients(end))
        what = f"{end.device.hostname} is a stub, and {spokes} spokes learn each other's routes only from it"
        yield found(STUB, end.device, (header(ours[0]), "eigrp stub"), what)


def _hidden(network: Network, end: TunnelEnd) -> Iterator[NetworkConcern]:
    if end.nhrp.network_id is None:
        return
    for route in end.device.static.routes:
        if route.interface != "Null0":
            continue
        for other in network.ends:
            is_far = other.device is not end.device and other.nhrp.network_id is not None
            for lan in network.advertised[other.device] if is_far else ():
                if route.prefix in lan and (route.prefix != lan or route.distance < _EIGRP):
                    words = route_line(route.prefix, interface="Null0")
                    fix = f"no {words}\n{route_line(route.prefix, interface='Null0', distance=_LAST)}"
                    what = f"packets for {route.prefix} are dropped, and {lan} is a LAN of {other.device.hostname}"
                    yield found(NOTHING, end.device, (words,), what, fix)
