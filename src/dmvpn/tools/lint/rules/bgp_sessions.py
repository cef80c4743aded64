"""Rules about BGP sessions over a tunnel: does each end know the other one, and do they agree?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.findings import Rule, Severity
from dmvpn.features.bgp.config import processes as bgp_lines
from dmvpn.ios.grammar import HIDDEN
from dmvpn.tools.lint.found import found
from dmvpn.tools.lint.rules.bgp_sides import Sides

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.network.overlay import Network
    from dmvpn.tools.lint.found import NetworkConcern
    from dmvpn.tools.lint.rules.bgp_sides import Pair, Side

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
    title="The AS of a BGP neighbor differs from its line",
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


#: How a password begins that is encrypted: with another text at each router.
_ENCRYPTED: Final = ("6 ", "7 ")


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield what keeps the two ends of a tunnel from a BGP session that one of them wants."""
    known = Sides(network)
    for pair in network.pairs:
        sides = known.of(pair.here, pair.there)
        if sides is None or any(side.unread for side in sides):
            continue
        if not any(side.calls for side in sides):
            if known.is_awaited(pair, sides):
                yield _one_sided(*sides)
            continue
        lacking = [(side, other) for side, other in _both(sides) if side.settings is None]
        yield from (_one_sided(side, other) for side, other in lacking if not (side.elsewhere or other.shutdown))
        if not lacking:
            yield from _differences(sides)


def _both(sides: Pair) -> Iterator[Pair]:
    yield sides
    yield sides[1], sides[0]


def _process(side: Side) -> str:
    """Return the line that opens the section of its process."""
    return bgp_lines.ROUTER.of(number=side.end.device.bgp.local_as)


def _at(side: Side, *words: str) -> tuple[str, ...]:
    """Return a line for the other end, or the section. words: of the line."""
    line = " ".join((f"neighbor {side.peer}", *words))
    return (_process(side), line) if side.lines is not None and side.own is not None else (_process(side),)


def _one_sided(side: Side, other: Side) -> NetworkConcern:
    name, peer = side.end.device.hostname, other.end.device.hostname
    waits = "has one for it" if other.calls else "waits for its call"
    what = f"BGP of {name} has no line for {side.peer} ({peer}), which {waits}"
    lines = [bgp_lines.NEIGHBOR.of(peer=side.peer, remote_as=_presented(other))]
    family = [bgp_lines.FAMILY.of(), f" {bgp_lines.FAMILY_ACTIVATE.of(peer=side.peer)}"]
    if side.lines is not None and side.lines.remote_as is not None:
        what = f"BGP of {name} has lines for {side.peer} ({peer}), and it is not activated for IPv4"
        lines = family
    else:
        lines += [] if side.end.device.bgp.ipv4_by_default else family
        if side.lines is not None:
            what = f"BGP of {name} has lines for {side.peer} ({peer}), and none of them has its AS number"
    return found(
        ONE_SIDED, side.end.device, _at(side), what, _text(side, *lines), related=((other.end.device, _at(other)),)
    )


def _text(side: Side, *lines: str) -> str:
    """Return lines of the process."""
    return "\n".join((_process(side), *(f" {line}" for line in lines)))


def _presented(side: Side) -> int:
    """Return the AS number that a router presents to the other end."""
    return side.settings.local_as if side.settings is not None else side.end.device.bgp.outer_as


def _differences(sides: Pair) -> Iterator[NetworkConcern]:
    """Yield what two ends that know each other do not agree on."""
    for side, other in _both(sides):
        yield from _systems(side, other)
        if side.shutdown:
            yield _closed(side, other)
    first, second = (side.settings.lines.password if side.settings is not None else "" for side in sides)
    if first != second and not (first and second and (_is_hidden(first) or _is_hidden(second))):
        here, there = (side.end.device for side in sides)
        what = f"BGP of {here.hostname} and {there.hostname} do not have the same password"
        yield found(PASSWORD, here, _at(sides[0]), what, related=((there, _at(sides[1])),))


def _is_hidden(password: str) -> bool:
    """Return whether a password cannot be compared."""
    return password.startswith(_ENCRYPTED) or HIDDEN in password or not password.strip("*")


def _systems(side: Side, other: Side) -> Iterator[NetworkConcern]:
    """Yield that an end expects another AS number than the other one presents."""
    settings, system = side.settings, _presented(other)
    if settings is None or system in (settings.remote_as, *settings.lines.alternates):
        return
    what = f"BGP expects AS {settings.remote_as} of {side.peer}, and {other.end.device.hostname} is in AS {system}"
    # The number of a group is not that of one member, and in a confederation the members may be what is missing.
    is_own = side.own is not None and side.own.remote_as is not None
    is_inside = any(one.end.device.bgp.confederation.identifier for one in (side, other))
    fix = _text(side, bgp_lines.NEIGHBOR.of(peer=side.peer, remote_as=system)) if is_own and not is_inside else ""
    yield found(AS, side.end.device, _at(side), what, fix, related=((other.end.device, _at(other)),))


def _closed(side: Side, other: Side) -> NetworkConcern:
    """Return that an end has shut a session down."""
    what = f"BGP's session with {side.peer} ({other.end.device.hostname}) is shut down"
    severity = Severity.ADVICE if other.shutdown else None
    for lines in (side.own, side.group):
        if lines is not None and lines.shutdown:
            fix = _text(side, bgp_lines.NEIGHBOR.no(peer=lines.peer, shutdown=True))
            at = (_process(side), f"neighbor {lines.peer} shutdown")
            return found(SHUTDOWN, side.end.device, at, what, fix, severity=severity)
    return found(SHUTDOWN, side.end.device, _at(side), what, severity=severity)
