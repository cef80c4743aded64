"""Packets that the kernel copies to the router: those of entries with `log`, and denied ones, which are answered.

The first packet of a flow is reported at once; the packets that follow within `_MERGED` are one further report.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.events import PacketsFiltered
from dmvpn.dataplane.alarms import Alarms
from dmvpn.dataplane.filtered import packet_of
from dmvpn.dataplane.netlink.nflog import CopiedPackets

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from dmvpn.base.events import Event
    from dmvpn.dataplane.netlink.nflog import CopiedPacket
    from dmvpn.dataplane.userspace.keeper import Later
    from dmvpn.dataplane.userspace.watch import Watch

#: Octets of a copy: the longest IP header, and what an ICMP error quotes behind it.
OCTETS: Final = 128
DENIED_PREFIX: Final = "dmvpn denied"
_PREFIX: Final = "dmvpn filter"
#: Seconds in which packets of one flow are one report.
_MERGED: Final = 1.0


def prefix_of(port: int, sequence: int, *, inward: bool) -> str:
    """Return the text of the copies of an entry. port: its number."""
    return f"{_PREFIX} {port} {'in' if inward else 'out'} {sequence}"


class FilterReports:
    """Reads the copies."""

    def __init__(
        self,
        report: Callable[[Event], None],
        later: Later | None,
        answer: Callable[[int, bytes], None] | None,
        name_of: Callable[[int], str],
    ) -> None:
        """later, answer: see `Filtering`. name_of: the interface of a number."""
        self._report = report
        self._later = later
        self._answer = answer
        self._name_of = name_of
        self._copies: CopiedPackets | None = None
        self._alarms = Alarms()
        self._waiting: dict[Hashable, PacketsFiltered] = {}
        self._seen: dict[Hashable, float] = {}

    @property
    def group(self) -> int | None:
        """The group that rules send copies to; None: the router does not listen."""
        return None if self._copies is None else self._copies.group

    def listen(self, watch: Watch | None) -> None:
        """Begin, if the kernel has NFLOG; without it packets are filtered, and not reported."""
        if self._copies is None and watch is not None:
            with suppress(OSError):
                self._copies = CopiedPackets(OCTETS)
                watch.add(self._copies.fileno(), self._read)

    def close(self, watch: Watch | None) -> None:
        """Stop."""
        if self._copies is not None and watch is not None:
            watch.remove(self._copies.fileno())
            self._copies.close()
            self._copies = None

    def _read(self) -> None:
        if self._copies is None:
            return
        with suppress(OSError):
            for copy in self._copies.read():
                if copy.prefix == DENIED_PREFIX:
                    if self._answer is not None:
                        self._answer(copy.arrived, copy.data)
                else:
                    self._take(copy)

    def _take(self, copy: CopiedPacket) -> None:
        words = copy.prefix.removeprefix(_PREFIX).split()
        packet = packet_of(copy.data)
        if len(words) != 3 or packet is None:
            return
        port, way, sequence = words
        name = self._name_of(int(port))
        if not name:
            return
        event = PacketsFiltered(name, way == "in", int(sequence), packet, 1, copy.hardware_address)
        ends = (packet.source, packet.source_port, packet.destination, packet.destination_port)
        flow = (name, way, sequence, packet.protocol, ends, packet.icmp)
        waiting = self._waiting.get(flow)
        if waiting is not None:
            self._waiting[flow] = replace(waiting, count=waiting.count + 1)
        elif flow in self._seen:
            self._waiting[flow] = event
        elif self._alarms.may_tell(flow, time.monotonic()):
            self._report(event)
            self._remember(flow)

    def _remember(self, flow: Hashable) -> None:
        if self._later is not None:
            is_first = not self._seen
            self._seen[flow] = time.monotonic()
            if is_first:
                self._later(_MERGED, self._flush)

    def _flush(self) -> None:
        """Report the packets that came since, and forget flows without packets."""
        waiting, self._waiting, self._seen = self._waiting, {}, {}
        for flow, event in waiting.items():
            self._report(event)
            self._remember(flow)
