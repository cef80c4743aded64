"""The router as a computer, in numbers: since when it runs, its configuration, its log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.metrics import MetricRow
from dmvpn.base.values import collected
from dmvpn.features.system.machine import SystemMachine
from dmvpn.ios import Measured, ShowContext
from dmvpn.ios.measured import measured


@measured("life")("""
    gauge dmvpn_router_start_time_seconds :: When the router started; it changes with each restart.
    gauge dmvpn_configuration_changed_timestamp_seconds :: When the running configuration was changed last.
    """)
def _life(ctx: ShowContext) -> Iterator[MetricRow]:
    machine, clock = ctx.machine(SystemMachine), ctx.ports.clock
    if machine.started is not None:
        changed = machine.last_change.when if machine.last_change is not None else machine.started
        yield (clock.wall(machine.started).timestamp(), clock.wall(changed).timestamp())


@measured("log_messages", "severity", "name")("""
    counter dmvpn_log_messages_total :: Messages of the log by severity (0 to 7) and name, shown or not.
    """)
def _messages(ctx: ShowContext) -> Iterator[MetricRow]:
    for (severity, name), count in tuple(ctx.machine(SystemMachine).syslog.message_counts.items()):
        yield (str(severity), name, count)


@measured("log_lines", "destination")("""
    counter dmvpn_log_lines_total :: Lines of the log that a destination took, as show logging counts.
    """)
def _lines(ctx: ShowContext) -> Iterator[MetricRow]:
    counters = ctx.machine(SystemMachine).syslog.counters
    for destination in ("console", "monitor", "buffered", "trap"):
        yield (destination, getattr(counters, destination))


METRICS: Final = collected(Measured, vars())
