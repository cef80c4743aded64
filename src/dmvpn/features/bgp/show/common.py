"""Shared by the shows of BGP: the machine that answers, and the spellings of each command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

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
    "all": "All address families; there is one",
    "ipv4": "IPv4",
    "unicast": "Unicast",
    "vpnv4": "Routes of VRFs",
    "summary": "One line a neighbor",
    "neighbors": "Everything about neighbors",
    "address": "A neighbor",
}
_HEADER: Final = "For address family: IPv4 Unicast"

A = TypeVar("A")


def active(ctx: ShowContext) -> BgpMachine | None:
    """Return the process; None: BGP is not configured. The machine is imported on first use or when configured."""
    from dmvpn.features.bgp.machine import BgpMachine

    machine = ctx.machine(BgpMachine)
    return machine if machine.config.local_as else None


def spelled(
    rest: str,
    words: Mapping[str, str],
    query: Callable[[ShowContext, Args], A],
    render: Callable[[A], Iterator[str]],
    *,
    gap: bool = False,
) -> tuple[ExecCommand, ...]:
    """Return a show in all its spellings. With `all`, a header names the address family; gap: an empty line follows it.

    `show bgp` alone is not valid: the family must follow.
    """

    def by_family(answer: A) -> Iterator[str]:
        lines = list(render(answer))
        if lines == [NOT_ACTIVE]:
            yield NOT_ACTIVE
            return
        yield _HEADER
        if gap:
            yield ""
        yield from lines

    help_ = {**HELP, **words}
    plain = ("show ip bgp [ ipv4 unicast ]", "show bgp [ ipv4 unicast ]" if rest else "show bgp ipv4 unicast")
    return (
        *(ExecCommand(f"{head} {rest}".rstrip(), help_, query=query, render=render) for head in plain),
        *(
            ExecCommand(f"{head} {rest}".rstrip(), help_, query=query, render=by_family)
            for head in ("show ip bgp all", "show bgp all")
        ),
        *(
            by_vrf(ExecCommand(f"{head} {rest}".rstrip(), help_, query=query, render=render), head)
            for head in ("show ip bgp vpnv4", "show bgp vpnv4 unicast")
        ),
    )
