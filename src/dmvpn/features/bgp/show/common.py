"""Shared by the shows of BGP: the machine that answers, and the spellings of each command; its parts of shows of all
protocols (`show ip protocols`, `show tcp brief`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.base.streams import StreamLine, TcpState
from dmvpn.base.values import dataclass
from dmvpn.features.bgp.neighbor import PORT
from dmvpn.ios import ExecCommand, age
from dmvpn.ios.vrfs import by_vrf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dmvpn.features.bgp.machine import BgpMachine
    from dmvpn.features.bgp.tables import Table
    from dmvpn.ios import Args, ShowContext


# ------------------------------------------------------------------------------------------------ common


#: Output without `router bgp`.
NOT_ACTIVE: Final = "% BGP not active"
#: Help texts for the keywords of all commands.
HELP: Final = {
    "bgp": "Border Gateway Protocol",
    "all": "All address families, or all VRFs",
    "ipv4": "IPv4",
    "unicast": "Unicast",
    "vpnv4": "Routes of VRFs",
    "summary": "One line a neighbor",
    "neighbors": "Everything about neighbors",
    "address": "A neighbor",
}
_HEADER: Final = "For address family: IPv4 Unicast"


def active(ctx: ShowContext) -> Table | None:
    """Return the table of a family; None: BGP is not configured. The machine is imported on first use or when
    configured.
    """
    machine = process(ctx)
    return machine.ipv4 if machine is not None else None


def process(ctx: ShowContext) -> BgpMachine | None:
    """Return the process, in whatever families; None: BGP is not configured."""
    from dmvpn.features.bgp.machine import BgpMachine

    machine = ctx.machine(BgpMachine)
    return machine if machine.config.local_as else None


A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class OfVrfs(Generic[A]):
    """The answers of all VRFs that have a table of BGP. is_active: BGP is configured."""

    is_active: bool
    answers: tuple[A, ...]


def _running(ctx: ShowContext) -> Iterator[ShowContext]:
    """Yield the contexts of all VRFs with a table of BGP."""
    for vrf in ctx.ports.tables:
        inside = ctx.in_vrf(vrf) if vrf else None
        if inside is not None and active(inside) is not None:
            yield inside


def spelled(
    rest: str,
    words: Mapping[str, str],
    query: Callable[[ShowContext, Args], A],
    render: Callable[[A], Iterator[str]],
    *,
    gap: bool = False,
    join: Callable[[tuple[A, ...]], Iterator[str]] | None = None,
) -> tuple[ExecCommand, ...]:
    """Return a show in all its spellings. With `all`, a header names the address family; gap: an empty line follows it.

    `show bgp` alone is not valid: the family must follow.
    render: of an answer that is active, if it says whether BGP is.
    join: renders the answers of all VRFs (`vpnv4 all`); None: one answer after the other.
    """

    def of_vrfs(ctx: ShowContext, args: Args) -> OfVrfs[A]:
        return OfVrfs(active(ctx) is not None, tuple(query(inside, args) for inside in _running(ctx)))

    def by_vrfs(answer: OfVrfs[A]) -> Iterator[str]:
        if not answer.is_active:
            yield NOT_ACTIVE
        elif join is not None:
            yield from join(answer.answers)
        else:
            yield from (line for one in answer.answers for line in render(one))

    def rendered(answer: A) -> Iterator[str]:
        return render(answer) if getattr(answer, "is_active", True) else iter((NOT_ACTIVE,))

    def by_family(answer: A) -> Iterator[str]:
        lines = list(rendered(answer))
        if lines != [NOT_ACTIVE]:
            yield from (_HEADER, "") if gap else (_HEADER,)
        yield from lines

    help_ = {**HELP, **words}
    plain = ("show ip bgp [ ipv4 unicast ]", "show bgp [ ipv4 unicast ]" if rest else "show bgp ipv4 unicast")
    return (
        *(ExecCommand(f"{head} {rest}".rstrip(), help_, query=query, render=rendered) for head in plain),
        *(
            ExecCommand(f"{head} {rest}".rstrip(), help_, query=query, render=by_family)
            for head in ("show ip bgp all", "show bgp all")
        ),
        *(
            ExecCommand(f"{head} all {rest}".rstrip(), help_, query=of_vrfs, render=by_vrfs)
            for head in ("show ip bgp vpnv4", "show bgp vpnv4 unicast")
        ),
        *(
            by_vrf(ExecCommand(f"{head} {rest}".rstrip(), help_, query=query, render=rendered), head)
            for head in ("show ip bgp vpnv4", "show bgp vpnv4 unicast")
        ),
    )


# ------------------------------------------------------------------------------------------------ show ip protocols


def ip_protocols(ctx: ShowContext) -> list[str]:
    """Return the lines; none without `router bgp`."""
    machine = process(ctx)
    return list(_block(ctx, machine)) if machine is not None else []


def protocol_names(ctx: ShowContext) -> list[str]:
    """Return the running process."""
    machine = process(ctx)
    return [f"bgp {machine.config.local_as}"] if machine is not None else []


def _block(ctx: ShowContext, machine: BgpMachine) -> Iterator[str]:
    config = machine.config
    yield f'Routing Protocol is "bgp {config.local_as}"'
    yield "  Outgoing update filter list for all interfaces is not set"
    yield "  Incoming update filter list for all interfaces is not set"
    yield "  IGP synchronization is disabled"
    yield "  Automatic route summarization is disabled"
    sources = [f"{entry.source.value} {entry.process}".rstrip() for entry in config.redistributions]
    if sources:
        yield f"  Redistributing: {', '.join(sources)}"
    yield "  Neighbor(s):"
    yield "    Address          FiltIn FiltOut DistIn DistOut Weight RouteMap"
    for address in sorted(machine.neighbors):
        yield f"    {address}"
    yield f"  Maximum path: {config.maximum_paths[0]}"
    yield "  Routing Information Sources:"
    yield "    Gateway         Distance      Last Update"
    for address, peer in sorted(machine.neighbors.items()):
        if peer.session is not None and peer.changed is not None:
            distance = config.distances[1 if peer.settings.internal else 0]
            yield f"    {address!s:<16}{distance:>8}      {age(ctx.now - peer.changed)}"
    external, internal, local = config.distances
    yield f"  Distance: external {external} internal {internal} local {local}"


# ------------------------------------------------------------------------------------------------ show tcp brief


def connections(ctx: ShowContext) -> list[StreamLine]:
    """Return the connections to neighbors, open or being opened, and the listening port if BGP runs."""
    machine = process(ctx)
    if machine is None:
        return []
    lines = []
    for peer in machine.neighbors.values():
        for session in peer.sessions:
            up = session.up
            if up is None:
                local = UNSPECIFIED
                lines.append(StreamLine(session.stream, local, 0, peer.address, PORT, TcpState.CALLS))
            else:
                lines.append(
                    StreamLine(session.stream, up.local, up.local_port, up.remote, up.remote_port, TcpState.ESTABLISHED)
                )
    return [*lines, StreamLine(0, UNSPECIFIED, PORT, UNSPECIFIED, 0, TcpState.LISTENS)]
