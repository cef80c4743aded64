"""`clear access-list counters`. The lists with their counters are a show of the feature that has the lists."""

from __future__ import annotations

from typing import Final

from dmvpn.base.events import Event
from dmvpn.features.filter.machine import ClearCounters
from dmvpn.ios import Args, ExecCommand, ShowContext


def clear(ctx: ShowContext, args: Args) -> Event:
    """Count from here."""
    version = 6 if "ipv6" in args else 4 if "ip" in args else 0
    return ClearCounters(args.text("name", ""), ctx.counting.filtered(), version)


COMMANDS: Final = (
    ExecCommand(
        "clear ( [ ip | ipv6 ] access-list counters | ipv6 access-list ) [ {name:word} ]",
        {"access-list": "Access lists", "counters": "How often entries fitted", "name": "Of one list"},
        action=clear,
        privilege=15,
    ),
)
