"""`show ip nhrp nhs [detail|redundancy]`: the next hop servers, and our registration with each."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from typing import Final

from dmvpn.base.addresses import IPAddress, spelled
from dmvpn.base.rows import Source
from dmvpn.base.values import Value
from dmvpn.features.nhrp.client import NhsClient, NhsState
from dmvpn.features.nhrp.model import ALL_CONNECTIONS
from dmvpn.features.nhrp.show.entries import of_both, tunnels_of
from dmvpn.features.nhrp.tunnel import Tunnel
from dmvpn.ios import Args, ExecCommand, ShowContext, age, short_interface

_CLUSTERS_LEGEND = "Legend: E=Expecting replies, R=Responding, W=Waiting"
_LEGEND = f"{_CLUSTERS_LEGEND}, D=Dynamic"
_LETTERS = {
    NhsState.DOWN: "E",
    NhsState.WAITING: "W",
    NhsState.BARE: "E",
    NhsState.EXPECTING: "E",
    NhsState.RESPONDING: "RE",
}


class NhsQueue(enum.Enum):
    """What a cluster uses a server for, in the order of the columns."""

    RUNNING = "Running"
    EXPECTING = "Expecting"
    WAITING = "Waiting"
    FALLBACK = "Fallback"


_QUEUES: Final = {
    NhsState.DOWN: NhsQueue.WAITING,
    NhsState.WAITING: NhsQueue.WAITING,
    NhsState.BARE: NhsQueue.RUNNING,
    NhsState.EXPECTING: NhsQueue.RUNNING,
    NhsState.RESPONDING: NhsQueue.RUNNING,
}
#: The columns of the tables of `show ip nhrp nhs redundancy`.
_SERVER_ROW: Final = "{:<3} {:<10} {:<7} {:<15} {:<8} {:<9} {:<9} {:<10} {}"
_CLUSTER_ROW: Final = "{:<3} {:<10} {:<7} {:<7} {:<7} {:<9} {:<14} {:<9} {:<7} {}"


_client: Final[Source[NhsClient, float]] = Source()


class ServerLine(Value, kw_only=True):
    """One server. last_reply: seconds ago, None: never. pending: request id of an unanswered request, and its retry.

    refused: it answers with a NAK, and `reason` says why. bare: nothing protects packets to it, and `reason` says why.
        suspicions: possible causes of its silence, the likeliest first.
    """

    address: IPAddress = _client(lambda it: it.nhs)
    letters: str = _client(
        lambda it: (_LETTERS[it.state] if it.nbma is not None else "E") + ("D" if it.dynamic else "")
    )
    nbma: IPAddress | None
    priority: int
    cluster: int
    requests_sent: int
    requests_failed: int
    replies_received: int
    last_reply: float | None = _client.at(lambda it, now: None if it.last_reply is None else now - it.last_reply)
    pending: tuple[int, int] | None = _client(
        lambda it: (it.last_request_id, it.retry) if it.request_id is not None and it.deadline is not None else None
    )
    reason: str
    refused: bool = _client(lambda it: it.is_refused)
    bare: bool = _client(lambda it: it.state is NhsState.BARE)
    suspicions: tuple[str, ...] = _client(lambda it: tuple(suspicion.value for suspicion in it.suspicions))

    @property
    def where(self) -> str:
        """The part of the line that is also in `show dmvpn detail`."""
        nbma = f"NBMA Address: {self.nbma} " if self.nbma is not None else ""
        return f"{nbma}priority = {self.priority} cluster = {self.cluster}"


class ClusterServer(Value, kw_only=True):
    """A server of a cluster: the letters of its state, and its queue, now and before the last change of its state."""

    address: IPAddress
    priority: int
    state: str
    queue: NhsQueue
    previous_state: str
    previous_queue: NhsQueue


class ClusterLine(Value):
    """A group of servers of one tunnel, the best first. limit: how many are used at a time."""

    number: int
    limit: int
    total: int
    responding: tuple[IPAddress, ...]
    expecting: tuple[IPAddress, ...]
    waiting: tuple[IPAddress, ...]
    servers: tuple[ClusterServer, ...]


class TunnelServers(Value):
    """The servers of one tunnel."""

    tunnel: str
    servers: tuple[ServerLine, ...]
    clusters: tuple[ClusterLine, ...]


class ShowServers(Value):
    """The answer to `show ip nhrp nhs ...`."""

    tunnels: tuple[TunnelServers, ...]


def server_lines(tunnel: Tunnel, now: float) -> tuple[ServerLine, ...]:
    """Return the servers of a tunnel in the order of the configuration."""
    return tuple(_client.row(ServerLine, client, now) for client in tunnel.clients.values())


def servers(ctx: ShowContext, args: Args) -> ShowServers:
    """Return all tunnels that have servers."""
    chosen = [tunnel for tunnel in tunnels_of(ctx, args) if tunnel.clients]
    return ShowServers(tuple(TunnelServers(t.name, server_lines(t, ctx.now), _clusters(t)) for t in chosen))


def _clusters(tunnel: Tunnel) -> tuple[ClusterLine, ...]:
    limits = dict(tunnel.config.max_connections)
    numbers = sorted({client.cluster for client in tunnel.clients.values()})
    lines: list[ClusterLine] = []
    for number in numbers:
        members = [client for client in tunnel.clients.values() if client.cluster == number]
        limit = limits.get(number, ALL_CONNECTIONS)
        states = {state: tuple(m.nhs for m in members if m.state is state) for state in NhsState}
        lines.append(
            ClusterLine(
                number,
                limit,
                len(members),
                states[NhsState.RESPONDING],
                states[NhsState.EXPECTING],
                states[NhsState.WAITING],
                tuple(_queued(sorted(members, key=lambda client: client.priority), limit)),
            )
        )
    return tuple(lines)


def _queued(members: Iterable[NhsClient], limit: int) -> Iterator[ClusterServer]:
    """Yield the servers of a cluster, which are given by priority. limit: how many are used at a time."""
    responding = 0
    for client in members:
        queue = _QUEUES[client.state]
        responding += client.is_responding
        if client.is_responding and responding > limit:
            queue = NhsQueue.FALLBACK
        elif queue is NhsQueue.RUNNING and client.is_failing:
            queue = NhsQueue.EXPECTING
        yield ClusterServer(
            address=client.nhs,
            priority=client.priority,
            state=_LETTERS[client.state],
            queue=queue,
            previous_state=_LETTERS[client.previous],
            previous_queue=_QUEUES[client.previous],
        )


# -------------------------------------------------------------------------------------------------------- renderers


def silence_lines(line: ServerLine) -> Iterator[str]:
    """Yield the lines about a problem, certain or possible.

    IOS has no such lines: they begin with a blank, so that parsers pass over them.
    """
    if line.refused or line.bare:
        yield f"     {line.reason}"
    elif line.suspicions:
        yield f"     {line.reason}; perhaps"
        yield from (f"     - {suspicion}" for suspicion in line.suspicions)


def render_servers(answer: ShowServers) -> Iterator[str]:
    """Yield the lines of `show ip nhrp nhs`."""
    if answer.tunnels:
        yield _LEGEND
    for tunnel in answer.tunnels:
        yield f"{tunnel.tunnel}:"
        for line in tunnel.servers:
            yield f"{spelled(line.address)}  {line.letters:>2}  {line.where}"


def render_detail(answer: ShowServers) -> Iterator[str]:
    """Yield the lines of `show ip nhrp nhs detail`."""
    if answer.tunnels:
        yield _LEGEND
    for tunnel in answer.tunnels:
        yield f"{tunnel.tunnel}:"
        for line in tunnel.servers:
            counters = (
                f"req-sent {line.requests_sent}  req-failed {line.requests_failed}  repl-recv {line.replies_received}"
            )
            ago = f" ({age(line.last_reply)} ago)" if line.last_reply is not None else ""
            yield f"{spelled(line.address)}  {line.letters:>2}  {line.where}  {counters}{ago}"
            yield from silence_lines(line)
    pending = [
        f"Reqid {line.pending[0]}, Ret {line.pending[1]}  NHS {spelled(line.address)} expired "
        f"({short_interface(tunnel.tunnel)})"
        for tunnel in answer.tunnels
        for line in tunnel.servers
        if line.pending is not None
    ]
    if pending:
        yield from ("", "", "Pending Registration Requests:")
    for text in pending:
        yield f"Registration Request: {text}"


def render_redundancy(answer: ShowServers) -> Iterator[str]:
    """Yield the lines of `show ip nhrp nhs redundancy`: all servers, then all clusters."""
    if not answer.tunnels:
        return
    clusters = [(tunnel.tunnel, cluster) for tunnel in answer.tunnels for cluster in tunnel.clusters]
    servers = [(tunnel, cluster.number, server) for tunnel, cluster in clusters for server in cluster.servers]
    yield _CLUSTERS_LEGEND
    heads = "No. Interface Cluster NHS Priority Cur-State Cur-Queue Prev-State Prev-Queue"
    yield _SERVER_ROW.format(*heads.split())
    for number, (tunnel, cluster_number, server) in enumerate(servers, 1):
        states = server.state, server.queue.value, server.previous_state, server.previous_queue.value
        yield _SERVER_ROW.format(number, tunnel, cluster_number, spelled(server.address), server.priority, *states)
    yield ""
    heads = "No. Interface Cluster Status Max-Con Total-NHS Registering/UP Expecting Waiting Fallback"
    yield _CLUSTER_ROW.format(*heads.split())
    for number, (tunnel, cluster) in enumerate(clusters, 1):
        bound = ("Disable", "Not Set") if cluster.limit == ALL_CONNECTIONS else ("Enable", cluster.limit)
        counts = [sum(server.queue is queue for server in cluster.servers) for queue in NhsQueue]
        yield _CLUSTER_ROW.format(number, tunnel, cluster.number, *bound, cluster.total, *counts)


_HELP: Final = {
    "nhs": "Next hop servers",
    "interface": "Of one tunnel",
    "detail": "With counters and pending requests",
    "redundancy": "Clusters",
}
COMMANDS: Final = of_both(
    ExecCommand("show ip nhrp nhs [ {interface:interface} ]", _HELP, query=servers, render=render_servers),
    ExecCommand("show ip nhrp nhs detail [ {interface:interface} ]", _HELP, query=servers, render=render_detail),
    ExecCommand("show ip nhrp nhs {interface:interface} detail", _HELP, query=servers, render=render_detail),
    ExecCommand(
        "show ip nhrp nhs redundancy [ {interface:interface} ]", _HELP, query=servers, render=render_redundancy
    ),
)
