"""Graceful restart, the helper's side: RFC 3623 §3.

A restarting neighbor that keeps forwarding announces this by a Grace-LSA. Until the restart or its grace period ends,
we advertise the neighbor as full in any state, so other routers do not notice the restart.

    Grace-LSA ──> helped ──┬── it takes the Grace-LSA back: it is full again
                           ├── the grace period is over
                           └── something else changed, and `strict-lsa-checking` is configured
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.context import Timer
from dmvpn.base.errors import WireError
from dmvpn.features.ospf.lsa import MAX_AGE, REFRESH_AGE, LsaType, UnknownBody, opaque_of
from dmvpn.features.ospf.messages import Helped
from dmvpn.net.octets import ipv4_address

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address

    from dmvpn.features.ospf.adjacency import Adjacencies
    from dmvpn.features.ospf.interface import Neighbor, OspfInterface
    from dmvpn.features.ospf.lsa import Lsa
    from dmvpn.features.ospf.output import Sender
    from dmvpn.features.ospf.own_lsas import Topology
    from dmvpn.features.ospf.spf import RunningArea
    from dmvpn.features.ospf.state import State

#: The opaque type of a Grace-LSA, which is the first octet of its identifier.
_OPAQUE_TYPE: Final = 3
_PERIOD, _REASON, _ADDRESS = 1, 2, 3
_CLAUSE: Final = "RFC 3623 §A"
#: Types that describe the network: a change of one of these is a change of the network.
_TOPOLOGY: Final = frozenset(int(kind) for kind in LsaType if kind < LsaType.OPAQUE_LINK)


class Grace(NamedTuple):
    """The content of a Grace-LSA, RFC 3623 §A. seconds: the grace period. address: of the interface, if included."""

    seconds: int
    reason: int = 0
    address: IPv4Address | None = None

    @classmethod
    def parse(cls, octets: bytes) -> Grace:
        """Decode the TLVs. Raises WireError."""
        values: dict[int, bytes] = {}
        at = 0
        while at < len(octets):
            kind, length = int.from_bytes(octets[at : at + 2], "big"), int.from_bytes(octets[at + 2 : at + 4], "big")
            value = octets[at + 4 : at + 4 + length]
            if len(octets) < at + 4 or len(value) < length:
                raise WireError("TLV of a Grace-LSA cut short", offset=at, clause=_CLAUSE)
            values.setdefault(kind, value)
            at += 4 + length + -length % 4
        if len(values.get(_PERIOD, b"")) != 4:
            raise WireError("Grace-LSA without a period", offset=0, clause=_CLAUSE)
        address = values.get(_ADDRESS, b"")
        return cls(
            int.from_bytes(values[_PERIOD], "big"),
            int.from_bytes(values.get(_REASON, b"")[:1], "big"),
            ipv4_address(address) if len(address) == 4 else None,
        )


class Helper:
    """Helps the neighbors of one process that restart."""

    def __init__(self, state: State, sender: Sender, adjacencies: Adjacencies, topology: Topology) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender
        self._adjacencies = adjacencies
        self._topology = topology

    def take(self, interface: OspfInterface, lsa: Lsa) -> None:
        """Take an advertisement of the link's scope; only Grace-LSAs are looked at."""
        if opaque_of(lsa.header.id)[0] != _OPAQUE_TYPE or not isinstance(lsa.body, UnknownBody):
            return
        try:
            grace = Grace.parse(lsa.body.octets)
        except WireError:
            self._sender.drop("Grace-LSA that says nothing")
            return
        neighbor = _restarting(interface, lsa.header.router, grace)
        if neighbor is None:
            return
        if lsa.header.age >= MAX_AGE:
            self._end(neighbor, "it is back")
            return
        left = min(grace.seconds, REFRESH_AGE) - lsa.header.age
        if not self._state.settings.helps or left <= 0 or not (neighbor.is_full or neighbor.is_helped):
            return
        if not neighbor.is_helped:
            self._tell(neighbor, f"restarts gracefully, and is helped for {left} seconds")
        timer = neighbor.grace_timer or Timer(
            "grace period, RFC 3623", lambda: self._end(neighbor, "its time is over"), neighbor.address
        )
        neighbor.help(self._context.now + left, timer)
        self._context.start(timer, left)

    def changed(self, changes: Iterable[tuple[RunningArea, Lsa]]) -> None:
        """Note that LSAs changed: a restarting neighbor that does not learn of the change might cause a forwarding
        loop.
        """
        if self._state.settings.helps_strictly:
            for area, lsa in changes:
                self._changed(area, lsa)

    def _changed(self, area: RunningArea, lsa: Lsa) -> None:
        if lsa.header.type not in _TOPOLOGY:
            return
        for neighbor in list(self._state.neighbors()):
            concerned = lsa.header.type == LsaType.EXTERNAL or neighbor.interface.area is area
            if neighbor.is_helped and concerned and lsa.header.router != neighbor.router:
                self._end(neighbor, "the network changed")

    def _end(self, neighbor: Neighbor, why: str) -> None:
        if not neighbor.is_helped:
            return
        if neighbor.grace_timer is not None:
            self._context.stop(neighbor.grace_timer)
        neighbor.help_no_longer()
        self._tell(neighbor, f"is helped no longer: {why}")
        interface = neighbor.interface
        if not self._context.is_running(neighbor.inactivity_timer):
            self._adjacencies.lose_silent(neighbor)
        if interface.settings.elects:
            self._adjacencies.neighbors_changed(interface)
        self._topology.network_changed(interface)

    def _tell(self, neighbor: Neighbor, what: str) -> None:
        name = neighbor.interface.name
        self._context.emit(Helped.of(self._state.number, neighbor.router, name, what))


def _restarting(interface: OspfInterface, router: IPv4Address, grace: Grace) -> Neighbor | None:
    """Return the neighbor that a Grace-LSA is of."""
    if grace.address is not None:
        neighbor = interface.neighbors.get(grace.address)
        return neighbor if neighbor is not None and neighbor.router == router else None
    return next((one for one in interface.neighbors.values() if one.router == router), None)
