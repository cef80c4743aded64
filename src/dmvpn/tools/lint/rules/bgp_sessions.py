"""Rules about BGP sessions over a tunnel: does each end know the other one, and do they agree?"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.findings import Rule, Severity
from dmvpn.base.values import dataclass
from dmvpn.features.bgp.config import processes as bgp_lines
from dmvpn.features.bgp.model import NeighborLines
from dmvpn.features.bgp.settings import configured_peers, settings_of
from dmvpn.tools.lint.found import found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.bgp.settings import PeerSettings
    from dmvpn.network.overlay import EndPair, Network, TunnelEnd
    from dmvpn.tools.lint.found import NetworkConcern

ONE_SIDED: Final = Rule(
    id="bgp-neighbor-one-sided",
    severity=Severity.ERROR,
    title="One end of a tunnel has the other as its BGP neighbor, which has no line for it",
    why="BGP refuses a connection from an address that no `neighbor` line has and no `bgp listen range` covers, and "
    "two ends that only listen never connect. The session stays Idle or Active.",
    bad="router bgp 65000\n neighbor 10.0.0.20 remote-as 65000",
    fix="router bgp 65000\n neighbor 10.0.0.10 remote-as 65000",
)
AS: Final = Rule(
    id="bgp-as-differs",
    severity=Severity.ERROR,
    title="A BGP neighbor is in another autonomous system than its line says",
    why="The OPEN of a neighbor has its AS number, and the session ends with the notification Bad Peer AS if another "
    "one is configured (RFC 4271 §6.2).",
    bad="router bgp 65001\n neighbor 10.0.0.1 remote-as 64999",
    fix="router bgp 65001\n neighbor 10.0.0.1 remote-as 65000",
)
PASSWORD: Final = Rule(
    id="bgp-password-differs",
    severity=Severity.ERROR,
    title="Both ends of a BGP session have passwords that differ, or one end has none",
    why="TCP drops each segment whose signature is missing or wrong (RFC 2385): the session never comes up, and only "
    "`%TCP-6-BADAUTH` says why.",
    bad="router bgp 65001\n neighbor 10.0.0.1 remote-as 65000",
    fix="router bgp 65001\n neighbor 10.0.0.1 password THE-SAME",
)
SHUTDOWN: Final = Rule(
    id="bgp-neighbor-shutdown",
    severity=Severity.ERROR,
    title="The BGP session with the other end of a tunnel is shut down",
    why="An error where the other end waits for it: no routes are exchanged. Advice where both ends are shut down, "
    "because a line that was entered for maintenance is easily forgotten.",
    bad="router bgp 65001\n neighbor 10.0.0.1 shutdown",
    fix="router bgp 65001\n no neighbor 10.0.0.1 shutdown",
)
RULES: Final = (ONE_SIDED, AS, PASSWORD, SHUTDOWN)


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """One end as the other one's neighbor. peer: the other end's address. calls: by a line, not by a range alone."""

    end: TunnelEnd
    peer: IPv4Address
    settings: PeerSettings | None
    calls: bool

    @property
    def process(self) -> tuple[str]:
        """The words of its section."""
        return (bgp_lines.ROUTER.of(number=self.end.device.bgp.local_as),)

    @property
    def at(self) -> tuple[str, ...]:
        """Its line for the other end, or the section."""
        return (*self.process, f"neighbor {self.peer}") if self.calls else self.process


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield what keeps the two ends of a tunnel from a BGP session that one of them wants."""
    for pair in network.pairs:
        sides = _sides(pair)
        if sides is None:
            continue
        if not any(side.calls for side in sides):
            if _is_awaited(network, pair, sides):
                yield _one_sided(*sides)
            continue
        lacking = [(side, other) for side, other in _both(sides) if side.settings is None]
        yield from (_one_sided(side, other) for side, other in lacking)
        if not lacking:
            yield from _differences(sides)


def _sides(pair: EndPair) -> tuple[_Side, _Side] | None:
    """Return both ends; None if one of them does not run BGP there."""
    here, there = pair.here, pair.there
    if any(end.interface.vrf or not end.device.bgp.local_as for end in (here, there)):
        return None
    if not isinstance(here.address, IPv4Address) or not isinstance(there.address, IPv4Address):
        return None
    return _side(here, there, there.address), _side(there, here, here.address)


