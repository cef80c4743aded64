"""EIGRP as facts for the doctor: its processes and their neighbors."""

from __future__ import annotations

from dataclasses import astuple
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from pydantic import Field

from dmvpn.base.facts import NO_REASON, Fact, NeighborFacts, ReasonFacts, reason_facts
from dmvpn.base.values import project
from dmvpn.features.eigrp.reasons import NeighborState
from dmvpn.features.eigrp.tlv import StubFlag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.eigrp.machine import EigrpMachine, Process

#: Keywords of `eigrp stub` for the routes that a stub advertises.
_STUB_WORDS: Final = {
    StubFlag.CONNECTED: "connected",
    StubFlag.STATIC: "static",
    StubFlag.SUMMARY: "summary",
    StubFlag.REDISTRIBUTED: "redistributed",
}


class EigrpInterfaceFacts(Fact):
    """An interface that a process runs on. Times in seconds.

    blocked: why nothing is sent and accepted here.
    authentication: how packets are authenticated; "": not at all.
    """

    name: str
    passive: bool = False
    hello_interval: int = 5
    hold_time: int = 15
    split_horizon: bool = True
    next_hop_self: bool = True
    authentication: str = ""
    blocked: ReasonFacts = NO_REASON


class EigrpFacts(Fact):
    """An EIGRP process.

    name: of named mode.
    weights: K1 to K6.
    networks: (address, wildcard) of its statements.
    stub: the routes that a stub advertises, as in `eigrp stub` ("connected", "summary"); (): none (`receive-only`);
        None: it is no stub.
    redistributes: the source protocols.
    dropped: packets that were not accepted, by reason.
    vrf, router: see `ProcessSettings`. version: of IP.
    """

    autonomous_system: int
    version: int = 4
    name: str = ""
    weights: tuple[int, ...] = ()
    stub: tuple[str, ...] | None = None
    networks: tuple[tuple[IPv4Address, IPv4Address], ...] = ()
    redistributes: tuple[str, ...] = ()
    interfaces: tuple[EigrpInterfaceFacts, ...] = ()
    dropped: dict[str, int] = Field(default_factory=dict)
    vrf: str = ""
    router: int = 0


def facts(machine: EigrpMachine) -> tuple[EigrpFacts, ...]:
    """Return the facts about all processes."""
    return tuple(_process(process) for version in (4, 6) for process in machine.of_version(version).values())


def neighbors(machine: EigrpMachine, now: float) -> Iterator[NeighborFacts]:
    """Yield the neighbors of all processes."""
    for process in (*machine.of_version(4).values(), *machine.of_version(6).values()):
        for neighbor in process.neighbors():
            yield NeighborFacts(
                protocol=f"eigrp {process.state.settings.autonomous_system}",
                interface=neighbor.interface.name,
                address=neighbor.address,
                up=neighbor.state is NeighborState.UP,
                age=now - neighbor.since,
                reason=reason_facts(neighbor.refusal),
                stub=neighbor.stub is not None,
            )


def _process(process: Process) -> EigrpFacts:
    settings = process.state.settings
    return project(
        EigrpFacts,
        settings,
        weights=astuple(settings.scale.weights),
        stub=None
        if settings.stub is None
        else tuple(word for flag, word in _STUB_WORDS.items() if flag in settings.stub),
        networks=tuple((network.address, network.wildcard) for network in settings.networks),
        redistributes=tuple(one.source.value for one in settings.redistributions),
        interfaces=tuple(
            project(
                EigrpInterfaceFacts,
                interface.settings,
                name=name,
                authentication=interface.settings.authentication.value if interface.settings.authentication else "",
                blocked=reason_facts(interface.blocked),
            )
            for name, interface in process.state.interfaces.items()
        ),
        dropped=dict(process.state.traffic.dropped),
    )
