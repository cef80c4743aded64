"""Shared by the shows of BGP: the machine that answers, and the spellings of each command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

from dmvpn.base.values import dataclass
from dmvpn.ios import ExecCommand
from dmvpn.ios.vrfs import by_vrf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dmvpn.features.bgp.machine import BgpMachine
    from dmvpn.ios import Args, ShowContext

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


def active(ctx: ShowContext) -> BgpMachine | None:
    """Return the process; None: BGP is not configured. The machine is imported on first use or when configured."""
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
