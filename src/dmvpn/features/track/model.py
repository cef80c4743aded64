"""The configuration of tracked objects and of IP SLA, as values."""

from __future__ import annotations

import enum
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix, ip_keyword, spelled
from dmvpn.base.values import Value


class TrackKind(enum.Enum):
    """What an object looks at: the last word of its line, as the log has it."""

    LINE = "line-protocol"
    ROUTING = "ip routing"
    REACHABLE = "reachability"
    STATE = "state"
    ROUTE = "route reachability"
    ALL = "boolean and"
    ANY = "boolean or"
    WEIGHT = "threshold weight"
    PERCENTAGE = "threshold percentage"


#: The words of `show track` that choose objects by what they look at.
CHOSEN_BY: Final = {
    "interface": (TrackKind.LINE, TrackKind.ROUTING),
    "sla": (TrackKind.REACHABLE, TrackKind.STATE),
    "route": (TrackKind.ROUTE,),
    "list": (TrackKind.ALL, TrackKind.ANY, TrackKind.WEIGHT, TrackKind.PERCENTAGE),
}


class Tracked(Value, kw_only=True):
    """`track N ...`.

    interface, operation, prefix: what it is about, by its kind. version: of IP, of a route or of routing.
    vrf: of the route, "": the global table.
    members: of a list: the number of an object, and whether it counts when that is down. weights: of each of them.
    up_level, down_level: of a list with thresholds: it is up from the one on, and down from the other one downwards.
    up_delay, down_delay: seconds for which a change must last.
    """

    number: int
    kind: TrackKind
    interface: str = ""
    operation: int = 0
    prefix: Prefix | None = None
    version: int = 4
    vrf: str = ""
    members: tuple[tuple[int, bool], ...] = ()
    weights: tuple[int, ...] = ()
    up_level: int = 1
    down_level: int = 0
    up_delay: int = 0
    down_delay: int = 0

    @property
    def about(self) -> str:
        """The object, as the log and the tables name it."""
        match self.kind:
            case TrackKind.LINE | TrackKind.ROUTING:
                return f"interface {self.interface}"
            case TrackKind.REACHABLE | TrackKind.STATE:
                return f"ip sla {self.operation}"
            case TrackKind.ROUTE:
                return f"{ip_keyword(self.version)} route {spelled(self.prefix)}"
            case _:
                return "list"

    @property
    def parameter(self) -> str:
        """The property that is tracked."""
        if self.kind is TrackKind.ROUTING and self.version == 6:
            return "ipv6 routing"
        return "reachability" if self.kind is TrackKind.ROUTE else self.kind.value


class Operation(Value, kw_only=True):
    """`ip sla N` with `icmp-echo`. Times are seconds.

    vrf: where the requests are sent, "": in the global table.
    size: octets of the data behind the header of ICMP.
    scheduled: `ip sla schedule` names it. after: seconds until it begins, None: not by itself. life: for how long it
    goes on, None: forever.
    """

    number: int
    destination: IPAddress
    source: IPAddress | None = None
    interface: str = ""
    vrf: str = ""
    frequency: float = 60.0
    timeout: float = 5.0
    threshold: float = 5.0
    size: int = 28
    tos: int = 0
    tag: str = ""
    owner: str = ""
    scheduled: bool = False
    after: float | None = None
    life: float | None = None


class TrackConfig(Value):
    """All objects and operations, by number."""

    objects: tuple[Tracked, ...] = ()
    operations: tuple[Operation, ...] = ()