def _side(end: TunnelEnd, other: TunnelEnd, address: IPv4Address) -> _Side:
    """Return how BGP of an end knows the other one. address: the other one's first."""
    config = end.device.bgp
    known = configured_peers(config)
    for each, _ in other.addresses:
        if isinstance(each, IPv4Address) and each in known:
            return _Side(end, each, known[each], calls=True)
    for listened in config.listen_ranges:
        if address in listened.prefix:
            lines = NeighborLines(peer=address, group=listened.group)
            return _Side(end, address, settings_of(config, address, lines), calls=False)
    return _Side(end, address, None, calls=False)


def _both(sides: tuple[_Side, _Side]) -> Iterator[tuple[_Side, _Side]]:
    yield sides
    yield sides[1], sides[0]


def _is_awaited(network: Network, pair: EndPair, sides: tuple[_Side, _Side]) -> bool:
    """Return whether the server has a range for the client, and all its other clients that run BGP call it."""
    if not pair.nhrp or sides[1].settings is None:
        return False
    fellows = [client for client in network.clients(pair.there) if client is not pair.here]
    others = [_sides(type(pair)(client, pair.there, nhrp=True)) for client in fellows]
    return any(others) and all(both[0].calls for both in others if both is not None)


def _one_sided(side: _Side, other: _Side) -> NetworkConcern:
    name, peer = side.end.device.hostname, other.end.device.hostname
    waits = "has one for it" if other.calls else "waits for its call"
    what = f"BGP of {name} has no line for {side.peer} ({peer}), which {waits}"
    lines: tuple[str, ...] = (*side.process, bgp_lines.NEIGHBOR.of(peer=side.peer, remote_as=_presented(other)))
    if any(one.peer == side.peer and one.remote_as is not None for one in side.end.device.bgp.neighbors):
        what = f"BGP of {name} has lines for {side.peer} ({peer}), and it is not activated for IPv4"
        lines = (*side.process, bgp_lines.FAMILY.of(), bgp_lines.FAMILY_ACTIVATE.of(peer=side.peer))
    return found(ONE_SIDED, side.end.device, side.process, what, _text(lines), related=((other.end.device, other.at),))


def _text(lines: tuple[str, ...]) -> str:
    """Return lines as a text, each inside of the one before."""
    return "\n".join(f"{' ' * depth}{line}" for depth, line in enumerate(lines))


def _presented(side: _Side) -> int:
    """Return the AS number that a router presents to the other end."""
    return side.settings.local_as if side.settings is not None else side.end.device.bgp.outer_as


def _differences(sides: tuple[_Side, _Side]) -> Iterator[NetworkConcern]:
    """Yield what two ends that know each other do not agree on."""
    for side, other in _both(sides):
        settings, device = side.settings, side.end.device
        theirs, peer = other.end.device, other.end.device.hostname
        if settings is None:
            continue
        system, wanted = _presented(other), (settings.remote_as, *settings.lines.alternates)
        if system not in wanted:
            what = f"BGP expects AS {settings.remote_as} of {side.peer}, and {peer} is in AS {system}"
            fix = _text((*side.process, bgp_lines.NEIGHBOR.of(peer=side.peer, remote_as=system)))
            yield found(AS, device, side.at, what, fix if side.calls else "", related=((theirs, other.at),))
        if settings.lines.shutdown:
            what = f"BGP's session with {side.peer} ({peer}) is shut down"
            fix = _text((*side.process, bgp_lines.NEIGHBOR.no(peer=side.peer, shutdown=True)))
            at = (*side.process, f"neighbor {side.peer} shutdown")
            is_meant = other.settings is not None and other.settings.lines.shutdown
            yield found(SHUTDOWN, device, at, what, fix, severity=Severity.ADVICE if is_meant else None)
    first, second = sides
    if first.settings is None or second.settings is None:
        return
    if first.settings.lines.password != second.settings.lines.password:
        what = f"BGP of {first.end.device.hostname} and {second.end.device.hostname} do not have the same password"
        yield found(PASSWORD, first.end.device, first.at, what, related=((second.end.device, second.at),))
