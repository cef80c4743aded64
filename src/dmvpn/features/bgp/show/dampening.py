"""Flapping routes: `show ip bgp dampening parameters | dampened-paths | flap-statistics`."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.bgp.attributes import path_text
from dmvpn.features.bgp.packet import prefix_of
from dmvpn.features.bgp.show.common import NOT_ACTIVE, active, spelled
from dmvpn.features.bgp.show.table import CODES, ORIGINS, spelled_prefix
from dmvpn.ios import age

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import Prefix
    from dmvpn.features.bgp.machine import BgpMachine
    from dmvpn.ios import Args, ShowContext

_NOT_ENABLED: Final = "% dampening not enabled for base"


@dataclass(frozen=True, slots=True)
class ShowParameters:
    """The dampening parameters. half_life, decay, longest: seconds. highest: maximum penalty. is_default: not
    configured.
    """

    is_active: bool = True
    is_enabled: bool = False
    is_default: bool = True
    half_life: int = 0
    decay: int = 0
    longest: int = 0
    highest: int = 0
    suppress: int = 0
    reuse: int = 0


@dataclass(frozen=True, slots=True)
class FlapLine:
    """A route. status: the codes before it. flaps: in `duration`. reuse: time until it is used again; "":
    it is in use.
    """

    status: str
    prefix: Prefix
    sender: str
    flaps: int
    duration: str
    reuse: str
    path: str


@dataclass(frozen=True, slots=True)
class ShowFlaps:
    """Routes with a flap history. version 0: BGP is not configured."""

    version: int = 0
    router_id: str = ""
    is_enabled: bool = False
    lines: tuple[FlapLine, ...] = ()


def query_parameters(ctx: ShowContext, args: Args) -> ShowParameters:
    """Return the configured parameters."""
    machine = active(ctx)
    if machine is None:
        return ShowParameters(is_active=False)
    limits = machine.config.dampening
    if limits is None:
        return ShowParameters()
    return ShowParameters(
        is_enabled=True,
        is_default=limits == type(limits)(),
        half_life=limits.half_life,
        decay=int(limits.half_life * log2(max(limits.highest / limits.suppress, 1))) // 10 * 10,
        longest=limits.longest,
        highest=int(limits.highest),
        suppress=limits.suppress,
        reuse=limits.reuse,
    )


def query_damped(ctx: ShowContext, args: Args) -> ShowFlaps:
    """Return the suppressed routes."""
    return _flaps(ctx, only_damped=True)


def query_flaps(ctx: ShowContext, args: Args) -> ShowFlaps:
    """Return all routes with a flap history."""
    return _flaps(ctx, only_damped=False)


def _flaps(ctx: ShowContext, *, only_damped: bool) -> ShowFlaps:
    machine = active(ctx)
    if machine is None:
        return ShowFlaps()
    return ShowFlaps(
        version=machine.routes.table.version,
        router_id=str(machine.router_id),
        is_enabled=machine.config.dampening is not None,
        lines=tuple(_lines(machine, ctx.now, only_damped=only_damped)),
    )


def _lines(machine: BgpMachine, now: float, *, only_damped: bool) -> Iterator[FlapLine]:
    flaps = machine.flaps
    for (address, nlri), flap in flaps.all():
        peer = machine.peers.get(address)
        told = peer.received.get(nlri) if peer is not None else None
        reuse = flaps.reuse_in(address, nlri, now)
        if only_damped and (reuse is None or told is None):
            continue
        path = path_text(flap.path if told is None else told.path)
        origin = f" {ORIGINS[told.origin]}" if told is not None else ""
        yield FlapLine(
            " h " if told is None else "*d " if reuse is not None else "*  ",
            prefix_of(nlri),
            str(address),
            flap.count,
            age(now - flap.since),
            age(reuse) if reuse is not None else "",
            f"{path}{origin}",
        )


def render_parameters(answer: ShowParameters) -> Iterator[str]:
    """Yield the lines in the format of IOS."""
    if not answer.is_active or not answer.is_enabled:
        yield _NOT_ENABLED if answer.is_active else NOT_ACTIVE
        return
    minutes = answer.half_life // 60, answer.longest // 60
    mark = " (DEFAULT)" if answer.is_default else ""
    yield f" dampening {minutes[0]} {answer.reuse} {answer.suppress} {minutes[1]}{mark}"
    yield f"  Half-life time      : {f'{minutes[0]} mins':<14}Decay Time       : {answer.decay} secs"
    yield f"  Max suppress penalty: {answer.highest:>5}         Max suppress time: {minutes[1]} mins"
    yield f"  Suppress penalty    : {answer.suppress:>5}         Reuse penalty    : {answer.reuse}"
    yield ""


def render_damped(answer: ShowFlaps) -> Iterator[str]:
    """Yield a line for each route."""
    yield from _head(answer, "   Network          From             Reuse    Path")
    for one in answer.lines:
        yield f"{one.status}{spelled_prefix(one.prefix):<17}{one.sender:<16} {one.reuse:<8} {one.path}"


def render_flaps(answer: ShowFlaps) -> Iterator[str]:
    """Yield a line for each route."""
    yield from _head(answer, "   Network          From            Flaps Duration Reuse    Path")
    for one in answer.lines:
        name = spelled_prefix(one.prefix)
        yield f"{one.status}{name:<17}{one.sender:<16}{one.flaps:<5} {one.duration:<8} {one.reuse:<8} {one.path}"


def _head(answer: ShowFlaps, columns: str) -> Iterator[str]:
    if not answer.version or not answer.is_enabled:
        yield _NOT_ENABLED if answer.version else NOT_ACTIVE
        return
    if answer.lines:
        yield f"BGP table version is {answer.version}, local router ID is {answer.router_id}"
        yield from CODES
        yield ""
        yield columns


_HELP: Final = {
    "dampening": "Routes that come and go",
    "parameters": "What holds for them",
    "dampened-paths": "Those that wait",
    "flap-statistics": "How often they went",
}
COMMANDS: Final = (
    *spelled("dampening parameters", _HELP, query_parameters, render_parameters, gap=True),
    *spelled("( dampening dampened-paths | dampened-paths )", _HELP, query_damped, render_damped, gap=True),
    *spelled("( dampening flap-statistics | flap-statistics )", _HELP, query_flaps, render_flaps, gap=True),
)
