"""Shared by the shows of BGP: the machine that answers, and the spellings of each command; its parts of shows of all
protocols (`show ip protocols`, `show ipv6 protocols`, `show tcp brief`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

from dmvpn.base.addresses import UNSPECIFIED, UNSPECIFIED_OF, IPAddress, spelled
from dmvpn.base.streams import StreamLine, TcpState
from dmvpn.base.values import Value
from dmvpn.features.bgp.families import IPV6
from dmvpn.features.bgp.model import IPV4_KEY
from dmvpn.features.bgp.neighbor import PORT
from dmvpn.ios import Args, ExecCommand, ShowContext, age
from dmvpn.ios.vrfs import by_vrf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dmvpn.features.bgp.machine import BgpMachine
    from dmvpn.features.bgp.tables import Table


# ------------------------------------------------------------------------------------------------ common


#: Output without `router bgp`.
NOT_ACTIVE: Final = "% BGP not active"
#: Help texts for the keywords of all commands.
HELP: Final = {
    "bgp": "Border Gateway Protocol",
    "all": "All address families, or all VRFs",
    "ipv4": "IPv4",
    "ipv6": "IPv6",
    "unicast": "Unicast",
    "vpnv4": "Routes of VRFs",
    "summary": "One line a neighbor",
    "neighbors": "Everything about neighbors",
    "address": "A neighbor",
}
#: Prefixes and addresses in the table, as they are typed, by the family; and a neighbor, which may have any address.
_TYPED: Final = {
    "{prefix:family}": ("{prefix:prefix} | {destination:address} {mask:mask}", "{prefix:network6}"),
    "{destination:family}": (
        "{prefix:prefix} | {destination:address} [ {mask:mask} ]",
        "{prefix:network6} | {destination:address6}",
    ),
    "{address:family}": ("( {address:address} | {address:address6} )",) * 2,
}


def typed(text: str, *, ipv6: bool = False) -> str:
    """Return a syntax with the types of one family."""
    for name, syntax in _TYPED.items():
        text = text.replace(name, syntax[ipv6])
    return text


def active(ctx: ShowContext, args: Args) -> Table | None:
    """Return the table of the address family that the command names; None: it is not configured. The machine is
    imported on first use or when configured.
    """
    machine = process(ctx)
    if machine is None:
        return None
    table = machine.tables.get(IPV6.key if "ipv6" in args or "vpnv6" in args else IPV4_KEY)
    return table if table is not None and table.config.local_as else None


def process(ctx: ShowContext) -> BgpMachine | None:
    """Return the process, in whatever families; None: BGP is not configured."""
    from dmvpn.features.bgp.machine import BgpMachine

    machine = ctx.machine(BgpMachine)
    return machine if machine.config.local_as else None


def by_version(address: IPAddress) -> tuple[int, int]:
    """Return the key by which neighbors are sorted."""
    return address.version, int(address)


A = TypeVar("A")


class OfVrfs(Value, Generic[A]):
    """The answers of all VRFs that have a table of BGP. is_active: BGP is configured."""

    is_active: bool
    answers: tuple[A, ...]


class OfFamilies(Value, Generic[A]):
    """The answers of all address families that are configured, with their titles; (): BGP is not configured."""

    titles: tuple[str, ...]
    answers: tuple[A, ...]


def _running(ctx: ShowContext) -> Iterator[ShowContext]:
    """Yield the contexts of all VRFs with a table of BGP."""
    for vrf in ctx.ports.tables:
        inside = ctx.in_vrf(vrf) if vrf else None
        if inside is not None and process(inside) is not None:
            yield inside


def _of_all(
    query: Callable[[ShowContext, Args], A], render: Callable[[A], Iterator[str]], *, gap: bool
) -> tuple[Callable[[ShowContext, Args], OfFamilies[A]], Callable[[OfFamilies[A]], Iterator[str]]]:
    """Return the query and the renderer of a show for all address families. The arguments are those of `spellings`."""

    def of_families(ctx: ShowContext, args: Args) -> OfFamilies[A]:
        machine = process(ctx)
        tables = [one for one in machine.tables.values() if one.config.local_as] if machine is not None else []
        found = (query(ctx, args.with_keyword(table.family.words.split()[0])) for table in tables)
        return OfFamilies(tuple(table.family.title for table in tables), tuple(found))

    def by_family(answer: OfFamilies[A]) -> Iterator[str]:
        if not answer.titles:
            yield NOT_ACTIVE
        for place, (title, one) in enumerate(zip(answer.titles, answer.answers, strict=True)):
            yield from ("",) * bool(place)
            yield from (f"For address family: {title}", "") if gap else (f"For address family: {title}",)
            yield from render(one)

    return of_families, by_family


def spellings(
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
        answers = (query(inside, args) for inside in _running(ctx) if active(inside, args) is not None)
        return OfVrfs(process(ctx) is not None, tuple(answers))

    def by_vrfs(answer: OfVrfs[A]) -> Iterator[str]:
        if not answer.is_active:
            yield NOT_ACTIVE
        elif join is not None:
            yield from join(answer.answers)
        else:
            yield from (line for one in answer.answers for line in render(one))

    def rendered(answer: A) -> Iterator[str]:
        return render(answer) if getattr(answer, "is_active", True) else iter((NOT_ACTIVE,))

    of_families, by_family = _of_all(query, rendered, gap=gap)
    help_, rest6, rest = {**HELP, **words}, typed(rest, ipv6=True), typed(rest)
    of_vpns = (("show ip bgp vpnv4", rest), ("show bgp vpnv4 unicast", rest), ("show bgp vpnv6 unicast", rest6))
    plain = ("show ip bgp [ ipv4 unicast ]", "show bgp [ ipv4 unicast ]" if rest else "show bgp ipv4 unicast")
    return (
        *(ExecCommand(f"{head} {rest}".rstrip(), help_, query=query, render=rendered) for head in plain),
        *(
            ExecCommand(f"{head} {rest6}".rstrip(), help_, query=query, render=rendered)
            for head in ("show bgp ipv6 [ unicast ]", "show ip bgp ipv6 unicast")
        ),
        *(
            ExecCommand(f"{head} {rest}".rstrip(), help_, query=of_families, render=by_family)
            for head in ("show ip bgp all", "show bgp all")
        ),
        *(ExecCommand(f"{head} all {words}".rstrip(), help_, query=of_vrfs, render=by_vrfs) for head, words in of_vpns),
        *(
            by_vrf(ExecCommand(f"{head} {words}".rstrip(), help_, query=query, render=rendered), head)
            for head, words in of_vpns
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
    for address in sorted(machine.neighbors, key=by_version):
        yield f"    {spelled(address)}"
    yield f"  Maximum path: {config.maximum_paths[0]}"
    yield "  Routing Information Sources:"
    yield "    Gateway         Distance      Last Update"
    for address, peer in sorted(machine.neighbors.items(), key=lambda one: by_version(one[0])):
        if peer.session is not None and peer.changed is not None:
            distance = config.distances[1 if peer.settings.internal else 0]
            yield f"    {spelled(address):<16}{distance:>8}      {age(ctx.now - peer.changed)}"
    external, internal, local = config.distances
    yield f"  Distance: external {external} internal {internal} local {local}"


def ipv6_protocols(ctx: ShowContext) -> list[str]:
    """Return the lines of `show ipv6 protocols`; none without IPv6 in `router bgp`."""
    machine = process(ctx)
    table = machine.tables.get(IPV6.key) if machine is not None else None
    if table is None or not table.config.local_as:
        return []
    sources = [f"{entry.source.value} {entry.process}".rstrip() for entry in table.config.redistributions]
    return [
        f'IPv6 Routing Protocol is "bgp {table.config.local_as}"',
        "  IGP synchronization is disabled",
        "  Redistribution:",
        *([f"    Redistributing protocol {source}" for source in sources] or ["    None"]),
        "  Neighbor(s):",
        "    Address                    FiltIn FiltOut Weight RoutemapIn RoutemapOut",
        *(f"    {spelled(address)}" for address in sorted(table.peers, key=by_version)),
    ]


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
                local = UNSPECIFIED_OF[peer.address.version]
                lines.append(StreamLine(session.stream, local, 0, peer.address, PORT, TcpState.CALLS))
            else:
                lines.append(
                    StreamLine(session.stream, up.local, up.local_port, up.remote, up.remote_port, TcpState.ESTABLISHED)
                )
    return [*lines, StreamLine(0, UNSPECIFIED, PORT, UNSPECIFIED, 0, TcpState.LISTENS)]
