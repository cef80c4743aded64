"""Tunnels as facts: what GRE knows of them."""

from __future__ import annotations

from dmvpn.base.effects import DfBit
from dmvpn.base.facts import NO_REASON, Address, Fact, ReasonFacts, reason_facts
from dmvpn.base.notices import InterfaceState, TunnelState
from dmvpn.base.values import project
from dmvpn.features.tunnel.machine import TunnelMachine


class GreFacts(Fact):
    """A tunnel interface.

    addresses: of either IP version. link_local: the one of IPv6, if it runs there.
    source: its NBMA address.
    destination: None if multipoint.
    ip_mtu: octets of the largest IP packet.
    room: octets of the largest packet that leaves the egress interface in one piece, with ESP.
    mss: the maximum segment size that TCP is clamped to, None: not at all.
    keepalive: seconds and retries.
    df: "don't fragment" of the outer header: "clear", "set", or "copy" of the packet's own.
    ttl: of that header.
    checksum, sequence: further fields of its GRE headers.
    vrf: the VRF of the packets inside, front: of the outer packets; "": the global table.
    """

    name: str
    up: bool
    enabled: bool = True
    reason: ReasonFacts = NO_REASON
    addresses: tuple[Address, ...]
    link_local: Address | None = None
    multipoint: bool = False
    source: Address | None
    source_interface: str
    destination: Address | None
    key: int | None
    protection: str = ""
    ip_mtu: int = 1476
    room: int = 1476
    mss: int | None = None
    keepalive: tuple[int, int] | None = None
    df: str = "clear"
    ttl: int = 255
    checksum: bool = False
    sequence: bool = False
    vrf: str = ""
    front: str = ""


def facts(machine: TunnelMachine, state: TunnelState, interface: InterfaceState | None) -> GreFacts:
    """Return the facts of one tunnel."""
    spec = machine.spec(state.name)
    return project(
        GreFacts,
        state,
        reason=reason_facts(state.reason),
        addresses=interface.known_addresses if interface is not None else (),
        link_local=interface.link_local(6) if interface is not None else None,
        ip_mtu=interface.ip_mtu if interface is not None else state.ip_mtu,
        room=state.ip_mtu,
        df=(spec.df if spec is not None else DfBit.CLEAR).value,
    )
