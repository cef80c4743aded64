"""What the shows of BGP share: who answers, and by which words each of them can be asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from dmvpn.ios import ExecCommand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dmvpn.features.bgp.machine import BgpMachine
    from dmvpn.ios import Args, ShowContext

#: What is said where there is no `router bgp`.
NOT_ACTIVE: Final = "% BGP not active"
#: The words of all its commands.
HELP: Final = {
    "bgp": "Border Gateway Protocol",
    "all": "All address families; there is one",
    "ipv4": "IPv4",
    "unicast": "Unicast",
    "summary": "One line a neighbor",
    "neighbors": "Everything about neighbors",
    "address": "A neighbor",
}
_HEADER: Final = "For address family: IPv4 Unicast"

A = TypeVar("A")


def active(ctx: ShowContext) -> BgpMachine | None:
    """Return the process, None without one. The machine is imported where somebody asks it, or was configured."""
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
    """Yield a show in all its spellings. With `all` a line says of which address family it is; gap: and an empty one
    follows.

    `show bgp` alone is nothing to be asked for: it needs the family.
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
    )
