"""`show ip eigrp neighbors [detail]`, `interfaces [detail]` and `accounting`; `clear ip eigrp neighbors`.

Accounting has the prefixes of each neighbor, and neighbors held down by `maximum-prefix`. Its layout is ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import spelled
from dmvpn.base.rows import Source
from dmvpn.base.values import Value, project
from dmvpn.features.eigrp.show.common import ProcessName, both_commands, clear_commands, name_of, processes
from dmvpn.features.eigrp.tlv import SoftwareVersion, StubFlag
from dmvpn.ios import Args, ShowContext, age, interface_sort_key, short_interface

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.eigrp.interface import EigrpInterface, Neighbor, Statistics
    from dmvpn.features.eigrp.limits import Gauge
    from dmvpn.features.eigrp.machine import ClearNeighbors, Process


# ------------------------------------------------------------------------------------------------ interfaces


_INTERFACE_TITLE: Final = (
    "                              Xmit Queue   PeerQ        Mean   Pacing Time   Multicast    Pending",
    "Interface              Peers  Un/Reliable  Un/Reliable  SRTT   Un/Reliable   Flow Timer   Routes",
)


class InterfaceEntry(Value):
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


class InterfaceTable(Value):
    """The interfaces of one process that may have neighbors."""

    process: ProcessName
    interfaces: tuple[InterfaceEntry, ...]


class ShowInterfaces(Value):
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
        yield from _INTERFACE_TITLE
        for entry in table.interfaces:
            pacing = f"0/{entry.pacing}"
            yield (
                f"{short_interface(entry.name):<22}{entry.peers:>4}        0/{entry.queued:<2}      0/0"
                f"{entry.srtt:>12}       {pacing:<5}{entry.flow:>12}{entry.pending:>12}"
            )
            if answer.detail:
                yield from _interface_detail(entry)


def _interface_detail(entry: InterfaceEntry) -> Iterator[str]:
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


# ------------------------------------------------------------------------------------------------ neighbors


_TITLE: Final = (
    "H   Address                 Interface              Hold Uptime   SRTT   RTO  Q  Seq",
    "                                                   (sec)         (ms)       Cnt Num",
)
_STUB_WORDS: Final = (
    (StubFlag.CONNECTED, "CONNECTED"),
    (StubFlag.STATIC, "STATIC"),
    (StubFlag.SUMMARY, "SUMMARY"),
    (StubFlag.REDISTRIBUTED, "REDISTRIBUTED"),
)


_neighbor: Final[Source[Neighbor, float]] = Source()


class NeighborEntry(Value, kw_only=True):
    """One neighbor.

    hold: seconds left.
    srtt, rto: milliseconds.
    stub: the routes that it advertises; None: it is no stub.
    """

    handle: int
    address: str = _neighbor(lambda it: spelled(it.address))
    interface: str = _neighbor(lambda it: it.interface.name)
    hold: int = _neighbor.at(lambda it, now: max(0, int(it.hold_left(now))))
    uptime: str = _neighbor.at(lambda it, now: age(now - it.since))
    srtt: int = _neighbor(lambda it: max(1, round(it.srtt * 1000)) if it.srtt else 0)
    rto: int = _neighbor(lambda it: round(it.rto * 1000))
    queue: int = _neighbor(lambda it: len(it.backlog) + (it.outstanding is not None))
    sequence: int = _neighbor(lambda it: it.last_sequence)
    state: str
    version: str = _neighbor(lambda it: _version(it.software))
    retransmissions: int
    retries: int = _neighbor(lambda it: it.outstanding.tries - 1 if it.outstanding else 0)
    prefixes: int = _neighbor(lambda it: len(it.source.prefixes))
    stub: tuple[str, ...] | None = _neighbor(
        lambda it: None if it.stub is None else tuple(word for flag, word in _STUB_WORDS if flag in it.stub)
    )


class NeighborTable(Value):
    """The neighbors of one process, the highest handle first."""

    process: ProcessName
    neighbors: tuple[NeighborEntry, ...]


class ShowNeighbors(Value):
    """The answer to `show ip eigrp neighbors`."""

    detail: bool
    tables: tuple[NeighborTable, ...]


def query_neighbors(ctx: ShowContext, args: Args) -> ShowNeighbors:
    """Return the neighbors of all processes, or of one, or on one interface."""
    only = args.interface("interface", None)
    tables = [
        NeighborTable(
            name_of(process),
            tuple(
                _neighbor.row(NeighborEntry, neighbor, ctx.now)
                for neighbor in reversed(process.neighbors())
                if only in (None, neighbor.interface.name)
            ),
        )
        for process in processes(ctx, args)
    ]
    return ShowNeighbors("detail" in args, tuple(tables))


def _version(software: SoftwareVersion | None) -> str:
    if software is None:
        return "0.0/0.0"
    return f"{software.os_major}.{software.os_minor}/{software.tlv_major}.{software.tlv_minor}"


def render_neighbors(answer: ShowNeighbors) -> Iterator[str]:
    """Yield one table per process."""
    for table in answer.tables:
        yield from table.process.heading("Neighbors")
        if table.neighbors:
            yield from _TITLE
        for entry in table.neighbors:
            is_long = ":" in entry.address  # an address of IPv6 has a line of its own
            address = "Link-local address:" if is_long else entry.address
            yield (
                f"{entry.handle:<4}{address:<24}{short_interface(entry.interface):<23}{entry.hold:>4} "
                f"{entry.uptime:<8}{entry.srtt:>5}{entry.rto:>6}{entry.queue:>3}  {entry.sequence}"
            )
            if is_long:
                yield f"    {entry.address}"
            if answer.detail:
                yield from _detail(entry)
        if answer.detail and table.neighbors:
            yield "Max Nbrs: 0, Current Nbrs: 0"


def _detail(entry: NeighborEntry) -> Iterator[str]:
    prefixes = f", Prefixes: {entry.prefixes}" if entry.prefixes else ""
    yield f"   Version {entry.version}, Retrans: {entry.retransmissions}, Retries: {entry.retries}{prefixes}"
    yield "   Topology-ids from peer - 0 "
    yield "   Topologies advertised to peer:   base"
    yield ""
    if entry.stub is not None:
        if entry.stub:
            yield f"   Stub Peer Advertising ({' '.join(entry.stub)} ) Routes"
        else:
            yield "   Receive-Only Peer Advertising (No) Routes"
        yield "   Suppressing queries"


def clear_neighbors(ctx: ShowContext, args: Args) -> ClearNeighbors:
    """Clear neighbors (`clear ip eigrp neighbors`)."""
    from dmvpn.features.eigrp.machine import ClearNeighbors

    return ClearNeighbors(
        args.integer("number", None),
        args.interface("interface", None),
        args.any_address("address", None),
        soft="soft" in args,
        vrf=ctx.ports.vrf,
        version=args.version,
    )


class StaticNeighbors(Value):
    """The `neighbor` lines of one process: address and interface."""

    process: ProcessName
    neighbors: tuple[tuple[str, str], ...]


class ShowStaticNeighbors(Value):
    """The answer to `show ip eigrp neighbors static`."""

    tables: tuple[StaticNeighbors, ...]


def query_static(ctx: ShowContext, args: Args) -> ShowStaticNeighbors:
    """Return the configured neighbors, whether they exist or not."""
    wanted = args.interface("interface", None)
    return ShowStaticNeighbors(
        tuple(
            StaticNeighbors(
                name_of(process),
                tuple(
                    (spelled(address), name)
                    for name, settings in process.state.settings.interfaces
                    for address in settings.neighbors
                    if wanted in (None, name)
                ),
            )
            for process in processes(ctx, args)
        )
    )


def render_static(answer: ShowStaticNeighbors) -> Iterator[str]:
    """Yield one table per process."""
    for table in answer.tables:
        yield from table.process.heading("Static Neighbors")
        yield "Static Address           Interface"
        for address, interface in table.neighbors:
            yield f"{address:<24} {interface}"


STATIC: Final = both_commands(
    "neighbors static [ {interface:interface} ]",
    {"neighbors": "Neighbors", "static": "Neighbors from `neighbor` lines", "interface": "On this interface"},
    query_static,
    render_static,
)
NEIGHBORS: Final = both_commands(
    "neighbors [* detail | {interface:interface} ]",
    {"neighbors": "Neighbors", "detail": "All about them", "interface": "On this interface"},
    query_neighbors,
    render_neighbors,
)
CLEAR: Final = clear_commands(
    "neighbors [ {address:address} | {interface:interface} ] [ soft ]",
    {
        "neighbors": "Reset neighbors",
        "address": "This neighbor",
        "interface": "Those on this interface",
        "soft": "Neighbors stay up and get all routes again",
    },
    clear_neighbors,
)


# ------------------------------------------------------------------------------------------------ prefixes of neighbors


class Account(Value):
    """One source. state: A, P or D. reset: seconds until it may return; None: only when cleared."""

    state: str
    source: str
    interface: str
    prefixes: int
    restarts: int
    reset: int | None


class Accounts(Value):
    """The accounts of one process."""

    process: ProcessName
    total: int
    accounts: tuple[Account, ...]


class ShowAccounting(Value):
    """The answer to `show ip eigrp accounting`."""

    tables: tuple[Accounts, ...]


def query_accounting(ctx: ShowContext, args: Args) -> ShowAccounting:
    """Return the accounts of all processes, or of one."""
    return ShowAccounting(tuple(_accounts(process, ctx.now) for process in processes(ctx, args)))


def _accounts(process: Process, now: float) -> Accounts:
    limits = process.limits
    found = [_account("Redistributed", "----", "A", process.redistributor.count, limits.redistributed, now)]
    present = {neighbor.address for neighbor in process.neighbors()}
    for neighbor in process.neighbors():
        state, count = "A" if neighbor.is_up else "P", len(neighbor.source.prefixes)
        gauge, name = limits.neighbors.get(neighbor.address), short_interface(neighbor.interface.name)
        found.append(_account(spelled(neighbor.address), name, state, count, gauge, now))
    for address, gauge in limits.neighbors.items():
        if address not in present and gauge.barred_until is not None:
            known = (name for name, interface in process.state.interfaces.items() if interface.knows(address))
            found.append(_account(spelled(address), short_interface(next(known, "----")), "D", 0, gauge, now))
    return Accounts(name_of(process), len(process.dual.table), tuple(found))


def _account(source: str, interface: str, state: str, prefixes: int, gauge: Gauge | None, now: float) -> Account:
    if gauge is None:
        return Account(state, source, interface, prefixes, 0, 0)
    until = gauge.barred_until
    reset = 0 if until is None else None if until == float("inf") else max(0, round(until - now))
    return Account(state if until is None else "D", source, interface, prefixes, gauge.restarts, reset)


def render_accounting(answer: ShowAccounting) -> Iterator[str]:
    """Yield one table per process."""
    for table in answer.tables:
        yield from table.process.heading("Accounting", f"/ID({table.process.router_id})")
        yield f"Total Prefix Count: {table.total}  States: A-Adjacency, P-Pending, D-Down"
        yield "State Address/Source   Interface        Prefix   Restart  Restart/"
        yield "                                        Count    Count    Reset(s)"
        for one in table.accounts:
            reset = "never" if one.reset is None else str(one.reset)
            yield f" {one.state:<5} {one.source:<16} {one.interface:<13} {one.prefixes:>9} {one.restarts:>8} {reset:>8}"


ACCOUNTING: Final = both_commands(
    "accounting", {"accounting": "Prefixes by neighbor, and maximum-prefix"}, query_accounting, render_accounting
)
