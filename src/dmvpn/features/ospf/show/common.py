"""What the show commands of OSPF share: which processes are meant, and how times and roles are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.ospf.lsa import LsaType
from dmvpn.features.ospf.machine import OspfMachine
from dmvpn.features.ospf.model import NetworkType
from dmvpn.features.ospf.states import InterfaceState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.ospf.interface import Neighbor, OspfInterface
    from dmvpn.features.ospf.process import Process
    from dmvpn.ios import ShowContext

HELP: Final = {"ospf": "OSPF version 2", "interface": "On one interface"}
#: Network types as shows have them.
TYPES: Final = {
    NetworkType.BROADCAST: "BROADCAST",
    NetworkType.NON_BROADCAST: "NON_BROADCAST",
    NetworkType.POINT_TO_MULTIPOINT: "POINT_TO_MULTIPOINT",
    NetworkType.POINT_TO_MULTIPOINT_NON_BROADCAST: "POINT_TO_MULTIPOINT_NBMA",
    NetworkType.POINT_TO_POINT: "POINT_TO_POINT",
}
#: Headings of the database.
TITLES: Final = {
    LsaType.ROUTER: "Router Link States",
    LsaType.NETWORK: "Net Link States",
    LsaType.SUMMARY: "Summary Net Link States",
    LsaType.BORDER_SUMMARY: "Summary ASB Link States",
    LsaType.NSSA_EXTERNAL: "Type-7 AS External Link States",
    LsaType.EXTERNAL: "Type-5 AS External Link States",
}


def processes(ctx: ShowContext) -> Iterator[Process]:
    """Yield all of them."""
    yield from ctx.machine(OspfMachine).processes.values()


def clock(seconds: float) -> str:
    """Return a time that counts down, as hours, minutes, seconds."""
    whole = max(0, int(seconds))
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"


def role_of(neighbor: Neighbor) -> str:
    """Return what a neighbor is on its network, where routers are elected."""
    if not neighbor.interface.settings.elects:
        return "  -"
    if neighbor.is_designated:
        return "DR"
    return "BDR" if neighbor.is_backup else "DROTHER"


def network_of(interface: OspfInterface) -> str:
    """Return the network type of an interface."""
    if interface.far_end is not None:
        return "VIRTUAL_LINK"
    return "LOOPBACK" if interface.phase is InterfaceState.LOOPBACK else TYPES[interface.settings.network]
