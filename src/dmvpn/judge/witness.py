"""A witness of a run: it sees the world, and each fault as it begins and ends. It changes nothing.

The judge decides by packets alone and keeps no history; a witness keeps what it needs for a story of the run
(`labs/judged_films.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from dmvpn.judge.faults import Fault
    from dmvpn.shells.simulator.network import Segment
    from dmvpn.shells.simulator.simulator import Simulator


class Witness:
    """A witness that notes nothing. remembers: routers keep a history for it."""

    remembers: ClassVar[bool] = False

    def begins(self, world: Simulator) -> None:
        """Note that a world was put together; its time is 0."""

    def converged(self, start: float) -> None:
        """Note that the network converged. start: when, seconds of the world; faults count from there."""

    def happened(self, fault: Fault, wire: Segment | None, *, begins: bool) -> None:
        """Note that a fault has just begun or ended. wire: under the tunnels of its router, if it is about a wire."""
