"""`show ip eigrp interfaces [detail]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass, project
from dmvpn.features.eigrp.show.common import ProcessName, both_commands, name_of, processes
from dmvpn.ios import Args, ShowContext, interface_sort_key, short_interface

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.eigrp.interface import EigrpInterface, Statistics

_TITLE: Final = (
    "                              Xmit Queue   PeerQ        Mean   Pacing Time   Multicast    Pending",
    "Interface              Peers  Un/Reliable  Un/Reliable  SRTT   Un/Reliable   Flow Timer   Routes",
)


@dataclass(frozen=True, slots=True)
class InterfaceEntry:
    """One interface.

    srtt, pacing, flow: milliseconds.
    queued: packets that wait for acknowledgments.
    """

    name: str
    peers: int
    queued: int
    srtt: int
    pacing: int
    flow: int
    pending: int
    hello_interval: int
    hold_time: int
    split_horizon: bool
    next_hop_self: bool
    ecmp_mode: bool
    authentication: str
    key_chain: str
    blocked: str
    statistics: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class InterfaceTable:
    """The interfaces of one process that may have neighbors."""

    process: ProcessName
    interfaces: tuple[InterfaceEntry, ...]


@dataclass(frozen=True, slots=True)
class ShowInterfaces:
    """The answer to `show ip eigrp interfaces`."""

    detail: bool
    tables: tuple[InterfaceTable, ...]


def query_interfaces(ctx: ShowContext, args: Args) -> ShowInterfaces:
    """Return all interfaces except passive ones, as on IOS."""
    only = args.interface("interface", None)
    tables = []
    for process in processes(ctx, args):
        names = sorted(process.state.interfaces, key=interface_sort_key)
        shown = [process.state.interfaces[name] for name in names if only in (None, name)]
        entries = [_entry(interface) for interface in shown if not interface.settings.passive]
        tables.append(InterfaceTable(name_of(process), tuple(entries)))
    return ShowInterfaces("detail" in args, tuple(tables))


def _entry(interface: EigrpInterface) -> InterfaceEntry:
    settings = interface.settings
    neighbors = interface.neighbors.values()
    measured = [neighbor.srtt for neighbor in neighbors if neighbor.srtt]
    return project(
        InterfaceEntry,
        settings,
        name=interface.name,
        peers=len(neighbors),
        queued=sum(neighbor.outstanding is not None for neighbor in neighbors),
        srtt=max(1, round(sum(measured) / len(measured) * 1000)) if measured else 0,
        pacing=interface.pacing_ms,
        flow=round(interface.flow_time * 1000) if interface.neighbors else 0,
        pending=len(interface.group.updates) + len(interface.group.queries),
        authentication=settings.authentication.value if settings.authentication else "",
        blocked=str(interface.blocked) if interface.blocked else "",
        statistics=_counters(interface.statistics),
    )


def _counters(statistics: Statistics) -> tuple[tuple[str, int], ...]:
    return (
        ("hellos", statistics.hellos),
        ("hellos_expedited", statistics.hellos_expedited),
        ("multicasts_unreliable", statistics.multicasts_unreliable),
        ("multicasts", statistics.multicasts),
        ("unicasts_unreliable", statistics.unicasts_unreliable),
        ("unicasts", statistics.unicasts),
        ("exceptions", statistics.exceptions),
        ("conditional", statistics.conditional),
        ("acknowledgments_suppressed", statistics.acknowledgments_suppressed),
        ("retransmissions", statistics.retransmissions),
        ("out_of_sequence", statistics.out_of_sequence),
    )


def render_interfaces(answer: ShowInterfaces) -> Iterator[str]:
    """Yield one table per process."""
    for table in answer.tables:
        yield from table.process.heading("Interfaces")
        yield from _TITLE
        for entry in table.interfaces:
            pacing = f"0/{entry.pacing}"
            yield (
                f"{short_interface(entry.name):<22}{entry.peers:>4}        0/{entry.queued:<2}      0/0"
                f"{entry.srtt:>12}       {pacing:<5}{entry.flow:>12}{entry.pending:>12}"
            )
            if answer.detail:
                yield from _detail(entry)


def _detail(entry: InterfaceEntry) -> Iterator[str]:
    count = dict(entry.statistics)
    yield f"  Hello-interval is {entry.hello_interval}, Hold-time is {entry.hold_time}"
    yield f"  Split-horizon is {'enabled' if entry.split_horizon else 'disabled'}"
    if not entry.next_hop_self:
        mode = "Enabled" if entry.ecmp_mode else "Disabled"
        yield f"  Next-hop-self disabled, next-hop info forwarded, ECMP mode {mode}"
    yield "  Next xmit serial <none>"
    yield f"  Packetized sent/expedited: {count['multicasts'] + count['unicasts']}/0"
    yield f"  Hello's sent/expedited: {count['hellos']}/{count['hellos_expedited']}"
    yield (
        f"  Un/reliable mcasts: {count['multicasts_unreliable']}/{count['multicasts']}  "
        f"Un/reliable ucasts: {count['unicasts_unreliable']}/{count['unicasts']}"
    )
    yield (
        f"  Mcast exceptions: {count['exceptions']}  CR packets: {count['conditional']}  "
        f"ACKs suppressed: {count['acknowledgments_suppressed']}"
    )
    yield f"  Retransmissions sent: {count['retransmissions']}  Out-of-sequence rcvd: {count['out_of_sequence']}"
    yield "  Topology-ids on interface - 0 "
    if entry.authentication:
        yield f'  Authentication mode is {entry.authentication},  key-chain is "{entry.key_chain}"'
    else:
        yield "  Authentication mode is not set"
    if entry.blocked:
        yield f"  No neighbors: {entry.blocked}"
    yield "  Topologies advertised on this interface:  base"
    yield "  Topologies not advertised on this interface:"


INTERFACES: Final = both_commands(
    "interfaces [* detail | {interface:interface} ]",
    {"interfaces": "Interfaces", "detail": "All about them", "interface": "This one"},
    query_interfaces,
    render_interfaces,
)
