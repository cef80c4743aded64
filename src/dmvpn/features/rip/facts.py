"""RIP as facts for the doctor."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.facts import NO_REASON, Address, Fact, Network, ReasonFacts, network, reason_facts

if TYPE_CHECKING:
    from dmvpn.features.rip.machine import RipMachine
    from dmvpn.features.rip.model import RipInterfaceSettings


class RipInterfaceFacts(Fact):
    """An interface covered by a `network` line of RIP.

    heard: the neighbors that were heard recently.
    blocked: why nothing is sent and accepted here.
    authentication: how packets are authenticated; "": not at all.
    ignored: received packets that were not accepted.
    """

    name: str
    passive: bool = False
    split_horizon: bool = True
    heard: tuple[IPv4Address, ...] = ()
    blocked: ReasonFacts = NO_REASON
    authentication: str = ""
    ignored: int = 0


class RipFacts(Fact):
    """The RIP process.

    neighbors: routers that receive updates by unicast.
    announces: its own networks, and redistributed ones.
    update, invalid: seconds between regular updates, and until a silent route is invalid.
    """

    neighbors: tuple[Address, ...] = ()
    announces: tuple[Network, ...] = ()
    interfaces: tuple[RipInterfaceFacts, ...] = ()
    update: int = 30
    invalid: int = 180


def facts(machine: RipMachine, now: float) -> RipFacts | None:
    """Return the facts about the process; None: RIP is not configured."""
    config = machine.config
    if not config.enabled:
        return None
    fresh = [who for who, when in machine.gateways.heard.items() if now - when <= config.timers.invalid]
    speaking = [
        RipInterfaceFacts(
            name=name,
            passive=circuit.passive,
            split_horizon=config.interface(name).split_horizon,
            authentication=_mode(config.interface(name)),
            ignored=circuit.ignored,
            heard=tuple(who for who in fresh if isinstance(who, IPv4Address) and circuit.holds(who)),
        )
        for name, circuit in machine.circuits.items()
    ]
    silent = [RipInterfaceFacts(name=name, blocked=reason_facts(reason)) for name, reason in machine.silent.items()]
    return RipFacts(
        neighbors=config.neighbors,
        announces=tuple(network(prefix) for prefix in machine.table.own),
        interfaces=(*speaking, *silent),
        update=int(config.timers.update),
        invalid=int(config.timers.invalid),
    )


def _mode(settings: RipInterfaceSettings) -> str:
    return settings.authentication.value if settings.authentication is not None else ""
