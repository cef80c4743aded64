"""docs/reference/states.md: the state machines, each a picture made from its table of moves.

python -m support.states_page    (from the folder tests)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dmvpn.features.bfd import packet as bfd
from dmvpn.features.bgp import session as bgp
from dmvpn.features.eigrp import reasons as eigrp
from dmvpn.features.eigrp import topology
from dmvpn.features.ike.v2 import sa
from dmvpn.features.nhrp import client, path
from dmvpn.features.ospf import neighbor as ospf
from dmvpn.features.rip import database as rip
from support.conformance import ROOT
from support.texts import file_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PAGE: Final = ROOT / "docs" / "reference" / "states.md"

_HEAD: Final = file_text("states.md")


@dataclass(frozen=True, slots=True)
class Machine:
    """A table of moves.

    begin: the first state.
    clause: where it comes from.
    """

    title: str
    file: str
    clause: str
    begin: Any
    moves: Mapping[tuple[Any, Any], Any]


MACHINES: Final = (
    Machine(
        "Registration with a next hop server",
        "features/nhrp/client.py",
        "RFC 2332 §5.2.3",
        client.NhsState.DOWN,
        client.MOVES,
    ),
    Machine(
        "A direct path to another spoke",
        "features/nhrp/path.py",
        "no RFC has it: see [direct paths](../explanation/direct-paths.md)",
        path.PathState.PROVING,
        path.MOVES,
    ),
    Machine(
        "An IKE SA",
        "features/ike/v2/sa.py",
        "RFC 7296 §1.2 to §1.4",
        sa.SaState.STARTING,
        sa.MOVES,
    ),
    Machine(
        "A destination of EIGRP",
        "features/eigrp/topology.py",
        "RFC 7868 §3.5, figure 1",
        topology.DestinationState.PASSIVE,
        topology.MOVES,
    ),
    Machine(
        "A neighbor of EIGRP",
        "features/eigrp/reasons.py",
        "RFC 7868 §5.3.3",
        eigrp.NeighborState.PENDING,
        eigrp.NEIGHBOR_MOVES,
    ),
    Machine(
        "An interface of OSPF",
        "features/ospf/neighbor.py",
        "RFC 2328 §9.3",
        ospf.InterfaceState.DOWN,
        ospf.INTERFACE_MOVES,
    ),
    Machine(
        "A neighbor of OSPF",
        "features/ospf/neighbor.py",
        "RFC 2328 §10.3",
        ospf.NeighborState.DOWN,
        ospf.NEIGHBOR_MOVES,
    ),
    Machine(
        "A session of BGP",
        "features/bgp/session.py",
        "RFC 4271 §8.2.2",
        bgp.SessionState.IDLE,
        bgp.MOVES,
    ),
    Machine(
        "A route of RIP",
        "features/rip/database.py",
        "RFC 2453 §3.8, with IOS's holddown",
        rip.RouteState.UNKNOWN,
        rip.MOVES,
    ),
    Machine("A session of BFD", "features/bfd/packet.py", "RFC 5880 §6.2", bfd.BfdState.DOWN, bfd.MOVES),
)


def page() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *(line for machine in MACHINES for line in _section(machine))])


def _section(machine: Machine) -> Iterator[str]:
    yield f"## {machine.title}"
    yield ""
    yield f"`{machine.file}`, {machine.clause}"
    yield ""
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {machine.begin.name}"
    arrows: dict[tuple[str, str], list[str]] = {}
    for (state, move), follows in machine.moves.items():
        arrows.setdefault((state.name, follows.name), []).append(move.name)
    for (before, after), names in arrows.items():
        yield f"    {before} --> {after}: {', '.join(names)}"
    yield "```"
    yield ""
    yield "| move | what happened |"
    yield "| --- | --- |"
    for each in dict.fromkeys(move for _, move in machine.moves):
        yield f"| {each.name} | {each.value} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
