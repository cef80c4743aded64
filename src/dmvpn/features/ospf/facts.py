"""OSPF as facts: its processes and their neighbors."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.facts import Fact, NeighborFacts, reason_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.ospf.machine import OspfMachine, Process


class OspfInterfaceFacts(Fact):
    """An interface that OSPF runs on. network: its type, as configured; speaks: neighbors are wanted there.

    blocked: why no packet can be sealed with this configuration, "" if it can or need not be.
    """

    name: str
    area: int
    network: str
    cost: int
    speaks: bool
    blocked: str = ""


class OspfFacts(Fact):
    """An OSPF process: its number, which is locally significant, and its router ID.

    vrf: "", the global table. version: of IP.
    busy: a calculation, an LSA of its own or an election waits for its turn, or a neighbor has not acknowledged all
    LSAs.
    """

    process: int
    router_id: IPv4Address
    vrf: str = ""
    version: int = 4
    busy: bool = False
    interfaces: tuple[OspfInterfaceFacts, ...] = ()


def facts(machine: OspfMachine) -> tuple[OspfFacts, ...]:
    """Return the facts of all processes."""
    return tuple(_process(process) for process in (*machine.processes.values(), *machine.ipv6.values()))


def _process(process: Process) -> OspfFacts:
    return OspfFacts(
        process=process.number,
        router_id=process.router_id,
        vrf=process.state.context.ports.vrf,
        version=process.state.settings.family.version,
        busy=process.is_busy,
        interfaces=tuple(
            OspfInterfaceFacts(
                name=interface.name,
                area=interface.area.number,
                network=interface.settings.network.value,
                cost=interface.cost,
                speaks=interface.speaks,
                blocked=interface.settings.obstacle,
            )
            for interface in process.interfaces.values()
            if interface.far_end is None
        ),
    )


def neighbors(machine: OspfMachine, now: float) -> Iterator[NeighborFacts]:
    """Yield known neighbors, and neighbors whose Hellos are refused."""
    for process in (*machine.processes.values(), *machine.ipv6.values()):
        for interface in process.interfaces.values():
            known = [
                (one.address, one.is_full or (one.is_two_way and not one.wants_adjacency), one.since, one.refusal)
                for one in interface.neighbors.values()
            ]
            others = [
                (address, why) for address, why in interface.refusals.items() if address not in interface.neighbors
            ]
            for address, up, since, why in (*known, *((address, False, why.since, why) for address, why in others)):
                yield NeighborFacts(
                    protocol=f"ospf {process.number}",
                    interface=interface.name,
                    address=address,
                    up=up,
                    age=now - since,
                    reason=reason_facts(why),
                )
