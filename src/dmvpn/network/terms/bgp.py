"""What the two ends of a BGP session must agree on, and have for each other.

A session is between the addresses of `neighbor` lines and listen ranges, which need not be those of the tunnel.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.base.findings import Rule, Severity
from dmvpn.base.placeholder import SECRET
from dmvpn.base.terms import Duty, NoValue, Term
from dmvpn.features.bgp.config.instance import FAMILY, FAMILY_ACTIVATE, LISTEN_RANGE, NEIGHBOR
from dmvpn.features.bgp.settings import templates
from dmvpn.ios.grammar import HIDDEN
from dmvpn.ios.hidden_secrets import compare
from dmvpn.network.terms.bgp_sides import Side, is_awaited, side
from dmvpn.network.terms.table import Failure, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dmvpn.features.bgp.model import NeighborLines
    from dmvpn.network.overlay import EndPair

#: How a password begins that is encrypted: with another text at each router.
_ENCRYPTED: Final = ("6 ", "7 ")


def _has_no_line(here: Side, there: Side) -> str:
    """Return that an end does not know the other one, which calls it."""
    return no_line(here, there) if there.calls and not (here.elsewhere or there.shutdown) else ""


def no_line(here: Side, there: Side) -> str:
    """Return that an end does not know the other one; "": it does."""
    if here.settings is not None:
        return ""
    start, lines = f"BGP of {here.name} has", here.lines
    if lines is not None:
        lacks = "none of them has its AS number" if lines.remote_as is None else "it is not activated for IPv4"
        return f"{start} lines for {here.peer} ({there.name}), and {lacks}"
    if _wider(here):
        return f"the range that BGP of {here.name} listens to does not cover its clients, such as {there.name}"
    waits = "has one for it" if there.calls else "waits for its call"
    return f"{start} no line for {here.peer} ({there.name}), which {waits}"


def missing_lines(here: Side, there: Side) -> tuple[str, ...]:
    """Return the lines that make the other end a neighbor."""
    config = here.end.device.bgp
    if here.lines is None and (lines := _wider(here)):
        return (*here.process, *lines)
    is_known = here.lines is not None and here.lines.remote_as is not None
    lines = () if is_known else (NEIGHBOR.of(peer=here.peer, remote_as=there.presents(here)),)
    if is_known or not config.ipv4_by_default:
        lines = (*lines, *(() if config.in_vrf else (FAMILY.of(),)), FAMILY_ACTIVATE.of(peer=here.peer))
    return (*here.process, *lines)


def _wider(here: Side) -> tuple[str, ...]:
    """Return lines that widen a range from a part of the tunnel's network to the whole."""
    subnet = here.end.subnet
    for one in here.end.device.bgp.listen_ranges if subnet is not None else ():
        whole, part = ip_network(str(subnet)), ip_network(str(one.prefix))
        if whole != part and whole.overlaps(part):
            wide = LISTEN_RANGE.of(prefix=subnet, group=one.group)
            return f"no {LISTEN_RANGE.of(prefix=one.prefix, group=one.group)}", wide
    return ()


NEIGHBORS: Final = Duty["Side"](
    rule=Rule(
        id="bgp-neighbor-one-sided",
        severity=Severity.ERROR,
        title="One end of a tunnel has the other as its BGP neighbor, which has no line for it",
        why="BGP refuses a connection from an address that no `neighbor` line has and no `bgp listen range` covers, "
        "and two ends that only listen never connect. The session stays Idle or Active.",
        bad="router bgp 65000\n neighbor 10.0.0.20 remote-as 65000",
        fix="router bgp 65000\n neighbor 10.0.0.10 remote-as 65000",
    ),
    cause=Cause.BGP_NEIGHBOR,
    fails=_has_no_line,
    place=Side.at,
    lines=missing_lines,
)


def _expects_another(here: Side, there: Side) -> str:
    """Return that an end expects another AS number than the other one presents."""
    settings, system = here.settings, there.presents(here)
    if settings is None or there.settings is None or system in (settings.remote_as, *settings.lines.alternates):
        return ""
    return f"BGP of {here.name} expects AS {settings.remote_as} of {here.peer}, and {there.name} is in AS {system}"


def _system_lines(here: Side, there: Side) -> tuple[str, ...]:
    """Return the line with the AS number of the other end.

    The number of a group is not that of one member, and in a confederation a line with its members may be missing.
    """
    is_own = here.own is not None and here.own.remote_as is not None
    is_inside = any(one.end.device.bgp.confederation.identifier for one in (here, there))
    line = NEIGHBOR.of(peer=here.peer, remote_as=there.presents(here))
    return (*here.process, line) if is_own and not is_inside else ()


