"""`show ip eigrp traffic`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.packet import Opcode
from dmvpn.features.eigrp.show.common import ProcessName, both_commands, name_of, processes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.ios import Args, ShowContext

_KINDS: Final = (
    ("Hellos", Opcode.HELLO),
    ("Updates", Opcode.UPDATE),
    ("Queries", Opcode.QUERY),
    ("Replies", Opcode.REPLY),
    ("Acks", Opcode.ACK),
    ("SIA-Queries", Opcode.SIA_QUERY),
    ("SIA-Replies", Opcode.SIA_REPLY),
)


@dataclass(frozen=True, slots=True)
class TrafficTable:
    """Packets of one process: (type, sent, received), and the dropped ones by reason."""

    process: ProcessName
    packets: tuple[tuple[str, int, int], ...]
    dropped: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ShowTraffic:
    """The answer to `show ip eigrp traffic`."""

    tables: tuple[TrafficTable, ...]


def query_traffic(ctx: ShowContext, args: Args) -> ShowTraffic:
    """Return the counters of all processes, or of one."""
    tables = []
    for process in processes(ctx, args):
        traffic = process.state.traffic
        packets = tuple((kind, traffic.sent[opcode], traffic.received[opcode]) for kind, opcode in _KINDS)
        tables.append(TrafficTable(name_of(process), packets, tuple(sorted(traffic.dropped.items()))))
    return ShowTraffic(tuple(tables))


def render_traffic(answer: ShowTraffic) -> Iterator[str]:
    """Yield one block per process."""
    for table in answer.tables:
        yield from table.process.heading("Traffic Statistics")
        for kind, sent, received in table.packets:
            yield f"  {kind} sent/received: {sent}/{received}"
        for reason, count in table.dropped:
            yield f"  Dropped, {reason}: {count}"


TRAFFIC: Final = both_commands("traffic", {"traffic": "Packets by kind"}, query_traffic, render_traffic)
