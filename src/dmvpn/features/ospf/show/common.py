"""Common code of OSPF's show commands: which processes are meant, and how times and roles are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.ospf.lsa import LsaType
from dmvpn.features.ospf.model import AreaKind, NetworkType
from dmvpn.features.ospf.neighbor import InterfaceState
from dmvpn.ios.vrfs import every_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address

    from dmvpn.features.ospf.interface import Neighbor, OspfInterface
    from dmvpn.features.ospf.machine import Process
    from dmvpn.ios import Args, ShowContext

HELP: Final = {"ospf": "OSPF version 2", "number": "Number of a process", "interface": "On one interface"}
#: How most commands begin.
OSPF: Final = "show ip ospf [ {number:1-65535} ]"
#: Network types as shows have them.
TYPES: Final = {
    NetworkType.BROADCAST: "BROADCAST",
    NetworkType.NON_BROADCAST: "NON_BROADCAST",
    NetworkType.POINT_TO_MULTIPOINT: "POINT_TO_MULTIPOINT",
    NetworkType.POINT_TO_MULTIPOINT_NON_BROADCAST: "POINT_TO_MULTIPOINT_NBMA",
    NetworkType.POINT_TO_POINT: "POINT_TO_POINT",
}
#: Whose advertisements are shown.
AUTHOR: Final = "self-originate | adv-router {router_id:address}"
AUTHOR_HELP: Final = {
    "self-originate": "Only what this router says",
    "adv-router": "Only what one router says",
    "router_id": "Its identifier",
}
#: Headings of the database.
TITLES: Final = {
    LsaType.ROUTER: "Router Link States",
    LsaType.NETWORK: "Net Link States",
    LsaType.SUMMARY: "Summary Net Link States",
    LsaType.BORDER_SUMMARY: "Summary ASB Link States",
    LsaType.NSSA_EXTERNAL: "Type-7 AS External Link States",
    LsaType.EXTERNAL: "Type-5 AS External Link States",
    LsaType.OPAQUE_AREA: "Type-10 Opaque Link Area Link States",
    LsaType.OPAQUE_AS: "Type-11 Opaque Link AS Link States",
}


def own_processes(ctx: ShowContext, version: int = 4) -> tuple[Process, ...]:
    """Return the running processes of one table, for a version of IP. The machine's module is imported only when it is
    needed.
    """
    from dmvpn.features.ospf.machine import OspfMachine

    return tuple(ctx.machine(OspfMachine).of_version(version).values())


def version_of(args: Args) -> int:
    """Return the version of IP that a command is about."""
    return 6 if "ospfv3" in args else args.version


def count_of_kinds(process: Process) -> tuple[int, int, int]:
    """Return how many areas are normal, stub, NSSA."""
    found = [area.settings.kind for area in process.areas.values()]
    return found.count(AreaKind.NORMAL), found.count(AreaKind.STUB), found.count(AreaKind.NSSA)


def every_process(ctx: ShowContext, version: int = 4) -> list[Process]:
    """Return the running processes, in order of their numbers; those in VRFs, too."""
    found = [process for table in every_table(ctx, "ospf") for process in own_processes(table, version)]
    return sorted(found, key=lambda process: process.number)


def processes(ctx: ShowContext, args: Args) -> Iterator[Process]:
    """Yield the processes that the command selects: all, or the process with the given number."""
    number, vrf = args.integer("number", None), args.text("vrf", "")
    for process in every_process(ctx, version_of(args)):
        if number in (None, process.number) and vrf in ("", process.state.context.ports.vrf):
            yield process


def author(process: Process, args: Args) -> IPv4Address | None:
    """Return the advertising router to show; None: all routers."""
    return process.router_id if "self-originate" in args else args.address("router_id", None)


def heading(own: str, number: int, name: str = "OSPF") -> Iterator[str]:
    """Yield the lines above what a process shows. own: its identifier."""
    yield ""
    yield f"            {name} Router with ID ({own}) (Process ID {number})"
    yield ""


def role_of(neighbor: Neighbor) -> str:
    """Return the role of a neighbor on its network, where routers are elected."""
    if not neighbor.interface.settings.elects:
        return "  -"
    if neighbor.is_designated:
        return "DR"
    return "BDR" if neighbor.is_backup else "DROTHER"


def network_of(interface: OspfInterface) -> str:
    """Return the network type of an interface."""
    if interface.far_end is not None:
        return "VIRTUAL_LINK"
    return "LOOPBACK" if phase_of(interface) is InterfaceState.LOOPBACK else TYPES[interface.settings.network]


def phase_of(interface: OspfInterface) -> InterfaceState:
    """Return the state of an interface. A loopback with `ip ospf network point-to-point` is not shown as a host."""
    whole = interface.is_loopback and interface.settings.network is NetworkType.POINT_TO_POINT
    return InterfaceState.POINT_TO_POINT if whole else interface.phase
