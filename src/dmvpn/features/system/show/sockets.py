"""The TCP connections of the router, `show tcp brief [all]`, and the UDP ports at which it listens, `show udp` and
`show ip sockets`; each feature names its own (`Feature.tcp`, `Feature.udp`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.addresses import spelled
from dmvpn.base.streams import StreamLine, TcpState, UdpPort
from dmvpn.base.values import Value
from dmvpn.features.system.machine import SystemMachine
from dmvpn.ios import Args, ExecCommand, ShowContext
from dmvpn.net.ipv4 import IpProtocol

# ------------------------------------------------------------------------------------------------ TCP


class ShowTcp(Value):
    """The answer, in the order of the features."""

    streams: tuple[StreamLine, ...]


def query_tcp(ctx: ShowContext, args: Args) -> ShowTcp:
    """Return the connections; with `all`, listening ports, too."""
    found = [line for feature in ctx.awake if feature.tcp is not None for line in feature.tcp(ctx)]
    return ShowTcp(tuple(line for line in found if "all" in args or line.state is not TcpState.LISTENS))


def of_log_hosts(ctx: ShowContext) -> list[StreamLine]:
    """Return the connections to log hosts."""
    return list(ctx.machine(SystemMachine).log_hosts.connections())


def render_tcp(answer: ShowTcp) -> Iterator[str]:
    """Yield the table of IOS. Its first column, an address in its memory, has the number of the stream."""
    yield "TCB       Local Address               Foreign Address             (state)"
    for line in answer.streams:
        local = f"{spelled(line.local)}.{line.local_port}"
        far = f"{spelled(line.remote)}.{line.remote_port or '*'}"
        yield f"{line.stream:08X}  {local:<28}{far:<28}{line.state.value}"


BRIEF: Final = ExecCommand(
    "show tcp brief [ all ]",
    {"tcp": "TCP connections of the router itself", "brief": "One line each", "all": "Ports at which it listens, too"},
    query=query_tcp,
    render=render_tcp,
)


# ------------------------------------------------------------------------------------------------ UDP


class ShowUdp(Value):
    """The answer, in the order of the features."""

    ports: tuple[UdpPort, ...]


def query(ctx: ShowContext, _: Args) -> ShowUdp:
    """Return the ports."""
    return ShowUdp(tuple(port for feature in ctx.awake if feature.udp is not None for port in feature.udp(ctx)))


def render(answer: ShowUdp) -> Iterator[str]:
    """Yield a table. Queues and terminals, which IOS has columns for, do not exist here."""
    yield "Proto        Remote      Port      Local       Port  In Out  Stat TTY OutputIF"
    for port in answer.ports:
        local = "--any--" if port.local is None else spelled(port.local)
        status = f"{'1' if port.multicast else ''}11"
        ends = f"{IpProtocol.UDP:<10} --listen--          {local:>15} {port.port:>5}"
        yield f"{ends}   0   0 {status:>5}   0 {port.interface}".rstrip()


_HELP: Final = {"udp": "UDP ports at which the router listens", "sockets": "UDP ports at which the router listens"}
COMMANDS: Final = tuple(
    ExecCommand(f"show {words}", _HELP, query=query, render=render) for words in ("udp", "ip sockets")
)
