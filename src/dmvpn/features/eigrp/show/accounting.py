"""`show ip eigrp accounting`: prefixes of each neighbor, and neighbors held down by `maximum-prefix`. The layout is
ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.show.common import ProcessName, both_commands, name_of, processes
from dmvpn.ios import short_interface

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.eigrp.limits import Gauge
    from dmvpn.features.eigrp.machine import Process
    from dmvpn.ios import Args, ShowContext


@dataclass(frozen=True, slots=True)
class Account:
    """One source. state: A, P or D. reset: seconds until it may return; None: only when cleared."""

    state: str
    source: str
    interface: str
    prefixes: int
    restarts: int
    reset: int | None


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts of one process."""

    process: ProcessName
    total: int
    accounts: tuple[Account, ...]


@dataclass(frozen=True, slots=True)
class ShowAccounting:
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
        found.append(_account(str(neighbor.address), name, state, count, gauge, now))
    for address, gauge in limits.neighbors.items():
        if address not in present and gauge.barred_until is not None:
            known = (name for name, interface in process.state.interfaces.items() if interface.knows(address))
            found.append(_account(str(address), short_interface(next(known, "----")), "D", 0, gauge, now))
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