SYSTEM: Final = Duty["Side"](
    rule=Rule(
        id="bgp-as-differs",
        severity=Severity.ERROR,
        title="The AS of a BGP neighbor differs from its line",
        why="The OPEN of a neighbor has its AS number, and the session ends with the notification Bad Peer AS if "
        "another one is configured (RFC 4271 §6.2).",
        bad="router bgp 65001\n neighbor 10.0.0.1 remote-as 64999",
        fix="router bgp 65001\n neighbor 10.0.0.1 remote-as 65000",
    ),
    cause=Cause.BGP_SYSTEM,
    fails=_expects_another,
    place=Side.at,
    lines=_system_lines,
)


def _shut(end: Side) -> NeighborLines | None:
    """Return the lines that shut the session down, of the neighbor or its group; None: those of a template do."""
    return next((one for one in (end.own, end.group) if one is not None and one.shutdown), None)


def _shutdown_lines(here: Side, _: Side) -> tuple[str, ...]:
    shut = _shut(here)
    return (*here.process, NEIGHBOR.no(peer=shut.peer, shutdown=True)) if shut is not None else ()


SHUTDOWN: Final = Duty["Side"](
    rule=Rule(
        id="bgp-neighbor-shutdown",
        severity=Severity.ERROR,
        title="The BGP session with the other end of a tunnel is shut down",
        why="An error where the other end waits for it: no routes are exchanged. Advice where both ends are shut "
        "down, because a line that was entered for maintenance is easily forgotten.",
        bad="router bgp 65001\n neighbor 10.0.0.1 shutdown",
        fix="router bgp 65001\n no neighbor 10.0.0.1 shutdown",
    ),
    cause=Cause.BGP_NEIGHBOR,
    fails=lambda here, there: (
        f"BGP of {here.name} has shut down the session with {here.peer} ({there.name})"
        if here.shutdown and there.settings is not None
        else ""
    ),
    place=lambda end: (
        (*end.process, f"neighbor {shut.peer} shutdown") if (shut := _shut(end)) is not None else end.at()
    ),
    lines=_shutdown_lines,
    is_mild=lambda _, there: there.shutdown,
)


def _password(end: Side) -> str | NoValue:
    if end.settings is None:
        return NoValue.ABSENT
    password = end.settings.lines.password
    return HIDDEN if password.startswith(_ENCRYPTED) else password


def _holders(end: Side) -> Iterator[NeighborLines]:
    """Yield the lines of the neighbor and its group, the deciding first."""
    return (one for one in (end.own, end.group) if one is not None)


def password_place(end: Side) -> tuple[str, ...]:
    """Return the line that has the password for the other end, in its section."""
    for one in _holders(end):
        if one.password:
            return (*end.process, f"neighbor {one.peer} password")
    inherited = templates(end.end.device.bgp, end.lines) if end.lines is not None else ()
    named = (f"template peer-session {one.peer}" for one in inherited if one.password)
    template = next(named, None)
    return (*end.process, template, "password") if template is not None else end.at()


def _password_lines(end: Side, password: str) -> tuple[str, ...]:
    having = [one.peer for one in _holders(end) if one.password]
    if password:
        peers = [*having, *(one.peer for one in _holders(end))]
        return (*end.process, NEIGHBOR.of(peer=peers[0], password=password)) if peers else ()
    return (*end.process, NEIGHBOR.no(peer=having[0], password=True)) if having else ()


PASSWORD: Final = Term["Side", str](
    rule=Rule(
        id="bgp-password-differs",
        severity=Severity.ERROR,
        title="Both ends of a BGP session have passwords that differ, or one end has none",
        why="TCP drops each segment whose signature is missing or wrong (RFC 2385): the session never comes up, and "
        "only `%TCP-6-BADAUTH` says why.",
        bad="router bgp 65001\n neighbor 10.0.0.1 remote-as 65000",
        fix=f"router bgp 65001\n neighbor 10.0.0.1 password {SECRET}",
    ),
    cause=Cause.BGP_PASSWORD,
    name="BGP password",
    effect="TCP drops what the other one sends",
    see=_password,
    words=lambda password: "a BGP password" if password else "no BGP password",
    fits=compare,
    shown=lambda password: SECRET if password else "",
    place=password_place,
    lines=_password_lines,
    protects=bool,
    other="NotOurs1",
)
BGP: Final = Table(side, (PASSWORD,), (NEIGHBORS, SHUTDOWN, SYSTEM), names_peer=True)


def awaited(pair: EndPair, pairs: Sequence[EndPair]) -> Iterator[Failure[Side]]:
    """Yield that a client does not call a server that waits for it, as it waits for its other clients."""
    here, there = BGP.views(pair)
    if here is not None and there is not None and is_awaited(pair, pairs):
        yield Failure(pair, False, NEIGHBORS, no_line(here, there), here, there)
