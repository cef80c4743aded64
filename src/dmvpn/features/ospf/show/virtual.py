"""`show ip ospf virtual-links`: the links of the backbone through other areas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.ospf.settings import timers
from dmvpn.features.ospf.show.common import HELP, OSPF, clock, processes
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.ospf.machine import Process
    from dmvpn.features.ospf.model import VirtualLink


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualLinkEntry:
    """One virtual link. interface: on the path, "" if there is none. state: of the neighbor at its end."""

    name: str
    router: str
    area: int
    interface: str
    cost: int
    phase: str
    delay: int
    hello: int
    dead: int
    retransmit: int
    due: str
    state: str
    waiting: int
    retransmissions: int


@dataclass(frozen=True, slots=True)
class ShowVirtualLinks:
    """The answer to `show ip ospf virtual-links`."""

    links: tuple[VirtualLinkEntry, ...]


def query_virtual_links(ctx: ShowContext, args: Args) -> ShowVirtualLinks:
    """Return all that are configured, up or not."""
    return ShowVirtualLinks(
        tuple(
            _entry(process, link, ctx.now)
            for process in processes(ctx, args)
            for link in process.settings.virtual_links
        )
    )


def _entry(process: Process, link: VirtualLink, now: float) -> VirtualLinkEntry:
    running = process.state.virtual_link_to(link.area, link.router)
    hops = running.far_end.hops if running is not None and running.far_end is not None else ()
    neighbor = next(iter(running.neighbors.values()), None) if running is not None else None
    due = process.state.context.timers.when(running.hello_timer) if running is not None else None
    hello, dead = timers(link.lines)
    return VirtualLinkEntry(
        name=link.lines.name,
        router=str(link.router),
        area=link.area,
        interface=hops[0].interface if hops else "",
        cost=running.cost if running is not None else 0xFFFF,
        phase=running.phase.value if running is not None else "DOWN",
        delay=link.lines.transmit_delay,
        hello=hello,
        dead=dead,
        retransmit=link.lines.retransmit_interval,
        due=clock(due - now) if due is not None else "",
        state=neighbor.state.value if neighbor is not None else "DOWN",
        waiting=len(neighbor.waiting) if neighbor is not None else 0,
        retransmissions=neighbor.retransmissions if neighbor is not None else 0,
    )


def render_virtual_links(answer: ShowVirtualLinks) -> Iterator[str]:
    """Yield a paragraph for each."""
    for link in answer.links:
        yield f"Virtual Link {link.name} to router {link.router} is {'up' if link.interface else 'down'}"
        yield f"  Transit area {link.area}" + (f", via interface {link.interface}" if link.interface else "")
        yield " Topology-MTID    Cost    Disabled     Shutdown      Topology Name"
        yield f"        0           {link.cost:<9} no          no            Base"
        yield f"  Transmit Delay is {link.delay} sec, State {link.phase},"
        yield (
            f"  Timer intervals configured, Hello {link.hello}, Dead {link.dead}, Wait {link.dead}, "
            f"Retransmit {link.retransmit}"
        )
        if link.due:
            yield f"    Hello due in {link.due}"
            yield f"    Adjacency State {link.state}"
            again = f"number of retransmission {link.retransmissions}"
            yield f"    Index 0/0, retransmission queue length {link.waiting}, {again}"


VIRTUAL_LINKS: Final = ExecCommand(
    f"{OSPF} virtual-links",
    {**HELP, "virtual-links": "Links of the backbone through other areas"},
    query=query_virtual_links,
    render=render_virtual_links,
)
