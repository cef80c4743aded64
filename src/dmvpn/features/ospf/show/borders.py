"""`show ip ospf border-routers`: the paths to border routers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.ospf.lsa import RouterFlag
from dmvpn.features.ospf.show.common import HELP, OSPF, processes
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address

    from dmvpn.features.ospf.machine import Process
    from dmvpn.features.ospf.spf import Reached

_KINDS: Final = {
    RouterFlag.BORDER: "ABR",
    RouterFlag.EXTERNAL: "ASBR",
    RouterFlag.BORDER | RouterFlag.EXTERNAL: "ABR/ASBR",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BorderRouter:
    """One path to a border router. inside: within an area. hops: addresses and interfaces. spf: calculations so far."""

    router: str
    inside: bool
    cost: int
    hops: tuple[tuple[str, str], ...]
    kind: str
    area: int
    spf: int


@dataclass(frozen=True, slots=True)
class BorderRouters:
    """Those of one process."""

    own: str
    process: int
    routers: tuple[BorderRouter, ...]


@dataclass(frozen=True, slots=True)
class ShowBorderRouters:
    """The answer to `show ip ospf border-routers`."""

    processes: tuple[BorderRouters, ...]


def query_border_routers(ctx: ShowContext, args: Args) -> ShowBorderRouters:
    """Return all processes."""
    return ShowBorderRouters(
        tuple(BorderRouters(str(each.router_id), each.number, tuple(_routers(each))) for each in processes(ctx, args))
    )


def _routers(process: Process) -> Iterator[BorderRouter]:
    found: list[tuple[IPv4Address, int, bool, Reached]] = []
    near: dict[IPv4Address, None] = {}
    for area in process.areas.values():
        for router, reached in area.tree.routers.items() if area.tree is not None else ():
            if _kind(reached) and router != process.router_id:
                found.append((router, area.number, True, reached))
                near[router] = None
    far = {
        router: each for router, each in process.state.found.borders.items() if router not in (process.router_id, *near)
    }
    found += [(router, number, False, reached) for router, (number, reached) in far.items()]
    for router, number, inside, reached in sorted(found, key=lambda each: each[:2]):
        yield BorderRouter(
            router=str(router),
            inside=inside,
            cost=reached.cost,
            hops=tuple((str(hop.address), hop.interface) for hop in reached.hops),
            kind=_kind(reached),
            area=number,
            spf=process.areas[number].calculations,
        )


def _kind(reached: Reached) -> str:
    return _KINDS.get(RouterFlag(reached.flags) & (RouterFlag.BORDER | RouterFlag.EXTERNAL), "")


def render_border_routers(answer: ShowBorderRouters) -> Iterator[str]:
    """Yield a line for each path."""
    for process in answer.processes:
        yield ""
        yield f"            OSPF Router with ID ({process.own}) (Process ID {process.process})"
        yield ""
        yield ""
        yield "\t\tBase Topology (MTID 0)"
        yield ""
        yield "Internal Router Routing Table"
        yield "Codes: i - Intra-area route, I - Inter-area route"
        yield ""
        for each in process.routers:
            code = "i" if each.inside else "I"
            for address, interface in each.hops:
                yield (
                    f"{code} {each.router} [{each.cost}] via {address}, {interface}, {each.kind}, Area {each.area}, "
                    f"SPF {each.spf}"
                )


BORDERS: Final = ExecCommand(
    f"{OSPF} border-routers",
    {**HELP, "border-routers": "Ways to routers that join areas or bring routes in"},
    query=query_border_routers,
    render=render_border_routers,
)
