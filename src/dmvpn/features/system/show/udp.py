"""`show udp`, `show ip sockets`: UDP ports at which the router listens; each feature names its own (`Feature.udp`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.ios import Args, ExecCommand, ShowContext
from dmvpn.net.ipv4 import IpProtocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.streams import UdpPort


@dataclass(frozen=True, slots=True)
class ShowUdp:
    """The answer, in the order of the features."""

    ports: tuple[UdpPort, ...]


def query(ctx: ShowContext, _: Args) -> ShowUdp:
    """Return the ports."""
    return ShowUdp(tuple(port for feature in ctx.awake if feature.udp is not None for port in feature.udp(ctx)))


def render(answer: ShowUdp) -> Iterator[str]:
    """Yield a table. Queues and terminals, which IOS has columns for, do not exist here."""
    yield "Proto        Remote      Port      Local       Port  In Out  Stat TTY OutputIF"
    for port in answer.ports:
        local = "--any--" if port.local is None else str(port.local)
        status = f"{'1' if port.multicast else ''}11"
        ends = f"{IpProtocol.UDP:<10} --listen--          {local:>15} {port.port:>5}"
        yield f"{ends}   0   0 {status:>5}   0 {port.interface}".rstrip()


_HELP: Final = {"udp": "UDP ports at which the router listens", "sockets": "UDP ports at which the router listens"}
COMMANDS: Final = tuple(
    ExecCommand(f"show {words}", _HELP, query=query, render=render) for words in ("udp", "ip sockets")
)
