"""`show ip traffic`: packets of all interfaces together. The data plane counts by interface, and not by protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class ShowTraffic:
    """The answer. *_drops: packets that came in or should have left, and were dropped."""

    received: int = 0
    received_errors: int = 0
    received_drops: int = 0
    multicasts: int = 0
    sent: int = 0
    sent_errors: int = 0
    sent_drops: int = 0


def query(ctx: ShowContext, _: Args) -> ShowTraffic:
    """Return the sums over all interfaces since the router started; 0 without a data plane."""
    counted = ctx.counting.interfaces_counted()
    counts = counted.counts if counted is not None else ()
    return ShowTraffic(
        received=sum(count.received for count in counts),
        received_errors=sum(count.receive_errors for count in counts),
        received_drops=sum(count.receive_drops for count in counts),
        multicasts=sum(count.multicasts for count in counts),
        sent=sum(count.sent for count in counts),
        sent_errors=sum(count.send_errors for count in counts),
        sent_drops=sum(count.send_drops for count in counts),
    )


def render(answer: ShowTraffic) -> Iterator[str]:
    """Yield the first part of what IOS prints; the shows of the protocols have their packets."""
    yield "IP statistics:"
    yield f"  Rcvd:  {answer.received} total, {answer.received_errors} errors, {answer.received_drops} dropped"
    yield f"  Mcast: {answer.multicasts} received"
    yield f"  Sent:  {answer.sent} total, {answer.sent_errors} errors, {answer.sent_drops} dropped"


COMMANDS: Final = (
    ExecCommand("show ip traffic", {"traffic": "Packets of all interfaces together"}, query=query, render=render),
)
