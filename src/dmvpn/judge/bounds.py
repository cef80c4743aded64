"""How long packets may be lost, fault by fault: the limits by which the judge measures the network.

Each bound has a reason, which consists of configured or standard timers. Outside these times no packet may be lost
while a working path exists. `docs/reference/bounds.md` prints this table; a test compares the two.

A working path: both sites are alive, and a chain of configured links (a spoke and its servers, a point-to-point tunnel,
a cable) between them works. Without a path, and during an episode of loss, no delivery is required, except between
spokes that talk directly: the death of their hubs must not affect them.
"""

from __future__ import annotations

import enum

from dmvpn.base.values import Value
from dmvpn.judge import faults
from dmvpn.judge.anatomy import Anatomy
from dmvpn.judge.faults import Fault


class Bound(Value):
    """seconds, and why it is that long."""

    seconds: float
    what: str
    why: str


class BoundPart(enum.Enum):
    """Parts that the bounds of faults are made of."""

    FLIGHT = Bound(0.5, "a packet in flight", "Packets on the wire may be lost with it.")
    DIRECT = Bound(
        3.0,
        "a dead direct path, with its hub alive",
        "The router looks at the counters each second, sends echoes for 0.9 s, "
        "and may need another second until packets show the silence.",
    )
    ONE_WAY = Bound(
        7.0,
        "a direct path that is dead one way",
        "The end that hears nothing leaves first, and only then does the other hear nothing: "
        "two dead paths in turn, and one look at the counters.",
    )
    SERVER_IGP = Bound(
        16.0,
        "a dead hub, with another one",
        "EIGRP gives up a neighbor after 15 s of silence, and converges at once. "
        "If only one direction is dead, the end that hears nothing notifies its neighbor when it gives up.",
    )
    SERVER_BGP = Bound(
        1.0,
        "a dead hub, with another one, after the hold time of BGP",
        "BGP gives up a neighbor after its hold time, and converges at once.",
    )
    SERVER_STATIC = Bound(
        10.0,
        "a dead hub where only static routes run",
        "The router looks at the counters twice, 3 s apart, and then asks for 3 s.",
    )
    FORGOTTEN = Bound(
        10.0,
        "a server that forgot us (restarted, cleared, purged)",
        "The client gets no message. It notices as with a dead server: its traffic is not answered.",
    )
    GREETING = Bound(
        15.0,
        "neighbors of the IGP that meet again",
        "A hello goes out every 5 s, and if one side still keeps the old adjacency, "
        "the rest of its holding time has to pass first.",
    )
    MEETING_BGP = Bound(
        75.0,
        "neighbors of BGP that meet again, after their hold time",
        "While one side keeps the old session, no new one is taken; then the next call may be 60 s away, ±25 %.",
    )
    OSPF = Bound(
        16.0,
        "OSPF, beyond its timers",
        "A neighbor is dead after the dead interval (40 s, 120 s where Hellos go out every 30 s), and neighbors "
        "that meet again may need the rest of it and one Hello, and as long again where a router is elected. Lost "
        "packets of the exchange are sent again after 5 s; a router's own LSAs, and its calculation, may each wait for "
        "5 s after many changes.",
    )
    FIRST_RETRY = Bound(2.0, "a registration after a start", "Requests go out at 0, 0.25, 0.75 and 1.75 s.")
    LONGEST_RETRY = Bound(
        70.4, "a registration after long silence", "IOS doubles the pause between two requests up to 64 s, ±10 %."
    )
    SETTLING = Bound(60.0, "a check of all tables", "No packet shows it: unused entries disappear when they expire.")

    @property
    def seconds(self) -> float:
        """The bound."""
        return self.value.seconds


def retry(down: float) -> float:
    """Return one registration retry after `down` seconds of silence: pauses double, so the last is no longer than all
    before.

    Seconds.
    """
    return min(BoundPart.LONGEST_RETRY.seconds, 1.1 * (down + 2.0) + BoundPart.FIRST_RETRY.seconds)


def _silence(anatomy: Anatomy) -> float:
    """Return seconds until routes no longer lead to a dead hub."""
    if anatomy.bgp_hold:
        return anatomy.bgp_hold + BoundPart.SERVER_BGP.seconds
    if anatomy.ospf is not None:
        return anatomy.ospf.dead + BoundPart.OSPF.seconds
    return BoundPart.SERVER_IGP.seconds if anatomy.igp else BoundPart.SERVER_STATIC.seconds


def _meeting(anatomy: Anatomy) -> float:
    """Return seconds until neighbors of the routing protocol have met again."""
    if anatomy.bgp_hold:
        return anatomy.bgp_hold + BoundPart.MEETING_BGP.seconds
    times = anatomy.ospf
    if times is not None:
        return times.dead + times.hello + times.election + BoundPart.OSPF.seconds
    return BoundPart.GREETING.seconds if anatomy.igp else 0.0


def at_begin(fault: Fault, anatomy: Anatomy) -> float:
    """Return seconds of loss that a fault may cause from its begin on where another way is whole."""
    igp = _silence(anatomy)
    back = BoundPart.FORGOTTEN.seconds + BoundPart.FIRST_RETRY.seconds + _meeting(anatomy)
    match fault:
        case faults.Partition(one=one, other=other) if one in anatomy.spokes and other in anatomy.spokes:
            return BoundPart.ONE_WAY.seconds if fault.one_way else BoundPart.DIRECT.seconds
        case faults.Kill() | faults.Restart() | faults.LinkDown() | faults.Cut() | faults.Partition():
            return igp
        case faults.Renumber() if anatomy.unique:
            # A unique registration holds until it expires (NAK 14), then the next request is taken.
            return back + anatomy.holding_time + BoundPart.LONGEST_RETRY.seconds
        case faults.Renumber():
            return (
                BoundPart.DIRECT.seconds + BoundPart.FIRST_RETRY.seconds
            )  # the router knows; its peers have to notice
        case faults.Rebind() | faults.Clear() | faults.Purges():
            return back
        case _:
            return 0.0  # a clock, a malformed packet, reordered packets: no loss is permitted


def at_end(fault: Fault, anatomy: Anatomy, down: float) -> float:
    """Return seconds of loss that the end of a fault may bring. down: seconds for which there was no way."""
    igp = _meeting(anatomy)
    match fault:
        case faults.Partition(one=one, other=other) if one in anatomy.spokes and other in anatomy.spokes:
            return 0.0
        case faults.Impair(loss=0.0):
            return 0.0
        case faults.Impair():
            return retry(down) + igp  # all state survived, but requests may have been lost in a row
        case faults.Kill() | faults.Restart() | faults.LinkDown() | faults.Cut() | faults.Partition():
            # Peers do not notice a short absence at first; after a long one the next request may be far away.
            return max(BoundPart.FORGOTTEN.seconds + BoundPart.FIRST_RETRY.seconds, retry(down)) + igp
        case _:
            return 0.0


def is_loss(fault: Fault) -> bool:
    """Return whether it is an episode of loss: nothing is demanded while it lasts."""
    return isinstance(fault, faults.Impair) and fault.loss > 0


def table() -> str:
    """Return the parts of all bounds as a table in Markdown."""
    rows = [f"| {cause.value.what} | {cause.seconds:g} s | {cause.value.why} |" for cause in BoundPart]
    return "\n".join(["| what | bound | because |", "| --- | --- | --- |", *rows])
