"""RIP as facts."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.facts import NO_REASON, Address, Fact, Network, ReasonFacts, network, reason_facts

if TYPE_CHECKING:
    from dmvpn.features.rip.machine import RipMachine


class RipInterfaceFacts(Fact):
    """An interface that a `network` line of RIP names.

    heard: the neighbors that sent something lately.
    blocked: why nothing is sent and taken here.
    """

    name: str
    passive: bool = False
    split_horizon: bool = True
    heard: tuple[IPv4Address, ...] = ()
    blocked: ReasonFacts = NO_REASON


class RipFacts(Fact):
    """The RIP process.

    neighbors: the routers that get updates by unicast.
    announces: its own networks, and redistributed ones.
    """

    neighbors: tuple[Address, ...] = ()
    announces: tuple[Network, ...] = ()
    interfaces: tuple[RipInterfaceFacts, ...] = ()


def facts(machine: RipMachine, now: float) -> RipFacts | None:
    """Return what there is to say about its process; None: there is none."""
    config = machine.config
    if not config.enabled:
        return None
    fresh = [who for who, when in machine.gateways.items() if now - when <= config.timers.invalid]
    speaking = [
        RipInterfaceFacts(
            name=name,
            passive=circuit.passive,
            split_horizon=config.interface(name).split_horizon,
            heard=tuple(who for who in fresh if isinstance(who, IPv4Address) and circuit.holds(who)),
        )
        for name, circuit in machine.circuits.items()
    ]
    silent = [RipInterfaceFacts(name=name, blocked=reason_facts(reason)) for name, reason in machine.silent.items()]
    return RipFacts(
        neighbors=config.neighbors,
        announces=tuple(network(prefix) for prefix in machine.own),
        interfaces=(*speaking, *silent),
    )
