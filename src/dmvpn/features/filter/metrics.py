"""Packet filters in numbers: how many packets each entry of each port's list has decided on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.breath import breathing
from dmvpn.base.filters import END_OF_LIST, NEIGHBOR_DISCOVERY, UNREACHABLE_SENDER
from dmvpn.base.metrics import Bound, MetricRow
from dmvpn.base.values import collected
from dmvpn.features.filter.machine import FilterMachine
from dmvpn.features.filter.reasons import FilterReason
from dmvpn.ios import Measured, ShowContext
from dmvpn.ios.measured import measured

_WORDS: Final = {END_OF_LIST: "end", UNREACHABLE_SENDER: "reverse_path", NEIGHBOR_DISCOVERY: "neighbor_discovery"}


@measured("filter_matches", "interface", "direction", "list", "entry", "action", bound=Bound.ENTRIES)("""
    counter dmvpn_filter_matched_packets_total :: Packets that an entry of an access list has decided on; entry: its
        number, end (no entry matched), neighbor_discovery (what each IPv6 list permits before its end), or
        reverse_path (the sender is not reachable).
    """)
def _matches(ctx: ShowContext) -> Iterator[MetricRow]:
    """Yield the counters of the plane. `clear access-list counters` changes none of them."""
    machine = ctx.machine(FilterMachine)
    actions: dict[tuple[str, bool, int], dict[int, bool]] = {}
    for count in breathing(ctx.counting.filtered()):
        filters = machine.ordered.get((count.interface, count.version))
        listed = None if filters is None else filters.inward if count.inward else filters.outward
        place = count.interface, count.inward, count.version
        permits = actions.get(place)
        if permits is None:
            entries = () if listed is None else breathing(listed.entries)
            permits = actions[place] = {entry.sequence: entry.permit for entry in entries}
        yield (
            count.interface,
            "in" if count.inward else "out",
            "" if listed is None or count.sequence == UNREACHABLE_SENDER else listed.name,
            _WORDS.get(count.sequence, str(count.sequence)),
            "permit" if permits.get(count.sequence) else "deny",
            count.packets,
        )


@measured("filter_ports", "interface")("""
    gauge dmvpn_filter_port_shut :: 1 while the host refuses the lists of a port: nothing passes it.
    gauge dmvpn_filter_port_open :: 1 while the host cannot filter at a port: all packets pass it.
    """)
def _ports(ctx: ShowContext) -> Iterator[MetricRow]:
    machine = ctx.machine(FilterMachine)
    for port in dict.fromkeys(name for name, _ in tuple(machine.ordered)):
        found = [failure.code for version in (4, 6) if (failure := machine.failure(port, version)) is not None]
        is_open = FilterReason.UNFILTERED in found
        yield (port, int(any(code is not FilterReason.UNFILTERED for code in found)), int(is_open))


METRICS: Final = collected(Measured, vars())
