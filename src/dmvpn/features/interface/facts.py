"""Interfaces as facts."""

from __future__ import annotations

from ipaddress import ip_interface

from dmvpn.base.facts import NO_REASON, Address, AddressWithLength, Fact, ReasonFacts, reason_facts
from dmvpn.base.notices import InterfaceState
from dmvpn.base.values import project
from dmvpn.features.interface.machine import InterfaceMachine


class InterfaceFacts(Fact):
    """An interface.

    enabled: not `shutdown`.
    line: it carries packets.
    ip_mtu: octets of the largest IP packet.
    received, sent: packets, as of the last count.
    vrf: that it is in, "": the global table. link_local: of IPv6, if it runs there.
    mss: the maximum segment size that passing TCP is clamped to, None: not at all. Those with a 6 are of IPv6.
    """

    name: str
    enabled: bool
    line: bool
    addresses: tuple[AddressWithLength, ...] = ()
    link_local: Address | None = None
    mtu: int = 1500
    ip_mtu: int = 1500
    ip6_mtu: int = 1500
    mss: int | None = None
    mss6: int | None = None
    reason: ReasonFacts = NO_REASON
    received: int = 0
    sent: int = 0
    vrf: str = ""


def facts(machine: InterfaceMachine) -> tuple[InterfaceFacts, ...]:
    """Return the facts of all interfaces."""
    return tuple(_interface(machine, state) for state in machine.all())


def _interface(machine: InterfaceMachine, state: InterfaceState) -> InterfaceFacts:
    traffic = machine.traffic(state.name)
    port = machine.port(state.name)
    settings = port.settings if port is not None else None
    return project(
        InterfaceFacts,
        state,
        addresses=tuple(
            ip_interface((address, length)) for version in (4, 6) for address, length in state.routed(version)
        ),
        link_local=state.link_local(6),
        ip6_mtu=state.ipv6.mtu if state.ipv6 is not None else state.ip_mtu,
        mss=settings.mss if settings is not None else None,
        mss6=settings.ipv6.mss if settings is not None and settings.ipv6 is not None else None,
        reason=reason_facts(state.reason),
        received=traffic.count.received if traffic is not None else 0,
        sent=traffic.count.sent if traffic is not None else 0,
    )
