"""`show interfaces summary`: one line each, with rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.interface.show.blocks import query_interfaces
from dmvpn.ios import ExecCommand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.interface.show.blocks import ShowInterfaces

_COLUMNS: Final = ("IHQ", "IQD", "OHQ", "OQD", "RXBS", "RXPS", "TXBS", "TXPS", "TRTL")
_LEGEND: Final = (
    " *: interface is up",
    " IHQ: pkts in input hold queue     IQD: pkts dropped from input queue",
    " OHQ: pkts in output hold queue    OQD: pkts dropped from output queue",
    " RXBS: rx rate (bits/sec)          RXPS: rx rate (pkts/sec)",
    " TXBS: tx rate (bits/sec)          TXPS: tx rate (pkts/sec)",
    " TRTL: throttle count",
)


def render_summary(answer: ShowInterfaces) -> Iterator[str]:
    """Yield the legend, and a row for each interface. Queues are the kernel's, and none of them is counted here."""
    yield ""
    yield from _LEGEND
    yield ""
    yield f"  {'Interface':<22}" + "".join(f"{column:>10}" for column in _COLUMNS)
    yield "-" * (24 + 10 * len(_COLUMNS))
    for block in answer.interfaces:
        found = block.counters
        rates = (found.input_bit_rate, found.input_packet_rate, found.output_bit_rate, found.output_packet_rate)
        numbers = (0, found.input_drops, 0, found.output_drops, *rates, 0)
        yield f"{'*' if block.line else ' '} {block.name:<22}" + "".join(f"{number:>10}" for number in numbers)


SUMMARY: Final = ExecCommand(
    "show interfaces summary", {"summary": "One line each, with rates"}, query=query_interfaces, render=render_summary
)
